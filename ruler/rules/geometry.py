"""A polygon in, its area and whether its outline crosses itself out."""

from __future__ import annotations

from collections.abc import Sequence

Corner = tuple[float, float]


def area(polygon: Sequence[Corner]) -> float:
    """Area in the square of the polygon's unit, by the shoelace formula; 0 for a line."""
    pairs = zip(polygon, [*polygon[1:], *polygon[:1]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def crosses_itself(polygon: Sequence[Corner]) -> bool:
    """Whether two edges that are no neighbours cross."""
    edges = list(zip(polygon, [*polygon[1:], *polygon[:1]], strict=True))
    count = len(edges)
    return any(
        _cross(*edges[i], *edges[j])
        for i in range(count)
        for j in range(i + 2, count)
        if not (i == 0 and j == count - 1)
    )


def _cross(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Corner, b: Corner, p: Corner) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
