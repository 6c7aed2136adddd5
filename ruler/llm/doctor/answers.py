"""Plain answers of a model in; the colour, shape, number, yes or no that they say out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from ruler.llm.doctor.pictures import COLOURS, KINDS, Colour, Half, Kind, Shape

_THOUGHT = re.compile(r"(?is)\A.*</(?:think|thinking|thought|reasoning)>")
_SPACE = re.compile(r"\s+")
_MARKS = str.maketrans("“”„«»‘’‚", '"""""\'\'\'')

_COLOUR_WORDS: dict[str, Colour] = {
    **{colour: colour for colour in COLOURS},
    "crimson": "red",
    "scarlet": "red",
    "golden": "yellow",
    "navy": "blue",
    "violet": "purple",
    "magenta": "purple",
}
_KIND_WORDS: dict[str, Kind] = {
    **{kind: kind for kind in KINDS},
    "disc": "circle",
    "disk": "circle",
    "dot": "circle",
    "ball": "circle",
    "circular": "circle",
    "rectangle": "square",
    "triangular": "triangle",
}
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

_UNABLE = r"(?:cannot|can't|can not|unable to|not able to|do not|don't|did not|didn't|not have|no ability to)"
_DENIAL = re.compile(
    rf"{_UNABLE}\b.{{0,60}}\b(?:image|picture|photo|attachment|visual|file)|"
    r"\bno (?:image|picture|photo|attachment)\b|"
    r"\b(?:image|picture|photo)\b.{0,30}\b(?:not|n't) (?:been )?"
    r"(?:provided|attached|included|uploaded|visible|there|sent)|"
    r"\b(?:upload|attach|provide|share|send) (?:me )?(?:the|an|a|your) (?:image|picture|photo)|"
    r"\btext[- ](?:based|only)\b",
    re.IGNORECASE | re.DOTALL,
)

# Things of daily life that no picture of plain shapes shows.
_THINGS = re.compile(
    r"\b(?:people|persons?|man|men|woman|women|child|children|boys?|girls?|crowd|pedestrians?|animals?|dogs?|cats?|birds?|"
    r"trees?|bush|bushes|flowers?|grass|streets?|roads?|pavements?|sidewalks?|buildings?|houses?|windows?|doors?|"
    r"fences?|bench|benches|chairs?|tables?|desks?|lamps?|umbrellas?|bags?|bottles?|books?|phones?|vehicles?|bus|"
    r"boats?|trains?|sky|clouds?|hats?|shirts?)\b",
    re.IGNORECASE,
)
_NOT_MEANT = re.compile(
    r"\b(?:no|not|without|nor|neither|never|nothing|cannot|like|resembl\w+|similar|reminiscent|such as)\b|n't\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says of a picture with one shape.

    Attributes:
        words: the answer in small letters without marks; empty for an empty one.
        colour: that it names, if it is one.
        kind: of shape that it names, if it is one.
        half: of the picture that it names, if it is one.
        denied: it says that there is no picture, or that it cannot see any.
    """

    words: str
    colour: Colour | None
    kind: Kind | None
    half: Half | None
    denied: bool

    @property
    def readable(self) -> bool:
        """Whether it says anything about a shape."""
        return self.colour is not None or self.kind is not None

    def fit(self, shape: Shape) -> int:
        """How many of colour and kind are those of a shape, 0 to 2."""
        return (self.colour == shape.colour) + (self.kind == shape.kind)


def told(text: str) -> Told:
    """Read what an answer says of a picture with one shape."""
    said = spoken(text).translate(_MARKS)
    words = re.findall(r"\w+", said.lower())
    colours = {_COLOUR_WORDS[word] for word in words if word in _COLOUR_WORDS}
    kinds = {kind for word in words if (kind := _kind(word)) is not None}
    halves = {half for half in get_args(Half) if half in words}
    # Whoever names a shape was shown one, whatever else it says.
    named = len(colours) == 1 or len(kinds) == 1
    return Told(
        " ".join(words),
        colours.pop() if len(colours) == 1 else None,
        kinds.pop() if len(kinds) == 1 else None,
        halves.pop() if len(halves) == 1 else None,
        not named and bool(_DENIAL.search(said)),
    )


def number(text: str) -> int | None:
    """The number an answer gives; None where it gives none, or several."""
    said = spoken(text).lower()
    found = [(m.start(), int(m[0])) for m in re.finditer(r"(?<![\w.])\d{1,4}(?!\w)", said)]
    found += [(m.start(), n) for n, word in enumerate(_NUMBERS) for m in re.finditer(rf"\b{word}\b", said)]
    values = [value for _, value in sorted(found)]
    if len(set(values)) == 1:
        return values[0]
    whole = re.search(r"(\d{1,4}|" + "|".join(_NUMBERS) + r")\W+(?:\w+ )?(?:shapes|in total|in all)\b", said)
    if whole is None:
        return None
    return int(whole[1]) if whole[1].isdigit() else _NUMBERS.index(whole[1])


def yes(text: str) -> bool | None:
    """Whether an answer says yes; None where it says neither yes nor no, or both and begins with neither."""
    words = re.findall(r"\w+", spoken(text).lower())
    found: list[bool] = [word == "yes" for word in words if word in ("yes", "no")]
    if found and (words[0] in ("yes", "no") or len(set(found)) == 1):
        return found[0]
    return None


def things(text: str) -> list[str]:
    """Things of daily life that a description says are there: those it denies or compares with are left out."""
    found: list[str] = []
    for sentence in re.split(r"[.!?;\n]+", spoken(text).translate(_MARKS)):
        named = _THINGS.finditer(sentence)
        found += [match[0].lower() for match in named if not _NOT_MEANT.search(sentence[: match.start()])]
    return list(dict.fromkeys(found))


def verbatim(quote: str, caption: str) -> bool:
    """Whether a quote stands in a caption.

    Letters' case, blanks, kinds of quotation marks and marks at the ends do not matter; every word does.
    """
    wanted = _SPACE.sub(" ", quote.translate(_MARKS)).strip().strip("\"'.,;:!?… ").lower()
    if not wanted:
        return False
    pattern = r"\s+".join(map(re.escape, wanted.split(" ")))
    return re.search(rf"(?<!\w){pattern}(?!\w)", caption.translate(_MARKS).lower()) is not None


def spoken(text: str) -> str:
    """An answer without the thoughts in tags before it."""
    return _THOUGHT.sub("", text).strip()


def plain(text: str, most: int = 80) -> str:
    """Text of a stranger on one line, without control characters, cut to `most` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _kind(word: str) -> Kind | None:
    return _KIND_WORDS.get(word) or _KIND_WORDS.get(word.removesuffix("s"))
