from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ruler.errors import UsageError, VideoError
from ruler.video import Sampling, open_video, write_video

Draw = Callable[..., Any]
Read = Callable[[Any], int]

FORMATS = [
    ("a.mp4", "libx264", {"bf": "3"}),
    ("a.mkv", "libx264", {}),
    ("a.ts", "libx264", {"bf": "2"}),
    ("a.h264", "libx264", {"bf": "2"}),
    ("a.avi", "mpeg4", {}),
    ("b.avi", "mpeg4", {"bf": "2"}),
    ("b.mp4", "mpeg4", {"bf": "2"}),
    ("c.avi", "mjpeg", {}),
]
# The library for decord is an extra; its tests run where it is installed.
decord_installed = pytest.mark.skipif(
    not any(Path(p, "decord").is_dir() for p in sys.path), reason="decord is not installed (the extra [decord])"
)


@pytest.mark.parametrize(("name", "codec", "options"), FORMATS)
def test_every_frame_once_in_order(
    movie: Callable[..., Path], read: Read, name: str, codec: str, options: dict[str, str]
) -> None:
    video = open_video(movie(name, codec=codec, frame_rate=Fraction(30000, 1001), options={"g": "12", **options}))
    for _ in range(2):
        frames = [(frame.index, read(frame.image), frame.time) for frame in video]
        assert [f[:2] for f in frames] == [(i, i) for i in range(40)]
        exact = 1e-9 if not name.endswith("mkv") else 0.001
        assert [f[2] for f in frames] == pytest.approx([i * 1001 / 30000 for i in range(40)], abs=exact)
        assert (video.decoded, video.skipped, video.complete, video.truncated) == (40, (), True, False)
    assert (video.info.width, video.info.height) == (160, 96)
    assert video.info.frame_rate == pytest.approx(30000 / 1001, rel=1e-3)


def test_colours_are_rgb_in_full_range(movie: Callable[..., Path]) -> None:
    for name, codec in (("a.mp4", "libx264"), ("b.mp4", "mpeg4"), ("c.avi", "mjpeg")):
        image = open_video(movie(name, 2, codec=codec, options={})).frame_at(1).image
        assert image.dtype == np.uint8
        assert image[12, 8].tolist() == pytest.approx([255, 0, 0], abs=24)
        assert image[4, 4].tolist() == pytest.approx([255] * 3, abs=8)
        assert image[4, 60].tolist() == pytest.approx([0] * 3, abs=8)


def test_variable_frame_rate_keeps_presentation_times(tmp_path: Path, draw: Draw, read: Read) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.54, 1.5, 1.52, 2.0]
    path = write_video(tmp_path / "v.mp4", (draw(i) for i in range(8)), 25, times=times)
    video = open_video(path)
    assert [read(f.image) for f in video] == list(range(8))
    assert video.times.tolist() == pytest.approx(times, abs=1e-4)
    assert [f.index for f in open_video(path, every=Sampling(seconds=0.5))] == [0, 3, 5, 7]


def test_a_given_frame_rate_replaces_the_timestamps(movie: Callable[..., Path]) -> None:
    video = open_video(movie(count=5), frame_rate=2)
    assert [f.time for f in video] == [0, 0.5, 1, 1.5, 2]
    assert video.info.frame_rate == 2


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied(movie: Callable[..., Path], draw: Draw, rotation: int) -> None:
    video = open_video(movie(count=3, rotation=rotation))
    image = video.frame_at(2).image
    upright = np.rot90(draw(2), rotation // 90)
    assert (video.info.height, video.info.width) == image.shape[:2] == upright.shape[:2]
    assert np.abs(image.astype(int) - upright).mean() < 12


def test_mirrored_display_matrix_is_applied(tmp_path: Path, draw: Draw) -> None:
    path = tmp_path / "m.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 96, 160, "yuv420p"
        stream.set_display_rotation(90, hflip=True)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(5), format="rgb24")))
        container.mux(stream.encode(None))
    image = open_video(path).frame_at(0).image
    assert np.abs(image.astype(int) - np.rot90(draw(5))[:, ::-1]).mean() < 12


@pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mjpeg"])
def test_odd_sizes_are_kept(movie: Callable[..., Path], read: Read, codec: str) -> None:
    video = open_video(movie("o.mkv", 5, size=(241, 353), codec=codec))
    assert (video.info.width, video.info.height) == (353, 241)
    assert [(read(f.image), f.image.shape) for f in video] == [(i, (241, 353, 3)) for i in range(5)]


def test_grey_video_has_three_equal_channels(tmp_path: Path, draw: Draw) -> None:
    path = write_video(tmp_path / "g.mp4", (draw(i, grey=True) for i in range(3)))
    image = open_video(path).frame_at(2).image
    assert image.shape == (96, 160, 3)
    assert np.ptp(image.astype(int), axis=2).max() <= 2


def test_wall_clock_start(movie: Callable[..., Path]) -> None:
    made = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    path = movie(count=2, creation_time=made)
    assert open_video(path).info.start == made
    other = datetime(2020, 1, 1)
    assert open_video(path, start=other).info.start == other
    assert open_video(movie("n.mp4", 2)).info.start is None


def test_a_size_that_changes_within_a_file_is_scaled_to_the_first(tmp_path: Path, draw: Draw, read: Read) -> None:
    parts = []
    for number, size in enumerate([(96, 160), (192, 320)]):
        part = write_video(tmp_path / f"{number}.h264", (draw(i, *size) for i in range(5)), options={"bf": "0"})
        parts.append(part.read_bytes())
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(parts))
    video = open_video(path)
    images = [f.image for f in video]
    assert [image.shape for image in images] == [(96, 160, 3)] * 10
    assert read(images[4]) == 4
    assert "changes its size" in " ".join(video.notes)


