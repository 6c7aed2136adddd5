"""Initial matching: a Table of observations and rules in; exceedance of every rule in every frame, and evidence, out.

Exceedance (r) is the one scale all rules share: 0 is the usual, 1 the limit. For a limit
r = max(0, (v − median) / (limit − median)); for keywords r = ln f / ln α, where f is the rule's false-alarm rate, or
`UNCALIBRATED` for a rule that was never calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ruler.measures import MEASURES
from ruler.rules.model import Limit, Rule, Where
from ruler.rules.said import excess_of, nearest_quote, quotes_of, told_by, undivided
from ruler.rules.table import Table
from ruler.rules.tracks import smooth_tracks
from ruler.schema import BoolArray, Evidence, FloatArray, IntArray

UNCALIBRATED = 2.0
"""Exceedance of a matching text rule without a measured false-alarm rate."""

CEILING = 5.0
"""Exceedances are cut off here, so that one slip of the tracker does not outweigh a second of walking."""

LEAST_PART, LARGEST_PART = -0.5, 2.0
"""Of several limits that count together, each one's part is cut off here: one odd measure is not to decide alone."""

QUOTED = 0.05
"""Exceedance of a vocabulary from which the words that do it are noted."""

ABSENT = LEAST_PART
"""Mean part from which the exceedance of limits that count together is told: what a frame without anybody has."""

_SCALING = {"px": 1, "px²": 2}
"""Units that grow with the size of the picture, and by which power."""


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """How observations are held against rules.

    Attributes:
        alpha: level per rule; exceedance of keywords counts from it.
        track_sigma: seconds over which an object's exceedance is smoothed along its track.
        causal: smooth with the past only.
        flat: a keyword found counts as `UNCALIBRATED`, whatever its false-alarm rate (for findings of 0 or 1).
        substring: keywords match as the published program matches them: as substrings, minding case, blind to negation.
        words: exceedance of a matching calibrated text rule, one for all; None: ln f / ln α of each.
        divide: a caption that speaks of more than two rules at once counts less for each; see `said.undivided`.
        picture: width and height of the picture the rules were made on; rows, px and px² are scaled to it. None: not
            scaled.
    """

    alpha: float = 0.01
    track_sigma: float = 1.25
    causal: bool = False
    flat: bool = False
    substring: bool = False
    words: float | None = None
    divide: bool = False
    picture: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """One rule held against T frames.

    Attributes:
        rule: the rule.
        exceedance: (T,) r of each frame.
        strongest: (T,) index of the object with the largest r; -1 where no object is concerned.
        quotes: position of a frame in the table → the words that matched.
        values: limit → the measured values it was held against, per object or per frame.
    """

    rule: Rule
    exceedance: FloatArray
    strongest: IntArray
    quotes: Mapping[int, str] = field(default_factory=dict)
    objects: FloatArray = field(default_factory=lambda: np.zeros(0))


def match(table: Table, rules: Sequence[Rule], options: MatchOptions = MatchOptions()) -> list[RuleMatch]:
    """Hold every anomaly rule against a table.

    Args:
        table: T frames of one video.
        rules: of the scene; normal ones are passed over.
        options: see `MatchOptions`.

    Returns:
        One RuleMatch for each anomaly rule, in their order. Frames that cannot be judged have exceedance 0.
    """
    found = [_match(table, rule, options) for rule in rules if rule.kind == "anomaly"]
    if not options.divide:
        return found
    share = undivided(table, [m.quotes for m in found if _on_words(m.rule)])
    return [replace(m, exceedance=m.exceedance * share) if _on_words(m.rule) else m for m in found]


