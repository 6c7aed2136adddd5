"""Folders of pictures and arrays in memory as video sources."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ruler.errors import VideoError
from ruler.schema import Picture, VideoInfo
from ruler.video.finding import PICTURE_SUFFIXES, list_folder, natural_key
from ruler.video.source import ASSUMED_RATE, BrokenPictureError, Slot

PictureSequence = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
# A picture from anywhere may break Pillow's parsers in any of these ways.
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, NotImplementedError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Rate:
    value: Fraction
    known: bool

    @classmethod
    def of(cls, given: Fraction | None) -> _Rate:
        return cls(given or ASSUMED_RATE, known=given is not None)

    def notes(self) -> list[str]:
        return (
            [] if self.known else [f"the frame rate is not known; {float(self.value):g} frames per second are assumed"]
        )


class FolderSource:
    """A folder of pictures of one size, in natural order (2.jpg before 10.jpg).

    Args:
        path: the folder. Hidden files and files that are not pictures are left out.
        name: name of the video.
        frame_rate: frames per second; None assumes 25.
        start: wall-clock time of the first picture.

    Raises:
        VideoError: no picture, none that can be read, or pictures of two sizes.
    """

    def __init__(self, path: Path, *, name: str, frame_rate: Fraction | None, start: datetime | None) -> None:
        rate = _Rate.of(frame_rate)
        self._rate = rate.value
        self._files = sorted(
            (f for f in list_folder(path) if f.suffix.lower() in PICTURE_SUFFIXES and not f.is_dir()), key=natural_key
        )
        if not self._files:
            raise VideoError(
                "no picture in this folder", where=path, hint=f"one video is a file or a folder of {_kinds()} pictures"
            )
        self._broken: set[int] = set()
        width, height = self._common_size(path)
        self.notes = rate.notes()
        self.truncated = False
        self.info = VideoInfo(name, str(path), width, height, float(rate.value), rate.known, len(self._files), start)

    def _common_size(self, folder: Path) -> tuple[int, int]:
        """Reads the heads of all pictures: a size that differs is better found now than after an hour of work."""
        first: tuple[Path, tuple[int, int]] | None = None
        reason = ""
        for index, file in enumerate(self._files):
            try:
                size = _upright_size(file)
            except BrokenPictureError as error:
                self._broken.add(index)
                reason = reason or f"{file.name}: {error}"
                continue
            if first is None:
                first = file, size
            elif size != first[1]:
                a, b = first
                raise VideoError(
                    f"pictures of different sizes: {a.name} is {b[0]}×{b[1]}, {file.name} is {size[0]}×{size[1]}",
                    where=folder,
                    hint="bring them to one size or split the folder",
                )
        if first is None:
            raise VideoError(
                f"none of the {len(self._files)} pictures can be read ({reason})", where=folder, hint="check the files"
            )
        return first[1]

    def slots(self) -> Iterator[Slot]:
        """One slot per picture file."""
        return self.pick(range(len(self._files)))

    def pick(self, indices: Sequence[int]) -> Iterator[Slot]:
        """The slots of these files."""
        for index in indices:
            if index < len(self._files):
                yield Slot(
                    index, float(index / self._rate), None if index in self._broken else self._maker(self._files[index])
                )

    def _maker(self, file: Path) -> Callable[[], Picture]:
        made: list[Picture] = []

        def image() -> Picture:
            if not made:  # a thumbnail may have been asked for before
                picture = read_picture(file)
                if picture.shape[:2] != (self.info.height, self.info.width):
                    raise BrokenPictureError("its size is not what its head says")
                made.append(picture)
            return made[0]

        return image


def read_picture(file: Path) -> Picture:
    """Read a picture file as upright RGB, H×W×3 uint8.

    Grey and palette pictures become RGB, 16-bit ones are divided by 257, transparency is dropped, the EXIF orientation
    is applied.

    Raises:
        BrokenPictureError: the file is missing, cut short, corrupt, or of a kind that cannot be shown as 8 bits.
    """
    try:
        with Image.open(file) as opened:
            opened.load()
            if opened.mode.startswith("F"):
                raise BrokenPictureError("a floating-point picture has no known range")
            picture = _eight_bits(opened)
            turn = _TURNS.get(opened.getexif().get(_ORIENTATION_TAG, 1))
            return np.asarray((picture if turn is None else picture.transpose(turn)).convert("RGB"))
    except _BROKEN as error:
        raise BrokenPictureError(_reason(error)) from error


def _eight_bits(opened: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey: Pillow's own conversion clips at 255 instead of scaling."""
    if not opened.mode.startswith("I"):
        return opened
    values = np.asarray(opened).astype(np.int64)
    return Image.fromarray((np.clip(values, 0, 65535) // 257).astype(np.uint8))


def _upright_size(file: Path) -> tuple[int, int]:
    """Width and height after the EXIF orientation, from the head of the file."""
    try:
        with Image.open(file) as opened:
            width, height = opened.size
            if opened.format == "PNG" and "exif" not in opened.info:
                return width, height  # asking for what is not in the head would decode the whole picture
            return (height, width) if opened.getexif().get(_ORIENTATION_TAG, 1) in _SIDEWAYS else (width, height)
    except _BROKEN as error:
        raise BrokenPictureError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return "not a picture" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__


def _kinds() -> str:
    return ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))


