"""How files of a run are written: whole or not at all, line by line, and by one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Protocol

from ruler.errors import DataError, RunFolderError
from ruler.records import parse_json, to_line

LOCK_FILE = ".lock"
TORN_FILES = ".*.tmp"
"""Pattern of what a killed process leaves of a file it was writing whole."""

_TAIL = 1 << 16


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says while `path` is written into an error a person can mend."""
    try:
        yield
    except OSError as error:
        hint = "check the path, its permissions and the space left, or choose another -o"
        raise RunFolderError(f"cannot be written: {error.strerror}", where=path, hint=hint) from error


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write a file so that a reader, or a run killed meanwhile, finds the old content or the new, never a part.

    Raises:
        RunFolderError: the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.tmp")
    with writing(path):
        part.write_bytes(data)
        part.replace(path)
    return path


def pretty(value: object) -> bytes:
    """JSON for people: indented, UTF-8, strict."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # a file name that is not UTF-8
        return json.dumps(value, indent=2, allow_nan=False).encode() + b"\n"


def take_lock(folder: Path) -> int:
    """Hold the folder against every other writer, in this process or another, until the descriptor is closed.

    The kernel lets go when the process ends, however it ends.

    Raises:
        RunFolderError: somebody else holds it, or it cannot be locked.
    """
    path = folder / LOCK_FILE
    with writing(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with writing(path):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
                who = f"process {holder}" if holder.isdecimal() else "another process"
                hint = "wait until it ends or choose another -o"
                raise RunFolderError(f"in use by {who}", where=folder, hint=hint) from error
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except BaseException:
        os.close(lock)
        raise
    return lock


class _OfFrame(Protocol):
    @property
    def frame(self) -> int: ...


class RecordLog:
    """A JSONL file that records are appended to, in the order of their frames.

    A last line without its newline was torn by a kill; it is cut off before anything is appended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        self._last: int | None = None
        self._known = False

    @property
    def last_frame(self) -> int | None:
        """Frame of the last whole line; None for an empty or missing file.

        Raises:
            DataError: the last whole line is broken.
        """
        if not self._known:
            self._last = self._mend()
            self._known = True
        return self._last

    def append(self, records: Iterable[_OfFrame]) -> int:
        """Write each record as it comes, in one call to the system, and count them."""
        count = 0
        last = self.last_frame
        file = self._open()
        try:
            for record in records:
                if last is not None and record.frame <= last:
                    raise ValueError(f"frame {record.frame} after frame {last} in {self._path}")
                with writing(self._path):
                    _write_all(file, to_line(record))
                last = self._last = int(record.frame)
                count += 1
        except BaseException:
            self.close()  # what the file holds now is found out anew before the next append
            raise
        return count

    def rewrite(self, records: Iterable[_OfFrame]) -> None:
        """Put other records in the place of all that are there, whole or not at all."""
        self.close()
        part = self._path.with_name(f".{self._path.name}.tmp")
        with writing(self._path), part.open("wb") as file:
            for record in records:
                file.write(to_line(record))
        with writing(self._path):
            part.replace(self._path)

    def clear(self) -> None:
        """Drop all records."""
        self.close()
        with writing(self._path):
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        if self._file is not None:
            self._file.close()
        self._file = None
        self._known = False

    def _open(self) -> FileIO:
        if self._file is None:
            with writing(self._path):
                self._file = self._path.open("ab", buffering=0)
        return self._file

    def _mend(self) -> int | None:
        with writing(self._path):
            if not self._path.exists():
                return None
            with self._path.open("r+b") as file:
                size = file.seek(0, os.SEEK_END)
                end = _line_break(file, size)
                if end < size:
                    file.truncate(end)
                file.seek(_line_break(file, end - 1) if end else 0)
                line = file.read(end - file.tell())
        return _frame_of(line, self._path) if line else None


def _write_all(file: FileIO, data: bytes) -> None:
    while data:  # a disk that fills up takes a part first
        data = data[file.write(data) :]


def _line_break(file: BinaryIO, before: int) -> int:
    """Position just after the last newline among the first `before` bytes; 0 if there is none."""
    while before > 0:
        start = max(0, before - _TAIL)
        file.seek(start)
        found = file.read(before - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        before = start
    return 0


def _frame_of(line: bytes, path: Path) -> int:
    try:
        value = parse_json(line)
        frame = value.get("frame") if isinstance(value, dict) else None
        if type(frame) is not int:
            raise DataError("no frame number")
    except DataError as error:
        raise DataError(f"last line is broken: {error.what}", where=path, hint="delete that line") from error
    return frame
