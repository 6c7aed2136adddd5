"""Files of frame labels in; the labels of a video, checked against its length, out; and where two sources differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ruler.bench.datasets.listing import Canonical, as_it_is, check_names
from ruler.errors import DataError
from ruler.schema import BoolArray

LABELS = "labels/*.npy"
"""What tables call the labels that lie beside a layout."""

Interval = tuple[int, int]
"""First frame and the frame after the last one, from 0."""


class Reading(NamedTuple):
    """What a source says of one video.

    Attributes:
        labels: (T,) bool, True for an anomalous frame.
        note: what a person should know; empty where there is nothing.
    """

    labels: BoolArray
    note: str = ""


@dataclass(frozen=True, slots=True)
class TruthSource:
    """One place that frame labels are read from.

    Attributes:
        title: as tables call it ("labels/*.npy", "pixel masks").
        videos: names of the videos it speaks of.
        read: the name of one of these, and its number of frames or None where that is not known, → its labels; a
            source that carries the number itself does not ask for it. Raises DataError.
    """

    title: str
    videos: frozenset[str]
    read: Callable[[str, int | None], Reading]


def labels_from_intervals(intervals: Iterable[Interval], frames: int) -> BoolArray:
    """Frame labels of half-open intervals.

    Args:
        intervals: each within 0 and `frames`; they may overlap and come in any order.
        frames: number of frames.

    Returns:
        (frames,) bool, True within any interval.
    """
    labels = np.zeros(frames, np.bool_)
    for start, end in intervals:
        labels[start:end] = True
    return labels


def intervals_that_fit(
    intervals: Sequence[Interval], frames: int | None, *, video: str, where: Path | str
) -> BoolArray:
    """Frame labels of half-open intervals from a file, once their bounds are checked.

    Args:
        intervals: as read.
        frames: number of frames of the video; None where it is not known.
        video: its name, for errors.
        where: the file, and line where there is one, for errors.

    Returns:
        (frames,) bool.

    Raises:
        DataError: the number of frames is not known, or an interval is empty or reaches beyond it.
    """
    if frames is None:
        raise DataError(
            f"the number of frames of video {video} is not known, only intervals of it are",
            where=where,
            hint=f"give its pictures, captions/{video}.txt with one line per frame, or labels/{video}.npy",
        )
    for start, end in intervals:
        if not 0 <= start < end:
            raise DataError(
                f"video {video} has an interval from frame {start} up to, not including, {end} (frames from 0)",
                where=where,
                hint="it must begin at frame 0 or later and end after its beginning",
            )
        if end > frames:
            raise DataError(
                f"an interval reaches over {end} frames, video {video} has {frames}",
                where=where,
                hint="take labels and video from the same copy of the dataset",
            )
    return labels_from_intervals(intervals, frames)


def read_labels(path: Path) -> BoolArray:
    """Read frame labels from a NumPy file.

    Returns:
        (T,) bool, True where the file has 1.

    Raises:
        DataError: it cannot be read, or is not one row of zeros and ones.
    """
    hint = "save one 0 or 1 per frame: numpy.save(path, labels.astype('uint8'))"
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError("no labels can be read from it", where=path, hint=hint) from error
    if not isinstance(values, np.ndarray) or values.ndim != 1 or not len(values):
        shape = getattr(values, "shape", "an archive")
        raise DataError(f"labels are one row of at least one value, not {shape}", where=path, hint=hint)
    if values.dtype.kind not in "buif" or not np.isin(values, (0, 1)).all():
        raise DataError("labels other than 0 and 1", where=path, hint=hint)
    return np.asarray(values, np.bool_)


def label_files(folder: Path, title: str = LABELS, canonical: Canonical = as_it_is) -> TruthSource | None:
    """The labels in a folder of NumPy files, one per video; None where there is no such file.

    Raises:
        DataError: a file is not named as its video is called.
    """
    paths = folder.glob("*.npy") if folder.is_dir() else ()
    names = check_names(sorted(p.stem for p in paths if not p.name.startswith(".")), folder, canonical)
    if not names:
        return None
    return TruthSource(title, frozenset(names), lambda name, _: Reading(read_labels(folder / f"{name}.npy")))
