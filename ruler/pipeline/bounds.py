"""Requests of a stage in; the calls, tokens and money it takes at least and at most out.

Text is at most as many tokens as it has bytes. Every question may have to be asked once more, with what is wrong with
its first reply. Requests that a server refuses or fails are tried again beyond this; of them, time-outs may cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from pydantic import BaseModel

from ruler.llm.base import Message, Request, Schema, TokenUsage
from ruler.llm.prices import Price, Prices, cost_of, upper_bound
from ruler.llm.structured import LONGEST_PROBLEM, in_words, schema_of, unfit

BYTES_PER_TOKEN = 5.0
"""Letters of English text a token holds at most, about: gives the lower bound."""

Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage would ask.

    Attributes:
        name: "perception", "induction" or "deduction".
        model: that is asked; empty for none.
        calls: least and most calls.
        tokens: least and most tokens, sent and received.
        cost: least and most US dollars; None where the model has no price.
        estimate: False where the number of calls is exact but for replies that have to be asked for again.
    """

    name: str
    model: str = ""
    calls: Bounds = (0, 0)
    tokens: Bounds = (0, 0)
    cost: tuple[float, float] | None = (0.0, 0.0)
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions that are alike.

    Attributes:
        calls: least and most requests, repeated ones among them.
        least: tokens of them all, sent and received, at least.
        most: tokens of them all, sent and received, at most.
    """

    calls: Bounds
    least: Bounds
    most: Bounds


def questions(
    number: Bounds,
    shortest: Request,
    longest: Request,
    reply: int,
    price: Price | None,
    kind: type[BaseModel] | None = None,
    *,
    more: int = 0,
    rounds: int = 1,
) -> Asked:
    """Bounds of questions of one kind.

    Args:
        number: of questions, least and most.
        shortest: the shortest of them, for the lower bound.
        longest: the longest of them; its `max_tokens` bounds the reply.
        reply: tokens of a reply at least.
        price: of the model.
        kind: object that is asked for, which may have to be asked for once more; None for words.
        more: tokens that the longest may have beyond what stands in it.
        rounds: times a question may have to be asked from its beginning.
    """
    letters = sum(len(message.text) for message in shortest.messages)
    least = int(letters / BYTES_PER_TOKEN)
    sent, received, times = most_of(longest, price, kind, more)
    return Asked(
        (number[0], number[1] * rounds * times),
        (number[0] * least, number[0] * reply),
        (number[1] * rounds * sent, number[1] * rounds * received),
    )


def most_of(
    request: Request, price: Price | None, kind: type[BaseModel] | None = None, more: int = 0
) -> tuple[int, int, int]:
    """Tokens sent and received at most until a question is answered, and how many requests that is.

    Args:
        request: without a schema.
        price: of the model.
        kind: object that is asked for; None for words.
        more: tokens beyond what stands in the request.
    """
    if kind is None:
        return upper_bound(request, price).prompt + more, request.max_tokens, 1
    schema = _schema(kind)
    # A format goes along as a schema or in words, whatever the server takes: both are counted.
    first = in_words(replace(request, schema=schema))
    told = unfit("\N{GRINNING FACE}" * LONGEST_PROBLEM, schema)
    again = replace(first, messages=(*first.messages, Message("assistant", ""), Message("user", told)))
    sent = upper_bound(first, price).prompt + upper_bound(again, price).prompt + request.max_tokens + 2 * more
    return sent, 2 * request.max_tokens, 2


@cache
def _schema(kind: type[BaseModel]) -> Schema:
    return schema_of(kind)


def together(asked: Iterable[Asked]) -> Asked:
    """All of several kinds of questions."""
    every = list(asked)

    def added(which: str) -> Bounds:
        pairs = [getattr(one, which) for one in every]
        return sum(p[0] for p in pairs), sum(p[1] for p in pairs)

    return Asked(added("calls"), added("least"), added("most"))


def stage(name: str, model: str | None, asked: Asked, prices: Prices, *, exact: bool = False) -> Stage:
    """A stage that asks this."""
    if not model or not asked.calls[1]:
        return Stage(name)
    price, cost = prices.of(model), None
    least = min(asked.least[0], asked.most[0]), min(asked.least[1], asked.most[1])
    if price is not None:
        low, high = (float(cost_of(TokenUsage(*tokens), price)) for tokens in (least, asked.most))
        cost = math.floor(low * 1e6) / 1e6, math.ceil(high * 1e6) / 1e6
    return Stage(name, model, asked.calls, (sum(least), sum(asked.most)), cost, not exact)
