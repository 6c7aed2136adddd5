"""Boxes of one frame after another in, track ids out: for moving things and for recorded detections.

A constant-velocity Kalman filter per track predicts where it is next; boxes are assigned to predictions by overlap and
distance (`scipy.optimize.linear_sum_assignment`), the sure boxes to all tracks first, the doubtful ones to the tracks
then left (the two stages of ByteTrack, Zhang et al., ECCV 2022). All noises are in body heights, so that near and far
objects are treated alike, and in seconds, so that the frame rate does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from ruler.schema import Box, FloatArray, IntArray

_UNREACHABLE = 1e6


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What the tracker believes of objects; lengths in heights of the object's box.

    Attributes:
        lost: seconds a track is kept without a box.
        sure: boxes with a score of at least this found new tracks and are assigned first.
        reach: largest distance between a box and the prediction, in heights, beyond the filter's own uncertainty.
        jitter: standard deviation of a box's position, in heights.
        push: standard deviation of the acceleration, in heights/s².
        pace: standard deviation of the velocity of a new track, in heights/s.
        memory: seconds over which the size of a track is averaged.
    """

    lost: float = 1.0
    sure: float = 0.5
    reach: float = 0.35
    jitter: float = 0.06
    push: float = 1.5
    pace: float = 1.5
    memory: float = 0.5


class Tracker:
    """Gives each box the id of its track. One tracker per video; ids count from 1 and are never used twice."""

    def __init__(self, settings: TrackerSettings = TrackerSettings()) -> None:
        self.settings = settings
        self._ids: IntArray = np.zeros(0, dtype=np.int64)
        self._labels: list[str] = []
        self._state: FloatArray = np.zeros((0, 4))  # x and y of the foot point, their velocities
        self._spread: FloatArray = np.zeros((0, 3))  # covariance of position and velocity on one axis: pp, pv, vv
        self._size: FloatArray = np.zeros((0, 2))  # width, height
        self._seen: FloatArray = np.zeros(0)
        self._hits: IntArray = np.zeros(0, dtype=np.int64)
        self._time: float | None = None
        self._next = 1

    def update(
        self,
        boxes: ArrayLike,
        time: float,
        scores: ArrayLike | None = None,
        labels: Sequence[str] | None = None,
    ) -> list[int]:
        """Take the boxes of the next frame.

        Args:
            boxes: (N, 4), x, y, w, h in pixels; N may be 0.
            time: seconds; later than the time before.
            scores: (N,), 0 to 1; all sure where not given.
            labels: N words; a box only continues a track of its own label.

        Returns:
            N track ids in the order of the boxes; -1 for a doubtful box that continues no track.
        """
        given = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        certain = np.ones(len(given)) if scores is None else np.asarray(scores, dtype=np.float64)
        sure = certain >= self.settings.sure
        words = list(labels) if labels is not None else [""] * len(given)
        self._drop(time)
        self._predict(time)
        ids = np.full(len(given), -1, dtype=np.int64)
        free = np.ones(len(self._ids), bool)
        for stage in (sure, ~sure):
            rows, columns = np.nonzero(free)[0], np.nonzero(stage)[0]
            for row, column in self._assign(rows, columns, given, words):
                ids[column] = self._ids[row]
                free[row] = False
                self._correct(row, given[column], time)
        self._found(given, np.nonzero(sure & (ids < 0))[0], words, time, ids)
        return [int(i) for i in ids]

    def predictions(self) -> tuple[IntArray, FloatArray]:
        """Return ids (M,) and boxes (M, 4) of all living tracks at the time of the last update."""
        x, y = self._state[:, 0], self._state[:, 1]
        w, h = self._size[:, 0], self._size[:, 1]
        return self._ids.copy(), np.stack([x - w / 2, y - h, w, h], axis=1)

    def _predict(self, time: float) -> None:
        dt = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time
        if not len(self._ids) or dt == 0.0:
            return
        self._state[:, :2] += dt * self._state[:, 2:]
        pp, pv, vv = self._spread.T
        q = (self.settings.push * self._size[:, 1]) ** 2
        together = pp + 2 * dt * pv + dt * dt * vv + q * dt**4 / 4
        self._spread = np.stack([together, pv + dt * vv + q * dt**3 / 2, vv + q * dt * dt], axis=1)

    def _assign(self, rows: IntArray, columns: IntArray, boxes: FloatArray, labels: list[str]) -> list[tuple[int, int]]:
        if not len(rows) or not len(columns):
            return []
        cost = self._cost(rows, boxes[columns])
        for a, row in enumerate(rows):
            for b, column in enumerate(columns):
                if self._labels[row] != labels[column]:
                    cost[a, b] = _UNREACHABLE
        chosen = zip(*linear_sum_assignment(cost), strict=True)
        return [(int(rows[a]), int(columns[b])) for a, b in chosen if cost[a, b] < _UNREACHABLE]

    def _cost(self, rows: IntArray, boxes: FloatArray) -> FloatArray:
        """Distance in reaches, overlap and likeness of size; a young track may be reached by overlap alone."""
        _, predicted = self.predictions()
        predicted = predicted[rows]
        height = np.maximum(predicted[:, 3:4], 1.0)
        overlap = intersection_over_union(predicted, boxes)
        dx = (boxes[:, 0] + boxes[:, 2] / 2)[None] - self._state[rows, 0:1]
        # Feet are often cut off or hidden: the middle of the box is a second opinion on the vertical place.
        foot = (boxes[:, 1] + boxes[:, 3])[None] - self._state[rows, 1:2]
        middle = (boxes[:, 1] + boxes[:, 3] / 2)[None] - (predicted[:, 1:2] + predicted[:, 3:4] / 2)
        dy = np.where(np.abs(foot) < np.abs(middle), foot, middle)
        distance = np.hypot(dx, dy) / height
        spread = np.sqrt(self._spread[rows, 0])[:, None] / height
        reach = self.settings.reach + np.minimum(2.0 * spread, 1.0)
        likeness = np.abs(np.log(np.maximum(boxes[:, 3], 1.0)[None] / height))
        cost = distance / reach + 0.5 * (1.0 - overlap) + 0.5 * likeness
        return np.asarray(np.where((distance < reach) & (likeness < 1.0), cost, _UNREACHABLE))

    def _correct(self, row: int, box: FloatArray, time: float) -> None:
        x, y, w, h = box
        size = self._size[row]
        odd = abs(np.log(max(w, 1.0) / max(size[0], 1.0))) + abs(np.log(max(h, 1.0) / max(size[1], 1.0)))
        # A box that suddenly changed its size is a merged or cut one: its foot point says little of where the object
        # is.
        noise = (self.settings.jitter * max(size[1], 4.0)) ** 2 * (1.0 + (4.0 * odd) ** 2)
        pp, pv, vv = self._spread[row]
        k_position, k_velocity = pp / (pp + noise), pv / (pp + noise)
        error = np.array([x + w / 2, y + h]) - self._state[row, :2]
        self._state[row, :2] += k_position * error
        self._state[row, 2:] += k_velocity * error
        self._spread[row] = (1 - k_position) * pp, (1 - k_position) * pv, vv - k_velocity * pv
        share = 1.0 - np.exp(-max(time - self._seen[row], 1e-3) / self.settings.memory)
        self._size[row] += max(share, 1.0 / (self._hits[row] + 1)) * (np.array([w, h]) - size)
        self._seen[row] = time
        self._hits[row] += 1

    def _found(self, boxes: FloatArray, which: IntArray, labels: list[str], time: float, ids: IntArray) -> None:
        for column in which:
            x, y, w, h = boxes[column]
            ids[column] = self._next
            self._ids = np.append(self._ids, self._next)
            self._labels.append(labels[column])
            self._state = np.vstack([self._state, [x + w / 2, y + h, 0.0, 0.0]])
            scale = max(h, 4.0)
            spread = [(self.settings.jitter * scale) ** 2, 0.0, (self.settings.pace * scale) ** 2]
            self._spread = np.vstack([self._spread, spread])
            self._size = np.vstack([self._size, [w, h]])
            self._seen = np.append(self._seen, time)
            self._hits = np.append(self._hits, 1)
            self._next += 1

    def _drop(self, time: float) -> None:
        # A track seen once or twice is as likely noise: it is not carried far.
        patience = np.where(self._hits < 3, self.settings.lost / 3, self.settings.lost)
        keep = time - self._seen <= patience
        if keep.all():
            return
        self._labels = [label for label, kept in zip(self._labels, keep, strict=True) if kept]
        self._ids, self._seen, self._hits = self._ids[keep], self._seen[keep], self._hits[keep]
        self._state, self._spread, self._size = self._state[keep], self._spread[keep], self._size[keep]


