"""Texts whose truth is known: a seed in; rules of a place, descriptions to judge or to quote from, and notes, out."""

from __future__ import annotations

import random
from dataclasses import dataclass

NORMAL = (
    "N1: Reading: sitting at a desk with a book, turning pages, taking notes",
    "N2: Lending: handing a book over the counter, stamping a card",
    "N3: Looking for books: walking between the shelves, standing at a shelf",
    "N4: Furniture of a reading room: desks, chairs along the wall, lamps, shelves with books",
)
"""Normal rules of a place."""

ANOMALY = (
    "A1: Eating and drinking: eating a sandwich, peeling fruit, drinking from a bottle",
    "A2: Animals in the room: a goat, a parrot, a hen",
    "A3: Making music: playing a violin, singing, drumming on a desk",
    "A4: Furniture in disorder: desks on top of each other, overturned chairs",
)
"""Its anomaly rules."""

_ANOMALOUS = (
    "{several} people sit at desks and read. {somebody} at the middle desk eats a sandwich over an open book.",
    "{somebody} stands at a shelf and drinks from a bottle. {several} others take notes at their desks.",
    "A goat stands between the desks. {several} people stand at the shelves and look at it.",
    "{somebody} sits at a desk and writes. A parrot sits on the lamp beside the book.",
    "{somebody} plays a violin in front of the shelves. {several} people sit at desks with open books.",
    "{several} people read. {somebody} sits beside them and drums on the desk with two pencils.",
    "Two desks stand upside down on top of each other. {somebody} walks past the shelves.",
    "{somebody} reads. Beside the desk an overturned chair lies with its legs in the air.",
)
_ORDINARY = (
    "{several} people sit at desks and turn the pages of books. {somebody} walks between the shelves.",
    "{somebody} hands a book over the counter. {several} people take notes.",
    "{somebody} stands at a shelf with a book in each hand. Nobody else is in the room.",
    "{several} people read at their desks, with a lamp on each. The chairs along the wall are empty.",
    "{somebody} stamps a card at the counter. Behind it are shelves with books.",
    "{somebody} sits at a desk with a book. {several} people stand at the shelves.",
)
_FACTS = (
    ("{several} women in {colour} aprons stack plates on a shelf.", "Plates are stacked."),
    ("A man with a {colour} scarf waters the flowers at the window.", "Somebody waters flowers."),
    ("A {colour} umbrella lies on the table.", "An umbrella lies on a table."),
    ("{several} boys carry a ladder through the door.", "A ladder is carried."),
    ("A girl in a {colour} dress feeds the ducks.", "Somebody feeds ducks."),
    ("A {colour} kite hangs on the wall.", "A kite hangs on a wall."),
    ("{several} chairs stand around a stove.", "Chairs stand around a stove."),
    ("An old man with a {colour} cap reads a letter.", "Somebody reads a letter."),
)
_COLOURS = ("grey", "green", "yellow", "white", "brown", "red")
_SEVERAL = ("Two", "Three", "Four", "Five")
_PERSONS = ("woman", "man", "girl", "boy")
_PLACES = ("shed", "yard", "cellar", "hall", "garden")
_GOODS = ("buckets", "barrels", "crates", "baskets", "jars")
_PAINTS = ("red", "blue", "green", "white")
_WEATHER = {"dry": "It is dry.", "rain": "It is raining.", "snow": "It is snowing."}


@dataclass(frozen=True, slots=True)
class Case:
    """A description to be judged by `NORMAL` and `ANOMALY`.

    Attributes:
        caption: the description.
        anomalous: the truth.
        finding: what is said to have been found before; not always the truth.
    """

    caption: str
    anomalous: bool
    finding: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A description with statements about it.

    Attributes:
        caption: the description.
        statements: which are to be proved.
        true: numbers of those it proves, from 1.
    """

    caption: str
    statements: tuple[str, ...]
    true: frozenset[int]


@dataclass(frozen=True, slots=True)
class Note:
    """A note, and what it says.

    Attributes:
        text: the note.
        place: where things stand.
        goods: number, colour and name of each thing.
        weather: "dry", "rain" or "snow".
    """

    text: str
    place: str
    goods: tuple[tuple[int, str, str], ...]
    weather: str


def cases(number: int, seed: int, *, anomalous: bool | None = None) -> list[Case]:
    """Descriptions to be judged.

    The finding told with them is wrong for more than half, so that whoever repeats it does not pass.

    Args:
        number: how many.
        seed: of the choice.
        anomalous: only such; None for half of each, the anomalous ones first.
    """
    choice = random.Random(f"cases {seed} {anomalous}")
    half = number // 2 if anomalous is None else number if anomalous else 0
    truths = [True] * half + [False] * (number - half)
    bad, good = choice.sample(_ANOMALOUS, half), choice.sample(_ORDINARY, number - half)
    made = []
    for i, (truth, template) in enumerate(zip(truths, (*bad, *good), strict=True)):
        agrees = i % 3 == 0
        finding = "normal, no anomaly rule matched" if truth != agrees else "anomalous, by the frames around it"
        made.append(Case(_filled(template, choice), truth, finding))
    return made


def facts(number: int, seed: int) -> list[Facts]:
    """Descriptions of four sentences, each with three statements they prove and one they do not."""
    choice = random.Random(f"facts {seed}")
    made = []
    for _ in range(number):
        *stated, absent = choice.sample(_FACTS, 5)
        caption = " ".join(_filled(sentence, choice) for sentence, _ in stated)
        asked = [*stated[:3], absent]
        choice.shuffle(asked)
        true = frozenset(n for n, fact in enumerate(asked, 1) if fact is not absent)
        made.append(Facts(caption, tuple(statement for _, statement in asked), true))
    return made


def notes(number: int, seed: int) -> list[Note]:
    """Notes of what stands where."""
    choice = random.Random(f"notes {seed}")
    made = []
    for _ in range(number):
        place, weather = choice.choice(_PLACES), choice.choice(list(_WEATHER))
        goods = tuple(
            (choice.randint(2, 9), choice.choice(_PAINTS), name) for name in choice.sample(_GOODS, choice.randint(2, 3))
        )
        told = [f"{count} {colour} {name}" for count, colour, name in goods]
        text = f"In the {place} stand {', '.join(told[:-1])} and {told[-1]}. {_WEATHER[weather]}"
        made.append(Note(text, place, goods, weather))
    return made


def _filled(template: str, choice: random.Random) -> str:
    person = choice.choice(_PERSONS)
    return template.format(
        several=choice.choice(_SEVERAL),
        somebody=f"A {person} in a {choice.choice(_COLOURS)} coat",
        colour=choice.choice(_COLOURS),
    )
