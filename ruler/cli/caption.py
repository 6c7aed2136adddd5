"""`ruler caption`: videos in; a folder of captions that a model wrote out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.cli.plan import print_plan
from ruler.errors import ModelError
from ruler.pipeline import Captioned, Models, Records, caption_to_folder


def command(
    videos: Annotated[list[Path], typer.Argument(help="Videos: files, image folders, or folders of these.")],
    vlm: o.Vlm = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for the captions.")] = Path("captions"),
    every: Annotated[
        str | None, typer.Option(help="Frames to caption: '30' every thirtieth, '1s' one a second (without it).")
    ] = None,
    strip: o.Strip = None,
    facts: o.Facts = None,
    frame_rate: o.FrameRate = None,
    reader: o.Reader = None,
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
    dry_run: o.DryRun = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Have a model describe sampled frames; the captions serve any rules and reasoning (--captions) afterwards."""
    settings = o.settings_of(
        config,
        set_,
        video={"frame_rate": frame_rate, "reader": reader},
        models={"vlm": vlm, "prompts": prompts},
        caption={"every": every, "strip": strip, "facts": facts},
        transport=o.transport(max_calls, max_cost, prices, cache, concurrency, record),
    )
    inputs, bad = o.gather_inputs(videos, Records(), settings)
    if dry_run:
        print_plan(inputs, settings, ("perception",), as_json)
        return 0
    done: list[Captioned] = []
    spent: list[Models] = []
    with o.progress_of(quiet, verbose) as progress:
        for one in caption_to_folder(inputs, out, settings, progress=progress, tell=spent.append):
            done.append(one)
            if one.error is not None:
                o.note(f"ruler: {one.error}")
    for error in bad.values():
        o.note(f"ruler: {error}")
    o.print_notes({one.name: one.notes for one in done}, quiet)
    usage = o.note_usage(spent, quiet)
    if as_json:
        o.print_json({
            "captions": str(out),
            "videos": [
                {
                    "name": one.name,
                    "file": str(one.file),
                    "captions": one.captions,
                    "reused": one.reused,
                    "missing": one.missing,
                    "again": one.again,
                    **({"error": str(one.error)} if one.error is not None else {}),
                }
                for one in done
            ],
            "calls": usage.calls,
            "cost": usage.cost,
        })  # fmt: skip
    else:
        for one in done:
            if one.captions or one.error is None:
                reused = f", {one.reused} of them taken over from a nearly identical frame" if one.reused else ""
                missing = f", {one.missing} could not be had" if one.missing else ""
                print(f"{one.file}: {one.captions} captions{reused}{missing}")
    codes = [one.error.exit_code for one in done if one.error is not None] + [3 for _ in bad]
    codes += [ModelError.exit_code for one in done if one.missing]
    return max(codes, default=0)
