"""UCSD Ped2 from pixels, without a model: accuracy, accuracy from four short clips, and false alarms on normal video.

    python -m benchmarks.ped2_pixels

- all 16 training videos as reference: micro AUC over the development test videos, by video, with a bootstrap over
  videos;
- four training clips of 120 frames each as reference, five draws: mean and lowest micro AUC;
- four folds of the training videos: share of the frames inside an event, events per hour, the worst video; and at
  other `--alarms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.data import Labels, labels, present, table, videos
from ruler.config import Settings, load_settings
from ruler.deduction.judge import judge
from ruler.deduction.score import find_events, score_frames
from ruler.perception.motion import SceneGeometry
from ruler.pipeline import Input, Watch, gather, induce_rules, survey_scene
from ruler.pipeline.options import event_options, judge_options
from ruler.rules.model import RuleSet
from ruler.schema import Event, FloatArray, Observation
from ruler.video import open_video

FRAME_RATE = 10.0
DRAWS, CLIPS, CLIP_FRAMES, FOLDS = 5, 4, 120, 4
ALARMS = ("1/minute", "1/hour", "2/day")

Seen = Mapping[str, Sequence[Observation]]


def watch_all(inputs: Sequence[Input], settings: Settings, geometry: SceneGeometry | None) -> Seen:
    """Look at every video once, two at a time; all that follows is judgement."""
    with get_context("spawn").Pool(2) as pool:
        return dict(pool.starmap(_watch, [(source, settings, geometry) for source in inputs]))


def _watch(source: Input, settings: Settings, geometry: SceneGeometry | None) -> tuple[str, list[Observation]]:
    cv2.setNumThreads(1)
    with Watch(source, settings, geometry) as watch:
        return source.name, list(watch.observations())


def induce(inputs: Sequence[Input], seen: Seen, settings: Settings) -> RuleSet:
    """Rules from videos that were looked at before."""

    def remember(watch: Watch, advance: Callable[[int], None]) -> Iterator[Observation]:
        return iter(seen[watch.input.name])

    return induce_rules(inputs, settings, remember=remember).rules


def detect(observations: Sequence[Observation], rules: RuleSet, settings: Settings) -> tuple[FloatArray, list[Event]]:
    """Scores and events of a video that was looked at before."""
    size = rules.provenance.picture or (0, 0)
    judgement = judge(observations, rules.rules, judge_options(settings, rules), size)
    scores = score_frames(judgement, judgement.times, event_options(settings, rules))
    return scores.scores, find_events(judgement, scores, rules.rules, event_options(settings, rules))


def micro_auc(names: Sequence[str], truth: Mapping[str, Labels], scores: Mapping[str, FloatArray]) -> float:
    """Frames of all videos pooled."""
    pooled = [np.concatenate([part[name] for name in names]) for part in (truth, scores)]
    return float(roc_auc_score(*pooled))


def interval(names: Sequence[str], truth: Mapping[str, Labels], scores: Mapping[str, FloatArray]) -> str:
    """90 % bootstrap interval over videos."""
    random = np.random.default_rng(0)
    draws = []
    for _ in range(1000):
        some = [names[i] for i in random.integers(len(names), size=len(names))]
        both = {int(v) for name in some for v in np.unique(truth[name])}
        if len(both) == 2:
            draws.append(micro_auc(some, truth, scores))
    return f"{np.quantile(draws, 0.05):.3f} to {np.quantile(draws, 0.95):.3f}"


def main() -> None:
    """Print the three tables."""
    if not present("ped2"):
        return
    settings = load_settings(None, {"video": {"frame_rate": FRAME_RATE}})
    normal = gather(videos("ped2", "training"), settings=settings)[0]
    test = gather(videos("ped2", "testing"), settings=settings)[0]
    truth = labels("ped2", [source.name for source in test])
    accuracy(normal, test, truth, settings)
    few_shot(normal, test, truth, settings)
    false_alarms(normal, settings)


def accuracy(normal: Sequence[Input], test: Sequence[Input], truth: Mapping[str, Labels], settings: Settings) -> None:
    """All training videos as reference."""
    geometry = survey_scene(normal, settings)
    rules = induce(normal, watch_all(normal, settings, geometry), settings)
    unseen = watch_all(test, settings, geometry)
    found = {name: detect(o, rules, settings) for name, o in unseen.items()}
    scores = {name: s for name, (s, _) in found.items()}
    names = list(scores)
    print(
        f"Ped2 from pixels, {len(normal)} training videos as reference, {len(rules.rules)} rules, "
        "ground truth labels/*.npy\n"
    )
    rows: list[tuple[object, ...]] = []
    for name in names:
        y, s = truth[name], scores[name]
        both = 0 < y.mean() < 1
        rows.append(
            (
                name,
                len(y),
                f"{roc_auc_score(y, s):.3f}" if both else "one class",
                f"{(s[y == 1] >= 0.5).mean():.2f}",
                f"{(s[y == 0] >= 0.5).mean():.2f}" if both else "–",
                len(found[name][1]),
            )
        )
    rows.append(
        (
            "micro",
            sum(len(s) for s in scores.values()),
            f"{micro_auc(names, truth, scores):.4f} (90 %: {interval(names, truth, scores)})",
            "",
            "",
            "",
        )
    )
    table(("video", "frames", "AUC", "anomalous frames found", "normal frames over the threshold", "events"), rows)


def few_shot(normal: Sequence[Input], test: Sequence[Input], truth: Mapping[str, Labels], settings: Settings) -> None:
    """Four short clips as reference; nothing else of the scene is known, how tall people are included."""
    random = np.random.default_rng(0)
    rows = []
    for draw in range(DRAWS):
        some = [first_frames(normal[i]) for i in np.sort(random.choice(len(normal), CLIPS, replace=False))]
        geometry = survey_scene(some, settings)
        rules = induce(some, watch_all(some, settings, geometry), settings)
        unseen = watch_all(test, settings, geometry)
        scores = {name: detect(o, rules, settings)[0] for name, o in unseen.items()}
        rows.append((draw + 1, " ".join(s.name for s in some), micro_auc(list(scores), truth, scores)))
    values = [value for *_, value in rows]
    print(f"Ped2 from pixels, {CLIPS} training clips of {CLIP_FRAMES} frames as reference\n")
    table(
        ("draw", "clips", "micro AUC"),
        [
            *((a, b, f"{c:.4f}") for a, b, c in rows),
            ("mean", "", f"{np.mean(values):.4f}"),
            ("lowest", "", f"{min(values):.4f}"),
        ],
    )


def first_frames(source: Input) -> Input:
    """The first frames of a folder of pictures, as pictures in memory."""
    assert isinstance(source.video, Path)
    with open_video(source.video, frame_rate=FRAME_RATE) as video:
        return Input(source.name, [frame.image for frame in video.frames_at(range(CLIP_FRAMES))])


def false_alarms(normal: Sequence[Input], settings: Settings) -> None:
    """Rules from three quarters of the training videos, measured on the fourth."""
    folds: list[RuleSet] = []
    seen: dict[str, Sequence[Observation]] = {}
    for fold in range(FOLDS):
        rest = [source for i, source in enumerate(normal) if i % FOLDS != fold]
        out = [source for i, source in enumerate(normal) if i % FOLDS == fold]
        geometry = survey_scene(rest, settings)
        folds.append(induce(rest, watch_all(rest, settings, geometry), settings))
        seen |= watch_all(out, settings, geometry)
    rows = []
    for alarms in (None, *ALARMS):
        asked = settings.model_copy(update={"events": settings.events.model_copy(update={"alarms": alarms})})
        inside: dict[str, int] = {}
        events = 0
        for i, source in enumerate(normal):
            found = detect(seen[source.name], folds[i % FOLDS], asked)[1]
            inside[source.name] = sum(e.end_frame - e.start_frame for e in found if e.kind == "anomaly")
            events += sum(e.kind == "anomaly" for e in found)
        frames = {source.name: len(seen[source.name]) for source in normal}
        hours = sum(frames.values()) / FRAME_RATE / 3600
        worst = max(inside, key=lambda name: inside[name] / frames[name])
        thresholds = [event_options(asked, rules).threshold for rules in folds]
        rows.append(
            (
                alarms or "default",
                f"{np.mean(thresholds):.2f}",
                f"{sum(inside.values()) / sum(frames.values()):.4f}",
                events,
                f"{events / hours:.1f}",
                f"{worst} ({inside[worst] / frames[worst]:.3f})",
            )
        )
    print(f"False alarms on Ped2's normal videos, {FOLDS} folds: rules from three, measured on the fourth\n")
    table(
        (
            "--alarms",
            "threshold (exceedance)",
            "frames in an event",
            "events",
            "events per hour",
            "worst video (its frames in an event)",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
