"""Perception of several videos at once: inputs and a run's folder in; their observations in that folder out.

Processes are spawned, not forked, since OpenCV's threads do not survive a fork, and each of them uses one thread.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from threading import current_thread, main_thread

import cv2

from ruler.config import Settings
from ruler.errors import DataError
from ruler.perception.motion import SceneGeometry
from ruler.pipeline.inputs import Input
from ruler.pipeline.watch import Watch
from ruler.rundir import RunFolder, VideoFolder, VideoStatus
from ruler.schema import FloatArray, Observation, VideoInfo


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a video whose observations are written.

    Attributes:
        info: of the video.
        times: (T,) seconds of every frame.
        notes: what a person should know.
        skipped: number of frames that could not be decoded.
    """

    info: VideoInfo
    times: FloatArray
    notes: tuple[str, ...]
    skipped: int


@dataclass(frozen=True, slots=True)
class Task:
    """One video to be observed."""

    source: Input
    settings: Settings
    geometry: SceneGeometry | None
    folder: Path


def observe(
    watch: Watch, folder: VideoFolder, advance: Callable[[int], None] = lambda _: None, parent: int | None = None
) -> Watched:
    """Write the observations a folder lacks; those of an interrupted run stay as they are.

    Args:
        watch: the video.
        folder: of the video in the run.
        advance: called with 1 for each frame.
        parent: number of the process this one works for; when that is gone, nothing more is written.
    """
    after, ids = -1, 0
    for known in folder.observations() if folder.last_frame is not None else ():
        after, ids = known.frame, max([ids, *(thing.track_id for thing in known.objects)])
        advance(1)

    def counted() -> Iterator[Observation]:
        for observation in watch.observations(after, ids):
            if parent is not None and os.getppid() != parent:
                raise SystemExit(1)
            advance(1)
            yield observation

    folder.append_observations(counted())
    return Watched(watch.info, watch.times(), watch.notes, len(watch.skipped))


def observe_all(
    tasks: Sequence[Task], jobs: int, advance: Callable[[int], None] = lambda _: None
) -> dict[str, Watched | DataError]:
    """Observe videos, several at once.

    Args:
        tasks: one for each video.
        jobs: processes.
        advance: called with the number of frames of each finished video.

    Returns:
        Name of the video → what is known of it, or why it could not be used.
    """
    found: dict[str, Watched | DataError] = {}
    with _started(min(jobs, len(tasks))) as pool:
        for name, watched in pool.imap_unordered(_observe, [(task, os.getpid()) for task in tasks]):
            found[name] = watched
            advance(len(watched.times) if isinstance(watched, Watched) else 0)
    return found


def _started(jobs: int) -> Pool:
    """A pool whose processes are deaf to Ctrl-C from their first moment: the parent is interrupted, and ends them."""
    if current_thread() is not main_thread():
        return get_context("spawn").Pool(jobs, initializer=_begin)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return get_context("spawn").Pool(jobs, initializer=_begin)
    finally:
        signal.signal(signal.SIGINT, before)


def worth_it(inputs: Sequence[Input], run: RunFolder, jobs: int) -> list[Input]:
    """The inputs that are better looked at in processes of their own: files and folders not yet done, if several."""
    done = {name for name, record in run.record.videos.items() if record.status is VideoStatus.DONE}
    # Calls under way belong to one process, so that the budget and their number are kept.
    waiting = [source for source in inputs if source.uses_motion and isinstance(source.video, Path) and not source.vlm]
    waiting = [source for source in waiting if source.name not in done]
    return waiting if jobs > 1 and len(waiting) > 1 else []


def _begin() -> None:
    # The parent is interrupted and ends its workers; they say nothing of their own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _observe(given: tuple[Task, int]) -> tuple[str, Watched | DataError]:
    task, parent = given
    folder = VideoFolder(task.folder)
    try:
        with Watch(task.source, task.settings, task.geometry) as watch:
            return task.source.name, observe(watch, folder, parent=parent)
    except DataError as error:
        return task.source.name, error
    finally:
        folder.close()
