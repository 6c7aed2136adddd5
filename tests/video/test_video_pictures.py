from __future__ import annotations

import weakref
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ruler.errors import VideoError
from ruler.video import Sampling, open_video

Draw = Callable[..., Any]
Read = Callable[[Any], int]


@pytest.fixture
def folder(tmp_path: Path, draw: Draw) -> Callable[..., Path]:
    """Makes a folder of pictures 0.png, 1.png, … that carry their number."""

    def make(count: int = 12, suffix: str = ".png") -> Path:
        path = tmp_path / "frames"
        path.mkdir()
        for i in range(count):
            Image.fromarray(draw(i)).save(path / f"{i}{suffix}")
        return path

    return make


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".tif", ".tiff", ".bmp"])
def test_pictures_in_natural_order(folder: Callable[..., Path], read: Read, suffix: str) -> None:
    video = open_video(folder(suffix=suffix), frame_rate=10)
    assert [(f.index, read(f.image), f.time) for f in video] == [(i, i, i / 10) for i in range(12)]
    assert (video.info.name, video.info.width, video.info.height, video.info.frames) == ("frames", 160, 96, 12)
    assert video.info.frame_rate_known
    assert video.notes == ()


def test_the_frame_rate_is_assumed_where_none_is_given(folder: Callable[..., Path]) -> None:
    video = open_video(folder(3), start=datetime(2026, 1, 1))
    assert (video.info.frame_rate, video.info.frame_rate_known) == (25, False)
    assert [f.time for f in video] == pytest.approx([0, 0.04, 0.08])
    assert video.info.start == datetime(2026, 1, 1)
    assert "assumed" in video.notes[0]


def test_other_files_are_left_out(folder: Callable[..., Path]) -> None:
    path = folder(3)
    for name in ("Thumbs.db", ".DS_Store", "._1.png", ".hidden.png", "notes.txt"):
        (path / name).write_bytes(b"no picture")
    (path / "sub.png").mkdir()
    video = open_video(path)
    assert len(list(video)) == 3
    assert video.skipped == ()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("harm", ["empty", "noise", "cut"])
