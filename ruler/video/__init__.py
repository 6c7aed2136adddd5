"""Video in: files, folders of pictures and arrays become frames. Video out: pictures become a file."""

from __future__ import annotations

from ruler.video.finding import PICTURE_SUFFIXES, VIDEO_SUFFIXES, find_videos, run_names, video_name
from ruler.video.opening import Reader, Video, open_video
from ruler.video.sampling import Sampling, parse_every
from ruler.video.writer import write_video

__all__ = [
    "PICTURE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Reader",
    "Sampling",
    "Video",
    "find_videos",
    "open_video",
    "parse_every",
    "run_names",
    "video_name",
    "write_video",
]
