"""Two pictures in, the pace of each object between them out, by dense optical flow.

The flow is taken from the picture now to one shortly before, so that it lies on the pixels where the object
is now, and averaged over a window of the size of a trunk: swinging legs and arms cancel out, and of a group that
touches, the fastest member decides. Plain surfaces flow less than they move, so a pace is to be held against other
paces, not against a ruler; `speed` is what tells metres from each other.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.perception.motion.background import Grey
from ruler.schema import FloatArray

Bytes = NDArray[np.uint8]
Integral = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """How flow is taken; lengths in usual body heights at the object's place.

    Attributes:
        lag: seconds between the two pictures, or the nearest possible.
        longest: pictures further apart than this are not compared, in seconds.
        wide: width of the window.
        tall: height of the window.
        filled: least weight of a window, as a share of that of the object's fullest.
        least: least mean weight of a window.
        across: windows across a box.
        down: windows down a box.
        faint: difference from the background, in grey levels, under which a pixel has no weight: noise and thin shadows
            flow anywhere.
        clear: difference from which it has full weight.
    """

    lag: float = 0.04
    longest: float = 0.5
    wide: float = 0.4
    tall: float = 0.8
    filled: float = 0.6
    least: float = 0.05
    across: int = 8
    down: int = 10
    faint: float = 11.0
    clear: float = 25.0


class PaceMeter:
    """Measures the pace of objects in a stream of pictures: `look` at each, then `measure` what was found in it.

    The flow is computed beside the search for objects, in a thread of its own.
    """

    def __init__(self, settings: PaceSettings = PaceSettings()) -> None:
        self.settings = settings
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # type: ignore[attr-defined]
        self._past: deque[tuple[float, Bytes]] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="flow")
        self._coming: Future[Grey] | None = None
        self._between = 0.0

    def look(self, picture: Grey, time: float) -> None:
        """Take the next picture.

        Args:
            picture: H×W, grey, 0 to 255.
            time: seconds, rising.
        """
        now = np.clip(picture, 0, 255).astype(np.uint8)
        while self._past and time - self._past[0][0] > self.settings.longest:
            self._past.popleft()
        earlier = min(self._past, key=lambda past: abs(time - past[0] - self.settings.lag), default=None)
        self._past.append((time, now))
        self._coming = None
        if earlier is not None and time > earlier[0]:
            self._between = time - earlier[0]
            self._coming = self._pool.submit(self._length, now, earlier[1])

    def measure(self, difference: Grey, boxes: FloatArray, heights: FloatArray) -> FloatArray | None:
        """Measure the objects of the picture last looked at.

        Args:
            difference: H×W, absolute difference from the background at the same light.
            boxes: (N, 4), x, y, w, h in pixels of the picture.
            heights: (N,) usual height of a person at the objects' places.

        Returns:
            (N,) body heights per second; None where there is no picture to compare with.
        """
        if self._coming is None:
            return None
        s = self.settings
        weight = np.clip((difference - s.faint) / (s.clear - s.faint), 0.0, 1.0).astype(np.float32)
        length = self._coming.result()
        sums = cv2.integral(length * weight, sdepth=cv2.CV_64F), cv2.integral(weight, sdepth=cv2.CV_64F)
        if not len(boxes):
            return np.zeros(0)
        return self._fastest(*sums, boxes, heights) / heights / self._between

    def _length(self, now: Bytes, earlier: Bytes) -> Grey:
        flow = self._flow.calc(now, earlier, None)
        return np.asarray(cv2.magnitude(flow[..., 0], flow[..., 1]), np.float32)

    def _fastest(self, length: Integral, weight: Integral, boxes: FloatArray, heights: FloatArray) -> FloatArray:
        """The largest mean flow of a window whose middle lies in each box, in pixels, (N,); of integral images."""
        s = self.settings
        rows, columns = length.shape[0] - 1, length.shape[1] - 1
        x, y, w, h = (boxes[:, i, None, None] for i in range(4))
        across = x + w * _middles(s.across)[None, None, :]
        down = y + h * _middles(s.down)[None, :, None]
        wide = np.maximum(1.0, s.wide * heights / 2)[:, None, None]
        tall = np.maximum(1.0, s.tall * heights / 2)[:, None, None]
        x0, x1 = (np.clip(np.rint(across + d), 0, columns).astype(int) for d in (-wide, wide))
        y0, y1 = (np.clip(np.rint(down + d), 0, rows).astype(int) for d in (-tall, tall))
        covered = weight[y1, x1] - weight[y0, x1] - weight[y1, x0] + weight[y0, x0]
        moving = length[y1, x1] - length[y0, x1] - length[y1, x0] + length[y0, x0]
        least = np.maximum(s.least * (x1 - x0) * (y1 - y0), s.filled * covered.max(axis=(1, 2), keepdims=True))
        mean = np.where(covered >= least, moving / np.maximum(covered, 1e-3), 0.0)
        return np.asarray(mean.max(axis=(1, 2)), float)


def _middles(count: int) -> FloatArray:
    return np.asarray((np.arange(count) + 0.5) / count)
