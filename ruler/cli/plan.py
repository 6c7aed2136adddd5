"""`--dry-run`: inputs in; the calls, tokens and money of each stage of a run, without making one, out."""

from __future__ import annotations

from collections.abc import Sequence

from ruler.cli.options import print_json
from ruler.config import Settings
from ruler.pipeline import Input
from ruler.pipeline.bounds import Stage
from ruler.pipeline.planning import Plan, make_plan
from ruler.rules.model import RuleSet


def print_plan(
    inputs: Sequence[Input],
    settings: Settings,
    stages: Sequence[str],
    as_json: bool,
    rules: RuleSet | None = None,
    scene_from: str | None = None,
    examples: Sequence[str] = (),
) -> None:
    """Print what a command would do, for people or as one JSON object.

    Args:
        inputs: what would be looked at.
        settings: of the run.
        stages: of the command.
        as_json: for machines.
        rules: to count rechecks by, where there are.
        scene_from: finds a video's scene.
        examples: normal captions, of which the nearest are shown in rechecks.
    """
    plan = make_plan(inputs, settings, stages, rules, scene_from, examples)
    if as_json:
        print_json(plan_as_dict(plan))
    else:
        print(plan_as_text(plan))


def plan_as_dict(plan: Plan) -> dict[str, object]:
    """The plan for machines; a number that is not exact is a pair: the least and the most."""
    return {
        "videos": [
            {"name": p.name, "perception": p.perception, "frames": p.frames, **({"error": p.error} if p.error else {})}
            for p in plan.videos
        ],
        "stages": {
            stage.name: {
                "calls": _bounds(stage.calls),
                "tokens": _bounds(stage.tokens),
                "cost": None if stage.cost is None else _bounds(stage.cost),
                "estimate": stage.estimate,
                **({"model": stage.model} if stage.model else {}),
            }
            for stage in plan.stages
        },
        "calls": _bounds(plan.calls),
        "cost": None if plan.cost is None else _bounds(plan.cost),
    }


def _bounds(bounds: tuple[float, float]) -> float | list[float]:
    return bounds[0] if bounds[0] == bounds[1] else list(bounds)


def plan_as_text(plan: Plan) -> str:
    """The plan for people."""
    lines = []
    for p in plan.videos:
        frames = f"about {p.frames:,} frames" if p.frames is not None else "frames: only decoding tells"
        lines.append(f"{p.name}: {p.error}" if p.error else f"{p.name}: {frames}, perception by {p.perception}")
    lines += [_stage(stage) for stage in plan.stages]
    if plan.calls[1]:
        cost = "cost unknown: a model has no price" if plan.cost is None else _span(plan.cost, "${:,.4f}")
        lines.append(f"in all: {_span(plan.calls)} calls, {cost}")
    return "\n".join(lines)


def _stage(stage: Stage) -> str:
    if not stage.model:
        return f"{stage.name}: 0 calls, 0 tokens, $0.00 (no model is asked)"
    cost = "no price known" if stage.cost is None else _span(stage.cost, "${:,.4f}")
    kind = ", an estimate" if stage.estimate else ""
    return f"{stage.name}: {_span(stage.calls)} calls of {stage.model}, {_span(stage.tokens)} tokens, {cost}{kind}"


def _span(bounds: tuple[float, float], form: str = "{:,}") -> str:
    low, high = (form.format(bound) for bound in bounds)
    return low if low == high else f"{low} to {high}"
