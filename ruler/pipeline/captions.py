"""Kept captions of a model: records in; how many are missing, and the records after asking for these again, out.

A caption that could not be had for a reason that may pass is asked for again by the same command; one that the model
declined, or that its server refuses, is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from ruler.config import Settings
from ruler.perception.motion import SceneGeometry
from ruler.pipeline.inputs import Input
from ruler.pipeline.models import Models
from ruler.pipeline.parallel import Watched
from ruler.pipeline.watch import Watch
from ruler.rundir import CaptionRecord, VideoFolder
from ruler.schema import Observation

Kept = TypeVar("Kept", Observation, CaptionRecord)


@dataclass(slots=True)
class Tally:
    """Counts captions.

    Attributes:
        captions: that there are.
        reused: those of them that were taken over from a nearly identical frame.
        missing: that could not be had.
        again: those of them that the same command asks for again.
    """

    captions: int = 0
    reused: int = 0
    missing: int = 0
    again: int = 0

    def see(self, record: Observation | CaptionRecord) -> None:
        """Count one record."""
        self.captions += bool(record.caption)
        self.reused += bool(record.caption) and record.caption_from is not None
        self.missing += bool(record.unanswered)
        self.again += record.ask_again

    def seen(self, records: Iterable[Kept]) -> Iterator[Kept]:
        """Records passed on, each counted."""
        for record in records:
            self.see(record)
            yield record

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of them."""
        notes = []
        if self.reused:
            notes.append(f"{self.reused} captions were taken over from a nearly identical frame")
        if self.missing:
            again = f"the same command asks for {self.again} of them again" if self.again else "asking again is no use"
            notes.append(f"{self.missing} of {self.captions + self.missing} captions could not be had: {again}")
        return tuple(notes)


def waiting(records: Iterable[Observation | CaptionRecord]) -> frozenset[int]:
    """Frames whose caption is to be asked for again; those that take over another frame's wait for that one."""
    return frozenset(r.frame for r in records if r.ask_again and r.caption is None and r.caption_from is None)


def completed(records: Iterable[Kept], fresh: Mapping[int, Observation]) -> Iterator[Kept]:
    """Records with what came when their captions were asked for again.

    Args:
        records: all of a video.
        fresh: frame → what came.
    """
    for record in records:
        source = record.frame if record.caption_from is None else record.caption_from
        came = fresh.get(source)
        if came is None or record.caption is not None or not record.ask_again:
            yield record
        elif came.caption is not None:
            yield replace(record, caption=came.caption, unanswered="", ask_again=False)
        else:
            why = came.unanswered if record.caption_from is None else record.unanswered
            yield replace(record, unanswered=why, ask_again=came.ask_again)


def ask_again(
    source: Input,
    settings: Settings,
    models: Models,
    frames: frozenset[int],
    keep: Callable[[Mapping[int, Observation]], None],
    geometry: SceneGeometry | None = None,
) -> Watched:
    """Ask for captions again; what came is kept, also where the asking ends early.

    Args:
        source: the video.
        settings: of perception.
        models: give the model.
        frames: see `waiting`.
        keep: called once, with what came: frame → an observation with its caption, or why there is none.
        geometry: of the scene.

    Raises:
        DataError: the video cannot be read any more.
        BudgetError: the budget is used up.
        ModelError: the model cannot be asked at all.
    """
    fresh: dict[int, Observation] = {}
    with Watch(source, settings, geometry, models) as watch:
        try:
            for observation in watch.captions_again(frames):
                fresh[observation.frame] = observation
        finally:
            keep(fresh)
        return Watched(watch.info, watch.times(), watch.notes, len(watch.skipped))


def mend(
    source: Input,
    settings: Settings,
    models: Models | None,
    folder: VideoFolder,
    geometry: SceneGeometry | None = None,
    before: Callable[[], None] = lambda: None,
) -> Watched | None:
    """Ask again for the captions that a video's observations lack.

    Args:
        source: the video.
        settings: of perception.
        models: give the model; None where there is none.
        folder: holds the observations.
        geometry: of the scene.
        before: called before observations are changed.

    Returns:
        What is known of the video; None where nothing was to be asked for.

    Raises:
        DataError, BudgetError, ModelError: as `ask_again`.
    """
    if models is None or models.vlm is None or not source.vlm:
        return None
    frames = waiting(folder.observations())
    if not frames:
        return None

    def keep(fresh: Mapping[int, Observation]) -> None:
        if fresh:
            before()
            folder.rewrite_observations(completed(folder.observations(), fresh))

    return ask_again(source, settings, models, frames, keep, geometry)
