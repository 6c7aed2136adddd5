"""The text of an anomaly rule in, keywords a describer may use out; by the shape of the sentence, without a list.

Of "General words such as A, B or C" only A, B and C count. A part that begins with an activity gives the activity,
with its object where it has one; another part gives its noun with the words before it. What the normal rules speak of
too, and words that say nothing alone ("objects", "unusual"), are left out. A person should look over what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ruler.rules.inflection import FUNCTION, base_forms, is_activity, word_set
from ruler.rules.words import words_of

_EXAMPLES = re.compile(
    r"\b(?:such as|e\.\s?g\.,?|for (?:example|instance),?|including|includes?|like|examples? (?:are|is|include))\s*:?",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\(([^)]*)\)?")
_LIST = re.compile(r",|\betc\b|\be\.\s?g\.|\bsuch as\b")
# What follows is about circumstances, or the contrary.
_CUT = re.compile(
    r"\b(?:without|when|where|while|that|which|who|because|beyond|than|compared|in comparison|away from|opposite|"
    r"against|instead|as part|"
    r"with no|if|unless|near|around|due to)\b.*",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"(?:^|([,;:]|\b(?:or|and|also)\b|\.(?=\s|$)))((?:(?![,;:]|\b(?:or|and|also)\b|\.(?=\s|$)).)+)",
    re.IGNORECASE | re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*")
_PREPOSITION = word_set(
    "in on at of by with from to into onto toward towards for over under through along across behind beside between "
    "during within inside "
    "outside out up down off"
)
_DETERMINER = word_set("a an the any some other his her their its this that these those sort kind mode")
# Activities that say nothing without their object.
_LIGHT = word_set(
    "engage use display move be make have do show involve come go perform take get include occur appear become "
    "stand place locate"
)
_SIZES = word_set("large small big tall")
# Words that say nothing alone, nor with one another: of general things, of measure and of judgement.
_EMPTY = word_set("""
    object item thing movement activity behavior behaviour person people individual human area location place
    space way presence purpose reason manner pattern disappearance crowd environment change appearance
    interaction transport transportation infrastructure element mode position size structure building context
    other side height speed pace time period etc security threat unusual usual unexpected abnormal normal
    irregular typical common specific certain designated general potential suspicious strange large small big
    tall high low long short very extremely highly fast quick slow rapid sudden close general various public
    such
    """)


def derive_keywords(text: str, normal: Iterable[str] = ()) -> tuple[str, ...]:
    """Keywords for an anomaly rule without any.

    Args:
        text: the rule, in English.
        normal: texts of the normal rules of the same file; what they speak of is no keyword.

    Returns:
        Words and short phrases in the order of the text, lower case, each once; empty for a rule too abstract for
        keywords.
    """
    usual = frozenset(base for line in normal for word in words_of(line) for base in base_forms(word))
    for clauses in _clauses(text):
        found = [" ".join(w) for clause in clauses for w in _shared(_phrases(clause)) if _tells(w, usual)]
        if found:
            return tuple(dict.fromkeys(found))
    return ()


def _clauses(text: str) -> Iterator[list[str]]:
    """The examples a text gives; after them, for when these give nothing, the text before them."""
    asides = [inner for inner in _ASIDE.findall(text) if _LIST.search(inner)]
    sentences = re.split(r"(?<!e\.g)\.\s+(?=[A-Z])", _ASIDE.sub(" ", text))
    split = [_EXAMPLES.split(sentence) for sentence in sentences]
    yield [part for parts in split for part in parts[1:]] + asides
    yield [parts[0] for parts in split]


def _tells(words: list[str], usual: frozenset[str]) -> bool:
    """Whether a phrase holds a word that means something by itself and that no normal rule speaks of."""
    if len(words) == 1 and base_forms(words[0]) & _LIGHT:
        return False
    return any(word not in FUNCTION and not base_forms(word) & (usual | _EMPTY) for word in words)


def _phrases(clause: str) -> list[list[str]]:
    """The phrases of a clause, part by part; a part that "or" joins to the object of a preposition belongs to that."""
    out = []
    within = False
    for joint, part in _JOINED.findall(_CUT.sub("", clause)):
        words = [w.lower() for w in _WORD.findall(part) if w.lower() != "etc"]
        led = bool(words) and words[0].endswith("ing") and is_activity(words[0])
        has = any(w in _PREPOSITION for w in words)
        if not (within and joint.lower() in ("or", "and") and not led and (not has or words[0] in _PREPOSITION)):
            out.append(_phrase(words))
        within = has or (within and joint.lower() in ("or", "and"))
    return out


def _phrase(words: list[str]) -> list[str]:
    """The words of one part that make a keyword: an activity with its object, or a noun with what stands before it."""
    words = [w for w in words if not (w.endswith("ly") and len(w) > 4) and w not in ("abruptly", "very", "may", "be")]
    act = next((i for i, w in enumerate(words) if w.endswith("ing") and is_activity(w)), None)
    if act is not None and not any(w in _PREPOSITION for w in words[:act]):
        return _activity(words, act)
    return _noun_phrase(words)


def _activity(words: list[str], act: int) -> list[str]:
    after = words[act + 1 :]
    light = bool(base_forms(words[act]) & _LIGHT)
    doer = [w for w in words[act - 1 : act] if not base_forms(w) & _EMPTY and w not in FUNCTION] if act else []
    if not after or after[0] in _PREPOSITION:
        return _noun_phrase(after) if light and not doer else doer if light else [*doer, words[act]]
    thing = _noun_phrase(after)
    if light and after and after[0] in _DETERMINER:
        return thing
    return [words[act], *thing]


def _noun_phrase(words: list[str]) -> list[str]:
    """Up to the first preposition, without determiners; a noun and at most two words before it."""
    while words and (words[0] in _PREPOSITION or words[0] in _DETERMINER):
        words = words[1:]
    end = next(
        (
            i
            for i, w in enumerate(words)
            if w in _PREPOSITION or w in FUNCTION or (i and w.endswith("ing") and is_activity(w))
        ),
        len(words),
    )
    kept = [w for w in words[:end] if w not in _DETERMINER][-3:]
    while len(kept) > 1 and base_forms(kept[-1]) & _LIGHT:
        kept.pop()
    return kept[1:] if len(kept) > 2 and kept[0] in _SIZES else kept


def _shared(phrases: list[list[str]]) -> list[list[str]]:
    """Give a part what it shares with its neighbour: "missing or ajar lids" → missing lids."""
    out: list[list[str]] = []
    for i, words in enumerate(phrases):
        if not words:
            continue
        later = next((p for p in phrases[i + 1 :] if len(p) > 1), None)
        before = out[-1] if out else None
        if len(words) == 1 and _qualifies(words[0]) and later is not None and not is_activity(later[0]):
            words = [*words, *later[1:]]
        elif (
            len(words) == 1 and before and len(before) > 1 and _qualifies(before[0]) and not is_activity(words[0])
        ) or (
            len(words) == 1 and before and len(before) == 2 and before[0].endswith("ing") and not is_activity(words[0])
        ):
            words = [before[0], *words]
        out.append(words)
    return out


def _qualifies(word: str) -> bool:
    """Whether a word by itself looks like what stands before a noun: "-ed", "un-", "abandoned", "missing"."""
    return (
        (word.endswith(("ed", "en")) and len(word) > 4) or word.startswith("un") or word in _SIZES or word == "missing"
    )
