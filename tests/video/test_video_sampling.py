from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import UsageError
from ruler.video import Sampling, open_video, parse_every, write_video

still = np.zeros((20, 20, 3), np.uint8)


def taken(sampling: Sampling, count: int, rate: float) -> list[int]:
    return [f.index for f in open_video([still] * count, frame_rate=rate, every=sampling)]


@given(st.integers(1, 40), st.integers(1, 90))
def test_stride_takes_every_nth(stride: int, count: int) -> None:
    assert taken(Sampling(stride=stride), count, 25) == list(range(0, count, stride))


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 200))
def test_seconds_take_the_first_frame_of_each_span(rate: int, tenths: int, count: int) -> None:
    spans = [i * 10 // (tenths * rate) for i in range(count)]
    assert taken(Sampling(seconds=tenths / 10), count, rate) == [
        i for i, span in enumerate(spans) if i == 0 or span != spans[i - 1]
    ]


def test_one_frame_per_second_at_ntsc_rate() -> None:
    assert taken(Sampling(seconds=1), 100, 29.97) == [0, 30, 60, 90]


def test_motion_takes_changes_and_bridges_gaps() -> None:
    bright = np.full_like(still, 255)
    faint = np.full_like(still, 2)
    pictures = [still] * 10 + [bright] * 10 + [still] * 30 + [faint] * 10
    video = open_video(pictures, frame_rate=10, every=Sampling(motion=0.02, max_gap=2))
    assert [f.index for f in video] == [0, 10, 20, 40]
    assert (video.decoded, len(video.times)) == (60, 60)


def test_motion_measures_from_the_last_frame_taken() -> None:
    fading = [np.full_like(still, 2 * i) for i in range(20)]  # 2/255 per frame, 5.1/255 is the limit
    indices = [f.index for f in open_video(fading, every=Sampling(motion=0.02, max_gap=100))]
    assert indices == [0, 3, 6, 9, 12, 15, 18]


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_files_are_sampled_by_motion_too(tmp_path: Path, draw: Callable[..., Any], name: str) -> None:
    pictures = [draw(0)] * 10 + [draw(0)[::-1]] * 10
    path = write_video(tmp_path / name, pictures, 10, codec="mpeg4")
    assert [f.index for f in open_video(path, every=parse_every("motion:0.05:60s"))] == [0, 10]


@pytest.mark.parametrize(
    ("text", "sampling"),
    [
        ("5", Sampling(stride=5)),
        (" 5f ", Sampling(stride=5)),
        ("1", Sampling()),
        ("1s", Sampling(seconds=1)),
        ("0.5S", Sampling(seconds=0.5)),
        (".25s", Sampling(seconds=0.25)),
        ("motion", Sampling(motion=0.02)),
        ("motion:0.05", Sampling(motion=0.05)),
        ("motion:0.05:10s", Sampling(motion=0.05, max_gap=10)),
    ],
)
def test_parse_every(text: str, sampling: Sampling) -> None:
    assert parse_every(text) == sampling
    assert parse_every(str(sampling)) == sampling


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "0s", "s", "5x", "motion:0", "motion:2", "motion:", "motion:a", "1e3s"]
)
def test_what_is_no_sampling(text: str) -> None:
    with pytest.raises(UsageError):
        parse_every(text)


@pytest.mark.parametrize(
    "values",
    [
        {"stride": 0},
        {"seconds": float("nan")},
        {"max_gap": 0},
        {"stride": 2, "seconds": 1.0},
        {"seconds": 1.0, "motion": 0.1},
    ],
)
def test_samplings_that_contradict_themselves(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Sampling(**values)
