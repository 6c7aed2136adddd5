"""A value of every object of a Table in; the same smoothed along the objects' tracks out."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import correlate1d
from scipy.signal import lfilter

from ruler.rules.table import Table
from ruler.schema import FloatArray


def smooth_tracks(values: FloatArray, table: Table, sigma: float, *, causal: bool = False) -> FloatArray:
    """Smooth a value along every track, by a Gaussian, or by an exponential average of the past where `causal`.

    Args:
        values: (N,) one for each object of the table.
        table: gives tracks and times. Objects that were not linked (-1) stay as they are.
        sigma: standard deviation (time constant where causal) in seconds.
        causal: know the past only.

    Returns:
        (N,) float64.
    """
    step = float(np.median(np.diff(table.times))) if len(table) > 1 else 0.0
    linked = np.flatnonzero(table.tracks >= 0)
    if sigma <= 0 or step <= 0 or not len(linked):
        return values
    order = linked[np.lexsort((table.row[linked], table.tracks[linked]))]
    radius = int(np.ceil(4 * sigma / step)) * (2 if causal else 1)
    row, track = table.row[order], table.tracks[order]
    # Tracks are laid end to end, a radius apart, so that one filter serves all of them and none reaches the next.
    new = np.concatenate([[False], track[1:] != track[:-1]])
    advance = np.where(new, radius + 1, np.diff(row, prepend=row[0]))
    place = np.cumsum(np.minimum(advance, radius + 1))
    line, weight = np.zeros((2, int(place[-1]) + 1))
    line[place], weight[place] = values[order], 1.0
    if causal:
        keep = math.exp(-step / sigma)
        line, weight = (np.asarray(lfilter([1.0], [1.0, -keep], a)) for a in (line, weight))
    else:
        kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) * step / sigma) ** 2)
        line, weight = (correlate1d(a, kernel, mode="constant") for a in (line, weight))
    out = np.array(values, float)
    out[order] = line[place] / weight[place]
    return out
