"""Keywords and a caption in, the places where the caption speaks of them out: whole words, not denied, with a quote.

What a keyword means:

- It is matched on whole words in all their forms, whatever the case: `carry` finds "carried", `shelf` finds "shelves".
  It is never matched inside another word.
- A phrase finds its words in order, with articles, adjectives or adverbs between: `lift box` finds "lifting a large
  box". A hyphen, a space or nothing between two words is the same. `parked trailer` finds "a trailer is parked" too.
- A mention that is denied ("no …", "without …", "is not …", "… not visible"), pictured ("a sign with …") or part of
  another thing's name ("bus stop") does not match.
- A *thing* means the thing in use: one that is said to be parked, locked, leaning or standing somewhere does not
  match. Write `parked trailer` for those, or `trailer (any)` for one in any state.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from ruler.rules.clauses import State, denied, state_of, unreal
from ruler.rules.inflection import FUNCTION, inflections, is_activity, word_set

__all__ = ["Matcher", "Mention", "compile_keywords", "find", "inflections", "words_of"]

Mode = Literal["words", "substring"]

QUOTE = 120
"""Longest quote, in characters."""
_AROUND = 300
_ANY = re.compile(r"\s*\(any\)\s*$", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:[’']\w+)*")
_ARTICLES = word_set("a an the")
# Between the words of a phrase: up to three words, none of which starts another phrase or another clause.
_BREAKS = (
    "and|or|nor|but|while|who|whom|which|that|to|in|on|at|of|by|with|without|near|from|for|into|onto|toward|towards|"
    "behind|beside|under|over|"
    "through|along|across|around|against|no|not|never|neither|as|if|than|there|he|she|they"
)
_FILLER = rf"(?:[ \-]+(?!(?:{_BREAKS})\b)[\w’']+(?<!n't)(?<!n’t)){{0,3}}?"
_DETERMINER = r"(?:[ \-]+(?:a|an|the|any|his|her|their|its))?"
_LINK = r"(?:[ \-]+(?:is|are|was|were|be|being|been|that|which|who|has|have|seems?|appears?|to|also|currently))"
# Also braces and tags: what stands in them is nobody's description of what comes after.
_SENTENCE_END = re.compile(
    r"[.!?…;\n\r。！？｡؟।۔{}<>`](?:(?<![.!?…])|(?=[^\w,:.!?…]|_|$)(?<!\b[ei]\.[ge]\.)|(?<=\b[ei]\.[ge]\.)(?=\s+[A-Z]))"
)
_CLAUSE_END = re.compile(
    r"[,:—]|\b(?:but|while|whereas|although|however)\b|"
    r"\band (?=(?:the|a|an|another|one|two) [^,]*\b(?:is|are|was|were)\b)"
)
_STATIC_WORDS = word_set(
    "parked parking stationary static immobile motionless idle leaning propped locked chained standing resting "
    "unattended abandoned"
)
_NEGATIVE = word_set("no not without never cannot")
# Scripts without spaces between words: a keyword in them is looked for as it is.
_UNSPACED = re.compile("[぀-ヿ㐀-鿿豈-﫿฀-๿຀-໿က-႟ក-៿]")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Mention:
    """One place in a caption that speaks of a keyword.

    Attributes:
        start: first character of the mention in the caption.
        end: one past its last.
        quote: the clause that holds it, verbatim from the caption, at most about 120 characters.
        negated: the caption denies it, speaks of a picture of it, or of another thing named after it.
        state: "static" where the thing is said to stand still; "moving" where it is said to be done or moved; None
            where nothing is said.
        keyword: the keyword, as it was given.
        asked: the state counts for nothing, as the keyword itself names one or holds for any.
    """

    start: int
    end: int
    quote: str
    negated: bool
    state: State | None
    keyword: str
    asked: bool = False

    @property
    def matches(self) -> bool:
        """Whether the keyword counts as found: not denied, and not a thing at rest unless the keyword asks for one."""
        return not self.negated and (self.asked or self.state != "static")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One keyword.

    Attributes:
        keyword: as it was given.
        first: the words it may begin with.
        rest: what must follow; None where the first word is all.
        any_state: marked "(any)".
        negative: holds a denial itself ("no helmet").
        act: names an activity by its -ing form, so that a thing of that name is something else.
    """

    keyword: str
    first: frozenset[str]
    rest: re.Pattern[str] | None
    any_state: bool
    negative: bool
    act: bool


