"""Pictures in, observations out, without a model: what moves, where, how fast, and whether to trust the camera."""

from ruler.perception.motion.caption import render_caption, render_state
from ruler.perception.motion.geometry import SceneGeometry
from ruler.perception.motion.perceiver import MotionPerceiver
from ruler.perception.motion.survey import survey

__all__ = ["MotionPerceiver", "SceneGeometry", "render_caption", "render_state", "survey"]
