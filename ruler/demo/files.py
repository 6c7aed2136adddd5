"""The demo's clips as files: videos, captions, labels and exact truth in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from ruler.demo.camera import CAMERA
from ruler.demo.clips import DEMO_CLIPS, states
from ruler.demo.render import render_clip
from ruler.demo.scene import FRAME_RATE, DemoClip
from ruler.demo.truth import describe, labels
from ruler.errors import RunFolderError
from ruler.schema import Picture
from ruler.video.writer import write_video

Progress = Callable[[str, int, int], None]
"""Called with the name of a finished clip, the frames done so far and the frames in all."""


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where the demo's files lie.

    Attributes:
        folder: the folder that holds them all.
        normal: videos of normal footage.
        test: videos to be judged.
        captions: one file per video, one line per frame, by the name of the video.
        labels: one `.npy` per test video (uint8, 1 where an anomaly is visible), by the name of the video.
        truth: JSON with the events of every clip.
    """

    folder: Path
    normal: tuple[Path, ...]
    test: tuple[Path, ...]
    captions: dict[str, Path]
    labels: dict[str, Path]
    truth: Path


def write_demo(
    folder: Path, progress: Progress | None = None, *, clips: Sequence[DemoClip] = DEMO_CLIPS, workers: int = 2
) -> DemoFiles:
    """Draw the demo's clips into a folder; what is finished there already is left alone, unless the clips were others.

    Files: `normal/NAME.mp4`, `test/NAME.mp4`, `captions/NAME.txt`, `labels/NAME.npy`, `truth.json`.

    Args:
        folder: made where it is missing.
        progress: called after each clip.
        clips: what to draw.
        workers: processes to draw with; 1 draws in this process.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    files = demo_files(folder, clips)
    try:
        for path in (folder / "normal", folder / "test", folder / "captions", folder / "labels"):
            path.mkdir(parents=True, exist_ok=True)
        truth = _truth(clips)
        if files.truth.exists() and files.truth.read_text(encoding="utf-8") != truth:
            _forget(files)
        for clip in clips:
            _write_words(folder, clip)
        _whole(files.truth, lambda path: path.write_text(truth, encoding="utf-8"))
        _draw_all(folder, sorted(clips, key=lambda clip: -clip.frames), progress, workers)
    except OSError as error:
        raise RunFolderError(
            f"cannot be written ({error.strerror or error})", where=folder, hint="choose another folder with -o"
        ) from error
    return files


def demo_files(folder: Path, clips: Sequence[DemoClip] = DEMO_CLIPS) -> DemoFiles:
    """Where `write_demo` puts its files; nothing is read or written."""
    return DemoFiles(
        folder=folder,
        normal=tuple(_video(folder, clip) for clip in clips if clip.kind == "normal"),
        test=tuple(_video(folder, clip) for clip in clips if clip.kind == "test"),
        captions={clip.name: folder / "captions" / f"{clip.name}.txt" for clip in clips},
        labels={clip.name: folder / "labels" / f"{clip.name}.npy" for clip in clips if clip.kind == "test"},
        truth=folder / "truth.json",
    )


def _forget(files: DemoFiles) -> None:
    """Remove what was drawn from other clips under the same names."""
    for path in (*files.normal, *files.test, *files.captions.values(), *files.labels.values()):
        path.unlink(missing_ok=True)


def _video(folder: Path, clip: DemoClip) -> Path:
    return folder / clip.kind / f"{clip.name}.mp4"


def _draw_all(folder: Path, clips: Sequence[DemoClip], progress: Progress | None, workers: int) -> None:
    todo = [clip for clip in clips if not _video(folder, clip).exists()]
    total = sum(clip.frames for clip in clips)
    done = total - sum(clip.frames for clip in todo)
    if workers <= 1 or len(todo) <= 1:
        for clip in todo:
            _draw(folder, clip)
            done += clip.frames
            if progress:
                progress(clip.name, done, total)
        return
    # Spawned, not forked: OpenCV's threads do not survive a fork.
    with ProcessPoolExecutor(min(workers, len(todo)), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_draw, folder, clip): clip for clip in todo}
        for future in as_completed(running):
            future.result()
            done += running[future].frames
            if progress:
                progress(running[future].name, done, total)


def _draw(folder: Path, clip: DemoClip) -> None:
    cv2.setNumThreads(1)
    _whole(_video(folder, clip), partial(_encode, pictures=render_clip(clip)))


def _encode(path: Path, pictures: Iterable[Picture]) -> None:
    write_video(path, pictures, FRAME_RATE, options={"crf": "22", "preset": "veryfast", "threads": "1"})


def _write_words(folder: Path, clip: DemoClip) -> None:
    captions = folder / "captions" / f"{clip.name}.txt"
    if not captions.exists():
        lines = "".join(f"{describe(state)}\n" for state in states(clip))
        _whole(captions, lambda path: path.write_text(lines, encoding="utf-8"))
    marks = folder / "labels" / f"{clip.name}.npy"
    if clip.kind == "test" and not marks.exists():
        _whole(marks, lambda path: _save(path, labels(clip)))


def _save(path: Path, array: object) -> None:
    with path.open("wb") as file:
        np.save(file, np.asarray(array))


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write under another name first, so that a file that is there is a whole one."""
    part = path.with_name(f".part-{path.name}")
    write(part)
    part.replace(path)


def _truth(clips: Sequence[DemoClip]) -> str:
    rows = [
        {
            "name": clip.name,
            "kind": clip.kind,
            "frames": clip.frames,
            "events": [
                {"kind": e.kind, "where": e.where, "start_frame": e.start_frame, "end_frame": e.end_frame}
                for e in clip.events
            ],
        }
        for clip in clips
    ]
    head = {"schema": 1, "frame_rate": FRAME_RATE, "width": CAMERA.width, "height": CAMERA.height, "clips": rows}
    return json.dumps(head, indent=1) + "\n"
