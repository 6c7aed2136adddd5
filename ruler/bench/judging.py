"""One video and what judges it in; its scores and events out: the work of one process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ruler.bench.sources import observe
from ruler.config import Settings
from ruler.deduction.judge import judge
from ruler.deduction.score import find_events, score_frames
from ruler.errors import DataError
from ruler.perception.motion import SceneGeometry
from ruler.pipeline import Input
from ruler.pipeline.options import event_options, judge_options
from ruler.rules.model import Scene
from ruler.schema import Event, FloatArray, Observation, Scores


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one video.

    Attributes:
        scores: of its T frames, with their times and the threshold.
        events: in the order of time.
    """

    scores: Scores
    events: tuple[Event, ...]


class Judge(Protocol):
    """Turns what was observed of a video into scores; goes to other processes, so it must pickle."""

    @property
    def geometry(self) -> SceneGeometry | None:
        """How tall people are in the scene, for perception."""

    @property
    def threshold(self) -> float:
        """Score from which a frame is flagged."""

    def __call__(self, observations: Sequence[Observation], times: FloatArray, size: tuple[int, int]) -> Found:
        """Judge one video.

        Args:
            observations: of it, in the order of frames.
            times: (T,) seconds of every frame.
            size: width and height of the picture in pixels; (0, 0) where unknown.
        """


@dataclass(frozen=True, slots=True)
class RulesJudge:
    """Judges by rules: ours, or another's keywords under the preset that judges as its program does."""

    scene: Scene
    settings: Settings

    @property
    def geometry(self) -> SceneGeometry | None:
        """As the rules say."""
        height = self.scene.person_height
        return SceneGeometry(height.base, height.slope, height.least) if height is not None else None

    @property
    def threshold(self) -> float:
        """As the calibration says for the rate of alarms that is asked for; else 0.5."""
        exceedance = event_options(self.settings, self.scene).threshold
        return exceedance / (1 + exceedance)

    def __call__(self, observations: Sequence[Observation], times: FloatArray, size: tuple[int, int]) -> Found:
        """Judge one video by the rules."""
        options = event_options(self.settings, self.scene)
        judgement = judge(observations, self.scene.rules, judge_options(self.settings, self.scene), size)
        if not len(judgement.frames):
            raise DataError("nothing was observed", hint="check that its records hold anything")
        scores = score_frames(judgement, times, options)
        return Found(scores, tuple(find_events(judgement, scores, self.scene.rules, options)))


@dataclass(frozen=True, slots=True)
class VideoTask:
    """A video to be judged.

    Attributes:
        source: the video, or its records.
        frames: as labelled.
        rate: frames per second of records.
        judge: what judges it.
        settings: of perception.
        captions_every: captions of every k-th frame are read.
    """

    source: Input
    frames: int
    rate: float
    judge: Judge
    settings: Settings
    captions_every: int = 1


@dataclass(frozen=True, slots=True)
class VideoFound:
    """A judged video: what was found, how many captions were read for it, and the seconds it took."""

    name: str
    found: Found
    captions: int
    seconds: float


def judge_video(task: VideoTask) -> VideoFound:
    """Look at a video and judge it.

    Raises:
        DataError: it cannot be used; says which video.
    """
    began = time.perf_counter()
    try:
        seen, times, size = observe(
            task.source, task.frames, task.settings, task.rate, task.judge.geometry, task.captions_every
        )
        found = task.judge(seen, times, size)
    except DataError as error:
        if error.where is None:
            error = DataError(error.what, where=f"video {task.source.name}", hint=error.hint)
        raise error from None
    return VideoFound(task.source.name, found, sum(bool(o.caption) for o in seen), time.perf_counter() - began)
