"""The cache under several processes and threads at once: nothing is lost, nothing breaks, one limit holds for all."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from ruler.llm.base import Message, Reply, Request, TokenUsage
from ruler.llm.cache import ReplyCache

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


WRITER = """
import sys
from pathlib import Path
from ruler.llm.base import Message, Reply, Request
from ruler.llm.cache import ReplyCache

path, me, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with ReplyCache(path, int(sys.argv[4])) as cache:
    for i in range(count):
        asked = Request((Message("user", f"{me} {i}"),), "caption")
        cache.put("m", asked, Reply(f"{me} {i} " + "x" * 300))
        assert cache.get("m", asked).text.startswith(f"{me} {i} "), (me, i)
        cache.get("m", Request((Message("user", f"{(me + 1) % 4} {i}"),), "caption"))
    assert not cache.trouble, cache.trouble
    assert not cache.note, cache.note
"""


def start(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def writers(path, number, count, limit=1 << 30):
    """Processes that begin at the same moment, on a file that is not there yet."""
    started = [start(WRITER, path, me, count, limit) for me in range(number)]
    try:
        for process in started:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_several_processes_use_one_file(path):
    with writers(path, 4, 150) as started:
        for process in started:
            said = process.communicate(timeout=120)
            assert process.returncode == 0, said
    with ReplyCache(path) as cache:
        assert cache.info().entries == 600
        for me in range(4):
            for i in range(150):
                assert cache.get("m", request(f"{me} {i}")).text.startswith(f"{me} {i} ")
        assert not cache.trouble


def test_several_processes_keep_to_one_limit(path):
    with writers(path, 2, 300, limit=150_000) as started:
        for process in started:
            said = process.communicate(timeout=120)
            assert process.returncode == 0, said
    assert path.stat().st_size <= 165_000


def test_a_process_that_is_killed_breaks_nothing(path):
    with writers(path, 2, 100_000) as started:
        with ReplyCache(path) as cache:
            while cache.info().entries < 50:
                assert all(process.poll() is None for process in started), started[0].stderr.read()
        for process in started:
            process.send_signal(signal.SIGKILL)
            process.wait()
    with ReplyCache(path) as cache:
        entries = cache.info().entries
        assert entries >= 50
        cache.put(MODEL, request(), numbered(1))
        assert cache.get(MODEL, request()) == numbered(1)
        assert cache.info().entries == entries + 1
        assert not cache.note
        assert not cache.trouble
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


FORKED = """
import os, sys
from pathlib import Path
from ruler.llm.base import Message, Reply, Request
from ruler.llm.cache import ReplyCache

def asked(text):
    return Request((Message("user", text),))

def opened():
    links = Path("/proc/self/fd").glob("*")
    return sum(os.path.realpath(link) == os.path.realpath(sys.argv[1]) for link in links)

cache = ReplyCache(Path(sys.argv[1]))
cache.put("m", asked("before"), Reply("before"))
child = os.fork()
if child == 0:
    inherited = opened()
    cache.put("m", asked("child"), Reply("child"))
    ok = cache.get("m", asked("before")) == Reply("before") and not cache.trouble
    ok = ok and (opened() > inherited or sys.platform != "linux")  # the parent's connection is left alone
    cache.close()
    os._exit(0 if ok else 1)
assert os.waitpid(child, 0)[1] == 0
assert cache.get("m", asked("child")) == Reply("child")
cache.put("m", asked("after"), Reply("after"))
cache.close()
with ReplyCache(Path(sys.argv[1])) as again:
    assert again.info().entries == 3, again.info()
"""


def test_both_sides_of_a_fork_use_the_file(path):
    said = subprocess.run(
        [sys.executable, "-c", FORKED, str(path)], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr


def test_threads_share_one_cache(path):
    wrong = []

    def work(me):
        for i in range(50):
            cache.put(MODEL, request(f"{me} {i}"), numbered(i))
            if cache.get(MODEL, request(f"{me} {i}")) != numbered(i):
                wrong.append((me, i))

    with ReplyCache(path) as cache:
        threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert cache.info().entries == 200
