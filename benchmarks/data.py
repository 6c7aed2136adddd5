"""Where the public data lies: `../shared/data` beside the checkout, or the folder that RULER_DATA names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]

ROOT = Path(os.environ.get("RULER_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))


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
