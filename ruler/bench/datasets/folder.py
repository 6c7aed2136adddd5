"""Folder of one's own videos, with a table of intervals, in; the videos with their labels out."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from ruler.bench.datasets.assemble import Layout, assemble
from ruler.bench.datasets.base import BenchDataset, GroundTruth
from ruler.bench.datasets.counting import frame_times
from ruler.bench.datasets.listing import Records, find_records, is_video, some
from ruler.bench.datasets.truth import Interval, Reading, TruthSource, intervals_that_fit
from ruler.errors import DataError
from ruler.video.finding import PICTURE_SUFFIXES, VIDEO_SUFFIXES, find_videos, list_folder, run_names

TABLE = "labels.csv"

Unit = Literal["seconds", "frames"]

_HEADERS: dict[tuple[str, ...], Unit] = {
    ("video", "start", "end"): "seconds",
    ("video", "start_frame", "end_frame"): "frames",
}
_NORMAL = ("training", "normal")
_TAKEN = {*_NORMAL, "testing", "captions", "tracks", "detections", "labels"}
_ROUNDING = 1.0
"""Seconds that an interval may end after its video: people write whole seconds."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One interval of the table: start and end in its unit, and where it stands."""

    start: float
    end: float
    where: str


def load_folder(root: Path, ground_truth: GroundTruth) -> BenchDataset:
    """Read videos of one's own, labelled by a table of intervals.

    ```
    ROOT/
      labels.csv
      training/…  or normal/…     optional: normal videos
      testing/…                   the others: video files or folders of pictures, at any depth;
      a.mp4  b/0001.jpg …         they may also lie in ROOT itself
      captions/NAME.txt  tracks/{training,testing}/NAME.txt  detections/{training,testing}/NAME.txt  labels/NAME.npy
    ```

    The table has the header `video,start,end` (seconds from the first frame) or `video,start_frame,end_frame` (frames
    from 0), and a line per interval, which ends before `end`: `[start, end)`. A video with several intervals has
    several lines; a normal one has one line with empty `start` and `end`. Every test video must be listed, so that one
    that was forgotten is not taken for a normal one. A video is named as in a run: by its stem, with parent folders
    joined by `__` in front where two are alike; a file name with its suffix is understood too. Seconds become frames by
    the timestamps in the file; a folder of pictures carries none and needs frames. An interval in seconds may end up to
    a second after its video, because people round.

    Args:
        root: the folder.
        ground_truth: "official" is the table.

    Raises:
        DataError: something is missing, unreadable or does not fit together.
    """
    training = _named([video for place in _NORMAL for video in _videos(root / place)])
    testing = _named([*_videos(root / "testing"), *_loose_videos(root)])
    records = find_records(root)
    table = root / TABLE
    official = [_table(table, testing, training, records)] if table.is_file() else []
    layout = Layout(
        name="folder",
        root=root,
        training=training,
        testing=testing,
        official=official,
        training_place="training/",
        testing_place="testing/ or in the folder itself",
        truth_place=f"{TABLE}, a line 'VIDEO,START,END' per interval under the header 'video,start,end' (seconds), or "
        "'VIDEO,,' for a normal video",
    )
    return assemble(layout, ground_truth)


def _videos(place: Path) -> list[Path]:
    """Videos below a folder, which may be missing or empty."""
    return find_videos(place) if place.is_dir() and list_folder(place) else []


def _loose_videos(root: Path) -> list[Path]:
    """Videos in the folder itself and in folders of it that have no meaning of their own."""
    found: list[Path] = []
    for entry in list_folder(root):
        if entry.is_dir() and entry.name not in _TAKEN:
            found += _videos(entry)
        elif is_video(entry):
            found.append(entry)
        elif entry.suffix.lower() in PICTURE_SUFFIXES:
            raise DataError(
                f"the picture {entry.name} belongs to no video",
                where=root,
                hint="a video is a file or a folder of pictures",
            )
    return found


def _named(paths: list[Path]) -> dict[str, Path]:
    return {name: path for path, name in run_names(paths).items()}


def _table(path: Path, testing: dict[str, Path], training: dict[str, Path], records: Records) -> TruthSource:
    """The table as a source of labels.

    Raises:
        DataError: it cannot be read, a line breaks its format, or it calls normal footage anomalous.
    """
    unit, rows = _read_table(path, {*testing, *records.testing, *records.captions, *training})
    tested = {*testing, *records.testing, *(records.captions - {*training, *records.training})}
    wrong = [name for name in rows if name not in tested and name in training and rows[name]]
    if wrong:
        raise DataError(
            f"training videos with an anomaly: {some(wrong)}",
            where=rows[wrong[0]][0].where,
            hint="move the video to testing/, or give its line an empty start and end",
        )
    names = frozenset(rows) - (set(training) - tested)
    read = partial(_read_seconds, rows, testing) if unit == "seconds" else partial(_read_frames, rows, path)
    return TruthSource(TABLE, names, read)


