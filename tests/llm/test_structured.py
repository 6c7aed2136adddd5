"""Formats: the schema a server gets, the words a model gets, and the object read out of whatever it says."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ruler.llm.base import Image, Message, Reply, Request, Schema
from ruler.llm.structured import LONGEST, in_words, parse, schema_of, shape, unfit


class Colour(Enum):
    """Words about the code."""

    RED = "red"
    BLUE = "blue"


class Claim(BaseModel):
    """Words about the code."""

    model_config = ConfigDict(extra="forbid")
    rule: Annotated[str, Field(min_length=1, max_length=40, description="id of a rule")]
    colour: Colour = Colour.RED


class Verdict(BaseModel):
    """Words about the code."""

    model_config = ConfigDict(extra="forbid")
    claims: Annotated[list[Claim], Field(max_length=3)] = []
    best: Claim | None = None
    title: str = "none"
    level: Annotated[int, Field(ge=1, le=3)] = 1
    fixed: Literal["v1"] = "v1"
    anomalous: Literal["yes", "no"]

    @field_validator("title")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value.isupper():
            raise ValueError("do not shout")
        return value


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str
    parts: list[Tree] = []


class Yes(BaseModel):
    anomalous: Literal["yes", "no"]


GOOD = {"anomalous": "yes"}
SAID = json.dumps(GOOD)


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every part of a schema that describes an object."""
    if isinstance(schema, list):
        return [found for part in schema for found in objects(part)]
    if not isinstance(schema, dict):
        return []
    here = [schema] if schema.get("type") == "object" else []
    return here + [found for part in schema.values() for found in objects(part)]


@pytest.mark.parametrize("kind", [Verdict, Tree, Yes])
def test_schemas_are_strict(kind):
    found = objects(dict(schema_of(kind).content))
    assert found
    for part in found:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])


def test_a_schema_is_one_object_without_references_or_noise():
    schema = schema_of(Verdict)
    assert schema.name == "Verdict"
    text = json.dumps(schema.content)
    for noise in ("$ref", "$defs", "default", "minLength", "maxLength", "const", "Words about the code"):
        assert noise not in text
    assert schema.content["type"] == "object"
    # A field of that name is no noise.
    assert schema.content["properties"]["title"] == {"type": "string"}
    assert schema.content["properties"]["fixed"]["enum"] == ["v1"]
    claim = schema.content["properties"]["claims"]["items"]
    assert claim["properties"]["rule"]["description"] == "id of a rule"
    assert claim["properties"]["colour"]["enum"] == ["red", "blue"]
    assert list(schema.content["properties"]) == list(Verdict.model_fields), "the order of writing is kept"


def test_a_model_that_contains_itself_keeps_its_definition():
    content = schema_of(Tree).content
    assert content["type"] == "object"
    assert content["properties"]["parts"]["items"] == {"$ref": "#/$defs/Tree"}
    assert content["$defs"]["Tree"]["additionalProperties"] is False


def test_free_keys_are_no_strict_schema():
    class Free(BaseModel):
        counts: dict[str, int]

    with pytest.raises(TypeError, match=r"Free\.counts"):
        schema_of(Free)


def test_names_of_schemas_are_letters_digits_and_underscores():
    class _Reply(BaseModel):
        a: int

    assert schema_of(_Reply).name == "Reply"


def request(schema: Schema | None, text: str = "What is there?") -> Request:
    pictures = (Image(b"x"),)
    return Request((Message("system", "Be brief."), Message("user", text, pictures)), schema=schema, mode="json")


def test_in_words_tells_the_form_to_the_last_turn_and_keeps_its_pictures():
    asked = request(schema_of(Verdict))
    told = in_words(asked)
    assert told.messages[0] == asked.messages[0]
    last = told.messages[-1]
    assert last.text.startswith("What is there?\n\n")
    assert "JSON" in last.text, "servers refuse the json mode without that word"
    assert last.images == asked.messages[-1].images
    for word in ('"anomalous": "yes" or "no"', "<integer 1 to 3>", '"red" or "blue"', "or null", "id of a rule"):
        assert word in last.text
    assert "claims: at most 3 of them" in last.text


