"""What an evaluation gives: labels and what was found in every video in; all measures, for people and as JSON, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ruler.bench import metrics as m
from ruler.bench.judging import Found
from ruler.bench.published import Published
from ruler.deduction.score import EventOptions
from ruler.schema import BoolArray

SCHEMA = 1
OVERLAPS = (0.1, 0.2, 0.3, 0.4, 0.5)
WITHIN = (0.5, 1.0, 2.0, 3.0, 5.0)
"""Seconds p of R@1, TD ≤ p."""
RATES = (1.0, 6.0, 60.0)
"""Alarms per hour at which recall is told."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measured video: its labels, what was found in it, and where it belongs."""

    name: str
    scene: str
    fold: int | None
    labels: BoolArray
    found: Found
    captions: int = 0

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Found anomalies as half-open frames."""
        return [(e.start_frame, e.end_frame) for e in self.found.events if e.kind == "anomaly"]

    @property
    def peaks(self) -> list[float]:
        """The largest score of each of them."""
        return [e.peak_score for e in self.found.events if e.kind == "anomaly"]


@dataclass(frozen=True, slots=True)
class Row:
    """Measures of one video, or of one scene; AUCs are fractions, None where undefined."""

    name: str
    scene: str
    fold: int | None
    videos: int
    frames: int
    anomalous: int
    micro_auc: float | None
    within_auc: float | None
    recall: float | None
    alarms: int
    max_score: float | None


@dataclass(frozen=True, slots=True)
class BenchResult:
    """What `ruler bench` prints; AUCs are fractions, None where undefined.

    Attributes:
        dataset: its name.
        method: what was measured.
        protocol: in words: what was used, what the normal reference was, and whether that is the paper's protocol.
        videos: measured.
        frames: measured.
        anomalous: frames labelled anomalous.
        micro_auc: all frames pooled.
        macro_auc: mean over the videos that have both classes.
        within_auc: pairs of the same video pooled.
        ap: average precision, frames pooled.
        eer: equal error rate, frames pooled.
        ci90: interval of the micro AUC, by a bootstrap over videos.
        ci95: the same.
        at_threshold: precision, recall and F1 of frames at the default threshold.
        alarms_per_hour: on normal footage, at the default threshold; see `AlarmRate`.
        recall: share of the true events that a found one touches, at the same threshold.
        at_rates: recall at given rates of alarms.
        events: precision, recall and F1 of events by overlap.
        delays: from the start of a true event to the first frame over the threshold.
        localised: p → R@1, TD ≤ p.
        fps: frames judged per wall second, decoding or reading included, induction not.
        calls: of models.
        captions: recorded captions that were read of the measured videos.
        rules: where they came from, and how many there were.
        perception: as in "captions+tracks".
        folds: of the text reference; None without.
        margin: frames between the text reference and any anomaly; None without one.
        ground_truth: what labels were read from.
        settings: section → key → value of what differs from the defaults.
        per_video: one row each.
        per_scene: one row each; empty where there is one scene.
        seconds: stage → seconds of work, over all resumptions.
        peak_memory_mb: this process and, for each worker, the largest of them.
        notes: what a person should know.
        published: what others published on the dataset.
    """

    dataset: str
    method: str
    protocol: str
    videos: int
    frames: int
    anomalous: int
    micro_auc: float | None
    macro_auc: float | None
    within_auc: float | None
    ap: float | None
    eer: float | None
    ci90: m.Interval
    ci95: m.Interval
    at_threshold: m.AtThreshold
    alarms_per_hour: float | None
    recall: float | None
    at_rates: tuple[m.RateRecall, ...]
    events: tuple[m.EventMeasures, ...]
    delays: m.Delays
    localised: Mapping[float, float | None]
    fps: float | None
    calls: int
    captions: int
    rules: Mapping[str, Any]
    perception: str
    folds: int | None
    margin: int | None
    ground_truth: str
    settings: Mapping[str, Mapping[str, Any]]
    per_video: tuple[Row, ...]
    per_scene: tuple[Row, ...]
    seconds: Mapping[str, float]
    peak_memory_mb: float
    notes: tuple[str, ...] = ()
    published: tuple[Published, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON: the keys are the attributes; numbers are rounded to six digits, intervals are [low, high]."""
        out: dict[str, Any] = {"schema": SCHEMA}
        for name in self.__dataclass_fields__:
            out[name] = plain(getattr(self, name))
        return out


