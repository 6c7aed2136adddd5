"""`open_video`: a file, a folder of pictures or an array becomes a `Video`, which gives frames."""

from __future__ import annotations

import os
from array import array
from collections.abc import Generator, Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from weakref import WeakSet

import numpy as np

from ruler.errors import UsageError, VideoError
from ruler.schema import FloatArray, Frame, VideoInfo
from ruler.video.files import FileSource
from ruler.video.finding import VIDEO_SUFFIXES, list_folder, video_name
from ruler.video.pictures import ArraySource, FolderSource, PictureSequence
from ruler.video.sampling import EVERY_FRAME, Sampler, Sampling
from ruler.video.source import BrokenPictureError, Slot, Source, exact_rate

Reader = Literal["auto", "pyav", "decord"]

_FEW = 8


class Video:
    """A video that can be gone through several times; each pass decodes afresh and holds one frame at a time.

    Counts and notes are those of the last pass; they are final once `complete` is true.

    Attributes:
        info: what is known before decoding.
        every: which frames an iteration gives. Frames keep the index they have in the full video.
        decoded: frames gone over in the last pass, taken by the sampling or not, corrupt ones not counted. In a folder
            of pictures, a file that the sampling leaves out is not opened and counts as decoded.
        skipped: indices of corrupt frames, which are left out and keep their place in the numbering.
        complete: whether the last pass reached the end.
    """

    def __init__(self, source: Source, every: Sampling = EVERY_FRAME) -> None:
        self._source = source
        self.info: VideoInfo = source.info
        self.every = every
        self.complete = False
        self._times = array("d")
        self._skipped: list[int] = []
        self._passes: WeakSet[Generator[Frame]] = WeakSet()
        self._closed = False

    def __enter__(self) -> Self:
        """The video itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End all passes under way and let go of the file; the counts stay."""
        self._closed = True
        for frames in list(self._passes):
            frames.close()

    @property
    def decoded(self) -> int:
        """Frames gone over in the last pass, corrupt ones not counted."""
        return len(self._times) - len(self._skipped)

    @property
    def skipped(self) -> tuple[int, ...]:
        """Indices of the corrupt frames of the last pass."""
        return tuple(self._skipped)

    @property
    def times(self) -> FloatArray:
        """(T,) float64: seconds of every frame gone over in the last pass, by index, taken or not, corrupt or not."""
        return np.array(self._times, dtype=np.float64)

    @property
    def truncated(self) -> bool:
        """Whether the last full pass found the end of the file missing."""
        return self._source.truncated

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: frames skipped, an end missing, a rate assumed; one sentence each."""
        notes = list(self._source.notes)
        if self._skipped:
            shown = ", ".join(map(str, self._skipped[:_FEW])) + (", …" if len(self._skipped) > _FEW else "")
            were = "is corrupt and was" if len(self._skipped) == 1 else "are corrupt and were"
            notes.append(f"{len(self._skipped)} of {len(self._times)} frames {were} skipped: {shown}")
        return tuple(notes)

    def __iter__(self) -> Iterator[Frame]:
        """The frames that `every` takes, in order, from the beginning.

        Raises:
            VideoError: the video is closed, or not one of its frames can be decoded.
        """
        if self._closed:
            raise VideoError("the video is closed", where=self.info.source, hint="open it again")
        frames = self._run()
        self._passes.add(frames)
        return frames

    def _run(self) -> Generator[Frame]:
        times, skipped = array("d"), list[int]()
        self._times, self._skipped, self.complete = times, skipped, False
        sampler = Sampler(self.every)
        reason = ""
        for slot in self._source.slots():
            times.append(slot.time)
            try:
                frame = _frame(slot, sampler)
            except BrokenPictureError as error:
                skipped.append(slot.index)
                reason = reason or str(error)
                continue
            if frame is not None:
                yield frame
        if len(skipped) == len(times):
            raise VideoError(
                f"none of the {len(times)} frames can be decoded ({reason})",
                where=self.info.source,
                hint="check the file",
            )
        if self._times is times:
            self.complete = True

    def frame_at(self, index: int) -> Frame:
        """The frame of this index in the full video, whatever the sampling.

        Raises:
            VideoError: there is no such frame, or it is corrupt.
        """
        return next(self.frames_at([index]))

    def frames_at(self, indices: Iterable[int]) -> Iterator[Frame]:
        """The frames of these indices, in ascending order, each once, in one pass; counts and notes are left alone.

        After a full iteration an MP4 or Matroska file is sought in, to the frame; otherwise files are decoded from the
        start.

        Raises:
            VideoError: a frame does not exist or is corrupt.
        """
        if self._closed:
            raise VideoError("the video is closed", where=self.info.source, hint="open it again")
        wanted = sorted(set(indices))
        if wanted and wanted[0] < 0:
            raise VideoError(f"there is no frame {wanted[0]}", where=self.info.source, hint="frames count from 0")
        slots = self._source.pick(wanted)
        for index in wanted:
            slot = next(slots, None)
            if slot is None or slot.index != index:
                raise VideoError(f"there is no frame {index}", where=self.info.source, hint="the video is shorter")
            try:
                if slot.image is None:
                    raise BrokenPictureError("the decoder refuses it")
                yield Frame(slot.index, slot.time, slot.image())
            except BrokenPictureError as error:
                where = self.info.source
                raise VideoError(
                    f"frame {index} is corrupt ({error})", where=where, hint="take another frame"
                ) from error


def _frame(slot: Slot, sampler: Sampler) -> Frame | None:
    if slot.image is None:
        raise BrokenPictureError("the decoder refuses it")
    if not sampler.takes(slot.index, slot.time, slot.thumbnail):
        return None
    frame = Frame(slot.index, slot.time, slot.image())
    sampler.took(slot.index, slot.time)
    return frame


def open_video(
    source: str | Path | PictureSequence,
    *,
    name: str | None = None,
    frame_rate: float | Fraction | None = None,
    reader: Reader = "auto",
    start: datetime | None = None,
    every: Sampling | None = None,
) -> Video:
    """Open a video file, a folder of pictures, or pictures in memory.

    Args:
        source: path of a video file or of a folder of pictures; or N×H×W×3 (RGB) or N×H×W (grey) uint8, or a
            sequence of such pictures.
        name: name of the video; None takes the stem of the file, the name of the folder, or "array".
        frame_rate: frames per second. For a folder or an array, None assumes 25 (`info.frame_rate_known` is then
            False). For a file it replaces the file's own timestamps.
        reader: what decodes files: "pyav" (also "auto"), or "decord", which reads intact files only.
        start: wall-clock time of frame 0; None takes the container's creation time, where there is one.
        every: which frames an iteration gives; None gives all.

    Returns:
        The video, its first picture already decoded once.

    Raises:
        VideoError: nothing there, nothing that can be read, or no picture in it.
        UsageError: a frame rate that is not over 0, an unknown reader, or "decord" where it is not installed.
    """
    rate = None if frame_rate is None else exact_rate(frame_rate)
    if reader not in ("auto", "pyav", "decord"):
        raise UsageError(f"no reader is called {reader!r}", where="reader", hint="take auto, pyav or decord")
    if not isinstance(source, str | os.PathLike):
        return Video(ArraySource(source, name=name or "array", frame_rate=rate, start=start), every or EVERY_FRAME)
    if "://" in str(source):
        raise VideoError("an address, not a file", where=str(source), hint="fetch the video first and give its path")
    path = Path(source)
    name = name or video_name(path)
    made: Source
    if _is_folder(path):
        _refuse_folder_of_videos(path)
        made = FolderSource(path, name=name, frame_rate=rate, start=start)
    elif reader == "decord":
        from ruler.video.decord_reader import DecordSource

        made = DecordSource(path, name=name, frame_rate=rate, start=start)
    else:
        made = FileSource(path, name=name, frame_rate=rate, start=start)
    return Video(made, every or EVERY_FRAME)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # what is wrong with it is found, and said, on opening it as a file


def _refuse_folder_of_videos(path: Path) -> None:
    entries = list_folder(path)
    video = next((entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES and not entry.is_dir()), None)
    if video is not None:
        what = f"a folder with video files in it ({video.name}), not one video"
        raise VideoError(what, where=path, hint="give the files one by one")
