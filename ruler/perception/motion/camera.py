"""A grey picture and the background in, the state of the camera out: ok, blocked, moved, defocused or dark.

The picture is held against the background block by block, by the correlation of their gradients, which neither a change
of light nor a few people disturb. Where most blocks have lost their structure the camera cannot be judged: covered if
no structure has taken its place, moved if other structure has. Where the coarse structure stays and the fine detail is
gone, it is out of focus.
"""

from __future__ import annotations

import cv2
import numpy as np

from ruler.perception.motion.background import Grey
from ruler.schema import CameraState, FloatArray

_ROWS, _COLUMNS = 6, 8
_DARK_MEAN, _DARK_BRIGHT = 12.0, 40.0
_FLAT_DETAIL = 0.35
_LOST_CORRELATION, _LOST_SHARE = 0.35, 0.6
_BLUR_RATIO = 0.45
_COARSE_ALIKE = 0.75


class CameraWatch:
    """Judges each picture of one camera.

    Args:
        background: the background picture; it is compared with, not kept up, so give each call the current one.
        detail: fine detail of usual pictures (see `fine_detail`).
    """

    def __init__(self, background: Grey, detail: float) -> None:
        self._detail = detail
        self._background = background
        self._blocks = _gradients(background)
        self._coarse = _coarse(background)
        self._age = 0.0

    def judge(self, grey: Grey, background: Grey, dt: float) -> CameraState:
        """Return the state of the camera in one picture (H×W); `dt` seconds have passed since the last."""
        self._age += dt
        if self._age > 1.0:
            self._age = 0.0
            self._blocks, self._coarse = _gradients(background), _coarse(background)
        if is_dark(grey):
            return CameraState.DARK
        detail = fine_detail(grey)
        lost, flat = _lost_blocks(self._blocks, _gradients(grey))
        alike = _correlation(self._coarse, _coarse(grey))
        if lost >= _LOST_SHARE:
            if flat >= _LOST_SHARE:
                blurred = alike > _COARSE_ALIKE and float(grey.std()) > 0.5 * float(background.std())
                return CameraState.DEFOCUSED if blurred else CameraState.BLOCKED
            return CameraState.MOVED
        if detail < _BLUR_RATIO * self._detail and alike > _COARSE_ALIKE:
            return CameraState.DEFOCUSED
        share = 1.0 - np.exp(-dt / 60.0)
        self._detail += float(share) * (detail - self._detail)
        return CameraState.OK


def is_dark(grey: Grey) -> bool:
    """Whether hardly any light reaches the camera."""
    small = grey[::4, ::4]
    return float(small.mean()) < _DARK_MEAN and float(np.percentile(small, 98)) < _DARK_BRIGHT


def fine_detail(grey: Grey) -> float:
    """Mean strength of the finest structure over the contrast of the picture; 0 for a blank one."""
    soft = cv2.GaussianBlur(grey, (7, 7), 1.2)
    edges = cv2.Laplacian(soft, cv2.CV_32F)
    fine = float(cv2.norm(edges, cv2.NORM_L1)) / edges.size
    spread = float(_coarse(grey).std())
    return fine / max(spread, 1.0)


def _gradients(grey: Grey) -> FloatArray:
    """Gradients of the picture at 48 blocks of 12×12 cells: (2, blocks, cells)."""
    small = cv2.resize(grey, (_COLUMNS * 12, _ROWS * 12), interpolation=cv2.INTER_AREA)
    both = np.stack([cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1)])
    cut = both.reshape(2, _ROWS, 12, _COLUMNS, 12).transpose(1, 3, 0, 2, 4)
    return np.asarray(cut.reshape(_ROWS * _COLUMNS, -1), dtype=np.float64)


def _lost_blocks(before: FloatArray, now: FloatArray) -> tuple[float, float]:
    """Share of the textured blocks whose structure is gone, and share of those in which little structure is left."""
    strength, left = np.sqrt((before**2).mean(1)), np.sqrt((now**2).mean(1))
    textured = strength >= max(4.0, 0.25 * float(np.percentile(strength, 90)))
    if textured.sum() < 3:
        return 0.0, 0.0
    similar = (before * now).mean(1) / np.maximum(strength * left, 1e-6)
    # What has almost vanished has no shape either, however well its noise correlates.
    gone = textured & ((similar < _LOST_CORRELATION) | (left < 0.15 * strength))
    flat = gone & (left < _FLAT_DETAIL * strength)
    return float(gone.sum() / textured.sum()), float(flat.sum() / max(int(gone.sum()), 1))


def _coarse(grey: Grey) -> FloatArray:
    return np.asarray(cv2.resize(grey, (16, 12), interpolation=cv2.INTER_AREA), dtype=np.float64)


def _correlation(first: FloatArray, second: FloatArray) -> float:
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-6))
