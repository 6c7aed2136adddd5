"""How long a model takes and what it costs: its captions and rechecks, one at a time, in; seconds and dollars out."""

from __future__ import annotations

import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruler.config import DEFAULTS
from ruler.errors import ModelError
from ruler.llm.base import TokenUsage
from ruler.llm.client import Answer, Client
from ruler.llm.doctor.cases import cases
from ruler.llm.doctor.finding import Measure, Outcome, probe
from ruler.llm.doctor.pictures import draw, scattered
from ruler.llm.doctor.text_probes import Recheck, recheck_request
from ruler.llm.prices import Price, cost_of
from ruler.llm.prompts import Prompts

CALLS = 6
"""Captions, and rechecks, that are timed."""

RECHECK_TOKENS = 700
"""Most tokens of a recheck, as deduction asks for it."""


_VAIN = 2
"""Questions without an answer, and none with one, after which no more is asked."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One question that was answered, after it was asked once or twice.

    Attributes:
        seconds: until the answer that counts.
        usage: tokens of all replies to it.
        rate: tokens a second of the last reply; None where the server does not count them.
    """

    seconds: float
    usage: TokenUsage
    rate: float | None

    @classmethod
    def of(cls, answer: Answer[Any], spent: TokenUsage, elapsed: float) -> Timed:
        """Of an answer.

        Args:
            answer: not from the cache.
            spent: tokens the budget counted for it.
            elapsed: seconds from asking to the answer, tries and waiting included.
        """
        usage = answer.reply.usage
        known = answer.reply.seconds > 0 and usage.completion > 0 and not usage.estimated
        rate = usage.completion / answer.reply.seconds if known else None
        if answer.asked == 1:
            return cls(answer.reply.seconds, usage, rate)
        return cls(elapsed, TokenUsage(spent.prompt, spent.completion, usage.estimated), rate)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how dear answers were.

    Attributes:
        median: seconds.
        slow: seconds within which nine of ten came.
        rate: tokens a second, the median; None where the server does not count them.
        prompt: tokens sent for one, on the mean.
        completion: tokens received for one, on the mean.
        estimated: the server does not count tokens, so these two are guessed.
        dollars: of 1,000 such questions; None where no price is known.
    """

    median: float
    slow: float
    rate: float | None
    prompt: float
    completion: float
    estimated: bool
    dollars: float | None

    @classmethod
    def of(cls, timed: Sequence[Timed], price: Price | None) -> Pace:
        """Of what was asked.

        Args:
            timed: not empty.
            price: of the model.
        """
        times = [one.seconds for one in timed]
        rates = [one.rate for one in timed if one.rate is not None]
        used = TokenUsage(sum(one.usage.prompt for one in timed), sum(one.usage.completion for one in timed))
        return cls(
            median=float(np.median(times)),
            slow=float(np.quantile(times, 0.9)),
            rate=float(np.median(rates)) if rates else None,
            prompt=used.prompt / len(timed),
            completion=used.completion / len(timed),
            estimated=any(one.usage.estimated for one in timed),
            dollars=None if price is None else float(1000 * cost_of(used, price) / len(timed)),
        )

    def measured(self) -> dict[str, Measure]:
        """The figures by name."""
        return {
            "median_seconds": self.median,
            "seconds_90": self.slow,
            "tokens_per_second": self.rate,
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "tokens_estimated": self.estimated,
            "dollars_per_1000": self.dollars,
        }

    def words(self, name: str) -> str:
        """The figures in a sentence.

        Args:
            name: of what was asked, in the plural.
        """
        rate = f", {self.rate:.0f} tokens/s" if self.rate is not None else ""
        about = "about " if self.estimated else ""
        size = f"{about}{self.prompt:,.0f} + {self.completion:,.0f} tokens each"
        cost = "no price known" if self.dollars is None else f"${self.dollars:,.2f} per 1,000 {name}"
        return f"median {self.median:.1f} s, nine of ten within {self.slow:.1f} s{rate}; {size}; {cost}"


@probe("time and cost of captions", "vlm", pictures=True)
async def captions(client: Client, prompts: Prompts, seed: int) -> Outcome:
    """Pictures of the size that is sent, captioned with the prompt that is used, one after the other."""
    choice = random.Random(f"captions {seed}")
    width, most = DEFAULTS.caption.width, DEFAULTS.caption.tokens
    asked = []
    for n in range(CALLS):
        image = draw(scattered(3 + n, choice), choice.randint(205, 240), (width, width * 9 // 16))
        prompt = prompts.render("caption", pictures=1, span="0.0 s", facts="")
        asked.append(client.say(prompt.request(images=(image,), max_tokens=most, seed=seed)))
    what = f"are empty or cut off at {most} tokens (caption.tokens)"
    return await _timed(client, asked, "captions", what)


@probe("time and cost of rechecks", "llm")
async def rechecks(client: Client, prompts: Prompts, seed: int) -> Outcome:
    """Descriptions rechecked with the prompt that is used, one after the other."""
    asked = [
        client.ask(recheck_request(prompts, case, seed, RECHECK_TOKENS), Recheck) for case in cases(CALLS, seed + 3)
    ]
    return await _timed(client, asked, "rechecks", f"cannot be read, or are cut off at {RECHECK_TOKENS} tokens")


async def _timed(client: Client, asked: Sequence[Coroutine[Any, Any, Answer[Any]]], name: str, what: str) -> Outcome:
    """Ask one question after the other, so that none waits for another."""
    timed: list[Timed] = []
    troubles: list[ModelError] = []
    usable = kept = 0
    waiting = list(asked)
    try:
        while waiting:
            before, began = client.budget.spent, time.perf_counter()
            try:
                answer = await waiting.pop(0)
            except ModelError as error:
                troubles.append(error)
                if len(troubles) >= _VAIN and not timed:
                    raise
                continue
            usable += answer.value is not None and answer.reply.finish != "length"
            if answer.cached:
                kept += 1
                continue
            after = client.budget.spent
            sent, received = (
                after.prompt_tokens - before.prompt_tokens,
                after.completion_tokens - before.completion_tokens,
            )
            timed.append(Timed.of(answer, TokenUsage(sent, received), time.perf_counter() - began))
    finally:
        for question in waiting:  # what was not asked because the budget is used up
            question.close()
    answered = len(timed) + kept
    if not answered:
        raise troubles[0]
    bad = f"; {answered - usable} of {answered} {what}" if usable < answered else ""
    missing = f"; {len(troubles)} were not answered" if troubles else ""
    if not timed:
        return Outcome(None, "", f"all {name} came from the cache, so their time is not known{bad}{missing}")
    pace = Pace.of(timed, client.budget.prices.of(client.name))
    measured = {**pace.measured(), "usable": usable, "of": answered}
    return Outcome(usable * 2 > answered, f"{pace.median:.1f} s", pace.words(name) + bad + missing, measured)
