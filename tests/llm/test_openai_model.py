"""The OpenAI chat API: what is sent, and what is read."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from ruler.errors import ModelError, UsageError
from ruler.llm.base import Image, Message, Request
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from ruler.llm.structured import schema_of
from tests.llm.chat_servers import HELLO, KEY, Server, ask, complaint, completion, fail, listing, model


class Yes(BaseModel):
    anomalous: bool


def test_what_is_asked():
    server = Server(completion())
    ask(server, replace(HELLO, max_tokens=99, temperature=0.5, seed=4))
    request, body = server.requests[0], server.bodies[0]
    assert str(request.url) == "https://llm.example.com/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
        "max_tokens": 99,
        "temperature": 0.5,
        "seed": 4,
    }


def test_pictures_stand_before_the_text_as_data_uris():
    pictures = (Image(b"\xff\xd8\xff one"), Image(b"\x89PNG two", "image/png"))
    server = Server(completion())
    ask(server, Request((Message("user", "What is there?", pictures),)))
    parts = server.bodies[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "image_url", "text"]
    for part, picture in zip(parts, pictures, strict=False):
        kind, _, data = part["image_url"]["url"].partition(";base64,")
        assert kind == f"data:{picture.media_type}"
        assert base64.b64decode(data) == picture.data
    assert parts[2]["text"] == "What is there?"


def test_many_pictures_are_each_sent_as_they_are():
    server = Server(completion())

    async def run() -> None:
        asked = model(server)
        for number in [*range(200), *range(0, 200, 7)]:
            await asked.generate(Request((Message("user", "?", (Image(b"%d" % number),)),)))

    asyncio.run(run())
    sent = [body["messages"][0]["content"][0]["image_url"]["url"] for body in server.bodies]
    numbers = [int(base64.b64decode(url.partition(",")[2])) for url in sent]
    assert numbers == [*range(200), *range(0, 200, 7)]


def test_a_format_is_asked_for_as_the_mode_says():
    schema, server = schema_of(Yes), Server(completion())
    for mode in ("schema", "json", "text"):
        ask(server, replace(HELLO, schema=schema, mode=mode))
    ask(server, HELLO)
    strict, loose, free, none = server.bodies
    assert strict["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": schema.name, "strict": True, "schema": dict(schema.content)},
    }
    assert loose["response_format"] == {"type": "json_object"}
    assert "response_format" not in free
    assert "response_format" not in none


def test_log_probabilities_are_asked_for_when_wanted():
    server = Server(completion())
    ask(server, replace(HELLO, logprobs=True))
    assert server.bodies[0]["logprobs"] is True
    assert server.bodies[0]["top_logprobs"] == 20


def test_half_a_surrogate_pair_does_not_keep_a_request_from_being_sent():
    server = Server(completion())
    ask(server, Request((Message("user", "a\ud800b ä"),)))
    assert server.bodies[0]["messages"][0]["content"] == "a?b ä"


def test_openai_gets_the_new_name_of_the_length_at_once():
    server = Server(completion())
    ask(server, name="openai:gpt-5-mini")
    assert server.bodies[0]["max_completion_tokens"] == HELLO.max_tokens
    assert "max_tokens" not in server.bodies[0]


def test_what_the_environment_says_of_openai_is_not_told_to_others(monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-mine")
    monkeypatch.setenv("OPENAI_API_KEY", "key-for-openai-alone")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer of-mine")
    server = Server(completion())
    ask(server)
    assert "of-mine" not in str(server.requests[0].headers)
    assert "key-for-openai-alone" not in str(server.requests[0].headers)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    ask(server, name="openai:gpt-5-mini")
    assert server.requests[1].headers["openai-organization"] == "org-of-mine"


def test_a_server_nearby_is_asked_without_a_key():
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(server := Server(completion())))
    asked = OpenAIModel(parse_model("ollama:q", {}), environment={}, http_client=client)
    asyncio.run(asked.generate(HELLO))
    assert str(server.requests[0].url) == "http://localhost:11434/v1/chat/completions"


def test_a_remote_server_without_a_key_is_an_error_of_use():
    with pytest.raises(UsageError, match="OPENAI_API_KEY is not set"):
        OpenAIModel(parse_model("openai:gpt-5-mini", {}), environment={})


def test_a_reply():
    reply = ask(Server(completion("Hi.")))
    assert (reply.text, reply.model, reply.finish, reply.tokens) == ("Hi.", "said", "stop", None)
    assert (reply.usage.prompt, reply.usage.completion, reply.usage.estimated) == (7, 3, False)
    assert reply.seconds > 0


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("", ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        (["a", "b"], "ab"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "b"}], "b"),
        ([], ""),
        (3, ""),
    ],
)
def test_texts_come_in_several_forms(content, text):
    assert ask(Server(completion(content))).text == text


@pytest.mark.parametrize(
    ("finish", "read"),
    [
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        (None, "stop"),
        ("tool_calls", "tool_calls"),
    ],
)
def test_how_a_reply_ended(finish, read):
    assert ask(Server(completion(choice={"finish_reason": finish}))).finish == read


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": None}, {"prompt_tokens": -1, "completion_tokens": True}, "?"]
)
def test_what_is_not_counted_is_estimated(usage):
    reply = ask(Server(completion("four words of reply", usage=usage)))
    assert reply.usage.estimated
    assert reply.usage.prompt > 0 and reply.usage.completion > 0
    longer = ask(Server(completion("four words of reply" * 9, usage=usage)), Request((Message("user", "x" * 999),)))
    assert longer.usage.prompt > reply.usage.prompt
    assert longer.usage.completion > reply.usage.completion


def test_half_a_count_is_kept():
    usage = ask(Server(completion("abc", usage={"prompt_tokens": 5}))).usage
    assert (usage.prompt, usage.estimated) == (5, True)


def test_the_model_asked_for_stands_where_the_server_does_not_say():
    assert ask(Server(completion(model=None))).model == "m"


def entry(token: str, logprob: Any = -0.5, top: Any = (), raw: bytes | None = None) -> dict[str, Any]:
    return {"token": token, "logprob": logprob, "bytes": None if raw is None else list(raw), "top_logprobs": list(top)}


def test_tokens_are_read():
    content = [
        entry("Hi", -0.25, [entry("Hi", -0.25), entry("Ho", -1.5), entry("Ho", -4), entry("?", None)]),
        entry(".", -0.1),
    ]
    tokens = ask(Server(completion("Hi.", choice={"logprobs": {"content": content}}))).tokens
    assert tokens is not None
    assert [(t.text, t.logprob) for t in tokens] == [("Hi", -0.25), (".", -0.1)]
    assert dict(tokens[0].top) == {"Hi": -0.25, "Ho": -1.5}


def test_a_character_of_several_tokens_stands_in_them_once():
    raw = "ä€".encode()
    content = [entry("\\x" + f"{b:x}", raw=bytes([b])) for b in raw]
    tokens = ask(Server(completion("ä€", choice={"logprobs": {"content": content}}))).tokens
    assert tokens is not None
    assert "".join(t.text for t in tokens) == "ä€"


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        {"content": [{"token": "a"}]},
        {"content": [entry("a", "x")]},
        {"content": [3]},
        {"tokens": ["a"], "token_logprobs": [-1]},
        [],
        "none",
    ],
)
def test_anything_else_is_no_tokens(logprobs):
    assert ask(Server(completion(choice={"logprobs": logprobs}))).tokens is None


@pytest.mark.parametrize(
    ("body", "names"),
    [(listing("b", "a"), ["b", "a"]), (listing(), []), ({"data": [{"id": 3}, None, {"id": "a"}]}, ["a"])],
)
def test_a_server_lists_its_models(body, names):
    server = Server(body)
    assert asyncio.run(model(server).models()) == names
    assert str(server.requests[0].url) == "https://llm.example.com/v1/models"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"data": None}, "failed"),
        ([], "failed"),
        (complaint(401), "refused"),
        (httpx2.ConnectError("no"), "unreachable"),
    ],
)
def test_a_server_that_does_not_list_them(answer, kind):
    with pytest.raises(ModelError) as caught:
        asyncio.run(model(Server(answer)).models())
    assert caught.value.kind == kind


def test_the_only_model_is_taken_and_asked_for_once():
    def answer(request: httpx2.Request) -> Any:
        return listing("qwen3-vl") if request.method == "GET" else completion()

    server = Server(answer)

    async def run() -> OpenAIModel:
        asked = model(server, "http://localhost:8000/v1")
        assert asked.name == "http://localhost:8000/v1"
        await asyncio.gather(*(asked.generate(HELLO) for _ in range(3)))
        return asked

    asked = asyncio.run(run())
    assert asked.name == "http://localhost:8000/v1#qwen3-vl"
    assert [body["model"] for body in server.bodies] == ["qwen3-vl"] * 3
    assert sum(request.method == "GET" for request in server.requests) == 1


def test_of_several_models_one_has_to_be_named():
    error = fail(Server(listing("a", "b")), name="http://localhost:8000/v1")
    assert error.kind == "unknown"
    assert "a, b" in error.what
    assert error.hint == "name one: http://localhost:8000/v1#a"
    assert "has no model" in fail(Server(listing()), name="http://localhost:8000/v1").what
