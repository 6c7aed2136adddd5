"""Recorded exchanges: found by what was asked, not by how; stale prompts told; pictures known by their look."""

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image as Pillow

from ruler.errors import DataError, ModelError
from ruler.llm.base import Image, Message, Request
from ruler.llm.budget import Budget
from ruler.llm.client import Client
from ruler.llm.replay import Exchange, RecordingModel, ReplayModel, read_exchanges, tidy
from tests.scripted import ScriptedModel


def ask(model, request):
    return asyncio.run(model.generate(request)).text


def request(text="hello", *, prompt="caption", hash_="h1", input_="i1", vote=0, images=(), turns=()):
    messages = (Message("user", text, tuple(images)), *turns)
    return Request(messages, prompt, hash_, input_, vote=vote)


def jpeg(seed, quality=90):
    values = np.random.default_rng(seed).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    picture = Pillow.fromarray(values).resize((160, 120), Pillow.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image(buffer.getvalue())


def recorded(path, *requests, reply=lambda r: f"{r.prompt} {r.input_hash} {r.vote}"):
    model = RecordingModel(ScriptedModel({"caption": reply, "reason": reply}), path)
    for one in requests:
        ask(model, one)
    return ReplayModel(path)


def test_a_reply_is_found_by_prompt_input_and_vote(tmp_path):
    replay = recorded(tmp_path / "e.jsonl", request(), request(vote=1), request(input_="i2"), request(prompt="reason"))
    assert ask(replay, request(vote=1)) == "caption i1 1"
    assert ask(replay, request(input_="i2")) == "caption i2 0"
    assert ask(replay, request(prompt="reason")) == "reason i1 0"
    assert not replay.stale


def test_a_changed_prompt_is_answered_and_told_to_be_stale(tmp_path):
    replay = recorded(tmp_path / "e.jsonl", request())
    assert ask(replay, request("hello, in other words", hash_="h2")) == "caption i1 0"
    assert replay.stale == {"caption"}


@pytest.mark.parametrize("other", [request(input_="i9"), request(vote=7), request(prompt="reason")])
def test_what_was_never_asked_has_no_reply(tmp_path, other):
    replay = recorded(tmp_path / "e.jsonl", request())
    with pytest.raises(ModelError, match="no reply") as caught:
        ask(replay, other)
    assert caught.value.lasting


def test_a_second_turn_has_a_reply_of_its_own(tmp_path):
    turns = (Message("assistant", "nonsense"), Message("user", "again"))
    path = tmp_path / "e.jsonl"
    replay = recorded(path, request(), request(turns=turns), reply=lambda r: f"turn {len(r.messages)}")
    assert ask(replay, request()) == "turn 1"
    assert ask(replay, request(turns=turns)) == "turn 3"


def test_pictures_are_known_by_their_look_whatever_the_encoder(tmp_path):
    pictures = [jpeg(seed) for seed in range(5)]
    asked = [request(images=[picture]) for picture in pictures]
    replay = recorded(tmp_path / "e.jsonl", *asked, reply=lambda r: r.images[0].digest)
    for seed, picture in enumerate(pictures):
        assert ask(replay, request(images=[jpeg(seed, quality=70)])) == picture.digest
    with pytest.raises(ModelError):
        ask(replay, request(images=[jpeg(99)]))
    with pytest.raises(ModelError, match="cannot be read"):
        ask(replay, request(images=[Image(b"no picture")]))


def test_the_later_of_two_equal_exchanges_wins_and_tidying_keeps_it(tmp_path):
    path = tmp_path / "e.jsonl"
    recorded(path, request(), reply=lambda _: "old")
    recorded(path, request(), reply=lambda _: "new\u2028line")
    assert ask(ReplayModel(path), request()) == "new\u2028line"
    assert tidy(path) == 1
    assert [e.reply for e in read_exchanges(path)] == ["new\u2028line"]


def test_a_broken_file_names_its_line(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"prompt": "caption"}\n')
    with pytest.raises(DataError, match=r"e\.jsonl:1"):
        ReplayModel(path)
    with pytest.raises(DataError, match="cannot be read"):
        ReplayModel(tmp_path / "missing.jsonl")


def test_nothing_but_the_exchange_is_recorded(tmp_path):
    path = tmp_path / "e.jsonl"
    recorded(path, request("a private caption"))
    (line,) = path.read_text().splitlines()
    assert set(json.loads(line)) == set(Exchange.__dataclass_fields__)
    assert "private" not in line


@pytest.mark.parametrize("again", [False, True])
def test_what_is_replayed_is_no_call_and_costs_nothing(tmp_path, again):
    known = recorded(tmp_path / "a.jsonl", request())
    model = RecordingModel(known, tmp_path / "b.jsonl") if again else known
    client = Client(model, Budget(max_calls=0, max_cost=0.0))
    assert asyncio.run(client.say(request())).value == "caption i1 0"
    spent = client.budget.spent
    assert (spent.calls, spent.cached, spent.replayed) == (0, 0, 1)
    assert (spent.prompt_tokens, spent.completion_tokens, spent.cost) == (0, 0, 0)
    assert client.budget.unpriced == ()
