"""Frames in, one observation per frame out, in order and with bounded memory.

A frame goes through the camera watch, the background, the object finder and the tracker at once (see `scene`); its
measures are taken when the frames of the next second are known, a chunk of frames at a time, so an observation comes up
to two seconds after its frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from ruler.config import MotionSettings
from ruler.perception.measures import REACH, Stay, measure_tracks, measure_velocities
from ruler.perception.motion.background import Grey
from ruler.perception.motion.caption import render_caption, render_state
from ruler.perception.motion.geometry import SceneGeometry
from ruler.perception.motion.scene import Scene, Seen
from ruler.schema import Box, CameraState, FloatArray, Frame, Observation, Picture, TrackedObject, VideoInfo
from ruler.video.ahead import read_ahead

_CHUNK = 1.0
_OPENING = 2.0
_OPENING_FRAMES = 64
_TINY = 16

DEFAULTS = MotionSettings()

Early = tuple[int, float, Grey]


class MotionPerceiver:
    """Perception from pixels alone.

    Args:
        settings: of the analysis.
        geometry: usual heights of this camera (see `survey`), in full-size pixels; learnt from each video where
            None.
    """

    def __init__(self, settings: MotionSettings = DEFAULTS, geometry: SceneGeometry | None = None) -> None:
        self.settings = settings
        self.geometry = geometry

    def observe(self, info: VideoInfo, frames: Iterable[Frame]) -> Iterator[Observation]:
        """Yield one observation per frame, in their order, up to two seconds behind.

        Args:
            info: of the video; its size, and whether its frame rate is known.
            frames: in the order of time, all of one size, at any stride.
        """
        writer = _Writer(info)
        for seen in self._see(info, frames):
            yield from writer.take(seen)
        yield from writer.finish()

    def _see(self, info: VideoInfo, frames: Iterable[Frame]) -> Iterator[Seen]:
        for opening, rest in _opened(frames, self.settings.width):
            scene = Scene(info.width, [grey for _, _, grey in opening], self.settings, self.geometry)
            for index, time, grey in opening:
                yield scene.see(index, time, grey)
            for index, time, grey in rest:
                yield scene.see(index, time, grey)


class _Writer:
    """Turns analysed frames into observations when enough of what follows is known."""

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        self._past: deque[Seen] = deque()
        self._waiting: deque[Seen] = deque()
        self._stays: dict[int, Stay] = {}

    def take(self, seen: Seen) -> Iterator[Observation]:
        self._waiting.append(seen)
        if seen.time - self._waiting[0].time >= REACH + _CHUNK:
            yield from self._write(seen.time - REACH)

    def finish(self) -> Iterator[Observation]:
        yield from self._write(np.inf)

    def _write(self, until: float) -> Iterator[Observation]:
        measured = self._measure(until)
        while self._waiting and self._waiting[0].time <= until:
            seen = self._waiting.popleft()
            yield self._observation(seen, measured)
            self._past.append(seen)
            while seen.time - self._past[0].time > REACH:
                self._past.popleft()

    def _measure(self, until: float) -> dict[tuple[int, int], dict[str, float]]:
        """Measure all tracks of the frames to be written: (frame, track) → measures."""
        rows: dict[int, list[tuple[Seen, int]]] = {}
        for seen in (*self._past, *self._waiting):
            for place, track in enumerate(seen.ids):
                if track > 0:
                    rows.setdefault(track, []).append((seen, place))
        first = self._waiting[0].time if self._waiting else np.inf
        out: dict[tuple[int, int], dict[str, float]] = {}
        for track, places in rows.items():
            if places[-1][0].time < first:
                continue
            measures = _measure_track(places)
            for i, (seen, _) in enumerate(places):
                if first <= seen.time <= until:
                    out[seen.index, track] = {k: float(v[i]) for k, v in measures.items() if not np.isnan(v[i])}
        return out

    def _observation(self, seen: Seen, measured: dict[tuple[int, int], dict[str, float]]) -> Observation:
        if seen.state is not CameraState.OK:
            return Observation(seen.index, seen.time, render_state(seen.state), camera=seen.state, sources=("motion",))
        objects = tuple(self._objects(seen, measured))
        size = (self.info.width, self.info.height)
        caption = render_caption(objects, size, None, self.info.frame_rate_known)
        counted = {"objects": float(len(objects))}
        return Observation(seen.index, seen.time, caption, objects, counted, sources=("motion",))

    def _objects(self, seen: Seen, measured: dict[tuple[int, int], dict[str, float]]) -> Iterator[TrackedObject]:
        stays = self._stays
        for place, track in enumerate(seen.ids):
            measures = measured.get((seen.index, track), {})
            if "dwell" not in measures:
                continue  # seen too briefly to be more than flicker
            box = Box(*map(float, seen.boxes[place]))
            body = float(seen.usual[place]) if seen.usual is not None else box.h
            # A stay lasts longer than the frames that are kept.
            stays[track] = Stay.follow(stays.get(track), seen.time, *box.foot, body)
            yield TrackedObject(track, box, "object", measures | {"dwell": seen.time - stays[track].since})
        if len(stays) > 4 * len(seen.ids) + 64:
            self._stays = {track: stays[track] for track in seen.ids if track in stays}


def _measure_track(places: list[tuple[Seen, int]]) -> dict[str, FloatArray]:
    """Measures of one track over the frames that are kept."""
    times = np.array([seen.time for seen, _ in places])
    boxes = np.array([seen.boxes[place] for seen, place in places])
    usual = [seen.usual[place] for seen, place in places if seen.usual is not None]
    measures = measure_tracks(times, boxes, np.array(usual) if len(usual) == len(places) else None)
    if any(seen.velocity is not None for seen, _ in places):
        # Pixels tell the motion better than boxes, whose feet come and go in a crowd; boxes are left where pictures are
        # too far apart.
        nothing = np.full(2, np.nan)
        velocity = [nothing if seen.velocity is None else seen.velocity[place] for seen, place in places]
        measures |= measure_velocities(times, np.array(velocity))
    if any(seen.pace is not None for seen, _ in places):
        measures["pace"] = np.array([np.nan if seen.pace is None else seen.pace[place] for seen, place in places])
    if len(usual) == len(places):
        measures["relative height"] = measures["height"] / np.array(usual)
        measures["relative area"] = measures["area"] / np.array(usual) ** 2
    return measures


def _opened(frames: Iterable[Frame], width: int) -> Iterator[tuple[list[Early], Iterator[Early]]]:
    """Yield the grey frames of the first seconds and an iterator of the rest, once; nothing without frames."""
    pictures = read_ahead((frame.index, frame.time, _grey(frame.image, width)) for frame in frames)
    opening: list[Early] = []
    for early in pictures:
        opening.append(early)
        if early[1] - opening[0][1] >= _OPENING or len(opening) >= _OPENING_FRAMES:
            break
    if opening:
        yield opening, pictures


def _grey(image: Picture, width: int) -> Grey:
    """Grey picture at the width of the analysis."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if min(grey.shape) < _TINY:
        scale = _TINY / min(grey.shape)
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    elif image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.float32)
