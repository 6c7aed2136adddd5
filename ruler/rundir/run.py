"""A run's folder: a command in, a folder that remembers it and can go on with it out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ruler._version import __version__
from ruler.errors import DataError, RunFolderError
from ruler.records import decode, encode, parse_json
from ruler.rundir.command import differences, normalised
from ruler.rundir.files import LOCK_FILE, TORN_FILES, pretty, take_lock, write_whole, writing
from ruler.rundir.record import RUN_FILE, SCHEMA, RunRecord, Usage, VideoRecord
from ruler.rundir.video import VideoFolder, VideoReader

_RESERVED = frozenset({"", ".", "..", LOCK_FILE, RUN_FILE, "rules.yaml", "report.html"})


class RunReader:
    """A run's folder, for reading; also while another process writes it.

    Raises:
        DataError: the folder holds no run, or its run.json is broken.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / RUN_FILE
        try:
            text = file.read_bytes()
        except OSError as error:
            hint = "name the folder given to `-o`"
            raise DataError(f"not the folder of a run: no readable {RUN_FILE}", where=self.path, hint=hint) from error
        try:
            value = parse_json(text)
            if isinstance(value, dict) and value.get("schema") != SCHEMA:
                raise DataError(f"written in format {value.get('schema')}, this version reads format {SCHEMA}")
            self._record = decode(RunRecord, value)
        except DataError as error:
            hint = "delete the folder or choose another one with `-o`"
            raise DataError(f"broken: {error.what}", where=file, hint=hint) from error

    @property
    def record(self) -> RunRecord:
        """What run.json says, as of now for a writer, as of opening for a reader."""
        return self._record

    def video(self, name: str) -> VideoReader:
        """The folder of a video, for reading.

        Raises:
            DataError: the run has no such video.
        """
        if name not in self._record.videos:
            there = ", ".join(self._record.videos) or "none"
            raise DataError(f"no video {name!r}", where=self.path, hint=f"there are: {there}")
        return VideoReader(self.path / name)


class RunFolder(RunReader):
    """A run's folder, for writing; made by `RunFolder.open`, held until `close` or the end of a with block."""

    def __init__(self, path: Path, lock: int, clock: Callable[[], datetime]) -> None:
        self._lock: int | None = lock
        self._clock = clock
        self._folders: dict[str, VideoFolder] = {}
        super().__init__(path)

    @classmethod
    def open(
        cls,
        path: str | Path,
        command: Mapping[str, Any],
        *,
        resume: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Make the folder, or go on with the same command.

        Args:
            path: the folder; made if missing, with its parents.
            command: all that decides the outcome: settings, inputs, hashes of rules and prompts. Anything that looks
                like a secret is blanked before it is compared or written.
            resume: go on where the same command stopped; if False, any run that is there already is refused.
            clock: the time, for run.json.

        Raises:
            RunFolderError: the folder belongs to another command, holds other files, is written by another process, or
                cannot be written; the message says which, and how to mend it.
        """
        folder = Path(path)
        asked = normalised(command)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_strangers(folder)
        lock = take_lock(folder)
        try:
            return cls._locked(folder, asked, resume, lock, clock)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def _locked(
        cls, folder: Path, asked: dict[str, Any], resume: bool, lock: int, clock: Callable[[], datetime]
    ) -> Self:
        with writing(folder):
            for torn in folder.rglob(TORN_FILES):
                torn.unlink()
            if not (folder / RUN_FILE).exists():
                now = _stamp(clock)
                record = RunRecord(SCHEMA, __version__, asked, created=now, updated=now)
                write_whole(folder / RUN_FILE, pretty(encode(record, defaults=True)))
            elif not resume:
                raise RunFolderError("holds a run already", where=folder, hint="choose another -o or delete it")
        try:
            run = cls(folder, lock, clock)
        except DataError as error:
            raise RunFolderError(error.what, where=error.where, hint=error.hint) from error
        changed = differences({"ruler": run.record.ruler, **run.record.command}, {"ruler": __version__, **asked})
        if changed:
            hint = "choose another -o or delete the folder"
            raise RunFolderError(f"belongs to another run: {changed}", where=folder, hint=hint)
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def video_folder(self, name: str, source: str = "") -> VideoFolder:
        """The folder of a video, made if missing and entered in run.json; the same object for the same name.

        Args:
            name: name of the folder; one plain path component.
            source: where the video is read from, for run.json.

        Raises:
            RunFolderError: the name cannot be that of a folder, or the folder cannot be written.
        """
        if name not in self._folders:
            _check_name(name, self.path)
            self._folders[name] = VideoFolder(self.path / name)
        if name not in self._record.videos:
            self.set_video(name, VideoRecord(source=str(normalised({"source": source})["source"])))
        return self._folders[name]

    def set_video(self, name: str, record: VideoRecord) -> None:
        """Replace what run.json says of a video, and write it."""
        self._update(videos={**self._record.videos, name: record})

    def add_usage(self, usage: Usage) -> None:
        """Count calls, tokens and cost in addition to those before, and write them."""
        self._update(usage=self._record.usage + usage)

    def add_timing(self, stage: str, seconds: float) -> None:
        """Count seconds spent in a stage in addition to those before, and write them."""
        spent = self._record.timings.get(stage, 0.0) + seconds
        self._update(timings={**self._record.timings, stage: spent})

    def write_file(self, name: str, content: str | bytes) -> Path:
        """Write a file of the run as a whole (rules.yaml, report.html), whole or not at all."""
        return write_whole(self.path / name, content)

    def finish(self) -> None:
        """Say in run.json that the run came to its end."""
        self._update(finished=_stamp(self._clock))

    def close(self) -> None:
        """Close all files and let others write."""
        for folder in self._folders.values():
            folder.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _update(self, **changes: Any) -> None:
        changes.setdefault("finished", None)
        self._record = replace(self._record, updated=_stamp(self._clock), **changes)
        write_whole(self.path / RUN_FILE, pretty(encode(self._record, defaults=True)))


def _stamp(clock: Callable[[], datetime]) -> str:
    return clock().isoformat(timespec="seconds")


def _refuse_strangers(folder: Path) -> None:
    """A folder without run.json must be empty, but for what a run leaves that was killed while it began."""
    names = {path.name for path in folder.iterdir() if not path.match(TORN_FILES)} - {LOCK_FILE}
    if names and RUN_FILE not in names:
        what = f"holds files that are not of a run ({min(names)}, {len(names)} in all)"
        raise RunFolderError(what, where=folder, hint="name a new or empty folder with -o")


def _check_name(name: str, folder: Path) -> None:
    if name in _RESERVED or any(sign in name for sign in "/\\\0"):
        raise RunFolderError(f"{name!r} cannot be the name of a video's folder", where=folder, hint="rename the video")
