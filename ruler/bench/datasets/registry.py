"""The name of a dataset and its folder in; the dataset out, read by ours or by somebody's plugged-in adapter."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import get_args

from ruler.bench.datasets.avenue import load_avenue
from ruler.bench.datasets.base import BenchDataset, GroundTruth
from ruler.bench.datasets.folder import load_folder
from ruler.bench.datasets.shanghaitech import load_shanghaitech
from ruler.bench.datasets.ubnormal import load_ubnormal
from ruler.bench.datasets.ucsd import load_ped1, load_ped2
from ruler.errors import DataError, UsageError

ENTRY_POINTS = "ruler.datasets"
"""Entry-point group of other people's datasets: name → callable(root, ground_truth) → BenchDataset."""

Loader = Callable[[Path, GroundTruth], BenchDataset]

_OURS: dict[str, Loader] = {
    "avenue": load_avenue,
    "folder": load_folder,
    "ped1": load_ped1,
    "ped2": load_ped2,
    "shanghaitech": load_shanghaitech,
    "ubnormal": load_ubnormal,
}


def dataset_names() -> list[str]:
    """Names that `load_dataset` knows, those of plug-ins included, sorted."""
    return sorted({*_OURS, *_plugged()})


def load_dataset(name: str, root: Path, ground_truth: GroundTruth = "auto") -> BenchDataset:
    """Read a dataset from its folder. Nothing is decoded: pictures are listed and containers asked for their length.

    Args:
        name: "avenue", "folder", "ped1", "ped2", "shanghaitech", "ubnormal", or the name of a plug-in (entry-point
            group `ruler.datasets`); our own names cannot be taken by one.
        root: folder of the dataset. The loader of each dataset draws the tree it expects.
        ground_truth: "labels" reads `labels/VIDEO.npy` alone, "official" the official files alone, "auto" the former
            where it is there and else the latter.

    Returns:
        Its videos, sorted by name; every testing video is labelled, frame for frame.

    Raises:
        UsageError: no dataset of this name, no such ground truth, or a plug-in that cannot be used.
        DataError: something is missing, unreadable or does not fit together; says where it belongs.
    """
    if ground_truth not in get_args(GroundTruth):
        raise UsageError(
            f"no ground truth '{ground_truth}'", where="ground truth", hint=f"one of {', '.join(get_args(GroundTruth))}"
        )
    plugged = {} if name in _OURS else _plugged()
    if name not in _OURS and name not in plugged:
        raise UsageError(f"no dataset '{name}'", where="dataset", hint=f"one of {', '.join(dataset_names())}")
    root = Path(root)
    if not root.is_dir():
        what = "not a folder" if root.exists() else "no such folder"
        raise DataError(what, where=root, hint=f"give the folder of the dataset '{name}'")
    if name in _OURS:
        return _OURS[name](root, ground_truth)
    return _load_plugged(plugged[name], root, ground_truth)


def _plugged() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _load_plugged(point: EntryPoint, root: Path, ground_truth: GroundTruth) -> BenchDataset:
    try:
        loader = point.load()
    except Exception as error:  # whatever importing somebody's module may raise
        raise UsageError(
            f"the dataset '{point.name}' cannot be loaded from {point.value} ({error})",
            where=ENTRY_POINTS,
            hint="mend or uninstall the package that brings it",
        ) from error
    dataset = loader(root, ground_truth)
    if not isinstance(dataset, BenchDataset):
        raise UsageError(
            f"{point.value} gave a {type(dataset).__name__} for the dataset '{point.name}'",
            where=ENTRY_POINTS,
            hint="it must return a ruler.bench.datasets.BenchDataset",
        )
    return dataset
