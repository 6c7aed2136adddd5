"""The demo's main job: a folder in; the drawn street, its rules, a judged run and a report in it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from ruler.config import DEFAULTS, Settings
from ruler.demo.files import DemoFiles, write_demo
from ruler.demo.replayed import Replayed, run_replayed
from ruler.pipeline import Records, VideoResult, detect_to_folder, gather, induce_to_file
from ruler.progress import NoProgress, Progress
from ruler.report import report_run
from ruler.rules.model import Limit, Rule, RuleSet, Where

JOBS = 2

OWN_RULES = (
    Rule(
        kind="anomaly",
        subject="human activity",
        text="Running: more than one and a half body heights a second; a number written by hand",
        limit=Limit(measure="speed", above=1.5, usual=0.6, unit="body heights/s"),
    ),
    Rule(
        kind="anomaly",
        subject="human activity",
        text="Somebody on the road: a rule written by hand, for what measures alone cannot know",
        limit=Limit(measure="objects", above=0.5, usual=0.0),
        where=Where(name="road", polygon=((0.42, 1.0), (1.0, 0.52), (1.0, 1.0))),
    ),
)
"""What a person adds to the induced rules of the drawn street."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo gives.

    Attributes:
        files: the drawn scene.
        rules: induced from its normal clips.
        results: of the test clips.
        auc: frame-level, all test frames pooled, 0 to 1.
        page: the report.
        replayed: the same clips by the recorded replies of a language model, whose report is to be opened first.
        replayed_auc: as `auc`.
    """

    files: DemoFiles
    rules: RuleSet
    results: tuple[VideoResult, ...]
    auc: float
    page: Path
    replayed: Replayed
    replayed_auc: float


def run_demo(
    folder: Path, settings: Settings = DEFAULTS, progress: Progress | None = None, ask: str | None = None
) -> DemoResult:
    """Draw the street, make rules from its normal clips, judge the test clips and write the report.

    Twice: without a model, and by what a language model once said of the same clips.

    Args:
        folder: holds `scene/`, `rules.yaml`, `run/`, `rules-by-model.yaml` and `run-by-model/` afterwards; what is
            there already is not made again.
        settings: of all stages.
        progress: where to say how far it is.
        ask: a model to ask anew instead of replaying; see `run_replayed`.
    """
    shown = progress or NoProgress()
    advance, before = shown.task("drawing the street"), [0]

    def drawn(name: str, done: int, total: int) -> None:
        advance(done - before[0])
        before[0] = done

    files = write_demo(folder / "scene", drawn)
    rules_file = folder / "rules.yaml"
    normal, _ = gather(files.normal, Records(), settings)
    rules = induce_to_file(
        normal, rules_file, settings, scene="A drawn street", own=OWN_RULES, progress=shown, jobs=JOBS
    ).rules
    test, _ = gather(files.test, Records(), settings)
    results = tuple(detect_to_folder(test, rules, folder / "run", settings, progress=shown, jobs=JOBS))
    page = report_run(folder / "run", labels=files.truth.parent / "labels")
    replayed = run_replayed(files, folder, settings, shown, ask)
    return DemoResult(
        files, rules, results, pooled_auc(files, results), page, replayed, pooled_auc(files, replayed.results)
    )


def pooled_auc(files: DemoFiles, results: Sequence[VideoResult]) -> float:
    """Frame-level AUC of the test clips against the drawn truth, all frames pooled."""
    truth = np.concatenate([np.load(files.labels[result.name]) for result in results])
    return float(roc_auc_score(truth, np.concatenate([result.scores.scores for result in results])))
