"""A folder or file of records and the name of a video in; the path of that video's record out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ruler.errors import RecordError

CAPTION_SUFFIXES = (".txt", ".jsonl")
"""Suffixes of caption files: one caption per line, or one JSON object per line."""

MOT_SUFFIXES = (".txt",)
"""Suffixes of tracks and detections."""


def find_record(place: Path, video: str, suffixes: Sequence[str]) -> Path:
    """Find the record of a video.

    Args:
        place: the record itself (for a single video), or a folder that holds VIDEO.SUFFIX for each video.
        video: name of the video: the stem of its file or the name of its folder.
        suffixes: what a record's name may end in, with the dot, in lower case.

    Returns:
        The path of the record.

    Raises:
        RecordError: nothing is there, or two records fit.
    """
    if place.is_file():
        return place
    if not place.exists():
        raise RecordError("no such file or folder", where=place, hint="check the path")
    if not video or Path(video).name != video or video in {".", ".."}:
        # A name comes from outside and becomes part of a path here: it must not lead out of the folder.
        raise RecordError(f"'{video}' cannot be the name of a video's record", where=place)
    wanted = [place / f"{video}{suffix}" for suffix in suffixes]
    found = [path for path in wanted if path.is_file()]
    names = " or ".join(path.name for path in wanted)
    if not found:
        there = record_names(place, suffixes)
        holds = f"the folder holds {_some(there)}" if there else "the folder holds no record at all"
        raise RecordError(
            f"no {names} for the video '{video}'", where=place, hint=f"{holds}; name the record after its video"
        )
    if len(found) > 1:
        raise RecordError(f"both {names} for the video '{video}'", where=place, hint="keep one of them")
    return found[0]


def record_names(place: Path, suffixes: Sequence[str]) -> list[str]:
    """List the videos that a folder (or a single file) holds records of, for runs without videos.

    Args:
        place: a record, or a folder of records.
        suffixes: what a record's name may end in, with the dot, in lower case.

    Returns:
        Names, numbers in them in the order of counting ("2" before "10"). Hidden files are passed over.

    Raises:
        RecordError: no such file or folder.
    """
    if place.is_file():
        return [place.stem]
    try:
        with os.scandir(place) as entries:
            files = [Path(e.name) for e in entries if not e.name.startswith(".") and e.is_file()]
    except OSError as error:
        raise RecordError(f"cannot be listed ({error.strerror})", where=place, hint="check the path") from error
    return sorted({f.stem for f in files if f.suffix in suffixes}, key=_counting)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a record; a RecordError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"cannot be read ({error.strerror})", where=path, hint="check the path and its permissions"
        ) from error


def _counting(name: str) -> tuple[list[tuple[int, str]], str]:
    parts = re.split(r"([0-9]+)", name)
    return [(int(p), "") if p.isascii() and p.isdigit() else (-1, p) for p in parts], name


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
