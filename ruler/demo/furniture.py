"""What stands in the demo street for good: trees, lamp posts, bench, bin, bollards, a parked car."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.demo.camera import CAMERA
from ruler.schema import FloatArray

Canvas = NDArray[np.uint8]
"""H×W×4 uint8: RGB, and 255 where something covers the pixel."""
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Item:
    """A thing in the street.

    Attributes:
        at: s and c of its foot, metres.
        draw: draws it on a canvas enlarged by a scale.
        shadow: closed lines in world coordinates whose shadow it throws.
    """

    at: tuple[float, float]
    draw: Callable[[Canvas, int], None]
    shadow: tuple[FloatArray, ...] = ()

    @property
    def depth(self) -> float:
        """Metres from the camera."""
        return float(CAMERA.project([*self.at, 0.0])[1])


def _poly(canvas: Canvas, scale: int, points: object, colour: Colour) -> None:
    ring, _ = CAMERA.project(np.asarray(points, dtype=np.float64))
    cv2.fillPoly(canvas, [np.round(ring * scale * 16).astype(np.int32)], (*colour, 255), cv2.LINE_8, 4)


def _post(canvas: Canvas, scale: int, low: Colour, high: Colour, radius: tuple[float, float], colour: Colour) -> None:
    """A round post between two world points (s, c, y), brighter on its sunny side."""
    ends, depth = CAMERA.project([low, high])
    ends, widths = ends * scale, np.array(radius) / depth * CAMERA.focal * scale
    side = ends[1] - ends[0]
    across = np.array([-side[1], side[0]]) / max(1e-6, float(np.hypot(*side)))
    for a, b, tone in ((-1.0, 1.0, 0.72), (-0.1, 1.0, 0.95), (0.35, 0.85, 1.2)):
        ring = [ends[0] + across * widths[0] * a, ends[1] + across * widths[1] * a]
        ring += [ends[1] + across * widths[1] * b, ends[0] + across * widths[0] * b]
        tint = tuple(min(255.0, v * tone) for v in colour)
        cv2.fillPoly(canvas, [np.round(np.array(ring) * 16).astype(np.int32)], (*tint, 255), cv2.LINE_8, 4)


def _box(canvas: Canvas, scale: int, low: Colour, high: Colour, colour: Colour) -> None:
    """An upright box; the faces the camera sees are the top, the road side (lower c) and the side of lower s."""
    (s0, c0, y0), (s1, c1, y1) = low, high
    tone = [tuple(min(255.0, v * f) for v in colour) for f in (1.25, 0.85, 0.62)]
    _poly(canvas, scale, [(s0, c0, y0), (s0, c1, y0), (s0, c1, y1), (s0, c0, y1)], tone[1])  # type: ignore[arg-type]
    _poly(canvas, scale, [(s0, c0, y0), (s1, c0, y0), (s1, c0, y1), (s0, c0, y1)], tone[2])  # type: ignore[arg-type]
    _poly(canvas, scale, [(s0, c0, y1), (s1, c0, y1), (s1, c1, y1), (s0, c1, y1)], tone[0])  # type: ignore[arg-type]


def _ring(s: float, c: float, y: float, radius: float) -> FloatArray:
    t = np.linspace(0, 2 * np.pi, 20)
    return np.stack([s + radius * np.cos(t), c + radius * np.sin(t), np.full_like(t, y)], axis=-1)


def _tree(s: float, c: float, seed: int, size: float) -> Item:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (150, 3)) * (0.75, 0.75, 0.62) * size
    centres = centres[np.linalg.norm(centres, axis=1) < 1.9 * size] + (s, c, 4.3 * size**0.3 + 0.5)
    sizes = rng.uniform(0.22, 0.5, len(centres)) * size

    def draw(canvas: Canvas, scale: int) -> None:
        _poly(canvas, scale, _ring(s, c, 0.02, 0.62), (92, 76, 60))
        _post(canvas, scale, (s, c, 0.0), (s, c, 3.6), (0.17, 0.10), (112, 92, 74))
        for k in (-1, 1):
            _post(canvas, scale, (s, c, 2.4), (s + 0.5 * k, c, 3.9), (0.08, 0.04), (104, 86, 70))
        pixels, depth = CAMERA.project(centres)
        # Leaves on the sunny side (to the left) and on top are lighter; lighter clumps go over darker ones.
        light = (centres[:, 2] - centres[:, 2].mean()) / size * 0.5 - (centres[:, 0] - s) / size * 0.35
        for i in np.argsort(light + rng.normal(0, 0.25, len(light))):
            tone = float(np.clip(1.0 + 0.30 * light[i] + rng.normal(0, 0.09), 0.5, 1.5))
            colour = (92 * tone, 122 * tone, 58 * tone + 4)
            radius = sizes[i] / depth[i] * CAMERA.focal * scale
            leaf_count = 9
            for a in np.linspace(0, 2 * np.pi, leaf_count, endpoint=False) + rng.uniform(0, 1):
                at = pixels[i] * scale + radius * 0.62 * np.array([np.cos(a), np.sin(a)])
                tint = tuple(v * rng.uniform(0.86, 1.14) for v in colour)
                centre = (int(at[0] * 16), int(at[1] * 16))
                cv2.circle(canvas, centre, max(1, int(radius * 0.42 * 16)), (*tint, 255), -1, cv2.LINE_8, 4)

    crown = tuple(_ring(x, z, y, r * 1.1) for (x, z, y), r in zip(centres[::3], sizes[::3], strict=True))
    trunk = np.array([(s - 0.1, c, 0), (s + 0.1, c, 0), (s + 0.1, c, 3.8), (s - 0.1, c, 3.8)], dtype=np.float64)
    return Item((s, c), draw, (*crown, trunk))


def _lamp(s: float, c: float) -> Item:
    def draw(canvas: Canvas, scale: int) -> None:
        _post(canvas, scale, (s, c, 0.0), (s, c, 0.9), (0.11, 0.10), (58, 64, 66))
        _post(canvas, scale, (s, c, 0.9), (s, c, 6.6), (0.065, 0.05), (66, 72, 74))
        _post(canvas, scale, (s, c, 6.6), (s, c - 1.3, 6.9), (0.04, 0.04), (66, 72, 74))
        _box(canvas, scale, (s - 0.16, c - 1.9, 6.82), (s + 0.16, c - 1.2, 6.95), (120, 126, 128))

    line = np.array([(s - 0.07, c, 0), (s + 0.07, c, 0), (s + 0.06, c, 6.7), (s - 0.06, c, 6.7)], dtype=np.float64)
    return Item((s, c), draw, (line,))


def _bench(s: float, c: float) -> Item:
    def draw(canvas: Canvas, scale: int) -> None:
        for x in (s + 0.1, s + 1.6):
            _box(canvas, scale, (x, c, 0.0), (x + 0.08, c + 0.5, 0.44), (66, 66, 66))
        for k in range(3):
            _box(canvas, scale, (s, c + 0.17 * k, 0.44), (s + 1.8, c + 0.17 * k + 0.13, 0.49), (150, 108, 68))
        for k in range(2):
            _box(canvas, scale, (s, c + 0.52, 0.60 + 0.2 * k), (s + 1.8, c + 0.56, 0.75 + 0.2 * k), (156, 114, 72))

    ring = np.array([(s, c, 0.45), (s + 1.8, c, 0.45), (s + 1.8, c + 0.5, 0.45), (s, c + 0.5, 0.45)], dtype=np.float64)
    return Item((s, c), draw, (ring,))


def _bin(s: float, c: float) -> Item:
    def draw(canvas: Canvas, scale: int) -> None:
        _post(canvas, scale, (s, c, 0.0), (s, c, 0.95), (0.24, 0.25), (64, 92, 76))
        _poly(canvas, scale, _ring(s, c, 0.95, 0.25), (40, 46, 44))

    return Item((s, c), draw, (_ring(s, c, 0.9, 0.25), _ring(s, c, 0.4, 0.25)))


def _bollard(s: float, c: float) -> Item:
    def draw(canvas: Canvas, scale: int) -> None:
        _post(canvas, scale, (s, c, 0.0), (s, c, 0.95), (0.075, 0.065), (62, 62, 66))
        _post(canvas, scale, (s, c, 0.74), (s, c, 0.84), (0.075, 0.075), (214, 208, 196))

    line = np.array([(s - 0.07, c, 0), (s + 0.07, c, 0), (s + 0.07, c, 0.95), (s - 0.07, c, 0.95)], dtype=np.float64)
    return Item((s, c), draw, (line,))


def _planter(s: float, c: float, seed: int) -> Item:
    rng = np.random.default_rng(seed)

    def draw(canvas: Canvas, scale: int) -> None:
        _box(canvas, scale, (s, c, 0.0), (s + 1.3, c + 0.55, 0.55), (138, 128, 116))
        for _ in range(70):
            at = (s + rng.uniform(0.08, 1.22), c + rng.uniform(0.05, 0.5), 0.55 + abs(rng.normal(0, 0.17)))
            pixel, depth = CAMERA.project(at)
            tone = rng.uniform(0.7, 1.3)
            colour = (206.0, 92.0, 96.0) if rng.random() < 0.16 else (76 * tone, 116 * tone, 58 * tone)
            radius = 0.07 / float(depth) * CAMERA.focal * scale
            cv2.circle(canvas, (int(pixel[0] * scale), int(pixel[1] * scale)), max(1, int(radius)), (*colour, 255), -1)

    ring = np.array([(s, c, 0.6), (s + 1.3, c, 0.6), (s + 1.3, c + 0.5, 0.6), (s, c + 0.5, 0.6)], dtype=np.float64)
    return Item((s, c), draw, (ring,))


def _by_depth(items: list[Item]) -> tuple[Item, ...]:
    return tuple(sorted(items, key=lambda item: -item.depth))


FURNITURE = _by_depth(
    [
        _tree(16.5, 7.3, 11, 1.0),
        _tree(30.5, 7.3, 12, 1.1),
        _tree(44.0, 7.3, 13, 1.0),
        _tree(58.0, 7.3, 14, 1.1),
        _tree(74.0, 7.3, 15, 1.1),
        _lamp(5.6, 7.0),
        _lamp(26.5, 7.1),
        _lamp(51.0, 7.1),
        _bench(12.2, 13.9),
        _bin(14.9, 14.3),
        _planter(6.6, 14.3, 21),
        _planter(22.4, 14.3, 22),
        *(_bollard(s, 6.85) for s in (8.4, 10.6, 12.8, 19.0, 21.0, 25.4, 28.0, 33.5, 36.5)),
    ]
)
"""Everything that stands in the street, far things first."""
