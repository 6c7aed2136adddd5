"""Normal footage in; two simple judges to hold ours against out: a limit on pixel speed, and distance to what is known.

Both score on our scale: the exceedance r of a value is (value − median) / (limit − median) of normal footage, the
largest r of a frame's objects stands for the frame, r is smoothed as ours is, and the score is r / (1 + r).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from ruler.bench.judging import Found
from ruler.bench.sources import Sources, observe
from ruler.config import Settings
from ruler.deduction.score import EventOptions, count_events
from ruler.deduction.smooth import gaussian, spread
from ruler.errors import DataError
from ruler.perception.motion import SceneGeometry
from ruler.pipeline import Input, Watch, survey_scene
from ruler.pipeline.options import event_options
from ruler.rules.match import CEILING
from ruler.schema import Event, FloatArray, IntArray, Observation, Scores

STEP = 0.25
"""Seconds over which pixel speed is taken."""

NEIGHBOURS = 5
MEMORY = 20_000
"""Objects of normal footage kept, spread evenly over it."""

_MEASURES = ("speed", "acceleration", "growth", "aspect", "pace", "relative height", "relative area")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Median and limit of a value on normal footage."""

    median: float
    limit: float

    def exceedance(self, values: FloatArray) -> FloatArray:
        """R of each value: 0 at the median and below, 1 at the limit."""
        return np.asarray(np.maximum(0, (values - self.median) / max(self.limit - self.median, 1e-9)), float)


@dataclass(frozen=True, slots=True)
class SpeedJudge:
    """One limit on the speed of boxes, in pixels per second, for all of the picture: the naive baseline."""

    scale: _Scale
    settings: Settings
    geometry: SceneGeometry | None = None

    @property
    def threshold(self) -> float:
        """Score from which a frame is flagged."""
        return 0.5

    def __call__(self, observations: Sequence[Observation], times: FloatArray, size: tuple[int, int]) -> Found:
        """Judge one video by its fastest box."""
        rows, speeds = pixel_speeds(observations)
        return _found(rows, self.scale.exceedance(speeds), observations, times, self.settings)


@dataclass(frozen=True, slots=True)
class NoveltyJudge:
    """Mean distance of an object's measures to the nearest ones in normal footage (k-NN, one-class).

    Attributes:
        memory: (M, D) standardised measures of normal objects.
        centre: (D,) their medians.
        width: (D,) their interquartile ranges.
        names: of the measures; the last dimension is the image row of the foot point.
        scale: of the distance.
        settings: of smoothing.
        geometry: for perception.
    """

    memory: FloatArray
    centre: FloatArray
    width: FloatArray
    names: tuple[str, ...]
    scale: _Scale
    settings: Settings
    geometry: SceneGeometry | None = None

    @property
    def threshold(self) -> float:
        """Score from which a frame is flagged."""
        return 0.5

    def __call__(self, observations: Sequence[Observation], times: FloatArray, size: tuple[int, int]) -> Found:
        """Judge one video by its most novel object."""
        rows, features = _features(observations, self.names)
        known = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(self.memory))).fit(self.memory)
        distance = np.zeros(len(rows))
        if len(rows):
            distance = known.kneighbors((features - self.centre) / self.width)[0].mean(axis=1)
        return _found(rows, self.scale.exceedance(distance), observations, times, self.settings)


def fit_speed(seen: Sequence[Sequence[Observation]], settings: Settings, geometry: SceneGeometry | None) -> SpeedJudge:
    """Set the limit: the fastest box of a frame exceeds it in a share `induction.alpha` of normal frames.

    Raises:
        DataError: nothing moves in it.
    """
    fastest = np.concatenate([_largest(*pixel_speeds(video)) for video in seen] or [np.zeros(0)])
    if not len(fastest):
        raise DataError("no box moves in the normal footage", hint="check its tracks, or give another --reference")
    return SpeedJudge(_scale_of(fastest, settings), settings, geometry)


