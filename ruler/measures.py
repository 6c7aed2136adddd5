"""The measures rules may speak of: name, unit, whom they describe, and how a person would say them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal["object", "frame"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure.

    Attributes:
        name: as written in a rules file.
        unit: as written in a rules file; "" for a plain number.
        scope: "object" for a number of each tracked object, "frame" for a number of the whole frame.
        says: what it is, in one line.
        more: what a value above the usual is called ("faster than usual").
        less: what a value below the usual is called ("slower than usual").
    """

    name: str
    unit: str
    scope: Scope
    says: str
    more: str
    less: str


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("speed", "body heights/s", "object", "speed of the foot point over the object's own height", "faster than usual", "slower than usual"),
        Measure("pace", "body heights/s", "object", "how fast its surface moves: the fastest mean optical flow of a trunk-sized part, over the usual height of a person there", "faster than usual", "slower than usual"),
        Measure("relative height", "usual heights", "object", "height of the box over the usual height of a person at that image row", "taller than usual at that place", "smaller than usual at that place"),
        Measure("relative area", "usual heights²", "object", "area of the box over the square of the usual height of a person at that image row", "larger than usual at that place", "smaller than usual at that place"),
        Measure("acceleration", "body heights/s²", "object", "change of the velocity", "a more sudden change of pace than usual", "a steadier pace than usual"),
        Measure("height", "px", "object", "height of the box; held against what is usual at that image row", "taller than usual at that place", "smaller than usual at that place"),
        Measure("aspect", "width/height", "object", "width over height of the box", "wider than usual", "narrower than usual"),
        Measure("area", "px²", "object", "area of the box; held against what is usual at that image row", "larger than usual at that place", "smaller than usual at that place"),
        Measure("growth", "1/s", "object", "change of height per second over the height", "a more sudden change of size than usual", "a steadier size than usual"),
        Measure("direction", "°", "object", "heading, 0 to the right, 90 up", "another direction than usual", "another direction than usual"),
        Measure("dwell", "s", "object", "time the object has stayed within one body height", "staying longer than usual", "staying shorter than usual"),
        Measure("unusual activity", "nats", "frame", "how far the activities a window of captions speaks of exceed the rule's vocabulary", "activities seldom or never described in normal footage", "only the usual activities"),
        Measure("unusual thing", "nats", "frame", "how far the things a window of captions speaks of exceed the rule's vocabulary", "things seldom or never described in normal footage", "only the usual things"),
        Measure("objects", "", "frame", "number of objects in the frame", "more objects than usual", "fewer objects than usual"),
    )
}
