"""The types of the demo's clips, and where an actor with a route is, and what it does, at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ruler.demo.camera import CAMERA
from ruler.demo.people import Bearing, Look, Pose
from ruler.demo.textures import KERB
from ruler.schema import Box

FRAME_RATE = 25
"""Frames per second of every clip."""
ActorKind = Literal["person", "rider", "van"]


@dataclass(frozen=True)
class Leg:
    """One piece of a route.

    Attributes:
        start: seconds.
        end: seconds.
        origin: s and c at the start, metres.
        goal: s and c at the end.
        bearing: what the body does.
        heading: direction faced, radians.
        before: metres gone before this leg.
    """

    start: float
    end: float
    origin: tuple[float, float]
    goal: tuple[float, float]
    bearing: Bearing
    heading: float
    before: float


@dataclass(frozen=True)
class Actor:
    """Somebody with a look and a route; `anomaly` names what is wrong with it, "" for nothing."""

    name: str
    look: Look
    legs: tuple[Leg, ...]
    kind: ActorKind = "person"
    anomaly: str = ""


@dataclass(frozen=True)
class ActorState:
    """One actor in one frame.

    Attributes:
        actor: who.
        pose: where, and what the body does.
        box: pixels; may reach out of the picture.
        depth: metres from the camera.
        visible: whether the middle of the box lies in the picture.
        amiss: whether what the actor does in this frame is an anomaly.
    """

    actor: Actor
    pose: Pose
    box: Box
    depth: float
    visible: bool
    amiss: bool


@dataclass(frozen=True)
class SceneState:
    """The street at one frame: time in seconds, sunlight (0 cloudy to 1 sunny), actors from far to near."""

    frame: int
    time: float
    sun: float
    actors: tuple[ActorState, ...]


@dataclass(frozen=True)
class DemoEvent:
    """Exact truth of one anomaly: frames [start_frame, end_frame), what it is, and where in words."""

    kind: str
    start_frame: int
    end_frame: int
    where: str


@dataclass(frozen=True)
class DemoClip:
    """One clip of the demo: `frames` at `FRAME_RATE`, drawn from `seed`; `events` is empty for normal footage."""

    name: str
    kind: Literal["normal", "test"]
    frames: int
    seed: int
    events: tuple[DemoEvent, ...] = ()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / FRAME_RATE


def events_of(cast: Sequence[Actor], frames: int) -> tuple[DemoEvent, ...]:
    """The anomalies of a cast: for each actor the frames in which it is visible and amiss."""
    events = []
    for actor in cast:
        if not actor.anomaly:
            continue
        seen = [actor_state(actor, frame / FRAME_RATE) for frame in range(frames)]
        amiss = [frame for frame, state in enumerate(seen) if state is not None and state.visible and state.amiss]
        if amiss:
            where = "on the road" if actor.anomaly == "person walking on the road" else "on the pavement"
            events.append(DemoEvent(actor.anomaly, amiss[0], amiss[-1] + 1, where))
    return tuple(sorted(events, key=lambda e: e.start_frame))


def actor_state(actor: Actor, time: float) -> ActorState | None:
    """An actor at a time in seconds; None where it is not there then."""
    leg = next((leg for leg in actor.legs if leg.start <= time < leg.end), None)
    if leg is None:
        return None
    done = (time - leg.start) / (leg.end - leg.start)
    s = leg.origin[0] + (leg.goal[0] - leg.origin[0]) * done
    c = leg.origin[1] + (leg.goal[1] - leg.origin[1]) * done
    way = leg.before + done * float(np.hypot(leg.goal[0] - leg.origin[0], leg.goal[1] - leg.origin[1]))
    pose = Pose(s, c, _heading(actor, leg, time), leg.bearing, *_phase(actor, leg, time, way))
    box, depth = _box(actor, pose)
    middle = (box.x + box.w / 2, box.y + box.h / 2)
    visible = 0 <= middle[0] < CAMERA.width and 0 <= middle[1] < CAMERA.height
    return ActorState(actor, pose, box, depth, visible, bool(actor.anomaly) and _amiss(actor, pose))


def _amiss(actor: Actor, pose: Pose) -> bool:
    if actor.kind != "person":
        return True
    if pose.bearing == "run":
        return True
    return pose.c < KERB or (pose.bearing == "fall" and pose.amount > 0.1)


def _heading(actor: Actor, leg: Leg, time: float) -> float:
    """Turns take half a second: the heading is blended with the leg before."""
    k = actor.legs.index(leg)
    if k == 0 or time - leg.start > 0.5:
        return leg.heading
    old = actor.legs[k - 1].heading
    turn = (leg.heading - old + np.pi) % (2 * np.pi) - np.pi
    return float(old + turn * (time - leg.start) / 0.5)


def _phase(actor: Actor, leg: Leg, time: float, way: float) -> tuple[float, float]:
    """Phase and amount of a pose (see `Pose`)."""
    height = actor.look.height
    if leg.bearing in ("walk", "run"):
        pace = float(np.hypot(leg.goal[0] - leg.origin[0], leg.goal[1] - leg.origin[1])) / (leg.end - leg.start)
        stretch = 0.62 + 0.28 * pace / height if leg.bearing == "walk" else 1.0
        stride = height * (0.92 * stretch if leg.bearing == "walk" else 1.45)
        return way / stride * 2 * np.pi, stretch
    if leg.bearing == "ride":
        return way / 4.2 * 2 * np.pi, 1.0
    if leg.bearing == "fall":
        down, up = (time - leg.start) / 0.9, (leg.end - time) / 1.8
        return 0.0, float(np.clip(min(down * down, up), 0, 1))
    return time * 2.6 + len(actor.name), 1.0


def _box(actor: Actor, pose: Pose) -> tuple[Box, float]:
    """Picture box of the actor's hull: exact enough for truth (the drawn body lies within a pixel or two)."""
    h = actor.look.height
    length, width, height = {
        "person": (0.36 * h, 0.30 * h, h),
        "rider": (1.10 * h, 0.30 * h, 1.06 * h),
        "van": (4.4, 1.75, 2.05),
    }[actor.kind]
    low = 0.0
    ends = (-length / 2, length / 2)
    if pose.bearing == "fall":
        ends = (-0.1 * h, h * pose.amount + 0.1 * h)
        height = h * (1 - 0.83 * pose.amount)
    ch, sh = np.cos(pose.heading), np.sin(pose.heading)
    corners = [
        (pose.s + f * ch - left * sh, pose.c + f * sh + left * ch, y)
        for f in ends
        for left in (-width / 2, width / 2)
        for y in (low, height)
    ]
    pixels, _ = CAMERA.project(corners)
    x0, y0 = pixels.min(axis=0)
    x1, y1 = pixels.max(axis=0)
    depth = float(CAMERA.project((pose.s, pose.c, 0.0))[1])
    return Box(float(x0), float(y0), float(x1 - x0), float(y1 - y0)), depth
