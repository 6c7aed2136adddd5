"""`ruler bench`: a dataset's folder in; measures of accuracy, beside what others published, out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.bench import METHODS, dataset_names, evaluate
from ruler.bench.datasets import GroundTruth
from ruler.bench.tables import as_markdown, as_text
from ruler.cli import options as o
from ruler.errors import UsageError


def command(
    dataset: Annotated[str, typer.Argument(help=f"One of {', '.join(dataset_names())}.")],
    root: Annotated[Path, typer.Option("--root", help="Folder of the dataset, with recorded perception beside it.")],
    reference: Annotated[
        Path | None, typer.Option(help="Folder that gives the normal reference; --root without it.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(help="Rules on words, and your own, made before; joined with what is induced here.")
    ] = None,
    method: Annotated[str, typer.Option(help=f"What is measured: {', '.join(METHODS)}.")] = "ruler",
    use: Annotated[
        str | None, typer.Option(help="Perception, e.g. captions,tracks: of captions, tracks, detections and pixels.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Take the text reference of a video from the videos of the other folds.")
    ] = None,
    videos: Annotated[str | None, typer.Option(help="Test videos to measure, e.g. 01,03; all without it.")] = None,
    margin: Annotated[
        int | None,
        typer.Option(min=0, help="Frames between the text reference and any anomaly; 40, or what leaves 100 captions."),
    ] = None,
    captions_every: Annotated[
        int, typer.Option(min=1, help="Read captions of every k-th frame of the measured videos only.")
    ] = 1,
    keywords: Annotated[
        Path | None, typer.Option(help="List of keywords, one a line, for --method anomalyruler-base.")
    ] = None,
    ground_truth: Annotated[
        str, typer.Option(help="Labels: labels (labels/VIDEO.npy), official (the dataset's own), or auto.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Folder that keeps scores; the same command goes on there.")
    ] = None,
    alarms: o.Alarms = None,
    preset: o.Preset = None,
    frame_rate: o.FrameRate = None,
    jobs: o.Jobs = o.JOBS,
    config: o.Config = None,
    set_: o.Set = None,
    as_json: o.AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for documentation.")] = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Measure how well anomalies of a labelled dataset are found, beside what others published on it."""
    if as_json and markdown:
        raise UsageError("--json and --markdown exclude one another", hint="give one of them")
    settings = o.settings_of(
        config,
        set_,
        video={"frame_rate": frame_rate},
        smoothing={"preset": preset},
        events={"alarms": alarms},
    )
    with o.progress_of(quiet, verbose) as progress:
        result = evaluate(
            dataset,
            root,
            reference=reference,
            rules=rules,
            method=method,
            use=_listed(use),
            folds=folds,
            videos=_listed(videos),
            margin=margin,
            captions_every=captions_every,
            keywords=keywords,
            ground_truth=_truth(ground_truth),
            settings=settings,
            jobs=jobs,
            out=out,
            progress=progress,
        )
    if as_json:
        o.print_json(result.to_dict())
    else:
        print(as_markdown(result) if markdown else as_text(result))
    return 0


def _listed(text: str | None) -> list[str] | None:
    """Names parted by commas or blanks."""
    return text.replace(",", " ").split() if text is not None else None


def _truth(name: str) -> GroundTruth:
    """As `load_dataset` takes it, which refuses what it does not know."""
    if name == "labels":
        return "labels"
    if name == "official":
        return "official"
    if name == "auto":
        return "auto"
    raise UsageError(f"no ground truth '{name}'", where="--ground-truth", hint="one of auto, labels, official")
