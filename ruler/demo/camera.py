"""World to picture: the demo street's fixed pinhole camera. Takes points in metres, gives pixels and depths.

The street's own axes: `s` along the pavement (away to the right), `c` across it (away from the camera), `y` up; metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from ruler.schema import FloatArray


@dataclass(frozen=True)
class Camera:
    """A camera on a pole above the origin, looking along the street at an angle and down.

    Attributes:
        width: pixels.
        height: pixels.
        focal: focal length in pixels.
        above: height over the ground in metres.
        turn: angle between the street and the line of sight, radians.
        tilt: angle below the horizon, radians.
    """

    width: int = 640
    height: int = 360
    focal: float = 530.0
    above: float = 5.0
    turn: float = float(np.deg2rad(40))
    tilt: float = float(np.deg2rad(14.5))

    @cached_property
    def axes(self) -> FloatArray:
        """(3, 3) rows: the picture's right, down and forward directions in (s, c, y)."""
        st, ct = np.sin(self.turn), np.cos(self.turn)
        sp, cp = np.sin(self.tilt), np.cos(self.tilt)
        return np.array([[st, -ct, 0.0], [-sp * ct, -sp * st, -cp], [cp * ct, cp * st, -sp]], dtype=np.float64)

    def project(self, points: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Project world points.

        Args:
            points: (..., 3) metres, (s, c, y).

        Returns:
            (..., 2) pixels (may lie outside the picture) and (...,) depths in metres; depths are kept at 0.5 or more.
        """
        seen = (np.asarray(points, dtype=np.float64) - (0.0, 0.0, self.above)) @ self.axes.T
        depth = np.maximum(seen[..., 2], 0.5)
        middle = np.array([self.width / 2, self.height / 2])
        return seen[..., :2] / depth[..., None] * self.focal + middle, depth

    def rays(self, scale: int) -> FloatArray:
        """Direction of the line of sight of every pixel of the picture enlarged `scale` times.

        Returns:
            (H·scale, W·scale, 3) in (s, c, y), of depth 1.
        """
        xs = ((np.arange(self.width * scale) + 0.5) / scale - self.width / 2) / self.focal
        ys = ((np.arange(self.height * scale) + 0.5) / scale - self.height / 2) / self.focal
        directions: FloatArray = xs[None, :, None] * self.axes[0] + ys[:, None, None] * self.axes[1] + self.axes[2]
        return directions


CAMERA = Camera()
SUN = np.array([0.75, 0.28])
"""Length of the shadow of one metre of height on the ground, along s and c."""


def on_ground(points: FloatArray) -> FloatArray:
    """Where the shadows of world points (..., 3) fall on the ground, (..., 3)."""
    shadow = points.copy()
    shadow[..., :2] += points[..., 2:] * SUN
    shadow[..., 2] = 0.0
    return shadow
