"""A dataset, a normal reference and what is to be measured in; a `BenchResult` out, resumable in a run's folder."""

from __future__ import annotations

import hashlib
import io
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ruler.bench.datasets import BenchDataset, BenchVideo, GroundTruth, load_dataset
from ruler.bench.fitting import Key, fit_judges, key_of, keyword_rules
from ruler.bench.judging import Found, Judge, VideoFound, VideoTask, judge_video
from ruler.bench.plan import Asked, Plan, make_plan
from ruler.bench.protocol import describe
from ruler.bench.published import published_on
from ruler.bench.result import BenchResult, Measured, measures
from ruler.bench.sources import caption_file, test_input
from ruler.bench.workers import Workers
from ruler.config import DEFAULTS, OUTCOME, Settings
from ruler.errors import DataError, UsageError
from ruler.perception.recorded import read_captions
from ruler.pipeline.folders import outcome_settings
from ruler.pipeline.options import event_options
from ruler.progress import NoProgress, Progress
from ruler.rules.io import rules_hash
from ruler.rules.model import RuleSet
from ruler.rundir import RunFolder, VideoRecord, VideoStatus

RESULT_FILE = "bench.json"
LABELS_FILE = "labels.npy"


def evaluate(
    dataset: BenchDataset | str,
    root: Path | str | None = None,
    *,
    reference: BenchDataset | Path | str | None = None,
    rules: Path | RuleSet | None = None,
    method: str = "ruler",
    use: Sequence[str] | None = None,
    folds: int | None = None,
    videos: Sequence[str] | None = None,
    margin: int | None = None,
    captions_every: int = 1,
    keywords: Path | None = None,
    ground_truth: GroundTruth = "auto",
    settings: Settings = DEFAULTS,
    jobs: int = 1,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> BenchResult:
    """Measure a method on a dataset.

    Args:
        dataset: a loaded dataset, or the name of one.
        root: its folder, where a name is given.
        reference: its training part is the normal reference for motion, the normal-labelled captions of its test videos
            that are not measured the one for text; the dataset itself where None.
        rules: rules made before, joined with what is induced here.
        method: "ruler", "anomalyruler-base", "speed" or "novelty".
        use: perception, of "captions", "tracks", "detections" and "pixels"; what the folder holds where None.
        folds: the text reference of a video comes from the other folds' videos; 5 where None and there is no other.
        videos: names of the test videos to measure; all where None.
        margin: frames between the text reference and any anomaly; see `default_margin` where None.
        captions_every: captions of every k-th frame of the measured videos are read.
        keywords: list of keywords, for "anomalyruler-base".
        ground_truth: which labels are read; see `load_dataset`.
        settings: of all stages.
        jobs: processes.
        out: a run's folder to keep scores in, where the same call goes on; a temporary one where None.
        progress: where to say how far it is.

    Raises:
        UsageError: options that do not go together; a video on both sides; a folder of another run.
        DataError: something of the dataset is missing or cannot be used.
    """
    loaded = _loaded(dataset, root, ground_truth)
    apart = None if reference is None else _reference(reference, loaded.name, ground_truth)
    asked = Asked(rules, method, use, folds, videos, margin, captions_every, keywords)
    plan = make_plan(loaded, apart, asked, settings)
    if out is not None:
        return _evaluate(plan, Path(out), settings, jobs, progress or NoProgress())
    with tempfile.TemporaryDirectory() as folder:
        return _evaluate(plan, Path(folder), settings, jobs, progress or NoProgress())


def _loaded(dataset: BenchDataset | str, root: Path | str | None, truth: GroundTruth) -> BenchDataset:
    if isinstance(dataset, BenchDataset):
        return dataset
    if root is None:
        raise UsageError("no folder for the dataset", where=dataset, hint="give its folder with --root")
    return load_dataset(dataset, Path(root), truth)


def _reference(reference: BenchDataset | Path | str, name: str, truth: GroundTruth) -> BenchDataset:
    if isinstance(reference, BenchDataset):
        return reference
    root = Path(reference)
    try:
        return load_dataset(name, root, truth)
    except DataError:
        # Records of training video alone are a reference too, though no dataset.
        recorded = any((root / kind / "training").is_dir() for kind in ("tracks", "detections"))
        if not recorded or any((root / part).exists() for part in ("testing", "captions", "labels")):
            raise
        return BenchDataset(name, root, "none", (), ())


def _evaluate(plan: Plan, out: Path, given: Settings, jobs: int, progress: Progress) -> BenchResult:
    with RunFolder.open(out, _command(plan)) as run, Workers(jobs) as workers:
        with _timed(run, "induction"):
            judges = fit_judges(plan, run, workers, progress)
        with _timed(run, "judging"):
            _judge(plan, run, judges, workers, progress)
        began = time.monotonic()
        measured = [_read(plan, run, judges, video) for video in plan.videos]
        found = measures(measured, event_options(plan.settings))
        run.add_timing("measuring", round(time.monotonic() - began, 3))
        result = BenchResult(
            dataset=plan.dataset.name,
            method=plan.method,
            protocol=describe(plan),
            fps=_rate(found["frames"], run.record.timings.get("judging")),
            calls=run.record.usage.calls,
            rules=_rules(plan, judges),
            perception=str(plan.sources),
            folds=len(plan.texts) if plan.folds else None,
            margin=plan.margin,
            ground_truth=plan.dataset.ground_truth,
            settings=changed(given, plan.settings),
            seconds=dict(run.record.timings),
            peak_memory_mb=0.0,
            notes=plan.dataset.notes,
            published=published_on(plan.dataset.name),
            **found,
        )
    # Only when the workers have ended does the system tell how large they were.
    result = replace(result, peak_memory_mb=_peak_memory(jobs))
    text = json.dumps(result.to_dict(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    with RunFolder.open(out, _command(plan)) as run:
        run.write_file(RESULT_FILE, text)
        run.finish()
    return result


def _judge(plan: Plan, run: RunFolder, judges: Mapping[Key, Judge], workers: Workers, progress: Progress) -> None:
    """Judge the videos that the folder lacks, and keep each as soon as it is done."""
    waiting = [v for v in plan.videos if not _done(run, v.name)]
    waiting.sort(key=lambda v: (-_length(v), v.name))
    tasks = [
        VideoTask(
            test_input(plan.dataset.root, video, plan.sources),
            _length(video),
            plan.rate,
            judges[key_of(plan, video.name)],
            plan.settings,
            plan.captions_every,
        )
        for video in waiting
    ]
    labels = {video.name: video.labels for video in plan.videos}
    advance = progress.task("videos", len(tasks))
    for one in workers.run(judge_video, tasks):
        _keep(run, one, labels[one.name], test_input(plan.dataset.root, _named(plan, one.name), plan.sources).source)
        advance(1)


def _keep(run: RunFolder, one: VideoFound, labels: Any, source: str) -> None:
    folder = run.video_folder(one.name, source)
    folder.write_scores(one.found.scores)
    folder.write_events(one.found.events)
    array = io.BytesIO()
    np.save(array, np.asarray(labels, np.uint8))
    run.write_file(f"{one.name}/{LABELS_FILE}", array.getvalue())
    scores = one.found.scores.scores
    record = VideoRecord(
        source=source,
        status=VideoStatus.DONE,
        frames=len(scores),
        events=sum(event.kind == "anomaly" for event in one.found.events),
        max_score=float(f"{scores.max():.4g}") if len(scores) else None,
    )
    run.set_video(one.name, record)


def _read(plan: Plan, run: RunFolder, judges: Mapping[Key, Judge], video: BenchVideo) -> Measured:
    """What the folder holds of a video; read back even when just written, so that a resumed run ends the same."""
    assert video.labels is not None
    folder = run.video(video.name)
    threshold = judges[key_of(plan, video.name)].threshold
    found = Found(replace(folder.scores(), threshold=threshold), tuple(folder.events()))
    captions = 0
    if plan.sources.captions:
        lines = read_captions(caption_file(plan.dataset, video.name))
        captions = sum(bool(line.caption) and line.frame % plan.captions_every == 0 for line in lines)
    return Measured(video.name, plan.scenes[video.name], plan.folds.get(video.name), video.labels, found, captions)


def _command(plan: Plan) -> dict[str, Any]:
    """All that decides the outcome; how many processes work at it does not."""
    labels = hashlib.sha256()
    for video in plan.videos:
        labels.update(video.name.encode() + np.asarray(video.labels, np.uint8).tobytes())
    return {
        "command": "bench",
        "dataset": plan.dataset.name,
        "root": str(plan.dataset.root.resolve()),
        "reference": str(plan.reference.root.resolve()),
        "ground_truth": plan.dataset.ground_truth,
        "labels": labels.hexdigest()[:12],
        "method": plan.method,
        "use": str(plan.sources),
        "videos": [video.name for video in plan.videos],
        "training": [source.name for source in plan.training],
        "folds": dict(plan.folds),
        "text_reference": [[name for name, _, _ in text.videos] for text in plan.texts],
        "margin": plan.margin,
        "captions_every": plan.captions_every,
        "rules": rules_hash(plan.written) if plan.written is not None else None,
        "keywords": rules_hash(keyword_rules(plan.keywords)) if plan.keywords else None,
        "settings": outcome_settings(plan.settings),
    }


def _rules(plan: Plan, judges: Mapping[Key, Judge]) -> dict[str, Any]:
    scenes = [getattr(judge, "scene", None) for judge in judges.values()]
    counts = [len(scene.rules) for scene in scenes if scene is not None]
    return {
        "file": plan.written_from or (str(plan.keywords) if plan.keywords else None),
        "hash": rules_hash(plan.written) if plan.written is not None else None,
        "limits": "induced" if plan.training and plan.method == "ruler" else None,
        "vocabulary": "induced" if plan.texts else None,
        "fewest": min(counts, default=0),
        "most": max(counts, default=0),
    }


def changed(given: Settings, used: Settings) -> dict[str, dict[str, Any]]:
    """Section → key → value of the settings that differ from the defaults, for the table."""
    out: dict[str, dict[str, Any]] = {}
    for section in OUTCOME:
        before, now = (getattr(s, section).model_dump(mode="json") for s in (DEFAULTS, used))
        differing = {key: value for key, value in now.items() if value != before[key]}
        if section == "video" and given.video.frame_rate is None:
            differing.pop("frame_rate", None)  # the dataset's own
        if differing:
            out[section] = differing
    return out


def _done(run: RunFolder, name: str) -> bool:
    record = run.record.videos.get(name)
    return record is not None and record.status is VideoStatus.DONE


def _named(plan: Plan, name: str) -> BenchVideo:
    return next(video for video in plan.videos if video.name == name)


def _length(video: BenchVideo) -> int:
    return len(video.labels) if video.labels is not None else 0


def _rate(frames: int, seconds: float | None) -> float | None:
    return frames / seconds if seconds else None


def _peak_memory(jobs: int) -> float:
    """Megabytes: of this process, and for each worker as many as the largest of them took."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * jobs if jobs > 1 else 0
    return round((own + workers) / unit, 1)


@contextmanager
def _timed(run: RunFolder, stage: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        run.add_timing(stage, round(time.monotonic() - began, 3))
