"""Progress: bars on a terminal, lines where asked for, nothing on stdout."""

from __future__ import annotations

import io

import pytest

from ruler.progress import NoProgress, show_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def work(stream: io.StringIO, **options: bool) -> str:
    times = iter([0.0, 2.5])
    with show_progress(stream=stream, clock=lambda: next(times), **options) as progress:
        advance = progress.task("a [bold]video[/bold].mp4", total=3)
        advance()
        advance(2)
    return stream.getvalue()


def test_a_terminal_shows_a_bar_and_takes_names_as_they_are(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    shown = work(Terminal())
    assert "[bold]video[/bold].mp4" in shown
    assert "3/3" in shown
    assert capsys.readouterr() == ("", "")


def test_the_time_left_is_unknown_without_a_total(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with show_progress(stream=stream) as progress:
        progress.task("a stream")(7)
    assert "7/?" in stream.getvalue()


def test_elsewhere_nothing_is_shown_unless_asked_for(capsys):
    assert work(io.StringIO()) == ""
    assert work(Terminal(), quiet=True) == ""
    assert work(io.StringIO(), quiet=True, verbose=True) == ""
    assert work(io.StringIO(), verbose=True) == (
        "a [bold]video[/bold].mp4: 3 steps\na [bold]video[/bold].mp4: 3 done, 2.5 s\n"
    )
    assert capsys.readouterr() == ("", "")


def test_lines_say_how_far_interrupted_work_came():
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt), show_progress(stream=stream, verbose=True) as progress:
        progress.task("a")(2)
        raise KeyboardInterrupt
    assert stream.getvalue().splitlines()[-1].startswith("a: 2 done")


def test_no_progress_takes_everything(capsys):
    advance = NoProgress().task("a", 3)
    advance()
    advance(5)
    assert capsys.readouterr() == ("", "")
