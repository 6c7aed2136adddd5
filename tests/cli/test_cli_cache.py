"""`ruler cache`: what is kept is told, and removed only when that is wanted."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
import typer

from ruler.cli import cache as command
from ruler.errors import UsageError
from ruler.llm.base import Message, Reply, Request
from ruler.llm.cache import ReplyCache


@pytest.fixture
def path(monkeypatch, tmp_path):
    path = tmp_path / "kept" / "replies.sqlite"
    monkeypatch.setenv("RULER_CACHE", str(path))
    return path


@pytest.fixture
def run(capsys, path):
    """Call `ruler cache ARGS` in this process: the exit code, and what stands on stdout and stderr."""
    app = typer.Typer()
    app.add_typer(command.app, name="cache")

    @app.callback()
    def _root() -> None:
        """Make `cache` a sub-command here as well."""

    def call(*arguments):
        code = app(["cache", *arguments], standalone_mode=False)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def asked(text, prompt):
    return Request((Message("user", text),), prompt)


@pytest.fixture
def filled(path):
    """Seven replies: four captions, forty days old, and three of an hour ago."""
    with ReplyCache(path, clock=lambda: time.time() - 40 * 86400) as cache:
        for i in range(4):
            cache.put("ollama:qwen3-vl", asked(str(i), "caption"), Reply("x" * 1000))
    with ReplyCache(path, clock=lambda: time.time() - 3600) as cache:
        for i in range(2):
            cache.put("openai:gpt-5-mini", asked(str(i), "reason"), Reply("y"))
        cache.put("ollama:qwen3-vl", asked("r", "reason"), Reply("z"))
    return path


def entries(path):
    with ReplyCache(path) as cache:
        return {name: one.entries for name, one in cache.info().models.items()}


def test_info_of_nothing(run, path):
    code, out, err = run("info")
    assert (code, out, err) == (0, f"{path}: 0 replies, 0 B\n", "")
    assert json.loads(run("info", "--json")[1]) == {"path": str(path), "entries": 0, "bytes": 0, "models": {}}
    assert not path.exists()


def test_info(run, filled):
    code, out, _ = run("info")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith(f"{filled}: 7 replies, ")
    assert lines[0].endswith(" kB")
    assert lines[1].split() == ["ollama:qwen3-vl", "5", "replies,", *lines[1].split()[-2:]]
    assert lines[2].split()[:3] == ["openai:gpt-5-mini", "2", "replies,"]
    found = json.loads(run("info", "--json")[1])
    assert found["path"] == str(filled)
    assert found["entries"] == 7
    assert found["bytes"] >= filled.stat().st_size
    assert {name: one["entries"] for name, one in found["models"].items()} == {
        "ollama:qwen3-vl": 5,
        "openai:gpt-5-mini": 2,
    }
    assert found["models"]["ollama:qwen3-vl"]["bytes"] > 4000


@pytest.mark.parametrize(
    ("options", "removed", "left"),
    [
        ([], "7 replies", {}),
        (["--model", "openai:gpt-5-mini"], "2 replies", {"ollama:qwen3-vl": 5}),
        (["--prompt", "caption"], "4 replies", {"ollama:qwen3-vl": 1, "openai:gpt-5-mini": 2}),
        (["--prompt", "reason", "--model=ollama:qwen3-vl"], "1 reply", {"ollama:qwen3-vl": 4, "openai:gpt-5-mini": 2}),
        (["--older-than", "30d"], "4 replies", {"ollama:qwen3-vl": 1, "openai:gpt-5-mini": 2}),
        (["--older-than", "5.5w"], "4 replies", {"ollama:qwen3-vl": 1, "openai:gpt-5-mini": 2}),
        (["--older-than", "6w"], "0 replies", {"ollama:qwen3-vl": 5, "openai:gpt-5-mini": 2}),
        (["--older-than", "30m"], "7 replies", {}),
        (["--older-than", "3599 s"], "7 replies", {}),
        (["--older-than", "2h"], "4 replies", {"ollama:qwen3-vl": 1, "openai:gpt-5-mini": 2}),
    ],
)
def test_clear(run, filled, options, removed, left):
    assert run("clear", "-y", *options) == (0, f"{removed} removed from {filled}\n", "")
    assert entries(filled) == left


def test_another_file(run, filled, tmp_path):
    other = tmp_path / "other.sqlite"
    with ReplyCache(other) as cache:
        cache.put("m", asked("a", "caption"), Reply("a"))
    assert json.loads(run("info", "--json", "--file", str(other))[1])["entries"] == 1
    assert run("clear", "-y", "--file", str(other))[1] == f"1 reply removed from {other}\n"
    assert sum(entries(filled).values()) == 7


class Terminal:
    """Somebody at a terminal who gives one answer."""

    def __init__(self, answer):
        self.answer = answer

    def isatty(self):
        return True

    def readline(self, *_):
        return f"{self.answer}\n"


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 7), ("", 7)])
def test_whoever_can_be_asked_is_asked(run, filled, monkeypatch, answer, left):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    code, out, err = run("clear")
    assert code == 0
    assert f"All replies kept in {filled} will be removed" in err
    assert out.endswith(f"7 replies removed from {filled}\n" if not left else "nothing was removed\n")
    assert sum(entries(filled).values()) == left


def test_nothing_is_removed_where_nobody_can_be_asked(run, filled, monkeypatch):
    with Path("/dev/null").open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        with pytest.raises(UsageError, match=r"nothing was removed.*give -y"):
            run("clear")
    assert sum(entries(filled).values()) == 7


@pytest.mark.parametrize("age", ["30", "d", "30 days", "-1d", "1y", "", "1e3d", "9999999d"])
def test_an_age_that_is_none(run, filled, age):
    with pytest.raises(UsageError, match=r"--older-than: .* is no time; write 30d"):
        run("clear", "-y", f"--older-than={age}")
    assert sum(entries(filled).values()) == 7


def test_a_cache_that_cannot_be_opened_is_told(run, path):
    path.mkdir(parents=True)
    for arguments in (["info"], ["clear", "-y"]):
        with pytest.raises(UsageError, match=r"replies\.sqlite: cannot be \w+ \(unable to open"):
            run(*arguments)


def test_a_broken_cache_is_set_aside_and_told(run, path):
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    code, out, err = run("info")
    assert code == 0
    assert "replies.sqlite.broken" in err
    assert out.startswith(f"{path}: 0 replies")
