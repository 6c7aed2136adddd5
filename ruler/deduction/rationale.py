"""Rationales: evidence and rules in; a sentence a person can check out."""

from __future__ import annotations

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
    """The strongest evidence of each rule, strongest rule first; equal ones in the order they came."""
    best: dict[str, Evidence] = {}
    for item in evidence:
        if item.rule not in best or item.exceedance > best[item.rule].exceedance:
            best[item.rule] = item
    return tuple(sorted(best.values(), key=lambda e: -e.exceedance))


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
    """Time in a video as people write it: 1:02:03.4, or 02:03.4 under an hour."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36000)
    minutes, rest = divmod(rest, 600)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    return f"{head}:{rest / 10:04.1f}"


def _sentence(item: Evidence, rule: Rule | None) -> str:
    text = f"{item.rule}, {rule.text}" if rule else item.rule
    if item.quote is not None:
        return f"The caption says “{item.quote}” ({text})."
    if item.measure is None or item.value is None or item.limit is None:
        return f"{text}."
    unit = f" {item.unit}" if item.unit and item.unit != "width/height" else ""
    who = f"Object {item.track_id}" if item.track_id is not None and item.track_id >= 0 else "An object"
    if item.box is None:
        who = "The frame"
    known = MEASURES.get(item.measure)
    how = ""
    if known and item.usual is not None:
        how = f", {known.more if item.limit >= item.usual else known.less}"
        if item.usual > 0 and item.value / item.usual >= 1.5:
            how += f" ({item.value / item.usual:.1f} times the usual {_number(item.usual)})"
        else:
            how += f" (usual {_number(item.usual)})"
    over = "over" if item.usual is None or item.limit >= item.usual else "under"
    side = f"{over} the limit of" if item.exceedance >= 1 else "against a limit of"
    return f"{who} has {item.measure} {_number(item.value)}{unit}, {side} {_number(item.limit)}{how} ({text})."


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
