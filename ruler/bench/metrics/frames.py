"""Labels and scores of frames in; how well the scores part anomalous frames from normal ones out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ruler.schema import BoolArray, FloatArray


def video_auc(labels: BoolArray, scores: FloatArray) -> float | None:
    """Area under the ROC curve: the probability that an anomalous frame outscores a normal one, ties counting half.

    Args:
        labels: (T,) True for an anomalous frame.
        scores: (T,) any scale.

    Returns:
        A fraction; None unless both classes are there.
    """
    if len(labels) != len(scores):
        raise ValueError(f"{len(labels)} labels for {len(scores)} scores")
    if not labels.any() or labels.all():
        return None
    return float(roc_auc_score(labels, scores))


def micro_auc(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> float | None:
    """AUC over the frames of all videos pooled.

    Args:
        labels: of each video, (T,).
        scores: of each video, (T,), on one scale.
    """
    return video_auc(*_pooled(labels, scores)) if len(labels) else None


def macro_auc(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> float | None:
    """Mean AUC of the videos that have both classes; None where none has."""
    found = [auc for y, s in zip(labels, scores, strict=True) if (auc := video_auc(y, s)) is not None]
    return float(np.mean(found)) if found else None


def within_auc(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> float | None:
    """Probability that an anomalous frame outscores a normal one of the same video, the pairs of all videos pooled.

    A video counts by its number of pairs, anomalous frames times normal ones; ties count half.
    """
    wins = pairs = 0.0
    for y, s in zip(labels, scores, strict=True):
        auc = video_auc(y, s)
        if auc is not None:
            here = float(y.sum()) * float((~y).sum())
            wins, pairs = wins + auc * here, pairs + here
    return wins / pairs if pairs else None


def average_precision(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> float | None:
    """Average precision over all frames pooled: Σ (R_n − R_n−1) P_n, without interpolation; None without an anomaly."""
    y, s = _pooled(labels, scores)
    return float(average_precision_score(y, s)) if y.any() else None


def equal_error_rate(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> float | None:
    """Equal error rate over all frames pooled: where the shares of false alarms and of misses are the same.

    Between two points of the ROC curve it is taken from the straight line through them.
    """
    y, s = _pooled(labels, scores)
    if not y.any() or y.all():
        return None
    false, found, _ = roc_curve(y, s, drop_intermediate=False)
    gap = false - (1 - found)  # rises from −1 to 1
    after = int(np.argmax(gap >= 0))
    if after == 0:
        return float(false[0])
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(false[after - 1] + share * (false[after] - false[after - 1]))


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Frames at or over a threshold against labels.

    Attributes:
        threshold: the score.
        precision: share of the flagged frames that are anomalous; None where none is flagged.
        recall: share of the anomalous frames that are flagged; None where none is anomalous.
        f1: harmonic mean of both; None where either is undefined.
        false_alarms: share of the normal frames that are flagged; None where none is normal.
    """

    threshold: float
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarms: float | None


def at_threshold(
    labels: Sequence[BoolArray], scores: Sequence[FloatArray], threshold: float | Sequence[float] = 0.5
) -> AtThreshold:
    """Precision, recall and F1 of frames at a threshold, all frames pooled.

    Args:
        labels: of each video, (T,).
        scores: of each video, (T,).
        threshold: a frame at or over it is flagged; one for each video where their rules have several.
    """
    levels = [threshold] * len(labels) if isinstance(threshold, int | float) else list(threshold)
    y, _ = _pooled(labels, scores)
    flagged = [s >= level for s, level in zip(scores, levels, strict=True)]
    f = np.concatenate(flagged) if flagged else np.zeros(0, bool)
    hits = float((y & f).sum())
    precision, recall = ratio(hits, float(f.sum())), ratio(hits, float(y.sum()))
    return AtThreshold(
        threshold=float(np.median(levels)) if levels else 0.5,
        precision=precision,
        recall=recall,
        f1=f_measure(precision, recall),
        false_alarms=ratio(float((~y & f).sum()), float((~y).sum())),
    )


def ratio(part: float, whole: float) -> float | None:
    """Part over whole; None where there is no whole."""
    return part / whole if whole else None


def f_measure(precision: float | None, recall: float | None) -> float | None:
    """Harmonic mean of precision and recall; 0 where both are 0; None where one is undefined."""
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _pooled(labels: Sequence[BoolArray], scores: Sequence[FloatArray]) -> tuple[BoolArray, FloatArray]:
    for y, s in zip(labels, scores, strict=True):
        if len(y) != len(s):
            raise ValueError(f"{len(y)} labels for {len(s)} scores")
    if not len(labels):
        return np.zeros(0, bool), np.zeros(0)
    return np.concatenate(list(labels)).astype(bool), np.concatenate(list(scores)).astype(float)
