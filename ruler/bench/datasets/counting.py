"""A video file, a folder of pictures or a caption file in; its number of frames out, without decoding any."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ruler.errors import DataError, VideoError
from ruler.perception.recorded import read_captions
from ruler.schema import FloatArray
from ruler.video.container import CUT_SHORT, READ_ERRORS, Facts, open_stream, read_facts
from ruler.video.finding import PICTURE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Count:
    """A number of frames and who says so.

    Attributes:
        where: the folder or file that was counted.
        unit: what was counted ("pictures", "frames", "captions").
        frames: how many.
        exact: False where this is the least there must be.
    """

    where: Path
    unit: str
    frames: int
    exact: bool = True

    def fits(self, frames: int) -> bool:
        """Whether a video of so many frames agrees with this."""
        return frames == self.frames if self.exact else frames >= self.frames

    def __str__(self) -> str:
        return f"{'' if self.exact else 'at least '}{self.frames} {self.unit} in {self.where}"


def count_pictures(folder: Path) -> int:
    """Number of pictures in a folder, hidden files left out, as `open_video` counts them.

    Raises:
        DataError: the folder cannot be listed, or holds no picture.
    """
    try:
        with os.scandir(folder) as entries:
            count = sum(
                not e.name.startswith(".") and Path(e.name).suffix.lower() in PICTURE_SUFFIXES and e.is_file()
                for e in entries
            )
    except OSError as error:
        raise DataError(f"cannot be listed ({error.strerror})", where=folder, hint="check its permissions") from error
    if not count:
        raise DataError(
            "no picture in this folder", where=folder, hint="unpack the dataset again, or take the folder away"
        )
    return count


def count_frames(video: Path, expected: int | None = None) -> Count:
    """Number of frames of a video file or of a folder of pictures.

    A container's own word is taken where it gives one and that is what is expected; otherwise the coded frames in it
    are counted.

    Args:
        video: the file or folder.
        expected: number of frames that something else speaks of; None where nothing does.

    Raises:
        DataError: it cannot be opened, or holds nothing.
    """
    if video.is_dir():
        return Count(video, "pictures", count_pictures(video))
    with open_stream(video) as (container, stream):
        declared = read_facts(container, stream).frames
    if declared is None or (expected is not None and declared != expected):
        return Count(video, "frames", len(_stamps(video)[0]))
    return Count(video, "frames", declared)


def frame_times(video: Path) -> FloatArray:
    """Times of the frames of a video file, from the timestamps of its coded frames.

    Returns:
        (T,) float64, seconds from the first frame, ascending. Where timestamps are missing, the frame rate gives them.

    Raises:
        VideoError: the file cannot be opened or read to its end, holds no frame, or carries neither timestamps nor a
            frame rate.
    """
    stamps, facts = _stamps(video)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(stamps):
        times = np.sort(np.array(known, dtype=np.float64)) * float(facts.time_base)
        return np.asarray(times - times[0], np.float64)
    if not facts.rate_known:
        raise VideoError("no timestamps and no frame rate in it", where=video, hint="convert it to MP4")
    return np.arange(len(stamps)) / float(facts.rate)


def _stamps(video: Path) -> tuple[list[int | None], Facts]:
    """Timestamps of the coded frames, in the order of the file."""
    stamps: list[int | None] = []
    with open_stream(video) as (container, stream):
        facts = read_facts(container, stream)
        try:
            stamps.extend(p.pts for p in container.demux(stream) if p.size and not p.is_discard)
        except READ_ERRORS as error:
            raise VideoError(f"it cannot be read beyond frame {len(stamps)}", where=video, hint=CUT_SHORT) from error
    if not stamps:
        raise VideoError("no frame in it", where=video, hint=CUT_SHORT)
    return stamps, facts


def count_captions(file: Path) -> Count:
    """Number of frames that a caption file speaks of: exact for `.txt`, at least so many for `.jsonl`.

    Raises:
        RecordError: it cannot be read.
    """
    return Count(file, "captions", read_captions(file)[-1].frame + 1, exact=file.suffix.lower() == ".txt")
