"""Events: the score of every frame in; runs of anomalous frames out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruler.schema import FloatArray


@dataclass(frozen=True, slots=True)
class Span:
    """A run of frames, half-open, with the frame of its largest score."""

    start: int
    end: int
    peak: int


def spans(
    scores: FloatArray,
    times: FloatArray,
    high: float,
    low: float,
    minimum: float = 0.0,
    gap: float = 0.0,
) -> list[Span]:
    """Find events by hysteresis.

    An event holds a frame at or over `high` and all frames around it at or over `low`. Events closer than `gap` become
    one; what is then shorter than `minimum` is dropped.

    Args:
        scores: (T,) 0 to 1.
        times: (T,) seconds, rising.
        high: score at which an event begins.
        low: score under which it ends; not over `high`.
        minimum: seconds an event must last.
        gap: seconds between two events up to which they are one.

    Returns:
        Disjoint spans in the order of time.
    """
    if low > high:
        raise ValueError(f"the lower threshold {low:g} is over the upper one {high:g}")
    if not len(scores):
        return []
    over = np.concatenate([[False], scores >= low, [False]])
    edges = np.flatnonzero(over[1:] != over[:-1])
    runs = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if scores[a:b].max() >= high]
    merged: list[tuple[int, int]] = []
    for start, end in runs:
        if merged and times[start] - _end(times, merged[-1][1]) <= gap:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return [
        Span(a, b, a + int(np.argmax(scores[a:b]))) for a, b in merged if _end(times, b) - times[a] >= minimum - 1e-9
    ]


def _end(times: FloatArray, end: int) -> float:
    """Time of the frame after a span; one usual step after its last frame at the end of the video."""
    if end < len(times):
        return float(times[end])
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return float(times[-1]) + step
