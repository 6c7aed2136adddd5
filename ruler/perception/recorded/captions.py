"""A caption file in (`.txt`: one line per frame; `.jsonl`: one object per caption); its captions by frame out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ruler.errors import RecordError
from ruler.perception.recorded.find import CAPTION_SUFFIXES, read_bytes
from ruler.schema import VideoInfo

MOST_FRAMES = 50_000_000
"""A frame number beyond this (three weeks at 25 frames per second) is a mistake, and would exhaust the memory."""


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """One caption of a file.

    Attributes:
        frame: index of the frame, from 0.
        caption: the words, without blanks around them; None where the file has none for this frame.
        time: seconds; None where the file does not say.
        line: number of the line in the file, from 1.
    """

    frame: int
    caption: str | None
    time: float | None = None
    line: int = 0


def is_sparse(path: Path) -> bool:
    """Whether a caption file of this name may leave frames out."""
    return path.suffix.lower() == ".jsonl"


def read_captions(path: Path, info: VideoInfo | None = None) -> list[CaptionLine]:
    """Read a caption file. Its format comes from its name.

    `.txt` has one line per frame from frame 0; an empty line is a frame without a caption. `.jsonl` has one object per
    line, with `frame` (from 0), `caption` (text or null) and optionally `time` (seconds), in any order, frames left out
    at will; other keys are passed over, so that the observations of an earlier run can be read as captions. UTF-8, with
    or without a byte order mark; lines end in LF or CRLF. A last line of JSON that breaks off is dropped.

    Args:
        path: the file.
        info: the video, where there is one: the captions must fit its number of frames, if that is known.

    Returns:
        Captions in the order of the frames; for `.txt` one for each frame.

    Raises:
        RecordError: the file cannot be read, is not UTF-8, breaks its format, or does not fit the video.
    """
    suffix = path.suffix.lower()
    if suffix not in CAPTION_SUFFIXES:
        raise RecordError(
            f"captions are read from {' and '.join(CAPTION_SUFFIXES)}, not from '{suffix or path.name}'",
            where=path,
            hint="rename the file after its format: .txt for one caption per line, .jsonl for one JSON object per line",
        )
    data = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    lines = _from_json(data, path) if suffix == ".jsonl" else _from_text(data, path)
    if info is not None and info.frames is not None:
        check_length(path, lines, info.frames)
    return lines


def check_length(path: Path, lines: list[CaptionLine], frames: int) -> None:
    """Raise a RecordError where captions do not fit a video of `frames` frames."""
    count = lines[-1].frame + 1 if lines else 0
    if is_sparse(path):
        if count > frames:
            last = lines[-1]
            raise RecordError(
                f"frame {last.frame} is past the end of the video, which has {frames} frames",
                where=f"{path}:{last.line}",
                hint="frames count from 0; check that the captions belong to this video",
            )
    elif count != frames:
        hint = (
            "write one line per frame, an empty one for a frame without a caption; to caption some frames, write .jsonl"
        )
        raise RecordError(f"{count} lines for {frames} frames", where=path, hint=hint)


def _from_text(data: bytes, path: Path) -> list[CaptionLine]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data.count(b"\n", 0, error.start) + 1) from error
    # Not splitlines(): a caption may hold U+2028, a form feed or the like, and would shift all frames after it.
    rows = text.split("\n")
    if not rows[-1]:
        rows.pop()
    if not rows:
        raise RecordError("holds no caption", where=path, hint="write one caption per line")
    return [CaptionLine(i, row.strip() or None, None, i + 1) for i, row in enumerate(rows)]


def _from_json(data: bytes, path: Path) -> list[CaptionLine]:
    rows = data.split(b"\n")
    torn = rows.pop()
    found: dict[int, CaptionLine] = {}
    for number, row in enumerate(rows, 1):
        if row.strip():
            _add(found, _parse(row, number, path), path)
    if torn.strip():
        # A writer that was stopped leaves half a line behind; a whole one that merely lacks its end is kept.
        try:
            last = json.loads(torn)
        except (ValueError, RecursionError):
            last = None
        if last is not None:
            _add(found, _parse(torn, len(rows) + 1, path), path)
    if not found:
        raise RecordError("holds no caption", where=path, hint='write lines like {"frame": 0, "caption": "…"}')
    lines = [found[frame] for frame in sorted(found)]
    _check_times(lines, path)
    return lines


def _add(found: dict[int, CaptionLine], line: CaptionLine, path: Path) -> None:
    if line.frame in found:
        first = found[line.frame].line
        raise RecordError(
            f"frame {line.frame} has a caption already, in line {first}",
            where=f"{path}:{line.line}",
            hint="keep one of them",
        )
    found[line.frame] = line


def _parse(row: bytes, number: int, path: Path) -> CaptionLine:
    where = f"{path}:{number}"
    try:
        item = json.loads(row.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _not_utf8(path, number) from error
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "too long or too deep"
        raise RecordError(
            f"not JSON ({what})", where=where, hint='write lines like {"frame": 0, "caption": "…"}'
        ) from error
    if not isinstance(item, dict):
        raise RecordError("not an object", where=where, hint='write lines like {"frame": 0, "caption": "…"}')
    frame, caption, time = item.get("frame"), item.get("caption"), item.get("time")
    if not isinstance(frame, int) or isinstance(frame, bool) or not 0 <= frame < MOST_FRAMES:
        raise RecordError(
            f"frame is {_show(frame)}", where=where, hint=f"frames are whole numbers from 0, under {MOST_FRAMES}"
        )
    if "caption" not in item or not isinstance(caption, str | None):
        raise RecordError(
            f"caption is {_show(caption)}", where=where, hint="captions are text, or null where there is none"
        )
    if time is not None and (not isinstance(time, int | float) or isinstance(time, bool) or not 0 <= time < math.inf):
        raise RecordError(f"time is {_show(time)}", where=where, hint="times are seconds from the start of the video")
    return CaptionLine(frame, (caption or "").strip() or None, None if time is None else float(time), number)


def _check_times(lines: list[CaptionLine], path: Path) -> None:
    timed = [line for line in lines if line.time is not None]
    for before, after in pairwise(timed):
        assert before.time is not None and after.time is not None
        if after.time <= before.time:
            raise RecordError(
                f"frame {after.frame} at {after.time:g} s is not after frame {before.frame} at {before.time:g} s",
                where=f"{path}:{after.line}",
                hint="times must rise with the frames; leave 'time' out where it is not known",
            )


def _show(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "…"


def _not_utf8(path: Path, line: int) -> RecordError:
    return RecordError("not UTF-8 text", where=f"{path}:{line}", hint="save the file as UTF-8")
