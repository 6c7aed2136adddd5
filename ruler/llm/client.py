"""A chat model as the stages use it: requests in; answers that were read and checked out.

Between the two stand the cache, the budget, a limit on calls at a time, bounded retries and the ways down from a strict
format to plain words.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from ruler.errors import ModelError, TaughtError
from ruler.llm.base import ChatModel, Message, Mode, Reply, Request, TokenUsage
from ruler.llm.budget import Budget
from ruler.llm.structured import in_words, parse, schema_of, unfit

T = TypeVar("T", bound=BaseModel)
Value = TypeVar("Value")

LONGEST_WAIT = 120.0
"""Seconds; a server that asks to wait longer is taken as not answering."""

_LESSONS = 8
"""Parameters that a server may refuse, one after another, in one request."""

_WAYS: tuple[Mode, ...] = ("schema", "json", "text")
"""How a format may be asked for, the strictest first."""


class Memory(Protocol):
    """Where replies are kept; see `cache.py`."""

    def get(self, model: str, request: Request) -> Reply | None:
        """The reply to a request that was answered before."""

    def put(self, model: str, request: Request, reply: Reply) -> None:
        """Keep a reply."""


@runtime_checkable
class NamedLate(Protocol):
    """A model whose name is not known before its server was asked; replies are kept under its name."""

    async def ready(self) -> None:
        """Make the name final.

        Raises:
            ModelError: the server does not say, or has several models.
        """


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a model is asked.

    Attributes:
        concurrency: calls at a time.
        retries: attempts after the first, where the trouble may pass.
        first_wait: seconds before the second attempt where the server does not say; doubled each time, with jitter.
    """

    concurrency: int = 8
    retries: int = 4
    first_wait: float = 0.5


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """What came of asking.

    Attributes:
        value: what was read; None where nothing readable came, even after asking once more.
        reply: the last reply, its raw text in it.
        mode: how the format was asked for in the end.
        asked: requests it took, answered from the cache or not.
        cached: all of them were answered from the cache.
        problem: what is wrong with the last reply; empty where nothing is.
    """

    value: Value | None
    reply: Reply
    mode: Mode = "text"
    asked: int = 1
    cached: bool = False
    problem: str = ""


