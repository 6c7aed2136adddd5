"""What every kind of source gives to `Video`: a slot for each frame in order, the picture made only when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from ruler.errors import UsageError
from ruler.schema import Picture, VideoInfo
from ruler.video.sampling import Thumbnail, thumbnail_of

ASSUMED_RATE = Fraction(25)
"""Frames per second where a source carries none and none was given."""

_TOO_FAST = 1_000_000
_SLOWEST = Fraction(1, 10_000)
_NTSC_TOLERANCE = 5e-5


def exact_rate(rate: float | Fraction) -> Fraction:
    """A frame rate as the fraction that is meant: 29.97 is 30000/1001, 0.1 is 1/10.

    Raises:
        UsageError: not a number over 0.
    """
    if not 0 < rate < _TOO_FAST:
        raise UsageError(f"a frame rate of {rate}", where="frame rate", hint="give frames per second, over 0")
    whole = round(rate)
    ntsc = Fraction(whole * 1000, 1001)
    if isinstance(rate, float) and rate != whole and abs(rate - ntsc) < _NTSC_TOLERANCE * whole:
        return ntsc
    return rate if isinstance(rate, Fraction) else max(Fraction(rate).limit_denominator(10_000), _SLOWEST)


class BrokenPictureError(Exception):
    """Raised by `Slot.image` where only making the picture tells that it is corrupt."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one frame in its video.

    Attributes:
        index: from 0.
        time: seconds from the first slot.
        image: makes the upright RGB picture; None for a corrupt frame. May raise `BrokenPictureError`.
        small: makes the grey thumbnail where that is cheaper than from the picture. Need not be upright.
    """

    index: int
    time: float
    image: Callable[[], Picture] | None
    small: Callable[[], Thumbnail] | None = None

    def thumbnail(self) -> Thumbnail:
        """The grey thumbnail of a frame that is not corrupt."""
        if self.small is not None:
            return self.small()
        if self.image is None:
            raise BrokenPictureError("corrupt")
        return thumbnail_of(self.image())


class Source(Protocol):
    """A file, a folder of pictures or an array.

    Attributes:
        info: what is known before the frames are read.
        notes: what a person should know, complete after a full pass of `slots`.
        truncated: whether the last full pass found the end missing.
    """

    info: VideoInfo
    notes: list[str]
    truncated: bool

    def slots(self) -> Iterator[Slot]:
        """All slots in order, corrupt ones included; each call starts from the beginning."""

    def pick(self, indices: Sequence[int]) -> Iterator[Slot]:
        """The slots of these indices (ascending, unique) as far as they exist."""


def pick_in_order(slots: Iterable[Slot], indices: Sequence[int]) -> Iterator[Slot]:
    """The slots of these indices (ascending, unique) from slots in order; stops reading after the last one."""
    wanted = iter(indices)
    due = next(wanted, None)
    if due is None:
        return
    for slot in slots:
        while due is not None and due < slot.index:
            due = next(wanted, None)
        if due == slot.index:
            yield slot
            due = next(wanted, None)
        if due is None:
            return


class Clock:
    """Presentation times in seconds: exact fractions inside, strictly increasing, holes filled at the frame rate.

    A timestamp that does not advance by itself (equal, or slightly back) is replaced by half a step after the last
    frame; a jump back of more than a second (a camera's counter starting anew) goes on from the last frame.

    Args:
        time_base: seconds per unit of the timestamps.
        step: seconds between two frames where there is no timestamp.
    """

    def __init__(self, time_base: Fraction, step: Fraction) -> None:
        self._base = time_base
        self._step = step
        self._origin: Fraction | None = None
        self._last: Fraction | None = None

    @property
    def last(self) -> Fraction:
        """Time of the last frame asked for; 0 before the first."""
        return self._last or Fraction(0)

    def at(self, pts: int | None) -> float:
        """The time of the next frame, in seconds from the first one."""
        last = self._last
        if pts is None:
            now = Fraction(0) if last is None else last + self._step
        else:
            stamp = pts * self._base
            if self._origin is None:
                # Frames without a timestamp came first: they keep their places before this one.
                self._origin = stamp if last is None else stamp - last - self._step
            now = stamp - self._origin
            if last is not None and now <= last:
                if last - now > 1:
                    self._origin = stamp - last - self._step
                    now = last + self._step
                else:
                    now = last + self._step / 2
        self._last = now
        return float(now)
