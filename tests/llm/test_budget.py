"""What a run may spend: sums that are exact, and limits that no interleaving of calls passes."""

from __future__ import annotations

import threading
from fractions import Fraction

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ruler.errors import BudgetError, UsageError
from ruler.llm.base import Message, Request, TokenUsage
from ruler.llm.budget import Budget, Price, Prices, Spent, upper_bound

PRICES = Prices(
    {
        "cheap": Price(input=0.15, output=0.6),
        "dear": Price(input=2.5, output=10.0),
        "free": Price(input=0.0, output=0.0),
    }
)


def request(text="What is seen?", max_tokens=100, images=(), **options):
    return Request((Message("user", text, tuple(images)),), max_tokens=max_tokens, **options)


def exactly(usage, model):
    price = PRICES.of(model)
    return (usage.prompt * Fraction(str(price.input)) + usage.completion * Fraction(str(price.output))) / 1_000_000


class Interleaving(RuleBasedStateMachine):
    """Any order of reserving, settling and keeping, beside an account that is kept independently."""

    @initialize(
        max_calls=st.none() | st.integers(0, 12),
        cents=st.none() | st.integers(0, 60),
        before=st.sampled_from([Spent(), Spent(2, 1, 10, 20, 0.01)]),
    )
    def begin(self, max_calls, cents, before):
        self.max_calls = max_calls
        self.max_cost = None if cents is None else cents / 1000
        self.budget = Budget(max_calls, self.max_cost, PRICES, before)
        self.open = []
        self.calls, self.cost, self.prompt, self.completion = before.calls, Fraction(str(before.cost)), 10, 20
        if not before.calls:
            self.prompt = self.completion = 0
        self.cached = before.cached
        self.refused = False

    @rule(model=st.sampled_from(["cheap", "dear", "free"]), size=st.integers(0, 2000), reply=st.integers(1, 2000))
    def reserve(self, model, size, reply):
        asked = request("x" * size, reply)
        bound = exactly(upper_bound(asked), model)
        aside = sum((bound for _, bound, *_ in self.open), Fraction(0))
        fits = (self.max_calls is None or self.calls + len(self.open) + 1 <= self.max_calls) and (
            self.max_cost is None or self.cost + aside + bound <= Fraction(str(self.max_cost))
        )
        if fits:
            self.open.append((self.budget.reserve(model, asked), bound, model, upper_bound(asked)))
        else:
            self.refused = True
            with pytest.raises(BudgetError):
                self.budget.reserve(model, asked)

    def count(self, usage, model):
        self.calls += 1
        self.cost += exactly(usage, model)
        self.prompt += usage.prompt
        self.completion += usage.completion

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data):
        reservation, _, model, most = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        usage = TokenUsage(data.draw(st.integers(0, most.prompt)), data.draw(st.integers(0, most.completion)))
        reservation.settle(usage)
        reservation.settle(TokenUsage(7, 7))
        reservation.keep()
        self.count(usage, model)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def keep(self, data):
        reservation, _, model, most = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        reservation.keep()
        reservation.settle(TokenUsage())
        self.count(most, model)

    @rule()
    def cached_one(self):
        self.budget.count_cached()
        self.cached += 1

    @invariant()
    def no_limit_is_passed(self):
        if not hasattr(self, "budget"):
            return
        spent = self.budget.spent
        assert self.max_calls is None or spent.calls <= max(self.max_calls, 2)
        assert self.max_cost is None or spent.cost <= max(self.max_cost, 0.01)
        assert spent == Spent(self.calls, self.cached, self.prompt, self.completion, float(self.cost))
        assert self.budget.reached == self.refused


TestInterleaving = Interleaving.TestCase


def test_threads_together_do_not_pass_the_limits():
    asked = request()
    each = exactly(upper_bound(asked), "dear")
    for limits in ({"max_calls": 100}, {"max_cost": float(each * 100)}):
        budget = Budget(prices=PRICES, **limits)
        refused = []

        def work(budget=budget, refused=refused):
            for i in range(50):
                try:
                    reservation = budget.reserve("dear", asked)
                except BudgetError:
                    refused.append(i)
                else:
                    reservation.keep()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert budget.spent.calls == 100
        assert len(refused) == 100
        assert budget.spent.cost == float(each * 100)


def test_a_thousand_small_costs_add_up_exactly():
    budget = Budget(max_cost=1.0, prices=Prices({"m": Price(input=0.1, output=0)}))
    tiny = request("", max_tokens=1)
    for _ in range(1000):
        budget.reserve("m", tiny).settle(TokenUsage(1000, 1000))
    assert budget.spent == Spent(1000, 0, 1_000_000, 1_000_000, 0.1)
    assert sum([Spent(cost=0.1)] * 10, Spent()) == Spent(cost=1.0)


