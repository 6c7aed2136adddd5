"""Tiny copies of the public layouts: pictures of a few pixels, videos of a few frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from ruler.video import write_video

Make = Callable[..., Path]


@pytest.fixture
def pictures(tmp_path: Path) -> Make:
    """Makes a folder of so many empty files that are named as pictures: nothing may open them."""

    def make(place: str, count: int, suffix: str = ".jpg") -> Path:
        folder = tmp_path / place
        folder.mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / f"{number:03d}{suffix}").touch()
        return folder

    return make


@pytest.fixture
def video(tmp_path: Path) -> Make:
    """Writes a video of so many frames."""

    def make(place: str, count: int, **keywords: Any) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = "mpeg4" if path.suffix == ".avi" else "libx264"
        return write_video(path, (np.full((16, 16, 3), 9 * n, np.uint8) for n in range(count)), codec=codec, **keywords)

    return make


@pytest.fixture
def text(tmp_path: Path) -> Make:
    """Writes lines of text."""

    def make(place: str, *lines: str) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return make


@pytest.fixture
def labels(tmp_path: Path) -> Make:
    """Saves frame labels, of the whole string of 0 and 1."""

    def make(place: str, values: str) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.array([int(value) for value in values], np.uint8))
        return path

    return make


@pytest.fixture
def intervals(tmp_path: Path) -> Make:
    """Saves cells of intervals, each 2×K (or as it is given, where it is an array)."""

    def make(place: str, *cells: Sequence[tuple[int, int]] | np.ndarray[Any, Any], key: str = "gt") -> Path:
        array = np.empty((1, len(cells)), object)
        for number, cell in enumerate(cells):
            array[0, number] = cell if isinstance(cell, np.ndarray) else np.array(cell, np.uint16).reshape(-1, 2).T
        savemat(tmp_path / place, {key: array})
        return tmp_path / place

    return make


@pytest.fixture
def masks(tmp_path: Path) -> Make:
    """Saves pixel masks, one per value; an anomalous frame has a single pixel."""

    def make(place: str, values: str) -> Path:
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.empty((1, len(values)), object)
        for number, value in enumerate(values):
            array[0, number] = np.zeros((4, 6), np.uint8)
            array[0, number][2, 3] = int(value)
        savemat(path, {"volLabel": array}, do_compression=True)
        return path

    return make
