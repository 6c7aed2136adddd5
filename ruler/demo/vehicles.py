"""The demo's vehicles: a bicycle and a delivery van, as limbs and flat faces in the world."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ruler.demo.people import Colour, Limb
from ruler.schema import FloatArray


@dataclass(frozen=True)
class Face:
    """A flat face.

    Attributes:
        corners: (n, 3) world metres.
        colour: RGB.
    """

    corners: FloatArray
    colour: Colour


def bicycle(s: float, c: float, heading: float, scale: float) -> list[Limb]:
    """A bicycle under a rider of `scale` metres: two wheels and a frame."""
    dark: Colour = (40, 40, 44)
    paint: Colour = (190, 60, 50)
    rear, front, crank, saddle, bar = (-0.26, 0.19), (0.34, 0.19), (0.04, 0.17), (-0.12, 0.52), (0.28, 0.60)
    parts: list[Limb] = []
    turn = np.linspace(0, 2 * np.pi, 17)
    for hub in (rear, front):
        ring = np.stack([hub[0] + 0.18 * np.cos(turn), np.zeros_like(turn), hub[1] + 0.18 * np.sin(turn)], axis=-1)
        for a, b in pairwise(ring):
            parts.append(_limb(np.array([a, b]), 0.014, dark, s, c, heading, scale))
    for a2, b2 in ((rear, crank), (crank, saddle), (crank, bar), (saddle, bar), (rear, saddle), (front, bar)):
        line = np.array([(a2[0], 0, a2[1]), (b2[0], 0, b2[1])])
        parts.append(_limb(line, 0.014, paint, s, c, heading, scale))
    handle = np.array([(bar[0], -0.13, bar[1] + 0.01), (bar[0], 0.13, bar[1] + 0.01)])
    parts.append(_limb(handle, 0.014, dark, s, c, heading, scale))
    return parts


def van(s: float, c: float, heading: float) -> list[Face]:
    """A white delivery van, 4.4 m long, its middle at (s, c); faces in the order they are to be painted."""
    length, wide, base, belt, top = 4.4, 1.75, 0.32, 1.15, 2.05
    white, grey, glass = (226, 226, 222), (186, 188, 188), (58, 70, 80)
    back, front, nose = -length / 2, length / 2, length / 2 - 0.75
    faces: list[Face] = []

    def add(points: list[tuple[float, float, float]], colour: Colour) -> None:
        faces.append(Face(_turn(np.array(points, dtype=np.float64), s, c, heading), colour))

    profile = [(back, base), (front, base), (front, belt - 0.12), (nose, belt + 0.05), (nose - 0.55, top), (back, top)]
    near = -wide / 2 if np.cos(heading) >= 0 else wide / 2
    add([(x, -near, y) for x, y in profile], grey)
    end = back if np.cos(heading) >= 0 else front
    add(
        [(back, -wide / 2, top), (nose - 0.55, -wide / 2, top), (nose - 0.55, wide / 2, top), (back, wide / 2, top)],
        (242, 242, 240),
    )
    add(
        [
            (nose, -wide / 2, belt + 0.05),
            (front, -wide / 2, belt - 0.12),
            (front, wide / 2, belt - 0.12),
            (nose, wide / 2, belt + 0.05),
        ],
        white,
    )
    add(
        [
            (nose, -wide / 2, belt + 0.05),
            (nose - 0.55, -wide / 2, top),
            (nose - 0.55, wide / 2, top),
            (nose, wide / 2, belt + 0.05),
        ],
        glass,
    )
    high = top if end == back else belt - 0.12
    add([(end, -wide / 2, base), (end, wide / 2, base), (end, wide / 2, high), (end, -wide / 2, high)], (168, 170, 170))
    for x0, x1 in ((-0.62, -0.06), (0.06, 0.62)):
        if end == back:
            add([(end, x0 * 1.2, 1.25), (end, x1 * 1.2, 1.25), (end, x1 * 1.2, 1.8), (end, x0 * 1.2, 1.8)], glass)
    if end == front:
        add(
            [(front, -wide / 2, base), (front, wide / 2, base), (front, wide / 2, 0.55), (front, -wide / 2, 0.55)],
            (64, 66, 68),
        )
        for y0 in (-0.80, 0.40):
            add(
                [(front, y0, 0.72), (front, y0 + 0.4, 0.72), (front, y0 + 0.4, 0.92), (front, y0, 0.92)],
                (250, 240, 196),
            )
    add([(x, near, y) for x, y in profile], white)
    add(
        [
            (nose - 1.25, near, belt + 0.08),
            (nose - 0.12, near, belt + 0.08),
            (nose - 0.62, near, top - 0.12),
            (nose - 1.25, near, top - 0.12),
        ],
        glass,
    )
    add([(back, near, 0.72), (front, near, 0.72), (front, near, 0.86), (back, near, 0.86)], (204, 92, 48))
    add(
        [(back + 0.5, near, 1.2), (back + 1.9, near, 1.2), (back + 1.9, near, 1.62), (back + 0.5, near, 1.62)],
        (62, 96, 132),
    )
    turn = np.linspace(0, 2 * np.pi, 18)
    for hub in (back + 0.85, front - 0.85):
        for radius, colour in ((0.36, (34, 34, 36)), (0.19, (150, 152, 154))):
            add([(hub + radius * np.cos(t), near, 0.36 + radius * np.sin(t)) for t in turn], colour)
    return faces


def _limb(points: FloatArray, radius: float, colour: Colour, s: float, c: float, heading: float, scale: float) -> Limb:
    return Limb(_turn(points * scale, s, c, heading), np.full(len(points), radius * scale), colour)


def _turn(points: FloatArray, s: float, c: float, heading: float) -> FloatArray:
    ch, sh = np.cos(heading), np.sin(heading)
    f, left = points[:, 0], points[:, 1]
    return np.stack([s + f * ch - left * sh, c + f * sh + left * ch, points[:, 2]], axis=-1)
