"""`ruler demo`: nothing in; a drawn street, judged, with a report to open, out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ruler.cli import options as o
from ruler.deduction.rationale import clock
from ruler.demo.run import run_demo
from ruler.pipeline import VideoResult, summary


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to work in.")] = Path("runs/demo"),
    rerecord: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Ask this model anew, and keep its replies for later demos.")
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Draw a street with a few anomalies, make rules from its normal clips, judge it, and write a report.

    Done twice: without a model, and by the recorded replies of a language model that captions, writes rules and gives
    reasons. Needs no key, no network.
    """
    with o.progress_of(quiet, verbose) as progress:
        done = run_demo(out, o.settings_of(None, None), progress, rerecord)
    told = done.replayed
    for line in told.notes:
        o.note(line, quiet)
    if as_json:
        o.print_json({
            **summary(done.results, str(out / "run")),
            "auc": round(done.auc, 4),
            "report": str(done.page),
            "replayed": {
                **summary(told.results, str(out / "run-by-model")),
                "calls": told.calls,
                "model": told.model,
                "auc": round(done.replayed_auc, 4),
                "report": str(told.page),
            },
        })  # fmt: skip
        return 0
    print("=== without a model: no chat model is asked ===")
    truth = json.loads(done.files.truth.read_text(encoding="utf-8"))
    print(f"rules: {out / 'rules.yaml'} ({len(done.rules.rules)} rules from {len(done.files.normal)} normal clips)")
    print_found(done.results, truth)
    print(f"\nframe-level AUC against the drawn truth: {done.auc:.3f}")
    print(f"report: {done.page}")
    print(f"\n=== by a language model, replayed: {told.calls} recorded replies of {told.model} ===")
    written = sum(rule.kind == "anomaly" for rule in told.rules.rules)
    print(f"rules: {told.rules_file} ({written} anomaly rules that it wrote from captions of the normal clips)")
    print_found(told.results, truth)
    print(f"\nframe-level AUC against the drawn truth: {done.replayed_auc:.3f}")
    print(f"report: {told.page}")
    return 0


def print_found(results: Sequence[VideoResult], truth: dict[str, Any]) -> None:
    """Print the events of each clip, and beside them what was drawn."""
    for result in results:
        print(f"\n{result.name}: {len(result.scores.scores)} frames, {len(result.events)} events")
        for event in result.events:
            print(f"  {clock(event.start_time)} to {clock(event.end_time)}  {event.peak_score:.2f}  {event.rationale}")
        for line in drawn_events(truth, result.name):
            print(f"  drawn: {line}")


def drawn_events(truth: dict[str, Any], name: str) -> list[str]:
    """The anomalies that were drawn into a clip, in words, read from the content of truth.json."""
    rate = float(truth["frame_rate"])
    return [
        f"{clock(event['start_frame'] / rate)} to {clock(event['end_frame'] / rate)}  {event['kind']}"
        for clip in truth["clips"]
        if clip["name"] == name
        for event in clip["events"]
    ]
