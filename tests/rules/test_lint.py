from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.rules.geometry import area, crosses_itself
from ruler.rules.importers import import_anomalyruler
from ruler.rules.lint import Finding, lint
from ruler.rules.model import Calibration, FalseAlarms, Limit, Provenance, Rule, RuleSet, Vocabulary, Where, numbered

RARE = FalseAlarms(count=0, of=1000)
CALIBRATED = Calibration(alpha=0.01, frames=5000, objects=20000, clips=120)


def anomaly(**fields: Any) -> Rule:
    return Rule(**{"kind": "anomaly", "text": "Something odd", "false_alarms": RARE, **fields})


def normal(text: str, **fields: Any) -> Rule:
    return Rule(kind="normal", text=text, **fields)


def findings(*rules: Rule, **fields: Any) -> list[Finding]:
    return lint(RuleSet(rules=numbered(rules), **{"calibration": CALIBRATED, **fields}))


def speed(**fields: Any) -> Limit:
    return Limit(**{"measure": "speed", "unit": "body heights/s", **fields})


def banded(*bands: tuple[float, ...]) -> Limit:
    return speed(above=2, usual=1, per="row", table=bands)


SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))

# rules, severity, code, words of the message
DOUBTS: list[tuple[tuple[Rule, ...], str, str, str]] = [
    (
        (normal("Carrying boxes"), anomaly(keywords=("carry box",))),
        "warning",
        "contradiction",
        "N1 calls normal: 'Carrying boxes'",
    ),
    ((normal("x", keywords=("boxes",)), anomaly(keywords=("Box",))), "error", "contradiction", "N1 calls normal"),
    (
        (anomaly(limit=speed(above=1)), anomaly(text="y", limit=speed(below=2))),
        "error",
        "fires-on-everything",
        "leave nothing normal",
    ),
    ((anomaly(any=(speed(above=1), speed(below=2))),), "error", "fires-on-everything", "leave nothing normal"),
    ((anomaly(all=(speed(above=2), speed(below=1))),), "error", "never-fires", "cannot be above 2 and below 1"),
    (
        (anomaly(text="Reaches into a press"), anomaly(text="reaching into the Presses")),
        "warning",
        "same-text",
        "same as A1",
    ),
    (
        (anomaly(keywords=("run", "box")), anomaly(text="y", keywords=("boxes", "running"))),
        "warning",
        "same-keywords",
        "as A1",
    ),
    ((anomaly(limit=speed(above=2)), anomaly(text="y", limit=speed(above=2))), "warning", "same-limit", "as A1"),
    ((anomaly(keywords=("run", "running")),), "note", "same-keyword", "'run' and 'running'"),
    ((anomaly(limit=speed(above=1, usual=1)),), "error", "fires-on-everything", "at or under the usual 1"),
    ((anomaly(limit=speed(below=3, usual=1)),), "error", "fires-on-everything", "at or over the usual 1"),
    ((anomaly(limit=banded((0, 120, 0.5))),), "error", "fires-on-everything", "in rows 0 to 120"),
    (
        (anomaly(keywords=("x",), false_alarms=FalseAlarms(count=60, of=100)),),
        "error",
        "fires-on-everything",
        "60 of 100",
    ),
    ((anomaly(keywords=("x",), false_alarms=FalseAlarms(count=9, of=100)),), "warning", "high-rate", "9.0%"),
    (
        (anomaly(keywords=("x",), false_alarms=FalseAlarms(count=2, of=100)),),
        "warning",
        "cannot-reach-limit",
        "2 of 100",
    ),
    (
        (anomaly(keywords=("x",), false_alarms=FalseAlarms(count=0, of=50)),),
        "warning",
        "cannot-reach-limit",
        "takes 99",
    ),
    ((anomaly(keywords=("person",)),), "error", "stop-word", "nearly every caption"),
    ((anomaly(keywords=("the people",)),), "error", "stop-word", "nearly every caption"),
    ((anomaly(keywords=("…",)),), "error", "empty-keyword", "no word"),
    ((anomaly(limit=Limit(measure="aspect", below=0)),), "error", "never-fires", "'aspect' is never below 0"),
    ((anomaly(limit=Limit(measure="speed", above=-1)),), "error", "fires-on-everything", "always above -1"),
    (
        (anomaly(keywords=("x",), where=Where(polygon=((0.1, 0.1), (0.5, 0.5), (0.9, 0.9)))),),
        "error",
        "empty-place",
        "no area",
    ),
    (
        (anomaly(limit=speed(above=2), where=Where(polygon=((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.8)))),),
        "warning",
        "crossed-place",
        "crosses itself",
    ),
    ((anomaly(keywords=("x",), where=Where(polygon=SQUARE)),), "warning", "place-without-objects", "captions"),
    ((anomaly(keywords=("x",), when="22:00-22:00"),), "error", "empty-hours", "22:00-22:00"),
    ((anomaly(keywords=("x",), when="22:00-06:00"),), "note", "needs-clock", "start of a video must be known"),
    ((anomaly(),), "note", "needs-model", "only a model"),
    ((anomaly(limit=Limit(measure="sped", above=2)),), "error", "unknown-measure", "'sped'"),
    ((anomaly(limit=Limit(measure="speed", above=2, unit="km/h")),), "error", "wrong-unit", "km/h"),
    ((anomaly(limit=Limit(measure="objects", above=2, unit="px")),), "error", "wrong-unit", "px"),
    (
        (anomaly(limit=Limit(measure="objects", above=2, per="row", table=((0, 1, 2),))),),
        "error",
        "frame-by-row",
        "whole frame",
    ),
    ((anomaly(keywords=("x",), false_alarms=None),), "note", "rule-not-calibrated", "r = 2"),
    ((anomaly(limit=banded((0, 120, 2), (100, 240, 2))),), "warning", "bands-overlap", "0 to 120 and 100 to 240"),
    ((anomaly(limit=banded((140, 240, 2), (0, 120, 2))),), "note", "bands-gap", "leave a gap"),
    ((anomaly(vocabulary=Vocabulary()),), "error", "never-fires", "no limit on it"),
    ((anomaly(limit=Limit(measure="unusual thing", above=2)),), "error", "never-fires", "no vocabulary"),
    ((normal("x", keywords=("y",)), anomaly(keywords=("z",))), "note", "normal-condition", "not matched"),
    ((normal("x"),), "warning", "no-anomaly-rule", "no anomaly rule"),
    ((), "warning", "no-rules", "no rules"),
]


