"""The boxes of one track in, its measures out, by the names in `ruler.measures`.

Everything is told in seconds, so tracks of any frame rate or stride are treated alike. A value at time t looks `REACH`
seconds back and ahead at most (dwell looks back only), which lets a stream measure with a short delay exactly what is
measured on a whole recorded track.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from ruler.schema import FloatArray


@dataclass(frozen=True, slots=True)
class MeasureSettings:
    """Times in seconds over which a track is smoothed.

    Attributes:
        hole: a longer time without a box cuts the track in two; shorter holes are bridged by straight lines.
        shortest: pieces shorter than this are not measured.
        median: window of the median over positions and sizes.
        sigma: standard deviation of the Gaussian over positions.
        sigma_size: standard deviation of the Gaussian over sizes.
        step: speed and acceleration are taken over this time, half before and half after.
        growth: change of height is taken over this time.
        depth: motion up or down the picture counts this much more than motion along it: it mostly leads towards the
            camera or away from it, and perspective shortens it.
        still: smallest speed in heights/s that has a direction.
    """

    hole: float = 0.6
    shortest: float = 0.3
    median: float = 0.2
    sigma: float = 0.16
    sigma_size: float = 0.17
    step: float = 0.5
    growth: float = 0.25
    depth: float = 1.5
    still: float = 0.25


REACH = 1.0
"""Seconds a value looks back and ahead, at most, with the settings as shipped."""


def measure_tracks(
    times: ArrayLike,
    boxes: ArrayLike,
    heights: ArrayLike | None = None,
    settings: MeasureSettings = MeasureSettings(),
) -> dict[str, FloatArray]:
    """Measure one track.

    Args:
        times: (T,) seconds, strictly increasing.
        boxes: (T, 4), x, y, w, h in pixels.
        heights: (T,) the usual height in pixels at the object's place, where known: the object's own height, held
            within a quarter of
            it, is the body height of speeds. Without it the object's own (smoothed) height is.
        settings: times of smoothing.

    Returns:
        One (T,) float64 array for each measure; NaN where it could not be measured.

    Raises:
        ValueError: if the shapes do not fit or the times do not increase.
    """
    t, b = np.asarray(times, dtype=np.float64), np.asarray(boxes, dtype=np.float64)
    usual = None if heights is None else np.asarray(heights, dtype=np.float64)
    if t.ndim != 1 or b.shape != (len(t), 4) or (usual is not None and usual.shape != t.shape):
        raise ValueError(f"times {t.shape}, boxes {b.shape}: want (T,), (T, 4)")
    if np.any(np.diff(t) <= 0):
        raise ValueError("times must increase")
    out = {name: np.full(len(t), np.nan) for name in OBJECT_MEASURES}
    cuts = np.nonzero(np.diff(t) > settings.hole)[0] + 1
    for piece in np.split(np.arange(len(t)), cuts):
        if not len(piece):
            continue
        measured = _piece(t[piece], b[piece], None if usual is None else usual[piece], settings)
        for name, values in measured.items():
            out[name][piece] = values
    return out


def measure_velocities(
    times: ArrayLike, velocities: ArrayLike, settings: MeasureSettings = MeasureSettings()
) -> dict[str, FloatArray]:
    """Measure the motion of one track from velocities seen in the pictures rather than from its boxes.

    Args:
        times: (T,) seconds, strictly increasing.
        velocities: (T, 2) to the right and down, in body heights per second; NaN where none was seen.
        settings: times of smoothing; the median is taken over two and a half times the window for boxes, as matches err
            more grossly.

    Returns:
        Speed, acceleration and direction, (T,) each; NaN throughout if nothing was seen.
    """
    t, v = np.asarray(times, dtype=np.float64), np.asarray(velocities, dtype=np.float64)
    known = ~np.isnan(v).any(axis=1)
    if not known.any():
        return {name: np.full(len(t), np.nan) for name in ("speed", "acceleration", "direction")}
    step = float(np.median(np.diff(t))) if len(t) > 1 else 1.0
    grid = t[0] + step * np.arange(int(np.floor((t[-1] - t[0]) / step + 0.5)) + 1)
    even = np.stack([np.interp(grid, t[known], v[known, i]) for i in (0, 1)])
    vx, vy = _gaussian(_median(even, 2.5 * settings.median, step), settings.sigma_size, step)
    speed = np.hypot(vx, vy)
    acceleration = np.hypot(_slope(vx, settings.step, step), _slope(vy, settings.step, step))
    nearest = np.clip(np.rint((t - grid[0]) / step).astype(int), 0, len(grid) - 1)
    return {
        "speed": np.interp(t, grid, speed),
        "acceleration": np.interp(t, grid, acceleration),
        "direction": _direction(vx, vy, settings.still)[nearest],
    }


def _direction(vx: FloatArray, vy: FloatArray, still: float) -> FloatArray:
    """Heading in degrees, 0 to the right, 90 up; NaN where the speed is below `still`."""
    return np.where(np.hypot(vx, vy) >= still, np.degrees(np.arctan2(-vy, vx)) % 360.0, np.nan)


OBJECT_MEASURES = ("speed", "acceleration", "height", "aspect", "area", "growth", "direction", "dwell")


def _piece(t: FloatArray, b: FloatArray, usual: FloatArray | None, s: MeasureSettings) -> dict[str, FloatArray]:
    """Measure a piece of a track without long holes."""
    step = float(np.median(np.diff(t))) if len(t) > 1 else 1.0
    grid = t[0] + step * np.arange(int(np.floor((t[-1] - t[0]) / step + 0.5)) + 1)
    tracks = np.stack([np.interp(grid, t, v) for v in (b[:, 0] + b[:, 2] / 2, b[:, 1] + b[:, 3], b[:, 2], b[:, 3])])
    tracks = _median(tracks, s.median, step)
    x, y = _gaussian(tracks[:2], s.sigma, step)
    w, h = np.maximum(_gaussian(tracks[2:], s.sigma_size, step), 1.0)
    sizes = {"height": h, "aspect": w / h, "area": w * h}
    moving = {}
    if t[-1] - t[0] >= s.shortest and len(grid) > 2:
        body = h if usual is None else np.clip(h, 0.75 * np.interp(grid, t, usual), 1.25 * np.interp(grid, t, usual))
        moving = _motion(x, y, h, body, step, s)
    nearest = np.clip(np.rint((t - grid[0]) / step).astype(int), 0, len(grid) - 1)
    # A direction is not interpolated: between 350° and 10° lies 0°, not 180°.
    return {name: v[nearest] if name == "direction" else np.interp(t, grid, v) for name, v in (sizes | moving).items()}


def _motion(
    x: FloatArray, y: FloatArray, h: FloatArray, body: FloatArray, step: float, s: MeasureSettings
) -> dict[str, FloatArray]:
    vx, vy = _slope(x, s.step, step) / body, _slope(y, s.step, step) / body
    deep = s.depth * vy
    return {
        "speed": np.hypot(vx, deep),
        "acceleration": np.hypot(_slope(vx, s.step, step), _slope(deep, s.step, step)),
        "growth": np.abs(_slope(h, s.growth, step)) / h,
        "direction": _direction(vx, vy, s.still),
        "dwell": _dwell(x, y, body, step),
    }


def _dwell(x: FloatArray, y: FloatArray, body: FloatArray, step: float) -> FloatArray:
    stay, out = None, np.zeros(len(x))
    for i in range(len(x)):
        stay = Stay.follow(stay, i * step, float(x[i]), float(y[i]), float(body[i]))
        out[i] = i * step - stay.since
    return out


@dataclass(frozen=True, slots=True)
class Stay:
    """Where and since when an object has stayed within one body height."""

    since: float
    x: float
    y: float

    @classmethod
    def follow(cls, stay: Stay | None, time: float, x: float, y: float, body: float) -> Stay:
        """Return the stay of an object that is now at x, y (pixels) and `body` pixels tall: the same, or a new one."""
        if stay is None or np.hypot(x - stay.x, y - stay.y) > body:
            return cls(time, x, y)
        return stay


def _slope(values: FloatArray, over: float, step: float) -> FloatArray:
    """Central difference per second; one-sided at the ends."""
    k = max(1, round(over / step / 2))
    n = len(values)
    ahead, back = np.minimum(np.arange(n) + k, n - 1), np.maximum(np.arange(n) - k, 0)
    return np.asarray((values[ahead] - values[back]) / (np.maximum(ahead - back, 1) * step))


def _median(values: FloatArray, window: float, step: float) -> FloatArray:
    """Running median along the last axis, over at least three values; the ends are repeated."""
    if values.shape[-1] < 3:
        return values
    reach = max(1, round(window / step / 2))
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(reach, reach)], mode="edge")
    return np.asarray(np.median(sliding_window_view(padded, 2 * reach + 1, axis=-1), axis=-1))


def _gaussian(values: FloatArray, sigma: float, step: float) -> FloatArray:
    """Gaussian along the last axis; beyond an end the track goes on as it came, so that a steady walk stays one."""
    radius = min(values.shape[-1] - 1, int(np.ceil(2.5 * sigma / step)))
    if radius < 1:
        return values
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * step / sigma) ** 2)
    left = 2 * values[..., :1] - values[..., radius:0:-1]
    right = 2 * values[..., -1:] - values[..., -2 : -radius - 2 : -1]
    longer = np.concatenate([left, values, right], axis=-1)
    return np.asarray(sliding_window_view(longer, 2 * radius + 1, axis=-1) @ (kernel / kernel.sum()))
