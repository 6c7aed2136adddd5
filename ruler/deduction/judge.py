"""Judging one video: its observations and the rules of its scene in; the smoothed exceedance of every frame out.

Observations come one after another and are held against the rules in blocks that overlap by the reach of the smoothing,
so that memory and the cost per frame do not grow with the video, and the result is the same as that of one block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Literal

import numpy as np

from ruler.deduction import smooth
from ruler.errors import DataError
from ruler.rules.match import MatchOptions, RuleMatch, answers, combine, evidence, match
from ruler.rules.model import Rule
from ruler.rules.table import Table, tabulate
from ruler.schema import BoolArray, CameraState, Evidence, FloatArray, IntArray, Match, Observation, Status

Preset = Literal["centred", "causal", "paper", "published-code"]

BLOCK = 1500
"""Frames held against the rules at a time."""

CITED = 0.7
"""Evidence is kept from this share of the threshold on: what several rules or frames add up to is cited too."""

_MOST_EVIDENCE = 4


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """How findings are matched, reduced and smoothed.

    Attributes:
        preset: "centred" and "causal" smooth exceedances; "paper" and "published-code" smooth 0/1 findings as
            AnomalyRuler does.
        matching: how observations are held against rules.
        power: p of the p-norm over the sources; see `combine`.
        sigma: seconds, standard deviation of the centred Gaussian.
        tau: seconds, time constant of the causal average.
        alpha: of the EMA of the paper's presets.
        padding: frames on each side of the paper's majority vote.
        cited: exceedance from which evidence is kept.
        scale: exceedance of the whole file that becomes score 0.5; findings of the paper's presets are not scaled.
    """

    preset: Preset = "centred"
    matching: MatchOptions = field(default_factory=MatchOptions)
    power: float = 1.0
    sigma: float = 0.8
    tau: float = 0.8
    alpha: float = smooth.PAPER_ALPHA
    padding: int = smooth.PAPER_PADDING
    cited: float = CITED
    scale: float = 1.0

    @property
    def binary(self) -> bool:
        """Whether the preset works on 0/1 findings."""
        return self.preset in ("paper", "published-code")

    def smooth(self, values: FloatArray, times: FloatArray) -> FloatArray:
        """Smooth exceedances (T,) over times (T,) by the preset; for the paper's presets as `centred` does."""
        if self.preset == "causal":
            return smooth.causal(values, times, self.tau)
        return smooth.gaussian(values, times, self.sigma)


