"""Tracked objects in, a sentence or two out, as a person would write it down who watches and measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ruler.schema import CameraState, TrackedObject

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_STILL = 0.2

_STATES = {
    CameraState.BLOCKED: "The camera is covered or blocked; nothing can be made out.",
    CameraState.MOVED: "The camera has been moved or turned; the view is not the usual one.",
    CameraState.DEFOCUSED: "The picture is out of focus; nothing can be made out for certain.",
    CameraState.DARK: "The picture is dark; nothing can be made out.",
}


def render_state(state: CameraState) -> str:
    """Return the caption of a frame whose camera state is not OK.

    Raises:
        KeyError: for `CameraState.OK`.
    """
    return _STATES[state]


def render_caption(
    objects: Sequence[TrackedObject],
    frame_size: tuple[int, int],
    usual: Mapping[str, float] | None = None,
    frame_rate_known: bool = True,
) -> str:
    """Describe the objects of one frame.

    Args:
        objects: with measures; those absent are not spoken of.
        frame_size: width and height of the picture in pixels.
        usual: medians of measures in the normal reference, by name; with them the caption says how far from usual the
            fastest is.
        frame_rate_known: False where the frame rate was assumed, which the caption then says beside speeds.

    Returns:
        One or two sentences: how many objects, and what the fastest of them does.
    """
    if not objects:
        return "Nothing moves in the picture."
    moving = [o for o in objects if o.measures.get("speed", 0.0) >= _STILL]
    fastest = max(moving, key=lambda o: (o.measures["speed"], -o.track_id), default=None)
    count = _count(objects).capitalize()
    if fastest is None:
        place = f" {_place(objects[0], frame_size)}" if len(objects) == 1 else ""
        return f"{count}{place}, {'standing still' if len(objects) == 1 else 'all standing still'}."
    speed = fastest.measures["speed"]
    rate = "" if frame_rate_known else " (frame rate assumed)"
    pace = f"at {speed:.1f} body heights/s{_against(speed, usual)}{rate}"
    way = _way(fastest)
    if len(objects) == 1:
        return f"{count} {_place(fastest, frame_size)} moves {way}{pace}."
    still = len(objects) - len(moving)
    rest = f", {_NUMBERS[still] if still < len(_NUMBERS) else still} of them standing still" if still else ""
    who = "the only one that moves," if len(moving) == 1 else "the fastest,"
    return f"{count}{rest}; {who} {_place(fastest, frame_size)}, moves {way}{pace}."


def _count(objects: Sequence[TrackedObject]) -> str:
    n, labels = len(objects), {one.label for one in objects}
    number = _NUMBERS[n] if n < len(_NUMBERS) else str(n)
    if labels == {"object"}:
        return f"{number} person-sized object" if n == 1 else f"{number} people-sized objects"
    word = labels.pop() if len(labels) == 1 else "object"
    plural = {"person": "people"}.get(word, f"{word}s")
    return f"{number} {word if n == 1 else plural}"


def _place(one: TrackedObject, frame_size: tuple[int, int]) -> str:
    across = (one.box.x + one.box.w / 2) / max(frame_size[0], 1)
    return "on the left" if across < 1 / 3 else "on the right" if across > 2 / 3 else "in the middle"


def _way(one: TrackedObject) -> str:
    direction = one.measures.get("direction")
    if direction is None:
        return ""
    ways = ("right", "right and away", "away", "left and away", "left", "left and nearer", "nearer", "right and nearer")
    return f"{ways[round(direction / 45.0) % 8]} "


def _against(speed: float, usual: Mapping[str, float] | None) -> str:
    middle = (usual or {}).get("speed", 0.0)
    if middle <= 0.0:
        return ""
    times = speed / middle
    if times < 1.5:
        return ", the usual pace here" if times > 0.67 else ", slower than usual here"
    if times < 2.75:
        return ", twice the usual pace here" if times >= 1.75 else ", half as fast again as usual here"
    whole = round(times)
    return f", {_NUMBERS[whole] if whole < len(_NUMBERS) else whole} times the usual pace here"
