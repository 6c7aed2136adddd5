"""Perception by a vision-language model: frames in; observations with the captions it writes of some of them out.

Only sampled frames are asked about (AnomalyRuler, Sec. 3.1, asks about each). A frame that is nearly identical to the
last one that was asked about takes over its caption, and says so. Calls are under way while frames are decoded.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from PIL import Image as Pillow

from ruler.errors import ModelError
from ruler.llm.base import Image, Request
from ruler.llm.client import Answer
from ruler.llm.prompts import Prompts, fenced
from ruler.perception.motion.caption import render_caption
from ruler.schema import Frame, Observation, Picture, VideoInfo
from ruler.video.sampling import Sampler, Sampling, Thumbnail, thumbnail_of

PROMPT = "caption"
SOURCE = "vlm"

MOST_FAILURES = 8
"""Captions in a row that no answer came to, after which a model is taken as gone."""

_QUALITY = 90

Submit = Callable[[Request], "Future[Answer[str]]"]
"""Begins to ask; its future may raise ModelError or BudgetError."""

Look = Callable[[Iterable[Frame]], Iterator[Observation]]
"""Frames → one observation of each, in order, perhaps some frames behind."""


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """Which frames are captioned, and what is shown of them.

    Attributes:
        sampling: which frames.
        strip: pictures shown together, the frame itself the last.
        step: seconds between them, at least.
        facts: put what was measured beside the picture.
        width: largest side of what is sent, in pixels; never enlarged.
        same: largest change of any place of a 64×36 thumbnail, in grey levels, at which a caption is taken over.
        tokens: most tokens of a caption.
        seed: for the server.
        ahead: calls that may be under way.
    """

    sampling: Sampling
    strip: int = 1
    step: float = 0.4
    facts: bool = False
    width: int = 768
    same: float = 3.0
    tokens: int = 400
    seed: int = 0
    ahead: int = 8


@dataclass(slots=True)
class _Shown:
    """A frame that is to be captioned: its pictures, or the frame whose caption it takes over."""

    frame: int
    images: tuple[Image, ...] = ()
    span: float = 0.0
    same_as: int | None = None


@dataclass(slots=True)
class _Waiting:
    observation: Observation
    answer: Future[Answer[str]] | None = None
    same_as: int | None = None
    sampled: bool = False


@dataclass(slots=True)
class VlmPerceiver:
    """Captions frames.

    Attributes:
        submit: begins a call.
        prompts: give the template `caption`.
        options: see `CaptionOptions`.
        asked: captions asked for so far.
    """

    submit: Submit
    prompts: Prompts
    options: CaptionOptions
    asked: int = 0
    _answered: int = 0
    _in_a_row: int = 0
    _last: ModelError | None = None
    _held: list[Observation] = field(default_factory=list)
    _gone: str = ""
    _captions: dict[int, str | None] = field(default_factory=dict)
    _passing: set[int] = field(default_factory=set)

    def observe(
        self,
        info: VideoInfo,
        frames: Iterable[Frame],
        look: Look | None = None,
        after: int = -1,
        only: Collection[int] | None = None,
    ) -> Iterator[Observation]:
        """Give observations in the order of frames, those of the sampled ones with a caption.

        Args:
            info: of the video.
            frames: in the order of time.
            look: what else looks at them; its observations are given for all frames, and captions in words that it
                rendered itself are left out. None: only sampled frames are observed.
            after: frames up to this one were observed before; they are not asked about.
            only: the frames to ask about, instead of those of the sampling; each for itself, and a model that does not
                answer is no error.

        Raises:
            BudgetError: the budget is used up.
            ModelError: the model cannot be asked at all; or it does not answer, and nothing else looks. What it did
                not answer by then is not given.
        """
        self._captions.clear()
        self._passing.clear()
        self._held.clear()
        alone = look is None and only is None
        shown: dict[int, _Shown] = {}
        waiting: deque[_Waiting] = deque()
        tapped = self._taken(frames, shown, after, only, everything=look is not None)
        seen = look(tapped) if look is not None else (Observation(f.index, f.time) for f in tapped)
        for observation in seen:
            plain = replace(observation, caption=None)
            one = shown.pop(observation.frame, None)
            if one is None:
                waiting.append(_Waiting(plain))
            elif one.same_as is not None:
                waiting.append(_Waiting(plain, same_as=one.same_as))
            else:
                waiting.append(
                    _Waiting(plain, self._begin(one, observation, info, facts=look is not None), sampled=True)
                )
            under_way = sum(w.answer is not None for w in waiting) if len(waiting) > 1 else 0
            while waiting and (self._ready(waiting[0]) or under_way > 2 * self.options.ahead):
                under_way -= waiting[0].answer is not None
                yield from self._settled(self._finished(waiting.popleft(), alone=alone), alone=alone)
        while waiting:
            yield from self._settled(self._finished(waiting.popleft(), alone=alone), alone=alone)
        if self._held and self._last is not None and self._last.kind != "failed" and not self._answered:
            raise self._last
        yield from self._held

    def _taken(
        self,
        frames: Iterable[Frame],
        shown: dict[int, _Shown],
        after: int,
        only: Collection[int] | None,
        *,
        everything: bool,
    ) -> Iterator[Frame]:
        """The frames, while those to be captioned are set aside; all of them, or these alone."""
        sampler = Sampler(self.options.sampling)
        before: deque[Frame] = deque(maxlen=max(1, self.options.strip - 1))
        last: tuple[int, Thumbnail] | None = None
        for frame in frames:
            if only is not None:
                takes = frame.index in only
            else:
                takes = sampler.takes(frame.index, frame.time, lambda: thumbnail_of(frame.image))  # noqa: B023 (at once)
                if takes:
                    sampler.took(frame.index, frame.time)
            if takes and frame.index > after:
                small = thumbnail_of(frame.image)
                if only is None and last is not None and _alike(last[1], small, self.options.same):
                    shown[frame.index] = _Shown(frame.index, same_as=last[0])
                else:
                    shown[frame.index] = self._prepared(frame, before)
                    last = frame.index, small
            if self.options.strip > 1 and (not before or frame.time - before[-1].time >= self.options.step - 1e-6):
                before.append(frame)
            if everything or (takes and frame.index > after):
                yield frame

    def _prepared(self, frame: Frame, before: Iterable[Frame]) -> _Shown:
        strip = [f for f in before if self.options.strip > 1] + [frame]
        images = tuple(encode_picture(f.image, self.options.width) for f in strip)
        return _Shown(frame.index, images, frame.time - strip[0].time)

    def _begin(
        self, shown: _Shown, observation: Observation, info: VideoInfo, *, facts: bool
    ) -> Future[Answer[str]] | None:
        if self._gone:
            return None
        self.asked += 1
        prompt = self.prompts.render(
            PROMPT,
            pictures=len(shown.images),
            span=f"{shown.span:.1f} s",
            facts=fenced(_facts(observation, info), "facts") if self.options.facts and facts else "",
        )
        request = prompt.request(images=shown.images, max_tokens=self.options.tokens, seed=self.options.seed)
        return self.submit(request)

    def _ready(self, waiting: _Waiting) -> bool:
        return waiting.answer is None or waiting.answer.done()

    def _finished(self, waiting: _Waiting, *, alone: bool) -> Observation:
        observation = waiting.observation
        if waiting.same_as is not None:
            known = self._captions.get(waiting.same_as)
            why = "" if known is not None else f"frame {waiting.same_as}, which looks the same, has none"
            told = self._told(observation, known, why, again=waiting.same_as in self._passing)
            return replace(told, caption_from=waiting.same_as)
        if waiting.answer is None:
            if not waiting.sampled:
                return observation
            self._passing.add(observation.frame)
            return self._told(observation, None, self._gone, again=True)
        try:
            answer = waiting.answer.result()
        except ModelError as error:
            self._failing(error, alone)
            self._captions[observation.frame] = None
            if error.passing:
                self._passing.add(observation.frame)
            return self._told(observation, None, error.what, again=error.passing)
        self._answered += 1
        self._in_a_row = 0
        self._captions[observation.frame] = answer.value
        return self._told(observation, answer.value, answer.problem)

    def _failing(self, error: ModelError, alone: bool) -> None:
        """Count a caption that no answer came to; give up where there is no sense in going on."""
        if error.passing:
            self._in_a_row += 1
            self._last = error
        gone = error.lasting or self._in_a_row >= (MOST_FAILURES if self._answered else 2)
        if gone and (alone or error.lasting):
            raise error
        if gone:
            self._gone = error.what

    def _settled(self, observation: Observation, *, alone: bool) -> Iterator[Observation]:
        """What can be given out, in order.

        Captions that nobody answered are held back until the model answers again: where it is gone, whoever goes on
        later asks for them anew, instead of finding them written down as missing.
        """
        self._held.append(observation)
        if not (alone and self._in_a_row):
            yield from self._held
            self._held.clear()

    def _told(self, observation: Observation, caption: str | None, why: str, *, again: bool = False) -> Observation:
        sources = (*observation.sources, SOURCE)
        if caption is None:
            return replace(observation, unanswered=why or "no caption", ask_again=again, sources=sources)
        return replace(observation, caption=caption, sources=sources)


def encode_picture(picture: Picture, width: int, quality: int = _QUALITY) -> Image:
    """Encode an RGB picture (H×W×3 uint8) as a JPEG whose larger side is at most `width` pixels."""
    tall, wide = picture.shape[:2]
    scale = min(1.0, width / max(tall, wide))
    if scale < 1:
        size = max(1, round(wide * scale)), max(1, round(tall * scale))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    buffer = io.BytesIO()
    Pillow.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return Image(buffer.getvalue())


def _alike(one: Thumbnail, other: Thumbnail, same: float) -> bool:
    # The largest change, not the mean: a person far away is a few cells.
    return same > 0 and float(cv2.absdiff(one, other).max()) <= same


def _facts(observation: Observation, info: VideoInfo) -> str:
    if observation.caption and "motion" in observation.sources:
        return observation.caption
    return render_caption(observation.objects, (info.width, info.height), None, info.frame_rate_known)
