"""What holds for every dataset: which videos there are, whose labels count, and that they fit. Shown on Avenue."""

import json

import pytest

from ruler.bench.datasets import load_dataset
from ruler.errors import DataError, RecordError, VideoError
from tests.bench.datasets.rows import shown

MASKS = "ground_truth_demo/testing_label_mask"


def test_labels_beside_the_layout_go_first_and_differences_are_told(tmp_path, video, labels, masks, intervals):
    video("training_videos/01.avi", 3)
    for clip in ("01", "02"):
        video(f"testing_videos/{clip}.avi", 6)
    labels("labels/01.npy", "001100")
    masks(f"{MASKS}/1_label.mat", "011100")
    masks(f"{MASKS}/2_label.mat", "000001")
    intervals("avenue.mat", [(3, 4)], [(6, 6)])
    auto = load_dataset("avenue", tmp_path)
    assert auto.ground_truth == "labels/*.npy (1 video), pixel masks (1 video)"
    assert {v.name: shown(v.labels) for v in auto.testing} == {"01": "001100", "02": "000001"}
    assert [v.pictures for v in auto.testing] == [tmp_path / "testing_videos" / f"{c}.avi" for c in ("01", "02")]
    assert [(v.name, v.labels) for v in auto.training] == [("01", None)]
    assert auto.notes == ("labels/*.npy, which are used, and pixel masks differ in 1 frame of 01 (1)",)
    official = load_dataset("avenue", tmp_path, "official")
    assert official.ground_truth == "pixel masks"
    assert shown(official.testing[0].labels) == "011100"
    assert official.notes == (
        "pixel masks, which are used, and labels/*.npy differ in 1 frame of 01 (1)",
        "pixel masks, which are used, and avenue.mat differ in 1 frame of 01 (1)",
    )
    with pytest.raises(DataError, match=r"no labels for 1 of 2 test videos \(02\); they belong at labels/VIDEO.npy;"):
        load_dataset("avenue", tmp_path, "labels")


def test_records_alone_make_videos(tmp_path, text, labels):
    text("captions/03.txt", "a", "b", "c")
    text("captions/05.jsonl", *(json.dumps({"frame": f, "caption": "x"}) for f in (0, 2)))
    text("tracks/testing/07.txt", "1,1,0,0,5,5")
    text("detections/testing/09.txt", "1,-1,0,0,5,5")
    text("tracks/training/01.txt", "1,1,0,0,5,5")
    text("detections/training/02.txt", "1,-1,0,0,5,5")
    for name in ("03", "05", "07", "09"):
        labels(f"labels/{name}.npy", "010")
    dataset = load_dataset("avenue", tmp_path)
    assert [(v.name, v.pictures, shown(v.labels)) for v in dataset.testing] == [
        (name, None, "010") for name in ("03", "05", "07", "09")
    ]
    assert [(v.name, v.pictures) for v in dataset.training] == [("01", None), ("02", None)]
    assert dataset.notes == ()


def test_captions_of_training_videos_are_no_test_videos(tmp_path, text, labels):
    text("tracks/training/01_001.txt", "1,1,0,0,5,5")
    text("captions/01_001.txt", "a")
    text("captions/01_0014.txt", "a", "b")
    labels("labels/01_0014.npy", "01")
    dataset = load_dataset("shanghaitech", tmp_path)
    assert [v.name for v in dataset.testing] == ["01_0014"]
    assert [v.name for v in dataset.training] == ["01_001"]


def test_captions_belong_to_the_test_video_where_both_parts_have_the_name(tmp_path, text, labels):
    text("tracks/training/01.txt", "1,1,0,0,5,5")
    text("captions/01.txt", "a", "b")
    labels("labels/01.npy", "01")
    dataset = load_dataset("avenue", tmp_path)
    assert [v.name for v in dataset.testing] == [v.name for v in dataset.training] == ["01"]


def test_labels_without_a_video_and_a_missing_training_part_are_told(tmp_path, text, labels):
    text("captions/01.txt", "a", "b")
    for clip in range(1, 8):
        labels(f"labels/{clip:02d}.npy", "01")
    assert load_dataset("avenue", tmp_path).notes == (
        "neither pictures nor records are here of 6 videos that labels/*.npy speaks of: 02, 03, 04, 05 and 2 more",
        "no training part: normal videos belong at training_videos/NN.avi",
    )


def test_a_folder_without_test_videos_says_where_they_belong(tmp_path, video):
    video("training_videos/01.avi", 2)
    with pytest.raises(DataError) as caught:
        load_dataset("avenue", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no test video of 'avenue' in this folder; put the pictures at testing_videos/NN.avi, "
        "or records at captions/, tracks/testing/ or detections/testing/"
    )
    assert caught.value.exit_code == 3


def test_a_test_video_without_labels_is_refused(tmp_path, text):
    text("captions/01.txt", "a")
    with pytest.raises(
        DataError, match=r"no labels for 1 of 1 test videos \(01\).*N_label.mat or avenue.mat or labels"
    ):
        load_dataset("avenue", tmp_path)