def test_in_words_tells_it_once():
    told = in_words(request(schema_of(Verdict)))
    assert in_words(told) == told


def test_in_words_leaves_free_text_alone():
    asked = request(None)
    assert in_words(asked) is asked


def test_the_second_question_says_what_is_wrong_and_the_form_again():
    schema = schema_of(Yes)
    said = unfit('the field "anomalous" is missing.', schema)
    assert 'the field "anomalous" is missing. Reply' in said
    assert shape(schema) in said
    assert in_words(request(schema, said)) == request(schema, said)


def test_the_shape_of_a_model_that_contains_itself_ends():
    said = shape(schema_of(Tree))
    assert '"parts": [<Tree>, …]' in said
    assert said.count("where <Tree> is") == 1


@pytest.mark.parametrize(
    "text",
    [
        SAID,
        f"  {SAID}\n",
        f"```json\n{SAID}\n```",
        f"```\n{SAID}```",
        f"```json\n{SAID}",
        f"Here it is:\n```json\n{SAID}\n```\nIs that of use?",
        f'<think>maybe {{"anomalous": "no"}}?</think>{SAID}',
        f"It is {{unclear}}.\n</think>\n\n{SAID}",
        f"<think>a</think><think>b</think>\n```json\n{SAID}\n```",
        f"{SAID}<think>was that right?",
        f"[{SAID}]",
        f"The answer is {SAID}.",
        f'First {{"anomalous": "no"}}, but on second thoughts {SAID}',
        f'{SAID} (and not {{"other": 1}})',
        f"A brace {{ that stays open, then {SAID}",
        f'An open quote in {{ "b. Then {SAID}',
        f'{{"answer": {SAID}}} or rather\n{SAID}',
        '{"anomalous":\n\t"yes",\n "note": "it said </think> and }"}',
        '{"note": "two\nlines", "anomalous": "yes"}',
    ],
)
def test_an_object_is_found_wherever_it_stands(text):
    value, problem = parse(Yes, Reply(text))
    assert problem == ""
    assert value == Yes(anomalous="yes")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("I cannot tell.", "no JSON object"),
        ('{"anomalous": "yes",}', "no valid JSON"),
        ("{'anomalous': 'yes'}", "no valid JSON"),
        ('{"anomalous": NaN}', "NaN"),
        ("[1, 2]", "not one object"),
        (f"[{SAID}, {SAID}]", "not one object"),
        ("<think>hm", "no JSON object"),
        ("{}", 'the field "anomalous" is missing'),
        ('Well: {"anomalous": "perhaps"}', "the field \"anomalous\" is wrong: input should be 'yes' or 'no'"),
        ('{"anomalous": {"anomalous": "yes"}}', 'the field "anomalous" is wrong'),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text, says):
    value, problem = parse(Yes, Reply(text))
    assert value is None
    assert says in problem
    assert "\n" not in problem and len(problem) < 300


@pytest.mark.parametrize(
    "text",
    [f"<think>{SAID}</think>I cannot tell.", f"Maybe {SAID}?</think>I cannot tell.", f"I cannot tell.<think>{SAID}"],
)
def test_what_was_only_thought_is_no_answer(text):
    assert parse(Yes, Reply(text))[0] is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"claims": [{"rule": "A1"}, {"rule": ""}]}, 'the field "claims[1].rule" is wrong'),
        ({"claims": [3]}, 'the field "claims[0]" should be an object'),
        ({"note": "x"}, 'there is no field "note" in the form'),
        ({"title": "HELP"}, 'the field "title" is wrong: do not shout'),
        ({"level": 4, "fixed": "v2"}, "and 1 more is wrong"),
        ({"n" * 5000: 1}, "…"),
    ],
)
def test_the_field_is_named(fields, says):
    value, problem = parse(Verdict, Reply(json.dumps({**GOOD, **fields})))
    assert value is None
    assert says in problem
    assert len(problem) < 400


