"""What holds of any keyword and any caption."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.rules.inflection import inflections
from ruler.rules.words import compile_keywords, find

words = st.text(string.ascii_letters, min_size=1, max_size=9)
captions = st.lists(
    st.sampled_from(
        [
            "a",
            "the",
            "man",
            "person",
            "people",
            "no",
            "not",
            "is",
            "are",
            "running",
            "runs",
            "cart",
            "bicycle",
            "bicycles",
            "parked",
            "with",
            "without",
            "and",
            ",",
            ".",
            "but",
            "other",
            "than",
            "sign",
            "of",
            "pushing",
            "large",
            "there",
            "visible",
            "while",
            ";",
            "riding",
            "ran",
            "who",
        ]
    ),
    max_size=25,
).map(" ".join)
keywords = st.sampled_from(
    ["run", "cart", "bicycle", "push cart", "parked bicycle", "riding", "person", "no cart", "cart (any)"]
)


@given(keywords, st.one_of(captions, st.text(max_size=60)))
def test_a_quote_is_always_part_of_the_caption(keyword: str, caption: str) -> None:
    for mention in find(keyword, caption):
        assert 0 <= mention.start < mention.end <= len(caption)
        assert mention.quote in caption
        assert caption[mention.start : mention.end] in mention.quote


@given(st.text(max_size=12), st.text(max_size=40))
def test_any_keyword_and_any_caption_can_be_read(keyword: str, caption: str) -> None:
    for mention in find(keyword, caption + " " + keyword):
        assert mention.quote in caption + " " + keyword


@given(keywords, captions, captions)
def test_a_sentence_more_never_takes_a_match_away(keyword: str, caption: str, more: str) -> None:
    before = [(m.start, m.end) for m in compile_keywords([keyword]).search(caption + ".")]
    after = [(m.start, m.end) for m in compile_keywords([keyword]).search(caption + ". " + more)]
    assert after[: len(before)] == before


@pytest.mark.parametrize(
    "more", [", and a tree is visible", ", while another person waits", ", but no car is there", " and the sky is grey"]
)
@given(keywords, captions)
def test_a_clause_more_never_takes_a_match_away(more: str, keyword: str, caption: str) -> None:
    before = {(m.start, m.end) for m in compile_keywords([keyword]).search(caption)}
    assert before <= {(m.start, m.end) for m in compile_keywords([keyword]).search(caption + more)}


@given(keywords, captions)
def test_case_does_not_matter(keyword: str, caption: str) -> None:
    spans = [
        [(m.start, m.end, m.negated, m.state) for m in find(k, c)]
        for k in (keyword, keyword.upper())
        for c in (caption, caption.upper())
    ]
    assert all(s == spans[0] for s in spans)


@given(st.lists(words, max_size=12), words)
def test_unrelated_words_do_not_match(others: list[str], keyword: str) -> None:
    caption = " ".join(w for w in others if w.lower() not in inflections(keyword))
    assert find(keyword, caption) == []


@given(st.lists(keywords, min_size=1, max_size=5, unique=True), captions)
def test_many_keywords_find_what_each_finds_alone(many: list[str], caption: str) -> None:
    together = compile_keywords(many).mentions(caption)
    alone = [m for k in many for m in find(k, caption)]
    assert sorted(together, key=lambda m: (m.start, m.end, m.keyword)) == sorted(
        alone, key=lambda m: (m.start, m.end, m.keyword)
    )
