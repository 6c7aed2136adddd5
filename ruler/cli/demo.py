"""`ruler demo`: nothing in; a drawn street, judged, with a report to open, out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ruler.cli import options as o
from ruler.deduction.rationale import clock
from ruler.demo.run import run_demo
from ruler.pipeline import summary


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to work in.")] = Path("runs/demo"),
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Draw a street with a few anomalies, make rules from its normal clips, judge it, and write a report.

    Needs no model, no network.
    """
    o.note("model-free run: no chat model is asked", quiet)
    with o.progress_of(quiet, verbose) as progress:
        done = run_demo(out, o.settings_of(None, None), progress)
    if as_json:
        o.print_json({**summary(done.results, str(out / "run")), "auc": round(done.auc, 4), "report": str(done.page)})
        return 0
    truth = json.loads(done.files.truth.read_text(encoding="utf-8"))
    print(f"rules: {out / 'rules.yaml'} ({len(done.rules.rules)} rules from {len(done.files.normal)} normal clips)")
    for result in done.results:
        print(f"\n{result.name}: {len(result.scores.scores)} frames, {len(result.events)} events")
        for event in result.events:
            print(f"  {clock(event.start_time)} to {clock(event.end_time)}  {event.peak_score:.2f}  {event.rationale}")
        for line in drawn_events(truth, result.name):
            print(f"  drawn: {line}")
    print(f"\nframe-level AUC against the drawn truth: {done.auc:.3f}")
    print(f"report: {done.page}")
    return 0


def drawn_events(truth: dict[str, Any], name: str) -> list[str]:
    """The anomalies that were drawn into a clip, in words, read from the content of truth.json."""
    rate = float(truth["frame_rate"])
    return [
        f"{clock(event['start_frame'] / rate)} to {clock(event['end_frame'] / rate)}  {event['kind']}"
        for clip in truth["clips"]
        if clip["name"] == name
        for event in clip["events"]
    ]
