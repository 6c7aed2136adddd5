"""The cache of replies: a model and a request in; what the model answered before out. One file for all runs.

Requests are not kept: an entry is found by a hash, and tells the model, the prompt's id and the reply. Whatever is
wrong with the file costs calls at most, never a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ruler.errors import UsageError
from ruler.llm.base import NO_LOGPROBS, Reply, Request, Token, TokenUsage
from ruler.llm.cachefile import (
    SIDES,
    bytes_free,
    bytes_used,
    give_space_back,
    is_broken,
    is_busy,
    open_file,
    set_aside_broken,
    transaction,
)

LIMIT = 1 << 30
"""Bytes a cache may take where nothing else is said."""

ENOUGH = 0.9
"""Share of the limit down to which the least recently used replies are dropped once the limit is passed."""

_STALE = 3600.0
"""Seconds after which a use is written down: a write for each hit would cost more than it tells."""

_TOUCHES = 256
_STEP = 32
_PATIENCE = 3
_ABANDONED: list[sqlite3.Connection | None] = []


@dataclass(frozen=True, slots=True)
class ModelReplies:
    """Replies of one model: how many, and their bytes."""

    entries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What a cache holds.

    Attributes:
        path: its file.
        entries: replies.
        bytes: on disk, with what SQLite keeps beside the file.
        models: model string → its replies, most bytes first.
    """

    path: Path
    entries: int
    bytes: int
    models: Mapping[str, ModelReplies]


