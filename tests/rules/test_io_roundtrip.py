"""Any rules survive the way through a file."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ruler.errors import RulesError
from ruler.rules.io import parse_rules, render_rules, rounded, rules_hash
from ruler.rules.model import (
    Calibration,
    FalseAlarms,
    Limit,
    Provenance,
    Rule,
    RuleSet,
    Scene,
    Support,
    Vocabulary,
    Where,
    numbered,
)

special = st.sampled_from(
    [
        "no",
        "Yes",
        "on",
        "~",
        "null",
        "1:30",
        "22:00-06:00",
        "#",
        "a # b",
        "a: b",
        "- x",
        "[a",
        "{",
        "'",
        '"',
        "''",
        "\\n",
        "1e5",
        "0x1f",
        "0o7",
        "2026-11-23",
        "1_000",
        ".5",
        "5.",
        "=",
        "<<",
        "*a",
        "&a",
        "!x",
        "%",
        "@",
        "`",
        "?",
        ": ",
        ">",
        "---",
        "...",
        "Grüße, 北门",
        "a\nb",
        "tab\there",
        "\u2028",
        "\x85",
        "\xa0x",
        "emoji 🚪",
        "a\\",
        "a'b\"c",
        "3fa1",
        "12e3",
        "true",
        "a,b",
        "a]b}",
        ":%",
        ":x",
        "-:",
    ]
) | st.sampled_from(["|", "word " * 60, "é" * 200, "x" * 300])
anytext = st.one_of(special, st.text(st.characters(codec="utf-8"), max_size=30))
text = anytext.filter(lambda t: bool(t.strip()))
number = st.one_of(
    st.floats(-1e6, 1e6, allow_nan=False), st.floats(allow_nan=False), st.integers(-1000, 1000).map(float)
)
share = st.floats(0, 1)
positive = st.floats(1e-6, 1e6)
bands = st.lists(st.tuples(st.floats(0, 500), st.floats(1, 600), number), max_size=3).map(
    lambda rows: tuple((a, a + b, c) for a, b, c in rows)
)


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    side: dict[str, Any] = {draw(st.sampled_from(["above", "below"])): draw(number)}
    table = draw(bands)
    return Limit(
        measure=draw(text),
        **side,
        usual=draw(st.none() | number),
        unit=draw(anytext),
        per="row" if table else None,
        table=table,
    )


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    condition: dict[str, Any] = draw(
        st.one_of(
            st.just({}),
            st.fixed_dictionaries({"limit": limits()}),
            st.fixed_dictionaries({"any": st.lists(limits(), max_size=2).map(tuple)}),
            st.fixed_dictionaries({"all": st.lists(limits(), max_size=2).map(tuple)}),
        )
    )
    polygon = st.lists(st.tuples(share, share), min_size=3, max_size=5).map(tuple)
    return Rule(
        kind=draw(st.sampled_from(["normal", "anomaly"])),
        subject=draw(st.sampled_from(["human activity", "environment"])),
        text=draw(text),
        keywords=tuple(draw(st.lists(anytext, max_size=3))),
        **condition,
        vocabulary=draw(
            st.none()
            | st.builds(
                Vocabulary, rates=st.dictionaries(text, share, max_size=3), unseen=st.floats(1e-4, 1), window=positive
            )
        ),
        where=draw(st.none() | st.builds(Where, name=anytext, polygon=polygon)),
        when=draw(st.none() | st.sampled_from(["22:00-06:00", "9:00-17:30"])),
        support=draw(st.none() | st.builds(Support, votes=st.integers(0, 3), of=st.integers(3, 10))),
        false_alarms=draw(st.none() | st.builds(FalseAlarms, count=st.integers(0, 99), of=st.integers(0, 10**6))),
        note=draw(st.none() | anytext),
    )


scenes: dict[str, Any] = {
    "scene": anytext,
    "provenance": st.builds(
        Provenance,
        perception=anytext,
        reference=st.lists(anytext, max_size=2).map(tuple),
        frames=st.none() | st.integers(),
        prompts=st.dictionaries(text, anytext, max_size=2),
        created=st.none() | st.dates(date(1000, 1, 1)),
        picture=st.none() | st.just((640, 360)),
        frame_rate=st.none() | st.floats(1, 100),
        frame_rate_known=st.booleans(),
    ),
    "calibration": st.none()
    | st.builds(
        Calibration,
        alpha=st.floats(1e-4, 0.5),
        scale=positive,
        frames=st.integers(0, 10**6),
        hours=st.floats(0, 100),
        preset=anytext,
        frames_in_events=st.none() | share,
        alarms=st.lists(st.tuples(number, positive), max_size=3).map(tuple),
        tail=st.none() | positive,
    ),
    "rules": st.lists(rules(), max_size=3).map(tuple),
}
rulesets = st.builds(RuleSet, **scenes, scenes=st.dictionaries(text, st.builds(Scene, **scenes), max_size=2))


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rulesets)
def test_what_is_written_is_read_back(ruleset: RuleSet) -> None:
    expected = rounded(ruleset)
    expected = expected.model_copy(
        update={
            "rules": numbered(expected.rules),
            "scenes": {n: s.model_copy(update={"rules": numbered(s.rules)}) for n, s in expected.scenes.items()},
        }
    )
    again = parse_rules(render_rules(ruleset))
    assert again == expected
    assert rules_hash(again) == rules_hash(ruleset)
    assert render_rules(again) == render_rules(ruleset)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_line(content: str) -> None:
    try:
        parse_rules(content)
    except RulesError as error:
        assert "\n" not in str(error)
