"""Scores, verdicts and events of one video: a Judgement in; what is written into its folder out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruler.deduction.events import Span, spans
from ruler.deduction.judge import Judgement, Recheck
from ruler.deduction.rationale import explain, explain_camera, strongest
from ruler.deduction.smooth import spread
from ruler.rules.model import Rule
from ruler.schema import CameraState, Event, Evidence, FloatArray, Scores, Status, Verdict

_UNASKED = Recheck(None)


@dataclass(frozen=True, slots=True)
class EventOptions:
    """What counts as an event.

    Attributes:
        threshold: exceedance at which an event begins; 1 is the limit (score 0.5).
        low: it goes on down to this share of the threshold.
        minimum: seconds an event must last.
        gap: seconds between two events up to which they are one.
    """

    threshold: float = 1.0
    low: float = 0.8
    minimum: float = 0.3
    gap: float = 1.0


def score_of(exceedance: float) -> float:
    """Exceedance r in 0…∞ → score r / (1 + r) in 0…1."""
    return exceedance / (1 + exceedance)


def count_events(exceedance: FloatArray, times: FloatArray, options: EventOptions) -> list[tuple[int, int]]:
    """Events as [start, end) positions in a series of exceedances."""
    found = spans(exceedance, times, options.threshold, options.threshold * options.low, options.minimum, options.gap)
    return [(span.start, span.end) for span in found]


def score_frames(judgement: Judgement, times: FloatArray, options: EventOptions) -> Scores:
    """Give every frame of the video a score; frames that were not observed take theirs from their neighbours in time.

    Args:
        judgement: of the observed frames.
        times: (T,) times of all frames of the video, in seconds.
        options: give the threshold.
    """
    return Scores(times, spread(judgement.scores, judgement.times, times), score_of(options.threshold))


def verdicts(judgement: Judgement, rules: Sequence[Rule], options: EventOptions) -> Iterator[Verdict]:
    """The verdict of every observed frame, after smoothing."""
    by_id = {rule.id: rule for rule in rules}
    decided = judgement.findings
    for position in range(len(judgement.frames)):
        r = float(judgement.smoothed[position])
        anomalous = bool(decided[position]) if decided is not None else r >= options.threshold
        found = judgement.evidence.get(position, ())
        said = judgement.rechecks.get(position, _UNASKED)
        cited = _joined(said.evidence, found)
        yield Verdict(
            frame=int(judgement.frames[position]),
            time=float(judgement.times[position]),
            anomalous=anomalous,
            exceedance=r,
            probability=said.probability,
            rules=tuple(e.rule for e in cited),
            evidence=cited,
            rationale=_reason(said, anomalous) or (explain(cited, by_id) if anomalous else ""),
            votes=said.votes,
            status=Status.SKIPPED if position in judgement.camera else said.status,
            probability_from=said.source,
            raw=said.raw,
            notes=said.notes,
        )


def find_events(judgement: Judgement, scores: Scores, rules: Sequence[Rule], options: EventOptions) -> list[Event]:
    """Events of the video, anomalies and times at which the camera could not judge, in the order of time.

    Args:
        judgement: of the observed frames.
        scores: of every frame.
        rules: of the scene, for the rationale.
        options: see `EventOptions`.
    """
    if not len(scores.times):
        return []
    series, high, low = scores.scores, scores.threshold, score_of(options.threshold * options.low)
    if judgement.findings is not None:
        series, high, low = spread(judgement.findings.astype(float), judgement.times, scores.times), 0.5, 0.5
    by_id = {rule.id: rule for rule in rules}
    found = [
        _event(span, judgement, scores, by_id)
        for span in spans(series, scores.times, high, low, options.minimum, options.gap)
    ]
    return sorted(found + _camera_events(judgement, scores, options.gap), key=lambda event: event.start_frame)


def _event(span: Span, judgement: Judgement, scores: Scores, rules: Mapping[str, Rule]) -> Event:
    inside = np.flatnonzero((judgement.frames >= span.start) & (judgement.frames < span.end)).tolist()
    said = [judgement.rechecks[p] for p in inside if p in judgement.rechecks]
    told = [one for one in said if one.probability is not None and one.probability > 0.5 and one.rationale]
    evidence = strongest(
        [
            *(e for position in inside for e in judgement.evidence.get(position, ())),
            *(e for one in said for e in one.evidence),
        ]
    )
    peak = span.start + int(np.argmax(scores.scores[span.start : span.end]))
    # Where a model was heard, its reason of the surest frame comes first, and what was measured after it.
    reason = max(told, key=lambda one: one.probability or 0.0).rationale if told else ""
    return Event(
        start_frame=span.start,
        end_frame=span.end,
        start_time=float(scores.times[span.start]),
        end_time=_end_time(scores.times, span.end),
        peak_frame=peak,
        peak_score=float(scores.scores[peak]),
        rules=tuple(e.rule for e in evidence),
        evidence=evidence,
        rationale=" ".join(filter(None, (reason, explain(evidence, rules)))),
        # Where the first thing that is cited can be seen.
        key_frame=evidence[0].frame if evidence and evidence[0].frame is not None else peak,
    )


def _reason(said: Recheck, anomalous: bool) -> str:
    """A model's reason, where the finding is the one that it speaks for."""
    agrees = said.probability is not None and (said.probability > 0.5) == anomalous
    return said.rationale if agrees else ""


def _joined(said: tuple[Evidence, ...], found: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """What a model cites, then what the engine found; each rule once."""
    return (*said, *(e for e in found if e.rule not in {s.rule for s in said}))


def _camera_events(judgement: Judgement, scores: Scores, gap: float) -> list[Event]:
    events: list[Event] = []
    positions = sorted(judgement.camera)
    start = 0
    for i, position in enumerate(positions):
        after = positions[i + 1] if i + 1 < len(positions) else None
        far = after is None or judgement.times[after] - judgement.times[position] > max(gap, 1e-9)
        far = far and (after is None or after != position + 1)
        if after is None or far or judgement.camera[after] != judgement.camera[position]:
            run = positions[start : i + 1]
            events.append(_camera_event(run, judgement.camera[position], judgement, scores))
            start = i + 1
    return events


def _camera_event(run: list[int], state: CameraState, judgement: Judgement, scores: Scores) -> Event:
    first, after = int(judgement.frames[run[0]]), int(judgement.frames[run[-1]]) + 1
    begin, end = float(scores.times[first]), _end_time(scores.times, after)
    peak = first + int(np.argmax(scores.scores[first:after]))
    return Event(
        start_frame=first,
        end_frame=after,
        start_time=begin,
        end_time=end,
        peak_frame=peak,
        peak_score=float(scores.scores[peak]),
        rationale=explain_camera(state, end - begin),
        key_frame=first + (after - first) // 2,
        kind="camera",
    )


def _end_time(times: FloatArray, end: int) -> float:
    if end < len(times):
        return float(times[end])
    return float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 0.0))
