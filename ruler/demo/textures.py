"""Flat pictures of the ground (seen from above) and of the house fronts (seen squarely), painted from a fixed seed."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.schema import Picture

PX = 40
"""Pixels per metre."""
KERB = 6.4
"""Where the road ends and the pavement begins: c in metres."""
WALL = 15.2
"""Where the house fronts stand: c in metres."""
GROUND = (-3.0, -6.0, 0.0)
"""s and c of the ground picture's first pixel."""
TOP = 15.0
FACADE = (-3.0, TOP, WALL)
"""s of the first pixel of the house fronts, their height, and where they stand."""
LENGTH = 150.0
ZEBRA = (21.5, 24.7)
"""From where to where along the street the zebra crossing lies."""

_Tint = NDArray[np.float32] | NDArray[np.float64] | tuple[int, ...]
_Fill = Callable[[float, float, float, float, _Tint], None]
"""Fills a rectangle of a house front: left, bottom, right and top in metres, colour."""
_HOUSES = (
    (11.0, (196, 172, 142), (112, 62, 52)),
    (9.0, (178, 118, 96), (54, 84, 82)),
    (12.5, (206, 198, 182), (66, 74, 98)),
    (8.5, (168, 160, 146), (132, 92, 50)),
    (11.5, (190, 146, 120), (58, 88, 64)),
    (10.0, (204, 188, 160), (96, 52, 60)),
)


def ground_texture() -> Picture:
    """Road, kerb, pavement slabs and zebra crossing from above: rows are c, columns s."""
    rng = np.random.default_rng(3)
    rows, cols = int((WALL + 0.4 - GROUND[1]) * PX), int(LENGTH * PX)
    picture = np.empty((rows, cols, 3), np.float32)
    kerb = _row(KERB)
    picture[:kerb] = (92, 93, 97)
    picture[kerb:] = (176, 169, 158)
    _slabs(picture[kerb:], rng)
    picture += _mottle(rng, rows, cols, 60, 7.0) + _mottle(rng, rows, cols, 8, 2.5)
    picture += rng.normal(0, 5.5, (rows, cols, 1)).astype(np.float32)
    picture[kerb - 3 : kerb + int(0.24 * PX)] = (196, 194, 188)
    picture[kerb - int(0.10 * PX) : kerb - 3] = (66, 66, 69)
    for s in np.arange(0, LENGTH, 1.2):
        picture[kerb - 3 : kerb + int(0.24 * PX), int(s * PX) : int(s * PX) + 2] = (150, 148, 143)
    white = np.array((214, 213, 206), np.float32)
    for c in np.arange(KERB - 0.9, -6, -1.15):
        _mix(picture, ZEBRA[0], c - 0.55, ZEBRA[1], c, white, 0.85)
    picture[_row(KERB - 0.45) : _row(KERB - 0.33)] = (
        picture[_row(KERB - 0.45) : _row(KERB - 0.33)] * 0.35 + white * 0.65
    )
    for s in np.arange(-1, LENGTH - 6, 6.0):
        if not ZEBRA[0] - 3.5 < s < ZEBRA[1] + 1:
            _mix(picture, s, 0.45, s + 2.6, 0.60, white, 0.8)
    _mix(picture, -3, KERB + 0.9, LENGTH - 3, KERB + 1.15, np.array((140, 132, 120), np.float32), 0.6)
    for s, c in ((7.0, 5.0), (17.5, 3.4), (31.0, 11.0), (9.4, 10.6)):
        centre = (int((s - GROUND[0]) * PX), _row(c))
        cv2.circle(picture, centre, int(0.36 * PX), (70, 68, 66), -1)
        cv2.circle(picture, centre, int(0.30 * PX), (98, 96, 92), 2)
    picture[_row(WALL - 0.5) :] *= 0.80
    return np.clip(picture, 0, 255).astype(np.uint8)


