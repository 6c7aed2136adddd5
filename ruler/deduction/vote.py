"""Votes: what a model said of one frame, several times, in; one finding with its probability, and its weight, out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

PRIOR = 0.125
"""Votes that each side is given beforehand, so that a single vote is no certainty: one "yes" of one counts as 0.9."""

WEIGHT = 2 / 3
"""Weight of a model's log-odds against those of the engine."""

SUREST = 10.0
"""Odds at which both are cut off: of 1 to 10, and of 10 to 1."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One readable vote.

    Attributes:
        anomalous: what it says.
        probability: of "anomalous", from the log-probabilities of the label; None where the server gave none.
        weight: of this vote for the reducer "weighted": the exceedance of the strongest rule that it cites, which is
            the larger the seldomer that rule fires on normal footage; 1 where it cites no anomaly rule.
    """

    anomalous: bool
    probability: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the votes come to.

    Attributes:
        probability: of "anomalous", 0 to 1.
        source: "logprobs" where every vote had its own probability, else "votes".
    """

    probability: float
    source: str

    @property
    def anomalous(self) -> bool:
        """Whether the votes are for "anomalous"; a tie is not."""
        return self.probability > 0.5


def share(yes: float, of: float) -> float:
    """Share of the votes with `PRIOR` added on both sides, 0 to 1."""
    return (yes + PRIOR) / (of + 2 * PRIOR)


def majority(votes: Sequence[Vote]) -> float:
    """Share of the votes that say "anomalous"."""
    return share(sum(vote.anomalous for vote in votes), len(votes))


def mean(votes: Sequence[Vote]) -> float:
    """Mean of the probabilities; a vote without one counts as a single vote's share."""
    return sum(map(_probability, votes)) / len(votes)


def median(votes: Sequence[Vote]) -> float:
    """Median of the probabilities; the mean of the middle two where their number is even."""
    ordered = sorted(map(_probability, votes))
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def weighted(votes: Sequence[Vote]) -> float:
    """Mean of the probabilities, each weighing as much as the rules it cites are silent on normal footage."""
    total = sum(vote.weight for vote in votes)
    return sum(vote.weight * _probability(vote) for vote in votes) / total if total > 0 else mean(votes)


REDUCERS: Mapping[str, Callable[[Sequence[Vote]], float]] = MappingProxyType(
    {"majority": majority, "mean": mean, "median": median, "weighted": weighted}
)
"""Name → votes (at least one) to a probability."""


def reduce_votes(votes: Sequence[Vote], reducer: str = "majority") -> Outcome | None:
    """Reduce votes to one outcome.

    Args:
        votes: those that could be read.
        reducer: a name of `REDUCERS`. The majority decides by counting; its probability is the mean of the votes' own
            ones where each has one and they agree with the count.

    Returns:
        None where there is no vote.
    """
    if not votes:
        return None
    probability = REDUCERS[reducer](votes)
    told = all(vote.probability is not None for vote in votes)
    if reducer == "majority" and told:
        finer = mean(votes)
        agrees = (finer > 0.5) == (probability > 0.5)
        return Outcome(finer if agrees else probability, "logprobs" if agrees else "votes")
    return Outcome(probability, "logprobs" if told else "votes")


def moved(exceedance: float, probability: float, weight: float = WEIGHT) -> float:
    """The exceedance after a model was heard.

    A score is r / (1 + r), so r is its odds. The new odds are the weighted geometric mean of the engine's and the
    model's, both within 1/10 to 10: ln r' = (1 − w) · ln r + w · ln(p / (1 − p)). A model that is sure overturns any
    finding, one that is not (p = 0.5) leaves it on its side.

    Args:
        exceedance: smoothed r.
        probability: the model's, of "anomalous".
        weight: w, 0 to 1.
    """

    def held(odds: float) -> float:
        return math.log(min(max(odds, 1 / SUREST), SUREST))

    odds = probability / (1 - probability) if probability < 1 else math.inf
    return math.exp((1 - weight) * held(exceedance) + weight * held(odds))


def _probability(vote: Vote) -> float:
    return vote.probability if vote.probability is not None else share(float(vote.anomalous), 1)
