"""Opening a video file safely and quietly. In: a path. Out: an open stream, what it says (`Facts`, `Turn`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from ruler.errors import VideoError
from ruler.schema import Picture
from ruler.video.source import ASSUMED_RATE

# Containers and elementary streams that hold nothing but themselves, audio too (to say so). A playlist (HLS, DASH,
# concat) dressed up as a video would make the library open other files and addresses.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,vvc,av1,obu,ivf,flv,asf,ogg,m4v,"
    "mjpeg,mxf,gif,apng,dv,nut,yuv4mpegpipe,wtv,vob,dhav,amv,rm,h261,h263,mp3,wav,flac,aac"
)
_RAW_FORMATS = frozenset({"h264", "hevc", "vvc", "m4v", "mjpeg", "obu", "h261", "h263"})
_EXACT_SEEK = ("mov", "matroska")
_MAX_RATE = 1000
_MAX_THREADS = 4
CUT_SHORT = "is it cut short or still being written? copy it again, or try `ffmpeg -i IN -c copy OUT`"
READ_ERRORS = (av.FFmpegError, ValueError)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a container says of its video stream, copied while it is open (afterwards the library returns garbage).

    Attributes:
        time_base: seconds per unit of the timestamps.
        rate: frames per second, the mean where it varies.
        rate_known: False where the rate is assumed.
        frames: number of frames the container declares; None where it does not.
        duration: seconds the container declares for this stream; None where it does not.
        created: wall-clock time of the recording; None where unknown.
        seekable: whether the container finds key frames by their timestamps exactly.
    """

    time_base: Fraction
    rate: Fraction
    rate_known: bool
    frames: int | None
    duration: Fraction | None
    created: datetime | None
    seekable: bool


def check_file(path: Path) -> None:
    """Refuse what is no readable file with something in it.

    Raises:
        VideoError: missing, a folder, not readable, or empty.
    """
    try:
        if path.is_dir():
            raise VideoError("a folder, not a file", where=path, hint="give the video file in it")
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise VideoError("no such file or folder", where=path, hint="check the path") from None
    except PermissionError:
        raise VideoError(
            "no permission to read it", where=path, hint="change its permissions, e.g. `chmod a+r`"
        ) from None
    except OSError as error:
        raise VideoError(
            f"it cannot be read ({error.strerror})", where=path, hint="check the disk and the path"
        ) from error
    if empty:
        raise VideoError("the file is empty (0 bytes)", where=path, hint="copy or record it again")


@contextmanager
def open_stream(path: Path, *, threaded: bool = False) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video stream, closed on leaving.

    Args:
        path: the file.
        threaded: decode several frames at once; faster, but errors are reported late and frames behind an error may be
            lost.

    Raises:
        VideoError: no readable file, no video file, or no video stream in it that can be decoded.
    """
    check_file(path)
    try:
        # The prefix keeps a colon in a name from being taken as a protocol.
        container = av.open(
            f"file:{path}",
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
        )
    except READ_ERRORS as error:
        raise VideoError(_why_not_open(path), where=path, hint=_how_to_open(path)) from error
    with container:
        stream = _video_stream(container, path)
        if threaded:
            stream.codec_context.thread_count = min(_MAX_THREADS, os.cpu_count() or 1)
            stream.thread_type = "AUTO"
        else:
            stream.codec_context.thread_count = 1
        yield container, stream


def _why_not_open(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if b"ftyp" in head[:16]:
        return "the file has no index of its frames (moov)"
    if head and b"\0" not in head and all(byte >= 9 for byte in head):
        return "a text file, not a video"
    return "not a video file, or its head is damaged"


def _how_to_open(path: Path) -> str:
    return CUT_SHORT if "moov" in _why_not_open(path) else "check it with `ffprobe`, or convert it to MP4"


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    streams = [s for s in container.streams.video if not Disposition(s.disposition) & Disposition.attached_pic]
    if not streams:
        kinds = sorted({s.type for s in container.streams})
        held = f"only {' and '.join(kinds)}" if kinds else "no stream"
        raise VideoError(f"no video in this file, {held}", where=path, hint="give a file with pictures")
    stream = next((s for s in streams if s.codec_context is not None), None)
    if stream is None:
        raise VideoError(
            "the video is coded in a way that cannot be decoded here", where=path, hint="convert it to H.264"
        )
    return stream


def read_facts(container: InputContainer, stream: VideoStream) -> Facts:
    """What the open container says of the stream."""
    names = (container.format.name or "").split(",")
    raw = names[0] in _RAW_FORMATS
    rate = next((r for r in _rates(stream, raw) if r and 0 < r <= _MAX_RATE), None)
    base = stream.time_base or Fraction(1, 90000)
    duration = stream.duration * base if stream.duration else None
    if duration is None and container.duration and len(container.streams) == 1:
        duration = Fraction(container.duration, av.time_base)
    return Facts(
        time_base=base,
        rate=rate or ASSUMED_RATE,
        rate_known=rate is not None,
        frames=stream.frames or None,
        duration=duration,
        created=_created(container.metadata, stream.metadata),
        seekable=names[0] in _EXACT_SEEK,
    )


def _rates(stream: VideoStream, raw: bool) -> list[Fraction | None]:
    """Candidates, best first. For bare coded pictures the library invents 25: only the coded rate counts there."""
    coded = stream.codec_context.framerate
    return [coded] if raw else [stream.average_rate, stream.guessed_rate, coded]


def _created(*metadata: dict[str, str]) -> datetime | None:
    for entries in metadata:
        text = entries.get("creation_time") or entries.get("com.apple.quicktime.creationdate")
        try:
            time = datetime.fromisoformat(text) if text else None
        except ValueError:
            continue
        if time is not None and time.year > 1970:  # cameras without a clock write the epoch, 1904 or 1970
            return time if time.tzinfo else time.replace(tzinfo=UTC)
    return None


@dataclass(frozen=True, slots=True)
class Turn:
    """How stored pictures become upright: rows and columns swapped first, then mirrored.

    Attributes:
        swapped: rows become columns.
        mirrored: left becomes right.
        flipped: top becomes bottom.
    """

    swapped: bool = False
    mirrored: bool = False
    flipped: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> Turn:
        """The turn that a frame's display matrix asks for, to the nearest quarter."""
        data = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        a, b, _, c, d = np.frombuffer(cast(bytes, data), dtype=np.int32)[:5].astype(np.int64)
        # x' = a x + c y, y' = b x + d y
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(swapped=True, mirrored=bool(c < 0), flipped=bool(b < 0))
        return cls(mirrored=bool(a < 0), flipped=bool(d < 0))

    def apply(self, picture: Picture) -> Picture:
        """The upright picture; the same array where nothing is to be done."""
        if not (self.swapped or self.mirrored or self.flipped):
            return picture
        turned = picture.transpose(1, 0, 2) if self.swapped else picture
        return np.ascontiguousarray(turned[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1])
