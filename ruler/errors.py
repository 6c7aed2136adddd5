"""Errors a person can mend: each says in one line what is wrong, where and how to mend it, and knows its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class RulerError(Exception):
    """Base of all errors that are shown to a person as one line, without a traceback.

    Args:
        what: what is wrong, without a full stop ("no frame could be decoded").
        where: the file, line, frame or option it concerns; None where there is no such place.
        hint: how to mend it ("check the file with `ffprobe`"); None where nothing can be advised.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        super().__init__(str(self))

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.hint:
            line = f"{line}; {self.hint}"
        return " ".join(line.split())

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way between processes: exceptions with keyword arguments do not pickle by themselves."""
        return (_rebuild, (type(self), self.what, self.where, self.hint))


def _rebuild(kind: type[RulerError], what: str, where: str | None, hint: str | None) -> RulerError:
    return kind(what, where=where, hint=hint)


class UsageError(RulerError):
    """A command line or configuration that cannot be carried out (exit code 2)."""

    exit_code = 2


class DataError(RulerError):
    """A video, rules or data file that cannot be used (exit code 3)."""

    exit_code = 3


class VideoError(DataError):
    """A video that is missing, empty, corrupt, or holds no picture."""


class RulesError(DataError):
    """A rules file that cannot be read or breaks the schema."""


class RecordError(DataError):
    """A caption, track or detection file that cannot be read or does not fit its video."""


class RunFolderError(RulerError):
    """An output folder that belongs to another run, is in use, or cannot be written (exit code 2)."""

    exit_code = 2
