"""Observations as arrays: a run of observations in, one Table out, which rules are held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from ruler.schema import BoolArray, Box, CameraState, FloatArray, IntArray, Observation


@dataclass(frozen=True, slots=True)
class Table:
    """The observations of a stretch of one video, T frames and N objects.

    Attributes:
        frames: (T,) int64, index of each observed frame, rising.
        times: (T,) float64, seconds.
        captions: T captions, None where there is none.
        judged: (T,) bool, False where the camera saw nothing that could be judged.
        frame_measures: name → (T,) float64, NaN where not measured.
        row: (N,) int64, the position in `frames` of each object's frame, rising.
        tracks: (N,) int64, track id; -1 for an object that was not linked.
        boxes: (N, 4) float64, x, y, w, h in pixels.
        measures: name → (N,) float64, NaN where not measured.
        size: width and height of the picture in pixels; (0, 0) where unknown.
        start: wall-clock time of second 0, where known.
    """

    frames: IntArray
    times: FloatArray
    captions: tuple[str | None, ...]
    judged: BoolArray
    frame_measures: Mapping[str, FloatArray]
    row: IntArray
    tracks: IntArray
    boxes: FloatArray
    measures: Mapping[str, FloatArray]
    size: tuple[int, int] = (0, 0)
    start: datetime | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def box(self, index: int) -> Box:
        """Box of object `index`."""
        return Box(*(float(v) for v in self.boxes[index]))

    def clock(self, index: int) -> datetime | None:
        """Wall-clock time of frame `index` of the table, where known."""
        return self.start + timedelta(seconds=float(self.times[index])) if self.start else None


def tabulate(
    observations: Iterable[Observation], size: tuple[int, int] = (0, 0), start: datetime | None = None
) -> Table:
    """Turn observations, in the order of their frames, into arrays.

    Args:
        observations: of one video.
        size: width and height of its picture in pixels, where known.
        start: wall-clock time of second 0, where known.
    """
    seen = list(observations)
    row = np.repeat(np.arange(len(seen)), [len(o.objects) for o in seen])
    objects = [thing for o in seen for thing in o.objects]
    boxes = np.array([thing.box for thing in objects], float).reshape(-1, 4)
    return Table(
        frames=np.array([o.frame for o in seen], np.int64),
        times=np.array([o.time for o in seen], float),
        captions=tuple(o.caption for o in seen),
        judged=np.array([o.camera is CameraState.OK for o in seen], bool),
        frame_measures=_columns([o.measures for o in seen]),
        row=row.astype(np.int64),
        tracks=np.array([thing.track_id for thing in objects], np.int64),
        boxes=boxes,
        measures=_columns([thing.measures for thing in objects]),
        size=size,
        start=start,
    )


def cut(table: Table, seconds: float) -> list[Table]:
    """Cut a table into clips of equal length, about `seconds`, none under half of it; a short table stays whole."""
    if not len(table):
        return []
    length = float(table.times[-1] - table.times[0])
    pieces = max(1, round(length / seconds))
    edges = table.times[0] + np.arange(1, pieces) * length / pieces
    places = [0, *(int(i) for i in np.searchsorted(table.times, edges)), len(table)]
    return [_part(table, a, b) for a, b in pairwise(places) if b > a]


def _part(table: Table, first: int, last: int) -> Table:
    things = slice(*(int(i) for i in np.searchsorted(table.row, [first, last])))
    return replace(
        table,
        frames=table.frames[first:last],
        times=table.times[first:last],
        captions=table.captions[first:last],
        judged=table.judged[first:last],
        frame_measures={name: values[first:last] for name, values in table.frame_measures.items()},
        row=table.row[things] - first,
        tracks=table.tracks[things],
        boxes=table.boxes[things],
        measures={name: values[things] for name, values in table.measures.items()},
    )


def _columns(records: list[Mapping[str, float]]) -> dict[str, FloatArray]:
    names = sorted({name for record in records for name in record})
    return {name: np.array([record.get(name, np.nan) for record in records], float) for name in names}
