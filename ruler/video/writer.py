"""`write_video`: pictures become a video file, for the demo and the tests. The same pictures give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ruler.errors import VideoError
from ruler.video.source import exact_rate

_FINE = 90_000
"""Units per second of the timestamps where times are given: divisible by the common frame rates."""

# x264 with its macroblock tree or weighted prediction gives small pictures other bytes from run to run; x265 talks.
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "libx264": {"x264-params": "mbtree=0:weightp=0"},
    "libx265": {"x265-params": "log-level=none"},
}


def write_video(
    path: str | Path,
    frames: Iterable[NDArray[np.uint8]],
    frame_rate: float | Fraction = 25,
    *,
    codec: str = "libx264",
    times: Sequence[float] | None = None,
    creation_time: datetime | None = None,
    rotation: int = 0,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Encode pictures as a video file.

    Args:
        path: file to write, replaced where it exists; its suffix names the container (.mp4, .mkv, .avi, …).
        frames: H×W×3 RGB or H×W grey uint8 pictures of one size; consumed one by one. H.264 halves the colour's
            resolution only where width and height are even; other sizes keep it, so that no row or column is added or
            lost.
        frame_rate: frames per second; 29.97 means 30000/1001.
        codec: encoder, as PyAV names it ("libx264", "mpeg4", "mjpeg", "libx265", …).
        times: presentation time of each frame in seconds, strictly increasing: a variable frame rate. Containers round
            to their own units.
        creation_time: wall-clock time of the first frame, for the container's metadata; one without a time zone is
            taken as UTC.
        rotation: degrees counter-clockwise that a player turns the stored pictures by: 0, 90, 180 or 270.
        options: of the encoder ({"crf": "18", "bf": "2"}).

    Returns:
        The path.

    Raises:
        UsageError: a frame rate that is not over 0.
        VideoError: no frame, frames of two sizes, fewer times than frames, or a path or codec that cannot be written.
    """
    path = Path(path)
    rate = exact_rate(frame_rate)
    pictures = iter(frames)
    first = next(pictures, None)
    if first is None:
        raise VideoError("there is no frame to write", where=path, hint="give at least one")
    try:
        # The prefix keeps a colon in a name from being taken as a protocol.
        with av.open(f"file:{path}", "w", container_options={"fflags": "+bitexact"}) as container:
            if creation_time is not None:
                container.metadata["creation_time"] = _utc(creation_time)
            stream = _add_stream(container, codec, rate, first, {**_OPTIONS.get(codec, {}), **(options or {})})
            stream.time_base = 1 / rate if times is None else Fraction(1, _FINE)
            stream.codec_context.time_base = stream.time_base
            if rotation % 360:
                stream.set_display_rotation(rotation % 360)
            for index, picture in enumerate(_same_size(first, pictures, path)):
                frame = _frame(picture, stream.pix_fmt)
                frame.time_base = stream.codec_context.time_base
                frame.pts = index if times is None else _stamp(times, index, path)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except (av.FFmpegError, OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(
            f"the video cannot be written ({reason})", where=path, hint="check the folder, the suffix and the codec"
        ) from error
    return path


def _add_stream(
    container: OutputContainer, codec: str, rate: Fraction, first: NDArray[np.uint8], options: dict[str, str]
) -> VideoStream:
    stream = container.add_stream(codec, rate=rate, options=options)
    if not isinstance(stream, VideoStream):
        raise ValueError(f"{codec} does not encode pictures")
    stream.height, stream.width = first.shape[:2]
    even = first.shape[0] % 2 == 0 and first.shape[1] % 2 == 0
    if codec == "mjpeg":
        stream.pix_fmt = "yuvj420p"
    else:
        stream.pix_fmt = "yuv420p" if even or not codec.startswith("libx26") else "yuv444p"
    stream.codec_context.thread_count = 1  # the bytes may depend on the number of threads
    return stream


def _same_size(first: NDArray[np.uint8], rest: Iterator[NDArray[np.uint8]], path: Path) -> Iterator[NDArray[np.uint8]]:
    yield first
    for index, picture in enumerate(rest, start=1):
        if picture.shape != first.shape:
            raise VideoError(
                f"frame {index} has the shape {picture.shape}, frame 0 {first.shape}",
                where=path,
                hint="give frames of one size",
            )
        yield picture


def _frame(picture: NDArray[np.uint8], pix_fmt: str | None) -> VideoFrame:
    stored = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray" if picture.ndim == 2 else "rgb24")
    return stored.reformat(format=pix_fmt, threads=1)


def _stamp(times: Sequence[float], index: int, path: Path) -> int:
    if index >= len(times):
        raise VideoError(f"{len(times)} times for more frames", where=path, hint="give one time for each frame")
    if index and times[index] <= times[index - 1]:
        raise VideoError(
            f"the time of frame {index} is not after that of the frame before", where=path, hint="give times in order"
        )
    return round(times[index] * _FINE)


def _utc(time: datetime) -> str:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
