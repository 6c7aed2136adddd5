"""What a dataset is to the evaluation: its videos, their labels and where its recorded perception lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ruler.schema import BoolArray

GroundTruth = Literal["auto", "labels", "official"]
"""Where labels are taken from: `labels/VIDEO.npy` where it is there and else the official files; either alone."""


@dataclass(frozen=True, slots=True)
class BenchVideo:
    """One video of a dataset.

    Attributes:
        name: as records and labels are called ("01", "01_0014").
        pictures: video file or folder of pictures; None where only records of it are there.
        labels: (T,) bool, True for an anomalous frame; None for normal training video.
    """

    name: str
    pictures: Path | None
    labels: BoolArray | None = None


@dataclass(frozen=True, slots=True)
class BenchDataset:
    """A dataset as it lies on the disk.

    Attributes:
        name: "avenue", "shanghaitech", "ped1", "ped2", "ubnormal" or "folder".
        root: its folder. Recorded perception lies beside the official layout: `captions/VIDEO.txt`,
            `tracks/{training,testing}/VIDEO.txt`, `detections/{training,testing}/VIDEO.txt`, each optional.
        ground_truth: what the labels were read from, for every table ("labels/*.npy", "pixel masks").
        training: normal videos, sorted by name.
        testing: labelled videos, sorted by name.
        frame_rate: frames per second of what carries no rate of its own; None where every video carries one.
        scene_from: regular expression that takes the scene from a video's name; None for one camera.
        notes: what a person should know: what is missing and where it belongs, labels that disagree.
    """

    name: str
    root: Path
    ground_truth: str
    training: tuple[BenchVideo, ...]
    testing: tuple[BenchVideo, ...]
    frame_rate: float | None = None
    scene_from: str | None = None
    notes: tuple[str, ...] = ()
