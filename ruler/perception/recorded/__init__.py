"""Recorded perception: captions, tracks and detections of a video read from files; one observation per frame out."""

from ruler.perception.recorded.captions import CaptionLine, read_captions
from ruler.perception.recorded.find import CAPTION_SUFFIXES, MOT_SUFFIXES, find_record, record_names
from ruler.perception.recorded.merge import merge_observations
from ruler.perception.recorded.mot import MotTable, read_mot
from ruler.perception.recorded.perceiver import RecordedPerceiver

__all__ = [
    "CAPTION_SUFFIXES",
    "MOT_SUFFIXES",
    "CaptionLine",
    "MotTable",
    "RecordedPerceiver",
    "find_record",
    "merge_observations",
    "read_captions",
    "read_mot",
    "record_names",
]
