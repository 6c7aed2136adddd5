"""Grey pictures of one video in, what stands and moves in each out; keeps what is learnt from one to the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ruler.config import MotionSettings
from ruler.perception.motion.background import Background, BackgroundSettings, Foreground, Grey
from ruler.perception.motion.camera import CameraWatch, fine_detail, is_dark
from ruler.perception.motion.flow import ObjectFlow
from ruler.perception.motion.geometry import GeometryFit, SceneGeometry
from ruler.perception.motion.objects import find_objects
from ruler.perception.motion.pace import PaceMeter
from ruler.perception.tracking import Tracker
from ruler.schema import BoolArray, CameraState, FloatArray

_FILLED = 0.6
_SAME_GROUND = 0.8


@dataclass(slots=True)
class Seen:
    """What is known of a frame before its measures are taken; sizes in full-size pixels.

    Attributes:
        index: of the frame.
        time: seconds.
        state: of the camera.
        ids: track of each box; -1 for none.
        boxes: (N, 4).
        usual: (N,) usual heights at the boxes; None while unknown.
        velocity: (N, 2) in usual heights per second, to the right and down; None where pictures were too far apart to
            tell.
    """

    index: int
    time: float
    state: CameraState = CameraState.OK
    ids: list[int] = field(default_factory=list)
    boxes: FloatArray = field(default_factory=lambda: np.zeros((0, 4)))
    usual: FloatArray | None = None
    velocity: FloatArray | None = None
    pace: FloatArray | None = None


class Scene:
    """A fixed camera's view.

    Args:
        width: of the full-size picture.
        opening: grey pictures of the first seconds, at the width of the analysis.
        settings: of the analysis.
        geometry: usual heights in full-size pixels; learnt from the pictures where None.
    """

    def __init__(
        self, width: int, opening: Sequence[Grey], settings: MotionSettings, geometry: SceneGeometry | None
    ) -> None:
        self._factor = width / opening[0].shape[1]
        self._settings = settings
        self._known = None if geometry is None else geometry.scaled(1.0 / self._factor)
        self._fit = GeometryFit(opening[0].shape[0])
        self._tracker = Tracker()
        self._flow = ObjectFlow()
        self._pace = PaceMeter()
        self._time: float | None = None
        self._wrong = 0.0
        self._latest: deque[tuple[float, Grey]] = deque(maxlen=20)
        self._begin([g for g in opening if not is_dark(g)] or opening)

    def see(self, index: int, time: float, grey: Grey) -> Seen:
        """Analyse one picture."""
        dt = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time
        if is_dark(self._background.picture) and not is_dark(grey):
            self._begin([grey])
        state = self._camera.judge(grey, self._background.picture, dt)
        if state is CameraState.MOVED and self._moved_for_good(grey, time, dt):
            state = CameraState.OK
        if state is not CameraState.OK:
            return Seen(index, time, state)
        self._wrong = 0.0
        self._latest.clear()
        self._pace.look(grey, time)
        foreground = self._background.subtract(grey)
        if foreground.share > _FILLED:
            # Another view, of which the camera watch could say nothing because the old one had no structure.
            self._begin([grey])
            foreground = self._background.subtract(grey)
        seen = self._objects(Seen(index, time), foreground)
        self._background.learn(foreground, dt)
        return seen

    def _objects(self, seen: Seen, foreground: Foreground) -> Seen:
        geometry = self._known or self._fit.geometry()
        found = find_objects(foreground.mask, geometry)
        found = found.without(_only_light(found.boxes, foreground.level, self._background.picture))
        if self._known is None:
            self._fit.add(found.boxes[found.single])
        rough = SceneGeometry(foreground.mask.shape[0] / 8, 0.0)
        usual = (geometry or rough).height(found.boxes[:, 1] + found.boxes[:, 3])
        difference = np.asarray(cv2.subtract(foreground.level, self._background.picture), dtype=np.float32)
        standing = difference * foreground.mask
        velocity = self._flow.measure(standing, seen.time, found.boxes, usual)
        seen.ids = self._tracker.update(found.boxes, seen.time, found.scores)
        seen.boxes = found.boxes * self._factor
        if geometry is not None:
            seen.usual = usual * self._factor
            seen.velocity = None if velocity is None else velocity / usual[:, None]
            seen.pace = self._pace.measure(np.abs(difference), found.boxes, usual)
        return seen

    def _moved_for_good(self, grey: Grey, time: float, dt: float) -> bool:
        """Whether the camera has been elsewhere for so long that the new view is taken as its view; then it is."""
        self._wrong += dt
        if not self._latest or time - self._latest[-1][0] >= 0.1:
            self._latest.append((time, grey))
        if self._wrong < self._settings.adopt_after:
            return False
        self._begin([picture for _, picture in self._latest])
        return True

    def _begin(self, opening: Sequence[Grey]) -> None:
        """Learn the background, and what sharpness is usual, from a few pictures."""
        thinned = opening[:: max(1, len(opening) // 20)]
        self._background = Background(thinned, background_settings(self._settings))
        self._camera = CameraWatch(self._background.picture, float(np.median([fine_detail(g) for g in thinned])))
        if self._known is None and len(thinned) > 1:
            for grey in thinned:
                found = find_objects(self._background.subtract(grey).mask, None)
                self._fit.add(found.boxes[found.single])


def _only_light(boxes: FloatArray, level: Grey, background: Grey) -> BoolArray:
    """Which boxes (N, 4) show the background itself, lighter or darker: shadows that come and go with the sun; (N,)."""
    out = np.zeros(len(boxes), bool)
    for i, (x, y, w, h) in enumerate(boxes.astype(int).tolist()):
        cut = slice(max(0, y - 2), y + h + 2), slice(max(0, x - 2), x + w + 2)
        # One patch within the other gives a single number: their correlation, free of gain and offset.
        out[i] = float(cv2.matchTemplate(level[cut], background[cut], cv2.TM_CCOEFF_NORMED)[0, 0]) > _SAME_GROUND
    return out


def background_settings(settings: MotionSettings) -> BackgroundSettings:
    """Return the background's part of the settings."""
    return BackgroundSettings(absorb=settings.absorb_after, contrast=settings.contrast)
