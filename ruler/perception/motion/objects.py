"""Foreground masks in, boxes of people-sized objects out.

Fragments that belong to one standing object are joined; blobs of several people are split at the valleys between their
heads, or, where people stand behind one another, covered with person-sized windows. What is person-sized is the scene's
geometry (see `geometry`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.signal import find_peaks

from ruler.perception.motion.background import Mask
from ruler.perception.motion.geometry import SceneGeometry
from ruler.schema import BoolArray, FloatArray

Part = tuple[int, int, int, int]

_WIDTH = 0.45
"""Width of a person over the height, arms and stride included."""

_LYING = 0.8
"""What a width counts as height, when it is told how sure an object is one."""

_FULL = 0.35
"""Least share of a person-sized window that must be filled."""

_SMALLEST = 10
"""Least height in pixels from which a size is learnt."""


@dataclass(frozen=True, slots=True)
class Found:
    """Objects of one picture.

    Attributes:
        boxes: (N, 4) float64, x, y, w, h in pixels of the analysed picture.
        scores: (N,) how much of a person-sized object each is, 0 to 1.
        single: (N,) whether it may be a single upright person that stands free.
    """

    boxes: FloatArray
    scores: FloatArray
    single: BoolArray

    def without(self, some: BoolArray) -> Found:
        """The others (N,)."""
        return Found(self.boxes[~some], self.scores[~some], self.single[~some]) if some.any() else self


def find_objects(mask: Mask, geometry: SceneGeometry | None) -> Found:
    """Find the objects of one foreground mask.

    Args:
        mask: H×W, 1 where something stands out.
        geometry: usual heights in the pixels of this mask; None while not yet known, then blobs are taken as they are.
    """
    rows, columns = mask.shape
    expected = geometry if geometry is not None else SceneGeometry(rows / 8, 0.0)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8, ltype=cv2.CV_16U)
    usual = expected.height(stats[:, 1] + stats[:, 3])
    big = stats[:, cv2.CC_STAT_AREA] >= np.maximum(6.0, 0.01 * usual**2)
    big[0] = False
    keep = np.nonzero(big)[0]
    boxes: list[Part] = []
    scores: list[float] = []
    single: list[bool] = []
    for group in _join(stats[keep, :4].astype(np.float64), expected):
        members = keep[group]
        x, y, w, h = _around(stats[members, :4].astype(np.float64))
        person = float(expected.height(y + h))
        area = float(stats[members, cv2.CC_STAT_AREA].sum())
        if (h < 0.4 * person and w < 0.5 * person) or area < 0.06 * person * person:
            continue
        here = labels[y : y + h, x : x + w]
        blob = here == members[0] if len(members) == 1 else np.isin(here, members)
        parts = _split(blob, expected, y) if geometry is not None else [(0, 0, w, h)]
        free = x > 1 and y > 1 and x + w < columns - 1 and y + h < rows - 1 and len(parts) == 1
        for px, py, pw, ph in parts:
            boxes.append((x + px, y + py, pw, ph))
            # Somebody who lies there is as long as a person, if not as tall.
            scores.append(min(1.0, max(ph, _LYING * pw) / person) if geometry is not None else 0.6)
            upright = 0.2 <= pw / ph <= 0.5 and area >= 0.3 * pw * ph and ph >= _SMALLEST
            single.append(bool(free and upright))
    return Found(np.array(boxes, dtype=np.float64).reshape(-1, 4), np.array(scores), np.array(single, dtype=bool))


def _join(boxes: FloatArray, expected: SceneGeometry) -> list[list[int]]:
    """Group fragments: one above the other, near, and together no taller than a person there."""
    order = np.argsort(-boxes[:, 2] * boxes[:, 3], kind="stable")
    usual = expected.height(boxes[:, 1] + boxes[:, 3])
    groups: list[list[int]] = []
    hulls = np.zeros((0, 4))  # left, top, right, bottom of each group
    for i in order:
        x, y, w, h = boxes[i]
        if len(groups) and h < usual[i]:
            left, top, right, bottom = hulls.T
            shared = np.minimum(x + w, right) - np.maximum(x, left)
            gap = np.maximum(y, top) - np.minimum(y + h, bottom)
            foot = np.maximum(y + h, bottom)
            person = expected.height(foot)
            fits = (shared >= 0.5 * np.minimum(w, right - left)) & (gap <= 0.25 * person)
            fits &= foot - np.minimum(y, top) <= 1.15 * person
            if fits.any():
                best = int(np.argmin(np.where(fits, gap, np.inf)))
                groups[best].append(int(i))
                hulls[best] = min(left[best], x), min(top[best], y), max(right[best], x + w), max(bottom[best], y + h)
                continue
        groups.append([int(i)])
        hulls = np.vstack([hulls, [x, y, x + w, y + h]])
    return groups


def _around(boxes: FloatArray) -> Part:
    left, top = int(boxes[:, 0].min()), int(boxes[:, 1].min())
    right, bottom = int((boxes[:, 0] + boxes[:, 2]).max()), int((boxes[:, 1] + boxes[:, 3]).max())
    return left, top, right - left, bottom - top


def _split(blob: BoolArray, expected: SceneGeometry, top: int) -> list[Part]:
    """Split a blob into people: boxes relative to the blob's."""
    rows, columns = blob.shape
    person = float(expected.height(top + rows))
    if rows > 1.4 * person:
        return _cover(blob, expected, top)
    parts = _heads(blob, person) if columns > 1.5 * _WIDTH * person else [(0, 0, columns, rows)]
    out: list[Part] = []
    for x, y, w, h in parts:
        # One head over a width of many people is not one object.
        if w > 2.0 * person:
            out += [(x + a, y + b, c, d) for a, b, c, d in _cover(blob[y : y + h, x : x + w], expected, top + y)]
        else:
            out.append((x, y, w, h))
    return out