def combine(matches: Sequence[RuleMatch], frames: int, power: float = 1.0) -> FloatArray:
    """Reduce the exceedances of all rules to one for each frame.

    Rules that look at the same (measured limits; words; one vocabulary) tell of it once: the largest of them counts.
    What independent sources say adds up: the p-norm over the sources.

    Args:
        matches: of one table.
        frames: T.
        power: p, at least 1; 1 is the sum, infinite the largest.

    Returns:
        (T,) float64.
    """
    sources: dict[str, FloatArray] = {}
    for found in matches:
        name = source_of(found.rule)
        sources[name] = np.maximum(sources[name], found.exceedance) if name in sources else found.exceedance
    if not sources:
        return np.zeros(frames)
    stack = np.stack(list(sources.values()))
    if math.isinf(power):
        return np.asarray(stack.max(0), float)
    return np.asarray((stack**power).sum(0) ** (1 / power), float)


def source_of(rule: Rule) -> str:
    """What a rule looks at: "words", the measure of its vocabulary, or "limits" for all that is measured."""
    if rule.vocabulary is not None and rule.limit is not None:
        return rule.limit.measure
    return "limits" if rule.limits else "words"


def _match(table: Table, rule: Rule, options: MatchOptions) -> RuleMatch:
    count = len(table)
    best, strongest, objects = np.zeros(count), np.full(count, -1, np.int64), np.zeros(0)
    quotes: dict[int, str] = {}
    if rule.vocabulary is not None and rule.limit is not None:
        excess = excess_of(table, rule, options.causal)
        best = _ratio(excess.values, np.float64(rule.limit.usual or 0.0), np.float64(rule.limit.value))
        quotes = {int(t): excess.quote(int(t)) for t in np.flatnonzero(best >= QUOTED)}
    elif rule.limits:
        best, strongest, objects = _limits(table, rule, options)
    if rule.keywords:
        words = quotes_of(table, rule.keywords, options.substring)
        told = told_by(table, words) * keyword_exceedance(rule, options)
        strongest = np.where(told > best, -1, strongest)
        best = np.maximum(best, told)
        quotes |= words
    best = np.where(table.judged & _hours(table, rule), best, 0.0)
    return RuleMatch(rule, best, strongest, quotes, objects)


def _on_words(rule: Rule) -> bool:
    return bool(rule.keywords) and not rule.limits


def answers(table: Table, rule: Rule) -> bool:
    """Whether a table tells what a rule asks; of limits, an empty street does, if objects were looked for."""
    if (rule.keywords or rule.vocabulary is not None) and any(table.captions):
        return True
    looked = bool(len(table.row)) or "objects" in table.frame_measures
    return any(
        limit.measure in table.measures or limit.measure in table.frame_measures or (looked and not len(table.row))
        for limit in rule.limits
        if rule.vocabulary is None
    ) or any(limit.measure == "objects" and looked for limit in rule.limits)


def keyword_exceedance(rule: Rule, options: MatchOptions = MatchOptions()) -> float:
    """Exceedance of a frame whose caption speaks of a rule's keywords; `UNCALIBRATED` where it was never measured."""
    if options.flat or rule.false_alarms is None:
        return UNCALIBRATED
    return options.words if options.words is not None else text_exceedance(rule.false_alarms.rate, options.alpha)


def text_exceedance(rate: float, alpha: float) -> float:
    """Exceedance of a matching text rule whose false-alarm rate was measured: ln f / ln α, at least 0."""
    return max(0.0, math.log(rate) / math.log(alpha))


# --- limits ---------------------------------------------------------------------------------------------------------


def _limits(table: Table, rule: Rule, options: MatchOptions) -> tuple[FloatArray, IntArray, FloatArray]:
    """Exceedance and strongest object of each frame, and the exceedance of each object."""
    reduce: Callable[[list[FloatArray]], FloatArray] = (
        (lambda parts: np.min(parts, axis=0)) if rule.all else (lambda parts: np.max(parts, axis=0))
    )
    of_objects = [limit for limit in rule.limits if limit.scope == "object"]
    of_frames = [limit for limit in rule.limits if limit.scope == "frame"]
    inside = _inside(table, rule.where)
    parts: list[FloatArray] = []
    objects, strongest = np.zeros(0), np.full(len(table), -1, np.int64)
    if of_objects:
        if rule.mean:
            objects = _together(rule.mean, table, options.picture)
        else:
            objects = reduce([limit_exceedance(limit, table, options.picture) for limit in of_objects])
        objects = np.where(inside, objects, 0.0)
        objects = np.maximum(smooth_tracks(objects, table, options.track_sigma, causal=options.causal), 0.0)
        largest, strongest = _largest(objects, table.row, len(table))
        parts.append(largest)
    for limit in of_frames:
        values = _frame_values(table, limit, inside, rule.where)
        parts.append(_ratio(values, np.float64(limit.usual or 0.0), np.float64(limit.value)))
    return reduce(parts), strongest, objects