class Matcher:
    """Finds many keywords in a caption at once. Make it with `compile_keywords`; it may be shared and pickled."""

    def __init__(self, keywords: Sequence[str], mode: Mode = "words", cache: int = 65_536) -> None:
        """Compile.

        Args:
            keywords: words or phrases; blank ones match nothing.
            mode: "words", or "substring" for the published program's `keyword in line`: case-sensitive, inside words,
                denied or not.
            cache: number of distinct captions whose mentions are kept.
        """
        self.keywords = tuple(dict.fromkeys(k for k in keywords if k.strip()))
        self.mode: Mode = mode
        self._room = cache
        self._known: dict[str, tuple[Mention, ...]] = {}
        self._by_first: dict[str, list[_Pattern]] = {}
        self._plain = self.keywords if mode == "substring" else tuple(k for k in self.keywords if _UNSPACED.search(k))
        if mode == "words":
            for keyword in self.keywords:
                if not _UNSPACED.search(keyword):
                    for pattern in _patterns(keyword):
                        for word in pattern.first:
                            self._by_first.setdefault(word, []).append(pattern)
        self._anchor = re.compile(rf"(?<!\w)(?:{_trie(self._by_first)})(?!\w)") if self._by_first else None

    def search(self, caption: str) -> list[Mention]:
        """Mentions that match, in the order of the caption."""
        return [m for m in self._cached(caption) if m.matches]

    def mentions(self, caption: str) -> list[Mention]:
        """All mentions, those denied or at rest among them, in the order of the caption."""
        return list(self._cached(caption))

    def _cached(self, caption: str) -> tuple[Mention, ...]:
        known = self._known.get(caption)
        if known is None:
            known = self._plain_mentions(caption) if self._plain else ()
            if self._anchor is not None:
                found = self._word_mentions(caption, self._anchor)
                known = tuple(sorted((*known, *found), key=lambda m: (m.start, m.end))) if known else tuple(found)
            if len(self._known) >= self._room:
                self._known.clear()
            self._known[caption] = known
        return known

    def _plain_mentions(self, caption: str) -> tuple[Mention, ...]:
        found = []
        for keyword in self._plain:
            bare = keyword if self.mode == "substring" else _ANY.sub("", keyword)
            at = caption.find(bare)
            if at >= 0:
                quote = _quote(caption, at, at + len(bare), _sentences(caption))
                found.append(Mention(at, at + len(bare), quote, False, None, keyword, asked=True))
        return tuple(sorted(found, key=lambda m: (m.start, m.end)))

    def _word_mentions(self, caption: str, anchor: re.Pattern[str]) -> list[Mention]:
        lower = _lowered(caption)
        spans: list[tuple[int, int, _Pattern]] = []
        taken: dict[str, int] = {}
        for hit in anchor.finditer(lower):
            for pattern in self._by_first[hit.group()]:
                end = hit.end()
                if pattern.rest is not None:
                    rest = pattern.rest.match(lower, end)
                    if rest is None:
                        continue
                    end = rest.end()
                if hit.start() >= taken.get(pattern.keyword, 0):
                    taken[pattern.keyword] = end
                    spans.append((hit.start(), end, pattern))
        if not spans:
            return []
        bounds = _sentences(caption)
        return [_mention(caption, lower, start, end, pattern, bounds) for start, end, pattern in spans]


def compile_keywords(keywords: Iterable[str], mode: Mode = "words") -> Matcher:
    """A matcher for many keywords; the same object for the same ones.

    One matcher for all rules is faster than one per rule: `Mention.keyword` tells which keyword was found.

    Args:
        keywords: words or phrases, in any inflection and case; ` (any)` at the end of one lifts the rule about things
            at rest.
        mode: "words", or "substring" as the published AnomalyRuler program matches.
    """
    return _matcher(tuple(keywords), mode)


@lru_cache(maxsize=256)
def _matcher(keywords: tuple[str, ...], mode: Mode) -> Matcher:
    return Matcher(keywords, mode)


def find(keyword: str, caption: str) -> list[Mention]:
    """All mentions of one keyword, those denied or at rest among them; `Mention.matches` tells which count."""
    return Matcher((keyword,), cache=1).mentions(caption)


def words_of(text: str) -> list[str]:
    """The words of a text or keyword, in lower case, without the mark "(any)"."""
    return _WORD.findall(_lowered(_ANY.sub("", text)))


def _mention(caption: str, lower: str, start: int, end: int, pattern: _Pattern, bounds: list[int]) -> Mention:
    # A sentence without end would make the look around it slow; what is said far away is not about the mention.
    left = max(bounds[bisect_right(bounds, start) - 1], start - _AROUND)
    right = min(bounds[bisect_right(bounds, max(start, end - 1))], end + _AROUND)
    sentence = lower[left:right]
    words = _WORD.findall(lower, start, end)
    resting = bool(_STATIC_WORDS.intersection(words))
    activity = not resting and (pattern.act or any(is_activity(w) for w in words[:1] + words[-1:]))
    asked = pattern.any_state or resting
    at = (start - left, end - left)
    literal = len(words) > 1 or lower[start:end] == pattern.keyword.lower()
    negated = unreal(sentence, *at, activity=activity, literal=literal) or (
        not pattern.negative and denied(sentence, *at)
    )
    state = state_of(sentence, *at, activity=activity)
    return Mention(start, end, _quote(caption, start, end, bounds), negated, state, pattern.keyword, asked)