def test_a_fault_of_a_field_is_told_rather_than_words_around_it():
    value, problem = parse(Yes, Reply('{"anomalous": "perhaps"} I hope this helps {'))
    assert value is None
    assert '"anomalous"' in problem


@pytest.mark.parametrize("text", ['{"anomalous": "ye', "<think>so long", '{"parts": [{"anomalous": "yes"}, {"ano', ""])
def test_a_reply_that_was_cut_off_says_so(text):
    value, problem = parse(Yes, Reply(text, finish="length"))
    assert value is None
    assert "cut off" in problem


def test_a_part_of_a_reply_that_was_cut_off_is_not_taken_for_the_whole():
    cut = '{"label": "root", "parts": [{"label": "leaf", "parts": []}, {"lab'
    assert parse(Tree, Reply(cut, finish="length"))[0] is None


def test_an_object_that_ended_before_the_reply_was_cut_off_is_taken():
    assert parse(Yes, Reply(SAID, finish="length"))[0] == Yes(anomalous="yes")
    assert parse(Yes, Reply(f"{SAID} And furthermore", finish="length"))[0] == Yes(anomalous="yes")


MANY = LONGEST // 8


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * MANY,
        '{"a":[' * (MANY // 2) + "]}" * (MANY // 2),
        "[" * MANY,
        "{" * LONGEST,
        "{}" * MANY,
        "{" * MANY + "}" * MANY,
        '{"' * MANY,
        '{"' + '\\"' * MANY,
        '{"' + "\\" * (MANY + 1),
        "<think>" * MANY,
        "</think>" * (MANY - 1),
        "```\n" * MANY,
        'a { b " ' * MANY,
        '{"anomalous": ' + "9" * MANY + "}",
        '{"anomalous": [' + "1," * MANY + "1]}",
        "x" * (LONGEST + 1),
    ],
    ids=range(16),
)
def test_huge_and_deep_replies_are_refused_and_nothing_breaks(text):
    for kind in (Yes, Tree):
        value, problem = parse(kind, Reply(text))
        assert value is None
        assert problem


@pytest.mark.parametrize("label", ["\\ud800", "\\uDFFF!", "\ud800"])
def test_what_is_read_can_be_written(label):
    value, _ = parse(Tree, Reply(f'{{"label": "{label} ä \\ud83d\\ude00"}}'))
    assert value is not None
    assert value.label.endswith(" ä \N{GRINNING FACE}")
    value.label.encode()


def test_objects_may_stand_within_each_other():
    text = '{"label": "x"}'
    for _ in range(100):
        text = f'{{"label": "x", "parts": [{text}]}}'
    value, problem = parse(Tree, Reply(f"So: {text}"))
    assert problem == ""
    assert value is not None and value.parts[0].parts[0].label == "x"


trees = st.recursive(
    st.builds(Tree, label=st.text(st.characters(codec="utf-8"))),
    lambda inner: st.builds(Tree, label=st.text(st.characters(codec="utf-8")), parts=st.lists(inner, max_size=3)),
    max_leaves=8,
)
prose = st.text(st.characters(codec="utf-8", exclude_characters="{}<>`"), max_size=40)


@given(trees, prose, prose, st.sampled_from([None, 1]))
def test_any_object_is_found_among_any_words(tree, before, after, indent):
    text = f"{before}{json.dumps(tree.model_dump(), indent=indent, ensure_ascii=False)}{after}"
    assert parse(Tree, Reply(text)) == (tree, "")


@given(st.text(max_size=200), st.sampled_from(["stop", "length"]))
def test_any_text_gives_a_value_or_a_problem(text, finish):
    value, problem = parse(Yes, Reply(text, finish=finish))
    assert (value is None) == bool(problem)


@given(st.text('{}[]",:\\ \n<think/>`ayesnomlu', max_size=80))
def test_anything_like_an_object_gives_a_value_or_a_problem(text):
    value, problem = parse(Yes, Reply(text))
    assert (value is None) == bool(problem)
