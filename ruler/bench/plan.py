"""What was asked of an evaluation in; what is measured, by which perception, against which normal reference, out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from ruler.bench.datasets import BenchDataset, BenchVideo
from ruler.bench.reference import Text, default_margin, refuse_speechless, text_of
from ruler.bench.sources import (
    Sources,
    caption_file,
    captioned,
    choose_sources,
    rate_of_records,
    spread_evenly,
    training_inputs,
)
from ruler.config import Settings
from ruler.errors import DataError, UsageError
from ruler.pipeline import Input, scene_namer
from ruler.rules.io import load_rules
from ruler.rules.model import RuleSet

Method = Literal["ruler", "anomalyruler-base", "speed", "novelty"]
METHODS: tuple[Method, ...] = get_args(Method)

FOLDS = 5
"""Folds where the measured videos themselves have to give the text reference and nothing was said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of an evaluation; see `ruler.bench.run.evaluate`."""

    rules: Path | RuleSet | None = None
    method: str = "ruler"
    use: Sequence[str] | None = None
    folds: int | None = None
    videos: Sequence[str] | None = None
    margin: int | None = None
    captions_every: int = 1
    keywords: Path | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how.

    Attributes:
        dataset: that is measured.
        reference: gives the normal reference.
        videos: measured, sorted by name.
        scenes: video → scene.
        folds: video → fold of the text reference; empty without folds.
        sources: perception that is used.
        method: what is measured.
        settings: of all stages, the frame rate of records among them.
        rate: frames per second of records.
        training: normal footage for motion; empty where none is used.
        texts: normal captions, one set for each fold, or one for all; empty where none are used.
        written: rules that were made before.
        written_from: their file, for a person.
        margin: frames between the text reference and any anomaly; None without such a reference.
        captions_every: captions of every k-th frame of measured videos are read.
        keywords: file of keywords of the published program.
    """

    dataset: BenchDataset
    reference: BenchDataset
    videos: tuple[BenchVideo, ...]
    scenes: Mapping[str, str]
    folds: Mapping[str, int]
    sources: Sources
    method: Method
    settings: Settings
    rate: float
    training: tuple[Input, ...] = ()
    texts: tuple[Text, ...] = ()
    written: RuleSet | None = None
    written_from: str = ""
    margin: int | None = None
    captions_every: int = 1
    keywords: Path | None = None

    @property
    def scene_of(self) -> Callable[[str], str]:
        """Name of a video → name of its scene."""
        return scene_namer(self.dataset.scene_from)

    @property
    def apart(self) -> bool:
        """Whether the reference is another folder than what is measured."""
        return self.reference.root.resolve() != self.dataset.root.resolve()


def make_plan(dataset: BenchDataset, reference: BenchDataset | None, asked: Asked, settings: Settings) -> Plan:
    """Decide what is measured and how, and refuse what cannot be.

    Raises:
        UsageError: options that do not go together; a video on both sides.
        DataError: something of the dataset is missing.
    """
    method = next((known for known in METHODS if known == asked.method), None)
    if method is None:
        raise UsageError(f"no method '{asked.method}'", where="--method", hint=f"one of {', '.join(METHODS)}")
    if method != "ruler" and asked.rules is not None:
        raise UsageError(f"'{method}' takes no rules", where="--rules", hint="leave it out, or use --method ruler")
    if (method == "anomalyruler-base") != (asked.keywords is not None):
        hint = "--method anomalyruler-base needs a list of keywords, one a line, and no other method takes one"
        raise UsageError("keywords go with the published program", where="--keywords", hint=hint)
    for name, value in (("--folds", asked.folds), ("--captions-every", asked.captions_every)):
        if value is not None and value < (2 if name == "--folds" else 1):
            raise UsageError(f"{value} is too few", where=name, hint="give 2 or more, or leave it out")
    videos = _chosen(dataset, asked.videos)
    sources = choose_sources(dataset, videos, _narrowed(method, asked.use, dataset, videos))
    rate = rate_of_records(dataset, videos, settings)
    usual = rate if not sources.pixels else dataset.frame_rate
    if usual is not None and settings.video.frame_rate is None:
        settings = settings.model_copy(
            update={"video": settings.video.model_copy(update={"frame_rate": usual})},
        )
    if method == "anomalyruler-base" and settings.smoothing.preset not in ("paper", "published-code"):
        smoothing = settings.smoothing.model_copy(update={"preset": "published-code"})
        settings = settings.model_copy(update={"smoothing": smoothing})
    scene_of = scene_namer(dataset.scene_from)
    bare = Plan(
        dataset=dataset,
        reference=reference or dataset,
        videos=videos,
        scenes={video.name: scene_of(video.name) for video in videos},
        folds={},
        sources=sources,
        method=method,
        settings=settings,
        rate=rate,
        captions_every=asked.captions_every,
        keywords=asked.keywords,
    )
    return _with_reference(bare, asked) if method != "anomalyruler-base" else bare


def _with_reference(plan: Plan, asked: Asked) -> Plan:
    if plan.method != "ruler":
        return replace(plan, training=_training(plan, needed=True))
    written, path = _written(asked.rules)
    training = _training(plan, needed=written is None) if plan.settings.induction.limits else ()
    plan = replace(plan, written=written, written_from=path, training=training)
    if plan.sources.captions and plan.settings.induction.vocabulary:
        plan = _with_text(plan, asked)
    if not (plan.training or plan.texts or plan.written):
        hint = "let settings induce something, or give --rules"
        raise UsageError("nothing to judge by", where=str(plan.dataset.root), hint=hint)
    return plan


