"""Each public layout, in small."""

import numpy as np
import pytest
from PIL import Image

from ruler.bench.datasets import load_dataset
from ruler.errors import DataError
from tests.bench.datasets.rows import shown


def test_avenue(tmp_path, video, masks):
    for clip in ("01", "02"):
        video(f"training_videos/{clip}.avi", 3)
    video("testing_videos/01.avi", 5)
    masks("ground_truth_demo/testing_label_mask/1_label.mat", "01100")
    dataset = load_dataset("avenue", tmp_path)
    assert (dataset.name, dataset.frame_rate, dataset.scene_from) == ("avenue", 25.0, None)
    assert dataset.ground_truth == "pixel masks"
    assert [v.name for v in dataset.training] == ["01", "02"]
    assert shown(dataset.testing[0].labels) == "01100"
    assert dataset.notes == ()


def test_shanghaitech(tmp_path, video, pictures, labels):
    video("training/videos/01_001.avi", 3)
    pictures("testing/frames/01_0014", 4)
    pictures("testing/frames/12_0142", 3)
    labels("testing/test_frame_mask/01_0014.npy", "0110")
    labels("testing/test_frame_mask/12_0142.npy", "000")
    dataset = load_dataset("shanghaitech", tmp_path)
    assert (dataset.frame_rate, dataset.scene_from) == (24.0, r"^\d\d")
    assert dataset.ground_truth == "frame masks"
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"01_0014": "0110", "12_0142": "000"}
    assert dataset.testing[0].pictures == tmp_path / "testing" / "frames" / "01_0014"
    assert [(v.name, v.pictures) for v in dataset.training] == [
        ("01_001", tmp_path / "training" / "videos" / "01_001.avi")
    ]


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("name", ["ped1", "ped2"])
def test_ucsd_official(tmp_path, pictures, text, inside, name):
    base = f"UCSD{name}/" if inside else ""
    pictures(f"{base}Train/Train001", 3, ".tif")
    pictures(f"{base}Test/Test001", 8, ".tif")
    pictures(f"{base}Test/Test001_gt", 8, ".bmp")
    pictures(f"{base}Test/Test002", 9, ".tif")
    text(
        f"{base}Test/UCSD{name}.m",
        "TestVideoFile = {};",
        "% TestVideoFile{end+1}.gt_frame = [1:2];",
        "TestVideoFile{end+1}.gt_frame = [3:4];  % one",
        "TestVideoFile{end+1}.gt_frame = [1:2, ...",
        "  5 : 6 9];",
    )
    text("captions/01.txt", *"abcdefgh")
    dataset = load_dataset(name, tmp_path)
    assert (dataset.name, dataset.frame_rate, dataset.ground_truth) == (name, 10.0, f"UCSD{name}.m")
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"01": "00110000", "02": "110011001"}
    assert dataset.testing[0].pictures == tmp_path / base / "Test" / "Test001"
    assert [v.name for v in dataset.training] == ["01"]


def test_ucsd_masks_count_where_there_are_no_intervals(tmp_path, pictures):
    pictures("Test/Test001", 3, ".tif")
    folder = tmp_path / "Test" / "Test001_gt"
    folder.mkdir()
    for number, value in enumerate((0, 255, 0), start=1):
        mask = np.zeros((4, 4), np.uint8)
        mask[1, 1] = value
        Image.fromarray(mask).save(folder / f"{number:03d}.bmp")
    dataset = load_dataset("ped2", tmp_path)
    assert dataset.ground_truth == "pixel masks"
    assert shown(dataset.testing[0].labels) == "010"
    (folder / "002.bmp").write_bytes(b"BM")
    with pytest.raises(DataError, match=r"002.bmp: the mask cannot be read; unpack"):
        load_dataset("ped2", tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "TestVideoFile{end+1}.gt_frame = [61-180];",
            r"UCSDped2.m:2: '61-180' is no range of frames; write FIRST:LAST",
        ),
        ("TestVideoFile{end+1}.gt_frame = [2:3", r"UCSDped2.m:2: '\[2:3' is no range of frames"),
        ("TestVideoFile{end+1}.gt_frame = [2:4];", r"UCSDped2.m:2: an interval reaches over 4 frames, video 01 has 3"),
        ("x = 3;", r"UCSDped2.m: no intervals in it; its lines are like TestVideoFile"),
    ],
)
def test_ucsd_intervals_that_cannot_be(tmp_path, pictures, text, line, says):
    pictures("Test/Test001", 3, ".tif")
    text("Test/UCSDped2.m", "TestVideoFile = {};", line)
    with pytest.raises(DataError, match=says):
        load_dataset("ped2", tmp_path)


