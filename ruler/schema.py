"""The words of the project as frozen types: what each stage takes and gives; no I/O, only derived properties.

Frames count from 0; intervals are half-open; times are seconds from the start of the video; boxes are pixels of the
upright, full-size picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""RGB, H×W×3, uint8."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NO_MEASURES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a video.

    Attributes:
        index: number of the frame in its video, from 0, counted over all decoded frames whatever the sampling.
        time: presentation time in seconds; index / frame rate where the source carries none.
        image: RGB picture, H×W×3 uint8, upright (rotation applied).
    """

    index: int
    time: float
    image: Picture


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video before its frames are read.

    Attributes:
        name: name of the video in a run (stem of the file or name of the folder).
        source: path, or "array" for pictures in memory.
        width: pixels of the upright picture.
        height: pixels of the upright picture.
        frame_rate: frames per second (mean rate where it varies).
        frame_rate_known: False where the rate was assumed because the source carries none and none was given.
        frames: number of frames where the source says so before decoding; None where only decoding tells. A container
            may be wrong.
        start: wall-clock time of frame 0, where known.
    """

    name: str
    source: str
    width: int
    height: int
    frame_rate: float
    frame_rate_known: bool = True
    frames: int | None = None
    start: datetime | None = None


class Box(NamedTuple):
    """A box in pixels of the upright, full-size picture: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def foot(self) -> tuple[float, float]:
        """Middle of the lower edge, x and y in pixels: where the object stands."""
        return self.x + self.w / 2, self.y + self.h


@dataclass(frozen=True, slots=True)
class TrackedObject:
    """One object in one frame.

    Attributes:
        track_id: same number for the same object over time, from 1; -1 for a detection that was not linked.
        box: where it is.
        label: what it is called ("person", "object"); a general word where perception cannot tell.
        measures: numbers taken from it, by the names listed in `ruler.measures`; absent where it could not be measured.
    """

    track_id: int
    box: Box
    label: str = "object"
    measures: Mapping[str, float] = field(default_factory=lambda: NO_MEASURES)


class CameraState(StrEnum):
    """Whether the picture can be judged at all."""

    OK = "ok"
    BLOCKED = "blocked"
    MOVED = "moved"
    DEFOCUSED = "defocused"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Observation:
    """What perception says of one frame.

    Attributes:
        frame: index of the frame, from 0.
        time: seconds.
        caption: a description in words; None where none was made.
        objects: tracked objects; empty where none was seen or none was looked for.
        measures: numbers taken from the frame as a whole (number of objects, …).
        camera: state of the camera; the objects of a frame that is not OK are not to be judged.
        sources: what it was made by, in the order of merging ("captions", "tracks", "detections", "motion", "vlm").
        caption_from: the earlier frame the caption was written for, where this picture is nearly identical to that
            one's; None where the caption is this frame's own.
        unanswered: why a caption that was asked for could not be had; empty where it could, or none was asked for.
        ask_again: the reason may pass (a timeout, an overload): the same command asks for the caption again.
    """

    frame: int
    time: float
    caption: str | None = None
    objects: tuple[TrackedObject, ...] = ()
    measures: Mapping[str, float] = field(default_factory=lambda: NO_MEASURES)
    camera: CameraState = CameraState.OK
    sources: tuple[str, ...] = ()
    caption_from: int | None = None
    unanswered: str = ""
    ask_again: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a rule matched: the quote, or the measure with its value and limit.

    Attributes:
        rule: id of the rule.
        exceedance: r of this rule; 1 is the limit.
        quote: words of the caption, verbatim; None for a limit.
        measure: name of the measure; None for words.
        value: measured value, in `unit`.
        limit: the limit it was held against, in `unit`.
        usual: median of the measure in the normal reference, in `unit`; None where unknown.
        unit: unit of value, limit and usual.
        track_id: the object; None where the frame as a whole, or its caption, matched.
        box: box of the object.
        frame: index of the frame it was found in.
    """

    rule: str
    exceedance: float
    quote: str | None = None
    measure: str | None = None
    value: float | None = None
    limit: float | None = None
    usual: float | None = None
    unit: str = ""
    track_id: int | None = None
    box: Box | None = None
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Initial matching of one observed frame: largest exceedance, and evidence of every rule at or over its limit."""

    frame: int
    time: float
    exceedance: float
    evidence: tuple[Evidence, ...] = ()


class Status(StrEnum):
    """How a verdict came about."""

    OK = "ok"
    DEGRADED = "degraded"
    UNPARSED = "unparsed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The finding for one observed frame, after smoothing and (where a model was asked) reasoning.

    Attributes:
        frame: index of the frame.
        time: seconds.
        anomalous: the finding.
        exceedance: smoothed r, on the scale of the rules file; 1 is the threshold.
        probability: label probability of a model, 0 to 1; None where no model was asked.
        rules: ids of the rules that fired, strongest first.
        evidence: what made them fire.
        rationale: a sentence a person can check; empty for a frame where nothing was found.
        votes: for each vote, whether it said anomalous; empty where no model was asked.
        status: how the verdict came about.
        probability_from: "logprobs" where the probability is that of the label's tokens, "votes" where it is the share
            of the votes; empty where no model was asked.
        raw: a model's reply as it came, where it could not be used.
        notes: what a person should know: claims that were dropped, words that address the reader.
    """

    frame: int
    time: float
    anomalous: bool
    exceedance: float
    probability: float | None = None
    rules: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rationale: str = ""
    votes: tuple[bool, ...] = ()
    status: Status = Status.OK
    probability_from: str = ""
    raw: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A run of anomalous frames, half-open.

    Attributes:
        start_frame: first frame.
        end_frame: one past the last frame.
        start_time: seconds.
        end_time: seconds.
        peak_frame: frame of the largest score.
        peak_score: the largest score, 0 to 1.
        rules: ids of the rules that fired within, strongest first.
        evidence: the strongest evidence of each rule.
        rationale: why, in words.
        key_frame: the frame to show.
        kind: "anomaly", or "camera" where the picture could not be judged.
    """

    start_frame: int
    end_frame: int
    start_time: float
    end_time: float
    peak_frame: int
    peak_score: float
    rules: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    rationale: str = ""
    key_frame: int = 0
    kind: str = "anomaly"


@dataclass(frozen=True, slots=True)
class Scores:
    """The score of every frame of a video.

    Attributes:
        times: (T,) float64, seconds.
        scores: (T,) float64, 0 to 1.
    """

    times: FloatArray
    scores: FloatArray
    threshold: float = 0.5
    notes: tuple[str, ...] = field(default=())
