"""Progress of long work: tasks in, bars with the time left out, on a terminal's stderr; never on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress


class Advance(Protocol):
    """Says that a task went on."""

    def __call__(self, steps: int = 1) -> None:
        """Count `steps` more as done."""


class Progress(Protocol):
    """Where long work says how far it is."""

    def task(self, description: str, total: int | None = None) -> Advance:
        """Begin a task.

        Args:
            description: what is done, in a word or two; shown as it is, never as markup.
            total: number of steps; None where only the end will tell.

        Returns:
            What to call after each step.
        """


class NoProgress:
    """Shows nothing."""

    def task(self, description: str, total: int | None = None) -> Advance:
        """Begin a task nobody sees."""
        return _ignore


@contextmanager
def show_progress(
    *,
    quiet: bool = False,
    verbose: bool = False,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Progress]:
    """Show progress while the block runs.

    Args:
        quiet: show nothing, wherever stderr goes.
        verbose: where stderr is no terminal, write a line for each task that was begun and ended.
        stream: where to write; stderr if None.
        clock: seconds, for the lines.

    Yields:
        Bars with the time left where the stream is a terminal, else lines or nothing.
    """
    out = sys.stderr if stream is None else stream
    if quiet:
        yield NoProgress()
    elif out.isatty():
        with _bars(out) as bars:
            yield _Bars(bars)
    elif verbose:
        lines = _Lines(out, clock)
        try:
            yield lines
        finally:
            lines.close()
    else:
        yield NoProgress()


def _ignore(steps: int = 1) -> None:
    """Nobody watches."""


def _bars(out: TextIO) -> RichProgress:
    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(compact=True),
        console=Console(file=out),
        transient=True,
        redirect_stdout=False,
        refresh_per_second=4,
    )


class _Bars:
    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars

    def task(self, description: str, total: int | None = None) -> Advance:
        number = self._bars.add_task(description, total=total)

        def advance(steps: int = 1) -> None:
            self._bars.advance(number, steps)

        return advance


class _Lines:
    def __init__(self, out: TextIO, clock: Callable[[], float]) -> None:
        self._out = out
        self._clock = clock
        self._open: list[tuple[str, list[int], float]] = []

    def task(self, description: str, total: int | None = None) -> Advance:
        of = "" if total is None else f": {total} steps"
        print(f"{description}{of}", file=self._out, flush=True)
        done = [0]
        self._open.append((description, done, self._clock()))

        def advance(steps: int = 1) -> None:
            done[0] += steps

        return advance

    def close(self) -> None:
        for description, done, began in self._open:
            print(f"{description}: {done[0]} done, {self._clock() - began:.1f} s", file=self._out, flush=True)
