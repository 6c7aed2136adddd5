"""Which frames are taken: by number, time or change of the picture. In: index, time, thumbnail. Out: yes or no."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.errors import UsageError
from ruler.schema import Picture

Thumbnail = NDArray[np.uint8]
"""Grey, `THUMBNAIL_SIZE`, uint8."""

THUMBNAIL_SIZE = (64, 36)
"""Width and height of the picture that change is measured on: small enough to average sensor noise away."""

DEFAULT_MOTION = 0.02
DEFAULT_MAX_GAP = 2.0
_TIME_TOLERANCE = 1e-6
_EVERY_HINT = "write 5 (every 5th frame), 0.5s (one frame per half second), motion or motion:0.02"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames are taken. At most one of `stride`, `seconds` and `motion` is set; none of them takes every frame.

    Attributes:
        stride: every n-th frame, n ≥ 1: frames 0, n, 2n, …; where such a frame is corrupt, the next good one.
        seconds: one frame per so many seconds of presentation time, > 0: the first frame at or after each multiple.
        motion: a frame whose mean absolute difference (0 to 1) from the last one taken reaches this, on a grey
            thumbnail; 0 < motion ≤ 1.
        max_gap: with `motion`, a frame is taken after so many seconds at the latest, > 0.

    Raises:
        UsageError: a value out of its range, or two ways at once.
    """

    stride: int = 1
    seconds: float | None = None
    motion: float | None = None
    max_gap: float = DEFAULT_MAX_GAP

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if (self.stride != 1) + (self.seconds is not None) + (self.motion is not None) > 1:
            raise UsageError("stride, seconds and motion exclude one another", where="sampling", hint="choose one")
        if self.stride < 1:
            raise UsageError(f"a stride of {self.stride} frames", where="sampling", hint="the stride is 1 or more")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise UsageError(
                f"one frame per {self.seconds:g} seconds", where="sampling", hint="the time is more than 0"
            )
        if self.motion is not None and not 0 < self.motion <= 1:
            raise UsageError(
                f"a motion threshold of {self.motion:g}", where="sampling", hint="it is over 0 and at most 1"
            )
        if not 0 < self.max_gap < math.inf:
            raise UsageError(f"a largest gap of {self.max_gap:g} seconds", where="sampling", hint="it is more than 0")

    def __str__(self) -> str:
        """The form `parse_every` reads."""
        if self.seconds is not None:
            return f"{self.seconds:.12g}s"
        if self.motion is not None:
            gap = "" if self.max_gap == DEFAULT_MAX_GAP else f":{self.max_gap:.12g}s"
            return f"motion:{self.motion:.12g}{gap}"
        return str(self.stride)


EVERY_FRAME = Sampling()

_NUMBER = r"(\d+\.?\d*|\.\d+)"
_STRIDE = re.compile(r"(\d+)f?")
_SECONDS = re.compile(_NUMBER + "s")
_MOTION = re.compile(rf"motion(?::{_NUMBER})?(?::{_NUMBER}s)?")


def parse_every(text: str) -> Sampling:
    """Read a sampling as it is written on the command line.

    Args:
        text: `5` or `5f` (every 5th frame), `1s` or `0.5s` (one frame per so many seconds), `motion`,
            `motion:THRESHOLD` or `motion:THRESHOLD:GAPs`.

    Raises:
        UsageError: anything else.
    """
    word = text.strip().lower()
    if found := _STRIDE.fullmatch(word):
        return Sampling(stride=int(found[1]))
    if found := _SECONDS.fullmatch(word):
        return Sampling(seconds=float(found[1]))
    if found := _MOTION.fullmatch(word):
        threshold = DEFAULT_MOTION if found[1] is None else float(found[1])
        return Sampling(motion=threshold, max_gap=DEFAULT_MAX_GAP if found[2] is None else float(found[2]))
    raise UsageError(f"{text!r} is not a sampling", where="--every", hint=_EVERY_HINT)


class Sampler:
    """One pass of a sampling over a video: asked frame by frame, in order, and told of each frame really taken."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._due_index = 0
        self._due_time = -math.inf
        self._last: Thumbnail | None = None
        self._seen: Thumbnail | None = None

    def takes(self, index: int, time: float, thumbnail: Callable[[], Thumbnail]) -> bool:
        """Whether this frame is to be taken.

        Args:
            index: of the frame in its video.
            time: seconds.
            thumbnail: makes the thumbnail; called only where the sampling is by motion.
        """
        sampling = self._sampling
        if sampling.motion is not None:
            self._seen = thumbnail()
            still = self._last is not None and difference(self._seen, self._last) < sampling.motion
            return not still or time + _TIME_TOLERANCE >= self._due_time
        if sampling.seconds is not None:
            return time + _TIME_TOLERANCE >= self._due_time
        return index >= self._due_index

    def took(self, index: int, time: float) -> None:
        """The frame last asked about was taken: a corrupt one is not, and the next good one stands in for it."""
        sampling = self._sampling
        if sampling.motion is not None:
            self._last = self._seen
            self._due_time = time + sampling.max_gap
        elif sampling.seconds is not None:
            self._due_time = (math.floor((time + _TIME_TOLERANCE) / sampling.seconds) + 1) * sampling.seconds
        else:
            self._due_index = (index // sampling.stride + 1) * sampling.stride


def thumbnail_of(picture: Picture) -> Thumbnail:
    """The grey thumbnail (36×64 uint8) of an RGB picture (H×W×3 uint8)."""
    small = cv2.resize(picture, THUMBNAIL_SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def difference(one: Thumbnail, other: Thumbnail) -> float:
    """Mean absolute difference of two thumbnails, 0 (equal) to 1 (black and white)."""
    return float(cv2.absdiff(one, other).mean()) / 255
