"""A probe: a client and the prompts in; whether the model passed, with a figure and a sentence, out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from ruler.errors import ModelError
from ruler.llm.client import Answer, Client
from ruler.llm.doctor.answers import plain
from ruler.llm.prompts import Prompts

Value = TypeVar("Value")

Use = Literal["vlm", "llm"]
"""What a model may be given to: --vlm, which captions pictures, or --llm, which writes rules and rechecks findings."""

Measure = float | int | str | bool | None

TOKENS = 1500
"""Most tokens of a reply to a probe: room for models that think first."""

_NONE: Mapping[str, Measure] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a probe's questions.

    Attributes:
        passed: whether the model did as it should; None where that could not be found out.
        figure: the result in a few characters ("7/8", "1.2 s"); empty where there is none.
        detail: one sentence without a full stop: what it means for use with --vlm or --llm.
        measured: the figures by name, for machines.
    """

    passed: bool | None
    figure: str
    detail: str
    measured: Mapping[str, Measure] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found.

    Attributes:
        name: of the probe.
        passed: whether the model did as it should; None where that could not be found out.
        figure: the result in a few characters ("7/8", "1.2 s"); empty where there is none.
        detail: one sentence without a full stop: what it means for use with --vlm or --llm.
        calls: attempts it took.
        seconds: it took.
        measured: the figures by name, for machines.
        error: what left every question without an answer; None where nothing did.
    """

    name: str
    passed: bool | None
    figure: str
    detail: str
    calls: int = 0
    seconds: float = 0.0
    measured: Mapping[str, Measure] = field(default_factory=lambda: _NONE)
    error: ModelError | None = None


Look = Callable[[Client, Prompts, int], Awaitable[Outcome]]
"""A client, the prompts and the seed of what is asked → what came of it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A test of a model.

    Attributes:
        name: for the table.
        uses: what it says something about.
        pictures: whether it shows any: a model that sees none need not be asked.
        look: asks.
    """

    name: str
    uses: frozenset[Use]
    pictures: bool
    look: Look

    async def __call__(
        self, client: Client, prompts: Prompts, seed: int = 0, *, clock: Callable[[], float] = time.perf_counter
    ) -> Finding:
        """Try the model.

        Args:
            client: the model; without a memory, so that times are real.
            prompts: give the templates `doctor_…`, `caption` and `reason`.
            seed: of what is drawn and asked.
            clock: seconds.

        Returns:
            What was found. An error of the model is one: nothing could be found out.

        Raises:
            BudgetError: the budget is used up.
        """
        began, before = clock(), client.budget.spent.calls
        error: ModelError | None = None
        try:
            outcome = await self.look(client, prompts, seed)
        except ModelError as trouble:
            outcome = Outcome(None, "", f"could not be asked: {plain(trouble.what, 160)}")
            error = trouble
        return Finding(
            self.name,
            outcome.passed,
            outcome.figure,
            outcome.detail,
            client.budget.spent.calls - before,
            clock() - began,
            outcome.measured,
            error,
        )


def probe(name: str, *uses: Use, pictures: bool = False) -> Callable[[Look], Probe]:
    """Make a probe of a function.

    Args:
        name: for the table.
        uses: what it says something about.
        pictures: whether it shows any.
    """
    return lambda look: Probe(name, frozenset(uses), pictures, look)


async def together(questions: Iterable[Awaitable[Answer[Value]]]) -> list[Answer[Value] | None]:
    """Ask several questions at a time.

    Returns:
        The answers in the order of the questions; None for those that were not answered, while others were.

    Raises:
        ModelError: none was answered.
        BudgetError: the budget is used up.
    """
    came: list[Any] = await asyncio.gather(*questions, return_exceptions=True)
    troubles = [one for one in came if isinstance(one, BaseException)]
    for trouble in troubles:
        if not isinstance(trouble, ModelError):
            raise trouble
    if troubles and len(troubles) == len(came):
        raise troubles[0]
    return [None if isinstance(one, BaseException) else one for one in came]


def share(part: int, of: int) -> float:
    """A part of a whole, 0 to 1; 0 of nothing."""
    return part / of if of else 0.0


def unanswered(answers: Iterable[object | None]) -> str:
    """What is put behind a sentence where questions were not answered: "; 2 were not answered"."""
    missing = sum(answer is None for answer in answers)
    return f"; {missing} {'was' if missing == 1 else 'were'} not answered" if missing else ""
