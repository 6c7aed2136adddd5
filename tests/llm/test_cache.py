"""Kept replies: given back as they were, within bounds, and removed when a person says so."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ruler.llm.base import Image, Message, Reply, Request, Schema, Token, TokenUsage
from ruler.llm.cache import ReplyCache, default_cache_path

MODEL = "openai:gpt-4o-mini"
HOUR = 3600.0


def request(text="What is seen?", prompt="caption", **options):
    return Request((Message("user", text),), prompt, **options)


def numbered(i, size=500):
    """A reply of about `size` bytes that tells its number."""
    return Reply(f"{i} " + "x" * size, TokenUsage(10, i))


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "replies.sqlite"


words = st.text(st.characters(exclude_categories=()), max_size=30)  # halves of surrogate pairs and NUL among them
numbers = st.floats(allow_nan=False)
tokens = st.builds(Token, words, numbers, st.dictionaries(words, numbers, max_size=4))
replies = st.builds(
    Reply,
    words,
    st.builds(TokenUsage, st.integers(0, 2**40), st.integers(0, 2**40), st.booleans()),
    words,
    words,
    st.none() | st.lists(tokens, max_size=5).map(tuple),
    numbers,
)


HALF = "\ud83d \0 \udcff"


@given(words, words, words, replies)
@example(HALF, HALF, HALF, Reply(HALF, TokenUsage(), HALF, HALF, (Token(HALF, -0.1, {HALF: float("-inf")}),)))
def test_a_reply_comes_back_as_it_was(model, prompt, text, reply):
    with tempfile.TemporaryDirectory() as folder:
        asked = request(text, prompt)
        with ReplyCache(Path(folder) / "c.sqlite") as cache:
            cache.put(model, asked, reply)
            assert cache.get(model, asked) == reply
        with ReplyCache(Path(folder) / "c.sqlite") as again:
            found = again.get(model, asked)
            assert found == reply
            assert (found.tokens is None) == (reply.tokens is None)
            assert not again.trouble


def test_what_could_change_the_reply_makes_another_request(path):
    asked = request(seed=1, schema=Schema("s", {"type": "object"}))
    picture = Image(b"one")
    others = [
        replace(asked, vote=1),
        replace(asked, seed=2),
        replace(asked, temperature=0.5),
        replace(asked, max_tokens=7),
        replace(asked, mode="json"),
        replace(asked, logprobs=True),
        replace(asked, schema=Schema("s", {"type": "string"})),
        replace(asked, messages=(Message("user", "What is heard?"),)),
        replace(asked, messages=(Message("system", "What is seen?"),)),
        replace(asked, messages=(Message("user", "What is seen?", (picture,)),)),
        replace(asked, messages=(Message("user", "What is seen?", (Image(b"two"),)),)),
    ]
    with ReplyCache(path) as cache:
        cache.put(MODEL, asked, numbered(0))
        assert cache.get(MODEL, asked) == numbered(0)
        assert cache.get("openai:gpt-4o", asked) is None
        assert [cache.get(MODEL, other) for other in others] == [None] * len(others)
        for i, other in enumerate(others, 1):
            cache.put(MODEL, other, numbered(i))
        assert [cache.get(MODEL, other) for other in others] == [numbered(i) for i in range(1, len(others) + 1)]
        assert cache.get(MODEL, asked) == numbered(0)


def test_a_later_reply_replaces_an_earlier_one(path):
    with ReplyCache(path) as cache:
        cache.put(MODEL, request(), numbered(1))
        cache.put(MODEL, request(), numbered(2))
        assert cache.get(MODEL, request()) == numbered(2)
        assert cache.info().entries == 1


def test_nothing_of_a_request_but_its_hash_is_kept(path):
    asked = Request(
        (Message("system", "SYSTEM-TEXT"), Message("user", "USER-TEXT", (Image(b"PICTURE-BYTES"),))),
        "caption",
        schema=Schema("s", {"title": "SCHEMA-TEXT"}),
    )
    cache = ReplyCache(path)
    cache.put(MODEL, asked, Reply("the reply's words"))
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    cache.close()
    written += path.read_bytes()
    assert b"the reply's words" in written
    for text in (b"SYSTEM-TEXT", b"USER-TEXT", b"PICTURE-BYTES", b"SCHEMA-TEXT"):
        assert text not in written


def test_nobody_else_may_read_the_files(path):
    before = os.umask(0)
    try:
        with ReplyCache(path) as cache:
            cache.put(MODEL, request(), numbered(1))
            files = list(path.parent.iterdir())
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            assert {file.name.removeprefix(path.name) for file in files} == {"", "-wal", "-shm"}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(before)


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_the_file_stays_within_its_limit(path):
    clock, limit = Clock(), 300_000
    with ReplyCache(path, limit, clock) as cache:
        for i in range(600):
            clock.now += HOUR
            cache.put(MODEL, request(str(i)), numbered(i, size=(i % 7) * 700))
            assert cache.get(MODEL, request(str(i))) == numbered(i, size=(i % 7) * 700)
        kept = [i for i in range(600) if cache.get(MODEL, request(str(i))) is not None]
        assert not cache.trouble
    assert path.stat().st_size <= limit * 1.1
    assert kept == list(range(600 - len(kept), 600)), "the oldest are dropped, and only they"
    assert len(kept) > 60, "no more is dropped than must be"


def test_a_full_cache_is_emptied_down_to_nine_tenths(path):
    clock, limit = Clock(), 2_000_000
    kept = []
    with ReplyCache(path, limit, clock) as cache:
        for i in range(5000):
            clock.now += 1
            cache.put(MODEL, request(str(i)), numbered(i))
            if i % 20 == 0:
                kept.append(cache.info().entries)
    full = max(kept)
    least = min(kept[kept.index(full) :])
    assert 0.87 * full < least < 0.93 * full


def test_a_limit_that_was_lowered_shrinks_the_file(path):
    clock = Clock()
    with ReplyCache(path, clock=clock) as cache:
        for i in range(2000):
            clock.now += 1
            cache.put(MODEL, request(str(i)), numbered(i))
    assert path.stat().st_size > 1_000_000
    with ReplyCache(path, 300_000, clock) as cache:
        clock.now += 1
        cache.put(MODEL, request("new"), numbered(-1))
        assert cache.get(MODEL, request("new")) == numbered(-1)
        assert cache.get(MODEL, request("1999")) == numbered(1999)
    assert path.stat().st_size <= 330_000


def test_what_is_used_stays(path):
    clock, limit = Clock(), 300_000
    favourite = request("asked again and again")
    with ReplyCache(path, limit, clock) as cache:
        cache.put(MODEL, favourite, numbered(-1))
        for i in range(1000):
            clock.now += HOUR
            cache.put(MODEL, request(str(i)), numbered(i))
            if i % 20 == 0:
                assert cache.get(MODEL, favourite) == numbered(-1)
        assert cache.get(MODEL, request("0")) is None
        assert cache.get(MODEL, favourite) == numbered(-1)


def test_uses_are_remembered_from_run_to_run(path):
    clock, limit = Clock(), 300_000
    with ReplyCache(path, limit, clock) as cache:
        for i in range(100):
            cache.put(MODEL, request(str(i)), numbered(i))
    clock.now += 2 * HOUR
    with ReplyCache(path, limit, clock) as cache:
        assert cache.get(MODEL, request("0")) == numbered(0)
    clock.now += HOUR
    with ReplyCache(path, limit, clock) as cache:
        for i in range(100, 400):
            cache.put(MODEL, request(str(i)), numbered(i))
        assert cache.get(MODEL, request("1")) is None
        assert cache.get(MODEL, request("0")) == numbered(0)


def test_a_hit_writes_nothing(path):
    clock = Clock()
    watcher = None
    with ReplyCache(path, clock=clock) as cache:
        for i in range(300):
            cache.put(MODEL, request(str(i)), numbered(i))
        watcher = sqlite3.connect(path)
        version = watcher.execute("PRAGMA data_version").fetchone()
        clock.now += HOUR - 1
        for i in range(300):
            assert cache.get(MODEL, request(str(i))) == numbered(i)
        assert watcher.execute("PRAGMA data_version").fetchone() == version
        clock.now += 1
        for i in range(300):
            assert cache.get(MODEL, request(str(i))) == numbered(i)
        assert watcher.execute("PRAGMA data_version").fetchone() != version
    watcher.close()


def test_a_reply_larger_than_the_cache_is_not_kept(path):
    with ReplyCache(path, 100_000) as cache:
        cache.put(MODEL, request("small"), numbered(1))
        cache.put(MODEL, request("large"), numbered(2, size=200_000))
        assert cache.get(MODEL, request("large")) is None
        assert cache.get(MODEL, request("small")) == numbered(1)


# --- what a person asks for -----------------------------------------------------------------------------------------


@pytest.fixture
def filled(path):
    clock = Clock()
    with ReplyCache(path, clock=clock) as cache:
        for day in range(3):
            for i in range(40):
                cache.put("a", request(f"{day} {i}", "caption"), numbered(i))
                cache.put("a", request(f"{day} {i}", "reason"), numbered(i))
            cache.put("b", request(f"{day}", "reason"), numbered(day, size=5))
            clock.now += 24 * HOUR
        yield cache


def test_info_tells_entries_and_bytes(filled, path):
    found = filled.info()
    assert found.path == path
    assert found.entries == 243 - 120  # equal conversations are one request, whatever prompt they were made from
    assert {name: one.entries for name, one in found.models.items()} == {"a": 120, "b": 3}
    assert list(found.models) == ["a", "b"]
    assert found.models["a"].bytes > 120 * 500
    assert found.models["b"].bytes < 1000
    assert found.bytes == sum(file.stat().st_size for file in path.parent.iterdir())


@pytest.mark.parametrize(
    ("which", "removed"),
    [
        ({}, 123),
        ({"model": "b"}, 3),
        ({"model": "c"}, 0),
        ({"prompt": "reason"}, 123),
        ({"prompt": "caption"}, 0),
        ({"older_than": timedelta(days=1, hours=12)}, 82),
        ({"older_than": timedelta(days=9)}, 0),
        ({"model": "b", "older_than": timedelta(days=1, hours=12)}, 2),
        ({"model": "b", "prompt": "caption"}, 0),
    ],
)
def test_clear_removes_what_was_meant(filled, which, removed):
    before = filled.info().entries
    assert filled.clear(**which) == removed
    assert filled.info().entries == before - removed
    assert (filled.get("b", request("2", "reason")) is None) == (which in ({}, {"model": "b"}, {"prompt": "reason"}))


def test_clear_gives_the_space_back(path):
    with ReplyCache(path) as cache:
        for i in range(2500):
            cache.put(MODEL, request(str(i)), numbered(i))
        cache.put("other", request(), numbered(1))
        before = cache.info().bytes
        assert cache.clear(model=MODEL) == 2500
        assert cache.info().bytes < before / 10
        assert cache.get("other", request()) == numbered(1)
        cache.put(MODEL, request("1"), numbered(1))
        assert cache.get(MODEL, request("1")) == numbered(1)


def test_clear_while_another_process_has_the_file_open(path):
    with ReplyCache(path) as other, ReplyCache(path) as cache:
        for i in range(50):
            other.put(MODEL, request(str(i)), numbered(i))
        assert cache.clear() == 50
        assert other.get(MODEL, request("1")) is None
        other.put(MODEL, request("1"), numbered(1))
        assert cache.get(MODEL, request("1")) == numbered(1)
        assert not other.trouble


def test_a_cache_nobody_filled_is_not_made(path):
    with ReplyCache(path) as cache:
        assert (cache.info().entries, cache.info().bytes, cache.clear()) == (0, 0, 0)
    assert not path.parent.exists()


def test_a_closed_cache_can_be_used_again(path):
    cache = ReplyCache(path)
    cache.put(MODEL, request(), numbered(1))
    cache.close()
    cache.close()
    assert cache.get(MODEL, request()) == numbered(1)
    cache.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_where_replies_are_kept():
    assert default_cache_path({"RULER_CACHE": "/x/y.sqlite", "XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path(
        "/x/y.sqlite"
    )
    assert default_cache_path({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/ruler/replies.sqlite")
    assert default_cache_path({"XDG_CACHE_HOME": "relative", "HOME": "/h"}) == Path("/h/.cache/ruler/replies.sqlite")
    assert default_cache_path({"RULER_CACHE": "", "HOME": "/h"}) == Path("/h/.cache/ruler/replies.sqlite")


def test_the_environment_says_where_replies_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("RULER_CACHE", str(tmp_path / "mine.sqlite"))
    assert default_cache_path() == tmp_path / "mine.sqlite"
