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
        return (_rebuild, (type(self), self.what, self.where, self.hint), dict(vars(self)))


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


class ModelError(RulerError):
    """A model that gave no usable answer (exit code 4).

    Attributes:
        kind: "unreachable" (no connection, timeout), "busy" (rate limit, overloaded), "failed" (another fault of the
            server), "refused" (key, permission, quota), "unknown" (no such model or address), "request" (the server
            cannot do what was asked: a format, a picture, a context too long), "filtered" (the model declined), "reply"
            (no readable answer came).
        status: HTTP status; None where there was none.
        retry_after: seconds the server asked to wait; None where it did not say.
        raw: the beginning of what came, for a log; never a key.
        sent: whether the request reached the server, which may then bill it.
    """

    exit_code = 4

    def __init__(
        self,
        what: str,
        *,
        where: str | Path | None = None,
        hint: str | None = None,
        kind: str = "failed",
        status: int | None = None,
        retry_after: float | None = None,
        raw: str = "",
        sent: bool = False,
    ) -> None:
        self.kind = kind
        self.sent = sent
        self.status = status
        self.retry_after = retry_after
        self.raw = raw[:2000]
        super().__init__(what, where=where, hint=hint)

    @property
    def passing(self) -> bool:
        """Whether asking again later may help."""
        return self.kind in ("unreachable", "busy", "failed")

    @property
    def lasting(self) -> bool:
        """Whether no request at all will be answered before a person mends something."""
        return self.kind in ("refused", "unknown")


class TaughtError(ModelError):
    """A server refused a parameter, and is asked without it from now on: the same request once more may be answered.

    It is a call of its own, to be paid for and counted as one.
    """


class BudgetError(RulerError):
    """The limit of calls or cost is reached (exit code 5); what was done is kept."""

    exit_code = 5
