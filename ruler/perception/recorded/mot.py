"""A MOT Challenge text file of tracks or detections in; its rows as arrays out, frames counted from 0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ruler.errors import RecordError
from ruler.perception.recorded.captions import MOST_FRAMES
from ruler.perception.recorded.find import read_bytes
from ruler.schema import FloatArray, IntArray

MotKind = Literal["tracks", "detections"]

_COLUMNS = ("frame", "id", "x", "y", "width", "height", "score")


@dataclass(frozen=True, slots=True)
class MotTable:
    """Boxes of a video, sorted by frame.

    Attributes:
        frame: (n,) int64, index of the frame, from 0.
        id: (n,) int64, id of the track, from 1; -1 throughout for detections.
        box: (n, 4) float64, x, y, w, h in pixels; width and height above 0.
        score: (n,) float64; 1 where the file has no such column.
    """

    frame: IntArray
    id: IntArray
    box: FloatArray
    score: FloatArray

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def frames(self) -> int:
        """Number of frames up to the last one with a box; 0 for an empty table."""
        return int(self.frame[-1]) + 1 if len(self.frame) else 0


def read_mot(path: Path, kind: MotKind = "tracks") -> MotTable:
    """Read MOT Challenge text: frame (from 1), id, x, y, width, height, then optionally score and up to three more.

    Columns are separated by commas or by blanks; there are 6 to 10 of them, the same number in every row. Columns after
    the score are passed over. An empty file is a video in which nobody was seen.

    Args:
        path: the file.
        kind: "tracks" needs an id in every row, each once per frame (ids counted from 0 are moved to count from 1); for
            "detections" the ids are passed over.

    Returns:
        The rows, sorted by frame, in the file's order within a frame.

    Raises:
        RecordError: the file cannot be read, or a row breaks the format; says which.
    """
    rows, lines = _numbers(path)
    if not len(rows):
        return MotTable(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0))
    _check(rows, lines, path)
    ids = np.full(len(rows), -1, np.int64)
    if kind == "tracks":
        _check_ids(rows, lines, path)
        ids = rows[:, 1].astype(np.int64)
        ids += int(ids.min() == 0)
    score = rows[:, 6].copy() if rows.shape[1] > 6 else np.ones(len(rows))
    order = np.argsort(rows[:, 0], kind="stable")
    return MotTable(rows[order, 0].astype(np.int64) - 1, ids[order], rows[order, 2:6].copy(), score[order])


def _numbers(path: Path) -> tuple[FloatArray, IntArray]:
    """Return the rows (n, columns) and their line numbers (n,)."""
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RecordError("not a row of numbers", where=f"{path}:{line}", hint=_HINT) from error
    rows = text.split("\n")
    kept = [(row, number) for number, row in enumerate(rows, 1) if row and not row.isspace()]
    if not kept:
        return np.zeros((0, 6)), np.zeros(0, np.int64)
    texts, lines = zip(*kept, strict=True)
    separator = "," if "," in texts[0] else None
    try:
        table = np.loadtxt(texts, delimiter=separator, ndmin=2, comments=None)
    except ValueError as error:
        raise _first_bad(texts, lines, separator, path) from error
    if not 6 <= table.shape[1] <= 10:
        raise RecordError(f"{table.shape[1]} columns", where=f"{path}:{lines[0]}", hint=_HINT)
    return table, np.array(lines, np.int64)


_HINT = "a row is frame, id, x, y, width, height and up to 4 columns more, separated by commas or blanks"


def _first_bad(texts: tuple[str, ...], lines: tuple[int, ...], separator: str | None, path: Path) -> RecordError:
    width = len(texts[0].split(separator))
    for text, line in zip(texts, lines, strict=True):
        cells = text.split(separator)
        for cell in cells:
            try:
                float(cell)
            except ValueError:
                return RecordError(f"'{cell.strip()[:30]}' is not a number", where=f"{path}:{line}", hint=_HINT)
        if len(cells) != width:
            return RecordError(f"{len(cells)} columns, {width} in the rows before", where=f"{path}:{line}", hint=_HINT)
    return RecordError("not rows of numbers", where=path, hint=_HINT)


def _check(rows: FloatArray, lines: IntArray, path: Path) -> None:
    def refuse(bad: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], what: str, column: int, hint: str) -> None:
        if bad.any():
            row = int(np.argmax(bad))
            value = rows[row, column]
            raise RecordError(what.format(value=f"{value:g}"), where=f"{path}:{lines[row]}", hint=hint)

    for column, name in enumerate(_COLUMNS[: rows.shape[1]]):
        refuse(~np.isfinite(rows[:, column]), f"the {name} is {{value}}", column, "leave rows without a box out")
    frame = rows[:, 0]
    refuse(
        (frame < 1) | (frame != np.floor(frame)),
        "frame {value}",
        0,
        "frames are whole numbers; this format counts them from 1",
    )
    refuse(frame > MOST_FRAMES, "frame {value}", 0, f"a video has at most {MOST_FRAMES} frames")
    for column in (4, 5):
        refuse(rows[:, column] <= 0, f"the {_COLUMNS[column]} is {{value}}", column, "width and height must be above 0")


def _check_ids(rows: FloatArray, lines: IntArray, path: Path) -> None:
    ids = rows[:, 1]
    bad = (ids < 0) | (ids != np.floor(ids)) | (ids >= 2**53)
    if bad.any():
        row = int(np.argmax(bad))
        where = f"{path}:{lines[row]}"
        raise RecordError(
            f"id {ids[row]:g} is no track", where=where, hint="boxes without tracks (id -1) are given with --detections"
        )
    order = np.lexsort((lines, ids, rows[:, 0]))
    twice = (np.diff(rows[order, 0]) == 0) & (np.diff(ids[order]) == 0)
    if twice.any():
        row = order[1:][twice][np.argmin(lines[order[1:][twice]])]
        where = f"{path}:{lines[row]}"
        raise RecordError(
            f"track {ids[row]:g} has a box in frame {rows[row, 0]:g} already",
            where=where,
            hint="a track has one box per frame",
        )
