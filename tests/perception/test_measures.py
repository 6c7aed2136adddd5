from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.perception.measures import OBJECT_MEASURES, measure_tracks, measure_velocities


def walk(times: np.ndarray, speed: float, height: float) -> np.ndarray:
    x = speed * height * times
    return np.stack([x, np.full_like(x, 50.0), np.full_like(x, 0.4 * height), np.full_like(x, height)], axis=1)


@given(st.floats(0.3, 5.0), st.floats(15, 200), st.sampled_from([8.0, 10.0, 25.0, 60.0]))
def test_a_steady_walk_has_its_speed_and_size_from_end_to_end(speed: float, height: float, rate: float) -> None:
    times = np.arange(0, 3, 1 / rate)
    measures = measure_tracks(times, walk(times, speed, height))
    assert set(measures) == set(OBJECT_MEASURES)
    assert measures["speed"] == pytest.approx(np.full(len(times), speed), rel=0.05)
    assert measures["aspect"] == pytest.approx(np.full(len(times), 0.4), rel=1e-6)
    assert np.all(measures["acceleration"] < 0.3 * speed)


def test_directions_go_round_against_the_clock_from_the_right() -> None:
    times = np.arange(0, 2, 0.1)
    boxes = walk(times, 1.0, 40)
    assert np.allclose(measure_tracks(times, boxes)["direction"], 0.0, atol=1.0)
    up = boxes[:, [1, 0, 2, 3]] * [1, -1, 1, 1]
    assert np.allclose(measure_tracks(times, up)["direction"], 90.0, atol=1.0)


def test_a_long_hole_cuts_the_track_and_a_short_one_is_bridged() -> None:
    times = np.arange(0, 4, 0.1)
    for hole, bridged in ((0.25, True), (1.5, False)):
        kept = (times < 1.0) | (times > 1.0 + hole)
        dwell = measure_tracks(times[kept], walk(times, 0.0, 40)[kept])["dwell"]
        assert bool(dwell[-1] > 3.0) is bridged


def test_a_usual_height_holds_the_body_height_of_a_broken_box() -> None:
    times = np.arange(0, 2, 0.1)
    boxes = walk(times, 1.0, 40)
    boxes[:, 3] = 10.0
    speed = measure_tracks(times, boxes, np.full(len(times), 40.0))["speed"]
    assert speed == pytest.approx(np.full(len(times), 40 / 30), rel=0.05)


def test_one_box_has_sizes_but_no_motion() -> None:
    measures = measure_tracks([0.0], [[1, 2, 10, 30]])
    assert measures["height"][0] == 30
    assert np.isnan(measures["speed"][0])


def test_times_that_do_not_increase_are_refused() -> None:
    with pytest.raises(ValueError, match="increase"):
        measure_tracks([0.0, 0.0], np.ones((2, 4)))


def test_single_false_matches_do_not_show_in_the_speed() -> None:
    times = np.arange(0, 3, 0.1)
    seen = np.tile([0.5, 0.0], (len(times), 1))
    seen[[7, 20]] = [4.0, 1.0]
    seen[12] = np.nan
    assert measure_velocities(times, seen)["speed"] == pytest.approx(np.full(len(times), 0.5), abs=0.05)
