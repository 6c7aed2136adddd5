"""Two observations of the same frame in; one observation that holds what both say out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ruler.schema import CameraState, Observation, TrackedObject

MOTION = "motion"
"""Name of the source whose captions are rendered from measurements; every other source's captions were written."""

_APART = 1_000_000
"""Added to the ids of the later source's tracks, so that two trackers' tracks of one number stay two."""


def merge_observations(a: Observation, b: Observation) -> Observation:
    """Merge what two sources say of one frame.

    Objects of both are kept, recorded ones before those of motion; where both sources track objects, the ids of the
    second are raised by a million. A written caption wins over one rendered from motion. Measures of the frame are
    united; on a clash the first of that order wins. Time and camera come from the source that saw the pictures
    (motion), if one did.

    Args:
        a: one observation.
        b: another of the same frame; comes second where neither is of motion.

    Returns:
        The union, its sources those of `a`, then those of `b`.

    Raises:
        ValueError: the observations are of different frames (a mistake of the caller, not of a person).
    """
    if a.frame != b.frame:
        raise ValueError(f"observations of frames {a.frame} and {b.frame} cannot be merged")
    first, second = (b, a) if MOTION in a.sources and MOTION not in b.sources else (a, b)
    # By the sources, not by the objects of this very frame: a track's id must be the same in all its frames.
    clash = _tracks(first) and _tracks(second)
    added = tuple(_apart(o) for o in second.objects) if clash else second.objects
    camera = next((o.camera for o in (second, first) if o.camera is not CameraState.OK), CameraState.OK)
    return replace(
        first,
        time=second.time if MOTION in second.sources else first.time,
        caption=second.caption if first.caption is None else first.caption,
        objects=first.objects + added,
        measures=_united(first.measures, second.measures),
        camera=camera,
        sources=tuple(dict.fromkeys(a.sources + b.sources)),
    )


def _tracks(observation: Observation) -> bool:
    return bool(observation.objects) or not {"tracks", "detections", MOTION}.isdisjoint(observation.sources)


def _apart(o: TrackedObject) -> TrackedObject:
    return replace(o, track_id=o.track_id + _APART) if o.track_id > 0 else o


def _united(first: Mapping[str, float], second: Mapping[str, float]) -> Mapping[str, float]:
    if not second or not first:
        return first or second
    return {**second, **first}
