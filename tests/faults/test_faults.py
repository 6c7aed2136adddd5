"""Every kind of fault over real connections: what is tried again, asked again, dropped, marked or given up."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ruler.deduction.judge import Judgement, Recheck, judge
from ruler.deduction.recheck import find_cases, recheck
from ruler.errors import BudgetError, RulerError
from ruler.llm.budget import Budget, Spent
from ruler.llm.cache import ReplyCache
from ruler.llm.client import Client, ClientOptions
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from ruler.llm.prompts import Prompts
from ruler.schema import Observation, Status
from tests.faults.fault_server import PASSING, RETRY_AFTER, Asked, Exchange, Fault, FaultServer, Plan, always, first
from tests.faults.yard import FRAME_RATE, RULES, answer, is_anomalous

CALM = "There are two people. One person is walking near the gate. Other than people, there is a tree."
CLIMB = "There are two people. One person is climbing over the fence by the door. Other than people, there is a bin."
SIGN = "There is one person. One person looks at a sign that shows somebody climbing. Other than people, a bench."
PONY = "There are four people. One person feeds a pony under the lamp. Other than people, there is a cart."
CAPTIONS = [CALM] * 10 + [CLIMB] * 10 + [SIGN] * 10 + [PONY] * 10
MIDDLE = {CALM: 4, CLIMB: 15, SIGN: 25, PONY: 35}
"""Caption → a frame amid those that have it."""

RETRIES = 2
FIRST_WAIT = 0.5

BODIES = (Fault.FAILED, Fault.SHORT, Fault.TRUNCATED, Fault.HTML, Fault.NO_CHOICES)
"""After which a laxer way to ask is tried: servers that cannot take a schema fail like this, too."""


@dataclass(frozen=True)
class Heard:
    before: Judgement
    after: Judgement
    stopped: RulerError | None
    log: list[Exchange]
    waits: list[float]
    spent: Spent

    def said(self, caption: str) -> Recheck:
        return self.after.rechecks[MIDDLE[caption]]

    def kept(self, caption: str) -> bool:
        """Whether the initial finding stands."""
        return bool(self.after.smoothed[MIDDLE[caption]] == self.before.smoothed[MIDDLE[caption]])

    def exchanges(self, caption: str) -> list[Exchange]:
        return [e for e in self.log if e.asked.caption == caption]


def hear(plan: Plan, captions: list[str] = CAPTIONS, **how: Any) -> Heard:
    """Recheck a video of captions against a server that fails by plan."""
    with FaultServer(answer, plan) as server:
        return hear_from(server, captions, **how)


def hear_from(
    server: FaultServer,
    captions: list[str] = CAPTIONS,
    *,
    timeout: float = 60.0,
    retries: int = RETRIES,
    budget: Budget | None = None,
    memory: ReplyCache | None = None,
) -> Heard:
    observations = [Observation(i, i / FRAME_RATE, caption) for i, caption in enumerate(captions)]
    before = judge(observations, RULES.rules)
    cases = find_cases(before, dict(enumerate(captions)), RULES.rules)
    waits: list[float] = []
    budget = budget or Budget()

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> tuple[Judgement, RulerError | None]:
        model = OpenAIModel(parse_model(server.url, {}), timeout, environment={})
        options = ClientOptions(retries=retries, first_wait=FIRST_WAIT)
        client = Client(model, budget, memory, options, sleep=noted, jitter=lambda: 0.5)
        try:
            return await recheck(before, cases, dict(enumerate(captions)), RULES.rules, client, Prompts())
        finally:
            await client.close()

    after, stopped = asyncio.run(run())
    return Heard(before, after, stopped, server.log, waits, budget.spent)


def assert_right(heard: Heard) -> None:
    assert heard.stopped is None
    for caption in dict.fromkeys(CAPTIONS):
        said = heard.said(caption)
        assert said.status is Status.OK
        assert said.votes == (is_anomalous(caption),)
        assert [e.quote for e in said.evidence if (e.quote or "") not in caption] == []
        assert bool(said.evidence) is is_anomalous(caption)
        assert bool(heard.after.smoothed[MIDDLE[caption]] >= 1) is is_anomalous(caption)


def test_without_faults_each_case_is_asked_once():
    heard = hear(lambda _: None)
    assert_right(heard)
    assert len(heard.log) == len({e.asked.key for e in heard.log})
    assert heard.spent == Spent(len(heard.log), 0, 400 * len(heard.log), 40 * len(heard.log))
    assert heard.waits == []


@pytest.mark.parametrize("fault", [f for f in PASSING if f is not Fault.HANG])
def test_what_passes_is_tried_again_until_the_right_verdict(fault):
    heard = hear(first(fault, RETRIES))
    assert_right(heard)
    for key, attempts in Counter(e.asked.key for e in heard.log).items():
        assert attempts == RETRIES + 1
        assert [e.fault for e in heard.log if e.asked.key == key] == [fault] * RETRIES + [None]
    assert len(heard.waits) == RETRIES * len({e.asked.key for e in heard.log})
    asked_to_wait = fault is Fault.BUSY_FOR
    assert set(heard.waits) == ({RETRY_AFTER} if asked_to_wait else {FIRST_WAIT, 2 * FIRST_WAIT})
    assert heard.spent.calls == len(heard.log), "every attempt is counted"


def test_a_server_that_hangs_is_left_and_asked_again():
    # One caption, since each hang takes the whole timeout.
    heard = hear(first(Fault.HANG), [PONY] * 40, timeout=0.5)
    assert heard.said(PONY).votes == (True,)
    assert (heard.log[0].fault, heard.log[-1].answered) == (Fault.HANG, True)
    assert heard.waits[0] == FIRST_WAIT
    assert heard.spent.calls == len(heard.log)
    assert heard.spent.prompt_tokens > 400, "what was asked of the server that hung may be billed, and is counted"


@pytest.mark.parametrize("fault", [f for f in PASSING if f not in BODIES and f is not Fault.HANG])
def test_where_the_trouble_stays_the_initial_finding_does_too(fault):
    heard = hear(always(fault))
    assert heard.stopped is None
    assert heard.after.smoothed.tolist() == heard.before.smoothed.tolist()
    for caption in dict.fromkeys(CAPTIONS):
        said = heard.said(caption)
        assert (said.status, said.probability, said.votes) == (Status.DEGRADED, None, ())
        assert said.notes[0].startswith("no model answered (")
    assert set(Counter(e.asked.key for e in heard.log).values()) == {RETRIES + 1}, "retries are bounded"
    assert heard.spent.calls == len(heard.log)


def test_a_server_that_always_hangs_is_left_for_good():
    heard = hear(always(Fault.HANG), [PONY] * 40, timeout=0.2, retries=1)
    assert heard.said(PONY).status is Status.DEGRADED
    assert "did not answer within 0.2 s" in heard.said(PONY).notes[0]
    assert len(heard.log) == 2
    assert heard.kept(PONY)


@pytest.mark.parametrize("fault", BODIES)
def test_a_server_that_fails_for_good_is_asked_in_laxer_ways_before_it_is_given_up(fault):
    heard = hear(always(fault), [PONY] * 40)
    assert heard.said(PONY).status is Status.DEGRADED
    assert heard.kept(PONY)
    ways = [e.asked.body.get("response_format", {}).get("type") for e in heard.log]
    assert ways == ["json_schema"] * 3 + ["json_object"] * 3 + [None] * 3
    assert heard.spent.calls == len(heard.log)


def test_a_refusal_is_not_argued_with_and_the_initial_finding_stands():
    heard = hear(lambda asked: Fault.REFUSAL if asked.caption == CLIMB else None)
    said = heard.said(CLIMB)
    assert said.status is Status.DEGRADED
    assert "declined to answer (I cannot help with that.)" in said.notes[0]
    assert heard.kept(CLIMB)
    asked = [e.asked.key for e in heard.exchanges(CLIMB)]
    assert len(asked) == len(set(asked)), "and not asked for again"
    assert heard.said(PONY).votes == (True,), "the others were heard"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.WRONG_IDS, "There is no rule A99."),
        (Fault.INVENTED, "The quote “a unicorn in the snow” for"),
        (Fault.UNREADABLE, "the reply holds no JSON object"),
        (Fault.LENGTH, "the reply was cut off before its end; write less"),
    ],
)
def test_a_reply_that_does_not_hold_is_asked_for_once_more_with_what_is_wrong(fault, told):
    heard = hear(lambda asked: fault if not asked.turn else None)
    assert_right(heard)
    for caption in dict.fromkeys(CAPTIONS):
        assert heard.said(caption).notes == (), "what was mended is not held against it"
        exchanges = heard.exchanges(caption)
        assert Counter(e.asked.turn for e in exchanges) == {0: len(exchanges) / 2, 1: len(exchanges) / 2}
        assert all(told in e.asked.body["messages"][-1]["content"] for e in exchanges if e.asked.turn)
    assert all(e.answered for e in heard.log)
    assert heard.waits == [], "nothing passes by waiting here"


@pytest.mark.parametrize(
    ("fault", "note"),
    [
        (Fault.WRONG_IDS, "dropped: There is no rule A99."),
        (Fault.INVENTED, "dropped: The quote “a unicorn in the snow” for A1 does not stand in the description."),
    ],
)
def test_claims_that_never_hold_are_dropped_and_marked(fault, note):
    heard = hear(always(fault))
    # A verdict without any claim that holds counts for nothing, once it was asked for afresh.
    for caption in (CLIMB, PONY):
        said = heard.said(caption)
        assert (said.status, said.probability, said.evidence) == (Status.UNPARSED, None, ())
        assert heard.kept(caption)
        assert {e.asked.turn for e in heard.exchanges(caption)} == {0, 1}
    assert heard.said(CLIMB).notes == (note,)
    assert json.loads(heard.said(CLIMB).raw)["anomalous"] == "yes", "what came is kept"
    # "No" needs none.
    for caption in (CALM, SIGN):
        assert (heard.said(caption).status, heard.said(caption).votes) == (Status.OK, (False,))
        assert heard.said(caption).notes[0].startswith("dropped: ")


def test_a_verdict_whose_claims_do_not_hold_is_asked_for_afresh():
    heard = hear(lambda asked: None if asked.body["seed"] else Fault.INVENTED, [CLIMB] * 40)
    said = heard.said(CLIMB)
    assert (said.status, said.votes) == (Status.OK, (True,))
    assert [e.quote for e in said.evidence] == ["climbing over the fence"]
    assert [(e.asked.turn, e.asked.body["seed"] > 0) for e in heard.log] == [(0, False), (1, False), (0, True)]
    assert "unicorn" not in str(heard.log[-1].asked.body), "without its first answer"


@pytest.mark.parametrize(
    ("fault", "raw"), [(Fault.UNREADABLE, "Looks fine to me!"), (Fault.LENGTH, '{"findings": [{"rule": ')]
)
def test_what_can_never_be_read_is_unparsed_and_kept(fault, raw):
    heard = hear(always(fault), [CLIMB] * 40)
    said = heard.said(CLIMB)
    assert (said.status, said.probability) == (Status.UNPARSED, None)
    assert said.raw.startswith(raw)
    assert heard.kept(CLIMB)
    assert [e.asked.turn for e in heard.log] == [0, 1]


def test_what_was_answered_is_not_asked_again_by_the_next_run(tmp_path: Path):
    def plan(asked: Asked) -> Fault | None:
        if asked.caption == CLIMB:
            return Fault.REFUSAL
        return None if asked.turn else Fault.WRONG_IDS

    with FaultServer(answer, plan) as server, ReplyCache(tmp_path / "cache.sqlite") as memory:
        once = hear_from(server, memory=memory)
        asked = len(server.log)
        again = hear_from(server, memory=memory)
    assert again.after.smoothed.tolist() == once.after.smoothed.tolist()
    assert server.repeated == []
    assert {e.asked.caption for e in server.log[asked:]} == {CLIMB}, "a refusal is no answer"
    assert again.spent.calls == len(server.log) - asked


def test_attempts_too_stay_within_the_limit():
    heard = hear(first(Fault.OVERLOADED), budget=Budget(max_calls=5))
    assert isinstance(heard.stopped, BudgetError)
    assert len(heard.log) == heard.spent.calls == 5
    assert all(said.status in (Status.OK, Status.DEGRADED) for said in heard.after.rechecks.values())
