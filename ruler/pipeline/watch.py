"""Perception put together: one input in; its observations, as a stream, and what there is to know of its frames out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np

from ruler.config import Settings
from ruler.perception.motion import MotionPerceiver, SceneGeometry
from ruler.perception.recorded import merge_observations
from ruler.perception.vlm import VlmPerceiver
from ruler.pipeline.inputs import Input
from ruler.pipeline.models import Models
from ruler.pipeline.options import caption_options
from ruler.schema import FloatArray, Frame, Observation
from ruler.video import Video, open_video, parse_every

WARM_UP = 30.0
"""Seconds before the place where an interrupted run goes on that perception looks at again, to know the scene."""


class Watch:
    """One input being looked at; a context manager.

    Attributes:
        input: what is looked at.
        info: what is known of the video before its frames are read.
        video: the opened video; None where there are records only.

    Args:
        source: what to look at.
        settings: of perception.
        geometry: how tall people are in the scene; learnt from the video where None.
        models: give the model that captions frames, where the input asks for one.

    Raises:
        VideoError: the video cannot be opened.
        RecordError: a record is missing, unreadable or does not fit the video.
    """

    def __init__(
        self, source: Input, settings: Settings, geometry: SceneGeometry | None = None, models: Models | None = None
    ) -> None:
        self.input = source
        self.settings = settings
        self.geometry = geometry
        self.video: Video | None = None
        self.captioner: VlmPerceiver | None = None
        if source.vlm and models is not None and models.vlm is not None:
            models.check_sight()
            options = caption_options(settings)
            self.captioner = VlmPerceiver(models.say(models.vlm), models.prompts, options)
        given = settings.video
        records = source.records.perceiver(given.frame_rate) if source.records else None
        if source.video is None:
            assert records is not None
            self.info = replace(records.describe(source.name), start=given.start)
        else:
            # Where nothing but the captioner looks, other frames need not be taken out of the decoder.
            alone = self.captioner is not None and not source.uses_motion and not source.records
            every = settings.caption.every if alone and settings.caption.strip == 1 else given.every
            self.video = open_video(
                source.video,
                name=source.name,
                frame_rate=given.frame_rate,
                reader=given.reader,
                start=given.start,
                every=parse_every(every) if every else None,
            )
            self.info = self.video.info
        # Read at once, so that a record that does not fit is told before any picture is looked at.
        known = self.info if self.video else None
        self._recorded = records.observe(known, name=source.name) if records is not None else None
        self._clock: dict[int, float] = {}

    def __enter__(self) -> Self:
        """The watch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the video."""
        if self.video is not None:
            self.video.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the video, captions apart; complete when `observations` has ended."""
        notes = self.video.notes if self.video is not None else ()
        if self.video is None and not self.info.frame_rate_known:
            notes = (*notes, "frame rate assumed: 25 frames/s; give --frame-rate if it is another")
        return notes

    @property
    def skipped(self) -> tuple[int, ...]:
        """Indices of the frames that could not be decoded."""
        return self.video.skipped if self.video is not None else ()

    def observations(self, after: int = -1, ids_after: int = 0) -> Iterator[Observation]:
        """Look at the frames in order.

        Args:
            after: index of the last frame that was observed before; it and those before it are not given again.
            ids_after: largest track id given before; ids of motion go on from there.
        """
        if self.captioner is not None and self.video is not None:
            look = self._look(after, ids_after) if self.input.uses_motion or self._recorded is not None else None
            seen = self.captioner.observe(self.info, self.video, look, after)
            yield from (o for o in seen if o.frame > after)
            return
        if not self.input.uses_motion or self.video is None:
            for observation in self._recorded or ():
                self._clock[observation.frame] = observation.time
                if observation.frame > after:
                    yield observation
            return
        look = self._look(after, ids_after)
        yield from (o for o in look(self.video) if o.frame > after)

    def captions_again(self, frames: Collection[int]) -> Iterator[Observation]:
        """Ask for the captions of some frames once more, each for itself; only these frames are given."""
        if self.captioner is None or self.video is None or not frames:
            return
        # What is shown beside the pictures has to be the very same as the first time.
        beside = self.settings.caption.facts and (self.input.uses_motion or self._recorded is not None)
        look = self._look(-1, 0) if beside else None
        seen = self.captioner.observe(self.info, self.video, look, only=frames)
        yield from (o for o in seen if o.frame in frames)

    def _look(self, after: int, ids_after: int) -> Callable[[Iterable[Frame]], Iterator[Observation]]:
        """What looks at frames beside a captioner: motion, recorded boxes, or motion beside recorded captions."""
        if not self.input.uses_motion:
            return self._boxes
        warm = after / max(self.info.frame_rate, 1e-6) - WARM_UP if after >= 0 else -np.inf
        if warm <= 0:
            # Looked at from its beginning, the video gives the very same tracks again.
            warm, ids_after = -np.inf, 0

        def look(given: Iterable[Frame]) -> Iterator[Observation]:
            frames = (frame for frame in given if frame.time >= warm)
            seen = MotionPerceiver(self.settings.motion, self.geometry).observe(self.info, frames)
            fresh = (_raised(o, ids_after) for o in seen)
            if self._recorded is None:
                return fresh
            return _merged(fresh, self._recorded, words=self.input.records.captions is not None)

        return look

    def _boxes(self, frames: Iterable[Frame]) -> Iterator[Observation]:
        """What was recorded of each frame."""
        rest = iter(self._recorded or ())
        record = next(rest, None)
        for frame in frames:
            while record is not None and record.frame < frame.index:
                record = next(rest, None)
            found = record if record is not None and record.frame == frame.index else None
            yield replace(found, time=frame.time) if found is not None else Observation(frame.index, frame.time)

    def times(self) -> FloatArray:
        """Time of every frame of the video in seconds, (T,), after `observations` has ended."""
        if self.video is not None and self.video.complete:
            return self.video.times
        count = max(self.info.frames or 0, max(self._clock, default=-1) + 1)
        index = np.array(sorted(self._clock), float)
        if not len(index):
            return np.arange(count) / self.info.frame_rate
        time = np.array([self._clock[int(i)] for i in index])
        step = 1 / self.info.frame_rate
        index = np.concatenate([[-1.0], index, [float(count)]])
        time = np.concatenate([[time[0] - step * (index[1] + 1)], time, [time[-1] + step * (count - index[-2])]])
        return np.asarray(np.interp(np.arange(count), index, time), float)


def _raised(observation: Observation, ids_after: int) -> Observation:
    """The observation with its track ids raised above those of an earlier part of the run."""
    if not ids_after:
        return observation
    objects = tuple(
        replace(thing, track_id=thing.track_id + ids_after) if thing.track_id > 0 else thing
        for thing in observation.objects
    )
    return replace(observation, objects=objects)


def _merged(seen: Iterable[Observation], recorded: Iterable[Observation], words: bool) -> Iterator[Observation]:
    """What was seen, each frame with what was recorded of it; both in the order of frames.

    Where captions were recorded (`words`), those rendered from motion are left out: they are of another kind.
    """
    source = iter(recorded)
    record = next(source, None)
    for observation in seen:
        while record is not None and record.frame < observation.frame:
            record = next(source, None)
        if record is not None and record.frame == observation.frame:
            yield merge_observations(record, replace(observation, caption=None) if words else observation)
        else:
            yield replace(observation, caption=None) if words else observation
