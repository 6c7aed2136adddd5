"""Calibration: rules and normal clips in; the same rules with their measured false alarms, on one scale, out.

Every clip is held against rules made without it (K folds over the clips), so that what is measured is what new normal
footage will show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ruler.rules.match import ABSENT, CEILING, UNCALIBRATED, MatchOptions, RuleMatch, combine, match
from ruler.rules.model import Calibration, FalseAlarms, Limit, Rule
from ruler.rules.table import Table
from ruler.schema import FloatArray

RuleMaker = Callable[[Sequence[Table]], Sequence[Rule]]
"""Normal clips → anomaly rules. Given fewer clips it must make the same rules with other numbers, or leave some out."""

Smoother = Callable[[FloatArray, FloatArray], FloatArray]
"""Exceedances (T,) and times (T,) → smoothed exceedances (T,)."""

Key = tuple[object, ...]
"""What a rule is, without its numbers; see `rule_key`."""

Counter = Callable[[FloatArray, FloatArray, float], list[tuple[int, int]]]
"""Smoothed exceedances (T,), times (T,), exceedance at which an event begins → events as [start, end) positions."""


DEFAULT_ALARMS = 1.0
"""Events an hour on normal footage that score 0.5 stands for."""

SHORTEST_TAIL = 0.1
"""Least tail, as a share of the median peak: a few peaks that happen to be alike do not make a cliff."""

WORDS = 0.4
"""Exceedance of a frame whose caption speaks of an induced rule's keywords, one for all such rules.

