"""Calls of a client: equal ones are one, few run at a time, each is paid for, and none is made twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ruler.errors import BudgetError, ModelError
from ruler.llm.base import Image, Message, Reply, Request
from ruler.llm.budget import Budget
from ruler.llm.client import ClientOptions
from tests.llm.scripted import HELLO, USAGE, YES, Scripted, Verdict, bound, client, cost, fault, priced, run


def test_equal_requests_under_way_are_one_call():
    model = Scripted("Hi.")
    asked, _ = client(model)

    async def both() -> list[Any]:
        return list(await asyncio.gather(*(asked.say(HELLO) for _ in range(5))))

    answers = run(both)
    assert [answer.value for answer in answers] == ["Hi."] * 5
    assert len(model.requests) == 1
    assert sorted(answer.cached for answer in answers) == [False] + [True] * 4
    assert asked.budget.spent.calls == 1


def test_equal_requests_share_their_error_and_are_asked_anew_later():
    model = Scripted(fault("refused"), "Hi.")
    asked, _ = client(model)

    async def both() -> list[Any]:
        first = await asyncio.gather(asked.say(HELLO), asked.say(HELLO), return_exceptions=True)
        await asyncio.sleep(0)
        return [*first, await asked.say(HELLO)]

    first, second, third = run(both)
    assert isinstance(first, ModelError) and first is second
    assert third.value == "Hi."
    assert len(model.requests) == 2


def test_requests_that_differ_in_the_vote_alone_are_different():
    model = Scripted("Hi.")
    asked, _ = client(model)

    async def votes() -> None:
        await asyncio.gather(*(asked.say(Request(HELLO.messages, vote=vote)) for vote in range(3)))

    run(votes)
    assert len(model.requests) == 3


def test_whoever_is_no_longer_there_does_not_take_the_answer_from_others():
    opened = asyncio.Event()

    async def slow() -> str:
        await opened.wait()
        return "Hi."

    model = Scripted(lambda _: slow())
    asked, _ = client(model)

    async def both() -> Any:
        gone = asyncio.ensure_future(asked.say(HELLO))
        stays = asyncio.ensure_future(asked.say(HELLO))
        while not model.requests:
            await asyncio.sleep(0)
        gone.cancel()
        opened.set()
        return await stays

    assert run(both).value == "Hi."
    assert len(model.requests) == 1


@pytest.mark.parametrize("limit", [1, 3])
def test_calls_at_a_time_are_limited(limit):
    model = Scripted("Hi.")
    asked, _ = client(model, options=ClientOptions(concurrency=limit))

    async def many() -> None:
        await asyncio.gather(*(asked.say(Request(HELLO.messages, vote=vote)) for vote in range(12)))

    run(many)
    assert model.most == limit
    assert len(model.requests) == 12


def test_closing_gives_up_what_is_under_way_and_keeps_what_it_may_have_cost():
    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    model = Scripted(lambda _: never())
    budget = priced()
    asked, _ = client(model, budget=budget)

    async def close() -> None:
        waiting = asyncio.ensure_future(asked.say(HELLO))
        while not model.requests:
            await asyncio.sleep(0)
        await asked.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(close)
    assert model.closed
    assert model.under_way == 0
    assert budget.spent.cost == pytest.approx(bound())


def test_a_call_costs_what_the_server_counted():
    budget = priced()
    run(lambda: client(Scripted("Hi."), budget=budget)[0].say(HELLO))
    assert budget.spent.calls == 1
    assert budget.spent.cost == pytest.approx(cost(USAGE))


@pytest.mark.parametrize("sent", [False, True])
def test_every_attempt_is_settled_one_that_may_be_billed_at_its_upper_bound(sent):
    budget = priced()
    model = Scripted(fault("unreachable", sent=sent), fault("failed", status=200, sent=sent), "Hi.")
    run(lambda: client(model, budget=budget)[0].say(HELLO))
    assert budget.spent.calls == 3
    assert budget.spent.cost == pytest.approx(cost(USAGE) + (2 * bound() if sent else 0))


def test_the_second_question_and_every_way_down_are_calls():
    budget = priced()
    model = Scripted(fault("request"), "Maybe.", YES)
    answer = run(lambda: client(model, budget=budget)[0].ask(HELLO, Verdict))
    assert answer.value == Verdict(anomalous="yes")
    assert budget.spent.calls == 3
    assert budget.spent.cost == pytest.approx(2 * cost(USAGE))


@pytest.mark.parametrize("limit", [1, 2])
def test_no_attempt_passes_the_limit(limit):
    model = Scripted(fault())
    asked, waits = client(model, budget=Budget(max_calls=limit))
    with pytest.raises(BudgetError):
        run(lambda: asked.say(HELLO))
    assert len(model.requests) == limit
    assert len(waits) == limit


def test_calls_at_the_same_time_do_not_pass_the_limit_together():
    model = Scripted("Hi.")
    budget = priced(max_cost=2.5 * bound())
    asked, _ = client(model, budget=budget)

    async def many() -> list[Any]:
        calls = (asked.say(Request(HELLO.messages, vote=vote)) for vote in range(5))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    answers = run(many)
    assert sum(isinstance(answer, BudgetError) for answer in answers) == 3
    assert len(model.requests) == 2


def test_an_error_nobody_expects_is_paid_for_and_told():
    budget = priced()
    asked, waits = client(Scripted(ZeroDivisionError()), budget=budget)
    with pytest.raises(ZeroDivisionError):
        run(lambda: asked.say(HELLO))
    assert waits == []
    assert budget.spent.cost == pytest.approx(bound())


class Shelf:
    """A memory that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Reply] = {}

    def get(self, model: str, request: Request) -> Reply | None:
        return self.kept.get((model, request.identity()))

    def put(self, model: str, request: Request, reply: Reply) -> None:
        self.kept[model, request.identity()] = reply


