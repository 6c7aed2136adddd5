"""The demo's drawn street: clips with exact truth, as pictures and as files."""

from ruler.demo.clips import DEMO_CLIPS, state_at, states
from ruler.demo.files import DemoFiles, demo_files, write_demo
from ruler.demo.render import render_clip, render_state
from ruler.demo.scene import FRAME_RATE, DemoClip, DemoEvent, SceneState
from ruler.demo.truth import describe, labels

__all__ = [
    "DEMO_CLIPS",
    "FRAME_RATE",
    "DemoClip",
    "DemoEvent",
    "DemoFiles",
    "SceneState",
    "demo_files",
    "describe",
    "labels",
    "render_clip",
    "render_state",
    "state_at",
    "states",
    "write_demo",
]
