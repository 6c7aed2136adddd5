from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ruler.errors import UsageError, VideoError
from ruler.video import open_video, write_video

Draw = Callable[..., Any]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("b.avi", "mjpeg")]
)
def test_the_same_pictures_give_the_same_bytes(tmp_path: Path, draw: Draw, name: str, codec: str) -> None:
    made = datetime(2026, 1, 2, tzinfo=UTC)
    data = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = write_video(tmp_path / folder / name, (draw(i) for i in range(30)), codec=codec, creation_time=made)
        data.append(path.read_bytes())
    assert data[0] == data[1]


def test_a_high_quality_is_nearly_the_picture(tmp_path: Path, draw: Draw) -> None:
    path = write_video(tmp_path / "a.mp4", [draw(3)], options={"crf": "4"})
    assert np.abs(open_video(path).frame_at(0).image.astype(int) - draw(3)).mean() < 4


@pytest.mark.parametrize(
    ("name", "keywords", "word"),
    [
        ("a.mp4", {"frames": []}, "no frame"),
        ("a.mp4", {"frames": [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 10, 3), np.uint8)]}, "frame 1 has the shape"),
        ("a.mp4", {"times": [0.0]}, "times"),
        ("a.mp4", {"times": [0.0, 0.0]}, "not after"),
        ("a.mp4", {"codec": "none"}, "cannot be written"),
        ("a.mp4", {"codec": "aac"}, "cannot be written"),
        ("a.nothing", {}, "cannot be written"),
        ("missing/a.mp4", {}, "cannot be written"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, keywords: dict[str, Any], word: str) -> None:
    frames = keywords.pop("frames", [np.zeros((64, 64, 3), np.uint8)] * 2)
    with pytest.raises(VideoError, match=word) as caught:
        write_video(tmp_path / name, frames, **keywords)
    assert "\n" not in str(caught.value)


def test_a_rate_of_nothing(tmp_path: Path, draw: Draw) -> None:
    with pytest.raises(UsageError, match="frame rate"):
        write_video(tmp_path / "a.mp4", [draw(0)], 0)
