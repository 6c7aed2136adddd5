"""A function and its tasks in; their results, as they end, out: from processes of their own, or right here.

Processes are spawned, since OpenCV's threads do not survive a fork, and each uses one thread of OpenCV.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.pool import Pool
from threading import current_thread, main_thread
from types import TracebackType
from typing import Self, TypeVar

import cv2

Task = TypeVar("Task")
Result = TypeVar("Result")


class Workers:
    """Processes that are started when first needed; a context manager that ends them.

    Args:
        jobs: how many; 1 works in this process.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._pool: Pool | None = None

    def __enter__(self) -> Self:
        """The workers themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes; at once where something went wrong."""
        if self._pool is not None:
            self._pool.terminate() if kind is not None else self._pool.close()
            self._pool.join()

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Call a function of a module with every task.

        Args:
            function: importable by its name.
            tasks: the slow ones first, so that none is waited for at the end.

        Yields:
            Each result as it is ready. What a call raises is raised here.
        """
        if self.jobs == 1 or len(tasks) < 2:
            yield from map(function, tasks)
            return
        if self._pool is None:
            self._pool = _started(self.jobs)
        yield from self._pool.imap_unordered(function, tasks)


def _started(jobs: int) -> Pool:
    """A pool deaf to Ctrl-C from its first moment: the parent is interrupted, and ends it."""
    if current_thread() is not main_thread():
        return get_context("spawn").Pool(jobs, initializer=_begin)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return get_context("spawn").Pool(jobs, initializer=_begin)
    finally:
        signal.signal(signal.SIGINT, before)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
