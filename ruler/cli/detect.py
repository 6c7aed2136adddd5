"""`ruler detect`: videos and rules in; a run's folder with scores, events and a report out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.cli.plan import print_plan
from ruler.deduction.rationale import clock
from ruler.errors import BudgetError, DataError, ModelError, RulerError
from ruler.pipeline import Models, Records, VideoResult, detect_to_folder, read_examples, scene_namer, summary
from ruler.report import report_run
from ruler.rules.io import load_rules
from ruler.rules.lint import refuse_unusable
from ruler.rundir import Usage


def command(
    videos: Annotated[
        list[Path] | None, typer.Argument(help="Videos to judge: files, image folders, or folders of these.")
    ] = None,
    rules: Annotated[Path, typer.Option("--rules", help="The rules file.")] = Path("rules.yaml"),
    out: Annotated[Path, typer.Option("-o", "--out", help="The run's folder.")] = Path("runs/detect"),
    captions: o.Captions = None,
    tracks: o.Tracks = None,
    detections: o.Detections = None,
    scene_from: o.SceneFrom = None,
    alarms: o.Alarms = None,
    preset: o.Preset = None,
    every: o.Every = None,
    frame_rate: o.FrameRate = None,
    reader: o.Reader = None,
    start: o.Start = None,
    vlm: o.Vlm = None,
    llm: o.Llm = None,
    recheck: Annotated[
        str | None, typer.Option(help="Findings that --llm rechecks: all (that have a caption), uncertain or none.")
    ] = None,
    votes: Annotated[int | None, typer.Option(min=1, help="Votes of each recheck.")] = None,
    reducer: Annotated[
        str | None, typer.Option(help="How votes become one: majority, mean, median or weighted.")
    ] = None,
    shots: Annotated[int | None, typer.Option(min=0, help="Nearest normal captions shown in each recheck.")] = None,
    reuse: Annotated[
        bool | None,
        typer.Option("--reuse/--no-reuse", help="Take over the outcome of a frame within a second that says the same."),
    ] = None,
    strip: o.Strip = None,
    facts: o.Facts = None,
    max_calls: o.MaxCalls = None,
    max_cost: o.MaxCost = None,
    prices: o.PricesFile = None,
    prompts: o.PromptsDir = None,
    cache: o.Cache = None,
    concurrency: o.Concurrency = None,
    record: o.Record = None,
    jobs: o.Jobs = o.JOBS,
    config: o.Config = None,
    set_: o.Set = None,
    as_json: o.AsJson = False,
    dry_run: o.DryRun = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Hold every frame of new videos against the rules: scores, events and rationales, and a report to open."""
    settings = o.settings_of(
        config,
        set_,
        video={"every": None if vlm else every, "frame_rate": frame_rate, "reader": reader, "start": start},
        smoothing={"preset": preset},
        events={"alarms": alarms},
        models={"vlm": vlm, "llm": llm, "prompts": prompts},
        caption={"every": every if vlm else None, "strip": strip, "facts": facts},
        recheck={"which": recheck, "votes": votes, "reducer": reducer, "shots": shots, "reuse": reuse},
        transport=o.transport(max_calls, max_cost, prices, cache, concurrency, record),
    )
    ruleset = load_rules(rules)
    refuse_unusable(ruleset, rules)
    inputs, bad = o.gather_inputs(videos, Records(captions, tracks, detections), settings)
    examples = read_examples(rules) if settings.recheck.shots else ()
    if dry_run:
        print_plan(inputs, settings, ("perception", "deduction"), as_json, ruleset, scene_from, examples)
        return 0
    o.note_models(settings, quiet)
    results: list[VideoResult] = []
    spent: list[Models] = []
    with o.progress_of(quiet, verbose) as progress:
        for result in detect_to_folder(
            inputs,
            ruleset,
            out,
            settings,
            bad=bad,
            scene_of=scene_namer(scene_from),
            scene_from=scene_from,
            progress=progress,
            jobs=jobs,
            examples=examples,
            tell=spent.append,
        ):
            results.append(result)
            if result.error is not None:
                o.note(f"ruler: {result.error}")
        page = report_run(out)
    o.print_notes({result.name: result.notes for result in results}, quiet)
    usage = o.note_usage(spent, quiet)
    print_results(results, out, page, as_json=as_json, usage=usage)
    lost, unread = sum(result.degraded for result in results), sum(result.unparsed for result in results)
    if lost:
        o.note(f"{lost} verdicts are degraded: no model was heard, and the initial finding stands")
    if unread:
        o.note(f"{unread} verdicts are unparsed: the replies could not be used, and the initial finding stands")
    return exit_code(results)


def exit_code(results: Sequence[VideoResult]) -> int:
    """5 where the budget ended the run, 3 where a video could not be used, 4 where a model did not answer, else 0."""
    errors = [result.error for result in results if result.error is not None]
    for kind in (BudgetError, DataError, RulerError):
        if any(isinstance(error, kind) for error in errors):
            return next(error.exit_code for error in errors if isinstance(error, kind))
    return ModelError.exit_code if any(result.degraded for result in results) else 0


def print_results(
    results: list[VideoResult], run: Path, page: Path, *, as_json: bool, usage: Usage | None = None
) -> None:
    """Print what a run found."""
    if as_json:
        o.print_json(summary(results, str(run), usage))
        return
    for result in results:
        if not len(result.scores.scores):
            continue
        most = result.max_score or 0.0
        found = sum(event.kind == "anomaly" for event in result.events)
        events = "1 event" if found == 1 else f"{found} events"
        print(f"{result.name}: {len(result.scores.scores)} frames, {events}, largest score {most:.2f}")
        for event in result.events:
            score = f"{event.peak_score:.2f}" if event.kind == "anomaly" else event.kind
            print(f"  {clock(event.start_time)} to {clock(event.end_time)}  {score}  {event.rationale}")
    print(f"report: {page}")