def _heads(blob: BoolArray, person: float) -> list[Part]:
    """Cut at the valleys between heads in the upper outline."""
    rows, columns = blob.shape
    outline = np.where(blob.any(0), rows - blob.argmax(0), 0).astype(np.float64)
    soft = max(1, round(person / 14))
    outline = np.convolve(np.pad(outline, soft), np.full(2 * soft + 1, 1 / (2 * soft + 1)), mode="valid")
    apart = max(1, round(0.25 * person))
    peaks, _ = find_peaks(np.pad(outline, 1), prominence=0.12 * person, distance=apart, height=0.5 * person)
    peaks = peaks - 1
    cuts = [0, *(int(a + np.argmin(outline[a:b])) for a, b in itertools.pairwise(peaks)), columns]
    parts = (_tight(blob, left, 0, right, rows) for left, right in itertools.pairwise(cuts))
    return [part for part in parts if part is not None]


def _cover(blob: BoolArray, expected: SceneGeometry, top: int) -> list[Part]:
    """Cover a blob with person-sized windows, the fullest first; what fills no window is left out."""
    left = blob.astype(np.uint8)
    rows, columns = blob.shape
    step = max(1, round(float(expected.height(top + rows)) / 10))
    foot = np.arange(rows, 0, -step)
    person = expected.height(top + foot)
    head = np.maximum(foot - np.rint(person).astype(np.int64), 0)
    wide = np.minimum(np.rint(_WIDTH * person).astype(np.int64), columns)
    under = np.minimum(foot + np.rint(0.2 * person).astype(np.int64), rows)
    x = np.arange(0, columns - int(wide.min()) + 1, step)[None]
    right = np.minimum(x + wide[:, None], columns)
    head, foot, under = head[:, None], foot[:, None], under[:, None]
    full = (wide * person)[:, None]
    parts: list[Part] = []
    for _ in range(16):
        sums = cv2.integral(left)
        at_foot = sums[foot, right] - sums[foot, x]
        inside = at_foot - (sums[head, right] - sums[head, x])
        # A person's feet are at the window's lower edge: what goes on below speaks against it.
        below = sums[under, right] - sums[under, x] - at_foot
        filled = (inside - below) / full
        f, i = np.unravel_index(int(filled.argmax()), filled.shape)
        if filled[f, i] <= _FULL:
            break
        x0, y0, x1, y1 = int(x[0, i]), int(head[f, 0]), int(right[f, i]), int(foot[f, 0])
        part = _tight(left > 0, x0, y0, x1, y1)
        if part is not None:
            parts.append(part)
        left[y0:y1, x0:x1] = 0
    return parts


def _tight(blob: BoolArray, x0: int, y0: int, x1: int, y1: int) -> Part | None:
    """Box around what is set within a window; None if nothing is."""
    cut = blob[y0:y1, x0:x1]
    down, across = np.nonzero(cut.any(1))[0], np.nonzero(cut.any(0))[0]
    if not len(down):
        return None
    return x0 + int(across[0]), y0 + int(down[0]), int(across[-1] - across[0] + 1), int(down[-1] - down[0] + 1)
