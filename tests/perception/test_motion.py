from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from ruler.perception.motion import MotionPerceiver, SceneGeometry, render_caption
from ruler.schema import Box, CameraState, Frame, Observation, TrackedObject, VideoInfo

WIDTH, HEIGHT, RATE = 320, 240, 10.0
Change = Callable[[int, np.ndarray], np.ndarray]


def backdrop(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(60, 200, (30, 40)).astype(np.uint8)
    grown = cv2.resize(coarse, (WIDTH + 80, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(grown, (0, 0), 1.2).astype(np.float32)


def video(
    frames: int,
    people: list[tuple[float, float, float, int]] | None = None,
    change: Change | None = None,
    rate: float = RATE,
) -> Iterator[Frame]:
    """People are (start x, body heights per second, height, foot row)."""
    noise, scene = np.random.default_rng(1), backdrop()[:, :WIDTH]
    for i in range(frames):
        picture = scene.copy()
        for start, speed, height, foot in people or []:
            x = start + speed * height * i / rate
            middle, size = (round(x * 16), round((foot - height / 2) * 16)), (round(height * 3.2), round(height * 8))
            cv2.ellipse(picture, middle, size, 0, 0, 360, 15, -1, cv2.LINE_8, 4)
        if change is not None:
            picture = change(i, picture)
        picture = np.clip(picture + noise.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)
        yield Frame(i, i / rate, np.repeat(picture[..., None], 3, axis=2))


def watch(frames: Iterator[Frame], geometry: SceneGeometry | None = None, rate: float = RATE) -> list[Observation]:
    info = VideoInfo("made", "array", WIDTH, HEIGHT, rate)
    return list(MotionPerceiver(geometry=geometry).observe(info, frames))


@pytest.mark.parametrize(("height", "foot"), [(30, 110), (70, 220)])
@pytest.mark.parametrize("rate", [10.0, 25.0])
def test_a_walker_has_the_speed_it_walks_with_near_and_far(height: int, foot: int, rate: float) -> None:
    speed = 0.8
    seen = watch(video(round(4 * rate), [(20, speed, height, foot)], rate=rate), rate=rate)
    middle = [one for o in seen[len(seen) // 4 : -len(seen) // 4] for one in o.objects]
    assert len(middle) >= 0.9 * len(seen) / 2
    assert np.median([one.measures["speed"] for one in middle]) == pytest.approx(speed, rel=0.15)
    assert len({one.track_id for one in middle}) == 1


def test_two_people_crossing_keep_their_ids() -> None:
    seen = watch(video(60, [(20, 1.0, 40, 150), (300, -1.0, 40, 158)]), SceneGeometry(40, 0.0))
    sides = [sorted((one.box.x, one.track_id) for one in seen[i].objects) for i in (8, 52)]
    assert [len(side) for side in sides] == [2, 2]
    assert [track for _, track in sides[0]] == [track for _, track in sides[1]][::-1]


@pytest.mark.parametrize("end", [0.6, 1.35])
def test_a_lamp_or_a_cloud_is_no_crowd(end: float) -> None:
    step: Change = lambda i, p: p * (end if i >= 30 else 1.0)  # noqa: E731
    ramp: Change = lambda i, p: p * (1 + (end - 1) * np.clip((i - 25) / 20, 0, 1))  # noqa: E731
    for change in (step, ramp):
        seen = watch(video(60, change=change))
        assert {o.camera for o in seen} == {CameraState.OK}
        assert max(len(o.objects) for o in seen) == 0


def covered(picture: np.ndarray) -> np.ndarray:
    return np.full_like(picture, 90.0)


def turned(picture: np.ndarray) -> np.ndarray:
    return backdrop(7)[:, :WIDTH]


def blurred(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), 6.0)


def dark(picture: np.ndarray) -> np.ndarray:
    return picture * 0.02


@pytest.mark.parametrize(
    ("spoil", "state"),
    [
        (covered, CameraState.BLOCKED),
        (turned, CameraState.MOVED),
        (blurred, CameraState.DEFOCUSED),
        (dark, CameraState.DARK),
    ],
)
def test_a_spoilt_view_is_said_and_recovers(spoil: Callable[[np.ndarray], np.ndarray], state: CameraState) -> None:
    seen = watch(video(80, [(20, 0.5, 40, 150)], lambda i, p: spoil(p) if 35 <= i < 55 else p))
    assert {o.camera for o in seen[:35]} == {CameraState.OK}
    assert {o.camera for o in seen[35:55]} == {state}
    assert all(not o.objects and o.caption for o in seen[35:55])
    assert {o.camera for o in seen[56:]} == {CameraState.OK}
    assert max(len(o.objects) for o in seen[60:]) <= 2


def test_the_view_of_a_camera_that_stays_turned_becomes_its_view() -> None:
    seen = watch(video(160, change=lambda i, p: turned(p) if i >= 30 else p))
    assert seen[60].camera is CameraState.MOVED
    assert {o.camera for o in seen[140:]} == {CameraState.OK}


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (33, 65), (241, 359)])
@pytest.mark.parametrize("count", [1, 2, 30])
def test_every_frame_of_any_size_gets_its_observation(shape: tuple[int, int], count: int) -> None:
    info = VideoInfo("made", "array", shape[1], shape[0], RATE)
    frames = (Frame(3 * i, 0.3 * i, np.full((*shape, 3), 128, np.uint8)) for i in range(count))
    seen = list(MotionPerceiver().observe(info, frames))
    assert [o.frame for o in seen] == [3 * i for i in range(count)]
    assert all(not o.objects and o.sources == ("motion",) for o in seen)


def test_observations_come_two_seconds_after_their_frames_at_most() -> None:
    taken: list[float] = []

    def tapped() -> Iterator[Frame]:
        for frame in video(80, [(20, 0.5, 40, 150)]):
            taken.append(frame.time)
            yield frame

    info = VideoInfo("made", "array", WIDTH, HEIGHT, RATE)
    late = [taken[-1] - o.time for o in MotionPerceiver().observe(info, tapped())]
    assert max(late) <= 2.6  # a few frames more are decoded ahead


def person(track: int, x: float, **measures: float) -> TrackedObject:
    return TrackedObject(track, Box(x, 10, 10, 30), "object", measures)


def test_captions_read_as_a_person_would_write_them() -> None:
    two = [person(1, 20, speed=3.1, direction=2.0), person(2, 250, speed=0.0)]
    assert render_caption([], (320, 240)) == "Nothing moves in the picture."
    assert (
        render_caption(two[:1], (320, 240)) == "One person-sized object on the left moves right at 3.1 body heights/s."
    )
    assert render_caption(two, (320, 240), {"speed": 1.03}).endswith(
        "on the left, moves right at 3.1 body heights/s, three times the usual pace here."
    )
    assert "frame rate assumed" in render_caption(two, (320, 240), frame_rate_known=False)
