"""Keywords held against normal captions: a text rule in; the same rule without the keywords that fire there out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ruler.rules.model import Rule
from ruler.rules.readable import readable
from ruler.rules.words import compile_keywords

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Hits:
    """Where one keyword was found in normal footage.

    Attributes:
        count: captions that speak of it.
        clips: clips that hold one.
        quotes: a few of the passages, verbatim.
    """

    count: int
    clips: int
    quotes: tuple[str, ...]


def keyword_hits(keywords: Sequence[str], clips: Sequence[Sequence[str | None]]) -> dict[str, Hits]:
    """Count each keyword in the captions of normal clips; keywords that were not found are left out."""
    matcher = compile_keywords(keywords)
    count: dict[str, int] = {}
    where: dict[str, set[int]] = {}
    quotes: dict[str, dict[str, None]] = {}
    for number, captions in enumerate(clips):
        for caption in captions:
            if not caption:
                continue
            mentions = {m.keyword: m.quote for m in reversed(matcher.search(readable(caption).text))}
            for keyword, quote in mentions.items():
                count[keyword] = count.get(keyword, 0) + 1
                where.setdefault(keyword, set()).add(number)
                quotes.setdefault(keyword, {})[quote] = None
    return {k: Hits(n, len(where[k]), tuple(quotes[k])[:_SHOWN]) for k, n in count.items()}


def narrowed(rule: Rule, hits: Mapping[str, Hits], captions: int, level: float) -> Rule | None:
    """Leave out the keywords of a rule that fire too often on normal captions.

    Args:
        rule: with keywords.
        hits: of its keywords; see `keyword_hits`.
        captions: number of normal captions that were looked at.
        level: share of normal captions that a keyword may be found in.

    Returns:
        The rule, with a note of what was left out and why; None where nothing is left of it.
    """
    loud = {k: hits[k] for k in rule.keywords if k in hits and hits[k].count > max(1.0, level * captions)}
    if not loud:
        return rule
    kept = tuple(k for k in rule.keywords if k not in loud)
    if not kept:
        return None
    named = ", ".join(f"{k} ({found.count})" for k, found in loud.items())
    note = f"narrowed: found in {captions} normal captions and left out: {named}"
    return rule.model_copy(update={"keywords": kept, "note": " ".join(filter(None, (rule.note, note)))})
