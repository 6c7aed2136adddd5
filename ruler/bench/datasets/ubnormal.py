"""Folder of UBnormal in; the videos of its official test split with their labels out."""

from __future__ import annotations

import re
from pathlib import Path

from ruler.bench.datasets.assemble import Layout, assemble
from ruler.bench.datasets.base import BenchDataset, GroundTruth
from ruler.bench.datasets.listing import find_pictures
from ruler.bench.datasets.truth import Interval, Reading, TruthSource, intervals_that_fit
from ruler.errors import DataError
from ruler.video.finding import list_folder

FRAME_RATE = 30.0

_LISTS = {
    "training": ("normal_training_video_names.txt",),
    "testing": ("normal_test_video_names.txt", "abnormal_test_video_names.txt"),
}
_LIST_FOLDERS = (".", "scripts", "Split")
_SCENE = re.compile(r"Scene\d+")


def load_ubnormal(root: Path, ground_truth: GroundTruth) -> BenchDataset:
    """Read UBnormal: the normal videos of its training split, and its whole test split.

    Acsintoae et al., "UBnormal: New benchmark for supervised open-set video anomaly detection", CVPR 2022.

    ```
    ROOT/
      Scene1/normal_scene_1_scenario_1.mp4
      Scene1/abnormal_scene_1_scenario_1.mp4
      Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1_tracks.txt
      Scene2/…
      scripts/normal_training_video_names.txt      the official split, one name per line; these lists may
      scripts/normal_test_video_names.txt          also lie in ROOT itself or in Split/
      scripts/abnormal_test_video_names.txt
      captions/NAME.txt  tracks/{training,testing}/NAME.txt  detections/{training,testing}/NAME.txt  labels/NAME.npy
    ```

    The lists come with the authors' repository (github.com/lilygeorgescu/UBnormal, `scripts/`), not with the videos.
    Where there is no Scene folder they are not needed: records and `labels/` then make the test videos. Videos in no
    list that is read (anomalous training and validation) are left out.

    A line of a tracks file is `object,first,last`; frames within any track are anomalous. They count from 0 and the
    last one is included, as in the authors' `scripts/write_frame_level_ground_truth.py`, which sets frames
    `[int(first), int(last) + 1)`, and in their `statistics.py`. A track that ends one frame past the video's end is cut
    there, as that script does, and noted; one that ends later is an error. `NAME_NNNN_gt.png` are not read.

    Args:
        root: the folder.
        ground_truth: which labels are used.

    Raises:
        DataError: something is missing, unreadable or does not fit together.
    """
    scenes = sorted(path.name for path in list_folder(root) if path.is_dir() and _SCENE.fullmatch(path.name))
    split = {part: _names(root, files, bool(scenes)) for part, files in _LISTS.items()}
    pictures = {
        part: find_pictures(root, scenes, wanted=names.__contains__) if scenes else {} for part, names in split.items()
    }
    layout = Layout(
        name="ubnormal",
        root=root,
        training=pictures["training"],
        testing=pictures["testing"],
        official=_tracks(root, split["testing"]),
        training_place="SceneN/normal_scene_N_scenario_M.mp4",
        testing_place="SceneN/NAME.mp4",
        truth_place="SceneN/NAME_annotations/NAME_tracks.txt",
        frame_rate=FRAME_RATE,
        scene_from=r"scene_\d+",
    )
    return assemble(layout, ground_truth)


def _names(root: Path, files: tuple[str, ...], needed: bool) -> frozenset[str]:
    """The names in some lists of the split.

    Raises:
        DataError: a list is missing where it is needed, or cannot be read.
    """
    names: set[str] = set()
    for file in files:
        path = next((p for folder in _LIST_FOLDERS if (p := root / folder / file).is_file()), None)
        if path is None and needed:
            raise DataError(
                f"the official split is not known: {file} is missing",
                where=root,
                hint="put the lists of names of github.com/lilygeorgescu/UBnormal (scripts/*_video_names.txt) there",
            )
        names.update(_read_text(path).split() if path else ())
    return frozenset(names)


def _tracks(root: Path, names: frozenset[str]) -> list[TruthSource]:
    """The labels of the videos of the test split: normal by name, or with a tracks file; empty where there is none."""
    paths = {
        name: path
        for name in names
        if (scene := re.search(r"scene_(\d+)", name))
        and (path := root / f"Scene{scene[1]}" / f"{name}_annotations" / f"{name}_tracks.txt").is_file()
    }
    normal = frozenset(name for name in names if name.startswith("normal_"))
    if not names:
        return []

    def read(name: str, frames: int | None) -> Reading:
        if name in normal:
            return Reading(intervals_that_fit([], frames, video=name, where=root))
        return _labels(_read_tracks(paths[name]), frames, name, paths[name])

    return [TruthSource("annotated tracks", normal | frozenset(paths), read)]


def _labels(tracks: list[Interval], frames: int | None, name: str, path: Path) -> Reading:
    cut = [(start, frames) if frames is not None and end == frames + 1 else (start, end) for start, end in tracks]
    labels = intervals_that_fit(cut, frames, video=name, where=path)
    note = f"a track of video {name} ends one frame past the video's end and was cut there" if cut != tracks else ""
    return Reading(labels, note)


def _read_tracks(path: Path) -> list[Interval]:
    """Half-open intervals from 0 of the tracks in a file."""
    tracks = []
    for number, line in enumerate(_read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            _, first, last = map(float, line.split(","))
            if not (first.is_integer() and last.is_integer()):
                raise ValueError
        except ValueError as error:
            raise DataError(
                f"'{line.strip()[:40]}' is no track",
                where=f"{path}:{number}",
                hint="a line is object,first,last: the first and last frame, from 0",
            ) from error
        tracks.append((int(first), int(last) + 1))
    if not tracks:
        raise DataError("no track in it", where=path, hint="download the annotations again")
    return tracks


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the text cannot be read", where=path, hint="download the file again") from error
