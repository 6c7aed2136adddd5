"""A person's body from a pose: joints for walking, standing, lying or riding, then rounded limbs in metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ruler.schema import FloatArray

Colour = tuple[int, int, int]
Bearing = Literal["walk", "run", "stand", "talk", "fall", "ride"]


@dataclass(frozen=True)
class Look:
    """What a person looks like.

    Attributes:
        words: as a caption would call the person ("a man in a red jacket").
        height: metres.
        top: colour of jacket or shirt.
        legs: colour of trousers.
        hair: colour of hair or hat.
        skin: colour of skin.
        bulk: width of the body; 1 is slim.
        skirt: True for a long coat or skirt.
        bag: colour of a backpack; None for none.
    """

    words: str
    height: float
    top: Colour
    legs: Colour
    hair: Colour = (58, 42, 32)
    skin: Colour = (216, 172, 142)
    bulk: float = 1.0
    skirt: bool = False
    bag: Colour | None = None


@dataclass(frozen=True)
class Pose:
    """Where a person is and what the body does.

    Attributes:
        s: metres along the street.
        c: metres across.
        heading: direction faced, radians from s towards c.
        bearing: what the body does.
        phase: of the step or the pedals, radians; of the gesture where the person stands.
        amount: of a fall, 0 upright to 1 on the ground; otherwise how long the stride is, 1 being usual.
    """

    s: float
    c: float
    heading: float
    bearing: Bearing
    phase: float = 0.0
    amount: float = 1.0


@dataclass(frozen=True)
class Limb:
    """A rounded piece of a body: the hull of balls.

    Attributes:
        centres: (n, 3) world metres.
        radii: (n,) metres.
        colour: RGB.
        bias: metres nearer to the camera than its middle, for what lies on top.
        detail: True for hands, feet and forearms: left out of shadows and of people far away.
    """

    centres: FloatArray
    radii: FloatArray
    colour: Colour
    bias: float = 0.0
    detail: bool = False


@dataclass(frozen=True)
class _Gait:
    swing: float
    knee: float
    arms: float
    elbow: float
    lean: float
    hop: float = 0.0


_GAITS = {
    "walk": _Gait(swing=0.46, knee=0.95, arms=0.50, elbow=0.30, lean=0.03),
    "run": _Gait(swing=0.85, knee=1.75, arms=0.85, elbow=1.55, lean=0.20, hop=0.05),
}


def body(look: Look, pose: Pose) -> list[Limb]:
    """Limbs of a person in the world.

    Joints are first set in the person's own axes (forward, left, up) in body heights, then turned, scaled, moved.
    """
    lean, lift, legs, arms = _joints(pose)
    h = look.height
    local: list[tuple[list[tuple[float, float, float]], list[float], Colour, float]] = []
    hip, chest, head = _trunk(lean, lift)
    wide = look.bulk
    shoe: Colour = (46, 40, 38)
    far_tone = 0.86
    for k, (knee, ankle, toe) in enumerate(legs):
        side = (-1.0, 1.0)[k] * 0.052 * wide
        tone = far_tone if k else 1.0
        cloth: Colour = tuple(int(v * tone) for v in look.legs)  # type: ignore[assignment]
        top = (hip[0], side, hip[2])
        local.append(([top, (*knee[:1], side, knee[1])], [0.052 * wide, 0.036], cloth, 0))
        local.append(([(knee[0], side, knee[1]), (ankle[0], side, ankle[1])], [0.036, 0.025], cloth, 0))
        local.append(([(ankle[0], side, ankle[1] - 0.012), (toe[0], side, toe[1])], [0.024, 0.018], shoe, 0))
    for k, (elbow, hand) in enumerate(arms):
        side = (-1.0, 1.0)[k] * 0.108 * wide
        tone = 0.80 if k else 0.92
        cloth = tuple(int(v * tone) for v in look.top)  # type: ignore[assignment]
        shoulder = (chest[0], side, chest[2] - 0.005)
        out = (-1.0, 1.0)[k] * 0.016
        local.append(([shoulder, (elbow[0], side + out, elbow[1])], [0.032 * wide, 0.026], cloth, 0.012))
        local.append(([(elbow[0], side + out, elbow[1]), (hand[0], side, hand[1])], [0.025, 0.019], cloth, 0.012))
        local.append(([(hand[0], side, hand[1])], [0.022], look.skin, 0.014))
    trunk = [(chest[0], -0.085 * wide, chest[2]), (chest[0], 0.085 * wide, chest[2])]
    trunk += [(hip[0], -0.05 * wide, hip[2]), (hip[0], 0.05 * wide, hip[2])]
    local.append((trunk, [0.045, 0.045, 0.055 * wide, 0.055 * wide], look.top, 0))
    if look.skirt:
        hem = (hip[0] * 0.7, hip[2] - 0.19)
        coat = [
            (hip[0], -0.055, hip[2] + 0.03),
            (hip[0], 0.055, hip[2] + 0.03),
            (hem[0], -0.06, hem[1]),
            (hem[0], 0.06, hem[1]),
        ]
        local.append((coat, [0.055, 0.055, 0.07, 0.07], look.top, 0.01))
    if look.bag:
        back = chest[0] - 0.10
        local.append(
            (
                [(back, 0, chest[2] - 0.03), (back + (hip[0] - chest[0]) * 0.6, 0, chest[2] - 0.18)],
                [0.065, 0.075],
                look.bag,
                0,
            )
        )
    local.append(([(chest[0], 0, chest[2] + 0.01), head], [0.032, 0.03], look.skin, 0))
    local.append(([head, (head[0] + 0.012, 0, head[2] - 0.025)], [0.056, 0.046], look.skin, 0.01))
    crown = (head[0] - 0.014, 0.0, head[2] + 0.016)
    local.append(([crown, (head[0] - 0.028, 0, head[2] - 0.012)], [0.058, 0.046], look.hair, 0.0))
    placed = _place(np.array([ball for centres, *_ in local for ball in centres], dtype=np.float64), h, pose)
    sizes = np.array([radius for _, radii, *_ in local for radius in radii]) * h
    limbs, first = [], 0
    for centres, radii, colour, bias in local:
        part = slice(first, first + len(centres))
        limbs.append(Limb(placed[part], sizes[part], colour, bias, radii[0] < 0.0255))
        first += len(centres)
    return limbs


def _place(points: FloatArray, height: float, pose: Pose) -> FloatArray:
    """From the person's axes (body heights) to the world (metres)."""
    if pose.bearing == "fall":
        turn = pose.amount * (np.pi / 2 - 0.03)
        forward = points[:, 0] * np.cos(turn) + points[:, 2] * np.sin(turn)
        up = points[:, 2] * np.cos(turn) - points[:, 0] * np.sin(turn) + 0.055 * np.sin(turn)
        points = np.stack([forward, points[:, 1], np.maximum(up, 0.03)], axis=-1)
    f, left, up = points[:, 0] * height, points[:, 1] * height, points[:, 2] * height
    ch, sh = np.cos(pose.heading), np.sin(pose.heading)
    return np.stack([pose.s + f * ch - left * sh, pose.c + f * sh + left * ch, up], axis=-1)