@dataclass(frozen=True, slots=True)
class Detections:
    """The boxes of one frame.

    Attributes:
        time: seconds.
        boxes: in pixels.
        scores: as many, 0 to 1; None where all are sure.
        labels: as many words; None where all are alike.
    """

    time: float
    boxes: Sequence[Box]
    scores: Sequence[float] | None = None
    labels: Sequence[str] | None = None


def link(frames: Iterable[Detections], settings: TrackerSettings = TrackerSettings()) -> list[list[int]]:
    """Link recorded detections of a video into tracks.

    Args:
        frames: detections, in the order of time; a frame without boxes may be left out.
        settings: what the tracker believes of objects.

    Returns:
        For each frame the track ids of its boxes, in their order; -1 for a doubtful box that continues no track.
    """
    tracker = Tracker(settings)
    return [tracker.update(_stack(f.boxes), f.time, f.scores, f.labels) for f in frames]


def intersection_over_union(first: FloatArray, second: FloatArray) -> FloatArray:
    """Overlap of every box of `first` (M, 4) with every box of `second` (N, 4), x, y, w, h: (M, N), 0 to 1."""
    a, b = first[:, None], second[None]
    width = np.minimum(a[..., 0] + a[..., 2], b[..., 0] + b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 1] + a[..., 3], b[..., 1] + b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - shared
    return np.asarray(shared / np.maximum(union, 1e-9))


def _stack(boxes: Sequence[Box]) -> FloatArray:
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
