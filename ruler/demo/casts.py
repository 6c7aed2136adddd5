"""The casts of the demo's clips: passers-by drawn from a seed and, in one, what does not belong in the street."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from ruler.demo.people import Bearing, Look
from ruler.demo.scene import Actor, Leg

_JACKETS = (
    ("red", (178, 52, 48)),
    ("blue", (52, 84, 148)),
    ("green", (62, 108, 74)),
    ("grey", (122, 126, 132)),
    ("black", (46, 46, 52)),
    ("yellow", (214, 174, 62)),
    ("white", (222, 220, 214)),
    ("brown", (124, 88, 60)),
    ("purple", (110, 70, 128)),
    ("light blue", (128, 168, 204)),
)
_TROUSERS = ((52, 58, 78), (62, 60, 58), (98, 92, 84), (44, 46, 50), (72, 88, 116), (148, 132, 108))
_HAIR = ((44, 32, 26), (92, 62, 38), (150, 112, 66), (34, 32, 34), (168, 164, 158), (120, 72, 44))
_SKIN = ((224, 182, 152), (206, 160, 128), (166, 118, 88), (112, 78, 58), (232, 196, 170))
_LANES = (8.0, 9.0, 10.0, 11.0, 12.1)
_SIDES = (7.9, 8.6, 11.7, 12.4)
"""Lanes that leave the middle of the pavement to what happens in the test clip."""
_SPOTS = ((9.8, 13.3), (18.6, 13.3), (24.5, 13.2))
"""Where people stand and talk."""


@dataclass
class _Route:
    """A route under construction: each call adds a leg to the end."""

    at: tuple[float, float]
    time: float
    legs: list[Leg] = field(default_factory=list)
    gone: float = 0.0

    def go(self, s: float, c: float, pace: float, bearing: Bearing = "walk") -> _Route:
        way = float(np.hypot(s - self.at[0], c - self.at[1]))
        heading = float(np.arctan2(c - self.at[1], s - self.at[0]))
        return self._add((s, c), way / pace, bearing, heading, way)

    def stay(self, seconds: float, bearing: Bearing, heading: float | None = None) -> _Route:
        facing = heading if heading is not None else (self.legs[-1].heading if self.legs else 0.0)
        return self._add(self.at, seconds, bearing, facing, 0.0)

    def _add(self, goal: tuple[float, float], seconds: float, bearing: Bearing, heading: float, way: float) -> _Route:
        self.legs.append(Leg(self.time, self.time + seconds, self.at, goal, bearing, heading, self.gone))
        self.time, self.at, self.gone = self.time + seconds, goal, self.gone + way
        return self

    def as_legs(self) -> tuple[Leg, ...]:
        return tuple(self.legs)


@cache
def cast_of(name: str, seed: int, seconds: float) -> tuple[Actor, ...]:
    """Everybody who appears in a clip."""
    rng = np.random.default_rng(seed)
    cast = [*_walkers(rng, seconds, _SIDES if name == "test-events" else _LANES), *_pair(rng, seconds)]
    if rng.random() < 0.75:
        cast.append(_waiting(rng, seconds))
    if name == "test-events":
        cast += _incidents(rng)
    else:
        cast.append(_crossing(rng, seconds))
    return tuple(cast)


def _walkers(rng: np.random.Generator, seconds: float, lanes: tuple[float, ...]) -> list[Actor]:
    """People who walk along the pavement, every other lane the other way; some in twos."""
    cast: list[Actor] = []
    for k, lane in enumerate(lanes):
        near, inward = (0.2 * lane - 1.6, lane), bool((k + int(rng.integers(2))) % 2)
        usual = float(rng.uniform(1.15, 1.5))
        start = float(rng.uniform(-40, -10))
        while start < seconds:
            pace = usual + float(rng.uniform(-0.1, 0.1))
            bend = (float(rng.uniform(32, 36)), lane + float(rng.uniform(-0.25, 0.25)))
            # Close to the kerb people leave past the edge of the picture, farther in through a shop's door.
            far = (52.0, lane) if lane < 9.5 else (bend[0] + 4.5, 15.0)
            way = (near, bend, far) if inward else (far, bend, near)
            route = _Route(way[0], start).go(*way[1], pace).go(*way[2], pace)
            cast.append(Actor(f"walker {len(cast)}", _look(rng), route.as_legs()))
            if rng.random() < 0.25:
                cast.append(_companion(rng, cast[-1], len(cast)))
            start += float(rng.uniform(19, 36))
    return [actor for actor in cast if actor.legs[-1].end > 0]


def _companion(rng: np.random.Generator, of: Actor, number: int) -> Actor:
    """Somebody who walks beside another; now and then a child."""
    look = _child(rng) if rng.random() < 0.35 else _look(rng)
    moved = [
        replace(
            leg,
            origin=(leg.origin[0], leg.origin[1] + 0.62),
            goal=(leg.goal[0], leg.goal[1] + 0.62),
            before=leg.before + 0.4,
        )
        for leg in of.legs
    ]
    return Actor(f"walker {number}", look, tuple(moved))


def _pair(rng: np.random.Generator, seconds: float) -> list[Actor]:
    """Two people who stand and talk."""
    s, c = _SPOTS[int(rng.integers(len(_SPOTS)))]
    left = _Route((s - 0.45, c), -1.0).stay(seconds + 2, "talk", 0.25)
    right = _Route((s + 0.45, c + 0.1), -1.0).stay(seconds + 2, "talk", np.pi + 0.1)
    return [Actor("talker 1", _look(rng), left.as_legs()), Actor("talker 22", _look(rng), right.as_legs())]


def _waiting(rng: np.random.Generator, seconds: float) -> Actor:
    """Somebody who stands for a while and then walks on."""
    route = _Route((6.9, 13.2), -1.0).stay(float(rng.uniform(0.4, 0.9)) * seconds + 1.0, "stand", -1.3)
    return Actor("waiting", _look(rng), route.go(0.292 * 13.2 - 1.6, 13.2, 1.25).as_legs())


def _crossing(rng: np.random.Generator, seconds: float) -> Actor:
    """Somebody who uses the zebra crossing and then walks on along the pavement."""
    s = float(rng.uniform(22.2, 24.0))
    route = _Route((s, -6.0), float(rng.uniform(-4, 0.35 * seconds))).go(s, 8.6, float(rng.uniform(1.15, 1.5)))
    return Actor("crossing", _look(rng), route.go(46.0, 8.6, 1.3).as_legs())


def _incidents(rng: np.random.Generator) -> list[Actor]:
    """What does not belong here, one after another."""
    sport = Look("a man in an orange shirt", 1.80, (224, 112, 44), (38, 40, 48), bulk=0.95)
    rider = Look("a person in a light jacket", 1.74, (198, 204, 206), (48, 56, 78), hair=(206, 62, 52))
    faint = Look("a man in a grey coat", 1.76, (96, 100, 110), (58, 56, 60), skirt=True, hair=(150, 148, 144))
    stray = Look("a woman in a red coat", 1.68, (176, 46, 52), (44, 44, 50), skirt=True)
    nobody = Look("a white delivery van", 2.05, (226, 226, 222), (0, 0, 0))
    lying = _Route((1.6, 10.2), 16.0).go(9.6, 10.6, 1.05).stay(8.0, "fall").stay(1.2, "stand").go(0.8, 9.6, 1.2)
    astray = (
        _Route((2.0, 8.3), 38.8)
        .go(7.0, 7.6, 1.25)
        .go(10.6, 4.0, 1.3)
        .go(15.6, 3.8, 1.35)
        .go(18.2, 7.7, 1.3)
        .go(52.0, 8.4, 1.3)
    )
    late = _Route((26.0, 15.1), 3.0).go(22.0, 11.4, 3.9, "run").go(0.6, 9.6, 4.3, "run")
    # Both come off the road where the kerb is low, at the zebra crossing.
    short_cut = (
        _Route((23.2, -4.5), 11.5).go(22.6, 6.2, 4.6, "ride").go(19.5, 9.4, 4.8, "ride").go(0.2, 10.2, 5.2, "ride")
    )
    delivery = (
        _Route((50.0, 1.6), 28.9).go(27.0, 1.8, 5.4, "ride").go(23.6, 4.2, 4.6, "ride").go(20.6, 8.4, 4.4, "ride")
    )
    delivery.go(16.0, 10.3, 4.6, "ride").go(-1.5, 10.6, 5.0, "ride")
    return [
        Actor("runner", sport, late.as_legs(), anomaly="person running"),
        Actor("rider", rider, short_cut.as_legs(), "rider", "cyclist"),
        Actor("faint", faint, lying.as_legs(), anomaly="person lying on the ground"),
        Actor("van", nobody, delivery.as_legs(), "van", "vehicle"),
        Actor("stray", stray, astray.as_legs(), anomaly="person walking on the road"),
    ]


def _look(rng: np.random.Generator) -> Look:
    word, top = _JACKETS[int(rng.integers(len(_JACKETS)))]
    woman = bool(rng.random() < 0.5)
    coat = bool(rng.random() < 0.3)
    height = float(np.clip(rng.normal(1.66 if woman else 1.78, 0.06), 1.5, 1.95))
    return Look(
        f"a {'woman' if woman else 'man'} in a {word} {'coat' if coat else 'jacket'}",
        height,
        top,
        _TROUSERS[int(rng.integers(len(_TROUSERS)))],
        _HAIR[int(rng.integers(len(_HAIR)))],
        _SKIN[int(rng.integers(len(_SKIN)))],
        float(rng.uniform(0.9, 1.25)),
        coat,
        _JACKETS[int(rng.integers(len(_JACKETS)))][1] if rng.random() < 0.3 else None,
    )


def _child(rng: np.random.Generator) -> Look:
    word, top = _JACKETS[int(rng.integers(len(_JACKETS)))]
    return Look(
        f"a child in a {word} jacket", float(rng.uniform(1.1, 1.35)), top, (62, 72, 104), _HAIR[1], _SKIN[0], 1.15
    )
