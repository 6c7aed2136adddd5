"""What a report page shows: a finished run as frozen types, gathered by whoever knows the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from ruler.schema import Event, Scores

NO_PICTURES: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule as the page lists it.

    Attributes:
        id: as in the rules file.
        kind: "normal" or "anomaly".
        subject: whom it speaks of ("human activity", "environment"); may be empty.
        text: the rule in words.
        limit: its limit in words ("speed above 2.4 body heights/s"); None where it has none.
        support: (votes, of) from induction; None where unknown.
        false_alarms: (count, of, by) on the normal reference, `by` "frame" or "object"; None where never calibrated.
        fired: events of this run in which it fired.
    """

    id: str
    kind: Literal["normal", "anomaly"]
    subject: str
    text: str
    limit: str | None = None
    support: tuple[int, int] | None = None
    false_alarms: tuple[int, int, str] | None = None
    fired: int = 0


@dataclass(frozen=True, slots=True)
class VideoView:
    """One video of the run.

    Attributes:
        name: as in the run's folder.
        frames: number of frames.
        frame_rate: frames per second.
        scores: of every frame, with the threshold; None where the video could not be judged.
        events: in the order of time.
        key_frames: for each event's key frame, the picture's path relative to the page.
        status: "done", or in a word or two what kept it from being done.
        notes: what a reader must know (skipped frames, an assumed frame rate, degraded verdicts).
        truth: labelled anomalies, half-open in frames; None where no labels are known.
        auc: of the frame scores against the labels, 0 to 1; None where undefined.
    """

    name: str
    frames: int
    frame_rate: float
    scores: Scores | None
    events: tuple[Event, ...] = ()
    key_frames: Mapping[int, str] = field(default_factory=lambda: NO_PICTURES)
    status: str = "done"
    notes: tuple[str, ...] = ()
    truth: tuple[tuple[int, int], ...] | None = None
    auc: float | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """A finished run.

    Attributes:
        title: heading of the page.
        created: when the run was made; None leaves it out.
        command_line_summary: what a person types to have the same run.
        rules: all rules of the file.
        videos: in the order of the run.
        notes: what holds for the run as a whole.
    """

    title: str
    created: datetime | None
    command_line_summary: str
    rules: tuple[RuleRow, ...]
    videos: tuple[VideoView, ...]
    notes: tuple[str, ...] = ()
