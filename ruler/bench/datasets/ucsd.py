"""Folder of UCSD Ped1 or Ped2 in; its videos with their labels out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ruler.bench.datasets.assemble import Layout, assemble
from ruler.bench.datasets.base import BenchDataset, GroundTruth
from ruler.bench.datasets.listing import find_pictures, two_digits
from ruler.bench.datasets.matfiles import interval_source
from ruler.bench.datasets.truth import Interval, Reading, TruthSource, intervals_that_fit
from ruler.errors import DataError
from ruler.schema import BoolArray
from ruler.video.finding import PICTURE_SUFFIXES, list_folder

FRAME_RATE = 10.0

_PART = re.compile(r"(Train|Test)\d+")
_MASKS = re.compile(r"Test(\d+)_gt")
_COMMENT = re.compile("%.*")
_STATEMENT = re.compile(r"\bgt_frame\s*=([^;=]*)")


def load_ped1(root: Path, ground_truth: GroundTruth) -> BenchDataset:
    """Read UCSD Ped1: the layout of `load_ped2`, with `UCSDped1`, `UCSDped1.m` and `ped1.mat`."""
    return _load("ped1", root, ground_truth)


def load_ped2(root: Path, ground_truth: GroundTruth) -> BenchDataset:
    """Read UCSD Ped2 (Mahadevan et al., "Anomaly detection in crowded scenes", CVPR 2010), official or as a copy.

    ```
    ROOT/                            official; UCSDped2 may be the root itself
      UCSDped2/Train/TrainNNN/001.tif
      UCSDped2/Test/TestNNN/001.tif
      UCSDped2/Test/UCSDped2.m       intervals; or
      UCSDped2/Test/TestNNN_gt/*.bmp one pixel mask per frame, read where there are no intervals

    ROOT/                            copy
      training/frames/NN/*.jpg
      testing/frames/NN/*.jpg
      ped2.mat                       gt: intervals, one cell per video

      captions/NN.txt  tracks/{training,testing}/NN.txt  detections/{training,testing}/NN.txt  labels/NN.npy
    ```

    Videos are called by their number, "01" for Test001, in records as well. Frames of both files count from 1, the last
    one included. A line of the `.m` file is `TestVideoFile{end+1}.gt_frame = [5:90, 140:200];`, one per video in their
    order. In `ped2.mat` an empty cell is a video that was left out.

    Args:
        root: the folder.
        ground_truth: which labels are used.

    Raises:
        DataError: something is missing, unreadable or does not fit together.
    """
    return _load("ped2", root, ground_truth)


def _load(name: str, root: Path, ground_truth: GroundTruth) -> BenchDataset:
    inner = f"UCSD{name}"
    here = root / inner if (root / inner).is_dir() else root
    training = find_pictures(here, ("Train",), two_digits, _is_part) | find_pictures(
        root, ("training/frames",), two_digits
    )
    testing = find_pictures(here, ("Test",), two_digits, _is_part) | find_pictures(
        root, ("testing/frames",), two_digits
    )
    intervals = [
        *(_matlab_code(path) for path in (here / "Test" / f"{inner}.m", here / f"{inner}.m") if path.is_file()),
        interval_source(root / f"{name}.mat", two_digits),
    ]
    official = [source for source in intervals if source] or _masks(here / "Test")
    layout = Layout(
        name=name,
        root=root,
        training=training,
        testing=testing,
        official=official,
        training_place=f"{inner}/Train/TrainNNN/ or training/frames/NN/",
        testing_place=f"{inner}/Test/TestNNN/ or testing/frames/NN/",
        truth_place=f"{inner}/Test/{inner}.m, {name}.mat or {inner}/Test/TestNNN_gt/",
        canonical=two_digits,
        frame_rate=FRAME_RATE,
    )
    return assemble(layout, ground_truth)


def _is_part(name: str) -> bool:
    return _PART.fullmatch(name) is not None


def _matlab_code(path: Path) -> TruthSource:
    """The intervals of a `.m` file."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror})", where=path, hint="check its permissions") from error
    found: dict[str, tuple[str, list[Interval]]] = {}
    text = _COMMENT.sub("", text)
    for number, match in enumerate(_STATEMENT.finditer(text), start=1):
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        found[two_digits(str(number))] = where, _ranges(match[1], where)
    if not found:
        raise DataError(
            "no intervals in it",
            where=path,
            hint="its lines are like TestVideoFile{end+1}.gt_frame = [61:180];",
        )

    def read(name: str, frames: int | None) -> Reading:
        where, intervals = found[name]
        return Reading(intervals_that_fit(intervals, frames, video=name, where=where))

    return TruthSource(path.name, frozenset(found), read)


def _ranges(text: str, where: str) -> list[Interval]:
    """Half-open intervals from 0, from a MATLAB vector of ranges: `[5:90, 140:200]`."""
    vector = text.replace("...", " ").strip()
    if vector.startswith("[") and vector.endswith("]"):
        vector = vector[1:-1]
    intervals = []
    for part in re.sub(r"\s*:\s*", ":", vector).replace(",", " ").split():
        match = re.fullmatch(r"(\d+)(?::(\d+))?", part)
        if not match:
            raise DataError(f"'{part}' is no range of frames", where=where, hint="write FIRST:LAST, like 61:180")
        intervals.append((int(match[1]) - 1, int(match[2] or match[1])))
    return intervals


def _masks(folder: Path) -> list[TruthSource]:
    """The pixel masks, as a source of frame labels; empty where there are none."""
    entries = list_folder(folder) if folder.is_dir() else []
    paths = {two_digits(match[1]): path for path in entries if (match := _MASKS.fullmatch(path.name))}
    if not paths:
        return []
    return [TruthSource("pixel masks", frozenset(paths), lambda name, _: Reading(_mask_labels(paths[name])))]


def _mask_labels(folder: Path) -> BoolArray:
    """(T,) bool, True where the mask of a frame has any pixel."""
    labels = []
    for path in list_folder(folder):
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            continue
        try:
            with Image.open(path) as mask:
                labels.append(bool(np.any(np.asarray(mask))))
        except (OSError, UnidentifiedImageError) as error:
            raise DataError("the mask cannot be read", where=path, hint="unpack the dataset again") from error
    return np.array(labels, np.bool_)
