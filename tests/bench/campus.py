"""A made-up dataset: two scenes of people on foot, of whom some hurry and wave; records in the public layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

CALM = ("A person is walking along the path.", "A person is standing at the railing.", "Two people are walking.")
ODD = "A person is waving and whirling on the path."
SCENES = ("01", "02")
TRAINING, FRAMES = 5, 120


def make_campus(root: Path, testing: int = 3, *, training: int = TRAINING, first: int = 1) -> Path:
    """Write records as ShanghaiTech's lie; test videos are SCENE_NNNN, counted from `first`."""
    for scene in SCENES:
        for number in range(1, training + 1):
            name = f"{scene}_{number:03d}"
            write_tracks(root / "tracks" / "training" / f"{name}.txt", name, [])
        for number in range(first, first + testing):
            name = f"{scene}_{number:04d}"
            odd = [(50 + 5 * number, 85 + 5 * number)] if (number - first) % 3 != 2 else []
            labels = np.zeros(FRAMES, np.uint8)
            for start, end in odd:
                labels[start:end] = 1
            save_labels(root / "labels" / f"{name}.npy", labels)
            write_captions(root / "captions" / f"{name}.txt", labels, name)
            write_tracks(root / "tracks" / "testing" / f"{name}.txt", name, odd)
    return root


def save_labels(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, labels)


def write_captions(path: Path, labels: np.ndarray, name: str) -> None:
    random = np.random.default_rng([int(part) for part in name.split("_")])
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [ODD if y else CALM[int(random.integers(len(CALM)))] for y in labels]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_tracks(path: Path, name: str, odd: Sequence[tuple[int, int]]) -> None:
    """Three people at a walking pace, and one five times as fast in each odd stretch; frames from 1."""
    random = np.random.default_rng([*(int(part) for part in name.split("_")), "training" in path.parts])
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[int, str]] = []
    for track in range(1, 4):
        x, pace = random.uniform(0, 300), random.uniform(1.0, 2.0)
        for t in range(FRAMES):
            x += pace + random.normal(0, 0.05)
            rows.append((t + 1, f"{track},{x:.2f},{100 + 20 * track},25,60,1,-1,-1,-1"))
    for number, (start, end) in enumerate(odd):
        hurrying = range(start, end)
        rows += [(t + 1, f"{10 + number},{10 + 9 * (t - start)},150,25,60,1,-1,-1,-1") for t in hurrying]
    path.write_text("".join(f"{t},{row}\n" for t, row in sorted(rows)), encoding="utf-8")
