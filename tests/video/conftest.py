"""Pictures that carry their number as a pattern, and what reads it back: tests are exact to the frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ruler.video import write_video

Picture = NDArray[np.uint8]
Draw = Callable[..., Picture]
Read = Callable[[Picture], int]

BITS = 12
BLOCK = 8


def _draw(number: int, height: int = 96, width: int = 160, *, grey: bool = False) -> Picture:
    """A slowly moving wash of colour; in its upper left corner the number, one block per bit, lowest first."""
    y, x = np.mgrid[0:height, 0:width]
    red, green, blue = (x * 2 + number) % 256, (y * 2 + 40) % 256, np.full_like(x, 60 + number % 64)
    picture = np.stack([red, green, blue], axis=2).astype(np.uint8)
    for bit in range(BITS):
        picture[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 if number >> bit & 1 else 0
    picture[BLOCK : 2 * BLOCK, : 2 * BLOCK] = (255, 0, 0)
    return picture[:, :, 1] if grey else picture


def _read(picture: Picture) -> int:
    middle = BLOCK // 2
    return sum(1 << bit for bit in range(BITS) if picture[middle, bit * BLOCK + middle].mean() > 128)


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Draws the picture of a number."""
    return _draw


@pytest.fixture(scope="session")
def read() -> Read:
    """Reads the number of a picture."""
    return _read


@pytest.fixture
def movie(tmp_path: Path, draw: Draw) -> Callable[..., Path]:
    """Writes a video of numbered pictures, 40 where not told otherwise."""

    def make(name: str = "a.mp4", count: int = 40, **keywords: Any) -> Path:
        size = keywords.pop("size", (96, 160))
        keywords.setdefault("options", {"g": "12"})
        return write_video(tmp_path / name, (draw(i, *size) for i in range(count)), **keywords)

    return make
