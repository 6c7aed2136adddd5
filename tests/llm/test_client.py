"""The client: tries again, asks again, and asks less strictly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ruler.errors import ModelError
from ruler.llm.base import Message, Request
from ruler.llm.client import LONGEST_WAIT, Client, ClientOptions
from tests.llm.scripted import HELLO, NO, YES, Scripted, Verdict, Waits, client, fault, run


def test_words_come_back():
    model = Scripted(" Hi.\n")
    answer = run(lambda: client(model)[0].say(HELLO))
    assert (answer.value, answer.asked, answer.cached, answer.problem) == ("Hi.", 1, False, "")
    assert model.requests == [HELLO]


def test_no_words_are_a_problem_and_no_value():
    answer = run(lambda: client(Scripted("  "))[0].say(HELLO))
    assert answer.value is None
    assert answer.problem


@pytest.mark.parametrize("kind", ["unreachable", "busy", "failed"])
def test_what_may_pass_is_tried_again_with_longer_and_longer_waits(kind):
    model = Scripted(fault(kind), fault(kind), "Hi.")
    asked, waits = client(model)
    assert run(lambda: asked.say(HELLO)).value == "Hi."
    assert len(model.requests) == 3
    assert waits == [1.0, 2.0]
    assert asked.last_error is None


def test_jitter_spreads_the_waits():
    seen = set()
    for jitter in (0.0, 0.25, 1.0):
        waits = Waits()
        model = Scripted(fault(), "Hi.")
        run(lambda m=model, w=waits, j=jitter: Client(m, sleep=w, jitter=lambda: j).say(HELLO))
        seen.update(waits)
    assert len(seen) == 3
    assert all(0.25 <= wait <= 0.75 for wait in seen)


def test_a_server_is_given_the_time_it_asks_for():
    model = Scripted(fault("busy", retry_after=7.5), fault("busy", retry_after=0.0), "Hi.")
    asked, waits = client(model)
    assert run(lambda: asked.say(HELLO)).value == "Hi."
    assert waits == [7.5, 0.0]


def test_a_server_that_asks_for_too_long_is_given_up():
    error = fault("busy", retry_after=LONGEST_WAIT + 1)
    model = Scripted(error)
    asked, waits = client(model)
    with pytest.raises(ModelError) as caught:
        run(lambda: asked.say(HELLO))
    assert caught.value is error
    assert (len(model.requests), waits) == (1, [])


def test_attempts_are_bounded():
    error = fault()
    model = Scripted(fault(), fault(), fault(), error)
    asked, waits = client(model)
    with pytest.raises(ModelError) as caught:
        run(lambda: asked.say(HELLO))
    assert caught.value is error, "the last error is the one that is told"
    assert asked.last_error is error
    assert (len(model.requests), len(waits)) == (4, 3)


@pytest.mark.parametrize("kind", ["refused", "unknown", "request", "filtered", "reply"])
def test_what_does_not_pass_is_not_tried_again(kind):
    model = Scripted(fault(kind))
    asked, waits = client(model)
    with pytest.raises(ModelError):
        run(lambda: asked.say(HELLO))
    assert (len(model.requests), waits) == (1, [])
    assert asked.last_error is not None and asked.last_error.kind == kind


def test_an_object_is_asked_for_with_its_schema():
    model = Scripted(YES)
    answer = run(lambda: client(model)[0].ask(HELLO, Verdict))
    assert answer.value == Verdict(anomalous="yes")
    assert (answer.mode, answer.asked, answer.problem, answer.reply.text) == ("schema", 1, "", YES)
    assert model.requests[0].schema is not None
    assert model.requests[0].messages == HELLO.messages, "a server that is given the schema is not told it in words"


def test_an_unreadable_reply_is_asked_for_once_more_with_what_is_wrong():
    model = Scripted("Maybe.", NO)
    answer = run(lambda: client(model)[0].ask(HELLO, Verdict))
    assert (answer.value, answer.asked, answer.problem) == (Verdict(anomalous="no"), 2, "")
    again = model.requests[1]
    assert [m.role for m in again.messages] == ["user", "assistant", "user"]
    assert again.messages[1].text == "Maybe."
    assert "no JSON object" in again.messages[2].text
    assert '"anomalous": "yes" or "no"' in again.messages[2].text


def test_a_second_unreadable_reply_is_the_last():
    model = Scripted("Maybe.", '{"anomalous": "perhaps"}')
    answer = run(lambda: client(model)[0].ask(HELLO, Verdict))
    assert (answer.value, answer.asked) == (None, 2)
    assert "anomalous" in answer.problem
    assert answer.reply.text == '{"anomalous": "perhaps"}'
    assert len(model.requests) == 2


def not_yes(verdict: Verdict) -> str:
    return "It is never yes." if verdict.anomalous == "yes" else ""


def test_an_object_with_a_fault_is_asked_for_once_more():
    model = Scripted(YES, NO)
    answer = run(lambda: client(model)[0].ask(HELLO, Verdict, not_yes))
    assert (answer.value, answer.asked, answer.problem) == (Verdict(anomalous="no"), 2, "")
    assert "It is never yes" in model.requests[1].messages[-1].text


def test_an_object_whose_fault_stays_is_given_with_it():
    answer = run(lambda: client(Scripted(YES))[0].ask(HELLO, Verdict, not_yes))
    assert answer.value == Verdict(anomalous="yes")
    assert answer.problem == "It is never yes."


def test_an_object_with_a_fault_is_better_than_none():
    answer = run(lambda: client(Scripted(YES, "Sorry."))[0].ask(HELLO, Verdict, not_yes))
    assert answer.value == Verdict(anomalous="yes")
    assert answer.reply.text == YES
    assert (answer.problem, answer.asked) == ("It is never yes.", 2)


def only(*modes: str, kind: str = "request") -> Callable[[Request], Any]:
    return lambda request: YES if request.mode in modes else fault(kind)


@pytest.mark.parametrize(("takes", "asked_in"), [("json", ["schema", "json"]), ("text", ["schema", "json", "text"])])
@pytest.mark.parametrize("kind", ["request", "failed"])
def test_a_server_that_takes_no_schema_is_told_in_words_and_that_is_remembered(takes, asked_in, kind):
    model = Scripted(only(takes, kind=kind))
    asked, _ = client(model, options=ClientOptions(retries=0))

    async def twice() -> list[Any]:
        return [await asked.ask(HELLO, Verdict), await asked.ask(Request((Message("user", "Bye?"),)), Verdict)]

    answers = run(twice)
    assert [answer.mode for answer in answers] == [takes, takes]
    assert all(answer.value == Verdict(anomalous="yes") for answer in answers)
    assert model.modes == [*asked_in, takes]
    for request in model.requests:
        told = '"anomalous": "yes" or "no"' in request.messages[-1].text
        assert told == (request.mode != "schema")


def test_the_second_question_tells_the_form_once_in_every_mode():
    model = Scripted(lambda request: "Maybe." if request.mode == "text" else fault("request"))
    run(lambda: client(model)[0].ask(HELLO, Verdict))
    again = model.requests[-1]
    assert len(again.messages) == 3
    assert again.messages[-1].text.count('"anomalous": "yes" or "no"') == 1


def test_a_request_that_no_way_of_asking_helps_fails_with_the_first_refusal():
    first = fault("request", status=413)
    model = Scripted(first, fault("request"), fault("request"), YES)
    asked, _ = client(model)

    async def twice() -> Any:
        with pytest.raises(ModelError) as caught:
            await asked.ask(HELLO, Verdict)
        assert caught.value is first
        return await asked.ask(Request((Message("user", "Shorter?"),)), Verdict)

    answer = run(twice)
    assert answer.mode == "schema", "it was the request, not the format"


@pytest.mark.parametrize("kind", ["refused", "unknown", "filtered", "unreachable"])
def test_what_no_format_mends_is_told_as_it_is(kind):
    model = Scripted(fault(kind))
    asked, _ = client(model, options=ClientOptions(retries=0))
    with pytest.raises(ModelError) as caught:
        run(lambda: asked.ask(HELLO, Verdict))
    assert caught.value.kind == kind
    assert model.modes == ["schema"]


def test_a_connection_lost_on_the_way_down_is_told_as_it_is():
    asked, _ = client(Scripted(fault("request"), fault("unreachable")), options=ClientOptions(retries=0))
    with pytest.raises(ModelError) as caught:
        run(lambda: asked.ask(HELLO, Verdict))
    assert caught.value.kind == "unreachable"


def test_the_laxest_way_that_was_needed_stays():
    ways = {"schema": fault("request"), "json": YES, "text": YES}
    model = Scripted(lambda request: ways[request.mode])
    asked, _ = client(model, options=ClientOptions(retries=0))

    async def many() -> None:
        await asked.ask(HELLO, Verdict)
        ways["json"] = fault("request")
        await asyncio.gather(*(asked.ask(Request(HELLO.messages, vote=v), Verdict) for v in range(1, 4)))
        await asked.ask(Request(HELLO.messages, vote=9), Verdict)

    run(many)
    assert model.modes[-1] == "text"
    assert model.modes.count("schema") == 1


def test_a_slower_call_does_not_bring_back_a_way_that_failed_meanwhile():
    opened = asyncio.Event()

    async def slow() -> str:
        await opened.wait()
        return YES

    def answer(request: Request) -> Any:
        if request.mode == "text":
            return YES
        return slow() if request.mode == "json" and request.vote == 0 else fault("request")

    model = Scripted(answer)
    asked, _ = client(model)

    async def three() -> None:
        first = asyncio.ensure_future(asked.ask(HELLO, Verdict))
        await asked.ask(Request(HELLO.messages, vote=1), Verdict)
        opened.set()
        await first
        await asked.ask(Request(HELLO.messages, vote=2), Verdict)

    run(three)
    assert model.modes[-1] == "text"
    assert model.requests[-2].vote != 2