def limit_exceedance(limit: Limit, table: Table, picture: tuple[int, int] | None = None) -> FloatArray:
    """Exceedance of every object over a limit on an object's measure.

    Args:
        limit: on a measure of scope "object".
        table: with N objects.
        picture: width and height of the picture the limit was made on; None for the table's own.

    Returns:
        (N,) r in 0 to `CEILING`; 0 where the measure is missing.
    """
    usual, bound = bounds(limit, rows(table, picture))
    return _ratio(object_values(limit.measure, table, picture), usual, bound)


def _together(limits: Sequence[Limit], table: Table, picture: tuple[int, int] | None) -> FloatArray:
    """Exceedance of every object over limits that count together, (N,): (m − ABSENT) / (1 − ABSENT).

    m is the mean over the limits of (v − usual) / (limit − usual), each held within `LEAST_PART` and `LARGEST_PART` and
    0 where it was not measured. So r is 1 where all are at their limits, and 1/3 for who is usual in everything: being
    there counts for more than nobody's being there. Not cut off at 0, so that it may be smoothed first.
    """
    parts = np.zeros(len(table.row))
    for limit in limits:
        usual, bound = bounds(limit, rows(table, picture))
        parts += _signed(object_values(limit.measure, table, picture), usual, bound)
    return np.asarray((parts / len(limits) - ABSENT) / (1 - ABSENT), float)


def _signed(values: FloatArray, usual: FloatArray, bound: FloatArray) -> FloatArray:
    span = np.where(bound == usual, np.inf, bound - usual)
    return np.clip(np.nan_to_num((values - usual) / span, nan=0.0), LEAST_PART, LARGEST_PART)


def object_values(measure: str, table: Table, picture: tuple[int, int] | None = None) -> FloatArray:
    """Values of a measure for every object, (N,), NaN where missing; px and px² in pixels of `picture`."""
    values = table.measures.get(measure)
    if values is None:
        return np.full(len(table.row), np.nan)
    known = MEASURES.get(measure)
    return np.asarray(values * _zoom(table, picture) ** _SCALING.get(known.unit if known else "", 0), float)


def rows(table: Table, picture: tuple[int, int] | None = None) -> FloatArray:
    """Image row of every object's foot point, (N,), in pixels of `picture`."""
    return np.asarray((table.boxes[:, 1] + table.boxes[:, 3]) * _zoom(table, picture), float)