def facade_texture() -> Picture:
    """House fronts, windows and shops, seen squarely: rows from the top down, columns s."""
    rng = np.random.default_rng(5)
    rows, cols = int(TOP * PX), int(LENGTH * PX)
    picture = np.empty((rows, cols, 3), np.float32)
    start, k = 0.0, 0
    while start < LENGTH:
        width, wall, trim = _HOUSES[k % len(_HOUSES)]
        _house(picture, rng, start, min(width, LENGTH - start), np.array(wall, np.float32), trim)
        start += width
        k += 1
    picture += _mottle(rng, rows, cols, 90, 5.0) + rng.normal(0, 2.5, (rows, cols, 1)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _house(
    picture: NDArray[np.float32],
    rng: np.random.Generator,
    start: float,
    width: float,
    wall: NDArray[np.float32],
    trim: tuple[int, ...],
) -> None:
    """One house front: shop on the ground floor, three storeys of windows over it."""

    def fill(s0: float, y0: float, s1: float, y1: float, colour: _Tint) -> None:
        picture[int((TOP - y1) * PX) : int((TOP - y0) * PX), int((start + s0) * PX) : int((start + s1) * PX)] = colour

    fill(0, 0, width, TOP, wall)
    fill(0, 0, 0.12, TOP, wall * 0.72)
    fill(0, 0, width, 3.55, wall * 0.86)
    fill(0, 0, width, 0.45, wall * 0.55)
    fill(0, 3.5, width, 3.75, wall * 1.10)
    fill(0, 3.42, width, 3.5, wall * 0.66)
    count = max(2, int(width / 2.5))
    pitch = width / count
    for storey in range(3):
        y = 4.5 + storey * 3.3
        fill(0, y + 2.55, width, y + 2.65, wall * 0.92)
        for i in range(count):
            _window(fill, rng, (i + 0.5) * pitch - 0.62, y, wall)
    _shop(fill, rng, width, trim)


def _window(fill: _Fill, rng: np.random.Generator, s: float, y: float, wall: NDArray[np.float32]) -> None:
    glass = np.array((74, 90, 106), np.float32) * rng.uniform(0.75, 1.25)
    fill(s - 0.14, y - 0.14, s + 1.38, y + 1.94, wall * 1.16)
    fill(s - 0.22, y - 0.24, s + 1.46, y - 0.10, wall * 1.24)
    fill(s - 0.22, y - 0.32, s + 1.46, y - 0.24, wall * 0.62)
    fill(s, y, s + 1.24, y + 1.8, glass)
    fill(s, y + 1.55, s + 1.24, y + 1.8, glass * 0.6)
    fill(s, y + 0.9, s + 0.5, y + 1.5, glass * 1.35)
    if rng.random() < 0.45:
        fill(s, y, s + rng.uniform(0.25, 0.5), y + 1.8, np.array((206, 198, 184), np.float32) * 0.9)
    fill(s + 0.57, y, s + 0.67, y + 1.8, (222, 218, 208))
    fill(s, y + 1.05, s + 1.24, y + 1.13, (222, 218, 208))


def _shop(fill: _Fill, rng: np.random.Generator, width: float, trim: tuple[int, ...]) -> None:
    dark = np.array(trim, np.float32)
    fill(0.5, 0.1, width - 0.5, 3.2, dark)
    fill(0.5, 2.65, width - 0.5, 3.2, dark * 1.12)
    for i in range(int((width - 3.0) / 0.34)):
        if rng.random() < 0.62:
            fill(1.4 + i * 0.34, 2.80, 1.4 + i * 0.34 + 0.22, 3.05, (232, 222, 196))
    door = float(rng.uniform(0.35, 0.6)) * width
    bays = [(0.8, door - 0.2), (door + 1.3, width - 0.8)]
    for left, right in bays:
        glass = np.array((96, 106, 110), np.float32)
        fill(left, 0.65, right, 2.5, glass)
        fill(left, 1.9, right, 2.5, glass * 0.72)
        fill(left, 0.65, right, 0.95, (186, 160, 112))
        for s in np.arange(left + 0.3, right - 0.3, 0.55):
            fill(s, 0.95, s + 0.3, 0.95 + rng.uniform(0.3, 0.9), rng.uniform(70, 215, 3))
        for s in np.arange(left, right + 0.01, max(1.2, (right - left) / 2)):
            fill(s - 0.05, 0.65, s + 0.05, 2.5, dark * 0.8)
    fill(door, 0.1, door + 1.1, 2.5, dark * 0.55)
    fill(door + 0.15, 0.5, door + 0.95, 2.3, (84, 96, 100))
    stripe = np.array((226, 220, 206), np.float32)
    for k, s in enumerate(np.arange(0.6, width - 0.7, 0.36)):
        fill(s, 2.25, s + 0.36, 2.72, stripe if k % 2 else dark * 1.5)
    fill(0.6, 2.16, width - 0.7, 2.25, dark * 0.45)


def _slabs(picture: NDArray[np.float32], rng: np.random.Generator) -> None:
    rows, cols = picture.shape[:2]
    side = int(0.8 * PX)
    tone = rng.normal(0, 4.5, (rows // side + 1, cols // side + 2)).astype(np.float32)
    for r in range(tone.shape[0]):
        line = np.repeat(np.roll(tone[r], 0), side)
        shift = side // 2 if r % 2 else 0
        picture[r * side : (r + 1) * side] += line[None, shift : shift + cols, None]
        picture[r * side : r * side + 2] -= 24
        for s in range(-shift % side, cols, side):
            picture[r * side : (r + 1) * side, s : s + 2] -= 22


def _mottle(rng: np.random.Generator, rows: int, cols: int, size: int, strength: float) -> NDArray[np.float32]:
    small = rng.normal(0, strength, (rows // size + 2, cols // size + 2)).astype(np.float32)
    return np.asarray(cv2.resize(small, (cols, rows), interpolation=cv2.INTER_CUBIC), np.float32)[..., None]


def _mix(
    picture: NDArray[np.float32], s0: float, c0: float, s1: float, c1: float, colour: NDArray[np.float32], weight: float
) -> None:
    view = picture[max(0, _row(c0)) : max(0, _row(c1)), int((s0 - GROUND[0]) * PX) : int((s1 - GROUND[0]) * PX)]
    view *= 1 - weight
    view += colour * weight


def _row(c: float) -> int:
    return int((c - GROUND[1]) * PX)
