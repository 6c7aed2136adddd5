"""The limits of rules in, what is doubtful about them out: wrong units, limits that always or never fire."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import combinations, pairwise

from ruler.measures import MEASURES
from ruler.rules.finding import Finding, Say
from ruler.rules.inflection import word_set
from ruler.rules.model import Limit, Rule, Scene
from ruler.rules.show import limit_in_words

NEVER_NEGATIVE = word_set("speed height aspect area dwell objects") | {"unusual activity", "unusual thing"}
"""Measures that cannot be below 0."""


def of_limit(rule: Rule, limit: Limit, scene: Scene, say: Say) -> Iterator[Finding]:
    """One limit by itself: its measure, unit, sides and bands."""
    measure = MEASURES.get(limit.measure)
    if measure is None:
        near = difflib.get_close_matches(limit.measure, MEASURES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(MEASURES)}"
        yield say("error", rule, f"nobody measures '{limit.measure}'", hint, "unknown-measure")
        return
    if limit.unit and limit.unit != measure.unit:
        hint = f"write `unit: {measure.unit}` and convert the numbers" if measure.unit else "leave the unit out"
        yield say("error", rule, f"'{limit.measure}' is not measured in {limit.unit}", hint, "wrong-unit")
    if limit.per == "row" and measure.scope == "frame":
        yield say(
            "error",
            rule,
            f"'{limit.measure}' belongs to the whole frame and has no row",
            "take `per` and `table` out",
            "frame-by-row",
        )
    for value, usual, where in _bounds(limit):
        over = limit.above is not None
        if limit.measure in NEVER_NEGATIVE and ((over and value < 0) or (not over and value <= 0)):
            if over:
                yield say(
                    "error",
                    rule,
                    f"'{limit.measure}' is always above {value:g}{where}",
                    "it is never negative; give a limit over 0",
                    "fires-on-everything",
                )
            else:
                yield say(
                    "error",
                    rule,
                    f"'{limit.measure}' is never below {value:g}{where}",
                    "it is never negative; give a limit over 0",
                    "never-fires",
                )
        elif usual is not None and (value <= usual if over else value >= usual):
            side = "at or under" if over else "at or over"
            yield say(
                "error",
                rule,
                f"the limit {value:g} is {side} the usual {usual:g}{where}: half of what is normal fires",
                "put the limit beyond the usual",
                "fires-on-everything",
            )
    yield from _table(rule, limit, scene, say)


def _bounds(limit: Limit) -> Iterator[tuple[float, float | None, str]]:
    yield limit.value, limit.usual, ""
    for row in limit.table:
        yield row[2], row[3] if len(row) == 4 else limit.usual, f" in rows {row[0]:g} to {row[1]:g}"


def _table(rule: Rule, limit: Limit, scene: Scene, say: Say) -> Iterator[Finding]:
    bands = sorted(limit.table)
    for before, after in pairwise(bands):
        rows = f"the bands {before[0]:g} to {before[1]:g} and {after[0]:g} to {after[1]:g} of the table"
        if after[0] < before[1]:
            yield say(
                "warning", rule, f"{rows} overlap", "let each band begin where the one before ends", "bands-overlap"
            )
        elif after[0] > before[1]:
            yield say(
                "note",
                rule,
                f"{rows} leave a gap, where {limit.value:g} holds",
                "close it, or leave it if that is meant",
                "bands-gap",
            )
    picture = scene.provenance.picture
    if picture and bands and bands[0][0] >= picture[1]:
        yield say(
            "error",
            rule,
            f"the table begins below the picture, which has {picture[1]} rows",
            "give rows in pixels of the reference's picture",
            "bands-outside",
        )


def whether_it_can_fire(rule: Rule, say: Say) -> Iterator[Finding]:
    """Whether an anomaly rule has something to fire by, and no two limits that exclude each other."""
    counted = [limit for limit in rule.limits if limit.measure in ("unusual activity", "unusual thing")]
    if rule.vocabulary is not None and not counted:
        yield say(
            "error",
            rule,
            "has a vocabulary but no limit on it, so it never fires",
            "add a limit on 'unusual activity' or 'unusual thing'",
            "never-fires",
        )
    elif counted and rule.vocabulary is None:
        yield say(
            "error",
            rule,
            f"limits '{counted[0].measure}' but has no vocabulary to hold captions against",
            "make it with `ruler induce`",
            "never-fires",
        )
    elif not rule.keywords and not rule.limits:
        yield say(
            "note",
            rule,
            "has neither keywords nor a limit: only a model can apply it",
            "add keywords or a limit for runs without a model",
            "needs-model",
        )
    for one, other in combinations(rule.all, 2):
        if one.measure == other.measure:
            low, high = _range(one, other)
            if low is not None and high is not None and low >= high:
                yield say(
                    "error",
                    rule,
                    f"'{one.measure}' cannot be above {low:g} and below {high:g} at once, so it never fires",
                    "use `any:`, or correct a number",
                    "never-fires",
                )


def _range(one: Limit, other: Limit) -> tuple[float | None, float | None]:
    """The `above` and the `below` of two limits of opposite sides; None where they are of one side."""
    low = one.above if one.above is not None else other.above
    high = one.below if one.below is not None else other.below
    return low, high


def that_leave_nothing(rules: tuple[Rule, ...], say: Say) -> Iterator[Finding]:
    """Pairs of limits that leave nothing normal: one fires above a number, the other below a larger one."""
    held = [
        (rule, limit)
        for rule in rules
        if rule.kind == "anomaly" and not rule.all and not rule.mean
        for limit in rule.limits
        if not limit.table
    ]
    for (rule, one), (other, two) in combinations(held, 2):
        if one.measure != two.measure or rule.where != other.where or rule.when != other.when:
            continue
        low, high = _range(one, two)
        if low is not None and high is not None and low < high:
            pair = f"'{limit_in_words(one)}' and '{limit_in_words(two)}'" + (
                f" of {rule.id}" if other is not rule else ""
            )
            yield say(
                "error",
                other,
                f"{pair} leave nothing normal",
                "the upper limit must be over the lower one",
                "fires-on-everything",
            )
