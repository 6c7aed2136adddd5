"""What makes two captions alike, so that one outcome serves both: people, activities, and the things that matter."""

import pytest

from ruler.deduction.alike import gist, usual_things
from ruler.deduction.judge import judge
from ruler.deduction.recheck import RecheckOptions, find_cases
from ruler.rules.model import Rule
from ruler.schema import Observation

RULES = [
    Rule(id="N1", kind="normal", text="Surroundings: trees, benches, parked carts"),
    Rule(id="A1", kind="anomaly", text="Vehicles on the path: a cart among people", keywords=("driving cart",)),
]
TOLD = "There are {} people. All are walking. Other than people, there are {}."


def alike(one, other, seconds=0.5):
    seen = [Observation(0, 0.0, one), Observation(1, seconds, other)]
    judgement = judge(seen, RULES)
    return len(find_cases(judgement, {0: one, 1: other}, RULES, options=RecheckOptions(reuse=True))) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("one", "two", False),
        ("two", "three", False),
        ("three", "four", False),
        ("four", "five", True),
        ("five", "six", False),
        ("six", "11", True),
        ("2", "two", True),
        ("no", "one", False),
        ("several", "three", False),
    ],
)
def test_a_small_number_of_people_matters_a_large_one_roughly(one, other, same):
    assert alike(TOLD.format(one, "signs"), TOLD.format(other, "signs")) is same


def test_what_only_normal_rules_name_decides_nothing():
    assert usual_things(RULES) >= {"tree", "bench"}
    assert "cart" not in usual_things(RULES)
    assert alike(TOLD.format("two", "trees and a sign"), TOLD.format("two", "a sign and a bench"))
    assert not alike(TOLD.format("two", "trees and a cart"), TOLD.format("two", "trees"))
    assert not alike(TOLD.format("two", "trees and a balloon"), TOLD.format("two", "trees"))


def test_other_activities_and_more_than_a_second_are_another_question():
    caption = TOLD.format("two", "trees")
    assert not alike(caption, caption.replace("walking", "kneeling"))
    assert alike(caption, TOLD.format("two", "benches"), 1.0)
    assert not alike(caption, TOLD.format("two", "benches"), 1.1)


def test_without_usual_things_all_count():
    assert gist(TOLD.format("two", "trees")).things == {"tree"}
    assert gist("Nobody knows.").people == ""