@dataclass(frozen=True, slots=True)
class Recheck:
    """What a model said of one frame, all votes together.

    Attributes:
        probability: of "anomalous", 0 to 1; None where it gave no readable vote.
        source: "logprobs" or "votes": where the probability comes from.
        votes: of each readable vote, whether it said anomalous.
        evidence: rules that it cites, with quotes that stand in the caption.
        rationale: its reason, in words.
        status: OK, UNPARSED (no readable vote) or DEGRADED (no answer).
        raw: the reply as it came, where it could not be used.
        notes: what a person should know.
        hostile: the caption addresses its reader.
    """

    probability: float | None
    source: str = ""
    votes: tuple[bool, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rationale: str = ""
    status: Status = Status.OK
    raw: str = ""
    notes: tuple[str, ...] = ()
    hostile: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found in one video, over its T observed frames.

    Attributes:
        frames: (T,) int64, indices.
        times: (T,) float64, seconds.
        raw: (T,) exceedance of the initial matching, all rules reduced to one.
        smoothed: (T,) exceedance after smoothing; for the paper's presets the odds of the score, s / (1 − s).
        scores: (T,) score, 0 to 1: r / (1 + r); for the paper's presets the second average itself.
        findings: (T,) bool for the paper's presets, whose threshold is not one of the score; None for the others.
        evidence: position → what was found there, strongest first.
        camera: position → state, for frames that could not be judged.
        untold: ids of anomaly rules that nothing observed could answer: no such measure was taken, no caption read.
        captioned: positions of the frames that have a caption.
        rechecks: position → what a model said of the frame.
    """

    frames: IntArray
    times: FloatArray
    raw: FloatArray
    smoothed: FloatArray
    scores: FloatArray
    findings: BoolArray | None
    evidence: Mapping[int, tuple[Evidence, ...]]
    camera: Mapping[int, CameraState]
    untold: frozenset[str] = frozenset()
    captioned: tuple[int, ...] = ()
    rechecks: Mapping[int, Recheck] = field(default_factory=dict)

    def matches(self) -> Iterator[Match]:
        """The initial matching of every observed frame."""
        for position, (frame, time, r) in enumerate(zip(self.frames, self.times, self.raw, strict=True)):
            yield Match(int(frame), float(time), float(r), self.evidence.get(position, ()))


def judge(
    observations: Iterable[Observation],
    rules: Sequence[Rule],
    options: JudgeOptions = JudgeOptions(),
    size: tuple[int, int] = (0, 0),
    start: datetime | None = None,
) -> Judgement:
    """Hold the observations of one video against rules and smooth the findings over time.

    Args:
        observations: in the order of their frames; read once.
        rules: of the scene.
        options: see `JudgeOptions`.
        size: width and height of the picture in pixels; (0, 0) where unknown.
        start: wall-clock time of second 0, where known.
    """
    frames, times, raw, judged = [], [], [], []
    found: dict[int, tuple[Evidence, ...]] = {}
    camera: dict[int, CameraState] = {}
    captioned: list[int] = []
    done, untold = 0, {rule.id for rule in rules if rule.kind == "anomaly"}
    for table, states, inner in _blocks(observations, options, size, start):
        matches = match(table, rules, options.matching)
        untold -= {rule.id for rule in rules if answers(table, rule)}
        r = combine(matches, len(table), options.power)
        if not options.binary:
            r = r / options.scale
        for position in range(inner.start, inner.stop):
            if r[position] >= options.cited:
                found[done + position - inner.start] = _cite(matches, table, position, options)
        for unjudged in np.flatnonzero(~table.judged[inner]).tolist():
            camera[done + unjudged] = states[inner.start + unjudged]
        captioned += [done + i for i, caption in enumerate(table.captions[inner]) if caption]
        done += inner.stop - inner.start
        frames.append(table.frames[inner])
        times.append(table.times[inner])
        raw.append(r[inner])
        judged.append(table.judged[inner])
    if not frames:
        empty = np.zeros(0)
        return Judgement(np.zeros(0, np.int64), empty, empty, empty, empty, None, {}, {})
    judgement = _finish(
        np.concatenate(frames),
        np.concatenate(times),
        np.concatenate(raw),
        np.concatenate(judged),
        found,
        camera,
        options,
    )
    return replace(judgement, untold=frozenset(untold), captioned=tuple(captioned))


def _finish(
    frames: IntArray,
    times: FloatArray,
    raw: FloatArray,
    judged: BoolArray,
    found: dict[int, tuple[Evidence, ...]],
    camera: dict[int, CameraState],
    options: JudgeOptions,
) -> Judgement:
    if not judged.any():
        state = next(iter(camera.values()))
        raise DataError(f"nothing could be judged: the camera is {state} throughout", hint="look at the video")
    if not judged.all():
        raw = smooth.spread(raw[judged], times[judged], times)
    findings: BoolArray | None = None
    if options.binary:
        initial = raw >= 1
        if options.preset == "paper":
            scores, findings = smooth.paper(initial, options.alpha, options.padding)
        else:
            scores, findings = smooth.published_code(initial, options.alpha)
        smoothed = np.minimum(scores / np.maximum(1 - scores, 1e-9), 1e6)
    else:
        smoothed = options.smooth(raw, times)
        scores = smoothed / (1 + smoothed)
    return Judgement(frames, times, raw, smoothed, scores, findings, found, camera)


def _cite(matches: Sequence[RuleMatch], table: Table, position: int, options: JudgeOptions) -> tuple[Evidence, ...]:
    fired = [m for m in matches if m.exceedance[position] >= options.cited] or [
        max(matches, key=lambda m: float(m.exceedance[position]))
    ]
    fired.sort(key=lambda m: -float(m.exceedance[position]))
    return tuple(evidence(m, table, position, options.matching.picture) for m in fired[:_MOST_EVIDENCE])


def _blocks(
    observations: Iterable[Observation], options: JudgeOptions, size: tuple[int, int], start: datetime | None
) -> Iterator[tuple[Table, list[CameraState], slice]]:
    """Tables that overlap, their camera states, and the part of each that is not overlap."""
    source = iter(observations)
    buffer = list(islice(source, BLOCK))
    margin = _margin(buffer, options)
    buffer += islice(source, margin)
    before = 0
    while buffer:
        inner = slice(before, min(before + BLOCK, len(buffer)))
        yield tabulate(buffer, size, start), [o.camera for o in buffer], inner
        fresh = list(islice(source, BLOCK))
        if not fresh and inner.stop == len(buffer):
            return
        keep = max(0, inner.stop - margin)
        before = inner.stop - keep
        buffer = buffer[keep:] + fresh


def _margin(buffer: list[Observation], options: JudgeOptions) -> int:
    """Frames that the smoothing along tracks, and that of a vocabulary's window, reach to each side."""
    if len(buffer) < 2:
        return 0
    step = float(np.median(np.diff([o.time for o in buffer])))
    reach = max(4 * options.matching.track_sigma, 4.0) * (2 if options.matching.causal else 1)
    return min(5 * BLOCK, math.ceil(reach / step)) if step > 0 else 0
