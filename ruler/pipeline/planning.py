"""What a run would ask of models: inputs, settings and rules in; calls, tokens and money of each stage out.

Nothing is asked and no frame is decoded. Where captions were recorded already, rechecks are counted exactly; what the
captions of a model will be like is estimated, with a lower and an upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ruler.config import Settings
from ruler.deduction.judge import judge
from ruler.deduction.reason import Question, render_question
from ruler.deduction.recheck import find_cases
from ruler.errors import RulerError
from ruler.induction.generate import draw_captions
from ruler.llm.base import Request
from ruler.llm.prices import Prices, estimate, upper_bound
from ruler.llm.prompts import Prompts
from ruler.perception.vlm import encode_picture
from ruler.pipeline.asking import Words
from ruler.pipeline.detecting import scene_rules
from ruler.pipeline.inputs import Input, scene_namer
from ruler.pipeline.options import event_options, generation_options, judge_options, recheck_options
from ruler.pipeline.watch import Watch
from ruler.rules.model import RuleSet
from ruler.schema import VideoInfo
from ruler.video import parse_every

BYTES_PER_TOKEN = 5.0
"""Letters of English text a token holds at most, about: gives the lower bound."""

_SHORTEST_CAPTION, _SHORTEST_VERDICT, _SHORTEST_RULES = 20, 40, 400
_VERDICT, _RULES = 700, 6000
_EXAMPLE_CAPTION = 600
"""Letters of a long caption, where none is there yet."""

Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Planned:
    """One video of a plan; `frames` is None where only decoding tells."""

    name: str
    perception: str
    frames: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage would ask.

    Attributes:
        name: "perception", "induction" or "deduction".
        model: that is asked; empty for none.
        calls: least and most calls.
        tokens: least and most tokens, sent and received.
        cost: least and most US dollars; None where the model has no price.
        estimate: False where the number of calls is exact but for replies that have to be asked for again.
    """

    name: str
    model: str = ""
    calls: Bounds = (0, 0)
    tokens: Bounds = (0, 0)
    cost: tuple[float, float] | None = (0.0, 0.0)
    estimate: bool = False


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
) -> Plan:
    """Count what a run would ask.

    Args:
        inputs: what it would look at.
        settings: of the run.
        stages: of the command, among "perception", "induction" and "deduction".
        rules: to count rechecks by.
        scene_from: finds a video's scene in its name.
    """
    prompts, prices = Prompts(settings.models.prompts), Prices.load(settings.transport.prices)
    seen, infos = [], []
    for source in inputs:
        try:
            with Watch(source, settings) as watch:
                seen.append(Planned(source.name, source.perception, watch.info.frames))
                infos.append(watch.info)
        except RulerError as error:
            seen.append(Planned(source.name, source.perception, None, str(error)))
    captions = _captioned(infos, settings) if any(source.vlm for source in inputs) else (0, 0)
    made: list[Stage] = []
    for name in stages:
        if name == "perception":
            seeing = settings.models.vlm and captions[1]
            made.append(_perception(captions, infos, settings, prompts, prices) if seeing else Stage(name))
        elif name == "induction":
            writing = settings.models.llm
            made.append(_induction(inputs, settings, prompts, prices) if writing else Stage(name))
        else:
            made.append(_deduction(inputs, captions, settings, prompts, prices, rules, scene_from))
    return Plan(tuple(seen), tuple(made))


def _captioned(infos: Sequence[VideoInfo], settings: Settings) -> Bounds:
    """Captions that would be asked for: one a video where all frames look the same, one a sampled frame at most."""
    sampling, most = parse_every(settings.caption.every), 0
    for info in infos:
        frames = info.frames if info.frames is not None else 0
        seconds = frames / info.frame_rate
        most += math.ceil(seconds / sampling.seconds) if sampling.seconds else math.ceil(frames / sampling.stride)
    return (min(len(infos), most) if settings.caption.same > 0 else most), most


