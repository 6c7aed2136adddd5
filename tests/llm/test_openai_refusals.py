"""Parameters a server does not take: they are found out, and not sent again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from ruler.errors import BudgetError, ModelError
from ruler.llm.budget import Budget
from ruler.llm.client import Client
from ruler.llm.prices import Price, Prices, upper_bound
from tests.llm.chat_servers import HELLO, Handler, Server, ask, complaint, completion, fail, model, persist


def refusing(*names: str, words_of: str = "Unsupported parameter: '{}' is not supported with this model.") -> Server:
    """A server that refuses parameters, one at a time, as OpenAI does."""

    def answer(request: httpx2.Request) -> Any:
        sent = json.loads(request.content)
        for name in names:
            if name in sent:
                return complaint(400, words_of.format(name), param=name, code="unsupported_parameter")
        return completion()

    return Server(answer)


FULL = replace(HELLO, seed=1, logprobs=True)


@pytest.mark.parametrize("name", ["temperature", "seed", "logprobs", "top_logprobs", "max_tokens"])
def test_a_refused_parameter_is_left_out_from_then_on(name):
    server = refusing(name)

    async def run() -> None:
        asked = model(server)
        for _ in range(2):
            assert (await persist(asked, FULL)).text == "Hi."

    asyncio.run(run())
    refused, first, second = server.bodies
    assert name in refused
    assert name not in first
    assert first == second
    kept = {"temperature", "seed", "max_tokens"} - {name}
    assert kept <= set(first)
    if name == "max_tokens":
        assert first["max_completion_tokens"] == FULL.max_tokens
    if name == "logprobs":
        assert "top_logprobs" not in first


def test_several_refused_parameters_are_found_one_after_another():
    server = refusing("temperature", "seed", "logprobs", "max_tokens")
    ask(server, FULL)
    assert len(server.bodies) == 5
    assert set(server.bodies[-1]) == {"model", "messages", "max_completion_tokens"}


def test_calls_at_the_same_time_learn_the_same():
    server = refusing("temperature", "max_tokens")

    async def run() -> None:
        asked = model(server)
        replies = await asyncio.gather(*(persist(asked, FULL) for _ in range(8)))
        assert {reply.text for reply in replies} == {"Hi."}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "body", "gone"),
    [
        (
            422,
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            "seed",
        ),
        (422, {"detail": "Unexpected fields in the request: {'seed'}"}, "seed"),
        (400, {"error": {"message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'}}, "seed"),
        (403, {"error": {"message": "You are not allowed to request logprobs from this model"}}, "logprobs"),
        (400, {"error": "`logprobs` is not supported with this model"}, "logprobs"),
        (500, {"error": {"message": "top_logprobs not supported"}}, "top_logprobs"),
        (
            400,
            {"message": "temperature does not support 0 with this model. Only the default (1) value is supported"},
            "temperature",
        ),
        (400, {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}}, "max_tokens"),
    ],
)
def test_refusals_come_in_several_words(status, body, gone):
    def answer(request: httpx2.Request) -> Any:
        return httpx2.Response(status, json=body) if gone in json.loads(request.content) else completion()

    assert ask(Server(answer), FULL).text == "Hi."


def test_fewer_alternatives_are_asked_for_where_20_are_too_many():
    def answer(most: int) -> Handler:
        def handle(request: httpx2.Request) -> Any:
            top = json.loads(request.content).get("top_logprobs", 0)
            said = f"Requested sample logprobs of {top}, which is greater than max allowed: {most}"
            return complaint(400, said) if top > most else completion()

        return handle

    five, none = Server(answer(5)), Server(answer(0))
    ask(five, FULL)
    assert [body["top_logprobs"] for body in five.bodies] == [20, 5]
    ask(none, FULL)
    assert [body.get("top_logprobs") for body in none.bodies] == [20, 5, None]
    assert "logprobs" not in none.bodies[-1]


def test_a_limit_on_the_length_is_always_sent():
    server = refusing("max_tokens", "max_completion_tokens")
    error = fail(server, FULL)
    assert error.kind == "request"
    assert all({"max_tokens", "max_completion_tokens"} & set(body) for body in server.bodies)


def test_a_request_that_is_too_long_is_not_asked_again_without_its_limit():
    said = (
        "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum context length is 512 tokens"
    )
    server = Server(complaint(400, said, param="max_tokens"))
    assert fail(server).kind == "request"
    assert len(server.bodies) == 1


def test_a_server_that_refuses_the_same_over_and_over_is_not_asked_for_ever():
    server = Server(complaint(400, "Unsupported parameter: 'temperature'", param="temperature"))
    assert fail(server, FULL).kind == "request"
    assert len(server.bodies) == 2


def test_each_request_that_is_sent_is_a_call_of_its_own():
    server = refusing("temperature", "seed", "logprobs")
    client = Client(model(server))
    assert asyncio.run(client.say(FULL)).value == "Hi."
    assert len(server.bodies) == client.budget.spent.calls == 4
    server = refusing("temperature", "seed", "logprobs")
    client = Client(model(server), Budget(max_calls=2))
    with pytest.raises(BudgetError, match="2 calls"):
        asyncio.run(client.say(FULL))
    assert len(server.bodies) == client.budget.spent.calls == 2


def test_a_limit_of_cost_holds_over_requests_that_were_refused():
    price = Price(input=1.0, output=10.0)
    most = upper_bound(FULL, price)
    one = (most.prompt + 10 * most.completion) / 1_000_000
    asked = model(refusing("temperature"))
    budget = Budget(max_cost=1.5 * one, prices=Prices({asked.name: price}))
    # The refused request cost nothing, so the second one fits as well, but never both at once.
    assert asyncio.run(Client(asked, budget).say(FULL)).value == "Hi."
    assert budget.spent.calls == 2


def test_a_server_that_never_has_enough_of_refusing_is_given_up():
    count = 0

    def answer(request: httpx2.Request) -> Any:
        nonlocal count
        count += 1
        sent = [n for n in json.loads(request.content) if n in ("temperature", "seed", "logprobs", "max_tokens")]
        name = (sent or ["max_completion_tokens"])[0]
        return complaint(400, f"Unsupported parameter: '{name}'", param=name)

    client = Client(model(Server(answer)))
    with pytest.raises(ModelError, match="Unsupported parameter"):
        asyncio.run(client.say(FULL))
    assert count == client.budget.spent.calls <= 8
