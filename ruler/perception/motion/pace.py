"""Two pictures in, the pace of each object between them out, by dense optical flow.

The flow is taken from the picture now to one a tenth of a second before, so that it lies on the pixels where the object
is now, and averaged over a window of the size of a trunk: swinging legs and arms cancel out, and of a group that
touches, the fastest member decides.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.perception.motion.background import Grey
from ruler.schema import FloatArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """How flow is taken; lengths in usual body heights at the object's place.

    Attributes:
        lag: seconds between the two pictures, or the nearest possible.
        longest: pictures further apart than this are not compared, in seconds.
        wide: width of the window.
        tall: height of the window.
        filled: least weight of a window.
        steps: windows across one body height.
        faint: difference from the background, in grey levels, under which a pixel has no weight: noise and thin shadows
            flow anywhere.
        clear: difference from which it has full weight.
    """

    lag: float = 0.1
    longest: float = 0.5
    wide: float = 0.4
    tall: float = 0.8
    filled: float = 0.3
    steps: int = 12
    faint: float = 11.0
    clear: float = 25.0


class PaceMeter:
    """Measures the pace of objects in a stream of pictures."""

    def __init__(self, settings: PaceSettings = PaceSettings()) -> None:
        self.settings = settings
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._past: deque[tuple[float, Bytes]] = deque()

    def measure(
        self, picture: Grey, difference: Grey, time: float, boxes: FloatArray, heights: FloatArray
    ) -> FloatArray:
        """Take the next picture and measure the objects in it.

        Args:
            picture: H×W, grey, 0 to 255.
            difference: H×W, absolute difference from the background at the same light.
            time: seconds, rising.
            boxes: (N, 4), x, y, w, h in pixels of the picture.
            heights: (N,) usual height of a person at the objects' places.

        Returns:
            (N,) body heights per second; NaN where there is no picture to compare with.
        """
        s = self.settings
        now = np.clip(picture, 0, 255).astype(np.uint8)
        while self._past and time - self._past[0][0] > s.longest:
            self._past.popleft()
        earlier = min(self._past, key=lambda past: abs(time - past[0] - s.lag), default=None)
        self._past.append((time, now))
        if earlier is None or time <= earlier[0]:
            return np.full(len(boxes), np.nan)
        if not len(boxes):
            return np.zeros(0)
        flow = self._flow.calc(now, earlier[1], None)
        weight = np.clip((difference - s.faint) / (s.clear - s.faint), 0.0, 1.0).astype(np.float32)
        speed = cv2.magnitude(flow[..., 0], flow[..., 1]) * weight
        sums = cv2.integral(speed, sdepth=cv2.CV_64F), cv2.integral(weight, sdepth=cv2.CV_64F)
        moved = np.array([self._fastest(*sums, box, float(h)) for box, h in zip(boxes, heights, strict=True)])
        return np.asarray(moved / heights / (time - earlier[0]), float)

    def _fastest(
        self, speed: NDArray[np.float64], filled: NDArray[np.float64], box: FloatArray, height: float
    ) -> float:
        """The largest mean flow, in pixels, of a window whose middle lies in the box; both pictures are integral
        images.
        """
        s = self.settings
        rows, columns = speed.shape[0] - 1, speed.shape[1] - 1
        x, y, w, h = (float(v) for v in box)
        step = max(1.0, height / s.steps)
        across = np.arange(x + step / 2, max(x + w, x + step), step)[None, :]
        down = np.arange(y + step / 2, max(y + h, y + step), step)[:, None]
        wide, tall = max(1.0, s.wide * height / 2), max(1.0, s.tall * height / 2)
        x0, x1 = (np.clip(np.rint(across + d), 0, columns).astype(int) for d in (-wide, wide))
        y0, y1 = (np.clip(np.rint(down + d), 0, rows).astype(int) for d in (-tall, tall))
        area = np.maximum((x1 - x0) * (y1 - y0), 1)
        moving = speed[y1, x1] - speed[y0, x1] - speed[y1, x0] + speed[y0, x0]
        covered = filled[y1, x1] - filled[y0, x1] - filled[y1, x0] + filled[y0, x0]
        mean = np.where(covered >= s.filled * area, moving / np.maximum(covered, 1e-3), 0.0)
        return float(mean.max(initial=0.0))
