"""`--dry-run`: inputs in; what a run would do and what it would cost out, without doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ruler.cli.options import print_json
from ruler.config import Settings
from ruler.errors import RulerError
from ruler.pipeline import Input, Watch


@dataclass(frozen=True, slots=True)
class Planned:
    """One video of a plan; `frames` is None where only decoding tells."""

    name: str
    perception: str
    frames: int | None
    error: str | None = None


def print_plan(inputs: Sequence[Input], settings: Settings, stages: Sequence[str], as_json: bool) -> None:
    """Print what a command would do, for people or as one JSON object."""
    planned = plan(inputs, settings)
    if as_json:
        print_json(plan_as_dict(planned, stages))
    else:
        print(plan_as_text(planned, stages))


def plan(inputs: Sequence[Input], settings: Settings) -> list[Planned]:
    """Open every input, without looking at its frames."""
    planned = []
    for source in inputs:
        try:
            with Watch(source, settings) as watch:
                planned.append(Planned(source.name, source.perception, watch.info.frames))
        except RulerError as error:
            planned.append(Planned(source.name, source.perception, None, str(error)))
    return planned


def plan_as_dict(planned: Sequence[Planned], stages: Sequence[str]) -> dict[str, object]:
    """The plan for machines: no stage asks a model, so all costs are exactly 0."""
    none = {"calls": 0, "tokens": 0, "cost": 0.0, "estimate": False}
    return {
        "videos": [
            {"name": p.name, "perception": p.perception, "frames": p.frames, **({"error": p.error} if p.error else {})}
            for p in planned
        ],
        "stages": dict.fromkeys(stages, none),
        "calls": 0,
        "cost": 0.0,
    }


def plan_as_text(planned: Sequence[Planned], stages: Sequence[str]) -> str:
    """The plan for people."""
    lines = []
    for p in planned:
        frames = f"about {p.frames:,} frames" if p.frames is not None else "frames: only decoding tells"
        lines.append(f"{p.name}: {p.error}" if p.error else f"{p.name}: {frames}, perception by {p.perception}")
    lines += [f"{stage}: 0 calls, 0 tokens, $0.00 (no model is asked)" for stage in stages]
    return "\n".join(lines)