def _with_text(plan: Plan, asked: Asked) -> Plan:
    """The plan with its text reference: other videos, or other folds of the measured ones."""
    measured = {video.name for video in plan.videos}
    others = [video for video in captioned(plan.reference) if video.name not in measured]
    folds = asked.folds
    if folds is None and plan.apart:
        both = sorted(measured & {video.name for video in captioned(plan.reference)})
        if both:
            what = f"{len(both)} videos are measured and in the reference too ({both[0]}, …)"
            hint = "give a reference without them, measure others with --videos, or use --folds"
            raise UsageError(what, where=plan.reference.root, hint=hint)
    if folds is None and not others:
        if plan.written is not None:
            return plan
        folds = min(FOLDS, len(plan.videos))
    # The measured root's videos and labels, for folds; whichever gives it, the margin is one for all.
    pool = list(plan.videos) if folds is not None else others
    margin = asked.margin if asked.margin is not None else default_margin(captioned(plan.reference) or pool)
    if folds is None:
        files = [caption_file(plan.reference, video.name) for video in others]
        return replace(plan, texts=(text_of(0, others, files, margin),), margin=margin)
    if folds < 2 or folds > len(pool):
        what = f"{len(pool)} videos cannot be held against one another in {folds} folds"
        raise UsageError(what, where="--folds", hint="measure more videos, or give a --reference with other ones")
    fold_of = dict(spread_evenly([video.name for video in pool], folds))
    texts = []
    for fold in range(folds):
        rest = [video for video in pool if fold_of[video.name] != fold]
        texts.append(text_of(fold, rest, [caption_file(plan.dataset, video.name) for video in rest], margin))
    return replace(plan, texts=tuple(texts), folds=fold_of, margin=margin)


def _training(plan: Plan, needed: bool) -> tuple[Input, ...]:
    """Normal footage of the measured scenes.

    Raises:
        DataError: there is none, or a scene has none, though it is needed.
    """
    if not plan.sources.motion:
        return ()
    kind = "pixels" if plan.sources.pixels else "boxes"
    inputs = training_inputs(plan.reference, plan.sources)
    if not inputs:
        if not needed:
            return ()
        what = f"no normal training video to set limits from {kind} by"
        hint = "give a --reference that has a training part, --rules FILE, or --use captions"
        raise DataError(what, where=plan.reference.root, hint=hint)
    _refuse_shared(plan, inputs)
    wanted = set(plan.scenes.values())
    there = {plan.scene_of(source.name) for source in inputs}
    if wanted - there:
        what = f"no training video of scene {min(wanted - there)}"
        hint = "give a --reference that has one, or measure other videos with --videos"
        raise DataError(what, where=plan.reference.root, hint=hint)
    return tuple(source for source in inputs if plan.scene_of(source.name) in wanted)


def _refuse_shared(plan: Plan, training: Sequence[Input]) -> None:
    """Raise where a measured video is one of the normal ones too, by another name or through a link."""
    normal = {source.video.resolve(): source.name for source in training if isinstance(source.video, Path)}
    for video in plan.videos:
        place = video.pictures.resolve() if video.pictures is not None else None
        if place in normal:
            what = f"is measured, and is the normal video {normal[place]} too"
            raise UsageError(what, where=f"video {video.name}", hint="take it out of one of the two")


def _written(rules: Path | RuleSet | None) -> tuple[RuleSet | None, str]:
    if rules is None or isinstance(rules, RuleSet):
        return rules, "" if rules is None else "rules given"
    ruleset = load_rules(rules)
    refuse_speechless(ruleset, str(rules))
    return ruleset, str(rules)


def _narrowed(
    method: Method, use: Sequence[str] | None, dataset: BenchDataset, videos: Sequence[BenchVideo]
) -> Sequence[str] | None:
    """What a method can use of what is there: the published program reads captions, the baselines look at motion."""
    if method == "anomalyruler-base":
        if use is not None and set(use) != {"captions"}:
            raise UsageError(f"'{method}' judges captions alone", where="--use", hint="leave it out")
        return ["captions"]
    if method == "ruler":
        return use
    if use is None:
        there = choose_sources(dataset, videos, None)
        use = str(there).split("+")
    motion = [name for name in use if name != "captions"]
    if not motion:
        raise UsageError(
            f"'{method}' judges by how things move", where="--use", hint="name tracks, detections or pixels"
        )
    return motion


def _chosen(dataset: BenchDataset, names: Sequence[str] | None) -> tuple[BenchVideo, ...]:
    there = {video.name: video for video in dataset.testing}
    unknown = sorted(set(names or ()) - set(there))
    if unknown:
        hint = f"there are {', '.join(sorted(there)[:6])}{', …' if len(there) > 6 else ''}"
        raise UsageError(f"no test video {unknown[0]}", where="--videos", hint=hint)
    chosen = sorted(set(names) if names else there)
    if not chosen:
        raise DataError("holds no test video", where=dataset.root, hint="see docs/benchmarks.md for its layout")
    return tuple(there[name] for name in chosen)
