"""The doctor's eyes: what is drawn can be seen, what is said is read, and the blind are told from the seeing."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruler.deduction import reason
from ruler.errors import BudgetError, ModelError
from ruler.llm.doctor import refuse_blind, sees_pictures
from ruler.llm.doctor.answers import number, things, told, verbatim, yes
from ruler.llm.doctor.cases import cases
from ruler.llm.doctor.pictures import draw, lone_shapes, scattered
from ruler.llm.doctor.sight import blind_by
from ruler.llm.doctor.speed import RECHECK_TOKENS
from ruler.llm.doctor.text_probes import Recheck
from ruler.llm.prompts import Prompts
from ruler.llm.structured import schema_of
from tests.llm.doctor_models import Patient, Seen, always, blind_eyes, client_of, look, probed

PROMPTS = Prompts()


def sees(patient, seed=0):
    return asyncio.run(sees_pictures(client_of(patient), PROMPTS, seed))


# What is drawn


@settings(max_examples=40)
@given(st.integers(0, 12), st.integers(0, 10_000), st.integers(205, 240))
def test_what_is_drawn_can_be_seen(count, seed, ground):
    shapes = scattered(count, random.Random(seed))
    seen = look(draw(shapes, ground).data)
    assert sorted((s.colour, s.kind) for s in seen) == sorted((s.colour, s.kind) for s in shapes)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_lone_shapes_share_neither_colour_nor_kind_and_stand_in_both_halves(seed):
    shapes = lone_shapes(4, seed)
    assert len({s.colour for s in shapes}) == len({s.kind for s in shapes}) == 4
    assert sorted(s.half for s in shapes) == ["left", "left", "right", "right"]
    assert [look(draw([s]).data) for s in shapes] == [[Seen(s.colour, s.kind, s.half)] for s in shapes]


def test_a_seed_draws_the_same_and_another_one_draws_something_else():
    assert [draw([s]).digest for s in lone_shapes(2, 3)] == [draw([s]).digest for s in lone_shapes(2, 3)]
    assert len({draw([lone_shapes(2, seed)[0]]).digest for seed in range(20)}) == 20


@given(st.integers(0, 1000))
def test_whoever_repeats_the_finding_or_says_the_same_to_all_cases_does_not_pass(seed):
    asked = cases(6, seed)
    assert sum(case.anomalous for case in asked) == 3
    assert sum(case.finding.startswith("anomalous") == case.anomalous for case in asked) == 2


# What is read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("There are three shapes.", 3),
        ("**4**", 4),
        ("I count 2 red circles and 1 star: 3 shapes", 3),
        ("<think>1, 2, 3, 4</think>\n4", 4),
        ("2 or 3", None),
        ("many", None),
        ("", None),
    ],
)
def test_numbers(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes.", True),
        ("no", False),
        ("There is no bench, so no.", False),
        ("No, yes is wrong", False),
        ("Perhaps", None),
    ],
)
def test_yes_and_no(text, value):
    assert yes(text) is value


def test_an_answer_is_read_without_its_thoughts():
    answer = told("<think>red? blue? a square?</think> A **green** star in the left half")
    assert (answer.colour, answer.kind, answer.half, answer.denied) == ("green", "star", "left", False)
    assert told("a red and blue circle").colour is None


def test_things_that_are_denied_or_compared_with_are_not_named():
    assert things("A bench stands under a tree. There is no dog and no umbrella.") == ["bench", "tree"]
    assert things("A yellow circle that looks like a cloud, and a triangle; there aren't any people") == []


@given(st.text(alphabet="aB ,.“'\"é-", max_size=12), st.text(alphabet="aB ,.“'\"é-\n", max_size=40))
def test_quotes_are_held_against_a_caption_as_deduction_does_it(quote, caption):
    assert verbatim(quote, caption) == (reason.quoted(quote, caption) is not None)


def test_rechecks_are_asked_for_as_deduction_does_it():
    assert schema_of(Recheck).content == schema_of(reason.Reasoning).content
    assert RECHECK_TOKENS == reason.TOKENS


# The cheap check before captioning


def test_the_cheap_check_takes_two_calls():
    patient = Patient()
    assert sees(patient) is True
    assert len(patient.requests) == 2
    assert {sees(Patient(), seed) for seed in range(20)} == {True}
    assert {sees(Patient(eyes=blind_eyes), seed) for seed in range(20)} == {False}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("I'm sorry, but I cannot see any image.", False),
        ("As a text-based model I can’t view pictures. Please upload the image.", False),
        ("There is no image attached.", False),
        ("red, orange, yellow, green, blue or purple", False),
        ("", None),
    ],
)
def test_one_answer_for_all_pictures(answer, verdict):
    assert sees(Patient(replace=always("doctor_look", answer))) is verdict


def test_denials_in_different_words_are_denials():
    said = iter(["I can't see the picture you mention.", "No image was provided, so I cannot tell."])
    assert sees(Patient(replace=lambda name, reply: next(said))) is False


def test_answers_that_say_nothing_of_shapes_are_inconclusive():
    said = iter(["Rotes Dreieck, links", "Blauer Kreis, rechts"])
    assert sees(Patient(replace=lambda name, reply: next(said))) is None


@pytest.mark.parametrize(
    "said",
    [
        "this model does not support image input",
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        "m is not a multimodal model",
        "Invalid content type. image_url is only supported by certain models.",
        "No endpoints found that support image input",
        "messages[0]: unknown variant `image_url`, expected `text`",
        "messages[0].content must be a string",
        "At most 0 image(s) may be provided in one prompt.",
        "Model do not support image input.",
        "this model is missing data required for image input",
        "Model does not support images. Please use a model that does.",
    ],
)
def test_a_server_that_says_that_the_model_takes_no_pictures(said):
    patient = Patient(refuse=lambda request: ModelError(f"cannot do what was asked (400: {said})", kind="request"))
    assert sees(patient) is False
    assert len(patient.requests) == 1
    assert probed("sees pictures", patient).passed is False


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("request", "422: Image size must be at least 1024 pixels"),
        ("request", "You uploaded an unsupported image. Please use one of these formats: png, webp"),
        ("request", "does not support images larger than 256 pixels"),
        ("request", "does not support image inputs larger than 1 MB"),
        ("request", "does not support image format JPEG"),
        ("request", "image_url is only supported in base64"),
        ("request", "context too long"),
        ("failed", "could not decode image"),
        ("unreachable", "does not support image input"),
        ("refused", "no key"),
    ],
)
def test_other_errors_say_nothing_about_sight(kind, said):
    error = ModelError(said, kind=kind)
    assert blind_by(error) is None
    assert sees(Patient(refuse=lambda request: error)) is None
    assert asyncio.run(refuse_blind(client_of(Patient(refuse=lambda request: error)), PROMPTS)) is None


def test_a_blind_model_is_refused_with_a_way_out():
    with pytest.raises(ModelError, match="does not see pictures: it gave the same answer to two") as caught:
        asyncio.run(refuse_blind(client_of(Patient(eyes=blind_eyes)), PROMPTS))
    assert (caught.value.kind, caught.value.exit_code, caught.value.where) == ("request", 4, "vllm:patient")
    assert "give --vlm a model that takes pictures; `ruler doctor vllm:patient` shows more" in str(caught.value)
    assert asyncio.run(refuse_blind(client_of(Patient()), PROMPTS)) is None


def test_the_cheap_check_keeps_to_the_budget():
    with pytest.raises(BudgetError):
        asyncio.run(sees_pictures(client_of(Patient(), max_calls=1), PROMPTS))
