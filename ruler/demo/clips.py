"""The demo's clips, and the state of the street at each of their frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ruler.demo.casts import cast_of
from ruler.demo.scene import FRAME_RATE, DemoClip, SceneState, actor_state, events_of


def _clip(name: str, seconds: int, seed: int) -> DemoClip:
    bare = DemoClip(name, "test" if name.startswith("test") else "normal", seconds * FRAME_RATE, seed)
    return replace(bare, events=events_of(cast_of(name, seed, bare.seconds), bare.frames))


DEMO_CLIPS: list[DemoClip] = [
    *(_clip(f"normal-{k}", 13, 40 + k) for k in range(1, 6)),
    _clip("test-events", 52, 61),
    _clip("test-normal", 6, 62),
]
"""The demo's clips: five of normal footage, then one to test with five incidents, then one without any."""


def states(clip: DemoClip) -> Iterator[SceneState]:
    """The street at every frame of a clip, in order."""
    for frame in range(clip.frames):
        yield state_at(clip, frame)


def state_at(clip: DemoClip, frame: int) -> SceneState:
    """The street at one frame."""
    time = frame / FRAME_RATE
    there = [actor_state(actor, time) for actor in cast_of(clip.name, clip.seed, clip.seconds)]
    drift = np.sin(time * 2 * np.pi / 19 + clip.seed) + 0.6 * np.sin(time * 2 * np.pi / 7.3 + 2.1 * clip.seed)
    sun = float(np.clip(0.80 + 0.22 * drift, 0.4, 1.0))
    actors = sorted((state for state in there if state is not None), key=lambda state: -state.depth)
    return SceneState(frame, time, sun, tuple(actors))
