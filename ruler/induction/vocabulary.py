"""Captions of normal clips in; rules that say what is usual there, and what was seldom or never described, out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruler.measures import MEASURES
from ruler.rules.model import Limit, Rule, Subject, Support, Vocabulary
from ruler.rules.vocabulary import TermKind, term_rates, terms_of, vocabulary_excess
from ruler.schema import FloatArray, IntArray

Clip = tuple[Sequence[str | None], FloatArray]
"""Captions (T; None where there is none) and their times (T,) in seconds."""

_MEASURE: Mapping[TermKind, str] = {"activities": "unusual activity", "things": "unusual thing"}
_SUBJECT: Mapping[TermKind, Subject] = {"activities": "human activity", "things": "environment"}
_NAMED = 12
"""Terms that a rule's text names at most."""


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """How a vocabulary is made of normal captions.

    Attributes:
        window: standard deviation of the smoothing over captions, in seconds.
        groups: largest number of groups that the clips are dealt to; the spread between them widens the limits.
        deviations: k; a term's limit is the mean over the groups of its largest rate plus k standard deviations.
        unseen: limit for a term that no normal caption holds.
        alpha: level of the rule: share of normal frames, left out, over its limit.
        expected: limit in nats before anything was measured; 2 is one unseen term in half of a window's captions.
        belief: groups that `expected` counts as, beside those that were measured: a few say little of a quantile.
        usual: share of captions from which a term is named as usual.
        things: whether unusual things make a rule too. On public data it finds little that activities do not.
    """

    window: float = 0.6
    groups: int = 10
    deviations: float = 2.0
    unseen: float = 0.01
    alpha: float = 0.01
    expected: float = 2.0
    belief: float = 3.0
    usual: float = 0.01
    things: bool = False


def induce_vocabulary(
    clips: Sequence[Clip],
    batches: Sequence[IntArray] | None = None,
    options: VocabularyOptions = VocabularyOptions(),
) -> list[Rule]:
    """Make rules from what normal captions speak of, without a model.

    A term's limit is its largest smoothed rate in normal footage: taken in each of up to ten groups of clips, the mean
    over the groups plus two standard deviations between them, at most 1. So a term that a single odd clip of many
    speaks of does not become normal, and one that comes and goes between clips does. The rule's own limit is the
    quantile of the excess of each group over the vocabulary of the others, with `expected` counted as if measured on
    `belief` groups.

    Args:
        clips: normal footage. Clips without any caption or term are passed over.
        batches: numbers of the clips in each of n batches, which vote; None for the groups themselves.
        options: see `VocabularyOptions`.

    Returns:
        Normal rules ("Usual activities: …", "Usual things: …", as far as there are any), then an anomaly rule on
        activities, then, if `things` is set, one on things. Empty without captions.
    """
    kinds: tuple[TermKind, ...] = ("activities", "things")
    normal, anomaly = [], []
    for kind in kinds:
        seen = _Seen.of(clips, kind, options)
        if not seen.rates:
            continue
        votes = _votes(seen, batches)
        usual = _usual(seen, votes, options)
        normal += _normal_rule(kind, usual, votes)
        if kind == "activities" or options.things:
            anomaly.append(_anomaly_rule(clips, seen, kind, usual, options))
    return [*normal, *anomaly]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the clips speak of.

    Attributes:
        clips: numbers of the clips that have captions.
        highest: for each of these, term → its largest smoothed rate.
        rates: term → share of all captions that speak of it.
    """

    clips: tuple[int, ...]
    highest: tuple[Mapping[str, float], ...]
    rates: Mapping[str, float]

    @classmethod
    def of(cls, clips: Sequence[Clip], kind: TermKind, options: VocabularyOptions) -> _Seen:
        numbers, highest, count, captions = [], [], Counter[str](), 0
        for number, (texts, times) in enumerate(clips):
            terms = [None if text is None else terms_of(text, kind) for text in texts]
            here = np.array([t is not None for t in terms], bool)
            if not here.any():
                continue
            most: dict[str, float] = {}
            for part in term_rates(terms, times, options.window):
                # Only where there are captions: a stretch left out of the reference says nothing about it.
                most |= zip(part.names, part.rates[here].max(axis=0).tolist(), strict=True)
            numbers.append(number)
            highest.append(most)
            captions += int(here.sum())
            for found in terms:
                count.update(found or ())
        return cls(tuple(numbers), tuple(highest), {term: n / captions for term, n in count.items()})

    def groups(self, options: VocabularyOptions) -> list[list[int]]:
        """Positions of the clips, dealt in turn to as many groups as allowed."""
        count = min(options.groups, len(self.clips))
        return [list(range(first, len(self.clips), count)) for first in range(count)]

    def limits(self, groups: Sequence[Sequence[int]], options: VocabularyOptions) -> dict[str, float]:
        """Term → limit from these groups alone, for all terms whose limit is above that of unseen ones."""
        terms = {term for group in groups for i in group for term in self.highest[i]}
        out = {}
        for term in terms:
            most = [max(self.highest[i].get(term, 0.0) for i in group) for group in groups]
            limit = min(1.0, float(np.mean(most) + options.deviations * np.std(most)))
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
    votes = Counter(term for batch in voting for term in set().union(*(seen.highest[i] for i in batch)))
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


def _anomaly_rule(
    clips: Sequence[Clip], seen: _Seen, kind: TermKind, usual: Mapping[str, float], options: VocabularyOptions
) -> Rule:
    groups = seen.groups(options)
    vocabulary = _vocabulary(seen.limits(groups, options), options)
    left_out = [_left_out(clips, seen, groups, g, kind, options) for g in range(len(groups))] if len(groups) > 1 else []
    pooled = np.concatenate(left_out) if left_out else np.zeros(1)
    measured = float(np.quantile(pooled, 1 - options.alpha, method="higher"))
    bound = (len(left_out) * measured + options.belief * options.expected) / (len(left_out) + options.belief)
    level = [float(np.mean(part > bound)) for part in left_out]
    what = "An activity" if kind == "activities" else "A thing"
    known = ", ".join(list(usual)[:_NAMED]) or ", ".join(list(vocabulary.rates)[:_NAMED])
    measure = MEASURES[_MEASURE[kind]]
    return Rule(
        kind="anomaly",
        subject=_SUBJECT[kind],
        text=f"{what} seldom or never described in normal footage (usual: {known})",
        limit=Limit(measure=measure.name, above=float(f"{bound:.3g}"), usual=0.0, unit=measure.unit),
        vocabulary=vocabulary,
        support=Support(votes=sum(share <= 5 * options.alpha for share in level), of=len(level)) if level else None,
    )


def _left_out(
    clips: Sequence[Clip], seen: _Seen, groups: list[list[int]], group: int, kind: TermKind, options: VocabularyOptions
) -> FloatArray:
    """Excess of the captions of one group over the vocabulary of the others."""
    others = _vocabulary(seen.limits(groups[:group] + groups[group + 1 :], options), options)
    parts = []
    for i in groups[group]:
        texts, times = clips[seen.clips[i]]
        here = np.array([text is not None for text in texts], bool)
        parts.append(vocabulary_excess(texts, times, others, kind).values[here])
    return np.concatenate(parts)


def _vocabulary(rates: Mapping[str, float], options: VocabularyOptions) -> Vocabulary:
    return Vocabulary(rates=rates, unseen=options.unseen, window=options.window)


def _percent(share: float) -> str:
    return f"{max(1, math.floor(100 * share + 0.5))} %"
