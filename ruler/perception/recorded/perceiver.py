"""Recorded captions, tracks and detections of a video in; one observation per frame out, with or without the video."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ruler.errors import RecordError
from ruler.perception.measures import measure_tracks
from ruler.perception.recorded.captions import CaptionLine, is_sparse, read_captions
from ruler.perception.recorded.find import CAPTION_SUFFIXES, MOT_SUFFIXES, find_record, record_names
from ruler.perception.recorded.mot import MotKind, MotTable, read_mot
from ruler.perception.tracking import Detections, link
from ruler.schema import NO_MEASURES, Box, FloatArray, IntArray, Observation, TrackedObject, VideoInfo

ASSUMED_FRAME_RATE = 25.0
"""Frames per second where neither the settings nor a video say."""

Link = Callable[[Sequence[Detections]], Sequence[Sequence[int]]]
"""Frames of detections → the track ids of each frame's boxes; -1 for a box that was not linked."""

Measure = Callable[[FloatArray, FloatArray], Mapping[str, FloatArray]]
"""Times (T,) in seconds and boxes (T, 4) of one track → its measures, each (T,), NaN where it could not be measured."""


class RecordedPerceiver:
    """Perception from files: captions, tracks (MOT Challenge text), detections (the same with id -1), in any mixture.

    Args:
        captions: a caption file, or a folder with VIDEO.txt or VIDEO.jsonl.
        tracks: a file of tracks, or a folder with VIDEO.txt.
        detections: a file of detections, or a folder with VIDEO.txt; they are linked into tracks.
        frame_rate: frames per second; None takes the video's own, or 25 without a video.
        label: what the objects are called.
        link: links detections into tracks.
        measure: measures a track.

    Raises:
        RecordError: no source was given, or one does not exist.
    """

    def __init__(
        self,
        captions: Path | None = None,
        tracks: Path | None = None,
        detections: Path | None = None,
        frame_rate: float | None = None,
        *,
        label: str = "object",
        link: Link = link,
        measure: Measure = measure_tracks,
    ) -> None:
        if captions is None and tracks is None and detections is None:
            raise RecordError(
                "no recorded captions, tracks or detections were given",
                hint="give --captions, --tracks or --detections",
            )
        for place in (captions, tracks, detections):
            if place is not None and not place.exists():
                raise RecordError("no such file or folder", where=place, hint="check the path")
        self.captions, self.tracks, self.detections = captions, tracks, detections
        self.frame_rate, self.label = frame_rate, label
        self._link, self._measure = link, measure

    def names(self) -> list[str]:
        """List the videos that every source has a record of; for runs without videos.

        Raises:
            RecordError: the sources have no video in common.
        """
        listed = [record_names(place, suffixes) for place, suffixes in self._places() if place.is_dir()]
        if not listed:
            return record_names(*next(iter(self._places())))
        common = [name for name in listed[0] if all(name in other for other in listed[1:])]
        if not common:
            folders = " and ".join(str(place) for place, _ in self._places() if place.is_dir())
            raise RecordError(
                "no record of any video that all sources hold",
                where=folders,
                hint="name the records after their videos",
            )
        return common

    def describe(self, name: str | None = None) -> VideoInfo:
        """Say what the records alone tell of a video: name, frame rate, number of frames (of the longest source).

        The picture's size is unknown and given as 0 × 0.
        """
        record = self._read(name, None)
        places = [str(place) for place, _ in self._places()]
        rate = self.frame_rate or ASSUMED_FRAME_RATE
        return VideoInfo(record.name, places[0], 0, 0, rate, self.frame_rate is not None, record.frames)

    def observe(
        self, info: VideoInfo | None = None, frames: int | None = None, *, name: str | None = None
    ) -> Iterator[Observation]:
        """Read the records of one video.

        Args:
            info: the video; None for a run without one: its records then go as far as the longest of them.
            frames: number of frames of the video, where decoding has told; else `info.frames` is taken.
            name: name of the video where there is no `info`; needed if a source is a folder.

        Returns:
            One observation per frame, in order. From sparse captions (`.jsonl`) alone, one per captioned frame.

        Raises:
            RecordError: a record is missing, cannot be read, or does not fit the video. Raised before iterating.
        """
        if info is not None:
            info = replace(info, frames=info.frames if frames is None else frames)
        record = self._read(info.name if info is not None else name, info)
        rate = self.frame_rate or (info.frame_rate if info is not None else ASSUMED_FRAME_RATE)
        return self._observations(record, rate)

    def _places(self) -> Iterator[tuple[Path, tuple[str, ...]]]:
        kinds = ((self.captions, CAPTION_SUFFIXES), (self.tracks, MOT_SUFFIXES), (self.detections, MOT_SUFFIXES))
        return ((place, suffixes) for place, suffixes in kinds if place is not None)

    def _read(self, name: str | None, info: VideoInfo | None) -> _Record:
        """Read all sources of a video and hold them against its length."""
        if name is None:
            for place, _ in self._places():
                if place.is_dir():
                    raise RecordError("the name of a video is needed to find its record in a folder", where=place)
            name = next(iter(self._places()))[0].stem
        frames = None if info is None else info.frames
        captions, sparse = None, False
        if self.captions is not None:
            path = find_record(self.captions, name, CAPTION_SUFFIXES)
            captions, sparse = read_captions(path, info), is_sparse(path)
        kinds: tuple[tuple[MotKind, Path | None], ...] = (("tracks", self.tracks), ("detections", self.detections))
        tables = []
        for kind, folder in kinds:
            if folder is not None:
                path = find_record(folder, name, MOT_SUFFIXES)
                tables.append((kind, read_mot(path, kind)))
                _check_end(path, tables[-1][1], frames)
        if frames is None:
            frames = max([captions[-1].frame + 1 if captions else 0, *(table.frames for _, table in tables)])
        if not frames:
            raise RecordError("the records hold no frame", where=name, hint="check the files, or give the video itself")
        return _Record(name, frames, captions, sparse, tuple(tables))

    def _observations(self, record: _Record, rate: float) -> Iterator[Observation]:
        times = _times(record.captions or (), record.frames, rate)
        captions = {line.frame: line.caption for line in record.captions or ()}
        sources = (("captions",) if record.captions is not None else ()) + tuple(kind for kind, _ in record.tables)
        if not record.tables:
            for frame in sorted(captions) if record.sparse else range(record.frames):
                yield Observation(frame, float(times[frame]), captions.get(frame), sources=sources)
            return
        objects: dict[int, list[TrackedObject]] = {}
        highest = 0
        for kind, table in record.tables:
            ids = table.id if kind == "tracks" else self._linked(table, times)
            # Linked detections are numbered after the tracks: one id must not stand for two objects.
            ids = np.where(ids > 0, ids + highest, -1)
            highest = max(highest, int(ids.max(initial=0)))
            for frame, found in zip(table.frame.tolist(), self._objects(table, ids, times), strict=True):
                objects.setdefault(frame, []).append(found)
        for frame in range(record.frames):
            here = tuple(objects.pop(frame, ()))
            yield Observation(
                frame, float(times[frame]), captions.get(frame), here, {"objects": float(len(here))}, sources=sources
            )

    def _linked(self, table: MotTable, times: FloatArray) -> IntArray:
        """Track ids of detections, (n,) in the order of the table."""
        starts = np.nonzero(np.diff(table.frame, prepend=-1))[0]
        boxes = np.split(table.box, starts[1:]) if len(starts) else []
        scores = np.split(table.score, starts[1:]) if len(starts) else []
        frames = [
            Detections(float(times[table.frame[start]]), [Box(*row) for row in box.tolist()], score.tolist())
            for start, box, score in zip(starts, boxes, scores, strict=True)
        ]
        return np.array([i for ids in self._link(frames) for i in ids], np.int64)

    def _objects(self, table: MotTable, ids: IntArray, times: FloatArray) -> list[TrackedObject]:
        """One object per row of the table, in its order."""
        measures: list[Mapping[str, float]] = [NO_MEASURES] * len(table)
        order = np.argsort(ids, kind="stable")
        for rows in np.split(order, np.nonzero(np.diff(ids[order]))[0] + 1):
            if len(rows) and ids[rows[0]] > 0:
                columns = self._measure(times[table.frame[rows]], table.box[rows])
                for row, values in zip(rows.tolist(), _rows(columns), strict=True):
                    measures[row] = values
        boxes = map(Box._make, table.box.tolist())
        return [TrackedObject(i, box, self.label, m) for i, box, m in zip(ids.tolist(), boxes, measures, strict=True)]


