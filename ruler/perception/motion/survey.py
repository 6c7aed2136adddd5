"""A few pictures of each video of a camera in, the usual height of a person at each image row out.

Learnt once from the normal reference and kept with its rules, so that a body height means the same in every video
judged by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from ruler.config import MotionSettings
from ruler.perception.motion.background import Background, Grey
from ruler.perception.motion.geometry import GeometryFit, SceneGeometry
from ruler.perception.motion.objects import find_objects
from ruler.schema import Picture

ROUNDS = 2
"""People are found anew with the heights found before: the first round does not know what is person-sized."""


DEFAULTS = MotionSettings()


def survey(videos: Iterable[Sequence[Picture]], settings: MotionSettings = DEFAULTS) -> SceneGeometry | None:
    """Learn how tall people are at each image row.

    Args:
        videos: of one camera, all pictures of one size; of each video some pictures spread over its length, RGB uint8.
        settings: of the analysis.

    Returns:
        Usual heights in full-size pixels; None where too few people stand free.
    """
    stacks = [[shrink(picture, settings.width) for picture in pictures] for pictures in videos if len(pictures)]
    if not stacks:
        return None
    masks = []
    for greys in stacks:
        background = Background(greys)
        masks.append([background.subtract(grey).mask for grey in greys])
    geometry: SceneGeometry | None = None
    for _ in range(ROUNDS):
        fit = GeometryFit(stacks[0][0].shape[0])
        for mask in (mask for video in masks for mask in video):
            found = find_objects(mask, geometry)
            fit.add(found.boxes[found.single])
        geometry = fit.geometry() or geometry
    return geometry


def shrink(image: Picture, width: int) -> Grey:
    """Grey picture, float32 0 to 255, at the width of the analysis; never enlarged."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if image.shape[1] > width:
        height = max(1, round(image.shape[0] * width / image.shape[1]))
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.float32)