def test_the_last_cent_may_be_spent():
    asked = request()
    bound = float(exactly(upper_bound(asked), "dear"))
    budget = Budget(max_cost=bound, prices=PRICES)
    budget.reserve("dear", asked).keep()
    assert budget.spent.cost == bound
    budget.reserve("free", asked).settle(TokenUsage(5, 5))
    with pytest.raises(BudgetError):
        budget.reserve("cheap", asked)


def test_what_was_set_aside_comes_back():
    asked = request()
    budget = Budget(max_cost=float(exactly(upper_bound(asked), "dear")), prices=PRICES)
    first = budget.reserve("dear", asked)
    assert not budget.reached
    with pytest.raises(BudgetError, match="set aside for calls under way"):
        budget.reserve("dear", asked)
    assert budget.reached
    first.settle(TokenUsage())
    assert budget.spent == Spent(calls=1)
    budget.reserve("dear", asked).settle(TokenUsage())
    assert budget.reached


def test_earlier_parts_of_the_run_count():
    budget = Budget(max_calls=5, spent=Spent(calls=4, cached=3, prompt_tokens=2, completion_tokens=1, cost=0.5))
    budget.reserve("m", request()).settle(TokenUsage(10, 10))
    assert budget.spent == Spent(5, 3, 12, 11, 0.5)
    with pytest.raises(BudgetError):
        budget.reserve("m", request())
    over = Budget(max_cost=0.4, prices=PRICES, spent=Spent(calls=1, cost=0.5))
    with pytest.raises(BudgetError, match=r"\$0\.40 is reached: \$0\.50 spent"):
        over.reserve("cheap", request())


def test_usage_over_the_bound_is_counted_as_it_is():
    budget = Budget(max_cost=0.01, prices=PRICES)
    budget.reserve("dear", request()).settle(TokenUsage(1_000_000, 0))
    assert budget.spent == Spent(1, 0, 1_000_000, 0, 2.5)
    with pytest.raises(BudgetError):
        budget.reserve("cheap", request())


def test_a_server_that_counts_below_zero_makes_no_room():
    budget = Budget(max_cost=0.01, prices=PRICES)
    budget.reserve("dear", request()).settle(TokenUsage(-1_000_000, -5))
    assert budget.spent == Spent(calls=1)


def test_a_context_that_is_left_without_word_is_kept():
    asked = request()
    budget = Budget(prices=PRICES)
    with pytest.raises(ZeroDivisionError), budget.reserve("dear", asked):
        _ = 1 / 0
    most = upper_bound(asked)
    assert budget.spent == Spent(1, 0, most.prompt, most.completion, float(exactly(most, "dear")))
    with budget.reserve("dear", asked) as reservation:
        reservation.settle(TokenUsage(1, 1))
    assert budget.spent.prompt_tokens == most.prompt + 1


def test_what_is_said_when_a_limit_is_reached():
    budget = Budget(max_calls=0)
    with pytest.raises(BudgetError) as caught:
        budget.reserve("openai:x", request())
    assert str(caught.value) == (
        "openai:x: the limit of 0 calls is reached; raise --max-calls; the same command goes on where it stopped"
    )
    assert caught.value.exit_code == 5
    with pytest.raises(BudgetError) as caught:
        Budget(max_cost=0.0001, prices=PRICES).reserve("dear", request())
    assert str(caught.value) == (
        "dear: the limit of $0.0001 is reached: $0.00 spent, and the next call may cost $0.001393; "
        "raise --max-cost; the same command goes on where it stopped"
    )


def test_models_without_a_price():
    known = Budget(max_cost=1.0, prices=PRICES)
    known.require_prices(["cheap", "dear", "free"])
    for ask in (lambda: known.require_prices(["cheap", "openai:new"]), lambda: known.reserve("openai:new", request())):
        with pytest.raises(UsageError, match=r"openai:new: has no price.*--prices FILE"):
            ask()
    assert known.spent == Spent()
    with pytest.raises(UsageError, match="has no price"):
        Budget(max_cost=1.0).reserve("cheap", request())
    unlimited = Budget(max_calls=3)
    unlimited.require_prices(["openai:new"])
    unlimited.reserve("openai:new", request()).settle(TokenUsage(5, 6))
    assert unlimited.spent == Spent(1, 0, 5, 6, 0.0)
    assert unlimited.unpriced == ("openai:new",)
    assert known.unpriced == ()


@pytest.mark.parametrize("limits", [{"max_calls": -1}, {"max_cost": -0.1}, {"max_cost": float("nan")}])
def test_limits_that_are_none(limits):
    with pytest.raises(UsageError, match="--max-"):
        Budget(**limits)