@dataclass(frozen=True, slots=True)
class _Record:
    """All that was read of one video; `sparse` if the captions may leave frames out."""

    name: str
    frames: int
    captions: Sequence[CaptionLine] | None
    sparse: bool
    tables: tuple[tuple[MotKind, MotTable], ...]


def _rows(columns: Mapping[str, FloatArray]) -> list[dict[str, float]]:
    """Turn columns (T,) into T rows without what could not be measured."""
    names = list(columns)
    stacked = np.stack([columns[name] for name in names], axis=1)
    rows = [dict(zip(names, row, strict=True)) for row in stacked.tolist()]
    for i in np.nonzero(~np.isfinite(stacked).all(axis=1))[0]:
        rows[i] = {name: value for name, value in rows[i].items() if math.isfinite(value)}
    return rows


def _times(captions: Sequence[CaptionLine], frames: int, rate: float) -> FloatArray:
    """Seconds of each frame, (frames,): recorded ones where the captions tell, interpolated between, steady outside."""
    steady = np.arange(frames) / rate
    known = [(line.frame, line.time) for line in captions if line.time is not None]
    if not known:
        return steady
    at, seconds = (np.array(v, np.float64) for v in zip(*known, strict=True))
    late = np.interp(np.arange(frames), at, seconds - at / rate)
    return np.asarray(np.maximum(steady + late, 0.0))


def _check_end(path: Path, table: MotTable, frames: int | None) -> None:
    if frames is not None and table.frames > frames:
        raise RecordError(
            f"a box in frame {table.frames}, but the video has {frames} frames",
            where=path,
            hint="frames of this format count from 1; check that the file belongs to this video",
        )