@pytest.mark.parametrize(("rules", "severity", "code", "words"), DOUBTS)
def test_a_doubt_is_found(rules: tuple[Rule, ...], severity: str, code: str, words: str) -> None:
    found = [f for f in findings(*rules) if f.code == code]
    assert [f.severity for f in found] == [severity]
    assert words in found[0].message
    assert found[0].hint
    assert "\n" not in str(found[0])


def test_nothing_is_found_in_good_rules() -> None:
    rules = (
        normal("Carrying boxes to the ramp"),
        anomaly(keywords=("reach into", "climb")),
        anomaly(text="Much faster", limit=speed(above=2.4, usual=1.1)),
        anomaly(text="Much slower", limit=speed(below=0.1, usual=1.1)),
        anomaly(
            text="Faster on the ramp", limit=banded((0, 120, 2.1), (120, 240, 2.4, 1.2)), where=Where(polygon=SQUARE)
        ),
        anomaly(
            text="Odd words",
            vocabulary=Vocabulary(rates={"walk": 0.5}),
            limit=Limit(measure="unusual activity", above=1, usual=0),
        ),
        anomaly(text="Small and fast", all=(speed(above=2), Limit(measure="height", below=20, unit="px"))),
    )
    assert findings(*rules) == []


def test_a_keyword_of_a_person_is_meant_where_the_rule_has_hours() -> None:
    assert [f.code for f in findings(anomaly(keywords=("person",), when="22:00-06:00"))] == ["needs-clock"]


def test_the_nearest_measure_is_suggested() -> None:
    (found,) = findings(anomaly(limit=Limit(measure="acceleraton", above=2)))
    assert found.hint == "did you mean 'acceleration'?"


def test_an_assumed_frame_rate_is_said_where_a_limit_counts_seconds() -> None:
    unknown = Provenance(frame_rate_known=False)
    assert [f.code for f in findings(anomaly(limit=speed(above=2)), provenance=unknown)] == ["frame-rate-assumed"]
    assert findings(anomaly(limit=Limit(measure="aspect", above=2)), provenance=unknown) == []


def test_a_reference_too_small_for_the_level_is_said() -> None:
    rule = anomaly(limit=speed(above=2))
    assert [f.code for f in findings(rule, calibration=Calibration(frames=40, clips=3))] == ["few-frames", "few-clips"]
    assert [f.code for f in findings(rule, calibration=Calibration(alpha=0.25, frames=40, clips=3))] == []
    assert [f.code for f in findings(rule, calibration=None)] == ["not-calibrated"]


def test_bands_below_the_picture_are_said() -> None:
    found = findings(anomaly(limit=banded((400, 500, 2))), provenance=Provenance(picture=(640, 360)))
    assert [f.code for f in found] == ["bands-outside"]


def test_errors_come_first_and_scenes_are_named() -> None:
    from ruler.rules.model import Scene

    scene = Scene(
        rules=numbered((anomaly(when="22:00-06:00"), anomaly(text="z", keywords=("the",)))), calibration=CALIBRATED
    )
    found = lint(RuleSet(scenes={"north": scene}))
    assert [f.severity for f in found] == ["error", "note", "note"]
    assert {f.scene for f in found} == {"north"}
    assert str(found[0]).startswith("error: north A2: ")


def test_the_published_rules_are_no_errors(shared_data: Path) -> None:
    for path in sorted((shared_data / "rules").glob("rule_*.txt")):
        found = lint(import_anomalyruler(path))
        assert [str(f) for f in found if f.severity == "error"] == []
        assert {f.code for f in found} >= {"not-calibrated", "rule-not-calibrated"}


def test_the_area_of_a_polygon() -> None:
    assert area(SQUARE) == pytest.approx(0.64)
    assert area(SQUARE[::-1]) == pytest.approx(0.64)
    assert not crosses_itself(SQUARE)
    assert crosses_itself((SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]))


corner = st.tuples(st.floats(0, 1), st.floats(0, 1))


@given(st.tuples(corner, corner, corner), st.integers(0, 2))
def test_a_triangle_never_crosses_itself_and_turning_keeps_its_area(triangle: tuple[Any, Any, Any], turn: int) -> None:
    assert not crosses_itself(triangle)
    assert area(triangle[turn:] + triangle[:turn]) == pytest.approx(area(triangle), abs=1e-9)
