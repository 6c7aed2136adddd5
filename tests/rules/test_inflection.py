from __future__ import annotations

import pytest

from ruler.rules.inflection import base_forms, inflections, is_activity


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("run", "run runs running ran"),
        ("riding", "ride rides riding rode ridden"),
        ("carried", "carry carries carrying carried"),
        ("people", "person persons people"),
        ("knives", "knife knives"),
        ("policeman", "policeman policemen"),
        ("crossing", "crossing crossed"),
        ("overtook", "overtake overtakes overtaking overtook overtaken"),
        ("planning", "plan plans planned planning"),
        ("agree", "agree agrees agreed agreeing"),
    ],
)
def test_inflections_hold_the_forms_of_a_word(word: str, forms: str) -> None:
    assert set(forms.split()) <= inflections(word)


def test_things_have_no_verb_forms_and_activities_no_things() -> None:
    assert inflections("watch") == {"watch", "watches"}
    assert inflections("watching") == {"watching", "watched"}
    assert not is_activity("watch")
    assert is_activity("watching")
    assert "plan" in base_forms("planned")
