"""A yard that is told of in captions: how many in; captions, its rules, and what a careful reader says of each out."""

from __future__ import annotations

import random
import re
from typing import Any

from ruler.rules.model import Rule, RuleSet
from tests.faults.fault_server import Asked

FRAME_RATE = 5.0
SCENE = 25
"""Frames in which the same goes on."""

RULES = RuleSet(
    rules=(
        Rule(id="N1", kind="normal", text="Being on foot: walking, standing"),
        Rule(id="A1", kind="anomaly", text="Getting over barriers: climbing a fence or wall", keywords=("climb",)),
        Rule(id="A2", kind="anomaly", text="Beings that do not belong: a dog, a horse", keywords=("dog", "horse")),
    )
)

# What goes on → the rule it breaks, and the words that show it. Keywords find two of the four that break one, and one
# of those that do not.
_DEEDS = {
    "is walking": None,
    "is standing": None,
    "looks at a sign that shows somebody climbing": None,
    "is climbing over the fence": ("Getting over", "climbing over the fence"),
    "pulls himself up onto the wall": ("Getting over", "pulls himself up onto the wall"),
    "leads a horse": ("Beings", "leads a horse"),
    "feeds a pony": ("Beings", "feeds a pony"),
}
_PLACES = ("near the gate", "beside the shed", "behind the bench", "under the lamp", "at the corner", "by the door")
_THINGS = ("a tree", "a bench", "a barrel", "a cart", "a ladder", "a hose", "a crate", "a lamp", "a hedge", "a bin")


def captions(count: int, seed: int = 0) -> list[str]:
    """Captions of so many frames, hardly two of them equal; what goes on changes every few seconds."""
    draw = random.Random(seed)
    told, deed = [], ""
    for frame in range(count):
        if frame % SCENE == 0:
            deed = draw.choice(list(_DEEDS))
        one, other = draw.sample(_THINGS, 2)
        told.append(
            f"There are {draw.randint(2, 40)} people. One person {deed} {draw.choice(_PLACES)}. "
            f"Other than people, there is {one} and {other}."
        )
    return told


def is_anomalous(caption: str) -> bool:
    """What a careful reader says."""
    return any(words and words[1] in caption for words in _DEEDS.values())


def answer(asked: Asked) -> dict[str, Any]:
    """The reply of a careful reader to a request of the prompt `reason`."""
    for broken in filter(None, _DEEDS.values()):
        rule, words = broken
        if words in asked.caption:
            told = re.search(rf"^(A\d+): {rule}", asked.rules, re.MULTILINE)
            claims = [{"rule": told[1], "quote": words}] if told else []
            return {"findings": claims, "rationale": f"They {words}.", "anomalous": "yes"}
    return {"findings": [], "rationale": "People pass through.", "anomalous": "no"}