It adds to what is measured: 1/3 for who is usual in everything (see `match.ABSENT`). Weighing each rule by its own
false alarms was measured to rank frames worse: describing models err in bursts, and the rule that they err about most
may be the very one that counts.
"""

HEARD = 0.8
"""Share of a window's captions that speak of induced rules at which the limit is reached, however noisy the reference:
a model's rule says that something is wrong, and an erring describer cannot talk that down. Words count for more than
`WORDS` where they must.
"""

NARROWEST = 0.2
"""Least factor by which limits are narrowed."""

FAINT = 0.3
"""Exceedance from which events on normal footage are counted; where there are none, and nothing was measured whose
limits say more, the limit of a file on words stands here.
"""

LEAST_SCALE = 0.05
"""Least exceedance of the whole file that becomes score 0.5."""


@dataclass(frozen=True, slots=True)
class CalibrationOptions:
    """How the file is put on its scale.

    Attributes:
        folds: K; each clip is held against rules made from the other folds' clips.
        alarms_per_hour: events an hour wanted on normal footage. Where the reference is too short to show so few, the
            exponential tail of what it shows is followed.
        power: p of the p-norm over the sources; see `combine`.
    """

    folds: int = 5
    alarms_per_hour: float = DEFAULT_ALARMS
    power: float = 1.0


@dataclass(frozen=True, slots=True)
class _Held:
    """One clip held against rules made without it."""

    clip: Table
    found: tuple[RuleMatch, ...]

    def only(self, key: Key) -> _Held:
        """The same with one rule alone."""
        return _Held(self.clip, tuple(m for m in self.found if rule_key(m.rule) == key))

    def rescaled(self, factors: Mapping[Key, float]) -> _Held:
        """The same with the limits of each rule widened by its factor."""
        return _Held(
            self.clip,
            tuple(_rescaled(m, factors.get(rule_key(m.rule), 1.0)) for m in self.found),
        )

    def spoken(self, factor: float, own: Sequence[Rule]) -> _Held:
        """The same with the exceedances of induced rules on words scaled by a factor."""
        keys = {rule_key(rule) for rule in own}
        scaled = (
            _rescaled(m, 1 / factor) if _is_told(m.rule) and rule_key(m.rule) not in keys else m for m in self.found
        )
        return _Held(self.clip, tuple(scaled))

    def without(self, rules: Sequence[Rule]) -> _Held:
        """The same without some rules."""
        keys = {rule_key(rule) for rule in rules}
        return _Held(self.clip, tuple(m for m in self.found if rule_key(m.rule) not in keys))


def calibrate(
    clips: Sequence[Table],
    make: RuleMaker,
    smooth: Smoother,
    count: Counter,
    matching: MatchOptions,
    options: CalibrationOptions = CalibrationOptions(),
    own: Sequence[Rule] = (),
) -> tuple[list[Rule], Calibration]:
    """Make rules from all clips, measure them on clips left out, and put the file on its scale.

    Each measured limit is widened or narrowed about its median by a factor of its own, such that the rule alone begins
    no more events on the clips left out than allowed; so a noisy measure takes itself back. Then the file as a whole:
    by the exceedance at which all its sources together begin no more events than that, so that adding rules does not
    raise the alarm rate. A file of measured limits alone is widened by it, and the numbers a person reads are the ones
    that decide; where words or a vocabulary add up with them, it is the file's `scale`.

    Args:
        clips: normal footage, one table a clip.
        make: clips → rules.
        smooth: smoothing over time that detection will use.
        count: events that detection will make.
        matching: how rules are held against tables.
        options: see `CalibrationOptions`.
        own: a person's rules. Their false alarms are counted; their limits stay as they are.

    Returns:
        The rules with their false alarms, and the calibration of the whole file.
    """
    made = list(make(clips))
    held = _hold_out(clips, lambda some: [*make(some), *own], matching, options.folds)
    hours = sum(_seconds(h.clip) for h in held) / 3600
    alone = {key: _scale([h.only(key) for h in held], smooth, count, hours, options).factor for key in _keys(made)}
    held = [h.rescaled(alone) for h in held]
    words = WORDS if any(map(_is_told, made)) else None
    if words is not None:
        held = [h.spoken(words / UNCALIBRATED, own) for h in held]
    found = _scale([h.without(own) for h in held], smooth, count, hours, options)
    factors, scale = alone, found.factor
    if all(rule.limits and rule.vocabulary is None for rule in made if rule.kind == "anomaly"):
        # Measured limits alone: the numbers in the file take the factor, and its scale is 1.
        held = [h.rescaled(dict.fromkeys(alone, scale)) for h in held]
        factors, scale = {key: scale * factor for key, factor in alone.items()}, 1.0
    elif words is not None:
        usual = _usual(held, options)
        scale = max(scale if found.curve else 0.0, (usual + words) / UNCALIBRATED)
        louder = float(np.clip(scale / HEARD - usual, words, UNCALIBRATED))
        held = [h.spoken(louder / words, own) for h in held]
        words = float(f"{louder:.3g}")
    elif not found.curve and held and not alone:
        scale = FAINT
    scale = float(f"{scale:.4g}")
    rules = [_widened(rule, factors[rule_key(rule)]) if rule_key(rule) in factors else rule for rule in made]
    rules = [_with_false_alarms(rule, held) for rule in (*rules, *own)]
    smoothed = [smooth(combine(h.found, len(h.clip), options.power), h.clip.times) / scale for h in held]
    curve, tail, rate = found.curve, found.tail, options.alarms_per_hour
    if words is not None:
        # The scale may stand for more alarms than were wanted: the curve is told anew.
        curve, tail = alarm_curve(smoothed, [h.clip.times for h in held], count, hours)
        rate = rate_at(curve, tail, 1.0) or rate
    spans = [count(r, h.clip.times, 1.0) for r, h in zip(smoothed, held, strict=True)]
    frames = sum(len(clip) for clip in clips)
    inside = sum(end - start for events in spans for start, end in events)
    return rules, Calibration(
        alpha=matching.alpha,
        scale=scale,
        alarms_per_hour=rate,
        frames=frames,
        objects=sum(len(clip.row) for clip in clips),
        clips=len(clips),
        hours=float(f"{hours:.4g}"),
        frames_in_events=float(f"{inside / frames:.3g}") if frames and held else None,
        alarms=curve,
        tail=tail,
        words=words,
    )


def _hold_out(clips: Sequence[Table], make: RuleMaker, matching: MatchOptions, folds: int) -> list[_Held]:
    count = min(folds, len(clips))
    if count < 2:
        return []
    held = []
    for fold in range(count):
        rules = list(make([clip for i, clip in enumerate(clips) if i % count != fold]))
        out = [clip for i, clip in enumerate(clips) if i % count == fold]
        held += [_Held(clip, tuple(match(clip, rules, matching))) for clip in out]
    return held


@dataclass(frozen=True, slots=True)
class _Scale:
    """The exceedance that stands for the wanted rate of alarms; on its scale, the curve and tail it was read from."""

    factor: float = 1.0
    curve: tuple[tuple[float, float], ...] = ()
    tail: float | None = None


def _scale(held: list[_Held], smooth: Smoother, count: Counter, hours: float, options: CalibrationOptions) -> _Scale:
    """Read from the clips left out at which exceedance events are as rare as wanted."""
    if not held:
        return _Scale()
    series = [smooth(combine(h.found, len(h.clip), options.power), h.clip.times) for h in held]
    curve, tail = alarm_curve(series, [h.clip.times for h in held], count, hours)
    wanted = threshold_for(Calibration(alarms=curve, tail=tail), options.alarms_per_hour)
    measured = all(m.rule.limits and m.rule.vocabulary is None for h in held for m in h.found)
    factor = float(np.clip(wanted, NARROWEST if measured else LEAST_SCALE, CEILING))
    # The curve goes with the scale, so that the wanted rate stands at 1 and any other one is told from there.
    places = tuple((float(f"{place / factor:.4g}"), rate) for place, rate in curve)
    return _Scale(factor, places, None if tail is None else float(f"{tail / factor:.3g}"))


def _usual(held: Sequence[_Held], options: CalibrationOptions) -> float:
    """What normal frames usually have from all that is not said in words."""
    unsaid = [combine([m for m in h.found if not _is_told(m.rule)], len(h.clip), options.power) for h in held]
    return float(np.median(np.concatenate(unsaid))) if unsaid else 0.0


def _is_told(rule: Rule) -> bool:
    """Whether a rule is on words alone."""
    return rule.kind == "anomaly" and bool(rule.keywords) and not rule.limits


def _widened(rule: Rule, factor: float) -> Rule:
    if not rule.limits or factor == 1.0:
        return rule
    return rule.model_copy(
        update={
            "limit": _wider(rule.limit, factor) if rule.limit else None,
            "any": tuple(_wider(limit, factor) for limit in rule.any),
            "all": tuple(_wider(limit, factor) for limit in rule.all),
            "mean": tuple(_wider(limit, factor) for limit in rule.mean),
        }
    )


def _wider(limit: Limit, factor: float) -> Limit:
    def wide(bound: float, usual: float) -> float:
        return float(f"{usual + factor * (bound - usual):.4g}")

    usual = limit.usual or 0.0
    table = tuple((row[0], row[1], wide(row[2], row[3] if len(row) == 4 else usual), *row[3:]) for row in limit.table)
    side = {"above": wide(limit.above, usual)} if limit.above is not None else {"below": wide(limit.value, usual)}
    return limit.model_copy(update={**side, "table": table})


def _rescaled(found: RuleMatch, factor: float) -> RuleMatch:
    """What was found, had the limits been wider by a factor; of several that count together the mean part shrinks."""

    def narrowed(r: FloatArray) -> FloatArray:
        if not found.rule.mean:
            return r / factor
        part = r * (1 - ABSENT) + ABSENT
        return np.asarray(np.where(r > 0, np.maximum(part / factor - ABSENT, 0.0) / (1 - ABSENT), 0.0), float)

    return replace(found, exceedance=narrowed(found.exceedance), objects=narrowed(found.objects))


def _keys(rules: Sequence[Rule]) -> list[Key]:
    """The rules on measured limits, whose limits are put on their own scale first."""
    return list(dict.fromkeys(rule_key(rule) for rule in rules if rule.limits and rule.vocabulary is None))


def rule_key(rule: Rule) -> Key:
    """What makes a rule the same rule when it is made from other clips: its conditions without their numbers."""
    return (
        rule.keywords if rule.limits else (),
        tuple((limit.measure, limit.above is None) for limit in rule.limits),
        bool(rule.mean),
        rule.where,
        rule.when,
        None if rule.limits else rule.text,
    )


def _with_false_alarms(rule: Rule, held: Sequence[_Held]) -> Rule:
    if rule.kind != "anomaly" or not held:
        return rule
    found = [(h.clip, m) for h in held for m in h.found if rule_key(m.rule) == rule_key(rule)]
    if not found:
        return rule
    by_object = bool(rule.limits) and any(len(m.objects) for _, m in found)
    if by_object:
        alarms = FalseAlarms(
            count=sum(int((m.objects >= 1).sum()) for _, m in found),
            of=sum(len(m.objects) for _, m in found),
            by="object",
        )
    else:
        fired = sum(len(m.quotes) if not rule.limits else int((m.exceedance >= 1).sum()) for _, m in found)
        # A rule on words is silent where there are none: frames without a caption say nothing about it.
        looked = [len(clip) if rule.limits else sum(map(bool, clip.captions)) for clip, _ in found]
        alarms = FalseAlarms(count=fired, of=sum(looked), by="frame")
    return rule.model_copy(update={"false_alarms": alarms})


def alarm_curve(
    series: Sequence[FloatArray], times: Sequence[FloatArray], count: Counter, hours: float
) -> tuple[tuple[tuple[float, float], ...], float | None]:
    """Events an hour on normal footage against the threshold, and how fast the rate falls beyond what was seen.

    Args:
        series: smoothed exceedances (T,) of each clip, held against rules made without it.
        times: (T,) of each.
        count: events at a threshold.
        hours: of footage in all.

    Returns:
        [exceedance, events per hour] with exceedance rising and the rate falling, and the exceedance over which the
        rate falls by e: the mean excess of the events' peaks over the median peak (an exponential tail); None where
        nothing was seen.
    """
    if hours <= 0 or not series:
        return (), None
    peaks = sorted(float(r[a:b].max()) for r, t in zip(series, times, strict=True) for a, b in count(r, t, FAINT))
    if not peaks:
        return (), None
    half = peaks[len(peaks) // 2 :]
    tail = max(float(np.mean(np.array(half) - half[0])), SHORTEST_TAIL * half[0])
    curve = []
    for threshold in np.unique(np.quantile(peaks, np.linspace(0, 1, min(24, len(peaks) + 1)))):
        events = sum(len(count(r, t, float(threshold))) for r, t in zip(series, times, strict=True))
        curve.append((float(f"{threshold:.4g}"), float(f"{events / hours:.4g}")))
    return tuple(curve), float(f"{tail:.3g}")


def threshold_for(calibration: Calibration, alarms_per_hour: float) -> float:
    """The exceedance at which normal footage gives so many events an hour, from the curve and its exponential tail.

    Args:
        calibration: of the rules file.
        alarms_per_hour: wanted rate, over 0.

    Returns:
        Exceedance on the scale of the file (1 is the default threshold); 1 for a file without a curve.
    """
    if not calibration.alarms:
        return 1.0
    places, rates = np.array(calibration.alarms, float).T
    rates = np.minimum.accumulate(np.maximum(rates, 1e-12))
    if alarms_per_hour >= rates[0]:
        return float(places[0])
    if alarms_per_hour < rates[-1]:
        return float(places[-1] + (calibration.tail or 0.02) * np.log(rates[-1] / alarms_per_hour))
    return float(np.interp(np.log(alarms_per_hour), np.log(rates[::-1]), places[::-1]))


def rate_at(curve: Sequence[tuple[float, float]], tail: float | None, threshold: float) -> float | None:
    """Events an hour on normal footage at a threshold: what `threshold_for` is the inverse of; None without a curve."""
    if not curve:
        return None
    places, rates = np.array(curve, float).T
    rates = np.minimum.accumulate(np.maximum(rates, 1e-12))
    if threshold > places[-1]:
        return float(f"{rates[-1] * np.exp(-(threshold - places[-1]) / (tail or 0.02)):.4g}")
    return float(f"{np.exp(np.interp(threshold, places, np.log(rates))):.4g}")


def _seconds(clip: Table) -> float:
    if len(clip) < 2:
        return 0.0
    return float(clip.times[-1] - clip.times[0] + np.median(np.diff(clip.times)))
