"""What is true of a state of the street: a caption such as a model would write, and 0/1 labels per frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ruler.demo.scene import ActorState, DemoClip, SceneState
from ruler.demo.textures import KERB, ZEBRA

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SMALL = 26.0
"""People lower than this many pixels are too far away to be described."""
_PLACES = (
    ((12.2, 13.9), 2.2, "near the bench"),
    ((5.6, 7.0), 1.6, "by the lamp post"),
    ((16.5, 7.3), 1.8, "under the tree"),
)


def describe(state: SceneState) -> str:
    """A caption of one frame: how many people, what each does and where, what else there is.

    Wording changes every second or so, as a model's does; it depends on the state alone.
    """
    turn = int(state.time / 1.3)
    seen = sorted((a for a in state.actors if a.visible and a.box.h >= _SMALL), key=lambda a: a.box.x)
    people = [a for a in seen if a.actor.kind != "van"]
    parts = [_says(actor, turn + k) for k, actor in enumerate(people)]
    parts += [_drives(a) for a in seen if a.actor.kind == "van"]
    ending = "Other than people, there are trees, lamp posts, bollards, a bench and shop fronts along the street."
    if turn % 3 == 1:
        ending = (
            "Other than people, there are shops with striped awnings, trees, a bench, bollards and a zebra crossing."
        )
    if not people:
        opening = "There are no people in the image."
    elif len(people) == 1:
        opening = "There is one person in the image."
    else:
        opening = f"There are {_number(len(people))} people in the image."
    if not parts:
        return f"{opening} {ending}"
    said = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return f"{opening} {said[0].upper()}{said[1:]}. {ending}"


def labels(clip: DemoClip) -> NDArray[np.uint8]:
    """(frames,) uint8: 1 where an anomaly is in the picture."""
    out = np.zeros(clip.frames, np.uint8)
    for event in clip.events:
        out[event.start_frame : event.end_frame] = 1
    return out


def _says(actor: ActorState, turn: int) -> str:
    who, pose = actor.actor.look.words, actor.pose
    place = _place(actor)
    if pose.bearing == "ride":
        return f"{who} is riding a bicycle {('on', 'along')[turn % 2]} the {'road' if pose.c < KERB else 'pavement'}"
    if pose.bearing == "run":
        return f"{who} is running {('along', 'fast along')[turn % 2]} the pavement"
    if pose.bearing == "fall":
        return (
            f"{who} is lying on the ground"
            if pose.amount > 0.6
            else f"{who} is {'falling to' if pose.amount > 0.1 else 'stopping on'} the ground"
        )
    if pose.bearing == "talk":
        return f"{who} is standing and talking {('with another person', 'to somebody')[turn % 2]} {place}"
    if pose.bearing == "stand":
        return f"{who} is standing {place}"
    extra = " with a backpack" if actor.actor.look.bag and turn % 2 else ""
    return f"{who}{extra} is walking {place}"


def _drives(van: ActorState) -> str:
    return f"{van.actor.look.words} is driving {'on the road' if van.pose.c < KERB else 'along the pavement'}"


def _place(actor: ActorState) -> str:
    pose = actor.pose
    if pose.c < KERB:
        on_zebra = ZEBRA[0] - 1.5 < pose.s < ZEBRA[1] + 0.8
        return "across the zebra crossing" if on_zebra else "in the middle of the road"
    for (s, c), reach, words in _PLACES:
        if np.hypot(pose.s - s, pose.c - c) < reach:
            return words
    if pose.c > 12.0:
        return "in front of the shops"
    if pose.bearing == "walk":
        return "along the pavement" if int(pose.s) % 2 else "on the pavement"
    return "on the pavement"


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)
