"""What a model makes of drawn pictures: counts, colours and shapes, and things that are not there; in, findings out."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from ruler.llm.base import Request
from ruler.llm.client import Client
from ruler.llm.doctor.answers import number, plain, things, yes
from ruler.llm.doctor.finding import TOKENS, Measure, Outcome, probe, share, together, unanswered
from ruler.llm.doctor.pictures import COLOURS, KINDS, Colour, Kind, Shape, draw, scattered
from ruler.llm.prompts import Prompts

MOST = 6
"""Shapes of the fullest picture whose shapes are counted."""

ABSENT = (
    "a bench",
    "a tree",
    "an umbrella",
    "a chair",
    "a clock",
    "a boat",
    "a kite",
    "a ladder",
    "a lamp post",
    "a suitcase",
    "a piano",
    "a goat",
)
"""Things that nobody draws in a picture of plain shapes."""

_ENOUGH = 0.8


class ShapeSeen(BaseModel):
    """One shape, as a model tells it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    colour: Colour
    kind: Kind


class ShapesSeen(BaseModel):
    """The shapes of a picture, as a model tells them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    shapes: list[ShapeSeen]


@probe("counts", "vlm", pictures=True)
async def counts(client: Client, prompts: Prompts, seed: int) -> Outcome:
    """Pictures of 1 to 6 shapes: how many are there?"""
    choice = random.Random(f"counts {seed}")
    wanted = list(range(1, MOST + 1))
    choice.shuffle(wanted)
    asked = [_request(prompts, "doctor_count", scattered(n, choice), choice.randint(205, 240), seed) for n in wanted]
    answers = await together(client.say(request) for request in asked)
    given = [None if a is None else number(a.reply.text) for a in answers]
    pairs = [(said, n) for said, n, a in zip(given, wanted, answers, strict=True) if a is not None]
    right = sum(said == n for said, n in pairs)
    off = [abs(said - n) for said, n in pairs if said is not None]
    error = sum(off) / len(off) if off else None
    figure, of = f"{right}/{len(pairs)}", len(pairs)
    measured = {"right": right, "of": of, "share": share(right, of), "mean_error": error, "unread": of - len(off)}
    if error is None:
        return Outcome(None, figure, "it gave no number that could be read" + unanswered(answers), measured)
    good = share(right, of) >= _ENOUGH
    detail = f"counts of 1 to {MOST} shapes are off by {error:.2g} on the mean"
    if not good:
        detail += ", so do not rely on how many people a caption names"
    if unread := of - len(off):
        detail += f"; {unread} gave no number"
    return Outcome(good, figure, detail + unanswered(answers), measured)


@probe("colours and shapes", "vlm", pictures=True)
async def colours_and_shapes(client: Client, prompts: Prompts, seed: int) -> Outcome:
    """Pictures of three shapes: which are there?"""
    choice = random.Random(f"shapes {seed}")
    shown = [scattered(3, choice) for _ in range(4)]
    asked = [
        _request(
            prompts,
            "doctor_shapes",
            shapes,
            choice.randint(205, 240),
            seed,
            colours=", ".join(COLOURS),
            kinds=", ".join(KINDS),
        )
        for shapes in shown
    ]
    answers = await together(client.ask(request, ShapesSeen) for request in asked)
    pairs = [(a.value, s) for a, s in zip(answers, shown, strict=True) if a is not None and a.value is not None]
    if not pairs:
        return Outcome(None, "", "its lists could not be read, which captions do not need" + unanswered(answers))
    tally = Counter[str]()
    for said, shapes in pairs:
        tally += _compared(said.shapes, shapes)
    of, right = tally["shown"], tally["right"]
    measured = {
        "right": right,
        "of": of,
        "share": share(right, of),
        "colours": tally["colours"],
        "kinds": tally["kinds"],
        "invented": tally["invented"],
        "unread": len(shown) - len(pairs),
    }
    good = share(right, of) >= _ENOUGH and tally["invented"] <= of * (1 - _ENOUGH)
    detail = f"of {of} shapes {tally['colours']} colours and {tally['kinds']} kinds are right"
    if tally["invented"]:
        detail += f", and {tally['invented']} that it lists {'is' if tally['invented'] == 1 else 'are'} not there"
    if not good:
        detail += ", so what captions say of clothes and objects is often wrong"
    return Outcome(good, f"{right}/{of}", detail + unanswered(answers), measured)


@probe("keeps to what is there", "vlm", pictures=True)
async def keeps_to_what_is_there(client: Client, prompts: Prompts, seed: int) -> Outcome:
    """Pictures of two shapes: what is there, and is there something that is not?"""
    choice = random.Random(f"absent {seed}")
    absent = choice.sample(ABSENT, 6)
    free: list[Request] = []
    there: list[Request] = []
    not_there: list[Request] = []
    for n in range(3):
        shapes, ground = scattered(2, choice), choice.randint(205, 240)
        free.append(_request(prompts, "doctor_what", shapes, ground, seed))
        there.append(_request(prompts, "doctor_there", shapes, ground, seed, thing=f"a {choice.choice(shapes)}"))
        not_there += [
            _request(prompts, "doctor_there", shapes, ground, seed, thing=thing) for thing in absent[2 * n : 2 * n + 2]
        ]
    answers = await together(client.say(request) for request in (*free, *there, *not_there))
    texts = [None if a is None else a.reply.text for a in answers]
    seen = _Imagined.of(texts[: len(free)], texts[len(free) : len(free) + len(there)], texts[len(free) + len(there) :])
    return seen.outcome(unanswered(answers))


@dataclass(frozen=True, slots=True)
class _Imagined:
    """What was said of things that are not there, and of such that are.

    Attributes:
        false_yes: things that are not there, and it says they are.
        asked: things that are not there, asked about and answered.
        real_yes: things that are there, and it says so.
        real: things that are there, asked about and answered.
        named: things of daily life in its free descriptions.
        described: free descriptions.
    """

    false_yes: int
    asked: int
    real_yes: int
    real: int
    named: tuple[str, ...]
    described: int

    @classmethod
    def of(cls, free: list[str | None], there: list[str | None], not_there: list[str | None]) -> _Imagined:
        denied = [yes(text) for text in not_there if text is not None]
        said = [yes(text) for text in there if text is not None]
        described = [text for text in free if text is not None and text.strip()]
        named = tuple(dict.fromkeys(thing for text in described for thing in things(text)))
        read, real = [y for y in denied if y is not None], [y for y in said if y is not None]
        return cls(sum(read), len(read), sum(real), len(real), named, len(described))

    def outcome(self, missing: str) -> Outcome:
        figure = f"{self.asked - self.false_yes}/{self.asked}"
        measured: dict[str, Measure] = {
            "false_yes": self.false_yes,
            "of": self.asked,
            "share_of_false_yes": share(self.false_yes, self.asked),
            "named": ", ".join(plain(thing, 20) for thing in self.named),
            "real_yes": self.real_yes,
            "real": self.real,
        }
        named = f"its descriptions of two plain shapes name {', '.join(self.named[:4])}" if self.named else ""
        if not self.asked:
            detail = named or "it answered no question with yes or no"
            return Outcome(False if named else None, "", detail + missing, measured)
        if self.false_yes or named:
            says = f"it says yes to {self.false_yes} of {self.asked} things that are not there"
            detail = "; ".join(part for part in (says if self.false_yes else "", named) if part)
            return Outcome(False, figure, f"{detail}: captions will name what is not in the frame{missing}", measured)
        if self.real_yes * 2 < self.real or not self.real:
            detail = f"it says no to things that are there as well ({self.real - self.real_yes} of {self.real})"
            return Outcome(None, figure, f"{detail}: its no says nothing{missing}", measured)
        return Outcome(True, figure, f"it names nothing that is not there, asked or not{missing}", measured)


def _request(prompts: Prompts, name: str, shapes: list[Shape], ground: int, seed: int, **values: str) -> Request:
    return prompts.render(name, **values).request(images=(draw(shapes, ground),), max_tokens=TOKENS, seed=seed)


def _compared(said: list[ShapeSeen], shown: list[Shape]) -> Counter[str]:
    """How many of the shapes, their colours and their kinds were told, and how many that are not there."""

    def common(one: Counter[str], other: Counter[str]) -> int:
        return (one & other).total()

    told, real = Counter(f"{s.colour} {s.kind}" for s in said), Counter(map(str, shown))
    right = common(told, real)
    return Counter({
        "shown": len(shown),
        "right": right,
        "colours": common(Counter(s.colour for s in said), Counter(s.colour for s in shown)),
        "kinds": common(Counter(s.kind for s in said), Counter(s.kind for s in shown)),
        "invented": max(0, len(said) - len(shown)),
    })  # fmt: skip
