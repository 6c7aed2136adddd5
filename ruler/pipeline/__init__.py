"""The only place where the stages meet: videos and records in; rules, or judged videos, out."""

from ruler.pipeline.detecting import VideoResult, detect_videos, scene_rules, summary
from ruler.pipeline.folders import apply_to_folder, detect_to_folder, induce_to_file, keep_old
from ruler.pipeline.inducing import Induced, induce_rules, survey_scene
from ruler.pipeline.inputs import Input, Records, gather, scene_namer
from ruler.pipeline.watch import Watch

__all__ = [
    "Induced",
    "Input",
    "Records",
    "VideoResult",
    "Watch",
    "apply_to_folder",
    "detect_to_folder",
    "detect_videos",
    "gather",
    "induce_rules",
    "induce_to_file",
    "keep_old",
    "scene_namer",
    "scene_rules",
    "summary",
    "survey_scene",
]
