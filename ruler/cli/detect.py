"""`ruler detect`: videos and rules in; a run's folder with scores, events and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.cli.plan import print_plan
from ruler.deduction.rationale import clock
from ruler.pipeline import Records, VideoResult, detect_to_folder, scene_namer, summary
from ruler.report import report_run
from ruler.rules.io import load_rules
from ruler.rules.lint import refuse_unusable


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
        video={"every": every, "frame_rate": frame_rate, "reader": reader, "start": start},
        smoothing={"preset": preset},
        events={"alarms": alarms},
    )
    ruleset = load_rules(rules)
    refuse_unusable(ruleset, rules)
    inputs, bad = o.gather_inputs(videos, Records(captions, tracks, detections), settings)
    if dry_run:
        print_plan(inputs, settings, ("perception", "deduction"), as_json)
        return 0
    o.note("model-free run: no chat model is asked", quiet)
    results: list[VideoResult] = []
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
        ):
            results.append(result)
            if result.error is not None:
                o.note(f"ruler: {result.error}")
        page = report_run(out)
    o.print_notes({result.name: result.notes for result in results}, quiet)
    print_results(results, out, page, as_json=as_json)
    return 3 if any(result.error is not None for result in results) else 0


def print_results(results: list[VideoResult], run: Path, page: Path, *, as_json: bool) -> None:
    """Print what a run found."""
    if as_json:
        o.print_json(summary(results, str(run)))
        return
    for result in results:
        if result.error is not None:
            continue
        most = result.max_score or 0.0
        found = sum(event.kind == "anomaly" for event in result.events)
        events = "1 event" if found == 1 else f"{found} events"
        print(f"{result.name}: {len(result.scores.scores)} frames, {events}, largest score {most:.2f}")
        for event in result.events:
            score = f"{event.peak_score:.2f}" if event.kind == "anomaly" else event.kind
            print(f"  {clock(event.start_time)} to {clock(event.end_time)}  {score}  {event.rationale}")
    print(f"report: {page}")
