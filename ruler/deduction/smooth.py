"""Perception smoothing: a series of initial findings in; a series smoothed over time out. Pure functions of arrays.

The two presets that reproduce AnomalyRuler work on 0/1 findings per observed frame and use a statistic of the test
video itself; `centred` and `causal` work on exceedances and use none.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d
from scipy.signal import lfilter

from ruler.schema import BoolArray, FloatArray

PAPER_ALPHA = 0.33
PAPER_PADDING = 5
_REACH = 4.0
"""A Gaussian is cut off at this many standard deviations."""


def ema(values: FloatArray, alpha: float) -> FloatArray:
    """Exponential moving average with weights normalised from the first value on (AnomalyRuler, Sec. 3.4).

    s_t = Σ_i (1 − α)^(t−i) y_i / Σ_i (1 − α)^(t−i), i = 0…t.

    Args:
        values: (T,) float.
        alpha: weight of the newest value, over 0 and at most 1.

    Returns:
        (T,) float64.
    """
    if not 0 < alpha <= 1:
        raise ValueError(f"alpha is {alpha:g}; it must be over 0 and at most 1")
    out = np.empty(len(values))
    mean, weight = 0.0, 0.0
    for t, value in enumerate(np.asarray(values, float).tolist()):
        weight = weight * (1 - alpha) + 1
        # As a step towards the new value, so that a constant series stays exactly what it is: the published program
        # holds its average against the mean of the averages, and a rounding error would turn a video whose every frame
        # matches upside down.
        mean += (value - mean) / weight
        out[t] = mean
    return out


def majority(values: FloatArray, threshold: float, padding: int) -> BoolArray:
    """Majority vote: a frame is anomalous where over half of its window lies over a threshold (AnomalyRuler, Sec. 3.4).

    Args:
        values: (T,) float.
        threshold: strict.
        padding: frames on each side; the window is cut off at both ends of the video.

    Returns:
        (T,) bool.
    """
    over = np.concatenate([[0], np.cumsum(values > threshold)])
    index = np.arange(len(values))
    first, last = np.maximum(index - padding, 0), np.minimum(index + padding + 1, len(values))
    return np.asarray(2 * (over[last] - over[first]) > last - first)


def paper(
    findings: BoolArray, alpha: float = PAPER_ALPHA, padding: int = PAPER_PADDING
) -> tuple[FloatArray, BoolArray]:
    """Smoothing as the paper's text has it: EMA, majority vote over its mean, and a second EMA of the votes as score.

    Args:
        findings: (T,) bool, initial matching.
        alpha: of both averages.
        padding: of the majority vote, frames on each side.

    Returns:
        scores (T,) in 0 to 1, and the smoothed findings (T,).
    """
    if not len(findings):
        return np.zeros(0), np.zeros(0, bool)
    first = ema(findings.astype(float), alpha)
    votes = majority(first, float(first.mean()), padding)
    return ema(votes.astype(float), alpha), votes


def published_code(findings: BoolArray, alpha: float = PAPER_ALPHA) -> tuple[FloatArray, BoolArray]:
    """Smoothing as the published program does it, which differs from the paper's text.

    EMA; findings are what lies over the mean of the EMA of this video; no majority vote; the score is a second EMA of
    these findings whose α is that mean.

    Args:
        findings: (T,) bool, initial matching.
        alpha: of the first average.

    Returns:
        scores (T,) in 0 to 1, and the smoothed findings (T,).
    """
    if not len(findings):
        return np.zeros(0), np.zeros(0, bool)
    first = ema(findings.astype(float), alpha)
    mean = float(first.mean())
    over = np.asarray(first > mean)
    return ema(over.astype(float), mean or 1e-7), over


def gaussian(values: FloatArray, times: FloatArray, sigma: float) -> FloatArray:
    """Centred Gaussian average over time; before the first and after the last frame their values are held.

    Args:
        values: (T,) or (T, K) float.
        times: (T,) seconds, rising.
        sigma: standard deviation in seconds; 0 leaves the values as they are.

    Returns:
        The shape of `values`, float64.
    """
    values = np.asarray(values, float)
    step = _step(times)
    if sigma <= 0 or len(values) < 2 or step <= 0:
        return values
    if _even(times, step):
        radius = int(np.ceil(_REACH * sigma / step))
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * step / sigma) ** 2)
        return np.asarray(correlate1d(values, kernel / kernel.sum(), axis=0, mode="nearest"), float)
    out = np.empty_like(values)
    held = step * np.arange(1, int(np.ceil(_REACH * sigma / step)) + 1)
    longer = np.concatenate([times[0] - held[::-1], times, times[-1] + held])
    index = np.clip(np.arange(len(longer)) - len(held), 0, len(values) - 1)
    first = np.searchsorted(longer, times - _REACH * sigma)
    last = np.searchsorted(longer, times + _REACH * sigma, side="right")
    for t in range(len(values)):
        span = slice(first[t], last[t])
        kernel = np.exp(-0.5 * ((longer[span] - times[t]) / sigma) ** 2)
        out[t] = kernel @ values[index[span]] / kernel.sum()
    return out


def causal(values: FloatArray, times: FloatArray, tau: float) -> FloatArray:
    """Exponential average that knows the past only.

    Args:
        values: (T,) or (T, K) float.
        times: (T,) seconds, rising.
        tau: time constant in seconds; 0 leaves the values as they are.

    Returns:
        The shape of `values`, float64.
    """
    values = np.asarray(values, float)
    step = _step(times)
    if tau <= 0 or len(values) < 2 or step <= 0:
        return values
    if _even(times, step):
        keep = float(np.exp(-step / tau))
        total = lfilter([1.0], [1.0, -keep], values, axis=0)
        weight = lfilter([1.0], [1.0, -keep], np.ones(len(values)))
        return np.asarray(total / (weight if values.ndim == 1 else weight[:, None]), float)
    out, total, weight = np.empty_like(values), np.zeros(values.shape[1:]), 0.0
    keeps = np.exp(-np.diff(times, prepend=times[0]) / tau)
    for t, keep in enumerate(keeps):
        total, weight = total * keep + values[t], weight * keep + 1.0
        out[t] = total / weight
    return out


def spread(values: FloatArray, observed: FloatArray, times: FloatArray) -> FloatArray:
    """Give every frame a value from its observed neighbours in time, linear between them and constant beyond both ends.

    Args:
        values: (K,) values of the observed frames.
        observed: (K,) their times in seconds, rising.
        times: (T,) times of all frames.

    Returns:
        (T,) float64; zeros where nothing at all was observed.
    """
    if not len(values):
        return np.zeros(len(times))
    return np.asarray(np.interp(times, observed, values), float)


def _step(times: FloatArray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _even(times: FloatArray, step: float) -> bool:
    return bool(np.all(np.abs(np.diff(times) - step) < 0.1 * step))