def _stage(
    name: str,
    model: str | None,
    calls: Bounds,
    request: Request,
    reply: Bounds,
    prices: Prices,
    *,
    exact: bool = False,
) -> Stage:
    """A stage that asks so many requests like one that is given."""
    if not model or not calls[1]:
        return Stage(name)
    price = prices.of(model)
    most = upper_bound(request, price).prompt
    letters = sum(len(message.text) for message in request.messages)
    least = min(most, int(letters / BYTES_PER_TOKEN))
    tokens = (calls[0] * (least + reply[0]), calls[1] * (most + reply[1]))
    cost = None
    if price is not None:
        low = estimate(calls[0], (least, least), (reply[0], reply[0]), price)[0]
        cost = low, estimate(calls[1], (most, most), (reply[1], reply[1]), price)[1]
    return Stage(name, model, calls, tokens, cost, not exact)


def _perception(
    captions: Bounds, infos: Sequence[VideoInfo], settings: Settings, prompts: Prompts, prices: Prices
) -> Stage:
    width, height = max(((i.width, i.height) for i in infos), default=(0, 0))
    picture = np.zeros((max(1, height), max(1, width), 3), np.uint8)
    image = encode_picture(picture, settings.caption.width)
    strip = settings.caption.strip
    prompt = prompts.render("caption", pictures=strip, span="1.0 s", facts="x" * 300 if settings.caption.facts else "")
    request = prompt.request(images=(image,) * strip, max_tokens=settings.caption.tokens)
    reply = (_SHORTEST_CAPTION, settings.caption.tokens)
    return _stage("perception", settings.models.vlm, captions, request, reply, prices)


def _induction(inputs: Sequence[Input], settings: Settings, prompts: Prompts, prices: Prices) -> Stage:
    options = generation_options(settings)
    recorded = any(source.records.captions for source in inputs)
    clips: list[list[str]] = [["x" * _EXAMPLE_CAPTION] * options.captions * options.batches]
    if recorded:
        clips = [[o.caption for o in Watch(s, settings).observations() if o.caption] for s in inputs]
    batches = draw_captions(clips, options.batches, options.captions, options.seed)
    batches = batches if settings.induction.aggregation else batches[:1]
    distinct = len(set(batches)) if recorded else len(batches)
    longest = max(batches, key=lambda batch: sum(map(len, batch)), default=())
    prompt = prompts.render(
        "generate",
        captions="\n".join(longest) + 30 * "x" * len(longest),
        count=options.captions,
        scene="",
        contrast=True,
        split=True,
        abstract=True,
        most=14,
    )
    grouping = 2 if settings.induction.aggregation else 0
    least = distinct + grouping
    # Each may have to be asked for again, and loud keywords may have to be mended.
    most = 2 * (distinct + grouping + int(settings.induction.revise))
    reply = (_SHORTEST_RULES, _RULES)
    return _stage("induction", settings.models.llm, (least, most), prompt.request(), reply, prices)


def _deduction(
    inputs: Sequence[Input],
    captions: Bounds,
    settings: Settings,
    prompts: Prompts,
    prices: Prices,
    rules: RuleSet | None,
    scene_from: str | None,
) -> Stage:
    options = recheck_options(settings)
    if not settings.models.llm or options.which == "none" or rules is None:
        return Stage("deduction")
    recorded = all(source.video is None for source in inputs)
    scene_of = scene_namer(scene_from)
    cases, question = 0, None
    if recorded:
        for source in inputs:
            scene = scene_rules(rules, scene_of(source.name))
            with Watch(source, settings) as watch:
                words = Words(watch.observations())
                judgement = judge(words, scene.rules, judge_options(settings, scene), (0, 0), watch.info.start)
            found = find_cases(
                judgement,
                words.captions(settings),
                scene.rules,
                event_options(settings, scene).threshold,
                options,
            )
            cases += len(found)
            question = max((case.question for case in found), key=lambda q: len(q.caption), default=question)
        calls = (cases * options.votes, 4 * cases * options.votes)
    else:
        calls = (min(1, captions[1]), 4 * captions[1] * options.votes)
    shown = next(iter(rules.scenes.values())).rules if rules.scenes else rules.rules
    prompt = render_question(prompts, shown, question or Question("x" * _EXAMPLE_CAPTION, False))
    return _stage(
        "deduction",
        settings.models.llm,
        calls,
        prompt.request(),
        (_SHORTEST_VERDICT, _VERDICT),
        prices,
        exact=recorded,
    )
