"""Boxes of single people in, the usual height of a person at each image row out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ruler.schema import FloatArray

_FEWEST = 20


@dataclass(frozen=True, slots=True)
class SceneGeometry:
    """Usual height of a person at each image row of one camera: base + slope · foot row, in pixels.

    Attributes:
        base: height at row 0; may be negative.
        slope: growth of the height per row.
        least: smallest height, wherever.
    """

    base: float
    slope: float
    least: float = 4.0

    def height(self, foot: ArrayLike) -> FloatArray:
        """Return the usual height at the given foot rows, in pixels."""
        return np.asarray(np.maximum(self.base + self.slope * np.asarray(foot, dtype=np.float64), self.least))

    def scaled(self, factor: float) -> SceneGeometry:
        """Return the geometry of the same picture enlarged by `factor`."""
        return SceneGeometry(self.base * factor, self.slope, self.least * factor)


class GeometryFit:
    """Learns the geometry of a scene from single upright objects, by medians per band of rows.

    Args:
        rows: height of the picture.
        bands: as many bands of equal height.
        memory: most objects kept per band.
    """

    def __init__(self, rows: int, bands: int = 12, memory: int = 400) -> None:
        self._rows, self._bands, self._memory = rows, bands, memory
        self._seen: list[list[tuple[float, float]]] = [[] for _ in range(bands)]
        self._count = 0
        self._fitted: SceneGeometry | None = None
        self._fitted_at = 0

    def add(self, boxes: FloatArray) -> None:
        """Take the boxes (N, 4) of objects thought to be single upright people."""
        for _, y, _, h in boxes:
            band = self._seen[int(np.clip((y + h) / self._rows * self._bands, 0, self._bands - 1))]
            # A full band is thinned, not forgotten: the first ones count as much as the last.
            if len(band) >= self._memory:
                del band[::2]
            band.append((float(y + h), float(h)))
            self._count += 1

    def geometry(self) -> SceneGeometry | None:
        """Return the line through the medians of the bands; None before enough objects were seen."""
        if self._count < _FEWEST:
            return None
        # Refitted when a tenth more is known: often at first, seldom later, so the line settles and costs little.
        if self._fitted is None or self._count > 1.1 * self._fitted_at:
            self._fitted, self._fitted_at = self._fit(), self._count
        return self._fitted

    def _fit(self) -> SceneGeometry:
        seen = np.array([pair for band in self._seen for pair in band])
        foot, tall = seen[:, 0], seen[:, 1]
        # People in pieces are many and small: half the height that most of the area has is the least a person has.
        order = np.argsort(tall)
        mass = np.cumsum(tall[order] ** 2)
        most = float(tall[order][np.searchsorted(mass, 0.5 * mass[-1])])
        foot, tall = foot[tall >= 0.5 * most], tall[tall >= 0.5 * most]
        middle, level = float(np.median(foot)), float(np.median(tall))
        # A gentle slope is expected, and believed as much as objects spread over a twentieth of the picture would be.
        gentle, prior = 0.5 * level / max(middle, 1.0), len(foot) * (self._rows / 20) ** 2
        slope, away = gentle, foot - middle
        # Least absolute errors, by reweighting: what fragments and merged blobs are left are outliers on both sides.
        for _ in range(12):
            weight = 0.1 * level / np.maximum(np.abs(tall - level - slope * away), 0.04 * level)
            level = float((weight * (tall - slope * away)).sum() / weight.sum())
            slope = float(
                ((weight * away * (tall - level)).sum() + prior * gentle) / ((weight * away**2).sum() + prior)
            )
        slope = float(np.clip(slope, 0.0, 1.0))
        return SceneGeometry(level - slope * middle, slope, max(4.0, 0.4 * level))
