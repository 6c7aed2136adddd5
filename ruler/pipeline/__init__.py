"""The only place where the stages meet: videos and records in; rules, or judged videos, out."""

from ruler.pipeline.applying import apply_to_folder
from ruler.pipeline.captioning import Captioned, caption_to_folder
from ruler.pipeline.detecting import detect_videos, scene_rules
from ruler.pipeline.folders import detect_to_folder, induce_to_file, keep_old, read_examples
from ruler.pipeline.inducing import Induced, induce_rules, survey_scene
from ruler.pipeline.inputs import Input, Records, gather, scene_namer
from ruler.pipeline.models import Models
from ruler.pipeline.results import VideoResult, summary
from ruler.pipeline.watch import Watch

__all__ = [
    "Captioned",
    "Induced",
    "Input",
    "Models",
    "Records",
    "VideoResult",
    "Watch",
    "apply_to_folder",
    "caption_to_folder",
    "detect_to_folder",
    "detect_videos",
    "gather",
    "induce_rules",
    "induce_to_file",
    "keep_old",
    "read_examples",
    "scene_namer",
    "scene_rules",
    "summary",
    "survey_scene",
]
