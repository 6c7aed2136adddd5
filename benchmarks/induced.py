"""Rules that a stand-in model wrote, alone and joined with vocabulary and motion, on published captions and tracks.

    python -m benchmarks.induced            # AUC of initial matching; each ingredient switched off
    python -m benchmarks.induced --joined   # with vocabulary and motion, and with few captions; some minutes

The rules (`recorded/*.yaml`) were written by a capable stand-in model from 100 normal captions in ten batches of ten.
The captions of the training videos were never published: normal-labelled captions of the same development halves stand
in for them, which is not the paper's protocol. Vocabularies are made from the other folds' videos.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.data import FRAME_RATES, ROOT, captioned_videos, labels, present, table, write_normal_captions
from ruler.config import Settings, load_settings
from ruler.deduction.judge import judge
from ruler.pipeline import Input, Records, gather, induce_rules, scene_namer
from ruler.pipeline.options import judge_options
from ruler.pipeline.watch import Watch
from ruler.rules.io import load_rules
from ruler.rules.model import Rule, RuleSet, Scene
from ruler.schema import FloatArray, Observation

RECORDED = Path(__file__).resolve().parent / "recorded"
DATASETS = ("shanghaitech", "avenue", "ped2")
FOLDS = 5
ABLATIONS = ("no contrast", "no split", "no abstract", "no aggregation")
MOTION = {"shanghaitech": "tracks", "avenue": "tracks", "ped2": "detections"}


def settings_of(dataset: str, **sections: Mapping[str, object]) -> Settings:
    """Defaults with the frame rate of a data set."""
    return load_settings(None, {"video": {"frame_rate": FRAME_RATES[dataset]}, **sections})


def worded(rules: Scene) -> list[Rule]:
    """The anomaly rules on words alone."""
    return [rule for rule in rules.rules if rule.kind == "anomaly" and rule.keywords and not rule.limits]


def observed(dataset: str, video: str, every: int = 1, motion: bool = False) -> list[Observation]:
    """What was recorded of a video: captions of every k-th frame, and boxes if asked for."""
    folder = ROOT / dataset
    records = Records(captions=folder / "captions")
    if motion:
        kind = MOTION[dataset]
        records = replace(records, **{kind: folder / kind / "testing"})
    with Watch(Input(video, None, records), settings_of(dataset)) as watch:
        seen = list(watch.observations())
    return [o if o.frame % every == 0 else replace(o, caption=None) for o in seen]


def scores(observations: Sequence[Observation], rules: Sequence[Rule], scene: Scene, settings: Settings) -> FloatArray:
    """Scores of one video, (T,)."""
    return judge(observations, rules, judge_options(settings, scene)).scores


def micro(dataset: str, found: Mapping[str, FloatArray]) -> float:
    """Frame-level AUC, all videos pooled."""
    truth = labels(dataset, list(found))
    return float(roc_auc_score(np.concatenate([truth[v] for v in found]), np.concatenate(list(found.values()))))


def words_alone(dataset: str, rules: RuleSet) -> float:
    """AUC of the rules on words alone."""
    settings = settings_of(dataset)
    found = {v: scores(observed(dataset, v), worded(rules), rules, settings) for v in captioned_videos(dataset)}
    return micro(dataset, found)


@cache
def vocabularies(dataset: str) -> tuple[tuple[Rule, ...], ...]:
    """For each fold, the vocabulary rule made from the normal captions of the other folds' videos."""
    videos, made = captioned_videos(dataset), []
    margin = 5 if dataset == "ped2" else 40
    for fold in range(FOLDS):
        with tempfile.TemporaryDirectory() as folder:
            others = [v for i, v in enumerate(videos) if i % FOLDS != fold]
            write_normal_captions(dataset, others, Path(folder), margin)
            settings = settings_of(dataset)
            inputs, _ = gather([], Records(captions=Path(folder)), settings)
            rules = induce_rules(inputs, settings).rules
            made.append(tuple(rule for rule in rules.rules if rule.vocabulary is not None and rule.kind == "anomaly"))
    return tuple(made)


@cache
def motion_rules(dataset: str) -> RuleSet:
    """Limits from the recorded boxes of the training videos; for each scene where there are several."""
    kind = MOTION[dataset]
    records = Records(**{kind: ROOT / dataset / kind / "training"})
    settings = settings_of(dataset)
    inputs, _ = gather([], records, settings)
    scene_of = scene_namer(r"^\d\d" if dataset == "shanghaitech" else None)
    return induce_rules(inputs, settings, scene_of=scene_of).rules


def joined(
    dataset: str, written: RuleSet | None, *, vocabulary: bool, motion: bool, every: int = 1, power: float | None = None
) -> float:
    """AUC of rules on words, vocabulary and limits together, each as far as asked for."""
    videos, found = captioned_videos(dataset), {}
    settings = settings_of(dataset, **({"match": {"power": power}} if power else {}))
    for i, video in enumerate(videos):
        rules: list[Rule] = worded(written) if written is not None else []
        if vocabulary:
            rules += vocabularies(dataset)[i % FOLDS]
        base: Scene = written if written is not None else RuleSet()
        if motion:
            limits = motion_rules(dataset)
            scene = limits.scenes.get(video[:2], next(iter(limits.scenes.values()))) if limits.scenes else limits
            rules += [rule for rule in scene.rules if rule.kind == "anomaly"]
            if written is None:
                base = scene
        found[video] = scores(observed(dataset, video, every, motion), rules, base, settings)
    return micro(dataset, found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--joined", action="store_true")
    options.add_argument("--datasets", nargs="*", default=list(DATASETS))
    given = options.parse_args(arguments)
    there = [dataset for dataset in given.datasets if present(dataset)]
    rows = []
    for dataset in there:
        row: list[object] = [dataset]
        for name in ("", " draw 1", *ABLATIONS):
            path = RECORDED / f"{dataset}{'-' if name.strip() else ''}{name.strip().replace(' ', '-')}.yaml"
            row.append(f"{words_alone(dataset, load_rules(path)):.4f}" if path.is_file() else "–")
        rows.append(row)
    print("Initial matching by the rules a stand-in model wrote, words alone, micro AUC\n")
    table(("dataset", "written", "another draw", *ABLATIONS), rows)
    if not given.joined:
        return
    rows = []
    for dataset in there:
        written = load_rules(RECORDED / f"{dataset}.yaml")
        rows.append([
            dataset,
            *(
                f"{joined(dataset, w, vocabulary=v, motion=m, every=every):.4f}"
                for w, v, m, every in (
                    (None, True, False, 1),
                    (written, True, False, 1),
                    (None, False, True, 1),
                    (written, False, True, 1),
                    (written, True, True, 1),
                    (written, True, True, 30),
                    (written, False, True, 30),
                    (None, True, True, 30),
                )
            ),
        ])  # fmt: skip
    print("Joined with the vocabulary of other folds' captions, and with limits from training boxes, micro AUC\n")
    header = (
        "dataset",
        "vocabulary",
        "written + vocabulary",
        "motion",
        "written + motion",
        "all three",
        "all three, captions 1 in 30",
        "written + motion, 1 in 30",
        "vocabulary + motion, 1 in 30",
    )
    table(header, rows)


if __name__ == "__main__":
    main()
