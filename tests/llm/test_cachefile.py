"""Files a cache cannot use: broken, of another version, somebody else's, read-only, full. No run ends over them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ruler.errors import UsageError
from ruler.llm.base import Message, Reply, Request, TokenUsage
from ruler.llm.cache import ReplyCache
from ruler.llm.cachefile import open_file, transaction

CHECKOUT = Path(__file__).resolve().parents[2]
MODEL = "openai:gpt-4o-mini"


def request(text="What is seen?", prompt="caption"):
    return Request((Message("user", text),), prompt)


def numbered(i, size=500):
    """A reply of about `size` bytes that tells its number."""
    return Reply(f"{i} " + "x" * size, TokenUsage(10, i))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "replies.sqlite"


@pytest.mark.parametrize("content", [b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_file_is_set_aside(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    Path(f"{path}-wal").write_bytes(b"the log of the broken file")
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request()) is None
        assert "replies.sqlite.broken" in cache.note
        assert not cache.trouble
        cache.put(MODEL, request(), numbered(1))
        assert cache.get(MODEL, request()) == numbered(1)
    assert Path(f"{path}.broken").read_bytes() == content
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request()) == numbered(1)
        assert not cache.note


def test_an_empty_file_is_a_new_cache(path):
    path.parent.mkdir()
    path.touch(0o600)
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(1))
        assert cache.get(MODEL, request()) == numbered(1)
        assert not cache.note


def test_a_file_that_turns_out_to_be_damaged_is_set_aside(path):
    with ReplyCache(path) as cache:
        for i in range(300):
            cache.put(MODEL, request(str(i)), numbered(i))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3] + b"\xa5" * (len(content) - len(content) // 3))
    damaged = path.read_bytes()
    with ReplyCache(path) as cache:
        found = [cache.get(MODEL, request(str(i))) for i in range(300)]
        assert all(reply in (None, numbered(i)) for i, reply in enumerate(found))
        for i in range(300):
            cache.put(MODEL, request(str(i)), numbered(i))
        assert "broken" in cache.note
        assert not cache.trouble
        assert [cache.get(MODEL, request(str(i))) for i in range(300)] == [numbered(i) for i in range(300)]
    assert Path(f"{path}.broken").read_bytes() == damaged


def test_a_broken_file_is_not_set_aside_twice(path):
    """Of two processes that find out, the second must not take the first one's new file away."""
    with ReplyCache(path) as cache:
        for i in range(300):
            cache.put(MODEL, request(str(i)), numbered(i))
    content = path.read_bytes()
    second = ReplyCache(path)
    assert second.get(MODEL, request("none of them")) is None
    path.write_bytes(content[:8192] + b"\xa5" * (len(content) - 8192))
    with ReplyCache(path) as first:
        for i in range(300):
            first.get(MODEL, request(str(i)))
        assert "broken" in first.note
        first.put(MODEL, request("new"), numbered(1))
    for i in range(300):
        second.get(MODEL, request(str(i)))
    assert second.get(MODEL, request("new")) == numbered(1)
    second.close()
    with ReplyCache(path) as third:
        assert third.get(MODEL, request("new")) == numbered(1)


def test_a_damaged_entry_is_asked_for_anew(path):
    with ReplyCache(path) as cache:
        for i in range(3):
            cache.put(MODEL, request(str(i)), numbered(i))
    for damage in ("x'00ff'", "'{}'", "'{\"tokens\": 3}'", "'[]'", f"'{'[' * 100_000}'"):
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE replies SET reply = {damage} WHERE rowid = 1")
        db.close()
        with ReplyCache(path) as cache:
            assert cache.get(MODEL, request("0")) is None
            assert cache.get(MODEL, request("1")) == numbered(1)
            assert not cache.trouble
    with ReplyCache(path) as cache:
        cache.put(MODEL, request("0"), numbered(0))
        assert cache.get(MODEL, request("0")) == numbered(0)


def change(path, *statements):
    db = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        db.execute(statement)
    db.close()


def test_a_file_of_another_version_is_set_aside(path):
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(1))
    change(path, "PRAGMA user_version = 7")
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request()) is None
        assert "another version" in cache.note
        assert "replies.sqlite.v7" in cache.note
        cache.put(MODEL, request(), numbered(2))
        assert cache.get(MODEL, request()) == numbered(2)
    change(Path(f"{path}.v7"), "PRAGMA user_version = 1")
    with ReplyCache(Path(f"{path}.v7")) as old:
        assert old.get(MODEL, request()) == numbered(1)