_Leg = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
_Arm = tuple[tuple[float, float], tuple[float, float]]


def _joints(pose: Pose) -> tuple[float, float, tuple[_Leg, _Leg], tuple[_Arm, _Arm]]:
    """Lean, height of the hips, legs (knee, ankle, toe) and arms (elbow, hand) as (forward, up) in body heights."""
    if pose.bearing == "ride":
        return _riding(pose.phase)
    gait = _GAITS.get(pose.bearing)
    if gait is None:
        return _upright(pose)
    stretch = min(1.25, max(0.7, pose.amount))
    bends = []
    for shift in (0.0, np.pi):
        p = pose.phase + shift
        bends.append(
            (gait.swing * stretch * float(np.sin(p)), 0.10 + gait.knee * max(0.0, float(np.cos(p + 0.25))) ** 1.4)
        )
    low = max(0.25 * np.cos(thigh) + 0.245 * np.cos(thigh - bend) for thigh, bend in bends)
    lift = float(low) + 0.03 + gait.hop * abs(float(np.sin(pose.phase)))
    hip = (0.0, lift)
    legs = tuple(_leg(hip, thigh, bend) for thigh, bend in bends)
    arms = []
    for shift in (np.pi, 0.0):
        swing = gait.arms * stretch * float(np.sin(pose.phase + shift))
        arms.append(_arm(gait.lean, lift, swing + 0.05, gait.elbow + 0.25 * max(0.0, swing)))
    return gait.lean, lift, (legs[0], legs[1]), (arms[0], arms[1])


