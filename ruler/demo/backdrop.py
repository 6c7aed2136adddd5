"""The empty street: pictures in sun and under cloud, and the things that can stand before a person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.demo.camera import CAMERA, on_ground
from ruler.demo.furniture import FURNITURE, Item
from ruler.demo.textures import FACADE, GROUND, PX, facade_texture, ground_texture
from ruler.schema import FloatArray, Picture

_SCALE = 2
_FINE = 3


@dataclass(frozen=True)
class Overlay:
    """A thing of the backdrop as a cut-out that is laid over whoever passes behind it.

    Attributes:
        depth: metres from the camera.
        left: pixels.
        top: pixels.
        alpha: (h, w, 1) float32, 0 to 1; its colours are those of the empty street.
    """

    depth: float
    left: int
    top: int
    alpha: NDArray[np.float32]


@dataclass(frozen=True)
class Backdrop:
    """The empty street.

    Attributes:
        sunny: the picture in full sun.
        cloudy: the picture under a cloud: no shadows, bluer and darker.
        overlays: things a person can pass behind, far ones first.
    """

    sunny: Picture
    cloudy: Picture
    overlays: tuple[Overlay, ...]


@cache
def backdrop() -> Backdrop:
    """Draw the empty street once per process (about a second)."""
    rays = CAMERA.rays(_SCALE)
    lit = _sky(rays)
    _paint(lit, rays, facade_texture(), FACADE, wall=True)
    _paint(lit, rays, ground_texture(), GROUND, wall=False)
    lit *= 1.12
    shade = _shadows(lit.shape[:2])
    dull = lit * np.array([0.80, 0.84, 0.90], np.float32)
    lit = lit * (1 - shade[..., None] * np.array([0.50, 0.45, 0.36], np.float32))
    things = [thing for thing in (_cut_out(item) for item in FURNITURE) if thing is not None]
    pictures = []
    for base, gain in ((lit, (1.0, 1.0, 1.0)), (dull, (0.80, 0.84, 0.90))):
        small = _shrink(base)
        for overlay, colour in things:
            rows, cols = overlay.alpha.shape[:2]
            view = small[overlay.top : overlay.top + rows, overlay.left : overlay.left + cols]
            view *= 1 - overlay.alpha
            view += colour * np.array(gain, np.float32)
        pictures.append(_finish(small))
    return Backdrop(pictures[0], pictures[1], tuple(overlay for overlay, _ in things))


def _sky(rays: FloatArray) -> NDArray[np.float32]:
    up = np.clip(rays[..., 2:] * 3.0, 0, 1)
    return (np.array([226, 234, 240.0]) * (1 - up) + np.array([150, 186, 222.0]) * up).astype(np.float32)


def _paint(
    canvas: NDArray[np.float32], rays: FloatArray, texture: Picture, at: tuple[float, float, float], *, wall: bool
) -> None:
    """Lay a textured plane over the canvas in place: the facade (c constant) or the ground (y = 0)."""
    first, second, offset = at
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = offset / rays[..., 1] if wall else -CAMERA.above / rays[..., 2]
        along = (depth * rays[..., 0] - first) * PX
        other = (second - CAMERA.above - depth * rays[..., 2]) * PX if wall else (depth * rays[..., 1] - second) * PX
    rows, cols = texture.shape[:2]
    inside = (depth > 0) & (along >= 0) & (along < cols - 1) & (other >= 0) & (other < rows - 1)
    # Farther away one pixel covers more of the texture: read it from a picture shrunk by as much, or it glitters.
    level = np.clip(np.log2(np.maximum(depth, 1e-3) / (CAMERA.focal * _SCALE) * PX * 1.6), 0, 5)
    canvas[inside] = 0
    for k in range(6):
        weight = np.where(inside, np.clip(1 - np.abs(level - k), 0, 1), 0).astype(np.float32)
        used = np.flatnonzero(weight.any(axis=1))
        if not len(used):
            continue
        part = slice(used[0], used[-1] + 1)
        read = cv2.remap(
            cv2.resize(texture, (max(1, cols >> k), max(1, rows >> k)), interpolation=cv2.INTER_AREA),
            np.where(inside[part], along[part] / 2**k, 0).astype(np.float32),
            np.where(inside[part], other[part] / 2**k, 0).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        canvas[part] += weight[part, :, None] * read


def _shadows(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Shade on the ground from trees, posts and benches, 0 to 1."""
    mask = np.zeros(shape, np.uint8)
    for item in FURNITURE:
        for line in item.shadow:
            ring, _ = CAMERA.project(on_ground(line))
            cv2.fillPoly(mask, [np.round(ring * _SCALE).astype(np.int32)], 255)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.2 * _SCALE / 2), np.float32) / np.float32(255)


def _cut_out(item: Item) -> tuple[Overlay, NDArray[np.float32]] | None:
    """The thing's mask, and its colours in full sun, premultiplied by the mask; None where it is out of view."""
    picture = np.zeros((CAMERA.height * _FINE, CAMERA.width * _FINE, 4), np.uint8)
    item.draw(picture, _FINE)
    small = _shrink(picture)
    small[..., 3] /= 255
    ys, xs = np.nonzero(small[..., 3] > 0.004)
    if not len(ys):
        return None
    top, left, bottom, right = int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1
    part = small[top:bottom, left:right]
    return Overlay(item.depth, left, top, part[..., 3:].copy()), part[..., :3].copy()


def _shrink(picture: NDArray[np.float32] | NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, (CAMERA.width, CAMERA.height), interpolation=cv2.INTER_AREA), np.float32)


def _finish(picture: NDArray[np.float32]) -> Picture:
    """Darken the corners as a cheap lens does."""
    x = np.linspace(-1, 1, CAMERA.width)[None, :]
    y = np.linspace(-1, 1, CAMERA.height)[:, None]
    fall = 1 - 0.13 * (x * x + y * y)
    return np.clip(picture * fall[..., None], 0, 255).astype(np.uint8)
