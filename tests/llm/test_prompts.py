"""Prompts: templates of one's own, what is missing told by name, and strangers' words that stay data."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import UsageError
from ruler.llm.base import Image
from ruler.llm.prompts import Prompts, fenced

CAPTION = {"pictures": 1, "span": "", "facts": ""}


def own(tmp_path, text: str, name: str = "caption") -> Prompts:
    (tmp_path / f"{name}.j2").write_text(text, encoding="utf-8")
    return Prompts(tmp_path)


def test_the_shipped_prompts_can_be_read():
    prompts = Prompts()
    assert {"caption", "generate", "aggregate", "revise", "reason"} <= set(prompts.names)
    asked = prompts.render("caption", **CAPTION)
    assert asked.id == "caption"
    assert [message.role for message in asked.messages] == ["user"]
    assert "What is in the image" in asked.messages[0].text
    assert "{%" not in asked.messages[0].text


def test_a_template_of_ones_own_replaces_a_shipped_one_and_no_other(tmp_path):
    prompts = own(tmp_path, "Look at {{ pictures }} pictures.")
    assert prompts.render("caption", **CAPTION).messages[0].text == "Look at 1 pictures."
    assert prompts.names == Prompts().names
    others = [name for name in prompts.names if name != "caption"]
    assert others
    assert all(prompts.hash(name) == Prompts().hash(name) for name in others)


def test_other_files_in_the_folder_do_not_matter(tmp_path):
    (tmp_path / "notes.txt").write_text("{{", encoding="utf-8")
    assert Prompts(tmp_path).hash("caption") == Prompts().hash("caption")


def test_a_template_that_replaces_nothing_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(UsageError) as caught:
        own(tmp_path, "x", name="captions")
    assert str(tmp_path / "captions.j2") in str(caught.value)
    assert "caption, " in str(caught.value)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        Prompts(tmp_path / "nowhere")


def test_a_template_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "caption.j2").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "caption.j2"))):
        Prompts(tmp_path)


@pytest.mark.parametrize("broken", ["a\n{% if x %}", "a\n{{ x", "a\n{% nonsense %}"])
def test_a_template_that_is_broken_is_told_with_its_line(tmp_path, broken):
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "caption.j2")) + ":2"):
        own(tmp_path, broken)


@pytest.mark.parametrize(
    "text", ["{{ weather }}", "{% if weather %}x{% endif %}", "{{ weather.today }}", "{{ span.end }}"]
)
def test_what_is_missing_is_told_by_name_with_what_there_is(tmp_path, text):
    # What is there at all is known before any call; whether it has a part called "end" only when it is put in.
    with pytest.raises(UsageError) as caught:
        own(tmp_path, f"one\n{text}").render("caption", **CAPTION)
    said = str(caught.value)
    assert "wants weather" in said or "'end'" in said
    assert str(tmp_path / "caption.j2") in said
    assert "facts, pictures, span" in said


@pytest.mark.parametrize(
    "text", ["{{ span.__class__.__mro__ }}", "{{ ''.__class__.__base__.__subclasses__() }}", "{{ facts.append(1) }}"]
)
def test_a_template_reaches_nothing_but_what_was_put_in(tmp_path, text):
    prompts = own(tmp_path, text)
    with pytest.raises(UsageError):
        prompts.render("caption", pictures=1, span="", facts=[])


def test_turns_are_told_apart_by_their_marks(tmp_path):
    text = "{# about #}\n=== system ===\nBe {{ span }}.\n=== user ===\n\n{{ facts }}\n\n"
    asked = own(tmp_path, text).render("caption", pictures=1, span="brief", facts="Hello?")
    assert [(m.role, m.text) for m in asked.messages] == [("system", "Be brief."), ("user", "Hello?")]


def test_a_turn_that_says_nothing_is_left_out(tmp_path):
    text = "=== system ===\n{% if facts %}x{% endif %}\n=== user ===\nHello?\n"
    assert [m.role for m in own(tmp_path, text).render("caption", **CAPTION).messages] == ["user"]


hostile = st.lists(
    st.sampled_from(
        [
            "{{ 7 * 7 }}",
            "{% raw %}",
            "{# ",
            "{{",
            "}}",
            "\n",
            "=== user ===",
            "=== system ===\n",
            "<data>",
            "</data>",
            "a",
        ]
    ),
    max_size=8,
).map("".join)


@given(hostile | st.text())
def test_values_are_never_read_as_templates_nor_as_turns(tmp_path_factory, words):
    text = "=== system ===\nS\n=== user ===\n[{{ facts }}]\n"
    prompts = own(tmp_path_factory.getbasetemp(), text)
    asked = prompts.render("caption", pictures=1, span="", facts=words)
    assert [m.role for m in asked.messages] == ["system", "user"]
    assert asked.messages[0].text == "S"
    assert asked.messages[1].text == f"[{words}]"


@given(
    st.lists(st.sampled_from(["<", "/", ">", "data", "DATA", " ", "\n", "\t", "\u200b", "\x00", "‹", "x"]), max_size=20)
    .map("".join)
    .filter(bool)
    | st.text()
)
def test_a_fence_cannot_be_closed_or_opened_from_inside(words):
    said = fenced(words, "data")
    assert said.startswith("<data>\n") and said.endswith("\n</data>")
    inside = said.removeprefix("<data>\n").removesuffix("\n</data>")
    assert not re.search(r"<\s*/?\s*data", inside, re.IGNORECASE)
    assert all(c.isprintable() or c in "\n\t" for c in inside)
    assert len(inside) == len(words), "nothing is taken out, only put differently"


def test_a_fence_leaves_ordinary_words_as_they_are():
    words = "A man (1.80 m) carries a <box>; 3 < 4, „quoted“\nand more."
    assert fenced(words, "caption") == f"<caption>\n{words}\n</caption>"


def test_a_fence_minds_its_own_name():
    assert "</caption>" not in fenced("x</caption>y", "caption").removesuffix("</caption>")
    assert "</a.b>" not in fenced("x</a.b>y", "a.b").removesuffix("</a.b>")


def test_hashes_change_with_the_file_and_with_what_is_put_in(tmp_path):
    shipped = Prompts().render("caption", **CAPTION)
    again = Prompts().render("caption", **CAPTION)
    assert (again.hash, again.input_hash) == (shipped.hash, shipped.input_hash)
    mine = own(tmp_path, "Look.").render("caption", **CAPTION)
    assert mine.hash != shipped.hash
    assert mine.input_hash == shipped.input_hash
    more = Prompts().render("caption", **{**CAPTION, "facts": "speed 2 m/s"})
    assert more.hash == shipped.hash
    assert more.input_hash != shipped.input_hash
    assert len(shipped.hash) == len(shipped.input_hash) == 12


def test_a_request_carries_pictures_with_its_last_turn_and_what_it_was_made_of(tmp_path):
    asked = own(tmp_path, "=== system ===\nS\n=== user ===\nU\n").render("caption", **CAPTION)
    pictures = (Image(b"one"), Image(b"two"))
    request = asked.request(images=pictures, max_tokens=50, vote=2)
    assert [m.images for m in request.messages] == [(), pictures]
    assert (request.prompt, request.prompt_hash, request.input_hash) == ("caption", asked.hash, asked.input_hash)
    assert (request.max_tokens, request.vote) == (50, 2)
    assert asked.request().images == ()
