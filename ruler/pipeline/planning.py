"""What a run would ask of models: inputs, settings and rules in; calls, tokens and money of each stage out.

Nothing is asked and no frame is decoded. Where captions were recorded already, rechecks are counted exactly; what the
captions of a model will be like is estimated, with a lower and an upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruler.config import Settings
from ruler.deduction import reason
from ruler.deduction.judge import judge
from ruler.deduction.reason import Question, render_question
from ruler.deduction.recheck import find_cases
from ruler.errors import RulerError
from ruler.induction import aggregate, generate, revise
from ruler.induction.generate import draw_captions
from ruler.llm.base import Request
from ruler.llm.prices import Prices
from ruler.llm.prompts import Prompts
from ruler.perception.vlm import encode_picture
from ruler.pipeline.asking import Words, nearest_of
from ruler.pipeline.bounds import Asked, Bounds, Stage, questions, stage, together
from ruler.pipeline.detecting import scene_rules
from ruler.pipeline.inputs import Input, scene_namer
from ruler.pipeline.options import event_options, generation_options, judge_options, recheck_options
from ruler.pipeline.watch import Watch
from ruler.rules.model import RuleSet, Scene
from ruler.schema import VideoInfo
from ruler.video import parse_every

_SHORTEST_CAPTION, _SHORTEST_VERDICT, _SHORTEST_RULES = 20, 40, 400
_SHORT, _LONG = 40, 600
"""Letters of a short and a long caption, where none is there yet."""

_DENSE = 4
"""Tokens of one model that a token of another is at most."""

_FACTS = 1200
"""Letters of facts beside a picture, at most."""

_LOOKS = 2
"""Calls that tell whether a model sees."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One video of a plan; `frames` is None where only decoding tells."""

    name: str
    perception: str
    frames: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would ask."""

    videos: tuple[Planned, ...]
    stages: tuple[Stage, ...]

    @property
    def calls(self) -> Bounds:
        """Least and most calls."""
        return sum(s.calls[0] for s in self.stages), sum(s.calls[1] for s in self.stages)

    @property
    def cost(self) -> tuple[float, float] | None:
        """Least and most US dollars; None where a model has no price."""
        costs = [s.cost for s in self.stages]
        if any(cost is None for cost in costs):
            return None
        return float(sum(c[0] for c in costs if c)), float(sum(c[1] for c in costs if c))


def make_plan(
    inputs: Sequence[Input],
    settings: Settings,
    stages: Sequence[str],
    rules: RuleSet | None = None,
    scene_from: str | None = None,
    examples: Sequence[str] = (),
) -> Plan:
    """Count what a run would ask.

    Args:
        inputs: what it would look at.
        settings: of the run.
        stages: of the command, among "perception", "induction" and "deduction".
        rules: to count rechecks by.
        scene_from: finds a video's scene in its name.
        examples: normal captions, of which the nearest are shown in rechecks.
    """
    planner = _Planner(settings, Prompts(settings.models.prompts), Prices.load(settings.transport.prices))
    seen: list[Planned] = []
    infos: dict[str, VideoInfo] = {}
    for source in inputs:
        try:
            with Watch(source, settings) as watch:
                seen.append(Planned(source.name, source.perception, watch.info.frames))
                infos[source.name] = watch.info
        except RulerError as error:
            seen.append(Planned(source.name, source.perception, None, str(error)))
    there = [source for source in inputs if source.name in infos]
    made: list[Stage] = []
    for name in stages:
        if name == "perception":
            made.append(planner.perception(there, infos))
        elif name == "induction":
            made.append(planner.induction(there, infos, scene_namer(scene_from)))
        else:
            made.append(planner.deduction(there, infos, rules, scene_namer(scene_from), examples))
    return Plan(tuple(seen), tuple(made))


def _sampled(info: VideoInfo, settings: Settings) -> int:
    """Frames of a video that are captioned at most."""
    sampling, frames = parse_every(settings.caption.every), info.frames or 0
    return (
        math.ceil(frames / info.frame_rate / sampling.seconds)
        if sampling.seconds
        else math.ceil(frames / sampling.stride)
    )


def _captions(source: Input, info: VideoInfo, settings: Settings) -> Bounds:
    """Captions of a video, least and most: one where all frames look the same, one a sampled frame at most."""
    if source.records.captions is not None:
        return min(1, info.frames or 0), info.frames or 0
    if not source.vlm and not source.uses_motion:
        return 0, 0
    most = _sampled(info, settings)
    return (min(1, most) if not source.vlm or settings.caption.same > 0 else most), most


@dataclass(frozen=True, slots=True)
class _Planner:
    settings: Settings
    prompts: Prompts
    prices: Prices

    def perception(self, inputs: Sequence[Input], infos: Mapping[str, VideoInfo]) -> Stage:
        """Captions of a model."""
        settings, model = self.settings, self.settings.models.vlm
        seen = [source for source in inputs if source.vlm]
        if not model or not seen:
            return Stage("perception")
        bounds = [_captions(source, infos[source.name], settings) for source in seen]
        number = sum(b[0] for b in bounds), sum(b[1] for b in bounds)
        sizes = [(infos[s.name].width, infos[s.name].height) for s in seen]
        price, strip = self.prices.of(model), settings.caption.strip

        def request(size: tuple[int, int], facts: int) -> Request:
            picture = np.zeros((max(1, size[1]), max(1, size[0]), 3), np.uint8)
            image = encode_picture(picture, settings.caption.width)
            prompt = self.prompts.render("caption", pictures=strip, span="1.0 s", facts="x" * facts)
            return prompt.request(images=(image,) * strip, max_tokens=settings.caption.tokens)

        facts = _FACTS if settings.caption.facts else 0
        longest = request(max(sizes), facts)
        parts = [questions(number, request(min(sizes), min(facts, 1)), longest, _SHORTEST_CAPTION, price)]
        if settings.transport.probe and number[1] and not model.startswith("replay:"):
            parts.append(questions((0, _LOOKS), longest, longest, 0, price))
        return stage("perception", model, together(parts), self.prices)

    def induction(
        self, inputs: Sequence[Input], infos: Mapping[str, VideoInfo], scene_of: Callable[[str], str]
    ) -> Stage:
        """Rules of a model, for each scene."""
        model = self.settings.models.llm
        if not model or not inputs:
            return Stage("induction")
        scenes: dict[str, list[Input]] = {}
        for source in inputs:
            scenes.setdefault(scene_of(source.name), []).append(source)
        parts = [part for group in scenes.values() for part in self._written(group)]
        return stage("induction", model, together(parts), self.prices)

    def _written(self, inputs: Sequence[Input]) -> list[Asked]:
        settings, options = self.settings, generation_options(self.settings)
        price = self.prices.of(settings.models.llm or "")
        recorded = any(source.records.captions for source in inputs)
        known = (
            [[o.caption for o in Watch(s, settings).observations() if o.caption] for s in inputs] if recorded else []
        )
        letters = _DENSE * settings.caption.tokens if settings.models.vlm else _LONG
        made = [[f"{i:0{letters}d}" for i in range(options.captions * options.batches)]]
        batches = draw_captions(known if recorded else made, options.batches, options.captions, options.seed)
        batches = batches if settings.induction.aggregation else batches[:1]

        def request(captions: Sequence[str], scene: str = "x" * 200) -> Request:
            prompt = self.prompts.render(
                generate.PROMPT,
                captions=generate.listed(captions),
                count=options.captions,
                scene=scene,
                contrast=options.contrast,
                split=options.split,
                abstract=options.abstract,
                most=generate.MOST_ANOMALY,
            )
            return prompt.request(max_tokens=generate.TOKENS)

        distinct = sorted(set(batches), key=lambda batch: sum(len(caption.encode()) for caption in batch))
        if not distinct:
            return []
        number = (len(distinct) if recorded else 1, len(distinct))
        first, last = request(distinct[0] if recorded else ("x" * _SHORT,), ""), request(distinct[-1])
        parts = [questions(number, first, last, _SHORTEST_RULES, price, generate.Candidates)]
        if settings.induction.aggregation:
            prompt = self.prompts.render(aggregate.PROMPT, candidates="", count=999, kind="anomaly", abstract=True)
            grouped = prompt.request(max_tokens=aggregate.TOKENS)
            # All that the batches replied may stand in it.
            written = len(batches) * generate.TOKENS
            parts.append(questions((2, 2), grouped, grouped, _SHORTEST_RULES, price, aggregate.Groups, more=written))
        if settings.induction.revise:
            prompt = self.prompts.render(revise.PROMPT, rules="", count=999999, percent="99")
            revised = prompt.request(max_tokens=revise.TOKENS)
            written = 2 * aggregate.TOKENS  # the rules, and what their keywords were found in
            parts.append(questions((0, 1), revised, revised, 0, price, revise.Revisions, more=written))
        return parts

    def deduction(
        self,
        inputs: Sequence[Input],
        infos: Mapping[str, VideoInfo],
        rules: RuleSet | None,
        scene_of: Callable[[str], str],
        examples: Sequence[str],
    ) -> Stage:
        """Rechecks of a model."""
        settings, options = self.settings, recheck_options(self.settings)
        if not settings.models.llm or options.which == "none" or rules is None or not inputs:
            return Stage("deduction")
        recorded = all(source.video is None for source in inputs)
        parts, known = [], set[tuple[str, Question]]()
        for source in inputs:
            scene = scene_rules(rules, scene_of(source.name))
            if not recorded:
                parts.append(self._unknown(scene, _captions(source, infos[source.name], settings), examples))
                continue
            for question in self._questions(source, scene, examples):
                # What another video asks as well is answered from the cache.
                if (scene.scene, question) not in known:
                    known.add((scene.scene, question))
                    parts.append(self._rechecked(scene, question, question, (1, 1)))
        return stage("deduction", settings.models.llm, together(parts), self.prices, exact=recorded)

    def _questions(self, source: Input, scene: Scene, examples: Sequence[str]) -> list[Question]:
        settings = self.settings
        with Watch(source, settings) as watch:
            words = Words(watch.observations())
            judgement = judge(words, scene.rules, judge_options(settings, scene), (0, 0), watch.info.start)
        threshold = event_options(settings, scene).threshold
        found = find_cases(
            judgement,
            words.captions(settings),
            scene.rules,
            threshold,
            recheck_options(settings),
            nearest_of(settings, examples),
        )
        return [case.question for case in found]

    def _unknown(self, scene: Scene, captions: Bounds, examples: Sequence[str]) -> Asked:
        """Rechecks of captions that are not there yet."""
        longest = sorted(examples, key=len)[-self.settings.recheck.shots :] if self.settings.recheck.shots else []
        letters = _DENSE * self.settings.caption.tokens if self.settings.models.vlm else _LONG
        matched = tuple(rule.id for rule in scene.rules if rule.kind == "anomaly")
        most = Question("x" * letters, False, matched, tuple(longest))
        return self._rechecked(scene, Question("x" * _SHORT, True), most, (min(1, captions[0]), captions[1]))

    def _rechecked(self, scene: Scene, least: Question, most: Question, number: Bounds) -> Asked:
        votes, price = recheck_options(self.settings).votes, self.prices.of(self.settings.models.llm or "")

        def request(question: Question) -> Request:
            return render_question(self.prompts, scene.rules, question).request(max_tokens=reason.TOKENS)

        longest = request(most)
        shortest = longest if least is most else request(least)
        number = number[0] * votes, number[1] * votes
        return questions(number, shortest, longest, _SHORTEST_VERDICT, price, reason.Reasoning, rounds=2)
