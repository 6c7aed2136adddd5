"""`ruler induce`: normal footage in, rules.yaml out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.cli.plan import print_plan
from ruler.pipeline import Models, Records, induce_to_file, scene_namer
from ruler.rules.io import load_rules
from ruler.rules.lint import refuse_unusable
from ruler.rules.model import Rule
from ruler.rules.show import show_rules


def command(
    normal: Annotated[
        list[Path] | None, typer.Argument(help="Normal footage: video files, image folders, or folders of these.")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The rules file to write.")] = Path("rules.yaml"),
    captions: o.Captions = None,
    tracks: o.Tracks = None,
    detections: o.Detections = None,
    scene: Annotated[str, typer.Option(help="What the scene is called.")] = "",
    scene_from: o.SceneFrom = None,
    own: Annotated[
        Path | None, typer.Option("--rules", help="Your own rules, kept and calibrated beside the induced ones.")
    ] = None,
    alarms: o.Alarms = None,
    preset: o.Preset = None,
    every: o.Every = None,
    frame_rate: o.FrameRate = None,
    reader: o.Reader = None,
    start: o.Start = None,
    vlm: o.Vlm = None,
    llm: o.Llm = None,
    contrast: Annotated[
        bool | None, typer.Option("--contrast/--no-contrast", help="Anomaly rules by contrast to the normal ones.")
    ] = None,
    split: Annotated[
        bool | None, typer.Option("--split/--no-split", help="Human activities and the environment apart.")
    ] = None,
    abstract: Annotated[
        bool | None, typer.Option("--abstract/--no-abstract", help="From abstract classes to concrete instances.")
    ] = None,
    aggregation: Annotated[
        bool | None, typer.Option("--aggregation/--no-aggregation", help="The vote of all batches, or the first alone.")
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
    """Make the rules of a scene from normal footage, and measure their false alarms on it."""
    settings = o.settings_of(
        config,
        set_,
        video={"every": None if vlm else every, "frame_rate": frame_rate, "reader": reader, "start": start},
        smoothing={"preset": preset},
        events={"alarms": alarms},
        models={"vlm": vlm, "llm": llm, "prompts": prompts},
        caption={"every": every if vlm else None, "strip": strip, "facts": facts},
        induction={"contrast": contrast, "split": split, "abstract": abstract, "aggregation": aggregation},
        transport=o.transport(max_calls, max_cost, prices, cache, concurrency, record),
    )
    scene_of = scene_namer(scene_from)
    inputs, bad = o.gather_inputs(normal, Records(captions, tracks, detections), settings)
    if dry_run:
        print_plan(inputs, settings, ("perception", "induction"), as_json, scene_from=scene_from)
        return 0
    o.note_models(settings, quiet)
    kept: tuple[Rule, ...] = ()
    if own is not None:
        ruleset = load_rules(own)
        refuse_unusable(ruleset, own)
        kept = ruleset.rules
    spent: list[Models] = []
    with o.progress_of(quiet, verbose) as progress:
        induced = induce_to_file(
            inputs,
            out,
            settings,
            scene=scene,
            scene_of=scene_of,
            own=kept,
            progress=progress,
            jobs=jobs,
            tell=spent.append,
        )
    usage = o.note_usage(spent, quiet)
    o.print_notes(induced.notes, quiet)
    failures = {**bad, **induced.failures}
    for error in failures.values():
        o.note(f"ruler: {error}")
    if as_json:
        o.print_json({
            "rules": str(out),
            "scenes": {name: len(s.rules) for name, s in (induced.rules.scenes or {"": induced.rules}).items()},
            "videos": [s.name for s in inputs if s.name not in failures],
            "failures": {name: str(error) for name, error in failures.items()},
            "calls": usage.calls,
            "cost": usage.cost,
        })  # fmt: skip
    else:
        print(show_rules(induced.rules).rstrip())
        print(f"\nwritten to {out}")
    return 3 if failures else 0
