from __future__ import annotations

import pytest

from ruler.rules.model import Calibration, FalseAlarms, Limit, Rule, RuleSet, Scene, Support, Where, numbered
from ruler.rules.show import condition_in_words, limit_in_words, show_rules

SPEED = Limit(measure="speed", above=2.4, usual=1.1, unit="body heights/s", per="row", table=((0, 120, 2.1),))
RULES = numbered(
    (
        Rule(kind="normal", text="Carrying boxes", support=Support(votes=9, of=10)),
        Rule(kind="anomaly", text="Faster", limit=SPEED, false_alarms=FalseAlarms(count=24, of=11840, by="object")),
        Rule(kind="anomaly", text="Odd behaviour"),
    )
)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (SPEED, "speed above 2.4 body heights/s (usual 1.1), per row"),
        (Limit(measure="aspect", below=0.25), "aspect below 0.25"),
        (Limit(measure="area", above=12345.6, unit="px²"), "area above 12,346 px²"),
        (Limit(measure="direction", above=90, unit="°"), "direction above 90°"),
    ],
)
def test_a_limit_in_words(limit: Limit, words: str) -> None:
    assert limit_in_words(limit) == words


def test_a_condition_in_words() -> None:
    slow = Limit(measure="speed", below=0.1)
    place = Where(name="ramp", polygon=((0, 0), (1, 0), (1, 1)))
    rule = Rule(
        kind="anomaly",
        text="x",
        all=(slow, Limit(measure="dwell", above=60, unit="s")),
        where=place,
        when="22:00-06:00",
    )
    assert condition_in_words(rule) == "speed below 0.1 and dwell above 60 s, in ramp, 22:00 to 06:00"
    assert condition_in_words(Rule(kind="anomaly", text="x", any=(slow,), keywords=("sit", "reach into"))) == (
        "speed below 0.1; or the caption speaks of 'sit', 'reach into'"
    )
    assert condition_in_words(Rule(kind="anomaly", text="x")) == ""


def test_the_table_holds_what_a_person_asks_for() -> None:
    shown = show_rules(RuleSet(scene="Dock", rules=RULES, calibration=Calibration(frames=11840, clips=12)), width=160)
    lines = shown.splitlines()
    assert lines[0] == "Dock"
    assert lines[1] == "level 0.01 per rule, measured on 11,840 frames, 12 clips"
    assert lines[2].split() == ["id", "kind", "text", "fires", "where", "support", "false", "alarms"]
    for cells in (
        ("N1", "Carrying boxes", "9 of 10"),
        ("A1", "speed above 2.4", "24 of 11,840 objects"),
        ("A2", "a model says so", "not counted"),
    ):
        assert any(all(cell in line for cell in cells) for line in lines)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_narrow_terminal_wraps_and_loses_nothing(width: int) -> None:
    shown = show_rules(RuleSet(rules=RULES), width=width)
    assert max(map(len, shown.splitlines())) <= width
    letters = "".join(shown.split())
    assert all(part in letters for part in ("Carrying", "boxes", "Faster", "11,840"))


def test_colours_only_where_asked_for_and_control_characters_never() -> None:
    rules = RuleSet(rules=numbered((Rule(kind="anomaly", text="evil \x1b[31mred\x07 [bold]x[/bold]"),)))
    assert "\x1b" not in show_rules(rules)
    assert "[bold]x[/bold]" in show_rules(rules, width=200)
    assert "\x1b[31m" not in show_rules(rules, color=True)
    assert "\x1b[1m" in show_rules(rules, color=True)
    assert "\x07" not in show_rules(rules, color=True)


def test_every_scene_is_shown_and_no_rules_are_said() -> None:
    shown = show_rules(RuleSet(scenes={"north": Scene(rules=RULES), "south": Scene(scene="South gate")}))
    assert "north" in shown
    assert "South gate\nno rules" in shown
    assert show_rules(RuleSet()) == "no rules\n"
