"""Captions of a Table held against words: keywords or a vocabulary in; which frames speak of them, and how, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from ruler.rules.hostile import addresses_reader
from ruler.rules.model import Rule
from ruler.rules.readable import readable
from ruler.rules.table import Table
from ruler.rules.vocabulary import Excess, TermKind, vocabulary_excess
from ruler.rules.words import compile_keywords
from ruler.schema import FloatArray

BELIEVED = 2.0
"""Rules that one caption may speak of before it counts less for each."""


def speaks_of(caption: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """Ids of the anomaly rules whose keywords a caption speaks of, in the order of the rules."""
    told = readable(caption).text
    return tuple(rule.id for rule in rules if rule.kind == "anomaly" and rule.keywords and _speaks(told, rule.keywords))


def quotes_of(table: Table, keywords: tuple[str, ...], substring: bool) -> dict[int, str]:
    """Position of each frame whose caption speaks of a keyword → the words it does so with."""
    matcher = compile_keywords(keywords, mode="substring" if substring else "words")
    known: dict[str, str | None] = {}
    found: dict[int, str] = {}
    for position, caption in enumerate(table.captions):
        if not caption:
            continue
        if caption not in known:
            told = readable(caption)
            mention = next(iter(matcher.search(told.text)), None)
            known[caption] = told.quote(mention.quote, mention.start, mention.end) if mention else None
        quote = known[caption]
        if quote is not None:
            found[position] = quote
    return found


def told_by(table: Table, words: Mapping[int, str]) -> FloatArray:
    """How far each frame's caption speaks of a rule, 0 or 1, (T,); interpolated where only some frames have one."""
    told = np.zeros(len(table))
    told[list(words)] = 1.0
    known = np.array([bool(caption) for caption in table.captions], bool)
    if known.all() or not words:
        return told
    return np.asarray(np.interp(table.times, table.times[known], told[known]), float)


def undivided(table: Table, said: Sequence[Mapping[int, str]]) -> FloatArray:
    """How much a frame's words count for each rule, (T,), 1/2 to 1: 2 / n for a caption that speaks of n > 2 rules.

    Describing models invent lists: the caption that breaks many unlike rules at once is less to be believed than the
    one that breaks one. Words that address the reader divide nothing, lest a sign could talk a finding down.

    Args:
        table: T frames.
        said: for each rule on words, position → quote.
    """
    count = np.zeros(len(table))
    for quotes in said:
        count[list(quotes)] += 1
    for position in np.flatnonzero(count > BELIEVED).tolist():
        if addresses_reader(table.captions[position] or ""):
            count[position] = BELIEVED
    share = np.clip(BELIEVED / np.maximum(count, 1), 0.5, 1.0)
    known = np.array([bool(caption) for caption in table.captions], bool)
    if known.all() or not known.any():
        return np.asarray(share, float)
    return np.asarray(np.interp(table.times, table.times[known], share[known]), float)


@lru_cache(maxsize=1 << 16)
def _speaks(caption: str, keywords: tuple[str, ...]) -> bool:
    return bool(compile_keywords(keywords).search(caption))


def excess_of(table: Table, rule: Rule, causal: bool) -> Excess:
    """How far the captions of a table exceed the vocabulary of a rule."""
    assert rule.vocabulary is not None and rule.limit is not None
    kind: TermKind = "things" if rule.limit.measure == "unusual thing" else "activities"
    return vocabulary_excess(table.captions, table.times, rule.vocabulary, kind, causal=causal)


def nearest_quote(quotes: Mapping[int, str], table: Table, position: int) -> int:
    """The position with a quote that is nearest in time, of the caption before or after."""
    return min(quotes, key=lambda other: abs(float(table.times[other] - table.times[position])))
