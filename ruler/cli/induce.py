"""`ruler induce`: normal footage in, rules.yaml out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.cli.plan import print_plan
from ruler.pipeline import Records, induce_to_file, scene_namer
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
        video={"every": every, "frame_rate": frame_rate, "reader": reader, "start": start},
        smoothing={"preset": preset},
        events={"alarms": alarms},
    )
    scene_of = scene_namer(scene_from)
    inputs, bad = o.gather_inputs(normal, Records(captions, tracks, detections), settings)
    if dry_run:
        print_plan(inputs, settings, ("perception", "induction"), as_json)
        return 0
    o.note("model-free run: no chat model is asked", quiet)
    kept: tuple[Rule, ...] = ()
    if own is not None:
        ruleset = load_rules(own)
        refuse_unusable(ruleset, own)
        kept = ruleset.rules
    with o.progress_of(quiet, verbose) as progress:
        induced = induce_to_file(
            inputs, out, settings, scene=scene, scene_of=scene_of, own=kept, progress=progress, jobs=jobs
        )
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
            "calls": 0,
            "cost": 0.0,
        })  # fmt: skip
    else:
        print(show_rules(induced.rules).rstrip())
        print(f"\nwritten to {out}")
    return 3 if failures else 0
