"""Folders of a dataset in; the names of its videos, and where their pictures and records lie, out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruler.errors import DataError
from ruler.perception.recorded import CAPTION_SUFFIXES, MOT_SUFFIXES, record_names
from ruler.video.finding import PICTURE_SUFFIXES, VIDEO_SUFFIXES, list_folder

Canonical = Callable[[str], str]
"""The name of a file or folder → the name of the video."""

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Records:
    """Names of the videos that recorded perception lies beside the layout of.

    Attributes:
        captions: those in `captions/`.
        training: those in `tracks/training/` or `detections/training/`.
        testing: those in `tracks/testing/` or `detections/testing/`.
    """

    captions: frozenset[str]
    training: frozenset[str]
    testing: frozenset[str]


def as_it_is(name: str) -> str:
    """The name of a video where files and folders are named as records are."""
    return name


def two_digits(name: str) -> str:
    """The name of a video that is a number: "1" and "Test001" are "01"; another name stays as it is."""
    digits = name.lower().removeprefix("train").removeprefix("test")
    return f"{int(digits):02d}" if digits.isascii() and digits.isdigit() else name


def find_pictures(
    root: Path, places: Sequence[str], canonical: Canonical = as_it_is, wanted: Callable[[str], bool] | None = None
) -> dict[str, Path]:
    """Video files and folders of pictures in a few folders.

    Args:
        root: folder of the dataset.
        places: folders in it, each of which may be missing; the first one that has a video gives it.
        canonical: file or folder name → name of the video.
        wanted: tells by the name which files and folders are videos; None takes all.

    Returns:
        Name of the video → video file or folder of pictures.

    Raises:
        DataError: a folder cannot be listed, a folder of a video holds no picture, or two have the same name.
    """
    found: dict[str, Path] = {}
    for place in places:
        here: dict[str, Path] = {}
        folder = root / place
        for entry in list_folder(folder) if folder.is_dir() else []:
            if (wanted and not wanted(entry.stem)) or not (entry.is_dir() or is_video(entry)):
                continue
            if entry.is_dir() and not has_pictures(entry):
                raise DataError(
                    "no picture in this folder", where=entry, hint="unpack the dataset again, or take the folder away"
                )
            name = canonical(entry.name if entry.is_dir() else entry.stem)
            if name in here:
                raise DataError(
                    f"{here[name].name} and {entry.name} are both video {name}", where=folder, hint="keep one of them"
                )
            here[name] = entry
        found = here | found
    return found


def is_video(path: Path) -> bool:
    """Whether a file is a video by its name."""
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def has_pictures(folder: Path) -> bool:
    """Whether a folder directly holds a picture."""
    return any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in list_folder(folder))


def find_records(root: Path, canonical: Canonical = as_it_is) -> Records:
    """Names of the videos with recorded perception beside the layout.

    Raises:
        DataError: a folder cannot be listed, or a record is not named as its video is called here.
    """

    def names(*folders: str, suffixes: Sequence[str] = MOT_SUFFIXES) -> frozenset[str]:
        found: set[str] = set()
        for folder in folders:
            if (place := root / folder).is_dir():
                found.update(check_names(record_names(place, suffixes), place, canonical))
        return frozenset(found)

    return Records(
        names("captions", suffixes=CAPTION_SUFFIXES),
        names("tracks/training", "detections/training"),
        names("tracks/testing", "detections/testing"),
    )


def check_names(names: Iterable[str], place: Path, canonical: Canonical) -> list[str]:
    """Refuse files that are named otherwise than their video is called: they would be looked for in vain.

    Raises:
        DataError: names the first such file.
    """
    names = list(names)
    for name in names:
        if canonical(name) != name:
            raise DataError(
                f"'{name}' is the record of a video that is called {canonical(name)} here",
                where=place,
                hint=f"rename the file: {canonical(name)} instead of {name}",
            )
    return names


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 frame", "2 frames"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    names = sorted(names)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