class ArraySource:
    """Pictures in memory. They are handed out as read-only views where they are RGB: nothing is copied as a whole.

    Args:
        pictures: N×H×W×3 or N×H×W×1 or N×H×W uint8, or a sequence of H×W×3 or H×W uint8 pictures of one size.
        name: name of the video.
        frame_rate: frames per second; None assumes 25.
        start: wall-clock time of the first picture.

    Raises:
        VideoError: another shape or dtype, no picture, or pictures of two sizes.
    """

    def __init__(
        self, pictures: PictureSequence, *, name: str, frame_rate: Fraction | None, start: datetime | None
    ) -> None:
        rate = _Rate.of(frame_rate)
        self._rate = rate.value
        self._pictures = pictures
        if len(pictures) == 0:
            raise VideoError("no picture in the array", where=name, hint="give at least one")
        if isinstance(pictures, np.ndarray) and pictures.ndim == 3 and pictures.shape[2] in (3, 4):
            raise VideoError(
                f"an array of shape {pictures.shape} is one picture, not a video",
                where=name,
                hint="put it into a list: [picture]",
            )
        shapes = (
            [_checked_shape(p, index, name) for index, p in enumerate(pictures)]
            if not isinstance(pictures, np.ndarray)
            else []
        )
        first = shapes[0] if shapes else _checked_shape(pictures[0], 0, name)
        for index, shape in enumerate(shapes):
            if shape != first:
                raise VideoError(
                    f"pictures of different sizes: 0 is {first[1]}×{first[0]}, {index} is {shape[1]}×{shape[0]}",
                    where=name,
                    hint="bring them to one size",
                )
        self.notes = rate.notes()
        self.truncated = False
        self.info = VideoInfo(name, "array", first[1], first[0], float(rate.value), rate.known, len(pictures), start)

    def slots(self) -> Iterator[Slot]:
        """One slot per picture."""
        return self.pick(range(len(self._pictures)))

    def pick(self, indices: Sequence[int]) -> Iterator[Slot]:
        """The slots of these pictures."""
        for index in indices:
            if index < len(self._pictures):
                yield Slot(index, float(index / self._rate), partial(_as_rgb, self._pictures[index]))


def _checked_shape(picture: NDArray[np.uint8], index: int, name: str) -> tuple[int, int]:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        kind = picture.dtype if isinstance(picture, np.ndarray) else type(picture).__name__
        raise VideoError(
            f"picture {index} is {kind}, not uint8", where=name, hint="give pictures of 0 to 255 as numpy uint8 arrays"
        )
    if picture.ndim not in (2, 3) or 0 in picture.shape or (picture.ndim == 3 and picture.shape[2] not in (1, 3, 4)):
        raise VideoError(
            f"picture {index} has the shape {picture.shape}", where=name, hint="a picture is H×W×3 (RGB) or H×W (grey)"
        )
    return picture.shape[0], picture.shape[1]


def _as_rgb(picture: NDArray[np.uint8]) -> Picture:
    if picture.ndim == 3 and picture.shape[2] == 3:
        view = picture.view()
    elif picture.ndim == 3 and picture.shape[2] == 4:
        view = np.ascontiguousarray(picture[:, :, :3])
    else:
        view = np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=2)
    view.flags.writeable = False
    return view
