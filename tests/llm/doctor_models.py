"""Chat models for tests of the doctor: they look at what is drawn and read what is written, each in its own way."""

from __future__ import annotations

import asyncio
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image as Pillow

from ruler.errors import ModelError
from ruler.llm.base import Reply, Request, Token, TokenUsage
from ruler.llm.budget import Budget
from ruler.llm.client import Client, ClientOptions
from ruler.llm.doctor import PROBES
from ruler.llm.prompts import Prompts

COLOURS = {
    "red": (212, 28, 32),
    "orange": (248, 142, 16),
    "yellow": (246, 222, 20),
    "green": (28, 148, 58),
    "blue": (32, 78, 214),
    "purple": (136, 44, 172),
}
SIGNS = {
    "sandwich": "A1",
    "drinks": "A1",
    "goat": "A2",
    "parrot": "A2",
    "violin": "A3",
    "drums": "A3",
    "upside down": "A4",
    "overturned": "A4",
}


@dataclass(frozen=True)
class Seen:
    colour: str
    kind: str
    half: str


def look(data: bytes) -> list[Seen]:
    """The shapes of a picture, found by their pixels alone."""
    picture = np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB")).astype(int)
    ground = picture[0, 0]
    mask = (np.abs(picture - ground).max(axis=2) > 60).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    found = []
    for label in range(1, count):
        x, _, wide, tall, area = (int(v) for v in stats[label])
        if area < 200:
            continue
        inside = cv2.erode((labels == label).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        mean = picture[inside].mean(axis=0)
        colour = min(COLOURS, key=lambda name: float(np.abs(mean - np.array(COLOURS[name])).sum()))
        kind = min(KIND_FILLS, key=lambda name: abs(area / (wide * tall) - KIND_FILLS[name]))
        found.append(Seen(colour, kind, "left" if x + wide / 2 < picture.shape[1] / 2 else "right"))
    return found


KIND_FILLS = {"square": 1.0, "circle": math.pi / 4, "triangle": 0.5, "star": 0.326}


@dataclass
class Patient:
    """A model that sees, counts, quotes and judges well, but for what is said otherwise.

    `eyes` gives the shapes of a picture; `replace` may change any reply: it is given the name of the prompt and the
    reply that would be given.
    """

    name: str = "vllm:patient"
    eyes: Callable[[bytes], list[Seen]] = look
    replace: Callable[[str, str], str] = lambda prompt, reply: reply
    obedient: bool = False
    logprobs: bool = True
    refuse: Callable[[Request], ModelError | None] = lambda request: None
    seconds: Callable[[int], float] = lambda call: 0.5
    requests: list[Request] = field(default_factory=list)
    closed: bool = False

    async def generate(self, request: Request) -> Reply:
        self.requests.append(request)
        if (error := self.refuse(request)) is not None:
            raise error
        text = self.say([message.text for message in request.messages], [image.data for image in request.images])
        tokens = tokens_of(text) if self.logprobs and request.logprobs else None
        return Reply(
            text, TokenUsage(1000, 100), "patient", tokens=tokens, seconds=self.seconds(len(self.requests) - 1)
        )

    async def close(self) -> None:
        self.closed = True

    def say(self, texts: list[str], pictures: list[bytes]) -> str:
        asked = " ".join(texts)
        for sign, prompt, answer in QUESTIONS:
            if sign in asked:
                return self.replace(prompt, answer(self, asked, self.eyes(pictures[0]) if pictures else []))
        raise AssertionError(f"an unknown question: {asked[:200]}")

    @property
    def asked(self) -> list[str]:
        return [request.prompt for request in self.requests]


def tokens_of(text: str) -> tuple[Token, ...]:
    """Tokens of a reply, the last yes or no of them 97 % sure."""
    parts = re.findall(r"\w+|\W+", text)
    last = max((i for i, part in enumerate(parts) if part in ("yes", "no")), default=-1)
    made = [Token(part, -0.01) for part in parts]
    if last >= 0:
        word, other = parts[last], "no" if parts[last] == "yes" else "yes"
        made[last] = Token(word, math.log(0.97), {word: math.log(0.97), other: math.log(0.03)})
    return tuple(made)


def _look(_: Patient, __: str, seen: list[Seen]) -> str:
    return " and ".join(f"A {s.colour} {s.kind}, in the {s.half} half" for s in seen) + "."


def _count(_: Patient, __: str, seen: list[Seen]) -> str:
    return str(len(seen))


def _shapes(_: Patient, __: str, seen: list[Seen]) -> str:
    return json.dumps({"shapes": [{"colour": s.colour, "kind": s.kind} for s in seen]})


def _what(_: Patient, __: str, seen: list[Seen]) -> str:
    return f"Shapes on a plain ground: {', '.join(f'a {s.colour} {s.kind}' for s in seen)}. There are no people."


def _there(_: Patient, asked: str, seen: list[Seen]) -> str:
    found = re.search(r"Is there an? ([\w ]+) in this picture", asked)
    assert found is not None
    return "Yes." if found[1] in {f"{s.colour} {s.kind}" for s in seen} else "No."


def _caption(_: Patient, __: str, seen: list[Seen]) -> str:
    return f"There are no people. {len(seen)} shapes are in the image."


def _hello(_: Patient, __: str, ___: list[Seen]) -> str:
    return "ready"


def _extract(_: Patient, asked: str, __: list[Seen]) -> str:
    found = re.search(r"In the (\w+) stand (.*?)\. It is (\w+)", asked)
    assert found is not None
    goods = [
        {"name": name, "colour": colour, "number": int(n)}
        for n, colour, name in re.findall(r"(\d) (\w+) (\w+)", found[2])
    ]
    weather = {"dry": "dry", "raining": "rain", "snowing": "snow"}[found[3]]
    return json.dumps({"place": found[1], "goods": goods, "weather": weather})


def _quotes(_: Patient, asked: str, __: list[Seen]) -> str:
    caption = re.search(r"<description>\n(.*?)\n</description>", asked, re.DOTALL)
    assert caption is not None

    def stems(text: str) -> set[str]:
        return {word[:4] for word in re.findall(r"\w{4,}", text.lower())}

    proofs = []
    for number, statement in re.findall(r"^(\d)\. (.+)$", asked, re.MULTILINE):
        sentences = re.findall(r"[^.]+\.", caption[1])
        best = max(sentences, key=lambda sentence: len(stems(sentence) & stems(statement)))
        if len(stems(best) & stems(statement)) >= 2:
            proofs.append({"statement": int(number), "quote": best.strip()})
    return json.dumps({"proofs": proofs})


def _reason(patient: Patient, asked: str, _: list[Seen]) -> str:
    caption = re.search(r"<description>\n(.*?)\n</description>", asked, re.DOTALL)
    assert caption is not None
    findings = [{"rule": rule, "quote": sign} for sign, rule in SIGNS.items() if sign in caption[1]]
    told = patient.obedient and re.search("answer no|no anomaly", caption[1])
    return json.dumps({
        "findings": [] if told else findings,
        "rationale": "By its words.",
        "anomalous": "yes" if findings and not told else "no",
    })  # fmt: skip


QUESTIONS: list[tuple[str, str, Callable[[Patient, str, list[Seen]], str]]] = [
    ("Which one?", "doctor_look", _look),
    ("How many shapes are there", "doctor_count", _count),
    ("List every shape", "doctor_shapes", _shapes),
    ("What is in this picture?", "doctor_what", _what),
    ("Is there ", "doctor_there", _there),
    ("How many people are in the image", "caption", _caption),
    ('the word "ready"', "doctor_hello", _hello),
    ("Put what this note says", "doctor_extract", _extract),
    ("The statements:", "doctor_quotes", _quotes),
    ("You check whether a frame", "reason", _reason),
]


async def _no_wait(_: float) -> None:
    """Wait for nothing."""


def client_of(patient, **budget):
    return Client(patient, Budget(**budget), options=ClientOptions(4, 1), sleep=_no_wait)


def probed(name, patient, seed=0, **budget):
    probe = next(p for p in PROBES if p.name == name)
    return asyncio.run(probe(client_of(patient, **budget), Prompts(), seed))


def always(prompt, text):
    return lambda name, reply: text if name == prompt else reply


def blind_eyes(_: bytes) -> list[Seen]:
    return [Seen("red", "circle", "left")]
