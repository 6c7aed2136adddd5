"""Key frames: boxes and labels are drawn where the evidence is."""

import numpy as np
import pytest
from PIL import Image

from ruler.errors import RunFolderError
from ruler.report import draw_keyframe
from ruler.schema import Box, Event, Evidence, Frame

GREY = 90


def frame(width=640, height=360):
    return Frame(12, 3.2, np.full((height, width, 3), GREY, np.uint8))


def event(*evidence):
    return Event(10, 15, 2.5, 3.7, 12, 0.8, tuple(e.rule for e in evidence), evidence, key_frame=12)


def boxed(box):
    return Evidence("A2", 1.4, measure="speed", value=3.0, limit=2.0, box=box)


def orange(path):
    picture = np.asarray(Image.open(path)).astype(int)
    return (picture[..., 0] > 200) & (picture[..., 2] < 110), picture.shape


def test_a_box_is_drawn_round_the_object_and_its_inside_left_alone(tmp_path):
    path = tmp_path / "made" / "12.jpg"
    draw_keyframe(frame(), event(boxed(Box(200, 100, 80, 120))), path)
    marked, shape = orange(path)
    assert shape == (360, 640, 3)
    assert marked[110:210, 198:206].any(axis=1).all()
    assert marked[110:210, 275:283].any(axis=1).all()
    assert not marked[115:205, 215:265].any()
    assert [p.name for p in path.parent.iterdir()] == ["12.jpg"]


def test_a_large_picture_is_shrunk_and_its_box_with_it(tmp_path):
    draw_keyframe(frame(1920, 1080), event(boxed(Box(1000, 400, 200, 300))), tmp_path / "a.jpg")
    marked, shape = orange(tmp_path / "a.jpg")
    assert shape == (540, 960, 3)
    assert marked[220:340, 498:506].any(axis=1).all()


def test_without_a_box_the_words_stand_at_the_lower_edge(tmp_path):
    quiet, loud = tmp_path / "quiet.jpg", tmp_path / "loud.jpg"
    draw_keyframe(frame(), event(), quiet)
    draw_keyframe(frame(), event(Evidence("A1", 2.0, quote="climbing over the fence")), loud)
    assert not orange(loud)[0].any()
    strips = [(np.asarray(Image.open(path))[-4, :, 0] < 50).sum() for path in (quiet, loud)]
    assert strips[1] > strips[0] + 60
    assert (np.asarray(Image.open(loud))[:300] == GREY).mean() > 0.99


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 20, 20), Box(630, 350, 400, 400), Box(-10, -10, 900, 900), Box(5, 5, 0, 0)]
)
def test_boxes_over_the_edge_do_no_harm(tmp_path, box):
    draw_keyframe(frame(), event(boxed(box), Evidence("A1", 1.0, quote="x\x00" * 400)), tmp_path / "a.jpg")
    assert Image.open(tmp_path / "a.jpg").size == (640, 360)


def test_a_tiny_picture_can_be_marked(tmp_path):
    draw_keyframe(frame(16, 12), event(boxed(Box(2, 2, 8, 8))), tmp_path / "a.jpg")
    assert Image.open(tmp_path / "a.jpg").size == (16, 12)


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="a key frame cannot be written"):
        draw_keyframe(frame(), event(), tmp_path / "file" / "a.jpg")
