"""Labels and scores by video in; how far AUCs would move with other videos, and the paired difference of two, out.

The micro AUC of a sample of videos is a ratio of sums over pairs of videos, so the frames are looked at once: with
w_i the times that video i was drawn and W_ij the pairs (anomalous frame of i, normal frame of j) that the former wins,
ties half, AUC = Σ w_i w_j W_ij / (Σ w_i P_i · Σ w_j N_j).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ruler.schema import BoolArray, FloatArray, IntArray

Kind = Literal["micro", "macro", "within"]

DRAWS = 1000
"""Samples of the bootstrap."""


@dataclass(frozen=True, slots=True)
class PairWins:
    """What the AUCs of any sample of V videos follow from.

    Attributes:
        wins: (V, V) pairs that an anomalous frame of the row's video wins against a normal one of the column's.
        anomalous: (V,) number of anomalous frames.
        normal: (V,) number of normal frames.
    """

    wins: FloatArray
    anomalous: FloatArray
    normal: FloatArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile interval of the bootstrap.

    Attributes:
        low: lower end; None where too few samples have both classes.
        high: upper end.
        level: share of the samples inside, such as 0.95.
    """

    low: float | None
    high: float | None
    level: float


@dataclass(frozen=True, slots=True)
class Difference:
    """What one method gains over another on the same videos.

    Attributes:
        difference: AUC of the second minus that of the first; None where undefined.
        ci90: 90 % interval of it.
        ci95: 95 % interval of it.
        p_value: twice the smaller share of the samples in which the difference has the other sign, one added to the
            samples on that side; None where undefined.
    """

    difference: float | None
    ci90: Interval
    ci95: Interval
    p_value: float | None


def pair_wins(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> PairWins:
    """Count, for each pair of videos, the wins of anomalous frames over normal ones, ties half.

    Args:
        labels: of each video, (T,).
        scores: of each video, (T,).
    """
    videos = len(labels)
    wins = np.zeros((videos, videos))
    high = [s[y] for y, s in zip(labels, scores, strict=True)]
    counts = np.array([len(h) for h in high], float)
    pooled = np.concatenate(high) if high else np.zeros(0)
    # Sorted once: each video's normal frames are then found in it, and the wins summed by the owner of the frame.
    order = np.argsort(pooled, kind="stable")
    owner = np.repeat(np.arange(videos), counts.astype(int))[order]
    ranked = pooled[order]
    for j, (y, s) in enumerate(zip(labels, scores, strict=True)):
        low = np.sort(s[~y])
        if len(low) and len(ranked):
            beaten = (np.searchsorted(low, ranked, "left") + np.searchsorted(low, ranked, "right")) / 2
            wins[:, j] = np.bincount(owner, beaten, videos)
    return PairWins(wins, counts, np.array([float((~y).sum()) for y in labels]))


def resample(videos: int, draws: int = DRAWS, seed: int = 0) -> IntArray:
    """Draw videos with replacement: how often each is in each sample, (draws, videos)."""
    if not videos:
        return np.zeros((draws, 0), np.int64)
    drawn = np.random.default_rng(seed).integers(videos, size=(draws, videos))
    flat = drawn + np.arange(draws)[:, None] * videos
    return np.bincount(flat.ravel(), minlength=draws * videos).reshape(draws, videos).astype(np.int64)


def auc_draws(pairs: PairWins, weights: IntArray, kind: Kind = "micro") -> FloatArray:
    """AUC of each sample.

    Args:
        pairs: of the V videos.
        weights: (B, V) how often each video is in each sample.
        kind: micro, macro or within, as the functions of these names.

    Returns:
        (B,) fractions, NaN where a sample lacks a class.
    """
    w = weights.astype(float)
    if kind == "micro":
        won = np.einsum("bi,ij,bj->b", w, pairs.wins, w, optimize=True)
        there = (w @ pairs.anomalous) * (w @ pairs.normal)
    else:
        own = np.diag(pairs.wins)
        size = pairs.anomalous * pairs.normal
        if kind == "macro":
            own = np.divide(own, size, out=np.zeros_like(own), where=size > 0)
            size = (size > 0).astype(float)
        won, there = w @ own, w @ size
    return np.asarray(np.divide(won, there, out=np.full(len(w), np.nan), where=there > 0), float)


def interval(draws: FloatArray, level: float) -> Interval:
    """Percentile interval; undefined where fewer than half of the samples have a value."""
    known = draws[np.isfinite(draws)]
    if len(known) < max(2, len(draws) / 2):
        return Interval(None, None, level)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def paired_difference(
    labels: Sequence[BoolArray],
    first: Sequence[FloatArray],
    second: Sequence[FloatArray],
    kind: Kind = "micro",
    draws: int = DRAWS,
    seed: int = 0,
) -> Difference:
    """What the second method gains over the first: both are measured on the same samples of videos.

    Args:
        labels: of each video, (T,).
        first: scores of one method, for each video (T,).
        second: scores of the other.
        kind: which AUC.
        draws: samples.
        seed: of the samples.
    """
    a, b = pair_wins(labels, first), pair_wins(labels, second)
    one = np.ones((1, len(labels)), np.int64)
    whole = float((auc_draws(b, one, kind) - auc_draws(a, one, kind))[0])
    weights = resample(len(labels), draws, seed)
    drawn = auc_draws(b, weights, kind) - auc_draws(a, weights, kind)
    known = drawn[np.isfinite(drawn)]
    p_value = None
    if len(known) and np.isfinite(whole):
        tail = min(int((known <= 0).sum()), int((known >= 0).sum()))
        p_value = min(1.0, 2 * (tail + 1) / (len(known) + 1))
    return Difference(whole if np.isfinite(whole) else None, interval(drawn, 0.9), interval(drawn, 0.95), p_value)
