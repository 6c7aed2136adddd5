"""What a sentence says about one of its words: whether it is denied, is a mere picture, or stands still.

All functions take one sentence in lower case and positions in it. They follow surface words, not a parse; where the
words leave it open, a mention counts as affirmed and its state as unknown, so that nothing is lost in silence.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from ruler.rules.inflection import is_activity, word_set

State = Literal["moving", "static"]

_TOKEN = re.compile(r"\w+(?:[’'-]\w+)*|[^\w\s]")
_BE = word_set("is are was were isn't aren't wasn't weren't isn’t aren’t wasn’t weren’t")
_FINITE = _BE | word_set("has have had does do did seems seem appears appear can will may might could there who")
_RELATIVE = word_set("who that which")
# Words after which a denial no longer holds.
_CONTRAST = word_set(
    "but however while although though yet whereas instead just only because since whether if then meanwhile"
)
_EXCEPT = re.compile(r"except(?:ing)?\b|other than\b|apart from\b|aside from\b|besides\b|but for\b|save for\b")
_DETERMINERS = word_set("the one two three four five some several another many")
PERSONS = word_set(
    "people persons person pedestrian pedestrians individual individuals man men woman women child children boy boys "
    "girl girls adult adults someone somebody anyone anybody everyone crowd baby kid kids guard worker dog dogs cat "
    "cats animal animals"
)


_NEGATOR = re.compile(
    r"\b(?:(?:no|not|never|nobody|no[- ]one|none|nothing|neither|nor|without|cannot|nowhere|lacks?|lacking|"
    r"(?:absence|lack|devoid|empty|free|instead|clear) of|rather than|unable to|fails? to|failed to|"
    r"refrain(?:s|ing)? from|prohibit(?:s|ed|ing)?|forbid(?:s|den|ding)?)\b|\w+n[’']t\b)"
)
# Words that hold "no" or "not" and deny nothing.
_NO_DENIAL = re.compile(
    r"(?:no (?:doubt|fewer|less|more than|matter|later|sooner|\d)|(?:nothing|no[- ]one|nobody|none) but|"
    r"without (?:a )?doubt|not (?:only|just|merely|simply|far|too far|much|long|sure|certain|"
    r"(?:entirely |completely |quite )?clear))\b|no\.\s?\d"
)
_ABSENT = re.compile(
    r"\s*(?:can|could|is|are|was|were)(?:n[’']t| ?not| never| no longer| nowhere)(?: be| to be)? "
    r"(?:visible|present|seen|shown|depicted|there|here|found|observed|detected|noticeable|apparent|allowed|permitted|"
    r"in (?:the|this|view|sight))"
    r"|\s*(?:is|are|was|were) (?:absent|nowhere|prohibited|forbidden|banned)"
)

_STILL = (
    r"(?:parked|stationary|static|immobile|motionless|idle|idling|unmoving|"
    r"(?:leaning|leaned|leant|propped|resting|rested|standing|stood) (?:up )?"
    r"(?:against|on|by|next to|beside|near|at|in|along|still|idle|outside|there)|standing(?= *$)|"
    r"(?:locked|chained|tied|secured|fastened) (?:up|to)|not (?:currently )?moving|n[’']t moving|"
    r"(?:in|on|at) (?:a |the )?(?:\w+[ -])?racks?)\b"
)
_STILL_AFTER = re.compile(
    r"(?: (?:and|or) (?:\w+ )?(?!is\b|was\b)\w+s\b|,? (?:and|or) (?:an?|the) (?:\w+ )?\w+(?= are\b| were\b))?"
    r",?(?: (?:that|which|who))?"
    r"(?: (?:is|are|was|were|has been|have been|remains?|seems? to be|appears? to be|seems?))?"
    r"(?: (?:also|currently|just|all|both|being|apparently))?(?: |(?=n[’']t))" + _STILL
)
_POSTURE = re.compile(r"\b(?:standing|stood|leaning|leaned|leant|resting|rested|idle)\b")
_BELONGS = re.compile(r"\b(?:in|with|wearing|carrying|holding|pushing|has|have|having|of) (?:\w+ ){0,3}$")
_STILL_BEFORE = re.compile(r"\b(?:parked|stationary|static|immobile|idle|standing)(?: (?:\w+ )?and)?(?: \w+){0,2} $")
_NOT_BETWEEN = re.compile(
    r"\b(?:in|on|at|by|near|next|to|of|with|from|behind|beside|against|along|is|are|was|were|the|a|an|his|her|their)\b"
)
_UNATTENDED = re.compile(
    r"\b(?:unattended|abandoned|alone|(?<!the )left|forgotten|overturned|fallen|unclaimed|discarded)\b"
)

_PICTURED = re.compile(
    r"\b(signs?|signposts?|signboards?|posters?|pictures?|photos?|photographs?|paintings?|drawings?|statues?|"
    r"sculptures?|murals?|symbols?|logos?|icons?|illustrations?|stickers?|advertisements?|billboards?|banners?|decals?)"
    r"(?: \w+){0,2}? (?:of|with|showing|shows|depicting|depicts|saying|says|reads|reading|for|about|featuring|"
    r"displaying|warning|indicating|prohibiting)\b([^,;:—]*)$"
)
_WHOLE_PICTURE = re.compile(
    r"^\W*(?:(?:this|it|here|that)(?: is| shows)?|[’']s)?(?: ?(?:a|an|the))?(?: ?[\w-]+){0,2} ?$"
)
_HANGS = re.compile(
    r"\b(?:hangs?|hanging|hung|(?:on|in) (?:a|the) (?:\w+ )?(?:wall|door|window|board|screen|shirt|bag|frame))\b"
)
# Quotation marks by where they stand, as straight ones open and close alike.
_OPENING = re.compile(r"(?<!\w)[\"'“‘«„](?=\S|$)")
_CLOSING = re.compile(r"(?<=[^\s(\[])[\"'”’»](?=\W|$)")
_QUOTATION = re.compile(r"(?<!\w)[\"'“‘«„](?=\S).*?(?<=\S)[\"'”’»](?=\W|$)")
_QUOTATION_MARK = re.compile("[\"'“”‘’«»„]")
_ANOTHER = re.compile(r"\band (?:an?|another|the|one|two|three|some|several) ")
_TOY = re.compile(r"\b(?:toy|model|painted|printed|drawn|cartoon|miniature|pictured)(?: \w+)? $")
_COMPOUND = re.compile(
    r"[ -](?:signs?|signposts?|symbols?|logos?|icons?|markings?|lanes?|racks?|stops?|stations?|park|parking|tracks?|"
    r"shelters?|stands?|posters?|stickers?|pictures?|images?|shops?|stores?|rental|sharing|lots?|doors?|keys?|helmets?|"
    r"advertisements?|routes?)\b(?! (?:is|are) \w+ing)"
)
_OF_ACTIVITY = re.compile(
    r"[ -](?:tracks?|lanes?|paths?|pathways?|trails?|routes?|shoes?|shorts|suits?|gear|clothes|outfits?|pants|jersey|"
    r"shirts?|bags?|lots?|areas?|zones?|spaces?|pools?|sticks?|malls?|machines?|equipment|frames?|water|taps?|"
    r"cent(?:re|er)s?|schools?|signs?|events?|boards?|lights?)\b"
)
# No verb has these bare singulars for its object: "a pedestrian crossing sign".
_ITS_NOUN = re.compile(r"[ -](?:sign|lane|lot|pool|stick|mall|machine|zone|route|board)\b")
_NAMED = re.compile(
    r"(?:^|\b(?:an?|the|his|her|their|its|this|that|any|of|in|on|at|near|with|by|beside|to|from|along|past|"
    r"\w{2,}ing) )$"
)
_DET = r"(?:(?:an?|the|his|her|their|its|this|that|some|another|two|three) )"
_AS_THING = re.compile(
    r"\b(?:with|on|onto|by|near|to|towards?|past|behind|beside|against|at|from|(?!(?:doing|having|taking|making|"
    r"starting|during|attempting|performing|practicing|practising)\b)\w{2,}ing) " + _DET + r"(?:\w+ ){0,2}$"
)
_RESULT = re.compile(
    r"(?:^|[,.] |\b(?:an?|the|some|of|with|are|is|few|many|several|and|by|on|near|over|under|scattered|dry) )$"
)
_NOUN_NEXT = re.compile(
    r" (?!(?:down|up|over|by|on|in|at|to|into|from|off|out|and|or|near|with|beside|along|around|across|through|past|"
    r"away|toward|towards|onto|against|a|an|the|his|her|their|its|it|is|are|while|but|as|for|of)\b)(\w+)"
)
_ACTED_ON = re.compile(
    r"\b(?!(?:standing|leaning|sitting|parking|lying|showing|including|wearing|having)\b)\w{2,}ing "
    r"(?:(?!and |or |of )\w+ ){0,3}$"
)
_ACTS = re.compile(
    r" (?:(?:that|which|who) )?(?:(?:is|are|was|were|seems? to be|appears? to be) )?"
    r"(?!standing|leaning|sitting|parking|lying|belonging|being)\w{2,}ing\b"
)


def denied(sentence: str, start: int, end: int) -> bool:
    """Whether the words at [start, end) are denied: "no …", "not …", "without …", "… are not visible".

    A denial reaches to the end of its clause: a contrast ("but"), a comma or "and" before a clause with a verb of its
    own, a new subject, or the end of the quotation it stands in end it. A denial with an exception ("nobody … except a
    man") denies nothing.
    """
    return any(first <= start < last for first, last in _scopes(sentence)) or _absent(sentence, start, end)


def unreal(sentence: str, start: int, end: int, *, activity: bool, literal: bool = False) -> bool:
    """Whether the words at [start, end) are only pictured ("a poster of …") or part of another name ("bus stop").

    Args:
        sentence: lower case.
        start: first character of the mention.
        end: one past its last.
        activity: something done is looked for, not a thing.
        literal: the mention is what the keyword says, letter for letter, or a phrase.
    """
    before, after = sentence[:start], sentence[end:]
    pictured = _PICTURED.search(before)
    if pictured and not _new_clause(pictured.group(2)) and not _after_quotation(pictured.group(2)):
        # A caption may open with "This is a photo of …": that is no picture within the picture.
        whole = pictured.group(1).startswith(("picture", "photo")) and _WHOLE_PICTURE.match(before[: pictured.start()])
        if not whole or _HANGS.search(after):
            return True
    if _TOY.search(before):
        return True
    if activity:
        if sentence[start:end].endswith("ing"):
            return bool(_ITS_NOUN.match(after) or (_OF_ACTIVITY.match(after) and _NAMED.search(before)))
        return not literal and _is_thing_or_result(sentence[start:end], before, after)
    return bool(_COMPOUND.match(after))


def state_of(sentence: str, start: int, end: int, *, activity: bool) -> State | None:
    """What the sentence says of the thing or activity at [start, end); the arguments are those of `unreal`.

    Returns:
        "static" for a thing (never a person or an activity) that is parked, leans, is locked or stands somewhere;
        "moving" for an activity and where a verb moves the thing; None where nothing is said.
    """
    if activity:
        return "moving"
    before, after = sentence[:start], sentence[end:]
    if not _is_person(sentence[start:end]) and not _UNATTENDED.search(sentence):
        near, later = _STILL_BEFORE.search(before), _STILL_AFTER.match(after)
        if near and not _NOT_BETWEEN.search(near.group()):
            return "static"
        # "a man with a bag is standing there": it is the man who stands.
        if later and not (_POSTURE.search(later.group()) and _BELONGS.search(before)):
            return "static"
    return "moving" if _ACTED_ON.search(before) or _ACTS.match(after) else None


def _is_thing_or_result(word: str, before: str, after: str) -> bool:
    """Whether another form of an activity's word is no act: a thing ("with a bend") or a result ("fallen leaves")."""
    if _AS_THING.search(before) and not is_activity(word):
        return True
    noun = _NOUN_NEXT.match(after)
    return bool(noun and is_activity(word) and _RESULT.search(before) and not _is_person(noun.group(1)))


def _is_person(words: str) -> bool:
    last = words.split()[-1] if words.split() else ""
    return last in PERSONS or last.endswith(("ist", "ists", "man", "men", "person"))


def _new_clause(text: str) -> bool:
    return bool(_ANOTHER.search(text)) or any(t in _FINITE or t in _CONTRAST for t in _TOKEN.findall(text))


def _after_quotation(text: str) -> bool:
    """Whether a quotation ended in the text, so that what follows is no longer on the sign."""
    rest, closed = _QUOTATION.subn("", text)
    return closed > 0 and not _OPENING.search(rest)


def _absent(sentence: str, start: int, end: int) -> bool:
    """A denial after its subject ("the boxes are not visible"), where the mention is that subject itself."""
    if not _ABSENT.match(sentence, end):
        return False
    clause = re.split(r"[,;:]|\b(?:but|and|while|although)\b", sentence[:start])[-1]
    return len(_TOKEN.findall(clause)) <= 3 and not re.search(r"\b(?:of|with|in|on|at|by|near|\w+ing)\b", clause)


@lru_cache(maxsize=4096)
def _scopes(sentence: str) -> tuple[tuple[int, int], ...]:
    """Spans of the sentence that are denied."""
    found = []
    for negator in _NEGATOR.finditer(sentence):
        if _NO_DENIAL.match(sentence, negator.start()):
            continue
        end = _reach(sentence, negator.start(), negator.end(), negator.group())
        if end is not None:
            found.append((negator.end(), min(end, _quotation_end(sentence, negator.start(), negator.end()))))
    return tuple(found)


def _quotation_end(sentence: str, start: int, end: int) -> int:
    """Where the quotation ends that the words at [start, end) stand in; the end of the sentence where there is none."""
    depth = 0
    for mark in _QUOTATION_MARK.finditer(sentence, end):
        if _OPENING.match(sentence, mark.start()):
            depth += 1
        elif _CLOSING.match(sentence, mark.start()):
            # A mark like this is an apostrophe too, unless one like it stands before.
            if depth == 0 and (mark.group() not in "'’" or re.search(r"(?<!\w)['‘](?=\w)", sentence[:start])):
                return mark.start()
            depth = max(0, depth - 1)
    return len(sentence)


def _reach(sentence: str, start: int, end: int, negator: str) -> int | None:
    """Where a denial ends; None where an exception takes it back."""
    tokens = list(_TOKEN.finditer(sentence, end))
    words = [t.group() for t in tokens]
    before = _TOKEN.findall(sentence[:start])
    narrow = _is_narrow(negator, before, words)
    verbs = _verbs_within(negator, before)
    for i, (token, word) in enumerate(zip(tokens, words, strict=True)):
        if word in _CONTRAST or word in ";:—()" or (word == "as" and words[i + 1 : i + 2] == ["the"]):
            return None if word == "but" and _excepting(words, i) else token.start()
        if _EXCEPT.match(sentence, token.start()):
            return None
        if word in (",", "and", "or", "nor") and _starts_clause(words[i + 1 :], word, negator):
            return token.start()
        if word == "that":  # "no sign that anyone is …"
            verbs = len(words)
        if word in _BE and (i == 0 or words[i - 1] not in _RELATIVE):
            if not verbs:
                return token.start()
            verbs -= 1
        if narrow and i > 0 and word.endswith("ing") and len(word) > 4:
            return token.start()
    return len(sentence)


def _excepting(words: list[str], i: int) -> bool:
    """Whether, as in "no boxes but a crate", "but" before a mere noun takes the denial back."""
    rest = words[i + 1 :]
    return bool(rest) and rest[0] in ("a", "an", "one") and not any(w in _FINITE or w.endswith("ing") for w in rest)


def _is_narrow(negator: str, before: list[str], after: list[str]) -> bool:
    """Whether only the noun after the negator is denied: "with no bag carrying …"."""
    narrow = negator == "without" or (
        negator == "no" and before[-1:] in (["with"], ["has"], ["have"], ["wearing"], ["carrying"], ["and"])
    )
    if not narrow or after[:1] == ["any"]:
        return False
    noun = next((a for a, b in pairwise(after) if b.endswith("ing") and len(b) > 4), "")
    return not (noun in PERSONS or (noun.endswith("s") and not noun.endswith("ss")))


def _verbs_within(negator: str, before: list[str]) -> int:
    """How many forms of "to be" a denial may run over: one where it denies the subject ("no people are …")."""
    if negator not in ("no", "none", "nobody", "no one", "no-one", "nothing", "neither", "nor"):
        return 0
    previous = before[-1] if before else ""
    governed = (
        previous in _FINITE or previous in ("with", "having", "sees", "contains", "shows") or previous.endswith("ing")
    )
    return 0 if governed else 1


def _starts_clause(rest: list[str], joint: str, negator: str) -> bool:
    """Whether what follows a comma, "and" or "or" is affirmed again."""
    if rest[:1] in (["and"], ["or"], ["nor"]):
        rest = rest[1:]
    if not rest:
        return False
    if rest[0] in ("with", "some", "there", "he", "she", "they", "it") or rest[0] in _CONTRAST:
        return True
    if joint in ("or", "nor"):
        return False
    if rest[0] in _DETERMINERS or (rest[0] in ("a", "an") and negator not in ("without", "not")):
        return True
    for word in rest:
        if word in (",", "and", "or", "nor", ";", ":") or word in _CONTRAST:
            return False
        if word in _FINITE:
            return True
    return False
