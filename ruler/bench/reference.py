"""Videos and their labels in; the normal reference for text, and the rules made from a reference, out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ruler.bench.datasets import BenchVideo
from ruler.config import Settings
from ruler.errors import DataError, UsageError
from ruler.induction.calibrate import WORDS
from ruler.perception.recorded import read_captions
from ruler.pipeline import Input, Records, gather, induce_rules, scene_rules
from ruler.rules.model import Rule, RuleSet, Scene, numbered
from ruler.schema import BoolArray

MARGINS = (40, 20, 10, 5)
"""Margins tried, in frames, where none is given."""

ENOUGH = 100
"""Normal captions that a margin should leave: as many as AnomalyRuler's reference has."""


@dataclass(frozen=True, slots=True)
class Text:
    """The normal captions that one set of rules on words is made from.

    Attributes:
        fold: which set it is; 0 without folds.
        videos: name, file of captions, and the frames (n,) that are taken of it.
    """

    fold: int
    videos: tuple[tuple[str, Path, tuple[int, ...]], ...]


def normal_frames(labels: BoolArray, margin: int) -> BoolArray:
    """Frames (T,) that are labelled normal and lie at least `margin` frames from any anomalous one."""
    places = np.flatnonzero(labels)
    if not len(places):
        return np.ones(len(labels), bool)
    at = np.arange(len(labels))
    after = np.searchsorted(places, at)
    ahead = np.abs(places[np.minimum(after, len(places) - 1)] - at)
    behind = np.abs(at - places[np.maximum(after - 1, 0)])
    return np.asarray(np.minimum(ahead, behind) > margin, bool) & ~labels


def default_margin(videos: Sequence[BenchVideo]) -> int:
    """The widest of `MARGINS` that leaves `ENOUGH` normal captions in all videos together, else the narrowest.

    Captions are of one frame, but describers and labellers differ on where an anomaly begins; a wide margin is safer as
    long as it leaves something to learn from.
    """
    for margin in MARGINS:
        if sum(int(normal_frames(v.labels, margin).sum()) for v in videos if v.labels is not None) >= ENOUGH:
            return margin
    return MARGINS[-1]


def text_of(fold: int, videos: Sequence[BenchVideo], files: Sequence[Path], margin: int) -> Text:
    """Choose the normal captions of some videos.

    Raises:
        DataError: not one frame is left.
    """
    taken = []
    for video, file in zip(videos, files, strict=True):
        assert video.labels is not None
        frames = np.flatnonzero(normal_frames(video.labels, margin)).tolist()
        if frames:
            taken.append((video.name, file, tuple(frames)))
    if not taken:
        what = f"no frame of {len(videos)} videos is labelled normal at least {margin} frames from any anomaly"
        raise DataError(what, where="the reference for text", hint="give a smaller --margin, or another --reference")
    return Text(fold, tuple(taken))


def induce_text(text: Text, settings: Settings, rate: float) -> RuleSet:
    """Rules on words from normal captions."""
    with tempfile.TemporaryDirectory() as folder:
        for name, file, frames in text.videos:
            words = {line.frame: line.caption for line in read_captions(file)}
            lines = [
                json.dumps({"frame": t, "time": round(t / rate, 4), "caption": words[t]})
                for t in frames
                if words.get(t)
            ]
            if lines:
                Path(folder, f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        inputs, _ = gather([], Records(captions=Path(folder)), settings)
        return _induced(inputs, settings)


def induce_scene(inputs: Sequence[Input], settings: Settings) -> RuleSet:
    """Limits of one scene from the recorded boxes of its training videos."""
    return _induced(inputs, settings)


def _induced(inputs: Sequence[Input], settings: Settings) -> RuleSet:
    made = induce_rules(inputs, settings)
    for error in made.failures.values():
        raise error
    return made.rules


def refuse_speechless(written: RuleSet, path: str) -> None:
    """Raise where a rules file holds nothing that could be used beside what is induced."""
    scenes: Sequence[Scene] = list(written.scenes.values()) or [written]
    if not any(rule.kind == "anomaly" for scene in scenes for rule in scene.rules):
        raise UsageError("holds no anomaly rule", where=path, hint="give a file that `ruler induce` or a person wrote")


def joined(scene: str, motion: RuleSet | None, text: RuleSet | None, written: RuleSet | None) -> Scene:
    """The rules that a video is judged by: those written before, and those made from the reference.

    Of a file that was written before, rules on words and a person's own are taken; its limits and its vocabulary give
    way to what is made here. Where nothing is made here, the file judges as it stands.

    Args:
        scene: name of the video's scene.
        motion: limits from the training part, for each scene where there are several.
        text: vocabulary of normal captions.
        written: rules made before.

    Raises:
        DataError: no rules were made for the scene.
    """
    limits = scene_rules(motion, scene) if motion is not None else None
    before = scene_rules(written, scene) if written is not None else None
    rules: list[Rule] = []
    if before is not None:
        rules += [rule for rule in before.rules if _kept(rule, alone=limits is None and text is None)]
    rules += [rule for part in (text, limits) if part is not None for rule in part.rules if rule.kind == "anomaly"]
    base = next(part for part in (limits, text, before) if part is not None)
    calibration = base.calibration
    if calibration is not None and before is not None:
        # Beside what is measured words count as much as the engine has them count, whatever they do in their own file.
        told = before.calibration is not None and before.calibration.words is not None
        calibration = calibration.model_copy(update={"words": WORDS if told else None})
    return Scene(
        scene=scene,
        provenance=base.provenance,
        person_height=base.person_height,
        calibration=calibration,
        rules=numbered(tuple(_unnumbered(rules))),
    )


def _kept(rule: Rule, alone: bool) -> bool:
    own = rule.support is None and rule.false_alarms is None
    return rule.kind == "anomaly" and (alone or own or not rule.limits)


def _unnumbered(rules: Sequence[Rule]) -> list[Rule]:
    """The rules, without the ids that an earlier one has."""
    used: set[str] = set()
    out = []
    for rule in rules:
        out.append(rule.model_copy(update={"id": ""}) if rule.id in used else rule)
        used.add(rule.id)
    return out