def _read_frames(rows: dict[str, list[_Row]], path: Path, name: str, frames: int | None) -> Reading:
    intervals = [(int(row.start), int(row.end)) for row in rows[name]]
    where = rows[name][0].where if rows[name] else path
    return Reading(intervals_that_fit(intervals, frames, video=name, where=where))


def _read_seconds(rows: dict[str, list[_Row]], pictures: dict[str, Path], name: str, frames: int | None) -> Reading:
    """Labels of the frames whose time lies within an interval."""
    video = pictures.get(name)
    if not rows[name]:
        return Reading(intervals_that_fit([], frames, video=name, where=TABLE))
    if video is None or video.is_dir():
        raise DataError(
            f"video {name} carries no frame rate, so that seconds do not say which frames are meant",
            where=rows[name][0].where,
            hint="write frames, under the header 'video,start_frame,end_frame'",
        )
    times = frame_times(video)
    end = float(times[-1]) + (float(times[-1]) / (len(times) - 1) if len(times) > 1 else 0.0)
    intervals: list[Interval] = []
    for row in rows[name]:
        first, last = (int(i) for i in np.searchsorted(times, (row.start - 1e-6, row.end - 1e-6)))
        if first == len(times) or row.end > end + _ROUNDING:
            raise DataError(
                f"an interval from {row.start:g} to {row.end:g} s, video {name} ends at {end:.2f} s",
                where=row.where,
                hint="times are seconds from the first frame of the video",
            )
        if first == last:
            raise DataError(
                f"no frame of video {name} lies from {row.start:g} to {row.end:g} s",
                where=row.where,
                hint="make the interval longer, or write frames",
            )
        intervals.append((first, last))
    return Reading(intervals_that_fit(intervals, len(times), video=name, where=rows[name][0].where))


def _read_table(path: Path, known: set[str]) -> tuple[Unit, dict[str, list[_Row]]]:
    """Unit and intervals of each listed video, none for a normal one."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"the table cannot be read ({error})", where=path, hint="save it as UTF-8, with commas"
        ) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    unit = _HEADERS.get(tuple(lines[0][1])) if lines else None
    if unit is None:
        headers = " or ".join(f"'{','.join(header)}'" for header in _HEADERS)
        raise DataError("no header that is known", where=f"{path}:1", hint=f"the first line is {headers}")
    rows: dict[str, list[_Row]] = {}
    listed_normal: set[str] = set()
    for number, cells in lines[1:]:
        name, row = _parse(cells, unit, f"{path}:{number}", known)
        if name in listed_normal or (row is None and name in rows):
            raise DataError(
                f"video {name} is listed as normal and once more",
                where=f"{path}:{number}",
                hint="keep one of the lines",
            )
        rows.setdefault(name, []).extend([row] if row else [])
        listed_normal |= {name} if row is None else set()
    return unit, rows


def _parse(cells: list[str], unit: Unit, where: str, known: set[str]) -> tuple[str, _Row | None]:
    """Name and interval of one line, the latter None where it is empty."""
    hint = f"a line is VIDEO,START,END in {unit}, or VIDEO,, for a normal video"
    if len(cells) != 3 or not cells[0]:
        raise DataError("not a video with start and end", where=where, hint=hint)
    name = cells[0]
    if name not in known and Path(name).suffix.lower() in VIDEO_SUFFIXES:
        name = Path(name).stem
    if not cells[1] and not cells[2]:
        return name, None
    try:
        start, end = float(cells[1]), float(cells[2])
    except ValueError as error:
        raise DataError(f"start and end are '{cells[1]}' and '{cells[2]}'", where=where, hint=hint) from error
    if not (math.isfinite(start) and math.isfinite(end) and 0 <= start < end):
        raise DataError(
            f"an interval from {start:g} to {end:g}", where=where, hint="it begins at 0 or later, and ends later"
        )
    if unit == "frames" and not (start.is_integer() and end.is_integer()):
        raise DataError(f"frames {cells[1]} and {cells[2]}", where=where, hint="frames are whole numbers from 0")
    return name, _Row(start, end, where)