def test_a_program_of_another_version_keeps_what_it_wrote(path):
    """It may have the file open, with its last replies in the log beside it."""
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA user_version = 7")
    other.execute("UPDATE replies SET model = 'theirs'")
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(2))
        assert "replies.sqlite.v7" in cache.note
        assert other.execute("SELECT model FROM replies").fetchall() == [("theirs",)]
    other.close()
    db = sqlite3.connect(f"{path}.v7")
    assert db.execute("PRAGMA user_version").fetchone() == (7,)
    assert db.execute("SELECT model FROM replies").fetchall() == [("theirs",)]
    db.close()
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request()) == numbered(2)
        assert not cache.note


def test_a_transaction_is_all_or_nothing(path):
    db = open_file(path).db
    keep = "INSERT INTO replies VALUES (?, '', '', 0, 0, 0, '')"
    with pytest.raises(KeyboardInterrupt), transaction(db):
        db.execute(keep, (b"1",))
        raise KeyboardInterrupt
    with transaction(db):
        db.execute(keep, (b"2",))
    assert db.execute("SELECT key FROM replies").fetchall() == [(b"2",)]
    db.close()


def test_a_file_without_its_table_is_set_aside(path):
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(1))
    change(path, "DROP TABLE replies")
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request()) is None
        assert "broken" in cache.note
        cache.put(MODEL, request(), numbered(2))
        assert cache.get(MODEL, request()) == numbered(2)


def test_the_database_of_another_program_is_left_alone(path):
    path.parent.mkdir()
    change(path, "CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('mine')")
    before = path.read_bytes()
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(1))
        assert cache.get(MODEL, request()) is None
        assert "another program" in cache.trouble
        with pytest.raises(UsageError, match="another program"):
            cache.clear()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def quiet(path):
    """What is wrong with a cache that keeps nothing, and ends nothing."""
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request()) is None
        cache.put(MODEL, request(), numbered(1))
        assert cache.get(MODEL, request()) is None
        return cache.trouble


def test_a_path_that_is_no_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert quiet(tmp_path)
    assert quiet(tmp_path / "file" / "replies.sqlite")
    assert (tmp_path / "file").read_text() == "mine"


@contextmanager
def somebody_else():
    """Be a user without rights, where the tests run as one with all of them."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that other users may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_written(open_folder):
    open_folder.chmod(0o555)
    with somebody_else():
        assert "ermission denied" in quiet(open_folder / "replies.sqlite")
        assert "ermission denied" in quiet(open_folder / "deeper" / "replies.sqlite")
    assert not list(open_folder.iterdir())


def test_a_file_in_a_folder_that_cannot_be_written(open_folder):
    path = open_folder / "replies.sqlite"
    with ReplyCache(path) as cache:
        cache.put(MODEL, request("kept"), numbered(1))
    path.chmod(0o444)
    open_folder.chmod(0o555)
    with somebody_else(), ReplyCache(path) as cache:
        assert cache.get(MODEL, request("kept")) in (None, numbered(1))
        cache.put(MODEL, request("new"), numbered(2))
        assert cache.trouble
        assert cache.get(MODEL, request("new")) is None
    open_folder.chmod(0o755)
    path.chmod(0o600)
    with ReplyCache(path) as cache:
        assert cache.get(MODEL, request("kept")) == numbered(1)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from ruler.llm.base import Message, Reply, Request
from ruler.llm.cache import ReplyCache
from ruler.llm.cachefile import open_file, transaction

def asked(i):
    return Request((Message("user", str(i)),))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
with ReplyCache(Path(sys.argv[1])) as cache:
    kept = []
    for i in range(400):
        cache.put("m", asked(i), Reply(f"{i} " + "x" * 3000))
        if not cache.trouble:
            kept.append(i)
    assert cache.trouble
    assert len(kept) > 5, kept
    for i in range(400):
        reply = cache.get("m", asked(i))
        assert (reply is not None) == (i in kept), i
        assert reply is None or reply.text.startswith(f"{i} ")
    print(len(kept), cache.trouble)
"""


def test_a_disk_without_room(path):
    said = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr
    kept = int(said.stdout.split()[0])
    with ReplyCache(path) as cache:
        assert cache.info().entries == kept
        cache.put(MODEL, request(), numbered(1))
        assert cache.get(MODEL, request()) == numbered(1)
