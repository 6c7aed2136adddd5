from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ruler.rules.diff import FieldChange, diff_rules
from ruler.rules.io import parse_rules
from ruler.rules.model import Calibration, FalseAlarms, Limit, Rule, RuleSet, Scene, numbered


def rule(text: str, **fields: Any) -> Rule:
    return Rule(**{"kind": "anomaly", "text": text, **fields})


def rules(*given: Rule, **fields: Any) -> RuleSet:
    return RuleSet(rules=numbered(given), **fields)


FASTER = rule("Moving much faster than usual", limit=Limit(measure="speed", above=2.4, unit="body heights/s"))
PRESS = rule("Reaching behind the guard of the press", keywords=("reach behind", "reach into"))
DOOR = rule("Opening the emergency door")


def test_order_and_comments_do_not_count() -> None:
    one = parse_rules(
        "# a\nrules:\n- {id: A1, kind: anomaly, text: a, keywords: [x, y]}\n- {id: A2, kind: anomaly, text: b}\n"
    )
    two = parse_rules(
        "rules: # b\n- {id: A2, kind: anomaly, text: b}\n- {id: A1, keywords: [y, x], text: a, kind: anomaly}\n"
    )
    found = diff_rules(one, two)
    assert not found
    assert str(found) == "no difference"


def test_a_number_is_shown_with_its_relative_change() -> None:
    after = FASTER.model_copy(update={"limit": Limit(measure="speed", above=2.7, unit="body heights/s")})
    found = diff_rules(rules(FASTER), rules(after))
    assert [str(c) for c in found.changed[0].changes] == ["limit.above: 2.4 → 2.7 (+12.5 %)"]
    assert str(found) == "~ A1 Moving much faster than usual\n    limit.above: 2.4 → 2.7 (+12.5 %)"


def test_added_and_removed_rules_are_told() -> None:
    found = diff_rules(rules(FASTER, PRESS), rules(FASTER, DOOR.model_copy(update={"id": "A7"})))
    assert [r.text for r in found.added] == [DOOR.text]
    assert [r.text for r in found.removed] == [PRESS.text]
    assert not found.changed
    assert "− A2 anomaly: Reaching behind the guard of the press – the caption speaks of 'reach behind'" in str(found)
    assert "+ A7 anomaly: Opening the emergency door" in str(found)


def test_a_rule_put_in_at_the_top_shifts_no_other() -> None:
    found = diff_rules(rules(FASTER, PRESS), rules(DOOR, FASTER, PRESS))
    assert [r.text for r in found.added] == [DOOR.text]
    assert not found.removed
    assert [(c.was, c.id, [f.field for f in c.changes]) for c in found.changed] == [
        ("A1", "A2", ["id"]),
        ("A2", "A3", ["id"]),
    ]


def test_a_reworded_rule_is_the_same_one() -> None:
    found = diff_rules(
        rules(PRESS), rules(PRESS.model_copy(update={"text": "Reaching far behind the guard of a press", "id": "A9"}))
    )
    assert not found.added and not found.removed
    assert found.changed[0].reworded
    assert (found.changed[0].was, found.changed[0].id) == ("A1", "A9")


def test_keywords_bands_counts_and_conditions_are_told_apart() -> None:
    before = rule("a", keywords=("x", "y"), false_alarms=FalseAlarms(count=4, of=100))
    banded = Limit(measure="speed", above=2, per="row", table=((0, 120, 2.0), (120, 240, 3.0)))
    after = rule("a", keywords=("y", "z"), false_alarms=FalseAlarms(count=5, of=100), limit=banded)
    changes = {c.field: str(c) for c in diff_rules(rules(before), rules(after)).changed[0].changes}
    assert changes["keywords"] == "keywords: − 'x', + 'z'"
    assert changes["false_alarms.count"] == "false_alarms.count: 4 → 5 (+25 %)"
    assert changes["limit.table[120 to 240]"] == "limit.table[120 to 240]: added 3"


def test_what_stands_beside_the_rules() -> None:
    found = diff_rules(
        rules(scene="Dock", calibration=Calibration(scale=2)), rules(scene="Ramp", calibration=Calibration(scale=3))
    )
    assert {c.field for c in found.file} == {"scene", "calibration.scale"}


def test_scenes_are_compared_by_name() -> None:
    one = RuleSet(scenes={"north": Scene(rules=numbered((FASTER,))), "south": Scene()})
    two = RuleSet(scenes={"north": Scene(rules=numbered((FASTER, DOOR))), "west": Scene()})
    found = diff_rules(one, two)
    assert (found.added_scenes, found.removed_scenes, list(found.scenes)) == (("west",), ("south",), ["north"])
    assert "scene north\n  + A2 anomaly: Opening the emergency door" in str(found)
    assert found.to_dict()["scenes"]["north"]["added"][0]["text"] == DOOR.text


def test_no_relative_change_of_what_is_no_number() -> None:
    assert FieldChange("x", True, False).relative is None
    assert FieldChange("x", 0, 1).relative is None
    assert FieldChange("x", -2, -1).relative == 0.5


texts = st.sampled_from(
    ["Reaching behind the guard", "Reaching behind a guard", "Opening doors", "Running", "Moving much faster", "Lying"]
)
some = st.lists(
    st.builds(
        rule,
        texts,
        kind=st.sampled_from(["normal", "anomaly"]),
        keywords=st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
        limit=st.none() | st.builds(Limit, measure=st.just("speed"), above=st.floats(0.5, 3)),
    ),
    max_size=5,
).map(lambda r: rules(*r))


@given(some, some)
def test_what_one_side_gains_the_other_loses(one: RuleSet, two: RuleSet) -> None:
    forth, back = diff_rules(one, two), diff_rules(two, one)
    assert len(forth.added) == len(back.removed)
    assert len(forth.removed) == len(back.added)
    assert len(one.rules) - len(forth.removed) == len(two.rules) - len(forth.added)
    json.dumps(forth.to_dict())
    assert bool(forth) == (str(forth) != "no difference")


@given(some)
def test_rules_do_not_differ_from_themselves_in_any_order(one: RuleSet) -> None:
    assert not diff_rules(one, one)
    assert not diff_rules(one, one.model_copy(update={"rules": one.rules[::-1]}))
