"""What a run found in its videos: results in; what `--json` prints out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruler.deduction.judge import Judgement
from ruler.errors import RulerError
from ruler.rundir import Usage, VideoStatus
from ruler.schema import Event, Scores


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What was found in one video.

    Attributes:
        name: in the run.
        source: where it was read from.
        status: "done", "failed", or "partial" where the budget ended or no model could be asked: the same command goes
            on.
        scores: of every frame; empty for a failed video.
        events: in the order of time.
        judgement: of the observed frames; None for a failed video, and for one whose result was read from a finished
            run.
        notes: what a person should know ("3 of 200 frames are corrupt and were skipped").
        error: why it failed, or is partial.
        degraded: observed frames that a model was to be heard about and was not; the initial finding stands.
        unparsed: observed frames whose replies could not be used.
    """

    name: str
    source: str
    status: VideoStatus
    scores: Scores
    events: tuple[Event, ...] = ()
    judgement: Judgement | None = None
    notes: tuple[str, ...] = ()
    error: RulerError | None = None
    degraded: int = 0
    unparsed: int = 0

    @property
    def max_score(self) -> float | None:
        """The largest score; None for a video without frames."""
        return float(self.scores.scores.max()) if len(self.scores.scores) else None


def failed(name: str, source: str, error: RulerError) -> VideoResult:
    """The result of a video that could not be judged, and why."""
    return VideoResult(name, source, VideoStatus.FAILED, Scores(np.zeros(0), np.zeros(0)), error=error)


def summary(results: Sequence[VideoResult], run: str | None, usage: Usage | None = None) -> Mapping[str, object]:
    """What `detect --json` prints: {run, videos: [{name, frames, events, max_score, status}], calls, cost}."""
    videos = [
        {
            "name": r.name,
            "frames": len(r.scores.times),
            "events": sum(event.kind == "anomaly" for event in r.events),
            "max_score": None if r.max_score is None else float(f"{r.max_score:.4g}"),
            "status": str(r.status),
            **({"error": str(r.error)} if r.error else {}),
            **({"degraded": r.degraded} if r.degraded else {}),
            **({"unparsed": r.unparsed} if r.unparsed else {}),
        }
        for r in results
    ]
    spent = usage or Usage()
    return {"run": run, "videos": videos, "calls": spent.calls, "cost": float(f"{spent.cost:.6g}")}
