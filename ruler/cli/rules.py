"""`ruler rules …`: read, check, compare, import and apply rules files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.cli.detect import exit_code, print_results
from ruler.pipeline import Models, apply_to_folder, keep_old, read_examples, scene_namer
from ruler.report import report_run
from ruler.rules.diff import diff_rules
from ruler.rules.importers import import_anomalyruler, import_lines
from ruler.rules.io import load_rules, save_rules
from ruler.rules.lint import lint, refuse_unusable
from ruler.rules.show import show_rules

app = typer.Typer(help="Read, check, compare, import and apply rules files.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="A rules file.")]


@app.command()
def show(file: File = Path("rules.yaml"), as_json: o.AsJson = False) -> int:
    """Print the rules in words."""
    ruleset = load_rules(file)
    o.print_json(ruleset.model_dump(mode="json", by_alias=True, exclude_none=True)) if as_json else print(
        show_rules(ruleset)
    )
    return 0


@app.command("lint")
def lint_(file: File = Path("rules.yaml"), as_json: o.AsJson = False) -> int:
    """Find contradictions, duplicates, rules that always or never fire, unknown measures and units."""
    findings = lint(load_rules(file))
    if as_json:
        o.print_json([
            {"severity": f.severity, "rule": f.rule, "code": f.code, "message": f.message, "hint": f.hint}
            for f in findings
        ])  # fmt: skip
        return 0
    for finding in findings:
        print(finding)
    print(f"{file}: {len(findings)} findings" if findings else f"{file}: nothing to mend")
    return 0


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The rules file before.")],
    new: Annotated[Path, typer.Argument(help="The rules file after.")],
    as_json: o.AsJson = False,
) -> int:
    """Say which rules were added, removed, reworded or given other numbers."""
    changes = diff_rules(load_rules(old), load_rules(new))
    o.print_json(changes.to_dict()) if as_json else print(changes)
    return 0


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Rules in another format.")],
    format_: Annotated[
        str, typer.Option("--from", help="anomalyruler (headings and numbered lines) or lines (a rule a line).")
    ] = "anomalyruler",
    keywords: Annotated[
        Path | None, typer.Option(help="A list of keywords, one a line, given to the rules that speak of them.")
    ] = None,
    kind: Annotated[str, typer.Option(help="Kind of the rules of a plain list: normal or anomaly.")] = "anomaly",
    out: Annotated[Path, typer.Option("-o", "--out", help="The rules file to write.")] = Path("rules.yaml"),
) -> int:
    """Make a rules file from rules in another format."""
    if format_ not in ("anomalyruler", "lines"):
        raise typer.BadParameter("must be 'anomalyruler' or 'lines'", param_hint="--from")
    if kind not in ("normal", "anomaly"):
        raise typer.BadParameter("must be 'normal' or 'anomaly'", param_hint="--kind")
    ruleset = (
        import_anomalyruler(file, keywords)
        if format_ == "anomalyruler"
        else import_lines(file, kind="normal" if kind == "normal" else "anomaly")
    )
    kept = keep_old(out)
    save_rules(ruleset, out)
    if kept is not None:
        o.note(f"the earlier {out} is kept as {kept}")
    print(f"{len(ruleset.rules)} rules written to {out}")
    return 0


@app.command()
def apply(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    rules: Annotated[Path, typer.Option("--rules", help="The rules to judge it by.")] = Path("rules.yaml"),
    out: Annotated[Path, typer.Option("-o", "--out", help="The new run's folder.")] = Path("runs/applied"),
    scene_from: o.SceneFrom = None,
    alarms: o.Alarms = None,
    preset: o.Preset = None,
    llm: o.Llm = None,
    max_calls: o.MaxCalls = None,
    max_cost: o.MaxCost = None,
    prices: o.PricesFile = None,
    prompts: o.PromptsDir = None,
    cache: o.Cache = None,
    concurrency: o.Concurrency = None,
    record: o.Record = None,
    config: o.Config = None,
    set_: o.Set = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Score a finished run again by other rules, from its observations, without decoding a frame.

    What a model said in that run is kept where its question is the same; --llm asks the others anew.
    """
    settings = o.settings_of(
        config,
        set_,
        smoothing={"preset": preset},
        events={"alarms": alarms},
        models={"llm": llm, "prompts": prompts},
        transport=o.transport(max_calls, max_cost, prices, cache, concurrency, record),
    )
    ruleset = load_rules(rules)
    refuse_unusable(ruleset, rules)
    spent: list[Models] = []
    with o.progress_of(quiet, verbose) as progress:
        results = list(
            apply_to_folder(
                run,
                ruleset,
                out,
                settings,
                scene_of=scene_namer(scene_from),
                scene_from=scene_from,
                examples=read_examples(rules) if settings.models.llm else (),
                progress=progress,
                tell=spent.append,
            )
        )
    for result in results:
        if result.error is not None:
            o.note(f"ruler: {result.error}")
    o.print_notes({result.name: result.notes for result in results}, quiet)
    usage = o.note_usage(spent, quiet)
    print_results(results, out, report_run(out), as_json=as_json, usage=usage)
    return exit_code(results) if settings.models.llm else 3 if any(r.error is not None for r in results) else 0
