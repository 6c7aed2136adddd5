"""A RuleSet in, what is doubtful about it out: contradictions, duplicates, rules that always or never fire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ruler.errors import RulesError
from ruler.rules.clauses import PERSONS
from ruler.rules.finding import Finding, Say, Severity
from ruler.rules.geometry import area, crosses_itself
from ruler.rules.inflection import FUNCTION, base_forms, word_set
from ruler.rules.lint_limits import of_limit, that_leave_nothing, whether_it_can_fire
from ruler.rules.model import Rule, RuleSet, Scene
from ruler.rules.words import find, words_of

_ORDER: dict[str, int] = {"error": 0, "warning": 1, "note": 2}

PER_SECOND = word_set("speed acceleration growth dwell")
"""Measures that are wrong where the frame rate is."""

# Words that stand in nearly every description of a picture.
_EVERYWHERE = (FUNCTION | PERSONS) - word_set("guard worker dog dogs cat cats animal animals baby crowd")
_EVERYWHERE |= word_set(
    "image picture scene frame video photo camera view background foreground left right side first second third visible"
)


__all__ = ["Finding", "Severity", "lint"]


def lint(ruleset: RuleSet) -> list[Finding]:
    """Look a rules file over; nothing is measured and nothing is changed.

    Returns:
        Findings, errors first; within a severity in the order of the file.
    """
    found = list(_scene(ruleset, ""))
    for name, scene in ruleset.scenes.items():
        found += _scene(scene, name)
    if not ruleset.rules and not ruleset.scenes:
        found.append(
            Finding(
                "warning", None, "the file holds no rules", "add some, or make them with `ruler induce`", "no-rules"
            )
        )
    return sorted(found, key=lambda f: _ORDER[f.severity])


def _scene(scene: Scene, name: str) -> Iterator[Finding]:
    def say(severity: Severity, rule: Rule | None, message: str, hint: str, code: str) -> Finding:
        return Finding(severity, rule.id if rule else None, message, hint, code, name)

    if scene.rules and not any(rule.kind == "anomaly" for rule in scene.rules):
        yield say("warning", None, "there is no anomaly rule", "nothing can fire; add one", "no-anomaly-rule")
    yield from _reference(scene, say)
    for rule in scene.rules:
        yield from _keywords(rule, say)
        for limit in rule.limits:
            yield from of_limit(rule, limit, scene, say)
        yield from _place_and_time(rule, say)
        if rule.kind == "anomaly":
            yield from _calibrated(rule, scene, say)
            yield from whether_it_can_fire(rule, say)
    yield from _duplicates(scene.rules, say)
    yield from _contradictions(scene.rules, say)
    yield from that_leave_nothing(scene.rules, say)


# --- the reference --------------------------------------------------------------------------------------------------


def _reference(scene: Scene, say: Say) -> Iterator[Finding]:
    timed = sorted({limit.measure for rule in scene.rules for limit in rule.limits} & PER_SECOND)
    if not scene.provenance.frame_rate_known and timed:
        rate = scene.provenance.frame_rate or 25
        yield say(
            "warning",
            None,
            f"the reference's frame rate was not known: {', '.join(timed)} count from an assumed {rate:g} frames/s",
            "give the true rate when inducing, and judge videos at the same one",
            "frame-rate-assumed",
        )
    found = scene.calibration
    if found is None:
        if any(rule.kind == "anomaly" for rule in scene.rules):
            yield say(
                "note",
                None,
                "the file was never calibrated",
                "run `ruler induce` with normal footage for a known alarm rate",
                "not-calibrated",
            )
        return
    least = round(1 / found.alpha)
    if 0 < found.frames < least:
        yield say(
            "warning",
            None,
            f"{found.frames} frames are too few for a level of {found.alpha:g}: it takes {least}",
            "calibrate on more normal footage, or raise alpha",
            "few-frames",
        )
    if 0 < found.clips < least - 1:
        yield say(
            "note",
            None,
            f"{found.clips} independent clips carry no guarantee for a level of {found.alpha:g}: it takes {least - 1}",
            "read the alarm rate as an estimate, or add normal clips",
            "few-clips",
        )


def _calibrated(rule: Rule, scene: Scene, say: Say) -> Iterator[Finding]:
    alpha = scene.calibration.alpha if scene.calibration else 0.01
    if rule.false_alarms is None:
        if rule.keywords:
            yield say(
                "note",
                rule,
                "was never calibrated: it counts as r = 2, twice its limit, where its words match",
                "calibrate it on normal footage",
                "rule-not-calibrated",
            )
        elif rule.limits:
            yield say(
                "note",
                rule,
                "its false alarms were never counted",
                "calibrate it on normal footage",
                "rule-not-calibrated",
            )
        return
    alarms = rule.false_alarms
    if alarms.of and alarms.count / alarms.of > 0.5:
        yield say(
            "error",
            rule,
            f"fires on nearly everything: {alarms.count:,} of {alarms.of:,} normal {alarms.by}s",
            "narrow it or take it out",
            "fires-on-everything",
        )
    elif alarms.of and alarms.rate > 3 * alpha and alarms.count > 2:
        yield say(
            "warning",
            rule,
            f"fires on {alarms.count / alarms.of:.1%} of the normal {alarms.by}s, well over the level of {alpha:.2%}",
            "narrow it",
            "high-rate",
        )
    elif rule.keywords and not rule.limits and alarms.rate > alpha:
        if alarms.count:
            why = f"{alarms.count:,} of {alarms.of:,} normal {alarms.by}s match"
        else:
            least = round(1 / alpha) - 1
            why = f"it was counted on {alarms.of:,} {alarms.by}s only, and a level of {alpha:g} takes {least:,}"
        yield say(
            "warning",
            rule,
            f"stays under its limit even where its words match: {why}",
            "calibrate on more normal footage, or drop the words that match there",
            "cannot-reach-limit",
        )


# --- keywords -------------------------------------------------------------------------------------------------------


def _keywords(rule: Rule, say: Say) -> Iterator[Finding]:
    seen: dict[frozenset[str], str] = {}
    for keyword in rule.keywords:
        words = words_of(keyword)
        if not words:
            yield say("error", rule, f"the keyword '{keyword}' holds no word", "take it out", "empty-keyword")
            continue
        # In certain hours or beside a limit, "person" may well be meant.
        if rule.kind == "anomaly" and rule.when is None and all(word in _EVERYWHERE for word in words):
            yield say(
                "error",
                rule,
                f"the keyword '{keyword}' stands in nearly every caption",
                "take it out, or name what is unusual about it",
                "stop-word",
            )
        meaning = frozenset(map(_base, words))
        if meaning in seen:
            yield say(
                "note",
                rule,
                f"the keywords '{seen[meaning]}' and '{keyword}' mean the same",
                "one of them is enough",
                "same-keyword",
            )
        seen.setdefault(meaning, keyword)
    if rule.kind == "normal" and (rule.keywords or rule.limits):
        yield say(
            "note",
            rule,
            "is a normal rule: its keywords and limits are not matched",
            "write an anomaly rule for what should fire",
            "normal-condition",
        )


# --- place, time, and whether it can fire ---------------------------------------------------------------------------


def _place_and_time(rule: Rule, say: Say) -> Iterator[Finding]:
    if rule.where is not None:
        if area(rule.where.polygon) < 1e-6:
            yield say(
                "error",
                rule,
                "its place has no area, so nothing is ever in it",
                "give the corners of a polygon, in order",
                "empty-place",
            )
        elif crosses_itself(rule.where.polygon):
            yield say(
                "warning",
                rule,
                "the outline of its place crosses itself",
                "give the corners in order around the place",
                "crossed-place",
            )
        if rule.keywords or any(limit.scope == "frame" and limit.measure != "objects" for limit in rule.limits):
            yield say(
                "warning",
                rule,
                "has a place, but captions and measures of the whole frame have none",
                "its words match wherever they are said",
                "place-without-objects",
            )
    if rule.when is not None:
        start, end = rule.when.split("-")
        if _minutes(start) == _minutes(end):
            yield say(
                "error",
                rule,
                f"its hours {rule.when} are empty, so it never fires",
                "leave `when` out for the whole day",
                "empty-hours",
            )
        else:
            yield say(
                "note",
                rule,
                f"applies from {start} to {end}: the start of a video must be known",
                "a video without a start time is judged without this rule",
                "needs-clock",
            )


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


# --- rules among themselves -----------------------------------------------------------------------------------------


def _duplicates(rules: tuple[Rule, ...], say: Say) -> Iterator[Finding]:
    texts: dict[object, Rule] = {}
    keywords: dict[object, Rule] = {}
    limits: dict[object, Rule] = {}
    for rule in rules:
        scope = (rule.kind, rule.where, rule.when)
        text = (rule.kind, tuple(sorted(_base(w) for w in words_of(rule.text) if w not in FUNCTION)))
        if text[1] and text in texts:
            yield say("warning", rule, f"says the same as {texts[text].id}", "take one of them out", "same-text")
        texts.setdefault(text, rule)
        if rule.kind != "anomaly":
            continue
        words = (scope, frozenset(frozenset(map(_base, words_of(k))) for k in rule.keywords))
        if rule.keywords and words in keywords:
            yield say(
                "warning",
                rule,
                f"has the same keywords as {keywords[words].id}",
                "take one of them out",
                "same-keywords",
            )
        keywords.setdefault(words, rule)
        held = (
            scope,
            rule.vocabulary is not None,
            (bool(rule.all), bool(rule.mean)),
            frozenset((x.measure, x.above, x.below, x.table) for x in rule.limits),
        )
        if rule.limits and held in limits:
            yield say("warning", rule, f"has the same limit as {limits[held].id}", "take one of them out", "same-limit")
        limits.setdefault(held, rule)


def _contradictions(rules: tuple[Rule, ...], say: Say) -> Iterator[Finding]:
    normal = [rule for rule in rules if rule.kind == "normal"]
    for rule in rules:
        if rule.kind != "anomaly" or rule.when is not None:
            continue
        for keyword in rule.keywords:
            for usual in normal:
                claims = [k for k in usual.keywords if _same(k, keyword)]
                said = (
                    [m.quote for m in find(keyword, usual.text) if m.matches]
                    if not claims and words_of(keyword)
                    else claims
                )
                if said:
                    yield say(
                        "error" if claims else "warning",
                        rule,
                        f"its keyword '{keyword}' is what {usual.id} calls normal: '{said[0]}'",
                        "take it out of one of them",
                        "contradiction",
                    )


def _same(one: str, other: str) -> bool:
    meaning = {_base(w) for w in words_of(one)}
    return bool(meaning) and meaning == {_base(w) for w in words_of(other)}


def _base(word: str) -> str:
    return min(base_forms(word))


_UNUSABLE = ("unknown-measure", "wrong-unit")


def refuse_unusable(ruleset: RuleSet, where: str | Path | None = None) -> None:
    """Refuse rules that could only be passed over in silence.

    Args:
        ruleset: to be judged by.
        where: its file, for the message.

    Raises:
        RulesError: a limit on an unknown measure or in another unit, or no anomaly rule at all.
    """
    for finding in lint(ruleset):
        if finding.code in _UNUSABLE:
            rule = f"{finding.rule}: " if finding.rule else ""
            raise RulesError(f"{rule}{finding.message}", where=where, hint=finding.hint)
    rules = [*ruleset.rules, *(rule for scene in ruleset.scenes.values() for rule in scene.rules)]
    if not any(rule.kind == "anomaly" for rule in rules):
        raise RulesError("holds no anomaly rule", where=where, hint="write one, or make some with `ruler induce`")
