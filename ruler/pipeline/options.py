"""Settings in; the options of each stage out."""

from __future__ import annotations

import math

from ruler.config import Settings, alarms_per_hour
from ruler.deduction.judge import CITED, JudgeOptions
from ruler.deduction.recheck import RecheckOptions
from ruler.deduction.score import EventOptions
from ruler.induction.calibrate import DEFAULT_ALARMS, CalibrationOptions, threshold_for
from ruler.induction.generate import GenerationOptions
from ruler.induction.limits import LimitOptions
from ruler.perception.vlm import CaptionOptions
from ruler.rules.match import MatchOptions
from ruler.rules.model import Scene
from ruler.video import parse_every

BINARY_PRESETS = ("paper", "published-code")


def match_options(settings: Settings, scene: Scene | None = None) -> MatchOptions:
    """How observations are held against the rules of a scene (None: against rules still being made)."""
    preset = settings.smoothing.preset
    words = settings.match.words or ("substring" if preset == "published-code" else "words")
    binary = preset in BINARY_PRESETS
    calibration = scene.calibration if scene is not None else None
    return MatchOptions(
        alpha=calibration.alpha if calibration is not None else settings.induction.alpha,
        track_sigma=0.0 if binary else settings.match.track_sigma,
        causal=preset == "causal",
        flat=binary,
        substring=words == "substring",
        words=calibration.words if calibration is not None else None,
        divide=calibration is not None and calibration.words is not None and not binary,
        picture=scene.provenance.picture if scene is not None else None,
    )


def judge_options(settings: Settings, scene: Scene | None = None) -> JudgeOptions:
    """How findings are matched, reduced and smoothed."""
    smoothing = settings.smoothing
    return JudgeOptions(
        preset=smoothing.preset,
        matching=match_options(settings, scene),
        power=math.inf if smoothing.preset in BINARY_PRESETS else settings.match.power,
        sigma=smoothing.sigma,
        tau=smoothing.tau,
        alpha=smoothing.alpha,
        padding=smoothing.padding,
        cited=CITED * min(1.0, event_options(settings, scene).threshold),
        scale=scene.calibration.scale if scene is not None and scene.calibration is not None else 1.0,
    )


def event_options(settings: Settings, scene: Scene | None = None) -> EventOptions:
    """What counts as an event; with `--alarms`, the threshold that the rules file's calibration gives for that rate."""
    events = settings.events
    threshold = 1.0
    if events.alarms is not None and scene is not None and scene.calibration is not None:
        threshold = threshold_for(scene.calibration, alarms_per_hour(events.alarms))
    return EventOptions(threshold, events.low, events.minimum, events.gap)


def limit_options(settings: Settings) -> LimitOptions:
    """How limits are taken from normal footage."""
    induction = settings.induction
    return LimitOptions(
        alpha=induction.alpha,
        bands=induction.bands,
        batches=induction.batches,
        clips_per_batch=induction.clips_per_batch,
        seed=induction.seed,
    )


def calibration_options(settings: Settings) -> CalibrationOptions:
    """How the file is put on its scale."""
    alarms = settings.events.alarms
    return CalibrationOptions(
        folds=settings.induction.folds,
        alarms_per_hour=alarms_per_hour(alarms) if alarms is not None else DEFAULT_ALARMS,
        power=settings.match.power,
    )


def caption_options(settings: Settings) -> CaptionOptions:
    """Which frames a model captions, and what it is shown of them."""
    caption = settings.caption
    return CaptionOptions(
        sampling=parse_every(caption.every),
        strip=caption.strip,
        step=caption.strip_step,
        facts=caption.facts,
        width=caption.width,
        same=caption.same,
        tokens=caption.tokens,
        seed=settings.models.seed,
        ahead=settings.transport.concurrency,
    )


def generation_options(settings: Settings, scene: str = "") -> GenerationOptions:
    """What rules a model is asked to write."""
    induction = settings.induction
    return GenerationOptions(
        batches=induction.batches,
        captions=induction.captions_per_batch,
        contrast=induction.contrast,
        split=induction.split,
        abstract=induction.abstract,
        seed=induction.seed,
        scene=scene,
    )


def recheck_options(settings: Settings) -> RecheckOptions:
    """Which findings a model rechecks, and how."""
    recheck = settings.recheck
    return RecheckOptions(
        which=recheck.which,
        band=recheck.band,
        votes=recheck.votes,
        reducer=recheck.reducer,
        reuse=recheck.reuse,
        logprobs=settings.models.logprobs,
        temperature=recheck.temperature,
        seed=settings.models.seed,
        alpha=settings.smoothing.alpha,
    )
