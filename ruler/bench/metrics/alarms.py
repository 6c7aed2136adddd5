"""Labels, scores and found events in; how often a person is disturbed for nothing, and what is found for it, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ruler.bench.metrics.events import stretches
from ruler.bench.metrics.frames import ratio
from ruler.deduction.score import EventOptions, count_events
from ruler.schema import BoolArray, FloatArray

LEVELS = 200
"""Thresholds tried to reach a rate of alarms."""

GRACE = 2.0
"""Seconds around an anomaly that are no normal footage."""

_EVENTS = EventOptions()


@dataclass(frozen=True, slots=True)
class AlarmRate:
    """Alarms on normal footage, and the share of true events that are found.

    Normal footage is what lies more than a grace from any anomaly: an alarm may begin early and end late. One that goes
    on over normal footage for longer than that counts there, however right it was before.

    Attributes:
        per_hour: alarms on normal footage, per hour of it; None where there is none.
        recall: share of the true events that a found one touches; None where there is none.
        hours: of normal footage.
        false: number of alarms on it.
    """

    per_hour: float | None
    recall: float | None
    hours: float
    false: int


@dataclass(frozen=True, slots=True)
class RateRecall:
    """Recall at a given rate of alarms.

    Attributes:
        asked: alarms per hour allowed.
        threshold: the lowest score threshold that keeps to it, and all above it do.
        per_hour: alarms per hour there.
        recall: share of the true events found there; None where there is none.
    """

    asked: float
    threshold: float
    per_hour: float | None
    recall: float | None


def alarm_rate(
    labels: Sequence[BoolArray],
    found: Sequence[Sequence[tuple[int, int]]],
    times: Sequence[FloatArray],
    grace: float = GRACE,
) -> AlarmRate:
    """Count alarms on normal footage, and the true events found.

    Args:
        labels: of each video, (T,).
        found: events of each video as half-open frames.
        times: of each video, (T,) seconds.
        grace: seconds around an anomaly that are no normal footage.
    """
    false = hits = events = 0
    hours = 0.0
    for y, spans, t in zip(labels, found, times, strict=True):
        flagged = np.zeros(len(y), bool)
        for a, b in spans:
            flagged[a:b] = True
        true = stretches(y)
        normal = np.ones(len(y), bool)
        for a, b in true:
            first, last = np.searchsorted(t, [t[a] - grace, t[b - 1] + grace + 1e-9])
            normal[first:last] = False
        false += len(stretches(flagged & normal))
        events += len(true)
        hits += sum(bool(flagged[a:b].any()) for a, b in true)
        step = float(np.median(np.diff(t))) if len(t) > 1 else 0.0
        hours += step * float(normal.sum()) / 3600
    return AlarmRate(ratio(false, hours), ratio(hits, events), hours, false)


def recall_at_rates(
    labels: Sequence[BoolArray],
    scores: Sequence[FloatArray],
    times: Sequence[FloatArray],
    per_hour: Sequence[float],
    options: EventOptions = _EVENTS,
) -> tuple[RateRecall, ...]:
    """Share of the true events found at the lowest threshold that keeps to a rate of alarms on normal footage.

    The threshold is chosen on the very labels it is measured by: what a perfect choice gives, not what a user gets.

    Args:
        labels: of each video, (T,).
        scores: of each video, (T,), 0 to 1.
        times: of each video, (T,) seconds.
        per_hour: alarms allowed, each answered by one entry.
        options: how events are made of scores; its threshold is replaced.
    """
    exceedance = [s / np.maximum(1 - s, 1e-12) for s in scores]
    pooled = np.concatenate(list(scores)) if len(scores) else np.zeros(0)
    levels = np.unique(np.quantile(pooled, np.linspace(0, 1, LEVELS))) if len(pooled) else np.zeros(0)
    nothing = 0.0 if any(y.any() for y in labels) else None
    best = {rate: RateRecall(rate, 1.0, 0.0, nothing) for rate in per_hour}
    still = set(per_hour)
    for level in levels[::-1].tolist():
        if not still:
            break
        at = replace(options, threshold=level / max(1 - level, 1e-12))
        found = [count_events(r, t, at) for r, t in zip(exceedance, times, strict=True)]
        rate = alarm_rate(labels, found, times)
        still = {asked for asked in still if rate.per_hour is None or rate.per_hour <= asked}
        best.update({asked: RateRecall(asked, level, rate.per_hour, rate.recall) for asked in still})
    return tuple(best[rate] for rate in per_hour)
