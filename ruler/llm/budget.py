"""What calls cost and may cost: prices and limits in; a reservation before every call, and what was spent, out."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from ruler.errors import BudgetError, UsageError
from ruler.llm.base import Request, TokenUsage
from ruler.llm.prices import Price, Prices, cost_of, exact, upper_bound

__all__ = ["Budget", "Price", "Prices", "Reservation", "Spent", "upper_bound"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls took.

    Attributes:
        calls: attempts that were made, answered or not; those answered from the cache are not among them.
        cached: requests that were answered from the cache.
        prompt_tokens: sent, as the servers count them.
        completion_tokens: received, as the servers count them.
        cost: US dollars; models without a price count nothing.
        replayed: requests that were answered from a file of recorded exchanges; they are no calls either.
    """

    calls: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    replayed: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            self.cached + other.cached,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            float(exact(self.cost) + exact(other.cost)),
            self.replayed + other.replayed,
        )


class Budget:
    """What a run may spend. No call is made that could pass a limit; thread-safe.

    Args:
        max_calls: most calls; None for no limit.
        max_cost: most US dollars; None for no limit.
        prices: what models cost; None where nothing is known.
        spent: what earlier parts of the same run spent; the limits hold for the whole run.
        journal: file that what is spent is kept in, call by call, so that limits also hold over a kill; None for none.

    Attributes:
        max_calls: as given.
        max_cost: as given.
        prices: as given; without entries where none were.

    Raises:
        UsageError: a limit is negative or no number.
    """

    def __init__(
        self,
        max_calls: int | None = None,
        max_cost: float | None = None,
        prices: Prices | None = None,
        spent: Spent = Spent(),
        journal: Path | None = None,
    ) -> None:
        for option, limit in (("--max-calls", max_calls), ("--max-cost", max_cost)):
            if limit is not None and not 0 <= limit < math.inf:
                raise UsageError(f"{limit} is no limit", where=option, hint="give 0 or more, or leave it out")
        self.max_calls = max_calls
        self.max_cost = max_cost
        self.prices = prices or Prices()
        self._before = spent
        self._cost = exact(spent.cost)
        self._calls = self._cached = self._replayed = self._prompt = self._completion = 0
        self._open: dict[Reservation, Fraction] = {}
        self._unpriced: set[str] = set()
        self._reached = False
        self._journal = journal
        self._lock = threading.Lock()

    @property
    def spent(self) -> Spent:
        """What the whole run spent so far; calls under way are not counted."""
        with self._lock:
            return Spent(
                self._before.calls + self._calls,
                self._before.cached + self._cached,
                self._before.prompt_tokens + self._prompt,
                self._before.completion_tokens + self._completion,
                float(self._cost),
                self._before.replayed + self._replayed,
            )

    @property
    def reached(self) -> bool:
        """Whether a call was refused because of a limit."""
        return self._reached

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Models that were called and have no price: the cost leaves them out."""
        return tuple(sorted(self._unpriced))

    def require_prices(self, models: Iterable[str]) -> None:
        """Make sure that a limit on cost can be held.

        Args:
            models: model strings that are going to be called.

        Raises:
            UsageError: there is such a limit, and a model whose price nobody told.
        """
        if self.max_cost is None:
            return
        for model in models:
            if self.prices.of(model) is None:
                raise UsageError(
                    "has no price, so --max-cost cannot be kept",
                    where=model,
                    hint=f"write `models: {{'{model}': {{input: …, output: …}}}}`, in US dollars per million tokens "
                    "(0 where it costs nothing), into a file and give it with --prices FILE",
                )

    def reserve(self, model: str, request: Request) -> Reservation:
        """Set aside what a call may take at most, or refuse it at once.

        Args:
            model: model string.
            request: what is going to be asked.

        Raises:
            BudgetError: the call could pass a limit.
            UsageError: there is a limit on cost, and the model has no price.
        """
        self.require_prices([model])
        price = self.prices.of(model)
        # Without a limit on cost nobody needs the bound now, and reading the sizes of pictures takes time.
        bound = Fraction(0) if self.max_cost is None else cost_of(upper_bound(request, price), price)
        reservation = Reservation(self, model, request, price)
        with self._lock:
            self._refuse_over(model, bound)
            self._open[reservation] = bound
            if price is None:
                self._unpriced.add(model)
            self._write_down()
        return reservation

    def count_cached(self) -> None:
        """Count a request that was answered from the cache."""
        with self._lock:
            self._cached += 1

    def count_replayed(self) -> None:
        """Count a request that was answered from a file of recorded exchanges."""
        with self._lock:
            self._replayed += 1

    def _refuse_over(self, model: str, bound: Fraction) -> None:
        if self.max_calls is not None and self._before.calls + self._calls + len(self._open) + 1 > self.max_calls:
            self._reached = True
            raise BudgetError(
                f"the limit of {self.max_calls:,} calls is reached",
                where=model,
                hint="raise --max-calls; the same command goes on where it stopped",
            )
        if self.max_cost is None:
            return
        reserved = sum(self._open.values(), Fraction(0))
        if self._cost + reserved + bound > exact(self.max_cost):
            self._reached = True
            under_way = f", {_dollars(reserved)} set aside for calls under way" if reserved else ""
            raise BudgetError(
                f"the limit of {_dollars(exact(self.max_cost))} is reached: {_dollars(self._cost)} spent{under_way}, "
                f"and the next call may cost {_dollars(bound)}",
                where=model,
                hint="raise --max-cost; the same command goes on where it stopped",
            )

    def _settle(self, reservation: Reservation, usage: TokenUsage | None) -> None:
        """Count a call with its usage, or with its upper bound where there is none."""
        if usage is None:
            usage = upper_bound(reservation.request, reservation.price)
        # A server that counts below zero must not make room in the budget.
        usage = TokenUsage(max(0, usage.prompt), max(0, usage.completion), usage.estimated)
        with self._lock:
            if self._open.pop(reservation, None) is None:
                return
            self._calls += 1
            self._prompt += usage.prompt
            self._completion += usage.completion
            self._cost += cost_of(usage, reservation.price)
            self._write_down()

    def _write_down(self) -> None:
        """Keep on disk what is spent if this process is killed now: calls under way are counted at their bound."""
        if self._journal is None:
            return
        told = Spent(
            self._before.calls + self._calls + len(self._open),
            self._before.cached + self._cached,
            self._before.prompt_tokens + self._prompt,
            self._before.completion_tokens + self._completion,
            float(self._cost + sum(self._open.values(), Fraction(0))),
            self._before.replayed + self._replayed,
        )
        torn = self._journal.with_name(f"{self._journal.name}.tmp")
        try:
            torn.write_text(json.dumps(asdict(told)), encoding="utf-8")
            torn.replace(self._journal)
        except OSError:
            # A full disk is told of by what is written there; the limits of this process hold all the same.
            self._journal = None


class Reservation:
    """What was set aside for one call, until it is known what it took.

    Only the first of `settle` and `keep` counts. As a context it is kept where neither was called.

    Attributes:
        model: model string.
        request: what is asked.
        price: of the model; None where nobody told it.
    """

    __slots__ = ("_budget", "model", "price", "request")

    def __init__(self, budget: Budget, model: str, request: Request, price: Price | None) -> None:
        self._budget = budget
        self.model = model
        self.request = request
        self.price = price

    def settle(self, usage: TokenUsage) -> None:
        """Count the call with what it took, be it more than the bound; give the rest back.

        Args:
            usage: as the server counts; `TokenUsage()` for a call that cost nothing.
        """
        self._budget._settle(self, usage)

    def keep(self) -> None:
        """Count the upper bound as spent: nobody knows what the call took."""
        self._budget._settle(self, None)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, *_: object) -> None:
        self.keep()


def _dollars(amount: Fraction) -> str:
    """Dollars and cents, and up to a ten-thousandth of a cent where there are any."""
    whole, _, parts = f"{float(amount):,.6f}".partition(".")
    return f"${whole}.{parts.rstrip('0'):0<2}"