@pytest.mark.parametrize("number", [0, 5, 11])
def test_a_broken_picture_is_skipped(
    folder: Callable[..., Path], read: Read, capfd: pytest.CaptureFixture[str], suffix: str, harm: str, number: int
) -> None:
    path = folder(suffix=suffix)
    file = path / f"{number}{suffix}"
    data = file.read_bytes()
    file.write_bytes({"empty": b"", "noise": b"x" * 1000, "cut": data[: len(data) * 2 // 3]}[harm])
    video = open_video(path, frame_rate=10)
    good = [i for i in range(12) if i != number]
    assert [(f.index, read(f.image), f.time) for f in video] == [(i, i, i / 10) for i in good]
    assert (video.decoded, video.skipped, video.complete) == (11, (number,), True)
    assert len(video.times) == 12
    assert f"1 of 12 frames is corrupt and was skipped: {number}" in video.notes
    with pytest.raises(VideoError, match=f"frame {number} is corrupt"):
        video.frame_at(number)
    assert capfd.readouterr().err == ""


def test_the_next_good_picture_stands_in_for_a_broken_one(folder: Callable[..., Path]) -> None:
    path = folder()
    data = (path / "4.png").read_bytes()
    (path / "4.png").write_bytes(data[: len(data) // 2])
    assert [f.index for f in open_video(path, every=Sampling(stride=4))] == [0, 5, 8]


def test_mixed_sizes_name_the_first_two_files(folder: Callable[..., Path], draw: Draw) -> None:
    path = folder()
    Image.fromarray(draw(3, 50, 120)).save(path / "3.png")
    with pytest.raises(VideoError, match=r"0\.png is 160×96, 3\.png is 120×50"):
        open_video(path)


def test_folders_without_a_readable_picture(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        open_video(tmp_path / "none")
    with pytest.raises(VideoError, match="no picture in this folder"):
        open_video(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(VideoError, match="none of the 1 pictures can be read"):
        open_video(tmp_path)
    (tmp_path / "b.mp4").write_bytes(b"")
    with pytest.raises(VideoError, match=r"a folder with video files in it \(b\.mp4\)"):
        open_video(tmp_path)


def test_all_pictures_broken_behind_their_heads(folder: Callable[..., Path]) -> None:
    path = folder(2)
    for file in path.iterdir():
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
    with pytest.raises(VideoError, match="none of the 2 frames can be decoded"):
        list(open_video(path))


def pictures_of_every_kind() -> dict[str, tuple[Image.Image, Any]]:
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (16, 1))
    grey = np.repeat(ramp[:, :, None], 3, axis=2)
    colour = np.stack([ramp, ramp[:, ::-1], np.full_like(ramp, 200)], axis=2)
    alpha = np.dstack([colour, np.full_like(ramp, 128)])
    few = (colour // 64) * 64
    return {
        "grey.png": (Image.fromarray(ramp), grey),
        "grey.jpg": (Image.fromarray(ramp), grey),
        "sixteen.png": (Image.fromarray(ramp.astype(np.uint16) * 257), grey),
        "sixteen.tif": (Image.fromarray(ramp.astype(np.uint16) * 257), grey),
        "alpha.png": (Image.fromarray(alpha), colour),
        "grey_alpha.png": (Image.fromarray(np.dstack([ramp, ramp])), grey),
        "palette.png": (Image.fromarray(few).quantize(64), few),
        "palette.bmp": (Image.fromarray(few).quantize(64), few),
        "two.png": (Image.fromarray(ramp > 127), np.where(grey > 127, 255, 0)),
        "print.jpg": (Image.fromarray(colour).convert("CMYK"), colour),
    }


@pytest.mark.parametrize("name", sorted(pictures_of_every_kind()))
def test_every_kind_of_picture_becomes_rgb(tmp_path: Path, name: str) -> None:
    picture, wanted = pictures_of_every_kind()[name]
    picture.save(tmp_path / name)
    image = open_video(tmp_path).frame_at(0).image
    assert image.dtype == np.uint8
    assert image.shape == (16, 64, 3)
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - wanted).mean() < (4 if name.endswith("jpg") else 0.5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, draw: Draw, orientation: int) -> None:
    upright = draw(77)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright[::-1], 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.jpg", "b.png"):
        Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / name, exif=exif)
    video = open_video(tmp_path)
    assert (video.info.width, video.info.height) == (160, 96)
    for frame in video:
        assert np.abs(frame.image.astype(int) - upright).mean() < 10


def test_names_that_are_not_ascii(tmp_path: Path, draw: Draw, read: Read) -> None:
    path = tmp_path / "夜の café"
    path.mkdir()
    Image.fromarray(draw(5)).save(path / "画像 1.jpg")
    video = open_video(path)
    assert [read(f.image) for f in video] == [5]
    assert video.info.name == "夜の café"


def test_a_folder_holds_one_picture_at_a_time(folder: Callable[..., Path]) -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0
    for frame in open_video(folder(30), every=Sampling(motion=0.001)):
        alive.append(weakref.ref(frame.image))
        most = max(most, sum(image() is not None for image in alive))
    assert most in (1, 2)


def test_random_access_in_a_folder(folder: Callable[..., Path], read: Read) -> None:
    video = open_video(folder())
    assert [(f.index, read(f.image)) for f in video.frames_at([7, 2, 7])] == [(2, 2), (7, 7)]
    with pytest.raises(VideoError, match="there is no frame 12"):
        video.frame_at(12)


def test_arrays_are_handed_out_without_copying(draw: Draw, read: Read) -> None:
    pictures = np.stack([draw(i) for i in range(6)])
    video = open_video(pictures, name="scene", frame_rate=5)
    assert (video.info.name, video.info.source, video.info.frames) == ("scene", "array", 6)
    for _ in range(2):
        for i, frame in enumerate(video):
            assert (frame.index, read(frame.image), frame.time) == (i, i, i / 5)
            assert np.shares_memory(frame.image, pictures)
            assert not frame.image.flags.writeable
    assert pictures.flags.writeable
    assert read(video.frame_at(4).image) == 4


@pytest.mark.parametrize("make", [np.stack, list, tuple])
def test_grey_arrays_and_sequences(draw: Draw, make: Callable[[list[Any]], Any]) -> None:
    pictures = [draw(i, grey=True) for i in range(4)]
    frames = list(open_video(make(pictures)))
    assert [f.image.shape for f in frames] == [(96, 160, 3)] * 4
    np.testing.assert_array_equal(frames[3].image[:, :, 1], pictures[3])


@pytest.mark.parametrize(
    ("pictures", "word"),
    [
        (np.zeros((0, 4, 4, 3), np.uint8), "no picture"),
        ([], "no picture"),
        (np.zeros((4, 4, 3), np.uint8), "is one picture"),
        (np.zeros((2, 4, 4, 3), np.float32), "float32, not uint8"),
        (np.zeros((2, 4, 4, 2), np.uint8), "shape"),
        ([np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)], "different sizes: 0 is 4×4, 1 is 5×4"),
        ([[1, 2], [3, 4]], "not uint8"),
    ],
)
def test_arrays_that_are_no_video(pictures: Any, word: str) -> None:
    with pytest.raises(VideoError, match=word):
        open_video(pictures)


def test_public_frames(shared_data: Path) -> None:
    video = open_video(shared_data / "ped2" / "training" / "frames" / "01", frame_rate=10)
    assert [f.index for f in video] == list(range(120))
    assert (video.info.width, video.info.height) == (360, 240)