def measures(measured: Sequence[Measured], options: EventOptions) -> dict[str, Any]:
    """The measures of a `BenchResult`, by the names of its attributes.

    Args:
        measured: the videos, in the order of names.
        options: how events are made of scores, for the recall at given rates.
    """
    labels = [v.labels for v in measured]
    scores = [v.found.scores.scores for v in measured]
    times = [v.found.scores.times for v in measured]
    levels = [v.found.scores.threshold for v in measured]
    spans = [v.spans for v in measured]
    true = [m.seconds_of(m.stretches(y), t) for y, t in zip(labels, times, strict=True)]
    found = [m.seconds_of(s, t) for s, t in zip(spans, times, strict=True)]
    drawn = m.auc_draws(m.pair_wins(labels, scores), m.resample(len(labels)))
    alarms = m.alarm_rate(labels, spans, times)
    return {
        "videos": len(measured),
        "frames": sum(map(len, labels)),
        "anomalous": int(sum(y.sum() for y in labels)),
        "micro_auc": m.micro_auc(labels, scores),
        "macro_auc": m.macro_auc(labels, scores),
        "within_auc": m.within_auc(labels, scores),
        "ap": m.average_precision(labels, scores),
        "eer": m.equal_error_rate(labels, scores),
        "ci90": m.interval(drawn, 0.9),
        "ci95": m.interval(drawn, 0.95),
        "at_threshold": m.at_threshold(labels, scores, levels),
        "alarms_per_hour": alarms.per_hour,
        "recall": alarms.recall,
        "at_rates": m.recall_at_rates(labels, scores, times, RATES, options),
        "events": tuple(m.event_measures(true, found, overlap) for overlap in OVERLAPS),
        "delays": m.detection_delays(labels, scores, times, levels),
        "localised": {p: m.recall_at_one(true, found, [v.peaks for v in measured], p) for p in WITHIN},
        "captions": sum(v.captions for v in measured),
        "per_video": tuple(_row(v.name, [v]) for v in measured),
        "per_scene": per_scene(measured),
    }


def per_scene(measured: Sequence[Measured]) -> tuple[Row, ...]:
    """One row for each scene; none where there is one scene."""
    scenes: dict[str, list[Measured]] = defaultdict(list)
    for video in measured:
        scenes[video.scene].append(video)
    return tuple(_row(name, group) for name, group in sorted(scenes.items())) if len(scenes) > 1 else ()


def _row(name: str, group: Sequence[Measured]) -> Row:
    labels, scores = [v.labels for v in group], [v.found.scores.scores for v in group]
    alarms = m.alarm_rate(labels, [v.spans for v in group], [v.found.scores.times for v in group])
    folds = {v.fold for v in group}
    return Row(
        name=name,
        scene=group[0].scene,
        fold=folds.pop() if len(folds) == 1 else None,
        videos=len(group),
        frames=sum(map(len, labels)),
        anomalous=int(sum(y.sum() for y in labels)),
        micro_auc=m.micro_auc(labels, scores),
        within_auc=m.within_auc(labels, scores),
        recall=alarms.recall,
        alarms=alarms.false,
        max_score=max((float(s.max()) for s in scores if len(s)), default=None),
    )


def plain(value: Any) -> Any:
    """Plain JSON of results: numbers to six digits, intervals as [low, high] or null."""
    if isinstance(value, m.Interval):
        return None if value.low is None else [plain(value.low), plain(value.high)]
    if isinstance(value, Published):
        return plain(value.model_dump(mode="json"))
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {f"{k:g}" if isinstance(k, float) else str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float | np.floating):
        number = float(f"{float(value):.6g}")
        return number if np.isfinite(number) else str(number)
    return value
