"""A MATLAB file of ground truth in; intervals or frame labels out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from ruler.bench.datasets.listing import Canonical
from ruler.bench.datasets.truth import Interval, Reading, TruthSource, intervals_that_fit
from ruler.errors import DataError
from ruler.schema import BoolArray

Cells = list[NDArray[Any]]


def interval_source(path: Path, canonical: Canonical) -> TruthSource | None:
    """The intervals of a file such as `ped2.mat`: key `gt`, one cell per test video in their order; None without it.

    A cell holds K intervals as 2×K or K×2, frames counted from 1, the last one included. In these benchmarks every test
    video holds an anomaly: an empty cell is a video that was left out.

    Raises:
        DataError: the file cannot be read, or a cell is neither.
    """
    if not path.is_file():
        return None
    cells = read_cells(path, "gt")
    columns = _in_columns(cells, path)
    found = {
        canonical(str(number)): _intervals(cell if columns else cell.T, number, path)
        for number, cell in enumerate(cells, start=1)
        if cell.size
    }
    return TruthSource(
        path.name,
        frozenset(found),
        lambda name, frames: Reading(intervals_that_fit(found[name], frames, video=name, where=path)),
    )


def read_mask_labels(path: Path, key: str) -> BoolArray:
    """Frame labels from a cell array of pixel masks, one per frame.

    Returns:
        (T,) bool, True where the mask of a frame has any pixel.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    masks = read_cells(path, key)
    if not masks:
        raise DataError(f"'{key}' has no mask in it", where=path, hint="download the file again")
    return np.array([bool(np.any(mask)) for mask in masks], np.bool_)


def read_cells(path: Path, key: str) -> Cells:
    """The cells of a cell array of numbers, in order.

    Raises:
        DataError: the file cannot be read, or has no such array.
    """
    try:
        content = loadmat(path, variable_names=[key])
    except Exception as error:  # on a damaged file the library raises errors of any kind
        raise DataError(
            f"not a MATLAB file that can be read ({error})", where=path, hint="download it again"
        ) from error
    array = content.get(key)
    if array is None:
        raise DataError(f"no '{key}' in it", where=path, hint="take the file of ground truth of this dataset")
    cells = list(array.ravel()) if array.dtype == object else []
    if array.dtype != object or not all(isinstance(c, np.ndarray) and c.dtype.kind in "buif" for c in cells):
        raise DataError(
            f"'{key}' is not a cell array of numbers", where=path, hint="take the file of ground truth of this dataset"
        )
    return cells


def _in_columns(cells: Sequence[NDArray[Any]], path: Path) -> bool:
    """Whether intervals are columns (2×K), not rows (K×2), in all cells of a file.

    Where every cell is 2×2, both could be: intervals ascend, so the second one begins after the end of the first.
    """
    filled = [cell for cell in cells if cell.size]
    columns = all(cell.ndim == 2 and cell.shape[0] == 2 for cell in filled)
    rows = all(cell.ndim == 2 and cell.shape[1] == 2 for cell in filled)
    if not columns and not rows:
        shapes = sorted({"×".join(map(str, cell.shape)) for cell in filled})
        raise DataError(
            f"cells of {', '.join(shapes)} numbers hold no intervals",
            where=path,
            hint="a cell holds first and last frames, 2×K or K×2, the same way in all cells",
        )
    return columns and not (rows and all(cell[0, 1] < cell[1, 0] for cell in filled))


def _intervals(cell: NDArray[Any], number: int, path: Path) -> list[Interval]:
    """Half-open intervals from 0 of a 2×K cell."""
    if not np.all(np.isfinite(cell) & (cell == np.floor(cell))):
        raise DataError(f"frames of cell {number} are no whole numbers", where=path, hint="download the file again")
    return [(int(first) - 1, int(last)) for first, last in cell.T]