def test_an_address_is_refused() -> None:
    with pytest.raises(VideoError, match="an address"):
        open_video("https://example.org/a.mp4")


def test_unusual_file_names(tmp_path: Path, draw: Draw) -> None:
    for name in ("north:gate 1.mp4", "夜 ä%03d.mp4", "a#b?c.mp4", "file.with.dots.mp4"):
        video = open_video(write_video(tmp_path / name, [draw(0)]))
        assert len(list(video)) == 1
        assert video.info.name == name[:-4]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.h264"])
@pytest.mark.parametrize("gone_through", [False, True])
def test_random_access_is_exact(movie: Callable[..., Path], read: Read, name: str, gone_through: bool) -> None:
    video = open_video(movie(name, 60, options={"g": "10", "bf": "2"}))
    if gone_through:
        assert len(list(video)) == 60
        whole = {f.index: f for f in video}
        for frame in video.frames_at([59, 0, 7, 8, 31, 31, 30, 10, 49]):
            np.testing.assert_array_equal(frame.image, whole[frame.index].image)
            assert frame.time == whole[frame.index].time
    assert [(f.index, read(f.image)) for f in video.frames_at([59, 0, 7, 8, 31, 31, 30, 10, 49])] == [
        (i, i) for i in (0, 7, 8, 10, 30, 31, 49, 59)
    ]
    assert read(video.frame_at(43).image) == 43
    with pytest.raises(VideoError, match="there is no frame 60"):
        video.frame_at(60)
    with pytest.raises(VideoError, match="there is no frame -1"):
        video.frame_at(-1)


def test_seeking_decodes_less_than_the_whole(movie: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    video = open_video(movie(count=100, options={"g": "10"}))
    list(video)
    monkeypatch.setattr(type(video._source), "slots", lambda self: pytest.fail("decoded from the start"))
    assert video.frame_at(95).index == 95


def test_a_pass_left_early_is_not_complete(movie: Callable[..., Path]) -> None:
    video = open_video(movie())
    for frame in video:
        if frame.index == 4:
            break
    assert (video.decoded, video.complete) == (5, False)
    assert len(list(video)) == 40
    assert video.complete


def test_a_closed_video_gives_no_more_frames(movie: Callable[..., Path]) -> None:
    with open_video(movie()) as video:
        frames = iter(video)
        next(frames)
    with pytest.raises(StopIteration):
        next(frames)
    with pytest.raises(VideoError, match="closed"):
        iter(video)


def test_few_pictures_are_alive_at_once(tmp_path: Path) -> None:
    path = write_video(tmp_path / "l.mp4", (np.full((240, 320, 3), i % 256, np.uint8) for i in range(200)))
    images: list[weakref.ref[Any]] = []
    decoded, given = [], []
    for frame in open_video(path):
        images.append(weakref.ref(frame.image))
        given.append(sum(image() is not None for image in images))
        if frame.index % 40 == 20:
            gc.collect()
            decoded.append(sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects()))
    assert len(given) == 200
    assert 1 <= max(given) <= 2
    assert 1 <= max(decoded) < 8


@decord_installed
@pytest.mark.parametrize(
    ("name", "codec", "rate", "rotation"),
    [("a.mp4", "libx264", Fraction(30000, 1001), 0), ("a.avi", "mpeg4", 25, 0), ("r.mp4", "libx264", 25, 90)],
)
def test_decord_gives_the_same_frames(
    movie: Callable[..., Path], name: str, codec: str, rate: Fraction, rotation: int
) -> None:
    path = movie(name, codec=codec, frame_rate=rate, rotation=rotation)
    one, other = open_video(path), open_video(path, reader="decord")
    assert one.info == other.info
    pairs = list(zip(one, other, strict=True))
    assert len(pairs) == 40
    for a, b in pairs:
        assert (a.index, a.time) == (b.index, b.time)
        assert np.abs(a.image.astype(int) - b.image).mean() < 2
    assert [f.index for f in other.frames_at([30, 3])] == [3, 30]


@decord_installed
def test_decord_keeps_variable_times(tmp_path: Path, draw: Draw) -> None:
    path = write_video(tmp_path / "v.mp4", (draw(i) for i in range(4)), times=[0, 0.1, 0.5, 0.6], options={"bf": "2"})
    assert [f.time for f in open_video(path, reader="decord")] == [f.time for f in open_video(path)]


def test_decord_missing_is_said(movie: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "decord", None)
    with pytest.raises(UsageError, match=r"video-ruler\[decord\]"):
        open_video(movie(count=2), reader="decord")


def test_unknown_reader_and_rate_are_refused(movie: Callable[..., Path]) -> None:
    path = movie(count=2)
    with pytest.raises(UsageError, match="reader"):
        open_video(path, reader="vlc")  # type: ignore[arg-type]
    for rate in (0, -5, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="frame rate"):
            open_video(path, frame_rate=rate)


def test_real_surveillance_clips(shared_data: Path) -> None:
    for path in sorted((shared_data / "clips" / "fight").glob("*.mp4"))[:3]:
        video = open_video(path, every=Sampling(stride=10))
        indices = [f.index for f in video]
        assert indices == list(range(0, video.decoded, 10))
        assert video.decoded == video.info.frames
        assert (np.diff(video.times) > 0).all()