def fit_novelty(
    seen: Sequence[Sequence[Observation]], settings: Settings, geometry: SceneGeometry | None
) -> NoveltyJudge:
    """Remember normal objects, and set the limit on how far the most novel object of a normal frame lies from others.

    Objects of the same video lie close to each other in time and measure, so distances are taken between two halves of
    the videos (of the one video, where there is only one).

    Raises:
        DataError: nothing was measured in it.
    """
    taken = tuple(name for name in _MEASURES if any(name in t.measures for v in seen for o in v for t in o.objects))
    if len(seen) == 1:
        seen = [seen[0][: len(seen[0]) // 2], seen[0][len(seen[0]) // 2 :]]
    each = [_features(video, taken) for video in seen]
    pooled = np.concatenate([part for _, part in each])
    if len(pooled) < 2 * NEIGHBOURS or not taken:
        raise DataError("hardly an object was measured in the normal footage", hint="give another --reference")
    every = -(-len(pooled) // MEMORY)
    centre = np.median(pooled, axis=0)
    width = np.maximum(np.subtract(*np.quantile(pooled, [0.75, 0.25], axis=0)), 1e-6)
    # Whole frames are kept, since it is the most novel object of a frame that counts.
    parts = [(rows[rows % every == 0], (part[rows % every == 0] - centre) / width) for rows, part in each]
    found = [_novelty(parts[i::2], parts[1 - i :: 2]) for i in (0, 1)]
    memory = np.concatenate([part for _, part in parts])
    return NoveltyJudge(memory, centre, width, taken, _scale_of(np.concatenate(found), settings), settings, geometry)


def _novelty(of: Sequence[tuple[IntArray, FloatArray]], among: Sequence[tuple[IntArray, FloatArray]]) -> FloatArray:
    """Largest distance of an object of each frame to the nearest ones of other videos."""
    others = np.concatenate([part for _, part in among])
    if not len(others):
        return np.zeros(0)
    known = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(others))).fit(others)
    each = [_largest(rows, known.kneighbors(part)[0].mean(axis=1)) for rows, part in of if len(rows)]
    return np.concatenate(each or [np.zeros(0)])


def _largest(rows: IntArray, values: FloatArray) -> FloatArray:
    """The largest value of each row that has any."""
    there, place = np.unique(rows, return_inverse=True)
    out = np.full(len(there), -np.inf)
    np.maximum.at(out, place, values)
    return out


@dataclass(frozen=True, slots=True)
class FitTask:
    """A scene's normal footage, and what is to be learnt from it."""

    scene: str
    method: str
    inputs: tuple[Input, ...]
    rate: float
    settings: Settings
    sources: Sources


def fit(task: FitTask) -> tuple[str, SpeedJudge | NoveltyJudge]:
    """Look at the normal footage of a scene and learn a baseline from it."""
    geometry = survey_scene(task.inputs, task.settings) if task.sources.pixels else None
    seen = []
    for source in task.inputs:
        if source.video is None:
            frames = source.records.perceiver(task.rate).describe(source.name).frames or 0
            seen.append(observe(source, frames, task.settings, task.rate)[0])
        else:
            with Watch(source, task.settings, geometry) as watch:
                seen.append(list(watch.observations()))
    make = fit_speed if task.method == "speed" else fit_novelty
    return task.scene, make(seen, task.settings, geometry)


def pixel_speeds(observations: Sequence[Observation]) -> tuple[IntArray, FloatArray]:
    """Speed of the middle of every tracked box, over about `STEP` seconds back.

    Returns:
        Position of the box's observation (N,), and pixels per second (N,).
    """
    tracks: Mapping[int, list[tuple[int, float, float, float]]] = defaultdict(list)
    for row, o in enumerate(observations):
        for thing in o.objects:
            if thing.track_id > 0:
                x, y, w, h = thing.box
                tracks[thing.track_id].append((row, o.time, x + w / 2, y + h / 2))
    rows, speeds = [], []
    for _, track in sorted(tracks.items()):
        row, t, x, y = np.array(track).T
        before = np.maximum(np.searchsorted(t, t - STEP - 1e-9), 0)
        took = t - t[before]
        moved = took >= STEP / 2
        far = np.hypot(x - x[before], y - y[before])
        rows.append(row[moved].astype(np.int64))
        speeds.append(far[moved] / took[moved])
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0)
    return np.concatenate(rows), np.concatenate(speeds)


def _features(observations: Sequence[Observation], names: tuple[str, ...]) -> tuple[IntArray, FloatArray]:
    """Objects of which all measures are known: position of their observation (N,), measures and foot row (N, D)."""
    rows, features = [], []
    for row, o in enumerate(observations):
        for thing in o.objects:
            if all(name in thing.measures for name in names):
                rows.append(row)
                features.append([*(thing.measures[name] for name in names), thing.box.foot[1]])
    return np.array(rows, np.int64), np.array(features, float).reshape(-1, len(names) + 1)


def _scale_of(values: FloatArray, settings: Settings) -> _Scale:
    return _Scale(float(np.median(values)), float(np.quantile(values, 1 - settings.induction.alpha)))


def _found(
    rows: IntArray,
    exceedance: FloatArray,
    observations: Sequence[Observation],
    times: FloatArray,
    settings: Settings,
) -> Found:
    """Scores and events from the exceedances of objects; a frame without any counts as the median, r = 0."""
    r = np.zeros(len(observations))
    np.maximum.at(r, rows, np.minimum(exceedance, CEILING))
    at = np.array([o.time for o in observations])
    smoothed = gaussian(r, at, settings.smoothing.sigma)
    scores = spread(smoothed / (1 + smoothed), at, times)
    options = event_options(settings)
    spans = count_events(scores / np.maximum(1 - scores, 1e-12), times, options)
    return Found(Scores(times, scores, 0.5), tuple(_event(a, b, scores, times, options) for a, b in spans))


def _event(start: int, end: int, scores: FloatArray, times: FloatArray, options: EventOptions) -> Event:
    peak = start + int(np.argmax(scores[start:end]))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    until = float(times[end]) if end < len(times) else float(times[-1]) + step
    return Event(start, end, float(times[start]), until, peak, float(scores[peak]), key_frame=peak)