class ReplyCache:
    """Replies kept in a file; several processes may use one file at the same time.

    The file is opened, and made, when the first reply is asked for. One object may be used from several threads.

    Args:
        path: the file; folders that are missing are made.
        limit_bytes: most bytes of the file; over them, the replies that were not used for longest are dropped.
        clock: seconds since 1970.

    Attributes:
        path: as given.
        limit_bytes: as given.
        trouble: why no more replies are kept, or given; empty while all is well.
        note: what was done to a file that could not be used; empty where nothing was.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self.trouble = ""
        self.note = ""
        self._clock = clock
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._file = (0, 0)
        self._given_up = False
        self._replaced = False
        self._shrinking = False
        self._waited = 0
        self._touched: dict[bytes, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def get(self, model: str, request: Request) -> Reply | None:
        """The reply to a request that was answered before; None where there is none, or no cache.

        Args:
            model: model string.
            request: equal requests have equal `identity()`.
        """
        key, now = _key(model, request), self._clock()
        with self._lock, self._trying():
            db = self._connected()
            row = db.execute("SELECT reply, used FROM replies WHERE key = ?", (key,)).fetchone() if db else None
            reply = _unpacked(row[0]) if row else None
            if db is not None and row and reply is not None and now - row[1] >= _STALE:
                self._touched[key] = now
                if len(self._touched) >= _TOUCHES:
                    self._write_touches(db)
            return reply
        return None

    def put(self, model: str, request: Request, reply: Reply) -> None:
        """Keep a reply; an earlier one to the same request is replaced.

        Args:
            model: model string.
            request: what was asked; not kept itself.
            reply: what came.
        """
        key, now, packed = _key(model, request), self._clock(), _packed(reply)
        if self.trouble or len(packed) > self.limit_bytes * ENOUGH:
            return
        row = (key, _storable(model), _storable(request.prompt), len(packed), now, now, packed)
        with self._lock, self._trying(writing=True):
            db = self._connected()
            if db is not None:
                with transaction(db):
                    db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                    self._shrink(db)
                if bytes_free(db) > self.limit_bytes / 4:  # the limit was lowered
                    give_space_back(db)
                self._waited = 0

    def info(self) -> CacheInfo:
        """What the cache holds; a file that is missing is not made.

        Raises:
            UsageError: the file cannot be read.
        """
        with self._lock, self._telling("read"):
            db = self._connected() if self._exists() else None
            if db is None:
                return CacheInfo(self.path, 0, 0, {})
            counted = "SELECT model, count(*), sum(size) FROM replies GROUP BY model ORDER BY 3 DESC, 1"
            models = {model: ModelReplies(count, size) for model, count, size in db.execute(counted)}
            sides = [Path(f"{self.path}{side}") for side in SIDES]
            on_disk = sum(side.stat().st_size for side in sides if side.is_file())
        return CacheInfo(self.path, sum(m.entries for m in models.values()), on_disk, models)

    def clear(self, model: str | None = None, prompt: str | None = None, older_than: timedelta | None = None) -> int:
        """Remove replies and give their space back; all of them where nothing narrows it down.

        Args:
            model: only those of this model string.
            prompt: only those to prompts of this id ("caption").
            older_than: only those that were kept longer ago than this.

        Returns:
            How many were removed.

        Raises:
            UsageError: the file cannot be written.
        """
        narrowed: list[tuple[str, Any]] = []
        if model is not None:
            narrowed.append(("model = ?", _storable(model)))
        if prompt is not None:
            narrowed.append(("prompt = ?", _storable(prompt)))
        if older_than is not None:
            narrowed.append(("created < ?", self._clock() - older_than.total_seconds()))
        where = " AND ".join(["TRUE", *(condition for condition, _ in narrowed)])
        values = [value for _, value in narrowed]
        removed = 0
        with self._lock, self._telling("written"):
            db = self._connected() if self._exists() else None
            if db is None:
                return 0
            delete = f"DELETE FROM replies WHERE rowid IN (SELECT rowid FROM replies WHERE {where} LIMIT 1000)"
            # In steps, so that another process that writes never waits long.
            while step := db.execute(delete, values).rowcount:
                removed += step
            give_space_back(db)
        return removed

    def close(self) -> None:
        """Let go of the file; a later use opens it again."""
        with self._lock:
            if self._db is not None and self._process == os.getpid():
                self._write_touches(self._db)
            self._disconnect()

    # --- the file ---------------------------------------------------------------------------------------------------

    def _connected(self) -> sqlite3.Connection | None:
        if self._process != os.getpid():
            # A connection must not be used, nor closed, on the other side of a fork: it is left as it is.
            _ABANDONED.append(self._db)
            self._db, self._process, self._touched = None, os.getpid(), {}
        if self._db is None and not self._given_up:
            try:
                opened = open_file(self.path)
            except OSError as error:
                self._give_up(error.strerror or str(error))
            else:
                self._db, self._file, self.note = opened.db, opened.identity, opened.note or self.note
        return self._db

    def _disconnect(self) -> None:
        db, self._db, self._touched, self._shrinking = self._db, None, {}, False
        if db is not None and self._process == os.getpid():
            with suppress(sqlite3.Error):
                db.close()

    def _exists(self) -> bool:
        return self._db is not None or self.path.exists()

    # --- trouble ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _trying(self, *, writing: bool = False) -> Iterator[None]:
        """Run a use of the file; what goes wrong is the cache's trouble alone."""
        try:
            yield
        except sqlite3.Error as error:
            self._failed(error, writing)

    @contextmanager
    def _telling(self, verb: str) -> Iterator[None]:
        """Run something a person asked for; what goes wrong is told."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(verb, str(error)) from None
        if self._given_up:
            raise self._unusable(verb, self.trouble)

    def _unusable(self, verb: str, why: str) -> UsageError:
        hint = "check the path and its permissions, or move the file away"
        return UsageError(f"cannot be {verb} ({why})", where=self.path, hint=hint)

    def _failed(self, error: sqlite3.Error, writing: bool) -> None:
        if is_busy(error) and self._waited < _PATIENCE:
            self._waited += 1
        elif is_broken(error) and not self._replaced:
            self._replaced = True
            self._disconnect()
            try:
                self.note = set_aside_broken(self.path, self._file) or self.note
            except OSError as problem:
                self._give_up(problem.strerror or str(problem))
        elif writing and self._db is not None:
            self.trouble = str(error)  # what is there can still be read
        else:
            self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        self._given_up, self.trouble = True, why
        self._disconnect()

    # --- bounds -----------------------------------------------------------------------------------------------------

    def _shrink(self, db: sqlite3.Connection) -> None:
        """Drop what was not used for longest: at once down to the limit, then a little with every reply that comes."""
        self._shrinking = self._shrinking or bytes_used(db) > self.limit_bytes
        if self._shrinking:
            self._touch(db)
        while self._shrinking:
            oldest = "DELETE FROM replies WHERE rowid IN (SELECT rowid FROM replies ORDER BY used, rowid LIMIT ?)"
            dropped = db.execute(oldest, (_STEP,)).rowcount
            used = bytes_used(db)
            self._shrinking = dropped > 0 and used > self.limit_bytes * ENOUGH
            if used <= self.limit_bytes:
                break

    def _write_touches(self, db: sqlite3.Connection) -> None:
        if self._touched and not self.trouble:
            with self._trying(writing=True), transaction(db):
                self._touch(db)

    def _touch(self, db: sqlite3.Connection) -> None:
        touched, self._touched = self._touched, {}
        later = [(now, key, now) for key, now in touched.items()]
        db.executemany("UPDATE replies SET used = ? WHERE key = ? AND used < ?", later)


def default_cache_path(environment: Mapping[str, str] | None = None) -> Path:
    """Where replies are kept: $RULER_CACHE, else below $XDG_CACHE_HOME, else below ~/.cache.

    Args:
        environment: where the variables are looked up; None for that of this process.

    Raises:
        UsageError: neither variable is set, and there is no home folder.
    """
    environment = os.environ if environment is None else environment
    try:
        if own := environment.get("RULER_CACHE", ""):
            return Path(own).expanduser()
        shared = Path(environment.get("XDG_CACHE_HOME", ""))
        folder = shared if shared.is_absolute() else Path(environment.get("HOME") or "~").expanduser() / ".cache"
    except RuntimeError:
        raise UsageError("no home folder is known", where="cache", hint="set RULER_CACHE to a file") from None
    return folder / "ruler" / "replies.sqlite"


def _key(model: str, request: Request) -> bytes:
    return hashlib.sha256(f"{model}\0{request.identity()}".encode("utf-8", "surrogatepass")).digest()


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _packed(reply: Reply) -> bytes:
    tokens = None if reply.tokens is None else [[t.text, t.logprob, dict(t.top)] for t in reply.tokens]
    told = {
        "text": reply.text,
        "usage": [reply.usage.prompt, reply.usage.completion, reply.usage.estimated],
        "model": reply.model,
        "finish": reply.finish,
        "tokens": tokens,
        "seconds": reply.seconds,
    }
    # ASCII carries what UTF-8 cannot: halves of characters, which models do send.
    return json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode()


def _unpacked(packed: bytes) -> Reply | None:
    """The reply; None where the entry is damaged, which is then asked for anew and overwritten."""
    try:
        told = json.loads(packed)
        tokens = None
        if told["tokens"] is not None:
            tokens = tuple(Token(text, logprob, top or NO_LOGPROBS) for text, logprob, top in told["tokens"])
        usage = TokenUsage(*told["usage"])
        return Reply(told["text"], usage, told["model"], told["finish"], tokens, told["seconds"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
