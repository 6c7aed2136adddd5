"""Two pictures in, the motion of each object between them out.

Each object's trunk is looked for in the picture a fifth of a second before, by normalised correlation of what stands
out from the background. That is cheaper than dense optical flow, where most of the picture does not move, and holds for
fast and for small objects; neither swinging legs nor a neighbour in the same blob decide it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.perception.motion.background import Grey
from ruler.schema import FloatArray


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """How objects are looked for; lengths in usual body heights at the object's place.

    Attributes:
        lag: seconds between the two pictures, or the next possible.
        longest: pictures further apart than this are not compared, in seconds.
        fastest: body heights per second looked for sideways; half of it up and down.
        wide: width of the trunk.
        tall: height of the trunk, from the head.
        rim: width of the rim looked at around the trunk.
        alike: least correlation that is believed.
        doubt: correlation taken off a match as far away as is looked for, so that of two people alike the nearer is
            taken.
        check: a match further away than this is looked for the other way round, too.
        whole: boxes less tall than this show too little of a trunk to be looked for.
        size: pixels a body height is brought to where it is larger, so that near objects cost no more than far ones.
    """

    lag: float = 0.2
    longest: float = 0.6
    fastest: float = 4.0
    wide: float = 0.5
    tall: float = 0.65
    rim: float = 0.12
    alike: float = 0.75
    doubt: float = 0.1
    check: float = 0.15
    whole: float = 0.6
    size: float = 32.0


class ObjectFlow:
    """Measures the velocity of objects in a stream of pictures."""

    def __init__(self, settings: FlowSettings = FlowSettings()) -> None:
        self.settings = settings
        self._past: deque[tuple[float, Grey]] = deque()
        self._measured = -np.inf

    def measure(self, standing: Grey, time: float, boxes: FloatArray, heights: FloatArray) -> FloatArray | None:
        """Take the next picture and measure the objects in it.

        Args:
            standing: H×W float32, difference from the background where something stands out, 0 elsewhere.
            time: seconds.
            boxes: (N, 4), x, y, w, h in pixels of the picture.
            heights: (N,) usual height of a person at the objects' places.

        Returns:
            (N, 2) pixels per second to the right and down; NaN where no match was found. None where no earlier picture
            is near enough, and where less than the lag has passed since the last measurement.
        """
        s = self.settings
        while self._past and time - self._past[0][0] > s.longest:
            self._past.popleft()
        earlier = min(self._past, key=lambda p: abs(time - p[0] - s.lag), default=None)
        self._past.append((time, standing))
        if earlier is None or time <= earlier[0] or time - self._measured < 0.99 * s.lag:
            return None
        self._measured = time
        both = zip(boxes, heights, strict=True)
        found = [
            self._match(standing, earlier[1], box, float(height), time - earlier[0])
            if box[3] >= s.whole * height
            else np.full(2, np.nan)
            for box, height in both
        ]
        return np.array(found).reshape(-1, 2)

    def _match(self, now: Grey, before: Grey, box: FloatArray, height: float, dt: float) -> FloatArray:
        """Velocity of the trunk in one box; NaN if it was not found again."""
        s = self.settings
        x, y, w, h = (float(v) for v in box)
        wide, tall = min(w, s.wide * height), min(h, s.tall * height)
        # A rim of nothing around the trunk, else a plain coat looks the same wherever within itself it is laid.
        rim = s.rim * height
        trunk = (x + (w - wide) / 2 - rim, y - rim, wide + 2 * rim, tall + rim)
        back = self._shift(now, before, trunk, height, dt)
        if back is None:
            return np.full(2, np.nan)
        far = float(np.hypot(*back))
        if far > s.check * height:
            # Somebody who has just come into view looks like somebody else before: that one, looked for now, is not
            # here.
            there = (trunk[0] + back[0], trunk[1] + back[1], trunk[2], trunk[3])
            forth = self._shift(before, now, there, height, dt)
            if forth is None or float(np.hypot(forth[0] + back[0], forth[1] + back[1])) > max(2.0, 0.3 * far):
                return np.full(2, np.nan)
        return np.array([-back[0] / dt, -back[1] / dt])

    def _shift(
        self, picture: Grey, other: Grey, trunk: tuple[float, float, float, float], height: float, dt: float
    ) -> tuple[float, float] | None:
        """Where a part of one picture lies in another, relative to where it was, in pixels."""
        s = self.settings
        left, top, wide, tall = trunk
        reach = s.fastest * height * dt
        part, part_x, part_y = _cut(picture, left, top, wide, tall)
        field, x0, y0 = _cut(other, left - reach, top - reach / 2, wide + 2 * reach, tall + reach)
        scale = min(1.0, s.size / height)
        if min(part.shape) * scale < 4 or field.shape[0] < part.shape[0] or field.shape[1] < part.shape[1]:
            return None
        if scale < 1.0:
            part, field = _shrunk(part, scale), _shrunk(field, scale)
        likeness = np.asarray(cv2.matchTemplate(field, part, cv2.TM_CCORR_NORMED), dtype=np.float32)
        across = (x0 - part_x + np.arange(likeness.shape[1], dtype=np.float32) / np.float32(scale)) / np.float32(reach)
        down = (y0 - part_y + np.arange(likeness.shape[0], dtype=np.float32) / np.float32(scale)) / np.float32(reach)
        _, _, _, (u, v) = cv2.minMaxLoc(likeness - np.float32(s.doubt) * (across**2 + down[:, None] ** 2))
        if not s.alike <= likeness[v, u] <= 1.01:
            return None
        du, dv = _peak(likeness[v, max(0, u - 1) : u + 2]), _peak(likeness[max(0, v - 1) : v + 2, u])
        return x0 - part_x + (u + du) / scale, y0 - part_y + (v + dv) / scale


def _cut(picture: Grey, x: float, y: float, w: float, h: float) -> tuple[Grey, int, int]:
    """Part of a picture, and its corner."""
    rows, columns = picture.shape
    x0, y0 = max(0, round(x)), max(0, round(y))
    x1, y1 = min(columns, round(x) + max(1, round(w))), min(rows, round(y) + max(1, round(h)))
    return picture[y0 : max(y0, y1), x0 : max(x0, x1)], x0, y0


def _shrunk(picture: Grey, scale: float) -> Grey:
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _peak(values: NDArray[np.float32]) -> float:
    """Offset of the top of the parabola through three values from the middle one, -0.5 to 0.5."""
    if len(values) < 3:
        return 0.0
    a, b, c = (float(v) for v in values)
    bend = a - 2 * b + c
    return float(np.clip(0.5 * (a - c) / bend, -0.5, 0.5)) if bend < 0 else 0.0
