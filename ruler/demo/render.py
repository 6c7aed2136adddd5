"""From a state of the street to a picture: people and vehicles over the backdrop, with shadows and sensor noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ruler.demo.backdrop import Overlay, backdrop
from ruler.demo.camera import CAMERA, on_ground
from ruler.demo.clips import states
from ruler.demo.people import Colour, Limb, body
from ruler.demo.scene import ActorState, DemoClip, SceneState
from ruler.demo.vehicles import Face, bicycle, van
from ruler.schema import FloatArray, Picture

_SUPER = 3
_POINTS = 12
"""Points of a limb's outline."""
_TURN = np.linspace(0, 2 * np.pi, 8, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1)
_HALF = np.linspace(-np.pi / 2, np.pi / 2, _POINTS // 2)
_ROUND = 3.2
"""Limbs thinner than this many enlarged pixels are drawn flat."""
_FAR = 30.0
"""People lower than this many pixels are drawn without hands and feet."""
_SHADE_TINT = np.array([1.0, 0.93, 0.80], np.float32)
_Span = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels, half-open."""


def render_clip(clip: DemoClip) -> Iterator[Picture]:
    """Draw a clip frame by frame.

    Yields:
        (360, 640, 3) uint8 RGB; the same for the same clip every time.
    """
    noise = np.random.default_rng(clip.seed + 1000)
    for state in states(clip):
        yield render_state(state, noise)


def render_state(state: SceneState, noise: np.random.Generator) -> Picture:
    """Draw one state of the street.

    Args:
        state: who is where.
        noise: source of the sensor noise; its state moves on.

    Returns:
        (360, 640, 3) uint8 RGB.
    """
    street = backdrop()
    empty = np.asarray(cv2.addWeighted(street.sunny, state.sun, street.cloudy, 1 - state.sun, 0), np.uint8)
    picture = empty.copy()
    near = [actor for actor in state.actors if _in_reach(actor)]
    shapes = [_shapes(actor) for actor in near]
    for paint in (_shade, _lay):
        for actor, shape in zip(near, shapes, strict=True):
            span = paint(picture, shape, state.sun)
            if span is None:
                continue
            for overlay in street.overlays:
                if overlay.depth < actor.depth and overlay.left < span[2] and overlay.top < span[3]:
                    _cover(picture, empty, overlay, span)
    return _sensor(picture, noise)


def _in_reach(actor: ActorState) -> bool:
    """Whether any of the body, or of its shadow (at most about a body's height away), can lie in the picture."""
    box, margin = actor.box, actor.box.h
    beside = box.x > CAMERA.width + margin or box.x + box.w < -margin
    return not beside and box.y < CAMERA.height + margin and box.y + box.h > -margin


def _shapes(actor: ActorState) -> Sequence[Limb | Face]:
    pose, kind = actor.pose, actor.actor.kind
    if kind == "van":
        return van(pose.s, pose.c, pose.heading)
    limbs = body(actor.actor.look, pose)
    if actor.box.h < _FAR:
        limbs = [limb for limb in limbs if not limb.detail]
    if kind == "rider":
        limbs = bicycle(pose.s, pose.c, pose.heading, actor.actor.look.height) + limbs
    return limbs


def _shade(picture: Picture, shapes: Sequence[Limb | Face], sun: float) -> _Span | None:
    """Darken the ground where a body keeps the sun off, in place."""
    outlines = _outlines(shapes, 1, flat=True)
    span = _span(outlines.rings, 5)
    if span is None:
        return None
    left, top, right, bottom = span
    mask = np.zeros((bottom - top, right - left), np.uint8)
    for ring in _fixed(outlines.rings - (left, top)):
        cv2.fillConvexPoly(mask, ring, 255, cv2.LINE_AA, 3)
    soft = cv2.GaussianBlur(mask, (5, 5), 1.0 + 0.9 * (1 - sun))
    strength = 0.12 + 0.40 * max(0.0, sun - 0.35) / 0.65
    keep = 1 - soft.astype(np.float32)[..., None] * (_SHADE_TINT * np.float32(strength / 255))
    view = picture[top:bottom, left:right]
    view[...] = view * keep
    return span


def _lay(picture: Picture, shapes: Sequence[Limb | Face], sun: float) -> _Span | None:
    """Draw a body or vehicle enlarged, shrink it and lay it over the picture, in place."""
    outlines = _outlines(shapes, _SUPER, flat=False)
    span = _span(outlines.rings / _SUPER, 2)
    if span is None:
        return None
    left, top, right, bottom = span
    rows, cols = bottom - top, right - left
    patch = np.zeros((rows * _SUPER, cols * _SUPER, 4), np.uint8)
    rings = outlines.rings - np.array([left, top], dtype=np.float64) * _SUPER
    # The sunny side of each limb, towards the left: the same outline, narrower and moved.
    middles, radii = rings.mean(axis=1, keepdims=True), outlines.radii[:, None, None]
    lit = _fixed((rings - middles) * (0.70, 0.96) + middles - radii * (0.26, 0.12))
    colours = np.array(outlines.colours, dtype=np.float64)
    dark = np.minimum(255, colours * np.where(outlines.radii > 0, 0.84, 1.05)[:, None]).tolist()
    bright = np.minimum(255, colours * (1.0 + 0.16 * sun)).tolist()
    for ring, side, shade, shine, radius in zip(_fixed(rings), lit, dark, bright, outlines.radii, strict=True):
        cv2.fillConvexPoly(patch, ring, (*shade, 255), cv2.LINE_8, 3)
        if radius > _ROUND:
            cv2.fillConvexPoly(patch, side, (*shine, 255), cv2.LINE_8, 3)
    small = cv2.resize(patch, (cols, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    view = picture[top:bottom, left:right]
    view[...] = view * (1 - small[..., 3:] * np.float32(1 / 255)) + small[..., :3] * np.float32(0.86 + 0.14 * sun)
    return span


@dataclass(frozen=True, slots=True)
class _Outlines:
    """Convex outlines in the order of painting, in pixels times the enlargement.

    Attributes:
        rings: (n, points, 2).
        colours: n colours.
        radii: (n,) of the thickest ball; 0 for a flat face.
    """

    rings: FloatArray
    colours: list[Colour]
    radii: FloatArray


def _outlines(shapes: Sequence[Limb | Face], scale: int, *, flat: bool) -> _Outlines:
    """Faces as they come, or limbs from far to near; with `flat`, their shadows on the ground."""
    faces = [shape for shape in shapes if isinstance(shape, Face)]
    if faces:
        flats = []
        for face in faces:
            ring = CAMERA.project(on_ground(face.corners) if flat else face.corners)[0] * scale
            flats.append(_padded(_hull(ring) if flat else ring, 18))
        return _Outlines(np.stack(flats), [face.colour for face in faces], np.zeros(len(faces)))
    limbs = [shape for shape in shapes if isinstance(shape, Limb) and not (flat and shape.detail)]
    counts = np.array([len(limb.radii) for limb in limbs])
    ends = np.cumsum(counts)
    starts = ends - counts
    centres = np.concatenate([limb.centres for limb in limbs])
    pixels, depth = CAMERA.project(on_ground(centres) if flat else centres)
    pixels *= scale
    radii = np.maximum(np.concatenate([limb.radii for limb in limbs]) / depth * CAMERA.focal, 0.35) * scale
    rings = _capsules(pixels[starts], pixels[ends - 1], radii[starts], radii[ends - 1])
    for k in np.flatnonzero(counts > 2) if not flat else ():
        part = slice(starts[k], ends[k])
        rings[k] = _padded(_hull((pixels[part, None] + _CIRCLE * radii[part, None, None]).reshape(-1, 2)), _POINTS)
    if flat:
        return _Outlines(rings, [limb.colour for limb in limbs], radii[starts])
    near = np.add.reduceat(depth, starts) / counts - [limb.bias for limb in limbs]
    order = np.argsort(-near)
    return _Outlines(rings[order], [limbs[k].colour for k in order], radii[starts][order])


def _capsules(a: FloatArray, b: FloatArray, ra: FloatArray, rb: FloatArray) -> FloatArray:
    """Outlines of balls a to balls b, (n, 2) and (n,) each: (n, 12, 2)."""
    turn = np.arctan2(b[:, 1] - a[:, 1], b[:, 0] - a[:, 0])[:, None] + _HALF
    front = rb[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    back = front * (-ra / rb)[:, None, None]
    return np.concatenate([b[:, None] + front, a[:, None] + back], axis=1)


def _hull(points: FloatArray) -> FloatArray:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def _padded(ring: FloatArray, points: int) -> FloatArray:
    """The outline with its last point repeated until it has that many."""
    return ring[np.minimum(np.arange(points), len(ring) - 1)]


def _fixed(rings: FloatArray) -> NDArray[np.int32]:
    """Pixels as OpenCV's fixed-point numbers with three binary places."""
    return (rings * 8).astype(np.int32)


def _span(rings: FloatArray, margin: int) -> _Span | None:
    """Whole pixels that hold all outlines, cut to the picture; None where nothing is left."""
    x0, y0 = rings.min(axis=(0, 1)) - margin
    x1, y1 = rings.max(axis=(0, 1)) + margin
    left, top = max(0, int(x0)), max(0, int(y0))
    right, bottom = min(CAMERA.width, int(x1) + 1), min(CAMERA.height, int(y1) + 1)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _cover(picture: Picture, empty: Picture, overlay: Overlay, span: _Span) -> None:
    """Put a thing of the backdrop before what was drawn within `span`, in place."""
    rows, cols = overlay.alpha.shape[:2]
    left, top = max(span[0], overlay.left), max(span[1], overlay.top)
    right, bottom = min(span[2], overlay.left + cols), min(span[3], overlay.top + rows)
    if right <= left or bottom <= top:
        return
    alpha = overlay.alpha[top - overlay.top : bottom - overlay.top, left - overlay.left : right - overlay.left]
    if not alpha.any():
        return
    view = picture[top:bottom, left:right]
    view[...] = view * (1 - alpha) + empty[top:bottom, left:right] * alpha


@cache
def _grain() -> tuple[Picture, Picture]:
    """A sheet of sensor noise larger than the picture, what it adds and what it takes; each frame has its own cut."""
    rng = np.random.default_rng(9)
    shape = (CAMERA.height + 96, CAMERA.width + 96, 3)
    sheet = np.round(rng.normal(0, 1.9, (*shape[:2], 1)) + rng.normal(0, 1.0, shape))
    return np.maximum(sheet, 0).astype(np.uint8), np.maximum(-sheet, 0).astype(np.uint8)


@cache
def _caption_mask() -> NDArray[np.uint8]:
    mask = np.zeros((22, 190), np.uint8)
    cv2.putText(mask, "CAM 03  MARKET STREET", (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.38, 255, 1, cv2.LINE_AA)
    return mask


def _sensor(picture: Picture, noise: np.random.Generator) -> Picture:
    """Add noise, then the camera's name as a recorder burns it in."""
    x, y = (int(v) for v in noise.integers(0, 96, 2))
    more, less = (sheet[y : y + CAMERA.height, x : x + CAMERA.width] for sheet in _grain())
    noisy = cv2.subtract(cv2.add(picture, more), less)
    mask = _caption_mask()
    rows, cols = mask.shape
    corner = noisy[4 : 4 + rows, 4 : 4 + cols]
    edge = cv2.dilate(mask, np.ones((3, 3), np.uint8))[..., None].astype(np.float32) / 255
    corner[...] = corner * (1 - 0.6 * edge)
    corner[...] = np.maximum(corner, (mask[..., None] * np.float32(0.94)).astype(np.uint8))
    return np.asarray(noisy, np.uint8)
