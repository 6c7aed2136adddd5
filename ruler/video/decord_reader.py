"""Video files read with decord, a second reader. In: a path. Out: the same slots as `FileSource` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ruler.errors import UsageError, VideoError
from ruler.schema import Picture, VideoInfo
from ruler.video.container import READ_ERRORS, open_stream
from ruler.video.files import FileSource
from ruler.video.source import BrokenPictureError, Clock, Slot

_USE_PYAV = "use the reader pyav, which skips what is corrupt"


class DecordSource:
    """A video file whose pictures come from decord; its times come from the container: decord rounds them.

    decord stops, or repeats frames, where a file is damaged: such a file is refused. Arguments are those of
    `FileSource`.

    Raises:
        UsageError: decord is not installed.
        VideoError: as for `FileSource`; or decord and the container disagree on the number of frames.
    """

    def __init__(self, path: Path, *, name: str, frame_rate: Fraction | None, start: datetime | None) -> None:
        decord = _import_decord()
        plain = FileSource(path, name=name, frame_rate=frame_rate, start=start)
        self._path = path
        self._decord = decord
        self._times = _times(
            path, Clock(plain.facts.time_base, 1 / (frame_rate or plain.facts.rate)), keep=frame_rate is None
        )
        self.notes = plain.notes
        self.truncated = False
        count = len(self._open())
        if count != len(self._times):
            raise VideoError(
                f"decord finds {count} frames, the container {len(self._times)}", where=path, hint=_USE_PYAV
            )
        self.info: VideoInfo = plain.info

    def slots(self) -> Iterator[Slot]:
        """All slots in order."""
        return self.pick(range(len(self._times)))

    def pick(self, indices: Sequence[int]) -> Iterator[Slot]:
        """The slots of these indices."""
        video = self._open()
        for index in indices:
            if index < len(self._times):
                yield Slot(index, self._times[index], self._maker(video, index))

    def _open(self) -> Any:  # decord has no types
        try:
            return self._decord.VideoReader(str(self._path), num_threads=1)
        except (RuntimeError, self._decord.DECORDError) as error:
            raise VideoError("decord cannot open it", where=self._path, hint=_USE_PYAV) from error

    def _maker(self, video: Any, index: int) -> Callable[[], Picture]:
        made: list[Picture] = []

        def image() -> Picture:
            if not made:
                made.append(self._picture(video, index))
            return made[0]

        return image

    def _picture(self, video: Any, index: int) -> Picture:
        try:
            picture = np.asarray(video[index].asnumpy(), dtype=np.uint8)
        except (RuntimeError, IndexError, self._decord.DECORDError) as error:
            raise VideoError(f"decord cannot read frame {index}", where=self._path, hint=_USE_PYAV) from error
        if picture.shape != (self.info.height, self.info.width, 3):
            raise BrokenPictureError("decord gives it another size")
        return picture


def _import_decord() -> Any:
    try:
        decord = import_module("decord")
    except ImportError as error:
        raise UsageError(
            "the reader decord is not installed", where="reader", hint='pip install "video-ruler[decord]", or use pyav'
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    return decord


def _times(path: Path, clock: Clock, *, keep: bool) -> list[float]:
    """Presentation times from the container's packets; by count where `keep` is False or a timestamp is missing."""
    with open_stream(path) as (container, stream):
        try:
            stamps = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
        except READ_ERRORS as error:
            raise VideoError("the file is damaged", where=path, hint=_USE_PYAV) from error
    known = [stamp for stamp in stamps if stamp is not None]
    if not keep or len(known) < len(stamps):
        return [clock.at(None) for _ in stamps]
    return [clock.at(stamp) for stamp in sorted(known)]