def bounds(limit: Limit, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The usual value and the limit that hold at each image row.

    Args:
        limit: with or without a table.
        rows: (N,) image rows in pixels of the reference's picture.

    Returns:
        usual (N,), limit (N,).
    """
    usual, bound = np.full(len(rows), limit.usual or 0.0), np.full(len(rows), limit.value)
    for band in limit.table:
        here = (rows >= band[0]) & (rows < band[1])
        bound[here] = band[2]
        if len(band) == 4:
            usual[here] = band[3]
    return usual, bound


def _ratio(values: FloatArray, usual: FloatArray | np.float64, bound: FloatArray | np.float64) -> FloatArray:
    span = bound - usual
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (values - usual) / span
    r = np.where(span == 0, np.where(values > bound, CEILING, 0.0), r)
    return np.clip(np.nan_to_num(r, nan=0.0), 0.0, CEILING)


def _largest(values: FloatArray, row: IntArray, count: int) -> tuple[FloatArray, IntArray]:
    largest, strongest = np.zeros(count), np.full(count, -1, np.int64)
    order = np.lexsort((values, row))
    last = order[np.concatenate([np.diff(row[order]) > 0, [True]])] if len(order) else order
    largest[row[last]], strongest[row[last]] = values[last], last
    return largest, strongest


def _frame_values(table: Table, limit: Limit, inside: BoolArray, where: Where | None) -> FloatArray:
    if limit.measure == "objects":
        counted = inside if where is not None else np.ones(len(table.row), bool)
        return np.bincount(table.row[counted], minlength=len(table)).astype(float)
    return table.frame_measures.get(limit.measure, np.full(len(table), np.nan))


def _zoom(table: Table, picture: tuple[int, int] | None) -> float:
    return picture[1] / table.size[1] if picture and table.size[1] else 1.0


def _inside(table: Table, where: Where | None) -> BoolArray:
    """Whether each object's foot point lies in the polygon (even-odd rule); everywhere where there is none."""
    if where is None:
        return np.ones(len(table.row), bool)
    width, height = table.size
    if not width or not height:
        return np.zeros(len(table.row), bool)
    x = (table.boxes[:, 0] + table.boxes[:, 2] / 2) / width
    # A box cut off by the lower edge still stands in the picture.
    y = np.minimum((table.boxes[:, 1] + table.boxes[:, 3]) / height, 1 - 1e-9)
    corners = np.array(where.polygon, float)
    inside = np.zeros(len(x), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y1 != y2:
            crosses = (y1 > y) != (y2 > y)
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


def _hours(table: Table, rule: Rule) -> BoolArray:
    if rule.when is None:
        return np.ones(len(table), bool)
    return np.array([rule.applies_at(table.clock(t)) for t in range(len(table))], bool)


# --- evidence -------------------------------------------------------------------------------------------------------


def evidence(found: RuleMatch, table: Table, position: int, picture: tuple[int, int] | None = None) -> Evidence:
    """What made a rule match in one frame.

    Args:
        found: the rule held against the table.
        table: the same table.
        position: of the frame in the table.
        picture: width and height of the picture the rule was made on.
    """
    rule, r, frame = found.rule, float(found.exceedance[position]), int(table.frames[position])
    thing = int(found.strongest[position])
    if not rule.limits or rule.vocabulary is not None or (thing < 0 and position in found.quotes):
        told = (
            position if position in found.quotes or not found.quotes else nearest_quote(found.quotes, table, position)
        )
        return Evidence(rule.id, r, quote=found.quotes.get(told), frame=int(table.frames[told]))
    limit = _telling(rule, table, position, thing, picture)
    known = MEASURES.get(limit.measure)
    unit = known.unit if known else limit.unit
    if limit.scope == "object" and thing >= 0:
        usual, bound = bounds(limit, rows(table, picture)[thing : thing + 1])
        value = float(object_values(limit.measure, table, picture)[thing])
        box, track = table.box(thing), int(table.tracks[thing])
        return Evidence(
            rule.id, r, None, limit.measure, value, float(bound[0]), float(usual[0]), unit, track, box, frame
        )
    value = float(_frame_values(table, limit, _inside(table, rule.where), rule.where)[position])
    return Evidence(rule.id, r, None, limit.measure, value, limit.value, limit.usual, unit, frame=frame)


def _telling(rule: Rule, table: Table, position: int, thing: int, picture: tuple[int, int] | None) -> Limit:
    """The limit to cite: of several, the one that decides (the smallest exceedance of `all`, else the largest)."""
    if len(rule.limits) == 1:
        return rule.limits[0]

    def exceedance(limit: Limit) -> float:
        if limit.scope == "object":
            return float(limit_exceedance(limit, table, picture)[thing]) if thing >= 0 else 0.0
        values = _frame_values(table, limit, _inside(table, rule.where), rule.where)
        return float(_ratio(values, np.float64(limit.usual or 0.0), np.float64(limit.value))[position])

    return (min if rule.all else max)(rule.limits, key=exceedance)
