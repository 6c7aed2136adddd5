"""Label probabilities: a softmax over what could have stood at one place, wherever the tokens are split."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ruler.llm.base import Reply, Token
from ruler.llm.labels import label_probabilities

YES, NO = math.log(0.6), math.log(0.2)


def tokens(*texts: str, at: int, top: dict[str, float]) -> tuple[Token, ...]:
    """Tokens of a text, with alternatives for one of them."""
    return tuple(Token(t, top.get(t, -0.1), top) if i == at else Token(t, -0.1) for i, t in enumerate(texts))


def reply(*texts: str, at: int, top: dict[str, float]) -> Reply:
    return Reply("".join(texts), tokens=tokens(*texts, at=at, top=top))


@pytest.mark.parametrize(
    ("texts", "at", "top"),
    [
        (('{"', "anomalous", '":', ' "', "yes", '"}'), 4, {"yes": YES, "no": NO}),
        (('{"anomalous"', ":", ' "yes', '"}'), 2, {' "yes': YES, ' "no': NO}),
        (('{"anomalous"', ":", '"yes"', "}"), 2, {'"yes"': YES, '"no"': NO}),
        (('{"anomalous', '":"', "yes", '"}'), 2, {"yes": YES, "no": NO}),
        (('{"anomalous', '":"yes', '"}'), 1, {'":"yes': YES, '":"no': NO}),
        (('{"anomalous": "', "y", "es", '"}'), 1, {"y": YES, "n": NO}),
        (('{"anomalous": "', "Yes", '"}'), 1, {"Yes": YES, "NO": NO}),
        (('{"anomalous": "', "yes", '"}'), 1, {"yes": YES, " no": NO}),
        (
            ('{"anomalous": "', "yes", '"}'),
            1,
            {"yes": math.log(0.4), "Yes": math.log(0.15), "y": math.log(0.05), "no": NO},
        ),
        (('{"anomalous"\n', ' : \t"', " yes", '"}'), 2, {" yes": YES, " no": NO}),
        # Only the likeliest others are listed, not the token itself.
        (('{"anomalous": "', "yes", '"}'), 1, {"no": NO}),
    ],
)
def test_the_token_where_the_value_begins_decides(texts, at, top):
    given_reply = reply(*texts, at=at, top=top)
    if len(top) == 1:
        first, chosen, last = given_reply.tokens or ()
        given_reply = Reply(given_reply.text, tokens=(first, Token(chosen.text, YES, chosen.top), last))
    found = label_probabilities(given_reply, "anomalous", ("yes", "no"))
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


@pytest.mark.parametrize("other", ["maybe", '"', "", "  ", "}", "yesterday", "n/a", "\u200b"])
def test_what_begins_no_label_counts_for_none(other):
    found = label_probabilities(
        reply('{"a": "', "yes", '"}', at=1, top={"yes": YES, "no": NO, other: -0.3}), "a", ("yes", "no")
    )
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


def test_a_token_that_begins_several_labels_counts_for_none():
    top = {"normal": YES, "no": -0.1, "n": -0.1, 'no"': NO, "unsure": -math.inf}
    found = label_probabilities(reply('{"a": "', "normal", '"}', at=1, top=top), "a", ("normal", "no", "unsure"))
    # `no` alone may go on to `normal`; with the closing quote it does not.
    assert found == pytest.approx({"normal": 0.75, "no": 0.25, "unsure": 0.0})


def test_the_last_value_of_the_field_is_meant():
    texts = ('{"anomalous": "', "no", '", "x": {"anomalous": "', "yes", '"}}')
    made = tuple(Token(t, -0.1, {"yes": YES, "no": NO} if t == "yes" else {"no": -0.01}) for t in texts)
    found = label_probabilities(Reply("".join(texts), tokens=made), "anomalous", ("yes", "no"))
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


def test_words_within_a_string_are_no_field():
    inner = json.dumps('the sign says "anomalous": "no"')
    texts = ('{"rationale": ', inner, ', "anomalous": "', "yes", '"}')
    made = tuple(Token(t, -0.1, {"yes": YES, "no": NO} if t == "yes" else {"no": -0.01}) for t in texts)
    found = label_probabilities(Reply("".join(texts), tokens=made), "anomalous", ("yes", "no"))
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


def test_a_quoted_field_after_the_value_is_no_field():
    texts = ('{"anomalous": "', "yes", '", "rationale": ', json.dumps('not "anomalous": "no"'), "}")
    made = tuple(Token(t, -0.1, {"yes": YES, "no": NO} if t == "yes" else {}) for t in texts)
    found = label_probabilities(Reply("".join(texts), tokens=made), "anomalous", ("yes", "no"))
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


def test_thoughts_before_and_marks_after_the_text_do_not_matter():
    texts = ("<think>", '{"a": "no"}?', "</think>", "\n\n", '{"a": "', "yes", '"}', "<|im_end|>")
    made = tokens(*texts, at=5, top={"yes": YES, "no": NO})
    found = label_probabilities(Reply('{"a": "yes"}', tokens=made), "a", ("yes", "no"))
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


def test_the_same_words_in_a_thought_are_not_the_answer():
    pieces = ('{"a": "', "yes", '"}')
    thought = tokens(*pieces, at=1, top={"yes": NO, "no": YES})
    answer = tokens(*pieces, at=1, top={"yes": YES, "no": NO})
    found = label_probabilities(Reply('{"a": "yes"}', tokens=thought + answer), "a", ("yes", "no"))
    assert found == pytest.approx({"yes": 0.75, "no": 0.25})


def test_a_certain_token_above_certainty_is_certain():
    found = label_probabilities(reply('{"a": "', "yes", '"}', at=1, top={"yes": 1e3}), "a", ("yes", "no"))
    assert found == {"yes": 1.0, "no": 0.0}


@pytest.mark.parametrize(
    "given_reply",
    [
        Reply('{"a": "yes"}'),
        Reply('{"a": "yes"}', tokens=()),
        Reply('{"a": "yes"}', tokens=tokens('{"a": "', "no", '"}', at=1, top={"yes": YES, "no": NO})),
        Reply("", tokens=tokens('{"a": "', "yes", '"}', at=1, top={"yes": YES})),
        reply('{"b": "', "yes", '"}', at=1, top={"yes": YES, "no": NO}),
        reply('{"a": ', "true", "}", at=1, top={"yes": YES, "true": NO}),
        reply('{"a": "', "perhaps", '"}', at=1, top={"perhaps": YES, "maybe": NO}),
        reply('{"a": "', "yes", '"}', at=1, top={"yes": -9999.0, "no": -9999.0}),
        reply('{"a": "', at=0, top={"yes": YES}),
    ],
    ids=["none", "empty", "others", "no text", "other field", "no string", "no label", "no mass", "cut off"],
)
def test_without_anything_to_go_by_there_is_no_answer(given_reply):
    assert label_probabilities(given_reply, "a", ("yes", "no")) is None


LABELS = ("certain", "likely", "open", "unlikely")
logprobs = st.floats(-30, 0)
tops = st.fixed_dictionaries(dict.fromkeys(LABELS, logprobs))


def split(text: str, places: set[int]) -> list[str]:
    edges = [0, *sorted(p for p in places if 0 < p < len(text)), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@given(
    tops,
    st.sampled_from(LABELS),
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.sets(st.integers(0, 120)),
    st.sampled_from([None, 1]),
)
def test_equals_a_softmax_wherever_tokens_are_split_before(top, chosen, words, places, indent):
    text = json.dumps({"rationale": words, "level": chosen, "end": 1}, indent=indent, ensure_ascii=False)
    place = text.index('"level": "') + len('"level": "')
    pieces = [Token(t, -0.5, {"open": -0.1}) for t in split(text[:place], places)]
    rest = [Token(t, -0.5, {"open": -0.1}) for t in split(text[place + len(chosen) :], places)]
    made = (*pieces, Token(chosen, top[chosen], top), *rest)
    found = label_probabilities(Reply(text, tokens=made), "level", LABELS)
    assert found is not None
    total = sum(math.exp(v) for v in top.values())
    for label in LABELS:
        assert found[label] == pytest.approx(math.exp(top[label]) / total)
    assert math.fsum(found.values()) == pytest.approx(1)


@given(tops, st.sampled_from(LABELS), st.integers(1, 12))
def test_equals_a_softmax_where_the_label_is_merged_with_what_is_before(top, chosen, merged):
    text = f'{{"level": "{chosen}"}}'
    place = text.index(f'"{chosen}') + 1
    start = max(place - merged, 0)
    before = text[start:place]
    likely = {before + label: value for label, value in top.items()}
    made = (Token(text[:start], -0.5), Token(before + chosen, top[chosen], likely), Token('"}', -0.5))
    found = label_probabilities(Reply(text, tokens=made), "level", LABELS)
    total = sum(math.exp(v) for v in top.values())
    assert found == pytest.approx({label: math.exp(value) / total for label, value in top.items()})


@given(st.dictionaries(st.text(max_size=6), st.floats(-1e4, 1e-9), max_size=8), st.sampled_from(["yes", "no"]))
def test_any_alternatives_give_probabilities_or_none(top, chosen):
    assume(all(math.isfinite(v) for v in top.values()))
    made = (Token('{"a": "', -0.1), Token(chosen, -5.0, top), Token('"}', -0.1))
    found = label_probabilities(Reply(f'{{"a": "{chosen}"}}', tokens=made), "a", ("yes", "no"))
    assert found is None or (
        math.fsum(found.values()) == pytest.approx(1) and all(0 <= part <= 1 for part in found.values())
    )