def _upright(pose: Pose) -> tuple[float, float, tuple[_Leg, _Leg], tuple[_Arm, _Arm]]:
    """Standing, talking with one hand, or falling (the whole body is laid down afterwards)."""
    sway = 0.012 * float(np.sin(pose.phase * 0.7))
    if pose.bearing == "fall":
        slack = pose.amount
        legs = (_leg((0.0, 0.515), 0.25 * slack, 0.6 * slack), _leg((0.0, 0.515), 0.02, 0.15 * slack))
        return 0.0, 0.515, legs, (_arm(0.0, 0.515, 2.2 * slack, 0.5), _arm(0.0, 0.515, -0.3 * slack, 0.4))
    legs = (_leg((0.0, 0.515), 0.05, 0.06), _leg((0.0, 0.515), -0.06, 0.03))
    if pose.bearing == "talk":
        lift = 0.55 + 0.40 * float(np.sin(pose.phase)) * float(np.sin(pose.phase * 0.37 + 1.0))
        return (
            sway,
            0.515,
            legs,
            (_arm(sway, 0.515, lift, 1.1 + 0.5 * float(np.sin(pose.phase * 1.3))), _arm(sway, 0.515, 0.08, 0.35)),
        )
    return sway, 0.515, legs, (_arm(sway, 0.515, 0.05, 0.18), _arm(sway, 0.515, 0.10, 0.30))


def _riding(phase: float) -> tuple[float, float, tuple[_Leg, _Leg], tuple[_Arm, _Arm]]:
    """On a saddle: feet on a turning crank, hands on a bar."""
    hip, crank, lean = (-0.12, 0.56), (0.04, 0.19), 0.62
    legs = []
    for shift in (0.0, np.pi):
        ankle = (
            crank[0] + 0.095 * float(np.cos(phase + shift)),
            crank[1] - 0.095 * float(np.sin(phase + shift)) + 0.03,
        )
        dx, dy = ankle[0] - hip[0], ankle[1] - hip[1]
        reach = min(0.494, float(np.hypot(dx, dy)))
        inner = float(np.arccos(np.clip((0.25**2 + reach**2 - 0.245**2) / (2 * 0.25 * reach), -1, 1)))
        angle = float(np.arctan2(dx, -dy)) + inner
        knee = (hip[0] + 0.25 * float(np.sin(angle)), hip[1] - 0.25 * float(np.cos(angle)))
        legs.append((knee, ankle, (ankle[0] + 0.07, ankle[1] - 0.01)))
    arm = ((0.17, 0.66), (0.285, 0.605))
    return lean, 0.56, (legs[0], legs[1]), (arm, arm)


def _trunk(
    lean: float, lift: float
) -> tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]:
    """Hip, chest and head for a lean (radians); a rider's hips sit back on the saddle."""
    back = -0.12 if lean > 0.5 else 0.0
    chest = (back + 0.29 * np.sin(lean), 0.0, lift + 0.29 * np.cos(lean))
    nod = lean * 0.45
    head = (chest[0] + 0.12 * np.sin(nod), 0.0, chest[2] + 0.12 * np.cos(nod))
    return (back, 0.0, lift), (float(chest[0]), 0.0, float(chest[2])), (float(head[0]), 0.0, float(head[2]))


def _leg(hip: tuple[float, float], thigh: float, bend: float) -> _Leg:
    knee = (hip[0] + 0.25 * float(np.sin(thigh)), hip[1] - 0.25 * float(np.cos(thigh)))
    shin = thigh - bend
    ankle = (knee[0] + 0.245 * float(np.sin(shin)), knee[1] - 0.245 * float(np.cos(shin)))
    point = shin * 0.8
    return knee, ankle, (ankle[0] + 0.075 * float(np.cos(point)), ankle[1] - 0.012 + 0.075 * float(np.sin(point)))


def _arm(lean: float, lift: float, swing: float, bend: float) -> _Arm:
    shoulder = (0.29 * float(np.sin(lean)), lift + 0.285 * float(np.cos(lean)))
    elbow = (shoulder[0] + 0.165 * float(np.sin(swing)), shoulder[1] - 0.165 * float(np.cos(swing)))
    fore = swing + bend
    return elbow, (elbow[0] + 0.15 * float(np.sin(fore)), elbow[1] - 0.15 * float(np.cos(fore)))
