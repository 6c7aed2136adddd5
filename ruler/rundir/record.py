"""What run.json says: of the run as a whole and of each video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

SCHEMA = 1
RUN_FILE = "run.json"
OBSERVATIONS = "observations.jsonl"
VERDICTS = "verdicts.jsonl"
SCORES = "scores.csv"
EVENTS = "events.json"
KEYFRAMES = "keyframes"


class VideoStatus(StrEnum):
    """How far a video is."""

    PARTIAL = "partial"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """What run.json says of one video.

    Attributes:
        source: where it was read from.
        status: done, failed, or partial for one that was begun and not ended.
        frames: frames of the video, observed or not.
        skipped: observed frames without a verdict of their own.
        events: number of events.
        max_score: the largest score; None where there is none.
        frame_rate: frames per second; None where unknown.
        width: pixels of the upright picture; None where unknown.
        height: pixels of the upright picture; None where unknown.
        start: wall-clock time of the first frame, ISO 8601; None where unknown.
        notes: what a reader should know ("frame rate assumed").
        error: why it failed, in one line.
        degraded: observed frames that a model was to be heard about and was not.
        unparsed: observed frames whose replies could not be used.
    """

    source: str = ""
    status: VideoStatus = VideoStatus.PARTIAL
    frames: int = 0
    skipped: int = 0
    events: int = 0
    max_score: float | None = None
    frame_rate: float | None = None
    width: int | None = None
    height: int | None = None
    start: str | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    degraded: int = 0
    unparsed: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of models.

    Attributes:
        calls: that went out.
        cached: answered from the cache.
        prompt_tokens: of the calls that went out.
        completion_tokens: of the calls that went out.
        cost: US dollars.
        replayed: answered from a file of recorded exchanges.
    """

    calls: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    replayed: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.cached + other.cached,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cost + other.cost,
            self.replayed + other.replayed,
        )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The content of run.json.

    Attributes:
        schema: version of this format.
        ruler: version of the program that wrote it.
        command: what was asked: settings, inputs, hashes of rules and prompts; without secrets.
        created: when the run began, ISO 8601.
        updated: when this was last written.
        finished: when the run came to its end; None for one that goes on or was interrupted.
        usage: calls, tokens and cost over all resumptions.
        timings: seconds per stage over all resumptions.
        videos: by the name of their folder.
    """

    schema: int
    ruler: str
    command: Mapping[str, Any]
    created: str
    updated: str
    finished: str | None = None
    usage: Usage = Usage()
    timings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    videos: Mapping[str, VideoRecord] = field(default_factory=lambda: MappingProxyType({}))
