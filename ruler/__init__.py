"""Ruler finds anomalies in video by reasoning with rules: the public API, nothing else."""

from ruler._version import __version__
from ruler.api import caption, detect, induce
from ruler.config import Settings, load_settings
from ruler.errors import RulerError
from ruler.pipeline import Records, VideoResult
from ruler.rules.io import load_rules, save_rules
from ruler.rules.model import Rule, RuleSet
from ruler.schema import Event, Frame, Observation, Scores, Verdict, VideoInfo
from ruler.video import open_video

__all__ = [
    "Event",
    "Frame",
    "Observation",
    "Records",
    "Rule",
    "RuleSet",
    "RulerError",
    "Scores",
    "Settings",
    "Verdict",
    "VideoInfo",
    "VideoResult",
    "__version__",
    "caption",
    "detect",
    "induce",
    "load_rules",
    "load_settings",
    "open_video",
    "save_rules",
]