def _sentences(caption: str) -> list[int]:
    """Starts of the sentences, and the caption's length twice, so that every position has a sentence."""
    return [0, *(m.end() for m in _SENTENCE_END.finditer(caption)), len(caption), len(caption) + 1]


def _quote(caption: str, start: int, end: int, bounds: list[int]) -> str:
    """The clause around [start, end), verbatim; cut at spaces where it is long, and never within the mention."""
    left = bounds[bisect_right(bounds, start) - 1]
    right = bounds[min(bisect_right(bounds, max(start, end - 1)), len(bounds) - 2)]
    left, right = max(left, start - _AROUND), min(right, end + _AROUND)
    for edge in _CLAUSE_END.finditer(caption, left, right):
        if edge.end() <= start:
            left = edge.end()
        elif edge.start() >= end:
            right = edge.start()
            break
    spare = max(0, QUOTE - (end - start)) // 2
    if right - left > QUOTE:
        if start - left > spare:
            space = _SPACE.search(caption, start - spare, start)
            left = space.end() if space else start
        if right - end > spare:
            cut = caption.rfind(" ", end, end + spare)
            right = cut if cut >= end else end
    quote = caption[left:right].strip().rstrip(".;!?")
    quote = re.sub(r"^(?:and|or)\s+(?=\w)", "", quote, flags=re.IGNORECASE) if left + 4 <= start else quote
    return quote if caption[start:end] in quote else caption[start:end]


def _lowered(caption: str) -> str:
    """Lower case of equal length, so that positions hold."""
    lower = caption.lower()
    return lower if len(lower) == len(caption) else "".join(c.lower() if len(c.lower()) == 1 else c for c in caption)


def _patterns(keyword: str) -> list[_Pattern]:
    """What one keyword is looked for as; nothing for a keyword without a word."""
    bare = _ANY.sub("", keyword)
    words = _WORD.findall(_lowered(bare))
    content = [w for w in words if w not in _ARTICLES] or words
    if not content:
        return []
    made = _Pattern(
        keyword,
        first=inflections(content[0], in_phrase=len(content) > 1),
        rest=None,
        any_state=bare != keyword,
        negative=any(w in _NEGATIVE or w.endswith(("n't", "n’t")) for w in words),
        act=content[0].endswith("ing") and is_activity(content[0]),
    )
    if len(content) == 1:
        return [made]
    tail = "".join(_next(a, b) for a, b in pairwise(content))
    out = [replace(made, rest=re.compile(tail + r"(?!\w)"))]
    if len(content) == 2:
        first, second = content
        if first.isascii() and second.isascii() and not {first, second} & FUNCTION:
            out.append(replace(made, first=inflections(first + second)))  # "hand rail" is "handrail" too
        if is_activity(first) or first in _STATIC_WORDS:
            # "parked trailer" is "a trailer is parked" too; "leaking pipe" needs the "is", lest `carrying box` find "a
            # box carrying …".
            link = _LINK + ("{1,3}" if first.endswith("ing") and first not in _STATIC_WORDS else "{0,3}")
            back = re.compile(link + r"[ \-]+" + _forms(first) + r"(?!\w)")
            out.append(replace(made, first=inflections(second, in_phrase=True), rest=back))
    return out


def _next(word: str, following: str) -> str:
    """A pattern for the way from one word of a phrase to the next, and the next."""
    return (_DETERMINER if word in _NEGATIVE else _FILLER) + r"[ \-]+" + _forms(following)


def _forms(word: str) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, inflections(word, in_phrase=True)), key=len, reverse=True)) + ")"


def _trie(words: Iterable[str]) -> str:
    """One pattern for many words, sharing their beginnings; far faster than a plain alternation."""
    root: dict[str, dict[str, object]] = {}
    for word in words:
        node = root
        for char in word:
            node = node.setdefault(char, {})  # type: ignore[assignment]
        node[""] = {}
    return _branches(root)


def _branches(node: dict[str, dict[str, object]]) -> str:
    parts = [re.escape(char) + _branches(rest) for char, rest in sorted(node.items()) if char]  # type: ignore[arg-type]
    if not parts:
        return ""
    optional = "" in node
    if len(parts) == 1 and not optional:
        return parts[0]
    return "(?:" + "|".join(parts) + ")" + ("?" if optional else "")
