"""True and found events of each video in; how well they meet, and how late they are found, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from ruler.bench.metrics.frames import f_measure, ratio
from ruler.schema import BoolArray, FloatArray

Stretch = tuple[float, float]
"""A half-open stretch of time or of frames: start, end."""


@dataclass(frozen=True, slots=True)
class EventMeasures:
    """Found events against true ones, all videos together.

    Attributes:
        iou: overlap over union from which two meet.
        precision: share of the found events that meet a true one; None where none was found.
        recall: share of the true events that were met; None where there is none.
        f1: harmonic mean; None where either is undefined.
    """

    iou: float
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Delays:
    """How late true events are noticed.

    Attributes:
        events: number of true events.
        missed: those in which no frame reaches the threshold; they have no delay.
        mean: seconds from the start of an event to its first frame over the threshold; None where all are missed.
        median: the same.
    """

    events: int
    missed: int
    mean: float | None
    median: float | None


def stretches(labels: BoolArray) -> list[tuple[int, int]]:
    """Runs of True in (T,) as half-open frames [start, end), in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], labels.astype(bool), [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def seconds_of(frames: Sequence[tuple[int, int]], times: FloatArray) -> list[Stretch]:
    """Half-open frames as seconds, by the times (T,) of the frames; the last frame lasts one usual step."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    ends = np.append(times, times[-1] + step) if len(times) else times
    return [(float(ends[a]), float(ends[b])) for a, b in frames]


def temporal_iou(a: Stretch, b: Stretch) -> float:
    """Overlap over union of two half-open stretches; 0 where both are empty."""
    overlap = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    union = (a[1] - a[0]) + (b[1] - b[0]) - overlap
    return overlap / union if union > 0 else 0.0


def event_measures(
    true: Sequence[Sequence[Stretch]], found: Sequence[Sequence[Stretch]], iou: float = 0.5
) -> EventMeasures:
    """Precision, recall and F1 of events.

    Each found event meets at most one true one and the other way round; of all such assignments one with the most
    meetings is taken.

    Args:
        true: events of each video.
        found: events of each video, in the same unit.
        iou: least overlap over union of two that meet, over 0.
    """
    if not iou > 0:
        raise ValueError(f"an overlap of {iou} joins events that do not touch")
    met = sum(_most_meetings(t, f, iou) for t, f in zip(true, found, strict=True))
    precision, recall = ratio(met, sum(map(len, found))), ratio(met, sum(map(len, true)))
    return EventMeasures(iou, precision, recall, f_measure(precision, recall))


def detection_delays(
    labels: Sequence[BoolArray],
    scores: Sequence[FloatArray],
    times: Sequence[FloatArray],
    threshold: float | Sequence[float] = 0.5,
) -> Delays:
    """How long after its start the first frame of each true event reaches the threshold; one already over it: 0 s.

    Args:
        labels: of each video, (T,).
        scores: of each video, (T,).
        times: of each video, (T,) seconds.
        threshold: one for all videos, or one each.
    """
    levels = [threshold] * len(labels) if isinstance(threshold, int | float) else list(threshold)
    delays: list[float] = []
    events = 0
    for y, s, t, level in zip(labels, scores, times, levels, strict=True):
        for start, end in stretches(y):
            events += 1
            over = np.flatnonzero(s[start:end] >= level)
            if len(over):
                delays.append(float(t[start + over[0]] - t[start]))
    if not delays:
        return Delays(events, events, None, None)
    return Delays(events, events - len(delays), float(np.mean(delays)), float(np.median(delays)))


def recall_at_one(
    true: Sequence[Sequence[Stretch]],
    found: Sequence[Sequence[Stretch]],
    peaks: Sequence[Sequence[float]],
    within: float,
) -> float | None:
    """R@1, TD ≤ p: share of the videos whose strongest found event begins and ends within p seconds of a true one.

    The measure of UAL-Bench (Abdullah et al., WACV 2025, arXiv 2410.01180), where each video has one true event and a
    method gives one answer; here the answer is the event with the highest peak, and any true event of the video may be
    the one it names.

    Args:
        true: events of each video, in seconds.
        found: events of each video, in seconds.
        peaks: largest score of each found event.
        within: p, seconds.

    Returns:
        A fraction of the videos that have a true event; None where none has.
    """
    hits = asked = 0
    for t, f, p in zip(true, found, peaks, strict=True):
        if not t:
            continue
        asked += 1
        if f:
            start, end = f[int(np.argmax(p))]
            hits += any(max(abs(start - a), abs(end - b)) <= within + 1e-9 for a, b in t)
    return ratio(hits, asked)


def _most_meetings(true: Sequence[Stretch], found: Sequence[Stretch], iou: float) -> int:
    if not true or not found:
        return 0
    meets = np.array([[temporal_iou(t, f) >= iou - 1e-12 for f in found] for t in true])
    return int((maximum_bipartite_matching(csr_array(meets), perm_type="column") >= 0).sum())
