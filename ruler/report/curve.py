"""The score curve as SVG paths: many frames in few points, with every peak kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ruler.deduction.rationale import clock
from ruler.report.model import VideoView
from ruler.schema import FloatArray

WIDTH = 720
"""Units of the drawing from left to right; also the most points a curve has."""
HEIGHT = 100
"""Units from score 0 (bottom) to score 1 (top)."""
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of the time axis, in percent of its length."""

    left: float
    width: float
    label: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the time axis: where in percent, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawing of one video's scores.

    Attributes:
        line: SVG path of the curve, in a box of `WIDTH` by `HEIGHT`.
        area: the same, closed to the ground.
        threshold: percent from the top.
        events: bands, labelled with the number of the event.
        truth: bands of labelled anomalies.
        ticks: marks on the time axis.
    """

    line: str
    area: str
    threshold: float
    events: tuple[Band, ...]
    truth: tuple[Band, ...]
    ticks: tuple[Tick, ...]


def decimate(scores: FloatArray, columns: int) -> FloatArray:
    """The largest score in each of at most `columns` columns of equal width.

    Args:
        scores: (T,), may hold NaN for frames without a score.
        columns: at least 1.

    Returns:
        (min(T, columns),); NaN only where a column holds nothing else. The largest score of all is among them.
    """
    count = len(scores)
    if count <= columns:
        return scores.astype(np.float64)
    starts = np.arange(columns) * count // columns
    known = np.where(np.isnan(scores), -np.inf, scores)
    peaks = np.maximum.reduceat(known, starts)
    return np.where(np.isinf(peaks), np.nan, peaks)


def curve(video: VideoView, prefix: str) -> Curve | None:
    """Draw a video's scores; None where there are none.

    Args:
        video: scores, events and labels.
        prefix: of the anchors of the video's event cards; event number n is `prefix` + n.
    """
    if video.scores is None or not len(video.scores.scores):
        return None
    count = len(video.scores.scores)
    peaks = np.clip(decimate(video.scores.scores, WIDTH), 0, 1)
    line, area = _paths(peaks)
    events = tuple(
        _band(e.start_frame, e.end_frame, count, str(k), f"{prefix}{k}") for k, e in enumerate(video.events, start=1)
    )
    truth = tuple(_band(start, end, count) for start, end in video.truth or ())
    seconds = count / video.frame_rate if video.frame_rate > 0 else 0.0
    return Curve(line, area, 100 * (1 - min(1.0, max(0.0, video.scores.threshold))), events, truth, _ticks(seconds))


def _paths(peaks: FloatArray) -> tuple[str, str]:
    """Line and area; a gap in the scores is a gap in both."""
    x = (np.arange(len(peaks)) + 0.5) * WIDTH / len(peaks)
    y = HEIGHT * (1 - peaks)
    known = ~np.isnan(peaks)
    line, area = [], []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[first:end], y[first:end], strict=True))
        if end - first == 1:
            points = f"{x[first] - 0.5:.1f},{y[first]:.1f} {x[first] + 0.5:.1f},{y[first]:.1f}"
        line.append(f"M{points}")
        area.append(f"M{x[first]:.1f},{HEIGHT} L{points} L{x[end - 1]:.1f},{HEIGHT} Z")
    return " ".join(line), " ".join(area)


def _band(start: int, end: int, count: int, label: str = "", anchor: str = "") -> Band:
    left, right = max(0, min(start, count)), max(0, min(end, count))
    return Band(round(100 * left / count, 3), round(max(100 * (right - left) / count, 0.15), 3), label, anchor)


def _ticks(seconds: float) -> tuple[Tick, ...]:
    """Five or six round times."""
    if seconds <= 0:
        return ()
    step = next((s for s in _STEPS if seconds / s <= 6), _STEPS[-1] * math.ceil(seconds / _STEPS[-1] / 6))
    return tuple(Tick(round(100 * t / seconds, 3), clock(t)[:-2]) for t in np.arange(0, seconds * 0.97, step))
