"""Folder of CUHK Avenue in; its clips with their labels out."""

from __future__ import annotations

import re
from pathlib import Path

from ruler.bench.datasets.assemble import Layout, assemble
from ruler.bench.datasets.base import BenchDataset, GroundTruth
from ruler.bench.datasets.listing import find_pictures, two_digits
from ruler.bench.datasets.matfiles import interval_source, read_mask_labels
from ruler.bench.datasets.truth import Reading, TruthSource

FRAME_RATE = 25.0

_MASK = re.compile(r"(\d+)_label\.mat")


def load_avenue(root: Path, ground_truth: GroundTruth) -> BenchDataset:
    """Read CUHK Avenue (Lu, Shi and Jia, "Abnormal event detection at 150 FPS in MATLAB", ICCV 2013).

    ```
    ROOT/
      training_videos/NN.avi                         or training/frames/NN/*.jpg
      testing_videos/NN.avi                          or testing/frames/NN/*.jpg
      ground_truth_demo/testing_label_mask/N_label.mat   volLabel: one pixel mask per frame
      avenue.mat                                     gt: intervals, one cell per clip
      captions/NN.txt  tracks/{training,testing}/NN.txt  detections/{training,testing}/NN.txt  labels/NN.npy
    ```

    The first place that has a clip gives it. A frame is anomalous where its mask has any pixel. Officially the masks of
    a clip count where they are there, else the intervals of `avenue.mat` (in which an empty cell is a clip that was
    left out). Masks and intervals are known to disagree in some frames: the notes say in which clips.

    Args:
        root: the folder.
        ground_truth: which labels are used.

    Raises:
        DataError: something is missing, unreadable or does not fit together.
    """
    official = [
        _masks(root / "ground_truth_demo" / "testing_label_mask"),
        interval_source(root / "avenue.mat", two_digits),
    ]
    layout = Layout(
        name="avenue",
        root=root,
        training=find_pictures(root, ("training_videos", "training/frames"), two_digits),
        testing=find_pictures(root, ("testing_videos", "testing/frames"), two_digits),
        official=[source for source in official if source],
        training_place="training_videos/NN.avi",
        testing_place="testing_videos/NN.avi",
        truth_place="ground_truth_demo/testing_label_mask/N_label.mat or avenue.mat",
        canonical=two_digits,
        frame_rate=FRAME_RATE,
    )
    return assemble(layout, ground_truth)


def _masks(folder: Path) -> TruthSource | None:
    matches = [(_MASK.fullmatch(path.name), path) for path in folder.glob("*.mat")] if folder.is_dir() else []
    paths = {two_digits(match[1]): path for match, path in matches if match}
    if not paths:
        return None
    return TruthSource(
        "pixel masks", frozenset(paths), lambda name, _: Reading(read_mask_labels(paths[name], "volLabel"))
    )