def test_ucsd_copy(tmp_path, pictures, intervals):
    pictures("training/frames/01", 2)
    pictures("testing/frames/01", 4)
    pictures("testing/frames/03", 3)
    intervals("ped2.mat", [(2, 3)], [], [(1, 3)])
    dataset = load_dataset("ped2", tmp_path)
    assert (dataset.ground_truth, dataset.frame_rate) == ("ped2.mat", 10.0)
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"01": "0110", "03": "111"}
    pictures("testing/frames/02", 2)
    with pytest.raises(DataError, match=r"no labels for 1 of 3 test videos \(02\)"):
        load_dataset("ped2", tmp_path)


@pytest.fixture
def ubnormal(tmp_path, video, text):
    """A small UBnormal with two scenes; a video of another split lies beside them."""
    video("Scene1/normal_scene_1_scenario1_4.mp4", 3)
    video("Scene1/abnormal_scene_1_scenario_1.mp4", 6)
    video("Scene1/abnormal_scene_1_scenario_3.mp4", 6)
    video("Scene12/normal_scene_12_scenario_2.mp4", 4)
    notes = "Scene1/abnormal_scene_1_scenario_1_annotations/abnormal_scene_1_scenario_1"
    text(f"{notes}_tracks.txt", "4,1,2", "2.0,2.0,3.0")
    (tmp_path / f"{notes}_0001_gt.png").touch()
    text("scripts/normal_training_video_names.txt", "normal_scene_1_scenario1_4")
    text("scripts/normal_test_video_names.txt", "normal_scene_12_scenario_2")
    text("scripts/abnormal_test_video_names.txt", "abnormal_scene_1_scenario_1")
    return tmp_path, tmp_path / f"{notes}_tracks.txt"


def test_ubnormal(ubnormal):
    dataset = load_dataset("ubnormal", ubnormal[0])
    assert (dataset.ground_truth, dataset.frame_rate, dataset.scene_from) == ("annotated tracks", 30.0, r"scene_\d+")
    assert [v.name for v in dataset.training] == ["normal_scene_1_scenario1_4"]
    assert {v.name: shown(v.labels) for v in dataset.testing} == {
        "abnormal_scene_1_scenario_1": "011100",
        "normal_scene_12_scenario_2": "0000",
    }
    assert dataset.notes == ()


def test_ubnormal_tracks_past_the_end(ubnormal):
    root, tracks = ubnormal
    tracks.write_text("4,1,6\n")
    dataset = load_dataset("ubnormal", root)
    assert shown(dataset.testing[0].labels) == "011111"
    assert dataset.notes == (
        "a track of video abnormal_scene_1_scenario_1 ends one frame past the video's end and was cut there",
    )
    tracks.write_text("4,1,7\n")
    with pytest.raises(DataError, match="an interval reaches over 8 frames, video abnormal_scene_1_scenario_1 has 6"):
        load_dataset("ubnormal", root)
    for content, says in (
        ("4;1;7\n", "txt:1: '4;1;7' is no track"),
        ("4,1,2.5", "is no track"),
        ("", "no track in it"),
    ):
        tracks.write_text(content)
        with pytest.raises(DataError, match=says):
            load_dataset("ubnormal", root)
    tracks.unlink()
    with pytest.raises(DataError, match=r"no labels for 1 of 2 test videos .*NAME_tracks.txt"):
        load_dataset("ubnormal", root)


def test_ubnormal_needs_the_split_where_there_are_scenes(ubnormal, text, labels):
    root, _ = ubnormal
    (root / "scripts" / "normal_test_video_names.txt").unlink()
    with pytest.raises(DataError, match=r"split is not known: normal_test_video_names.txt is missing; put the lists"):
        load_dataset("ubnormal", root)


def test_ubnormal_from_records(tmp_path, text, labels):
    text("captions/normal_scene_2_scenario_1.txt", "a", "b")
    labels("labels/normal_scene_2_scenario_1.npy", "00")
    dataset = load_dataset("ubnormal", tmp_path)
    assert [v.name for v in dataset.testing] == ["normal_scene_2_scenario_1"]
