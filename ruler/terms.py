"""A caption in; the terms it speaks of out: activities ("walking", "carrying box") and things ("tree", "bench").

Hand-written rules over general function words; no language model, no list of anything that would be anomalous.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_CACHE = 1 << 16
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class CaptionTerms:
    """What a caption speaks of, in canonical form: lower case, verbs in -ing, nouns in the singular.

    Attributes:
        activities: what people (or anything) are said to do, with the object of the doing: "walking", "carrying box".
        things: things that are there, and things that people carry or use: "tree", "bag".
    """

    activities: frozenset[str] = frozenset()
    things: frozenset[str] = frozenset()


@lru_cache(maxsize=_CACHE)
def caption_terms(caption: str) -> CaptionTerms:
    """Take the terms out of a caption.

    Sentences about people give activities: -ing verbs after an auxiliary, a conjunction or a word for people, and verbs
    of the simple present after a word for one person, each with its object, while places, adverbs and clothing are cut
    off. Sentences about what is there "other than people", and those that list what there is, give things; so do
    objects that people use or carry. What is negated is left out ("nobody is walking", "not sitting", "no car").

    Args:
        caption: one or several English sentences; any text is allowed.

    Returns:
        The terms; empty for text that holds none.
    """
    found = [_sentence_terms(caption[start:end]) for start, end in _sentences(caption)]
    return CaptionTerms(_NONE.union(*(f.activities for f in found)), _NONE.union(*(f.things for f in found)))


def quote_term(caption: str, term: str) -> str | None:
    """Return the words that speak of a term, verbatim, at their first mention in the caption; None without any."""
    for start, end in _sentences(caption):
        for found in _sentence_terms(caption[start:end]).terms:
            if found.name == term:
                spans = [m.span() for m in _TOKEN.finditer(_lower(caption[start:end]))]
                return caption[start + spans[found.first][0] : start + spans[found.last][1]]
    return None


class _Term(NamedTuple):
    """A term of a sentence, and its first and last word there."""

    name: str
    first: int
    last: int
    activity: bool


class _Sentence(NamedTuple):
    """What one sentence speaks of."""

    activities: frozenset[str]
    things: frozenset[str]
    terms: tuple[_Term, ...]


_NONE: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AUXILIARIES = _words("is are was were be been am 's 're being seen shown captured visible busy")
_CONJUNCTIONS = _words("and or while whilst but then if , &")
_NEGATIONS = _words("no not never nobody none neither nor without n't cannot isn't aren't wasn't weren't hardly")
_PREPOSITIONS = _words(
    "about above across after against ahead along alongside amid among around as at away behind below beneath beside "
    "between beyond by down during for from front in inside into like near next of off on onto opposite out outside "
    "over past per through throughout to toward towards under underneath until up upon upwards downwards via with "
    "within without back forward forwards backwards together apart"
)
_DETERMINERS = _words(
    "a an the this that these those his her its their our my your some any each every another other both several many "
    "few more most two three four five six seven eight nine ten eleven twelve various multiple numerous what which "
    "one's pair couple lot lots number group row set piece pieces kind type series bunch"
)
_PRONOUNS = _words(
    "it them him himself herself themselves itself something anything nothing everything each other one ones someone "
    "somebody anyone everyone who whom that which there he she they"
)
_BREAKS = _words(
    "that which who whom where when because so than whose there appear appears appearing seem seems seemingly might "
    "may could to has have had"
)
_ENDS = _CONJUNCTIONS | _PREPOSITIONS | _BREAKS | _AUXILIARIES
_PEOPLE = _words(
    "person people persons man men woman women boy boys girl girls child children kid kids baby individual "
    "individuals pedestrian pedestrians human humans guy guys lady ladies gentleman gentlemen couple pair group crowd "
    "family student students adult adults teenager teenagers worker workers employee employees officer guard figure "
    "figures someone somebody everyone others another one first second third fourth fifth sixth seventh eighth ninth "
    "tenth eleventh twelfth last he she they them some who both passerby passersby"
)
_ONE_PERSON = _words(
    "person man woman boy girl child kid baby individual pedestrian guy lady gentleman student adult teenager worker "
    "employee officer guard figure someone somebody everyone another one first second third fourth fifth sixth "
    "seventh eighth ninth tenth he she who"
)
_NOT_DOING = _words(
    "being having wearing appearing seeming starting beginning continuing including indicating suggesting implying "
    "featuring containing consisting depicting belonging according regarding concerning considering noting dressed"
)
_NOT_VERBS = _words(
    "building buildings railing railings ceiling ceilings clothing morning evening something anything nothing "
    "everything during string spring wing ring king thing lighting marking markings paving siding flooring awning "
    "opening parking pedestrian-crossing swing sling bring sing"
)
_NOT_PRESENT = _words(
    "is was has does appears seems wears this its as us plus always perhaps besides across towards afterwards sometimes"
)
_ADVERBS = _words(
    "also still just now currently then possibly either both all perhaps maybe too not n't again almost alone further "
    "farther closer bit little straight nearby upright very quite rather"
)
_BODY = _words(
    "back backs hand hands arm arms head heads leg legs foot feet face faces shoulder shoulders hip hips waist"
)
_CLOTHES = _words(
    "shirt shirts t-shirt t-shirts pant pants trousers jeans shorts jacket jackets sweater sweaters hoodie hoodies "
    "dress dresses skirt skirts hat hats cap caps coat coats uniform uniforms shoe shoes suit suits tie glasses "
    "sunglasses vest blouse scarf clothes clothing outfit attire top hair beard"
)
_PLACE_VERBS = _words(
    "entering exiting leaving crossing approaching facing passing reaching descending ascending climbing"
)
_VAGUE = _words(
    "image picture photo scene frame view background foreground side sides left right middle center centre top bottom "
    "front end part area areas distance direction element elements object objects item items people person persons "
    "individual individuals ground air way place visible others rest kind type something anything"
)
_NO_THINGS = _PRONOUNS | _PEOPLE | _VAGUE

_TOKEN = re.compile(r"[a-z0-9]+(?:['’-][a-z0-9]+)*|[,&]")
_OTHER = re.compile(
    r"\b(?:other than|apart from|aside from|besides|except(?: for)?|in addition to|beyond)\s+"
    r"(?:the |these |those |all )*(?:\w+ )?(?:people|persons?|pedestrians?|humans?|individuals?|them|him|her)\b"
)
_LISTS = re.compile(
    r"\bthere(?:'s|’s|\s+(?:is|are|was|were|seems? to be|appears? to be|also))\b"
    r"|\b(?:elements|objects|items|things|image|picture|scene|background)\b[^,]{0,60}?"
    r"\b(?:includes?|are|shows?|contains?|consists? of|features?)\b"
)
_VOWELS = frozenset("aeiou")


def _sentences(caption: str) -> Iterable[tuple[int, int]]:
    """Where each sentence stands, [start, end); overlong ones are cut, which bounds the time spent on a caption."""
    text = caption
    for sign in "!?;:\n":
        text = text.replace(sign, ".")
    start = 0
    while start < len(text):
        stop = text.find(".", start)
        while 0 <= stop < len(text) - 1 and not text[stop + 1].isspace() and caption[stop] != "\n":
            stop = text.find(".", stop + 1)  # the point of a number or of an abbreviation
        stop = len(text) if stop < 0 else stop
        for first in range(start, stop, _LONGEST):
            yield first, min(first + _LONGEST, stop)
        start = stop + 1


def _lower(sentence: str) -> str:
    """Lower case, letter for letter: a few letters change their length, and quotes would be cut wrongly."""
    lower = sentence.lower()
    if len(lower) == len(sentence):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in sentence)


@lru_cache(maxsize=_CACHE)
def _sentence_terms(sentence: str) -> _Sentence:
    terms = tuple(_parse(_lower(sentence)))
    activities = frozenset(term.name for term in terms if term.activity)
    return _Sentence(activities, frozenset(term.name for term in terms if not term.activity), terms)


def _parse(sentence: str) -> Iterable[_Term]:
    words = _TOKEN.findall(sentence)
    other = _OTHER.search(sentence)
    if other:
        before, after = (len(_TOKEN.findall(sentence, 0, place)) for place in other.span())
        return _things(words, (*range(before), *range(after, len(words))))
    listing = _LISTS.search(sentence)
    if listing:
        after = len(_TOKEN.findall(sentence, 0, listing.end()))
        if _PEOPLE.isdisjoint(words[after:]):
            return _things(words, range(after, len(words)))
    return _activities(words)


def _things(words: list[str], which: Iterable[int]) -> Iterable[_Term]:
    """Heads of the noun phrases of a list: the last word before a preposition, a comma or an end."""
    phrase: list[int] = []
    aside = negated = False
    for i in (*which, None):
        text = "," if i is None else words[i]
        participle = text.endswith("ing") and text not in _NOT_VERBS and bool(phrase)
        if i is not None and text not in _ENDS and not participle:
            if text in _NEGATIONS:
                negated = True
            elif text not in _DETERMINERS:
                phrase.append(i)
            elif not phrase:
                negated = False  # "no cars, trees or signs" is negated to its end, "no cars and a bench" is not
            continue
        head = None if aside or negated else _head(words, phrase)
        if head is not None:
            yield _Term(singular(words[head]), head, head, False)
        phrase = []
        negated = (negated or text in _NEGATIONS) and text != "but"
        # What follows a preposition or a participle is a place or a detail, not one of the things listed.
        aside = participle or (text in _PREPOSITIONS and text != "with")


def _activities(words: list[str]) -> Iterable[_Term]:
    """Verbs with their objects, and things carried."""
    done = False  # whether a verb of this sentence was found: a thing somebody is "with" needs one before
    i = 0
    while i < len(words):
        text = words[i]
        verb = _verb(words, i, done) if text.endswith(("ing", "s")) else None
        uses = not verb and _uses(words, i)
        if not verb and not uses and not (text == "with" and done):
            i += 1
            continue
        head, after = _object(words, i + 1)
        if not _negated(words, i) and verb not in _NOT_DOING:
            thing = None if head is None or verb in _PLACE_VERBS else _Term(singular(words[head]), head, head, False)
            if verb or (uses and thing):
                name = f"{verb or text} {thing.name}" if thing else verb or text
                yield _Term(name, i, thing.last if thing else i, True)
            if thing and not uses:
                yield thing
        done = done or bool(verb) or head is not None
        i = max(after, i + 1)


def _uses(words: list[str], i: int) -> bool:
    """Whether "is on a …" or "is in a …" stands at i: what somebody uses or is busy with. With "the" it is a place."""
    article = words[i] in {"on", "in"} and i + 1 < len(words) and words[i + 1] in {"a", "an"}
    return article and _before(words, i) in _AUXILIARIES


def _verb(words: list[str], i: int, done: bool) -> str | None:
    """Return the -ing form of the verb that stands at i, if one does."""
    text = words[i]
    before = _before(words, i)
    if text.endswith("ing") and len(text) > 4 and text not in _NOT_VERBS:
        # After a comma or "and" it goes on with what was said of somebody; at the beginning not ("Starting from …").
        continues = before in _CONJUNCTIONS and (done or not _PEOPLE.isdisjoint(words[:i]))
        return text if continues or before in _AUXILIARIES or before in _PEOPLE or before in _CLOTHES else None
    if before in _ONE_PERSON and len(text) > 3 and text.endswith("s") and not text.endswith("ss"):
        known = text in _NOT_PRESENT or text in _ENDS or text in _PEOPLE or text in _DETERMINERS or "'" in text
        return None if known else _ing(text)
    return None


def _before(words: list[str], i: int) -> str:
    """Return the word before i, adverbs passed over; "" at the beginning."""
    while i:
        i -= 1
        text = words[i]
        if text not in _ADVERBS and not text.endswith("ly"):
            return "'s" if text.endswith(("'s", "’s", "'re", "’re")) else text
    return ""


def _negated(words: list[str], i: int) -> bool:
    """Whether a negation stands before i in its clause."""
    while i:
        i -= 1
        if words[i] in _NEGATIONS:
            return True
        if words[i] == "," or words[i] == "but":
            return False
    return False


def _object(words: list[str], i: int) -> tuple[int | None, int]:
    """Return where the head of the noun phrase that begins at i stands, if one does, and where to read on."""
    phrase: list[int] = []
    first = ""
    while i < len(words):
        text = words[i]
        if text in _ENDS or text in _NEGATIONS or (phrase and text.endswith("ing") and text not in _NOT_VERBS):
            break
        if text not in _ADVERBS and not text.endswith("ly"):
            first = first or text
            if text not in _DETERMINERS:
                phrase.append(i)
        i += 1
    # Without an article it is a noun only in the plural; else an adverb ("walking straight", "standing nearby").
    noun = first in _DETERMINERS or (phrase and words[phrase[-1]].endswith("s"))
    if not noun or not _BODY.isdisjoint(words[k] for k in phrase):
        return None, i
    head = _head(words, phrase)
    return (None if head is None or words[head] in _CLOTHES else head), i


def _head(words: list[str], phrase: list[int]) -> int | None:
    """Last noun of a phrase without its articles; a participle after it ("cars parked") is passed over."""
    while len(phrase) > 1 and words[phrase[-1]].endswith("ed"):
        phrase.pop()
    if not phrase:
        return None
    text = words[phrase[-1]]
    return None if text in _NO_THINGS or text[0].isdigit() else phrase[-1]


def singular(noun: str) -> str:
    """The singular of a noun, in lower case; one that is no plural stays as it is."""
    if len(noun) < 4 or noun.endswith(("ss", "us", "is")):
        return noun
    if noun.endswith(("eaves", "lves")):
        return noun[:-3] + "f"
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("sses", "xes", "ches", "shes", "zes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") else noun


def _ing(present: str) -> str:
    """-ing form of a verb in the third person: walks → walking, rides → riding, sits → sitting, ties → tying."""
    if present.endswith("ies"):
        stem = present[:-3] + ("y" if len(present) > 4 else "ie")
    elif present.endswith(("sses", "xes", "ches", "shes", "zzes", "oes")):
        stem = present[:-2]
    else:
        stem = present[:-1]
    if stem.endswith("ie"):
        return stem[:-2] + "ying"
    if stem.endswith("e") and not stem.endswith(("ee", "oe", "ye")):
        return stem[:-1] + "ing"
    vowels = sum(c in _VOWELS for c in stem)
    short = len(stem) > 2 and vowels == 1 and stem[-2] in _VOWELS and stem[-1] not in "aeiouwxy"
    return stem + (stem[-1] if short else "") + "ing"
