"""Rationales: evidence and rules in; a sentence a person can check out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ruler.measures import MEASURES
from ruler.rules.model import Rule
from ruler.schema import CameraState, Evidence

_CAMERA = {
    CameraState.BLOCKED: "the camera is covered or blocked",
    CameraState.MOVED: "the camera was moved",
    CameraState.DEFOCUSED: "the picture is out of focus",
    CameraState.DARK: "the picture is too dark",
    CameraState.OK: "the camera is in order",
}


def strongest(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The evidence to cite of each rule, strongest rule first; equal ones in the order they came.

    Of a rule it is the frame whose own value goes furthest, since exceedances are smoothed and may peak where the value
    does not. Rules that stayed under their limit are cited only where all of them did.
    """
    found = list(evidence)
    over = [item for item in found if item.exceedance >= 1] or found
    most: dict[str, float] = {}
    best: dict[str, Evidence] = {}
    for item in over:
        most[item.rule] = max(most.get(item.rule, 0.0), item.exceedance)
        if item.rule not in best or _raw(item) > _raw(best[item.rule]):
            best[item.rule] = item
    return tuple(sorted(best.values(), key=lambda e: -most[e.rule]))


def _raw(item: Evidence) -> float:
    """Exceedance of the value itself, before smoothing; the smoothed one for words."""
    usual = item.usual or 0.0
    if item.value is None or item.limit is None or item.limit == usual:
        return item.exceedance
    return (item.value - usual) / (item.limit - usual)


def explain(evidence: Sequence[Evidence], rules: Mapping[str, Rule]) -> str:
    """Say in words which rules were broken, and by what.

    Args:
        evidence: strongest first.
        rules: id → rule.

    Returns:
        One sentence for each piece of evidence; empty where there is none.
    """
    return " ".join(_sentence(item, rules.get(item.rule)) for item in evidence)


def explain_camera(state: CameraState, seconds: float) -> str:
    """Say that the picture could not be judged, and why."""
    return f"Nothing could be judged for {seconds:.1f} s: {_CAMERA[state]}."


def clock(seconds: float) -> str:
    """Time in a video as people write it: 1:02:03.4, or 02:03.4 under an hour; a dash where it is not known."""
    if not math.isfinite(seconds):
        return "–"
    tenths = max(0, round(seconds * 10))
    hours, rest = divmod(tenths, 36000)
    minutes, rest = divmod(rest, 600)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    return f"{head}:{rest / 10:04.1f}"


def number(value: float) -> str:
    """A measured value with about three figures."""
    if value != 0 and abs(value) < 0.01:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def finding(item: Evidence) -> str:
    """What a measurement shows in words ("faster than usual"); the measure's name where it is not a known one."""
    if item.measure is None:
        return ""
    known = MEASURES.get(item.measure)
    if known is None or item.value is None or item.limit is None:
        return item.measure
    upper = item.value >= item.limit if item.usual is None else item.limit >= item.usual
    return known.more if upper else known.less


def _sentence(item: Evidence, rule: Rule | None) -> str:
    text = f"{item.rule}, {rule.text}" if rule else item.rule
    if item.quote is not None:
        return f"{text}: the caption says “{item.quote}”."
    if item.measure is None or item.value is None or item.limit is None:
        return f"{text}."
    who = f"object {item.track_id}" if item.track_id is not None and item.track_id >= 0 else "an object"
    what = f"{who} has {item.measure} {number(item.value)}{_unit(item)}"
    if item.measure == "objects":
        what = f"{number(item.value)} {'object is' if item.value == 1 else 'objects are'} there"
    elif item.box is None:
        what = f"{item.measure} is {number(item.value)}{_unit(item)}"
    return f"{text}: {what} where the limit is {number(item.limit)}{_usual(item)}."


def _unit(item: Evidence) -> str:
    return f" {item.unit}" if item.unit and item.unit != "width/height" else ""


def _usual(item: Evidence) -> str:
    if item.usual is None or item.value is None:
        return ""
    if item.usual == 0:
        return " and hardly anybody is usually seen" if item.box is not None else ""
    times = item.value / item.usual
    return f" and {number(item.usual)} is usual" + (f" ({times:.1f} times as much)" if times >= 1.5 else "")