class Client:
    """Asks one model.

    Attributes:
        model: the model.
        budget: what may still be spent; shared by all clients of a run.
        last_error: the last error that let a request go without an answer; None where there was none.
    """

    def __init__(
        self,
        model: ChatModel,
        budget: Budget | None = None,
        memory: Memory | None = None,
        options: ClientOptions = ClientOptions(),
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.model = model
        self.budget = budget or Budget()
        self.last_error: ModelError | None = None
        # What is replayed is on this disk already, and is no call.
        self._replays = bool(getattr(model, "replays", False))
        self._memory = None if self._replays else memory
        self._options = options
        self._sleep = sleep
        self._jitter = jitter
        self._limit = asyncio.Semaphore(options.concurrency)
        self._running: dict[str, asyncio.Task[tuple[Reply, bool]]] = {}
        self._mode: Mode = "schema"
        self._worked: set[Mode] = set()

    @property
    def name(self) -> str:
        """The model string, without secrets."""
        return self.model.name

    async def close(self) -> None:
        """Give up what is under way and give back connections."""
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self.model.close()

    async def say(self, request: Request) -> Answer[str]:
        """Ask for words.

        Raises:
            ModelError: no answer could be had.
            BudgetError: the budget is used up.
        """
        reply, cached = await self._reply(request)
        text = reply.text.strip()
        return Answer(text or None, reply, "text", 1, cached, "" if text else "the reply is empty")

    async def ask(self, request: Request, kind: type[T], check: Callable[[T], str] | None = None) -> Answer[T]:
        """Ask for an object.

        A reply that cannot be read, or that `check` finds fault with, is asked for once more, with what is wrong.

        Args:
            request: without a schema; that of `kind` is put in.
            kind: pydantic model of what is wanted.
            check: what is wrong with an object that could be read, in words for the model; empty where nothing is.

        Returns:
            Its value is None only where even the second reply could not be read; one that `check` still finds fault
            with is given, with the problem.

        Raises:
            ModelError: no answer could be had.
            BudgetError: the budget is used up.
        """
        schema = schema_of(kind)
        first, mode, cached = await self._descend(replace(request, schema=schema))
        value, problem = parse(kind, first)
        problem = problem or (check(value) if check is not None and value is not None else "")
        if not problem:
            return Answer(value, first, mode, 1, cached)
        again = replace(
            request,
            schema=schema,
            messages=(*request.messages, Message("assistant", first.text), Message("user", unfit(problem, schema))),
        )
        second, mode, cached_too = await self._descend(again)
        repaired, wrong = parse(kind, second)
        if repaired is None and value is not None:
            # The first could be read at least; it stays, with its fault.
            return Answer(value, first, mode, 2, cached and cached_too, problem)
        wrong = wrong or (check(repaired) if check is not None and repaired is not None else "")
        return Answer(repaired, second, mode, 2, cached and cached_too, wrong)

    async def _descend(self, request: Request) -> tuple[Reply, Mode, bool]:
        """Ask in the strictest way the server is known to take, and in laxer ones where it refuses."""
        mode, refused = self._mode, None
        while True:
            asked = replace(request, mode=mode)
            try:
                reply, cached = await self._reply(in_words(asked) if mode != "schema" else asked)
            except ModelError as error:
                # llama.cpp's server answers 500 to a schema it cannot take, others 400 or 422.
                # But a way that worked before is not refused by a fault of the server.
                if error.kind != "request" and (error.kind != "failed" or mode in self._worked):
                    raise
                if mode == "text":
                    raise (refused or error) from None
                refused, mode = refused or error, _WAYS[_WAYS.index(mode) + 1]
                continue
            self._worked.add(mode)
            if refused is not None:
                self._mode = max(self._mode, mode, key=_WAYS.index)
            return reply, mode, cached

    async def _reply(self, request: Request) -> tuple[Reply, bool]:
        """The reply to a request, and whether it came from the cache; equal requests under way are one."""
        key = request.identity()
        task = self._running.get(key)
        joined = task is not None
        if task is None:
            task = asyncio.ensure_future(self._fetch(request))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        reply, cached = await asyncio.shield(task)
        return reply, cached or joined

    def _forget(self, key: str, done: asyncio.Task[tuple[Reply, bool]]) -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio does not complain where whoever asked is gone

    async def _fetch(self, request: Request) -> tuple[Reply, bool]:
        known = await self._remembered(request)
        if known is not None:
            self.budget.count_cached()
            return known, True
        async with self._limit:
            # tenacity is given our own clock, so that tests do not wait.
            tries = AsyncRetrying(
                sleep=self._sleep,
                stop=stop_after_attempt(self._options.retries + 1),
                wait=self._wait,
                retry=retry_if_exception(_worth_another),
                reraise=True,
            )
            try:
                async for attempt in tries:
                    with attempt:
                        reply = await self._call(request)
            except ModelError as error:
                self.last_error = error
                raise
        if self._memory is not None:
            self._memory.put(self.name, request, reply)
        return reply, False

    async def _remembered(self, request: Request) -> Reply | None:
        if self._memory is None:
            return None
        if isinstance(self.model, NamedLate):
            try:
                await self.model.ready()
            except ModelError:
                return None  # the call itself meets it again, and is tried again
        return self._memory.get(self.name, request)

    async def _call(self, request: Request) -> Reply:
        """One attempt; what a server refuses is left out, and each request that is sent is a call."""
        for _ in range(_LESSONS - 1):
            try:
                return await self._send(request)
            except TaughtError:
                continue
        return await self._send(request)

    async def _send(self, request: Request) -> Reply:
        """One request, paid for: its upper bound is set aside before, and settled by what the server counted."""
        if self._replays:
            reply = await self.model.generate(request)
            self.budget.count_replayed()
            return reply
        reservation = self.budget.reserve(self.name, request)
        try:
            reply = await self.model.generate(request)
        except ModelError as error:
            # Whoever did not answer in time, or not in a readable way, may have worked, and bill, all the same.
            if error.sent:
                reservation.keep()
            else:
                reservation.settle(TokenUsage())
            raise
        except BaseException:
            reservation.keep()
            raise
        reservation.settle(reply.usage)
        return reply

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after if isinstance(error, ModelError) else None
        backoff = self._options.first_wait * 2 ** (state.attempt_number - 1) * (0.5 + self._jitter())
        return max(asked, 0.0) if asked is not None else backoff


def _worth_another(error: BaseException) -> bool:
    if not isinstance(error, ModelError) or not error.passing:
        return False
    return error.retry_after is None or error.retry_after <= LONGEST_WAIT
