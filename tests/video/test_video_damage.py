from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ruler.errors import VideoError
from ruler.video import open_video, write_video

Draw = Callable[..., Any]
Read = Callable[[Any], int]


def damage(path: Path, number: int, *, keep: int = 0) -> None:
    """Overwrites the packet of this number, in the order of the file, from the byte `keep` on."""
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][number]
        assert packet.pos is not None
        start, end = packet.pos + keep, packet.pos + packet.size
    data = bytearray(path.read_bytes())
    data[start:end] = bytes(end - start)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "codec"), [("d.mp4", "libx264"), ("d.avi", "mpeg4"), ("d2.mp4", "mpeg4"), ("d.avi", "mjpeg")]
)
@pytest.mark.parametrize("number", [17, 38])
def test_a_corrupt_frame_is_skipped_and_the_rest_keep_their_places(
    movie: Callable[..., Path], read: Read, name: str, codec: str, number: int
) -> None:
    path = movie(name, codec=codec, options={"g": "1"} if codec != "libx264" else {"g": "1", "bf": "0"})
    damage(path, number)
    video = open_video(path)
    frames = [(f.index, read(f.image), f.time) for f in video]
    good = [i for i in range(40) if i != number]
    assert [f[:2] for f in frames] == [(i, i) for i in good]
    assert [f[2] for f in frames] == pytest.approx([i / 25 for i in good])
    assert (video.decoded, video.skipped, video.complete) == (39, (number,), True)
    assert len(video.times) == 40
    assert any(f"1 of 40 frames is corrupt and was skipped: {number}" in note for note in video.notes)
    with pytest.raises(VideoError, match=f"frame {number} is corrupt"):
        video.frame_at(number)
    assert read(video.frame_at(number + 1).image) == number + 1


def test_a_corrupt_frame_among_b_frames_costs_one_place(movie: Callable[..., Path], read: Read) -> None:
    path = movie(count=60, options={"g": "10", "bf": "2", "x264-params": "open-gop=0:scenecut=0"})
    damage(path, 32)
    video = open_video(path)
    frames = [(f.index, read(f.image), f.time) for f in video]
    assert len(frames) == video.decoded == 60 - len(video.skipped) < 60
    assert 30 <= video.skipped[0] < 40
    assert video.times.tolist() == pytest.approx([i / 25 for i in range(60)])
    assert [f[:2] for f in frames if f[0] < 30 or f[0] >= 40] == [(i, i) for i in range(60) if i < 30 or i >= 40]


def test_damage_at_the_end_loses_no_frame_behind_it(movie: Callable[..., Path]) -> None:
    path = movie(count=60, options={"g": "10", "bf": "2"})
    damage(path, 57)
    video = open_video(path)
    assert len(list(video)) == 59
    assert len(video.skipped) == 1


@pytest.mark.parametrize(("name", "codec"), [("t.avi", "mpeg4"), ("t.mkv", "libx264"), ("t.avi", "mjpeg")])
def test_a_truncated_file_gives_what_it_holds_and_says_so(
    movie: Callable[..., Path], read: Read, name: str, codec: str
) -> None:
    path = movie(name, 100, codec=codec, frame_rate=10, options={"g": "5", "bf": "0"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = open_video(path)
    assert not video.truncated  # not known before the end is reached
    numbers = [(f.index, read(f.image)) for f in video]
    assert 20 < len(numbers) < 80
    assert numbers == [(i, i) for i in range(len(numbers))]
    assert video.truncated
    assert any("cut short" in note for note in video.notes)


def test_truncated_mp4_with_its_index_in_front(tmp_path: Path, draw: Draw, read: Read) -> None:
    path = tmp_path / "f.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 96, 160, "yuv420p"
        for i in range(100):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(i), format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    video = open_video(path)
    assert video.info.frames == 100
    numbers = [read(f.image) for f in video]
    assert numbers == list(range(len(numbers)))
    assert video.truncated
    assert "declares 100 frames" in " ".join(video.notes)


def bad_files(folder: Path) -> Iterator[tuple[Path, str]]:
    yield folder / "missing.mp4", "no such file"
    for name, data, word in (
        ("empty.mp4", b"", "empty"),
        ("noise.mp4", np.random.default_rng(0).bytes(50_000), "not a video file"),
        ("text.mp4", b"a letter, not a film\n" * 500, "text file"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n", "text file"),
        ("concat.mp4", b"ffconcat version 1.0\nfile other.mp4\n", "text file"),
    ):
        path = folder / name
        path.write_bytes(data)
        yield path, word
    with av.open(str(folder / "sound.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        for i in range(20):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            sound.rate, sound.pts = 8000, i * 1024
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    yield folder / "sound.m4a", "only audio"
    whole = write_video(folder / "whole.mp4", (np.full((64, 64, 3), i, np.uint8) for i in range(20))).read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    yield folder / "cut.mp4", "no index"
    whole = write_video(folder / "whole.avi", [np.zeros((64, 64, 3), np.uint8)] * 20, codec="mpeg4").read_bytes()
    (folder / "head.avi").write_bytes(whole[: whole.index(b"movi") + 4])
    yield folder / "head.avi", "no frame could be decoded"


def test_bad_files_are_one_clear_line_and_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for path, word in bad_files(tmp_path):
        with pytest.raises(VideoError) as caught:
            open_video(path)
        line = str(caught.value)
        assert word in line, line
        assert str(path) in line
        assert caught.value.hint
        assert "\n" not in line
    assert capfd.readouterr().err == ""


def test_damage_makes_no_noise(movie: Callable[..., Path], capfd: pytest.CaptureFixture[str]) -> None:
    path = movie()
    damage(path, 20)
    list(open_video(path))
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="file permissions as on POSIX")
def test_a_file_without_permission(draw: Draw) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = write_video(Path(folder, "a.mp4"), [draw(0)])
        path.chmod(0)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # nothing is forbidden to root
            with pytest.raises(VideoError, match="no permission"):
                open_video(path)
        finally:
            os.seteuid(user)
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
