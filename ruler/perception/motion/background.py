"""Grey pictures in, foreground masks out: a background that survives changes of light.

Each picture is first brought to the brightness of the background by one gain and one offset for the whole picture, so
that a lamp switched on moves nothing into the foreground. A pixel is foreground where it differs from the background by
more than its own usual flicker. The background follows slowly, and more slowly where something stands; what the first
pictures held and is gone since is found out by its edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.float32]
"""Grey picture, H×W float32, 0 to 255."""

Mask = NDArray[np.uint8]
"""H×W uint8, 0 or 1."""


@dataclass(frozen=True, slots=True)
class Foreground:
    """What stands out in one picture.

    Attributes:
        mask: 1 where something stands out.
        level: the picture at the background's brightness.
        share: of the picture that stands out, 0 to 1.
    """

    mask: Mask
    level: Grey
    share: float


@dataclass(frozen=True, slots=True)
class BackgroundSettings:
    """How the background learns and what stands out.

    Attributes:
        follow: seconds in which a pixel of the background follows a lasting change by 63 %.
        absorb: the same where something stands.
        contrast: smallest difference that stands out, in grey levels.
        flickers: how many times its own mean flicker a pixel must differ.
        crowd: share of the picture that may stand out before the light is suspected of having changed unevenly.
        still: seconds a pixel must keep its value before it is asked whether the background or the picture is the odd
            one.
        every: seconds between two looks for such pixels, and between two steps of following.
    """

    follow: float = 10.0
    absorb: float = 60.0
    contrast: float = 11.0
    flickers: float = 4.0
    crowd: float = 0.35
    still: float = 0.8
    every: float = 0.2


class Background:
    """Background of a fixed camera.

    Args:
        opening: grey pictures of the first seconds; their median is the first background.
        settings: how it learns.
    """

    def __init__(self, opening: Sequence[Grey], settings: BackgroundSettings = BackgroundSettings()) -> None:
        self.settings = settings
        stack = np.stack(list(opening))
        self.picture: Grey = np.median(stack, axis=0).astype(np.float32)
        spread = np.median(np.abs(stack - self.picture), axis=0).astype(np.float32)
        self._flicker: Grey = np.clip(cv2.blur(spread, (5, 5)), 1.0, 8.0)
        self._held: Grey = self.picture.copy()
        self._held_for: Grey = np.zeros_like(self.picture)
        self._since = 0.0

    def subtract(self, grey: Grey) -> Foreground:
        """Return what stands out from the background, without learning."""
        level = match_light(grey, self.picture)
        seen = self._compare(level)
        if seen.share > self.settings.crowd:
            # One gain was not enough: lamps light some places more than others, but only slowly from place to place.
            even = self._compare(_match_light_locally(level, self.picture))
            if even.share < 0.5 * seen.share:
                return even
        return seen

    def learn(self, seen: Foreground, dt: float) -> None:
        """Follow the picture, slowly where something stands; `dt` seconds have passed since the last picture."""
        self._since += dt
        if self._since < self.settings.every:
            return
        self._mend(seen, self._since)
        calm, busy = (np.float32(1.0 - np.exp(-self._since / s)) for s in (self.settings.follow, self.settings.absorb))
        self._since = 0.0
        near = cv2.dilate(seen.mask, np.ones((5, 5), np.uint8))
        rate = calm - (calm - busy) * near.astype(np.float32)
        difference = cv2.subtract(seen.level, self.picture)
        self.picture += rate * difference
        quiet = (np.abs(difference) - self._flicker) * (calm * (1 - near))
        self._flicker = np.clip(self._flicker + quiet, 1.0, 8.0)

    def _compare(self, level: Grey) -> Foreground:
        difference = cv2.absdiff(level, self.picture)
        limit = np.maximum(self._flicker * np.float32(self.settings.flickers), np.float32(self.settings.contrast))
        mask = np.asarray(cv2.medianBlur((difference > limit).astype(np.uint8), 3), dtype=np.uint8)
        return Foreground(mask, level, float(cv2.countNonZero(mask)) / mask.size)

    def _mend(self, seen: Foreground, dt: float) -> None:
        """Give up the background where it shows something that has left: still, and edged only there."""
        moved = cv2.absdiff(seen.level, self._held) > self.settings.contrast / 2
        self._held_for += np.float32(dt)
        self._held_for[moved] = 0.0
        np.copyto(self._held, seen.level, where=moved)
        still = (self._held_for >= self.settings.still).astype(np.uint8) & seen.mask
        firm = cv2.morphologyEx(still, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(firm, connectivity=8)
        for i in range(1, count):
            if stats[i, cv2.CC_STAT_AREA] < 12:
                continue
            x, y, w, h = stats[i, :4]
            cut = (slice(max(0, y - 4), y + h + 4), slice(max(0, x - 4), x + w + 4))
            place = (labels[cut] == i).astype(np.uint8)
            rim = cv2.morphologyEx(place, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
            if _edges(self.picture[cut])[rim].mean() > 1.25 * _edges(seen.level[cut])[rim].mean():
                np.copyto(self.picture[cut], seen.level[cut], where=cv2.dilate(place, np.ones((5, 5), np.uint8)) > 0)


def match_light(grey: Grey, target: Grey) -> Grey:
    """Bring a picture to the brightness of another by one gain and one offset.

    The median difference of the darker and that of the brighter half of the target give two points of the line; people,
    who cover less than half of either, do not move them.
    """
    a, b = grey[2::6, 2::5].ravel(), target[2::6, 2::5].ravel()
    bright = b > np.median(b)
    if not bright.any() or bright.all():
        return np.asarray(grey + np.float32(np.median(b - a)), dtype=np.float32)
    b_low, b_high = float(np.median(b[~bright])), float(np.median(b[bright]))
    a_low = b_low - float(np.median((b - a)[~bright]))
    a_high = b_high - float(np.median((b - a)[bright]))
    if b_high - b_low < 8.0 or a_high - a_low < 2.0:
        return np.asarray(grey + np.float32((b_low - a_low + b_high - a_high) / 2), dtype=np.float32)
    gain = (b_high - b_low) / (a_high - a_low)
    return np.asarray((grey - np.float32(a_low)) * np.float32(gain) + np.float32(b_low), dtype=np.float32)


def _match_light_locally(grey: Grey, target: Grey) -> Grey:
    """Bring each part of a picture, a sixth of its size, to the brightness of the same part of another."""
    size = max(3, max(grey.shape) // 6) | 1
    ours, theirs = (cv2.blur(p, (size, size), borderType=cv2.BORDER_REFLECT) for p in (grey, target))
    return np.asarray(grey * np.clip((theirs + 2.0) / (ours + 2.0), 0.2, 5.0), dtype=np.float32)


def _edges(grey: Grey) -> Grey:
    return np.asarray(
        np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1)), dtype=np.float32
    )
