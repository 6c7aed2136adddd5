"""Where the public data lies: `../shared/data` beside the checkout, or the folder that RULER_DATA names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]

ROOT = Path(os.environ.get("RULER_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))


FRAME_RATES = {"ped2": 10.0, "avenue": 25.0, "shanghaitech": 24.0}
"""Frames per second: of the videos, or as usually given where the pictures carry none."""


def present(dataset: str) -> bool:
    """Whether a dataset is there; says so on stdout where it is not."""
    if (ROOT / dataset).is_dir():
        return True
    print(f"{dataset}: not found under {ROOT}; skipped (RULER_DATA names another folder)")
    return False


def labels(dataset: str, videos: Sequence[str]) -> dict[str, Labels]:
    """Frame labels, 0 or 1, of each video, (T,)."""
    return {video: np.load(ROOT / dataset / "labels" / f"{video}.npy") for video in videos}


def videos(dataset: str, part: str) -> list[Path]:
    """Folders of frames of one part ("training" or "testing"), in order."""
    return sorted((ROOT / dataset / part / "frames").iterdir())


def row(*cells: object) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(header: Sequence[str], rows: Iterator[Sequence[object]] | Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(row(*header))
    print(row(*("---" for _ in header)))
    for cells in rows:
        print(row(*cells))
    print(flush=True)


def normal_frames(labels: Labels, margin: int = 40) -> NDArray[np.bool_]:
    """Frames that are labelled normal and lie at least `margin` frames from any anomalous one, (T,)."""
    near = np.convolve(labels.astype(float), np.ones(2 * margin + 1), "same") > 0 if len(labels) else labels > 0
    return ~np.asarray(near[: len(labels)], bool)


def write_normal_captions(dataset: str, videos: Sequence[str], out: Path, margin: int = 40) -> list[str]:
    """Write the captions of the normal frames of test videos as a reference: `VIDEO.jsonl`, frames and times kept.

    Captions of the training videos were never published; these stand in for them.

    Args:
        dataset: folder under `ROOT`.
        videos: test videos.
        out: made where it is missing.
        margin: frames that must lie between them and any anomaly.

    Returns:
        The videos that have any.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for video in videos:
        captions = (ROOT / dataset / "captions" / f"{video}.txt").read_text(encoding="utf-8").split("\n")
        quiet = np.flatnonzero(normal_frames(np.load(ROOT / dataset / "labels" / f"{video}.npy"), margin))
        lines = [
            json.dumps({"frame": t, "time": round(t / FRAME_RATES[dataset], 4), "caption": captions[t]})
            for t in quiet.tolist()
        ]
        if lines:
            (out / f"{video}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
            written.append(video)
    return written


def captioned_videos(dataset: str) -> list[str]:
    """Names of the test videos with captions, in order."""
    return sorted(path.stem for path in (ROOT / dataset / "captions").glob("*.txt"))
