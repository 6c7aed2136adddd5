"""What our client costs beside a bare AsyncOpenAI: calls a second and CPU time per call, eight calls at a time.

    python -m benchmarks.client_overhead [ROUNDS] [CALLS]

A server in a process of its own answers every call after 50 ms. Ours checks each reply against a schema, keeps it in a
fresh SQLite file and counts it against a budget; the other one sends the very same payloads under a semaphore. Rounds
are short and alternate, and so does who begins, so that both meet the same load of the machine; the ratio is the median
of those of the rounds.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
from openai import AsyncOpenAI
from pydantic import BaseModel

from benchmarks.data import table
from benchmarks.stub_server import answer
from ruler.llm.base import Message, Request
from ruler.llm.budget import Budget
from ruler.llm.cache import ReplyCache
from ruler.llm.client import Client, ClientOptions
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel

CONCURRENCY = 8
MILLISECONDS = 50
ROUNDS, CALLS = 24, 160

LEAST_RATIO = 0.95
MOST_CPU = 3.0
"""What is wanted: of the bare client's calls a second, and milliseconds of CPU time per call over the bare client's."""


class Opinion(BaseModel):
    """What is asked for."""

    reason: str
    anomalous: Literal["yes", "no"]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round took: calls a second, and milliseconds of CPU time per call."""

    rate: float
    cpu: float


def main(rounds: int = ROUNDS, calls: int = CALLS) -> None:
    """Measure and print the table."""
    before = os.getloadavg()[0]
    with stub() as port:
        ours, bare = asyncio.run(measured(f"http://127.0.0.1:{port}/v1", rounds, calls))
    ratios = [o.rate / b.rate for o, b in zip(ours, bare, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    more = statistics.median(o.cpu - b.cpu for o, b in zip(ours, bare, strict=True))
    print(
        f"{CONCURRENCY} calls at a time, answered after {MILLISECONDS} ms; medians of {rounds} rounds of {calls} calls "
        f"each; {os.cpu_count()} cores, load {before:.1f} before and {os.getloadavg()[0]:.1f} after\n"
    )
    rows = [
        (name, f"{statistics.median(r.rate for r in told):.1f}", f"{statistics.median(r.cpu for r in told):.2f}")
        for name, told in (("ruler's client", ours), ("bare AsyncOpenAI", bare))
    ]
    beside = ("ours beside it", f"× {ratio:.3f} (half of the rounds: {low:.3f} to {high:.3f})", f"+ {more:.2f}")
    wanted = ("wanted", f"× {LEAST_RATIO} or more", f"+ {MOST_CPU:g} or less")
    table(("client", "calls/s", "CPU ms per call"), [*rows, beside, wanted])


@contextmanager
def stub() -> Iterator[int]:
    """The stub server in a process of its own; its port."""
    command = [sys.executable, "-m", "benchmarks.stub_server", str(MILLISECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


async def measured(url: str, rounds: int, calls: int) -> tuple[list[Round], list[Round]]:
    """Rounds of our client and of the bare one, in turns, after one of each that is not counted."""
    model = OpenAIModel(parse_model(f"{url}#stub", {}), environment={})
    bare_client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    limit = asyncio.Semaphore(CONCURRENCY)
    payload = await payload_of(request(0))
    ours: list[Round] = []
    bare: list[Round] = []

    async def ask_bare(number: int) -> None:
        messages = [*payload["messages"][:-1], {"role": "user", "content": request(number).messages[-1].text}]
        async with limit:
            await bare_client.chat.completions.create(**{**payload, "messages": messages})

    async def round_of_ours(number: int) -> None:
        with ReplyCache(Path(folder) / f"{number}.sqlite") as memory:
            client = Client(model, Budget(max_calls=calls), memory, ClientOptions(CONCURRENCY))

            async def ask(number: int) -> None:
                told = await client.ask(request(number), Opinion)
                assert told.value is not None and not told.cached

            ours.append(await timed(ask, calls))

    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            if number % 2:
                await round_of_ours(number)
            bare.append(await timed(ask_bare, calls))
            if not number % 2:
                await round_of_ours(number)
    await model.close()
    await bare_client.close()
    return ours[1:], bare[1:]


async def timed(ask: Callable[[int], Awaitable[None]], calls: int) -> Round:
    """One round: all calls at once, as many of them under way as the client lets."""
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(ask(number) for number in range(calls)))
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    return Round(calls / took, 1000 * spent / calls)


def request(number: int) -> Request:
    """A question of a recheck's size."""
    rules = "\n".join(f"A{n}: Something that is not usual at this place, number {n} of them" for n in range(1, 11))
    told = f"Frame {number}: there are {number % 7} people. One of them walks past a bench, the others stand by a tree."
    return Request((Message("system", f"Hold what is told against the rules.\n{rules}"), Message("user", told)))


async def payload_of(asked: Request) -> dict[str, Any]:
    """What our client sends for a request, read off its connection."""
    sent: list[dict[str, Any]] = []

    def noted(heard: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(heard.content))
        return httpx2.Response(200, content=answer().partition(b"\r\n\r\n")[2])

    listening = httpx2.AsyncClient(transport=httpx2.MockTransport(noted))
    client = Client(OpenAIModel(parse_model("http://127.0.0.1:9/v1#stub", {}), environment={}, http_client=listening))
    await client.ask(asked, Opinion)
    await client.close()
    return sent[0]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
