"""Options that several commands share, and what they mean for the settings."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ruler.config import Settings, load_settings
from ruler.errors import RulerError, UsageError
from ruler.pipeline import Input, Models, Records, gather
from ruler.progress import Progress, show_progress
from ruler.rundir import Usage

Captions = Annotated[
    Path | None, typer.Option(help="Recorded captions: VIDEO.txt (a line a frame) or VIDEO.jsonl; a file or a folder.")
]
Tracks = Annotated[Path | None, typer.Option(help="Recorded tracks, MOT Challenge text; a file or a folder.")]
Detections = Annotated[Path | None, typer.Option(help="Recorded boxes, MOT text with id -1; a file or a folder.")]
SceneFrom = Annotated[
    str | None,
    typer.Option("--scene-from", help=r"Regular expression that finds a video's scene in its name, e.g. '^\d\d'."),
]
FrameRate = Annotated[
    float | None, typer.Option(help="Frames a second of image folders and recorded captions; 25 is assumed without it.")
]
Every = Annotated[
    str | None,
    typer.Option(help="Frames to look at: '5' every fifth, '0.5s' one each half second, 'motion'; all without it."),
]
Start = Annotated[datetime | None, typer.Option(help="Wall-clock time of the first frame, for rules with hours.")]
Reader = Annotated[str | None, typer.Option(help="Video reader: auto, pyav or decord.")]
Preset = Annotated[str | None, typer.Option(help="Smoothing: centred, causal, paper or published-code.")]
Alarms = Annotated[
    str | None, typer.Option(help="Events wanted per camera and time on normal footage: '2/day', '1/hour'.")
]
Config = Annotated[Path | None, typer.Option(help="Settings file (YAML); see configs/default.yaml.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Any other setting, e.g. events.gap=2.")
]
Vlm = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Model that captions frames: openai:NAME, http://HOST/v1#NAME, ollama:NAME."),
]
Llm = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Model for text, that writes rules or rechecks findings.")
]
MaxCalls = Annotated[
    int | None, typer.Option(min=0, help="Most calls of models in this run; exit code 5 at the limit.")
]
MaxCost = Annotated[
    float | None, typer.Option(min=0, help="Most US dollars of this run; exit code 5 at the limit. Needs prices.")
]
PricesFile = Annotated[Path | None, typer.Option("--prices", help="Prices laid over configs/prices.yaml.")]
PromptsDir = Annotated[
    Path | None, typer.Option("--prompts", help="Folder of prompts that replace shipped ones of the same name.")
]
Cache = Annotated[Path | None, typer.Option(help="File of answered calls; RULER_CACHE or the user's cache without it.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Calls of models at a time.")]
Record = Annotated[Path | None, typer.Option(help="Append every exchange to this file, for --llm replay:FILE.")]
Strip = Annotated[int | None, typer.Option(min=1, help="Consecutive pictures shown together; 1 for the frame alone.")]
Facts = Annotated[
    bool | None, typer.Option("--facts/--no-facts", help="Show a model what was measured beside the picture.")
]
JOBS = min(2, os.cpu_count() or 1)
Jobs = Annotated[int, typer.Option(min=1, help="Videos to look at at the same time.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be done and what it would cost, and stop.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no notes.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="More about what is being done.")]


def settings_of(config: Path | None, given: list[str] | None, **sections: dict[str, Any]) -> Settings:
    """Put the settings of a command together.

    Args:
        config: the settings file.
        given: the values of `--set`.
        sections: section → key → value from options of their own; None means "not given".
    """
    overrides: dict[str, dict[str, Any]] = {}
    for item in given or []:
        place, equals, value = item.partition("=")
        section, dot, key = place.partition(".")
        if not equals or not dot:
            raise UsageError(f"'{item}' is not SECTION.KEY=VALUE", where="--set", hint="e.g. --set events.gap=2")
        overrides.setdefault(section, {})[key] = value
    for section, values in sections.items():
        overrides.setdefault(section, {}).update({k: v for k, v in values.items() if v is not None})
    return load_settings(config, overrides)


def transport(
    max_calls: int | None,
    max_cost: float | None,
    prices: Path | None,
    cache: Path | None,
    concurrency: int | None,
    record: Path | None,
) -> dict[str, Any]:
    """Settings of the section `transport` from their options."""
    return {
        "max_calls": max_calls,
        "max_cost": max_cost,
        "prices": prices,
        "cache": cache,
        "concurrency": concurrency,
        "record": record,
    }


def note_models(settings: Settings, quiet: bool, stages: Sequence[str] = ("vlm", "llm")) -> None:
    """Say which models will be asked, or that none will and which option changes that."""
    asked = [f"--{name} {model}" for name in stages if (model := getattr(settings.models, name))]
    if not asked:
        ways = " or ".join(f"--{name}" for name in stages)
        note(f"model-free run: no chat model is asked; {ways} names one", quiet)


def note_usage(spent: Sequence[Models], quiet: bool) -> Usage:
    """Say on stderr what was asked and what it cost, and what a person should know of the models."""
    usage = sum((models.usage for models in spent), Usage())
    if usage.calls or usage.cached or usage.replayed:
        tokens = f"{usage.prompt_tokens + usage.completion_tokens:,} tokens"
        apart = f"{usage.cached} more answered from the cache"
        apart += f", {usage.replayed} replayed from a recording" if usage.replayed else ""
        note(f"{usage.calls} calls ({apart}), {tokens}, ${usage.cost:.4f}", quiet)
    for models in spent:
        for line in models.notes:
            note(line, quiet)
    return usage


def gather_inputs(
    videos: list[Path] | None, records: Records, settings: Settings
) -> tuple[list[Input], dict[str, RulerError]]:
    """List the inputs of a command; where not one can be used, its error is raised."""
    inputs, bad = gather(videos or [], records, settings)
    if not inputs and bad:
        raise next(iter(bad.values()))
    return inputs, bad


@contextmanager
def progress_of(quiet: bool, verbose: bool) -> Iterator[Progress]:
    """Progress on stderr."""
    with show_progress(quiet=quiet, verbose=verbose) as progress:
        yield progress


def note(line: str, quiet: bool = False) -> None:
    """Say something on stderr that is no result."""
    if not quiet:
        print(line, file=sys.stderr)


def print_notes(notes: Mapping[str, Sequence[str]], quiet: bool = False) -> None:
    """Say on stderr what a person should know of each video; what holds for many is said once."""
    holders: dict[str, list[str]] = {}
    for name, lines in notes.items():
        for line in lines:
            holders.setdefault(line, []).append(name)
    for line, names in holders.items():
        note(f"{names[0] if len(names) == 1 else f'{len(names)} videos'}: {line}", quiet)


def print_json(value: object) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str, allow_nan=False))
