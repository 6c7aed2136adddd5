"""A chat model that answers from a script, and a client of it whose clock stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic import BaseModel

from ruler.errors import ModelError
from ruler.llm.base import Message, Reply, Request, TokenUsage
from ruler.llm.budget import Budget
from ruler.llm.client import Client, ClientOptions
from ruler.llm.prices import Price, Prices, upper_bound

HELLO = Request((Message("user", "Hello?"),))
USAGE = TokenUsage(100, 10)
YES, NO = '{"anomalous": "yes"}', '{"anomalous": "no"}'


class Verdict(BaseModel):
    anomalous: Literal["yes", "no"]


class Scripted:
    """A chat model that answers from a script: texts, replies, errors, or functions of the request.

    The last line stands for all that come after it.
    """

    name = "scripted:m"

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.under_way = 0
        self.most = 0
        self.closed = False

    async def generate(self, request: Request) -> Reply:
        self.requests.append(request)
        line = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0)
            line = line(request) if callable(line) else line
            if isinstance(line, Awaitable):
                line = await line
        finally:
            self.under_way -= 1
        if isinstance(line, Exception):
            raise line
        return line if isinstance(line, Reply) else Reply(line, USAGE)

    async def close(self) -> None:
        self.closed = True

    @property
    def modes(self) -> list[str]:
        return [request.mode for request in self.requests]


def fault(kind: str = "failed", **more: Any) -> ModelError:
    return ModelError("broke", kind=kind, **more)


class Waits(list[float]):
    """A clock's stand-in: keeps what it was to wait."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(model: Scripted, **more: Any) -> tuple[Client, Waits]:
    waits = Waits()
    options = more.pop("options", ClientOptions(retries=3, first_wait=1.0))
    return Client(model, options=options, sleep=waits, jitter=lambda: 0.5, **more), waits


def run(asked: Callable[[], Awaitable[Any]]) -> Any:
    async def inner() -> Any:
        return await asked()

    return asyncio.run(inner())


def priced(**limits: Any) -> Budget:
    return Budget(prices=Prices({"scripted:m": Price(input=1.0, output=10.0)}), **limits)


def cost(usage: TokenUsage) -> float:
    return (usage.prompt + 10 * usage.completion) / 1_000_000


def bound(request: Request = HELLO) -> float:
    return cost(upper_bound(request))