def test_what_was_answered_before_is_not_asked_again():
    shelf, model = Shelf(), Scripted("Hi.")

    async def twice(*requests: Request) -> list[Any]:
        return [await client(model, memory=shelf)[0].say(request) for request in requests]

    other = Request((Message("user", "Hello?", (Image(b"x"),)),))
    first, second, third = run(lambda: twice(HELLO, HELLO, other))
    assert [first.cached, second.cached, third.cached] == [False, True, False]
    assert second.value == "Hi."
    assert len(model.requests) == 2


def test_an_answer_from_before_costs_nothing_and_is_counted():
    shelf, budget = Shelf(), Budget(max_calls=1)
    asked, _ = client(Scripted("Hi."), memory=shelf, budget=budget)

    async def twice() -> None:
        await asked.say(HELLO)
        await asyncio.sleep(0)
        await asked.say(HELLO)

    run(twice)
    assert (budget.spent.calls, budget.spent.cached) == (1, 1)


def test_an_object_is_cached_if_all_its_questions_are():
    shelf = Shelf()

    async def ask(*script: Any) -> Any:
        return await client(Scripted(*script), memory=shelf)[0].ask(HELLO, Verdict)

    assert not run(lambda: ask("Maybe.", YES)).cached
    answer = run(lambda: ask(fault()))
    assert (answer.cached, answer.asked, answer.value) == (True, 2, Verdict(anomalous="yes"))


def test_errors_are_not_kept():
    shelf = Shelf()
    asked, _ = client(Scripted(fault("refused"), "Hi."), memory=shelf)
    with pytest.raises(ModelError):
        run(lambda: asked.say(HELLO))
    assert shelf.kept == {}


class NamedByServer(Scripted):
    """A model whose name is known once the server told it."""

    name = "http://localhost:8000/v1"

    def __init__(self, told: str, *script: Any) -> None:
        super().__init__(*script)
        self.told = told
        self.broken = False

    async def ready(self) -> None:
        if self.broken:
            raise fault("unreachable")
        self.name = f"http://localhost:8000/v1#{self.told}"


def test_replies_are_kept_under_the_name_the_server_tells():
    shelf = Shelf()

    async def say(told: str, text: str) -> Any:
        return await client(NamedByServer(told, text), memory=shelf)[0].say(HELLO)

    assert run(lambda: say("a", "of a")).value == "of a"
    assert run(lambda: say("b", "of b")).value == "of b", "another model on the same server is another model"
    assert run(lambda: say("a", "anew")).value == "of a"
    assert {name for name, _ in shelf.kept} == {"http://localhost:8000/v1#a", "http://localhost:8000/v1#b"}


def test_a_server_that_does_not_tell_its_name_is_tried_again():
    model = NamedByServer("a", fault("unreachable"), "Hi.")
    model.broken = True
    asked, waits = client(model, memory=Shelf())
    assert run(lambda: asked.say(HELLO)).value == "Hi."
    assert len(waits) == 1
