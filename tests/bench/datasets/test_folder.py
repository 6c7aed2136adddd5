"""Videos of one's own with a table of intervals."""

import pytest

from ruler.bench.datasets import load_dataset
from ruler.errors import DataError, VideoError
from tests.bench.datasets.rows import shown


def test_seconds(tmp_path, video, text):
    video("normal/quiet.mp4", 3)
    video("a.mp4", 10, frame_rate=10)
    video("cam/b.mkv", 5, frame_rate=5)
    video("testing/c.avi", 4, frame_rate=4)
    text("labels.csv", "video, start, end", "a,0.2,0.4", "a.mp4,0.85,1.5", "b,,", "", 'c,"0.5","0.75"')
    dataset = load_dataset("folder", tmp_path)
    assert (dataset.ground_truth, dataset.frame_rate, dataset.scene_from) == ("labels.csv", None, None)
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"a": "0011000001", "b": "00000", "c": "0010"}
    assert [v.name for v in dataset.training] == ["quiet"]
    assert dataset.notes == ()


def test_seconds_follow_the_timestamps(tmp_path, video, text):
    video("a.mkv", 5, times=[0, 0.1, 0.2, 2.0, 2.1])
    text("labels.csv", "video,start,end", "a,1.5,2.05")
    assert shown(load_dataset("folder", tmp_path).testing[0].labels) == "00010"


def test_frames(tmp_path, pictures, text):
    pictures("training/quiet", 2)
    pictures("a", 5)
    pictures("b", 4)
    text("labels.csv", "video,start_frame,end_frame", "a,1,3", "a,4,5", "b,0,4", "quiet,,")
    dataset = load_dataset("folder", tmp_path)
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"a": "01101", "b": "1111"}
    assert [v.name for v in dataset.training] == ["quiet"]


def test_videos_of_equal_name_are_told_apart(tmp_path, pictures, text):
    pictures("north/a", 2)
    pictures("south/a", 2)
    text("labels.csv", "video,start_frame,end_frame", "north__a,0,1", "south__a,,")
    dataset = load_dataset("folder", tmp_path)
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"north__a": "10", "south__a": "00"}


def test_records_and_labels_of_ones_own(tmp_path, pictures, text, labels):
    pictures("a", 3)
    labels("labels/a.npy", "010")
    text("captions/b.txt", "x", "y")
    text("labels.csv", "video,start_frame,end_frame", "b,1,2", "a,0,2")
    dataset = load_dataset("folder", tmp_path)
    assert dataset.ground_truth == "labels/*.npy (1 video), labels.csv (1 video)"
    assert {v.name: shown(v.labels) for v in dataset.testing} == {"a": "010", "b": "01"}
    assert dataset.notes[0] == "labels/*.npy, which are used, and labels.csv differ in 1 frame of a (1)"


def test_a_video_that_is_not_listed_is_refused_and_a_line_without_video_told(tmp_path, pictures, text):
    pictures("a", 2)
    text("labels.csv", "video,start_frame,end_frame", "b,0,1")
    with pytest.raises(DataError, match=r"no labels for 1 of 1 test videos \(a\); they belong at labels.csv, a line"):
        load_dataset("folder", tmp_path)
    text("labels.csv", "video,start_frame,end_frame", "b,0,1", "a,,")
    notes = load_dataset("folder", tmp_path).notes
    assert notes[0] == "neither pictures nor records are here of 1 video that labels.csv speaks of: b"
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(DataError, match=r"no labels for 1 of 1 .*labels.csv.*under the header 'video,start,end'"):
        load_dataset("folder", tmp_path)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["name,from,to"], "labels.csv:1: no header that is known; the first line is 'video,start,end' or"),
        ([], "no header"),
        (["video,start,end", "a,1"], "labels.csv:2: not a video with start and end"),
        (["video,start,end", ",1,2"], "labels.csv:2: not a video"),
        (["video,start,end", "a,1,"], "labels.csv:2: start and end are '1' and ''"),
        (["video,start,end", "a,one,2"], "start and end are 'one' and '2'"),
        (["video,start,end", "a,0.2,0.1"], "an interval from 0.2 to 0.1"),
        (["video,start,end", "a,-1,1"], "begins at 0 or later"),
        (["video,start,end", "a,0,nan"], "an interval from 0 to nan"),
        (["video,start,end", "a,0.5,2.5"], "labels.csv:2: an interval from 0.5 to 2.5 s, video a ends at 1.00 s"),
        (["video,start,end", "a,1.2,1.4"], "an interval from 1.2 to 1.4 s, video a ends at 1.00 s"),
        (["video,start,end", "a,0.11,0.12"], "no frame of video a lies from 0.11 to 0.12 s"),
        (["video,start,end", "a,,", "", "a,0,1"], "labels.csv:4: video a is listed as normal and once more"),
        (["video,start,end", "a,0,1", "a,,"], "labels.csv:3: video a is listed as normal and once more"),
        (["video,start,end", "a,0,1", "quiet,0,1"], "labels.csv:3: training videos with an anomaly: quiet"),
        (["video,start_frame,end_frame", "a,0.5,2"], "labels.csv:2: frames 0.5 and 2"),
        (["video,start_frame,end_frame", "a,8,11"], "labels.csv:2: an interval reaches over 11 frames, video a has 10"),
        (["video,start,end", 'a,"1,2'], "the table cannot be read"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path, video, text, lines, says):
    video("training/quiet.mp4", 2)
    video("a.mp4", 10, frame_rate=10)
    text("labels.csv", *lines)
    with pytest.raises(DataError, match=says):
        load_dataset("folder", tmp_path)


def test_pictures_need_frames(tmp_path, pictures, text):
    pictures("a", 4)
    text("labels.csv", "video,start,end", "a,0,1")
    with pytest.raises(DataError, match=r"labels.csv:2: video a carries no frame rate.*video,start_frame,end_frame"):
        load_dataset("folder", tmp_path)


def test_loose_pictures_and_mixed_folders_are_refused(tmp_path, pictures, video):
    pictures("x", 2)
    video("x/a.mp4", 2)
    with pytest.raises(VideoError, match="mixed"):
        load_dataset("folder", tmp_path)
    (tmp_path / "x" / "a.mp4").unlink()
    (tmp_path / "1.jpg").touch()
    with pytest.raises(DataError, match=r"the picture 1.jpg belongs to no video"):
        load_dataset("folder", tmp_path)
