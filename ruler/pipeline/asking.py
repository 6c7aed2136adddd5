"""Where deduction meets a model: a judgement and the captions it rests on in; the rechecked judgement out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from ruler.config import Settings
from ruler.deduction.judge import Judgement
from ruler.deduction.nearest import NearestCaptions
from ruler.deduction.recheck import Case, find_cases, recheck
from ruler.errors import RulerError
from ruler.pipeline.captions import Tally
from ruler.pipeline.models import Models
from ruler.pipeline.options import event_options, judge_options, recheck_options
from ruler.progress import Progress
from ruler.rules.model import Scene
from ruler.schema import Observation
from ruler.video import parse_every
from ruler.video.sampling import Sampler


class Asking:
    """What is asked of models about one video after another."""

    def __init__(self, models: Models | None, examples: Sequence[str], progress: Progress) -> None:
        self.models = models
        self._examples = examples
        self._progress = progress

    def rechecks(self, settings: Settings) -> bool:
        """Whether findings are rechecked by a model."""
        return self.models is not None and self.models.llm is not None and settings.recheck.which != "none"

    def judgement(
        self, judgement: Judgement, captions: Mapping[int, str], scene: Scene, settings: Settings, name: str
    ) -> tuple[Judgement, RulerError | None]:
        """The judgement after the recheck, and what ended it early."""
        options, models = recheck_options(settings), self.models
        if models is None or models.llm is None or options.which == "none" or not captions:
            return judgement, None
        nearest = nearest_of(settings, self._examples)
        threshold = event_options(settings, scene).threshold
        cases = find_cases(judgement, captions, scene.rules, threshold, options, nearest)
        return self.answered(judgement, cases, captions, scene, settings, name)

    def answered(
        self,
        judgement: Judgement,
        cases: Sequence[Case],
        captions: Mapping[int, str],
        scene: Scene,
        settings: Settings,
        name: str,
    ) -> tuple[Judgement, RulerError | None]:
        """The judgement after some cases were asked about, and what ended it early."""
        models, options = self.models, recheck_options(settings)
        assert models is not None and models.llm is not None
        threshold = event_options(settings, scene).threshold
        return models.run(
            recheck(
                judgement,
                cases,
                captions,
                scene.rules,
                models.llm,
                models.prompts,
                options,
                judge_options(settings, scene).matching,
                threshold,
                settings.transport.concurrency,
                self._progress.task(f"{name}: rechecking", len(cases)),
            )
        )


def nearest_of(settings: Settings, examples: Sequence[str]) -> NearestCaptions | None:
    """What finds the examples of a recheck among normal captions; None where none are shown."""
    told, shots = [example for example in examples if example.strip()], settings.recheck.shots
    return NearestCaptions(told, shots) if shots and told else None


class Words:
    """Observations passed on, while their captions are noted by position."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        self._observations = observations
        self._captions: dict[int, tuple[float, str]] = {}
        self._written = False
        self.tally = Tally()
        self.missing: dict[int, str] = {}

    def __iter__(self) -> Iterator[Observation]:
        for position, observation in enumerate(self._observations):
            self.tally.see(observation)
            if observation.caption:
                self._captions[position] = observation.time, observation.caption
                self._written = self._written or observation.sources != ("motion",)
            if observation.unanswered:
                self.missing[position] = observation.unanswered
            yield observation

    def captions(self, settings: Settings) -> dict[int, str]:
        """Position → caption; of captions rendered from motion, which every frame has, as many as of a model's."""
        if self._written:
            return {position: caption for position, (_, caption) in self._captions.items()}
        sampler, taken = Sampler(parse_every(settings.caption.every)), {}
        for position, (time, caption) in self._captions.items():
            if sampler.takes(position, time, lambda: np.zeros((1, 1), np.uint8)):
                sampler.took(position, time)
                taken[position] = caption
        return taken
