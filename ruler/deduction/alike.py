"""Captions and the rules of a scene in; what a caption speaks of, as far as it could change a verdict, out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ruler.rules.model import Rule
from ruler.rules.words import words_of
from ruler.terms import caption_terms, singular

_COUNT = re.compile(r"\b(\w{1,12}) (?:people|persons?|men|man|women|woman)\b", re.IGNORECASE)
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: number for number, word in enumerate(_WORDS)} | {"zero": 0, "a": 1, "an": 1, "single": 1}

SEVERAL, MANY = 4, 6
"""Up to three people each number is told apart; four and five are alike, and so are six and more."""


@dataclass(frozen=True, slots=True)
class Gist:
    """What a caption speaks of.

    Attributes:
        people: how many, four and five as one, six and more as one; a word where it is no number.
        activities: what they do.
        things: what is there, without what only the normal rules name.
    """

    people: str
    activities: frozenset[str]
    things: frozenset[str]


def gist(caption: str, usual: frozenset[str] = frozenset()) -> Gist:
    """What a caption speaks of, as far as it could change a verdict.

    Args:
        caption: of one frame.
        usual: things that no verdict turns on; see `usual_things`.
    """
    terms = caption_terms(caption)
    return Gist(_people(caption), terms.activities, terms.things - usual)


def usual_things(rules: Sequence[Rule]) -> frozenset[str]:
    """Words, in the singular, that normal rules name and no anomaly rule does.

    Whether a describing model speaks of the trees of a place or not, no verdict of the scene turns on them.
    """

    def named(kind: str) -> frozenset[str]:
        texts = (text for rule in rules if rule.kind == kind for text in (rule.text, *rule.keywords))
        return frozenset(singular(word) for text in texts for word in words_of(text))

    return named("normal") - named("anomaly")


def _people(caption: str) -> str:
    found = _COUNT.search(caption)
    if found is None:
        return ""
    word = found[1].lower()
    number = int(word) if word.isdecimal() else _NUMBERS.get(word)
    if number is None:
        return word
    return f"{MANY}+" if number >= MANY else f"{SEVERAL}+" if number >= SEVERAL else str(number)
