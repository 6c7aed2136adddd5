"""Video files read with PyAV, exact to the frame. In: a path. Out: slots with index, time and upright RGB picture."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from heapq import heappop, heappush
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from ruler.errors import VideoError
from ruler.schema import Picture, VideoInfo
from ruler.video.container import CUT_SHORT, READ_ERRORS, Turn, open_stream, read_facts
from ruler.video.sampling import THUMBNAIL_SIZE, Thumbnail
from ruler.video.source import BrokenPictureError, Clock, Slot, pick_in_order

_MAX_READ_ERRORS = 3
_ENOUGH = Fraction(98, 100)
"""Part of the declared seconds, less one, that a whole file holds: containers round."""


class DamagedError(Exception):
    """Decoding with threads met a corrupt frame: a single thread tells which one it was and loses none behind it."""


@dataclass(slots=True)
class _Pass:
    """What one decoding pass knows and finds out, besides the frames.

    Attributes:
        pending: heap of the timestamps of packets that no frame has come from yet.
        errors: errors of the decoder that have not been given a place yet.
        silent: packets that gave no frame without any error.
        packets: packets read.
        timed: whether all packets and frames carry a timestamp.
        complete: False where the file could not be read to its end.
        stamps: timestamp of each slot; -1 for none.
        times: seconds of each slot.
        keys: indices of key frames.
        resized: whether the size of the picture changed.
        painter, thumbnailer: keep the conversion's tables between frames; they are not safe between threads, so each
            pass has its own.
    """

    pending: list[int] = field(default_factory=list)
    errors: int = 0
    silent: int = 0
    packets: int = 0
    timed: bool = True
    complete: bool = True
    stamps: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    keys: list[int] = field(default_factory=list)
    resized: bool = False
    painter: VideoReformatter = field(default_factory=VideoReformatter)
    thumbnailer: VideoReformatter = field(default_factory=VideoReformatter)

    def lost_before(self, pts: int | None) -> list[int | None]:
        """Timestamps (None for unknown ones) of the corrupt frames between the last frame and this one.

        A packet without a frame is a lost frame only where the decoder reported an error: a second field has none
        either.
        """
        if pts is None or not self.timed:
            lost: list[int | None] = [None] * self.errors
            self.errors = 0
            return lost
        passed: list[int | None] = []
        while self.pending and self.pending[0] < pts:
            passed.append(heappop(self.pending))
        if self.pending and self.pending[0] == pts:
            heappop(self.pending)
        lost = passed[: self.errors]
        self.errors -= len(lost)
        self.silent += len(passed) - len(lost)
        return lost

    def lost_at_end(self) -> list[int | None]:
        """The same behind the last frame."""
        if not self.timed:
            return [None] * self.errors
        lost: list[int | None] = [*sorted(self.pending)[: self.errors]]
        return lost


class FileSource:
    """A video file.

    Frames count from 0 in presentation order. A corrupt frame (the decoder refuses it or conceals damage in it) keeps
    its place: it is a slot without a picture. Pictures that change size within the file are scaled to the size of the
    first. Pixels are taken as stored: a pixel aspect ratio other than 1 is not stretched.

    Args:
        path: the file.
        name: name of the video.
        frame_rate: frames per second that replace the file's timestamps; None keeps the timestamps.
        start: wall-clock time of frame 0; None takes the container's creation time.

    Raises:
        VideoError: the file is missing, may not be read, is empty, is no video, or holds no frame that can be decoded.
    """

    def __init__(self, path: Path, *, name: str, frame_rate: Fraction | None, start: datetime | None) -> None:
        self.path = path
        self._given_rate = frame_rate
        self._threaded = True
        self._map: tuple[array[int], array[float], list[int]] | None = None
        with open_stream(path) as (container, stream):
            self.facts = read_facts(container, stream)
        facts = self.facts
        rate, known = (facts.rate, facts.rate_known) if frame_rate is None else (frame_rate, True)
        self._rate_notes = (
            [] if known else [f"the frame rate is not known; {float(rate):g} frames per second are assumed"]
        )
        self.notes = list(self._rate_notes)
        self.truncated = False
        self._size: tuple[int, int] | None = None
        self._turn = Turn()
        height, width = self._first_picture().shape[:2]
        self.info = VideoInfo(name, str(path), width, height, float(rate), known, facts.frames, start or facts.created)

    def _first_picture(self) -> Picture:
        with closing(self.slots()) as slots:
            for slot in slots:
                if slot.image is not None:
                    return slot.image()
        raise VideoError("no frame could be decoded", where=self.path, hint=CUT_SHORT)

    def slots(self) -> Generator[Slot]:
        """All slots, with as many threads as pay; from the first damage on, with one."""
        done = 0
        while True:
            try:
                for slot in self._decode(threaded=self._threaded):
                    if slot.index >= done:
                        done = slot.index + 1
                        yield slot
                return
            except DamagedError:
                self._threaded = False

    def pick(self, indices: Sequence[int]) -> Iterator[Slot]:
        """The slots of these indices: by seeking where a full pass has mapped the file, else from the start."""
        found = 0
        if self._map is not None:
            for slot in self._sought(indices, *self._map):
                found += 1
                yield slot
        yield from pick_in_order(self.slots(), indices[found:])

    def _decode(self, *, threaded: bool) -> Iterator[Slot]:
        facts, state = self.facts, _Pass()
        step = 1 / (self._given_rate or facts.rate)
        clock = Clock(facts.time_base, step)
        index = 0

        def place(pts: int | None, frame: VideoFrame | None) -> Slot:
            nonlocal index
            state.stamps.append(-1 if pts is None else pts)
            state.timed = state.timed and pts is not None
            state.times.append(clock.at(None if self._given_rate else pts))
            slot = self._slot(index, state.times[-1], frame, state)
            index += 1
            return slot

        with open_stream(self.path, threaded=threaded) as (container, stream):
            for frame in self._frames(container, stream, state):
                if threaded and (state.errors or frame.is_corrupt):
                    raise DamagedError
                for pts in state.lost_before(frame.pts):
                    yield place(pts, None)
                if frame.key_frame and not frame.is_corrupt:
                    state.keys.append(index)
                yield place(frame.pts, None if frame.is_corrupt else frame)
            if threaded and (state.errors or (state.timed and state.pending and not state.silent)):
                raise DamagedError
            for pts in state.lost_at_end():
                yield place(pts, None)
        self._conclude(state, index, clock)

    def _frames(self, container: InputContainer, stream: VideoStream, state: _Pass) -> Iterator[VideoFrame]:
        """Frames in presentation order; errors are counted in `state`."""
        held: Packet[VideoStream] | None = None
        for packet in _packets(container, stream, state):
            if held is not None:
                yield from _decoded(stream, held, state)
            held = packet
            if packet.pts is None:
                state.timed = False
            elif not packet.is_discard:
                heappush(state.pending, packet.pts)
        if held is not None and held.is_corrupt:
            # The file ends within this packet: half a picture is no picture.
            state.complete = False
            state.errors += 1
        elif held is not None:
            yield from _decoded(stream, held, state)
        yield from _decoded(stream, None, state)

    def _slot(self, index: int, time: float, frame: VideoFrame | None, state: _Pass) -> Slot:
        if frame is None:
            return Slot(index, time, None)
        if self._size is None:
            self._size = frame.width, frame.height
            self._turn = Turn.of(frame)
        size, turn, shown = self._size, self._turn, frame
        if (frame.width, frame.height) != size:
            state.resized = True

        def image() -> Picture:
            try:
                stored = state.painter.reformat(shown, *size, format="rgb24", threads=1).to_ndarray()
            except READ_ERRORS as error:
                raise BrokenPictureError(str(error)) from error
            return turn.apply(np.asarray(stored, dtype=np.uint8))

        def small() -> Thumbnail:
            return np.asarray(
                state.thumbnailer.reformat(shown, *THUMBNAIL_SIZE, format="gray", threads=1).to_ndarray(),
                dtype=np.uint8,
            )

        return Slot(index, time, image, small)

    def _conclude(self, state: _Pass, length: int, clock: Clock) -> None:
        """Notes and the map for seeking, after a full pass."""
        cut = self._cut_short(state, length, clock.last + 1 / self.facts.rate)
        self.truncated = cut is not None
        self.notes = [*self._rate_notes] if cut is None else [*self._rate_notes, cut]
        if state.resized and self._size:
            width, height = self._size
            self.notes.append(f"the picture changes its size within the file; all are scaled to {width}×{height}")
        ascending = bool(np.all(np.diff(np.frombuffer(state.stamps, dtype=np.int64)) > 0)) if length else False
        mapped = self.facts.seekable and state.timed and ascending and bool(state.keys)
        self._map = (state.stamps, state.times, state.keys) if mapped else None

    def _cut_short(self, state: _Pass, length: int, end: Fraction) -> str | None:
        declared, duration = self.facts.frames, self.facts.duration
        if declared is not None and state.packets < declared:
            held = f"the file declares {declared} frames and holds {state.packets}"
        elif not state.complete:
            return f"the file cannot be read beyond frame {length - 1}: it is cut short or damaged there"
        elif declared is None and duration is not None and not self._given_rate and end < duration * _ENOUGH - 1:
            held = f"the file declares {float(duration):.1f} s and holds {float(end):.1f} s"
        else:
            return None
        return f"{held}: it is cut short, or its head is wrong"

    def _sought(
        self, indices: Sequence[int], stamps: array[int], times: array[float], keys: list[int]
    ) -> Iterator[Slot]:
        """Slots by seeking to the key frame before each; ends early where a timestamp does not turn up as expected."""
        with open_stream(self.path, threaded=False) as (container, stream):
            position = len(stamps)
            frames: Iterator[VideoFrame] = iter(())
            for index in indices:
                if index >= len(stamps):
                    return
                key = keys[max(0, bisect_right(keys, index) - 1)]
                if position > index or position < key:
                    container.seek(stamps[key], stream=stream, backward=True)
                    frames = self._frames(container, stream, _Pass())
                found = next((frame for frame in frames if frame.pts is None or frame.pts >= stamps[index]), None)
                if found is None or found.pts != stamps[index] or found.is_corrupt:
                    return
                position = index + 1
                yield self._slot(index, times[index], found, _Pass())


def _packets(container: InputContainer, stream: VideoStream, state: _Pass) -> Iterator[Packet[VideoStream]]:
    """Packets that hold data; goes on behind a place that cannot be read, and gives up after a few in a row."""
    failures = 0
    while failures < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(stream):
                failures = 0
                # The last one is empty; a packet without data but with a time repeats the frame before it.
                state.packets += packet.size > 0 or packet.dts is not None
                if packet.size:
                    yield packet
            return
        except (*READ_ERRORS, IndexError):  # the library trips over a stream that first turns up here
            failures += 1
    state.complete = False


def _decoded(stream: VideoStream, packet: Packet[VideoStream] | None, state: _Pass) -> list[VideoFrame]:
    try:
        return stream.decode(packet)
    except EOFError:
        return []
    except READ_ERRORS:
        state.errors += 1
        return []
