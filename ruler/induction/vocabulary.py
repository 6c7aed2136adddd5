"""Captions of normal clips in; rules that say what is usual there, and what was seldom or never described, out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruler.measures import MEASURES
from ruler.rules.model import Limit, Rule, Subject, Support, Vocabulary
from ruler.rules.vocabulary import TermKind, terms_of, vocabulary_excess
from ruler.schema import FloatArray, IntArray

Clip = tuple[Sequence[str | None], FloatArray]
"""Captions (T; None where there is none) and their times (T,) in seconds."""

_MEASURE: Mapping[TermKind, str] = {"activities": "unusual activity", "things": "unusual thing"}
_SUBJECT: Mapping[TermKind, Subject] = {"activities": "human activity", "things": "environment"}
_QUIET = 0.05
"""Share of a group's captions over the limit, up to which it supports the rule."""

_NAMED = 12
"""Terms that a rule's text names at most."""


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """How a vocabulary is made of normal captions.

    Attributes:
        window: standard deviation of the smoothing over captions, in seconds.
        groups: largest number of groups that the clips are dealt to; each is held against the vocabulary of the others.
        deviations: k; a term's limit is the mean over the clips of its share of the captions plus k standard deviations
            between them.
        unseen: limit for a term that no normal caption holds.
        rarity: a rule's limit stands at so many times the square of the mean excess of normal captions, left out. What
            adds up with other sources weighs by the inverse of its variance; and high, so that words seldom decide
            alone.
        expected: mean excess in nats before anything was measured.
        belief: clips that `expected` counts as, beside those that were measured.
        things: share at which things count beside activities; 0 leaves them out.
        usual: share of captions from which a term is named as usual.
    """

    window: float = 0.4
    groups: int = 5
    deviations: float = 12.0
    unseen: float = 0.005
    rarity: float = 50.0
    expected: float = 0.6
    belief: float = 10.0
    things: float = 0.5
    usual: float = 0.01


