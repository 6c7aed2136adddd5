"""The file of the cache: a path in; a connection to an SQLite file that is ours, sound and of this version, out.

A file that is broken or of another version is set aside, never overwritten; one of another program is left alone.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

VERSION = 1
"""Of the layout."""

SIDES = ("", "-wal", "-shm")
"""What the names of the files end with that SQLite keeps."""

_MARK = 0x52554C52
"""SQLite's application id of our files ("RULR")."""

_BUSY = 2.0
"""Seconds to wait for another process that writes."""

_LAYOUT = (
    "CREATE TABLE replies (key BLOB PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, size INTEGER NOT NULL, "
    "created REAL NOT NULL, used REAL NOT NULL, reply BLOB NOT NULL)",
    "CREATE INDEX least_recent ON replies (used)",
    f"PRAGMA application_id = {_MARK}",
    f"PRAGMA user_version = {VERSION}",
)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file.

    Attributes:
        db: the connection, for any thread, in autocommit mode; a statement waits two seconds for another process.
        identity: device and number of the file, by which it is known when its name belongs to another one.
        note: what was done to a file that could not be used; empty where nothing was.
    """

    db: sqlite3.Connection
    identity: tuple[int, int]
    note: str


def open_file(path: Path) -> Opened:
    """Open a cache's file; make it, and the folders it lies in, where it is missing.

    Raises:
        OSError: it cannot be made, or belongs to another program.
        sqlite3.Error: it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = ""
    with _alone(path.parent):
        for _ in range(2):
            # SQLite gives the files beside it the permissions of this one: captions are nobody else's business.
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            identity = _identity(path)
            db = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
            try:
                unfit = _prepare(db)
            except BaseException as error:
                db.close()
                if not isinstance(error, sqlite3.Error) or not (is_broken(error) or _is_strange(error)):
                    raise
                unfit = "broken"
            if not unfit:
                return Opened(db, identity, note)
            db.close()
            note = _move_aside(path, unfit)
    raise OSError("a new file could not be begun")


def set_aside_broken(path: Path, identity: tuple[int, int]) -> str:
    """Put a file out of the way that turned out to be broken, unless another process did so before.

    Args:
        path: of the cache; no connection of this process to it may be open.
        identity: of the broken file.

    Returns:
        What was done; empty where nothing was.

    Raises:
        OSError: it cannot be moved.
    """
    with suppress(FileNotFoundError), _alone(path.parent):
        if _identity(path) == identity:
            return _move_aside(path, "broken")
    return ""


def is_broken(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is damaged, or no database at all."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether an error says that another process has been writing for long."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write all of what the block writes, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # where the disk is full SQLite has rolled back by itself
            db.execute("ROLLBACK")
        raise


def bytes_used(db: sqlite3.Connection) -> int:
    """Bytes of the file that hold something, as of the transaction under way; found without reading it."""
    return (pragma(db, "page_count") - pragma(db, "freelist_count")) * pragma(db, "page_size")


def pragma(db: sqlite3.Connection, name: str) -> int:
    """A number SQLite tells of the file."""
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def bytes_free(db: sqlite3.Connection) -> int:
    """Bytes of the file that hold nothing."""
    return pragma(db, "freelist_count") * pragma(db, "page_size")


def give_space_back(db: sqlite3.Connection) -> None:
    """Shrink the file to what it holds, in steps, so that another process that writes never waits long."""
    for _ in range(0, pragma(db, "freelist_count"), 1000):
        # As a script, since a plain execute stops after the first page.
        db.executescript("PRAGMA incremental_vacuum(1000)")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _prepare(db: sqlite3.Connection) -> str:
    """Make the file ours if it is new.

    Returns:
        Empty where it can be used, else what its name gets at the end when it is set aside.
    """
    mark, version = pragma(db, "application_id"), pragma(db, "user_version")
    if not mark and not version and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        with transaction(db):
            for statement in _LAYOUT:
                db.execute(statement)
    elif mark != _MARK:
        raise OSError("it is the database of another program")
    elif version != VERSION:
        return f"v{version}"
    # In WAL mode a crash of the machine can lose the last replies this way, and never more than them.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA journal_size_limit = {4 << 20}")
    db.execute("SELECT key, model, prompt, size, created, used, reply FROM replies LIMIT 1").fetchone()
    return ""


def _move_aside(path: Path, unfit: str) -> str:
    aside = path.with_name(f"{path.name}.{unfit}")
    for side in reversed(SIDES):  # a write-ahead log that stayed would be taken for that of the new file
        with suppress(FileNotFoundError):
            Path(f"{path}{side}").replace(f"{aside}{side}")
    what = "was broken" if unfit == "broken" else "was written by another version"
    return f"{path} {what}; it is kept as {aside.name}, and a new cache is begun"


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _code(error: sqlite3.Error) -> int:
    """What SQLite says, without the details in the higher bits."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _is_strange(error: sqlite3.Error) -> bool:
    """Whether a table or column is missing that every file of this version has."""
    return _code(error) == sqlite3.SQLITE_ERROR


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes that open, make or set aside a cache in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems have no such locks; two processes rarely begin at once
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
