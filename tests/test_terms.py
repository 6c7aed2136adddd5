"""Terms of captions: what is said of people and things, in one form, and nothing of what is denied."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.terms import caption_terms, quote_term


def activities(caption: str) -> set[str]:
    return set(caption_terms(caption).activities)


def things(caption: str) -> set[str]:
    return set(caption_terms(caption).things)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("The first person is walking.", {"walking"}),
        ("One person is walking towards the left, and another is standing near a tree.", {"walking", "standing"}),
        ("The second person is standing and looking down.", {"standing", "looking"}),
        ("The third person appears to be walking slowly.", {"walking"}),
        ("They are possibly waiting or talking on a phone.", {"waiting", "talking"}),
        ("A man is riding a blue bicycle on the road.", {"riding bicycle"}),
        ("Two people are riding bicycles.", {"riding bicycle"}),
        ("A woman pushing a stroller, walking slowly.", {"pushing stroller", "walking"}),
        ("The person is also walking straight, a bit further away.", {"walking"}),
        ("The person is entering the building.", {"entering"}),
        ("A person in a red jacket standing near the door.", {"standing"}),
        ("He is wearing a blue uniform and is holding their hands up.", {"holding"}),
        ("The fourth person is on a ladder.", {"on ladder"}),
        ("The fourth person is on the right.", set()),
        ("A man walks down the street. A child carries a box. She sits.", {"walking", "carrying box", "sitting"}),
        ("Starting from the left, the first person is sitting.", {"sitting"}),
        ("One person is walking, with one of them holding a cup.", {"walking", "holding cup"}),
        ("The person is in motion, possibly jumping.", {"jumping"}),
        ("There is a building with a railing and a zebra crossing.", set()),
    ],
)
def test_activities(caption, expected):
    assert activities(caption) == expected


@pytest.mark.parametrize(
    "caption",
    [
        "No one is walking.",
        "Nobody is sitting or standing.",
        "There are no people walking in the image.",
        "The person is not running.",
        "The man isn't waiting.",
        "None of them are talking.",
    ],
)
def test_what_is_denied_is_no_activity(caption):
    assert activities(caption) == set()


def test_a_denial_ends_with_its_clause():
    assert activities("The first person is not walking, the second person is sitting.") == {"sitting"}
    assert activities("The person is not walking but standing.") == {"standing"}


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (
            "Other than people, there are trees, a trash bin, and two manhole covers visible in the image.",
            {"tree", "bin", "cover"},
        ),
        ("Apart from the people, there is a red car parked near some benches.", {"car"}),
        (
            "There are no people visible in the image. The other elements include a white van and leaves.",
            {"van", "leaf"},
        ),
        ("Other than people, there are no cars, trucks or benches, but a fence.", {"fence"}),
        ("Other than people, there are no cars and a bench.", {"bench"}),
        ("The person is walking with a black bag.", {"bag"}),
        ("The person is walking without a bag.", set()),
        ("The man is carrying two boxes.", {"box"}),
        ("The person is walking with a hand on his hip.", set()),
        ("The person is walking with another person.", set()),
        ("There are five people in the image.", set()),
        ("On the right, there's a building.", {"building"}),
    ],
)
def test_things(caption, expected):
    assert things(caption) == expected


def test_people_and_the_rest_are_kept_apart():
    found = caption_terms(
        "Two people are walking. Other than people, there is a man-sized statue standing near a tree."
    )
    assert found.activities == {"walking"}
    assert found.things == {"statue"}


@pytest.mark.parametrize("caption", ["", "   ", "...", "，。", "\x00\n\n", "walking", "Un homme marche.", "12 34"])
def test_text_without_terms(caption):
    found = caption_terms(caption)
    assert found.activities == found.things == frozenset()


WORDS = st.sampled_from(
    ["a", "the", "man", "people", "is", "are", "walking,", "riding", "not", "no", "horse", "'s", "with"]
)
MORE = st.sampled_from(["and", "in", "on", "İ", "ß", ".", ";", "carrying", "there", "while", "Other than people"])


@given(st.one_of(st.text(), st.lists(WORDS | MORE, max_size=30).map(" ".join)))
def test_every_term_has_its_words_in_the_caption(caption):
    found = caption_terms(caption)
    for term in found.activities | found.things:
        quote = quote_term(caption, term)
        assert quote
        assert quote in caption


def test_quotes_are_verbatim():
    caption = "İt is here. The Man is Riding a blue BICYCLE near two Trees. One is walking."
    assert caption_terms(caption).activities == {"riding bicycle", "walking"}
    assert quote_term(caption, "riding bicycle") == "Riding a blue BICYCLE"
    assert quote_term(caption, "bicycle") == "BICYCLE"
    assert quote_term(caption, "walking") == "walking"
    assert quote_term(caption, "tree") is None


@pytest.mark.parametrize("piece", ["image ", "is walking ", "no ", "people, ", "slowly ", "'", "there is a "])
def test_a_hostile_caption_takes_no_more_than_its_length(piece):
    started = time.process_time()
    caption_terms(piece * (300_000 // len(piece)))
    # Quadratic work on this text would take minutes.
    assert time.process_time() - started < 20
