"""Folder of ShanghaiTech Campus in; its videos with their labels out."""

from __future__ import annotations

from pathlib import Path

from ruler.bench.datasets.assemble import Layout, assemble
from ruler.bench.datasets.base import BenchDataset, GroundTruth
from ruler.bench.datasets.listing import find_pictures
from ruler.bench.datasets.truth import label_files

FRAME_RATE = 24.0

_MASKS = "testing/test_frame_mask"


def load_shanghaitech(root: Path, ground_truth: GroundTruth) -> BenchDataset:
    """Read ShanghaiTech Campus (Luo, Liu and Gao, "A revisit of sparse coding based anomaly detection", ICCV 2017).

    ```
    ROOT/
      training/videos/SS_NNN.avi             or training/frames/SS_NNN/*.jpg
      testing/frames/SS_NNNN/*.jpg           or testing/videos/SS_NNNN.avi
      testing/test_frame_mask/SS_NNNN.npy    0 or 1 per frame
      captions/SS_NNNN.txt  tracks/{training,testing}/…  detections/{training,testing}/…  labels/SS_NNNN.npy
    ```

    The first place that has a video gives it. The first two digits of a name are the scene: 13 of them, each a camera
    of its own. Pixel masks (`testing/test_pixel_mask`) are not read.

    Args:
        root: the folder.
        ground_truth: which labels are used.

    Raises:
        DataError: something is missing, unreadable or does not fit together.
    """
    masks = label_files(root / _MASKS, title="frame masks")
    layout = Layout(
        name="shanghaitech",
        root=root,
        training=find_pictures(root, ("training/videos", "training/frames")),
        testing=find_pictures(root, ("testing/frames", "testing/videos")),
        official=[masks] if masks else [],
        training_place="training/videos/SS_NNN.avi",
        testing_place="testing/frames/SS_NNNN/",
        truth_place=f"{_MASKS}/SS_NNNN.npy",
        frame_rate=FRAME_RATE,
        scene_from=r"^\d\d",
    )
    return assemble(layout, ground_truth)