def induce_vocabulary(
    clips: Sequence[Clip],
    batches: Sequence[IntArray] | None = None,
    options: VocabularyOptions = VocabularyOptions(),
) -> list[Rule]:
    """Make rules from what normal captions speak of, without a model.

    A term's limit is its mean share of the captions over the clips plus twelve standard deviations between them, at
    most 1: a term that comes and goes between clips has a wide limit, one that is never spoken of a narrow one. The
    limits of the rules are told by the mean excess of each group of clips over the vocabulary of the others.

    Args:
        clips: normal footage. Clips without any caption or term are passed over.
        batches: numbers of the clips in each of n batches, which vote; None for the groups themselves.
        options: see `VocabularyOptions`.

    Returns:
        Normal rules ("Usual activities: …", "Usual things: …", as far as there are any), then an anomaly rule on
        activities and one on things. Empty without captions.
    """
    weights: dict[TermKind, float] = {"activities": 1.0, "things": options.things}
    seen = {kind: of for kind in weights if (of := _Seen.of(clips, kind)).rates}
    left_out = {kind: _left_out(clips, of, kind, options) for kind, of in seen.items() if weights[kind] > 0}
    noise = _noise(left_out, weights, max((len(of.clips) for of in seen.values()), default=0), options)
    normal, anomaly = [], []
    for kind, of in seen.items():
        votes = _votes(of, batches)
        usual = _usual(of, votes, options)
        normal += _normal_rule(kind, usual, votes)
        if kind in left_out:
            bound = float(f"{options.rarity * noise**2 / weights[kind]:.3g}")
            anomaly.append(_anomaly_rule(of, kind, usual, bound, left_out[kind], options))
    return [*normal, *anomaly]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the clips speak of.

    Attributes:
        clips: numbers of the clips that have captions.
        shares: for each of these, term → share of its captions that speak of it.
        rates: term → share of all captions that speak of it.
    """

    clips: tuple[int, ...]
    shares: tuple[Mapping[str, float], ...]
    rates: Mapping[str, float]

    @classmethod
    def of(cls, clips: Sequence[Clip], kind: TermKind) -> _Seen:
        numbers, shares, count, captions = [], [], Counter[str](), 0
        for number, (texts, _) in enumerate(clips):
            told = [terms_of(text, kind) for text in texts if text is not None]
            if not told:
                continue
            here = Counter(term for terms in told for term in terms)
            numbers.append(number)
            shares.append({term: n / len(told) for term, n in here.items()})
            count.update(here)
            captions += len(told)
        return cls(tuple(numbers), tuple(shares), {term: n / captions for term, n in count.items()})

    def groups(self, options: VocabularyOptions) -> list[list[int]]:
        """Positions of the clips, dealt in turn to as many groups as allowed."""
        count = min(options.groups, len(self.clips))
        return [list(range(first, len(self.clips), count)) for first in range(count)]

    def limits(self, some: Sequence[int], options: VocabularyOptions) -> dict[str, float]:
        """Term → limit from these clips alone, for all terms whose limit is above that of unseen ones."""
        terms = {term for i in some for term in self.shares[i]}
        out = {}
        for term in terms:
            share = np.array([self.shares[i].get(term, 0.0) for i in some])
            # One clip says nothing of how much clips differ: what it speaks of may be spoken of throughout.
            limit = min(1.0, float(share.mean() + options.deviations * share.std())) if len(share) > 1 else 1.0
            if limit > options.unseen:
                out[term] = float(f"{limit:.3g}")
        return dict(sorted(out.items(), key=lambda item: (-self.rates[item[0]], item[0])))


def _votes(seen: _Seen, batches: Sequence[IntArray] | None) -> tuple[Counter[str], int]:
    """Count the batches that speak of each term, and all batches."""
    where = {number: i for i, number in enumerate(seen.clips)}
    drawn = [[i] for i in range(len(seen.clips))]
    if batches is not None:
        drawn = [[where[int(number)] for number in batch if int(number) in where] for batch in batches]
    voting = [batch for batch in drawn if batch]
    votes = Counter(term for batch in voting for term in set().union(*(seen.shares[i] for i in batch)))
    return votes, len(voting)


def _usual(seen: _Seen, votes: tuple[Counter[str], int], options: VocabularyOptions) -> dict[str, float]:
    """Terms that most batches speak of, with their share of the captions, the most frequent first."""
    count, of = votes
    usual = {t: r for t, r in seen.rates.items() if r >= options.usual and 2 * count[t] > of}
    return dict(sorted(usual.items(), key=lambda item: (-item[1], item[0])))


def _normal_rule(kind: TermKind, usual: Mapping[str, float], votes: tuple[Counter[str], int]) -> list[Rule]:
    count, of = votes
    named = list(usual)[:_NAMED]
    if not named or not of:
        return []
    shares = [f"{term} ({_percent(usual[term])})" for term in named]
    shares[0] = f"{named[0]} (in {_percent(usual[named[0]])} of the captions)"
    support = Support(votes=min(count[term] for term in named), of=of)
    return [Rule(kind="normal", subject=_SUBJECT[kind], text=f"Usual {kind}: {', '.join(shares)}", support=support)]


def _noise(
    left_out: Mapping[TermKind, Sequence[FloatArray]],
    weights: Mapping[TermKind, float],
    clips: int,
    options: VocabularyOptions,
) -> float:
    """Mean excess of normal captions, left out: of activities, and of things as far as they count."""
    measured = sum(weights[kind] * float(np.concatenate(parts).mean()) for kind, parts in left_out.items() if parts)
    return (clips * measured + options.belief * options.expected) / (clips + options.belief)


def _anomaly_rule(
    seen: _Seen,
    kind: TermKind,
    usual: Mapping[str, float],
    bound: float,
    left_out: Sequence[FloatArray],
    options: VocabularyOptions,
) -> Rule:
    vocabulary = _vocabulary(seen.limits(range(len(seen.clips)), options), options)
    level = [float(np.mean(part > bound)) for part in left_out]
    what = "An activity" if kind == "activities" else "A thing"
    known = ", ".join(list(usual)[:_NAMED]) or ", ".join(list(vocabulary.rates)[:_NAMED])
    measure = MEASURES[_MEASURE[kind]]
    return Rule(
        kind="anomaly",
        subject=_SUBJECT[kind],
        text=f"{what} seldom or never described in normal footage (usual: {known})",
        limit=Limit(measure=measure.name, above=bound, usual=0.0, unit=measure.unit),
        vocabulary=vocabulary,
        support=Support(votes=sum(share <= _QUIET for share in level), of=len(level)) if level else None,
    )


def _left_out(clips: Sequence[Clip], seen: _Seen, kind: TermKind, options: VocabularyOptions) -> list[FloatArray]:
    """For each group of clips, the excess of its captions over the vocabulary of the others."""
    groups = seen.groups(options)
    if len(groups) < 2:
        return []
    parts = []
    for group in groups:
        others = _vocabulary(
            seen.limits([i for other in groups if other is not group for i in other], options), options
        )
        excess = []
        for i in group:
            texts, times = clips[seen.clips[i]]
            # Only where there are captions: a stretch left out of the reference says nothing about it.
            here = np.array([text is not None for text in texts], bool)
            excess.append(vocabulary_excess(texts, times, others, kind).values[here])
        parts.append(np.concatenate(excess))
    return parts


def _vocabulary(rates: Mapping[str, float], options: VocabularyOptions) -> Vocabulary:
    return Vocabulary(rates=rates, unseen=options.unseen, window=options.window)


def _percent(share: float) -> str:
    return f"{max(1, math.floor(100 * share + 0.5))} %"