@pytest.mark.parametrize(("ground_truth", "title"), [("labels", "labels/\\*.npy"), ("official", "pixel masks")])
def test_labels_that_do_not_fit_the_container_are_refused(tmp_path, video, labels, masks, ground_truth, title):
    video("testing_videos/01.avi", 6)
    labels("labels/01.npy", "00110")
    masks(f"{MASKS}/1_label.mat", "0011000")
    count = {"labels": 5, "official": 7}[ground_truth]
    with pytest.raises(DataError, match=f"video 01 has {count} labels .{title}., but 6 frames in .*01.avi; take both"):
        load_dataset("avenue", tmp_path, ground_truth)


def test_labels_that_do_not_fit_the_pictures_are_refused(tmp_path, pictures, labels):
    folder = pictures("testing/frames/01", 6)
    (folder / "._001.jpg").touch()
    (folder / "Thumbs.db").touch()
    labels("labels/01.npy", "001100")
    assert shown(load_dataset("avenue", tmp_path).testing[0].labels) == "001100"
    (folder / "006.jpg").unlink()
    with pytest.raises(
        DataError, match=r"video 01 has 6 labels .labels/.*., but 5 pictures in .*01; take both .*01.npy"
    ):
        load_dataset("avenue", tmp_path)


def test_labels_that_do_not_fit_the_captions_are_refused(tmp_path, text, labels):
    text("captions/01.txt", "a", "b", "")
    labels("labels/01.npy", "01")
    with pytest.raises(DataError, match=r"video 01 has 2 labels .*, but 3 captions in "):
        load_dataset("avenue", tmp_path)
    (tmp_path / "captions" / "01.txt").unlink()
    text("captions/01.jsonl", json.dumps({"frame": 2, "caption": "x"}))
    with pytest.raises(DataError, match=r"video 01 has 2 labels .*, but at least 3 captions in "):
        load_dataset("avenue", tmp_path)


def test_a_container_whose_head_is_wrong_is_counted(tmp_path, video, labels):
    path = video("testing_videos/01.avi", 6)
    data = bytearray(path.read_bytes())
    head = data.index(b"strh") + 8 + 32  # dwLength of the stream
    assert int.from_bytes(data[head : head + 4], "little") == 6
    data[head : head + 4] = (9).to_bytes(4, "little")
    path.write_bytes(data)
    labels("labels/01.npy", "001100")
    assert len(load_dataset("avenue", tmp_path).testing[0].labels) == 6
    labels("labels/01.npy", "0011000")
    with pytest.raises(DataError, match=r"video 01 has 7 labels .*, but 6 frames in"):
        load_dataset("avenue", tmp_path)


def test_a_container_without_a_count_is_counted(tmp_path, video, intervals):
    video("testing_videos/01.mkv", 6)
    intervals("avenue.mat", [(2, 3)])
    assert shown(load_dataset("avenue", tmp_path).testing[0].labels) == "011000"


def test_a_video_that_cannot_be_opened_is_told(tmp_path, text, labels):
    text("testing_videos/01.avi", "no video")
    labels("labels/01.npy", "01")
    with pytest.raises(VideoError, match=r"01\.avi: a text file, not a video"):
        load_dataset("avenue", tmp_path)


def test_length_comes_from_labels_where_nothing_else_tells(tmp_path, text, labels, intervals):
    text("tracks/testing/01.txt", "1,1,0,0,5,5")
    intervals("avenue.mat", [(2, 3)])
    with pytest.raises(DataError, match=r"avenue.mat: the number of frames of video 01 is not known"):
        load_dataset("avenue", tmp_path)
    labels("labels/01.npy", "01000")
    assert shown(load_dataset("avenue", tmp_path, "official").testing[0].labels) == "01100"


def test_labels_that_are_not_used_may_be_bad(tmp_path, text, labels, masks):
    text("captions/01.txt", "a", "b")
    text("captions/02.txt", "a", "b")
    text(f"{MASKS}/1_label.mat", "nonsense" * 30)
    masks(f"{MASKS}/2_label.mat", "011")
    for clip in ("01", "02"):
        labels(f"labels/{clip}.npy", "01")
    first, second, _ = load_dataset("avenue", tmp_path).notes
    assert first.startswith(f"pixel masks of video 01, which are not used: {tmp_path}")
    assert second == "pixel masks of video 02, which are not used, cover 3 frames, not 2"


def test_records_are_named_as_videos_are(tmp_path, text, labels):
    text("captions/1.txt", "a")
    labels("labels/01.npy", "0")
    with pytest.raises(DataError, match="captions: '1' is the record of a video that is called 01 here; rename"):
        load_dataset("avenue", tmp_path)


def test_two_records_and_two_files_for_one_video_are_refused(tmp_path, text, video, labels):
    labels("labels/01.npy", "0")
    text("captions/01.txt", "a")
    text("captions/01.jsonl", '{"frame": 0, "caption": "a"}')
    with pytest.raises(RecordError, match="keep one of them"):
        load_dataset("avenue", tmp_path)
    video("testing_videos/1.avi", 1)
    video("testing_videos/01.avi", 1)
    with pytest.raises(DataError, match=r"(1|01)\.avi and (1|01)\.avi are both video 01"):
        load_dataset("avenue", tmp_path)


def test_a_folder_of_a_video_without_pictures_is_refused(tmp_path, labels):
    (tmp_path / "testing" / "frames" / "01").mkdir(parents=True)
    labels("labels/01.npy", "0")
    with pytest.raises(DataError, match=r"frames.01: no picture in this folder; unpack"):
        load_dataset("avenue", tmp_path)
