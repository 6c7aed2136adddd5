"""The calls most people need: videos in, captions out; normal footage in, rules out; both in, judged videos out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ruler.config import DEFAULTS, Settings
from ruler.pipeline import (
    Captioned,
    Models,
    Records,
    VideoResult,
    caption_to_folder,
    detect_to_folder,
    detect_videos,
    gather,
    induce_rules,
    scene_namer,
)
from ruler.pipeline.inputs import Pictures
from ruler.report import report_run
from ruler.rules.lint import refuse_unusable
from ruler.rules.model import Rule, RuleSet

NO_RECORDS = Records()


def caption(
    videos: Sequence[str | Path | Pictures], out: str | Path, *, settings: Settings = DEFAULTS
) -> list[Captioned]:
    """Have a model describe sampled frames.

    Args:
        videos: video files, folders of pictures, folders of these, or pictures in memory (uint8, each H×W×3 or H×W).
        out: folder for the captions, which serve as `Records(captions=out)`; the same call again goes on where it
            stopped.
        settings: name the model (`models.vlm`) and the frames (`caption.every`).

    Returns:
        One entry for each video; where the budget or the model ended it early, its `error` says so, and it is the last.

    Raises:
        RulerError: no model is named, nothing could be looked at, or the folder is another run's.
    """
    inputs, bad = gather(videos, NO_RECORDS, settings)
    if not inputs and bad:
        raise next(iter(bad.values()))
    return list(caption_to_folder(inputs, Path(out), settings))


def induce(
    normal: Sequence[str | Path | Pictures] = (),
    *,
    records: Records = NO_RECORDS,
    settings: Settings = DEFAULTS,
    scene: str = "",
    scene_from: str | None = None,
    own: Sequence[Rule] = (),
) -> RuleSet:
    """Make the rules of a scene from normal footage.

    Args:
        normal: video files, folders of pictures, folders of these, or pictures in memory (uint8, each H×W×3 or H×W).
        records: recorded captions, tracks or detections beside or instead of them.
        settings: of all stages, and of the models that caption and write rules, if any; `load_settings` reads a file
            and the environment.
        scene: what the scene is called.
        scene_from: regular expression that finds a video's scene in its name, for several scenes in one file.
        own: rules of your own, kept and calibrated beside the induced ones.

    Raises:
        RulerError: something could not be used; the first error.
    """
    inputs, bad = gather(normal, records, settings)
    for error in bad.values():
        raise error
    with Models(settings) as models:
        induced = induce_rules(inputs, settings, scene=scene, scene_of=scene_namer(scene_from), own=own, models=models)
    for error in induced.failures.values():
        raise error
    return induced.rules


def detect(
    videos: Sequence[str | Path | Pictures] = (),
    rules: RuleSet | None = None,
    *,
    records: Records = NO_RECORDS,
    settings: Settings = DEFAULTS,
    scene_from: str | None = None,
    out: str | Path | None = None,
    examples: Sequence[str] = (),
) -> list[VideoResult]:
    """Judge videos by rules.

    Args:
        videos: as for `induce`.
        rules: of their scene.
        records: recorded captions, tracks or detections beside or instead of them.
        settings: of all stages.
        scene_from: as for `induce`.
        out: a run's folder to keep everything in, with a report; the same call again goes on where it stopped.
        examples: normal captions, of which the nearest are shown in rechecks (`recheck.shots`).

    Returns:
        One result for each video, in order; one that could not be used has status "failed" and says why in `error`.

    Raises:
        RulerError: nothing could be looked at, or the folder is another run's.
    """
    ruleset = rules if rules is not None else RuleSet()
    refuse_unusable(ruleset)
    inputs, bad = gather(videos, records, settings)
    if not inputs and bad:
        raise next(iter(bad.values()))
    scene_of = scene_namer(scene_from)
    if out is None:
        with Models(settings) as models:
            return list(detect_videos(inputs, ruleset, settings, scene_of=scene_of, models=models, examples=examples))
    folder = Path(out)
    results = list(
        detect_to_folder(
            inputs,
            ruleset,
            folder,
            settings,
            bad=bad,
            scene_of=scene_of,
            scene_from=scene_from,
            examples=examples,
        )
    )
    report_run(folder)
    return results
