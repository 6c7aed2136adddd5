"""A plan in; what judges each video, made from the normal reference and kept in the run's folder, out."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruler.bench.baselines import FitTask, fit
from ruler.bench.judging import Judge, RulesJudge
from ruler.bench.plan import Plan
from ruler.bench.reference import Text, induce_scene, induce_text, joined
from ruler.bench.workers import Workers
from ruler.config import Settings
from ruler.pipeline import Input, induce_to_file
from ruler.progress import Progress
from ruler.rules.importers import import_anomalyruler
from ruler.rules.io import load_rules, render_rules
from ruler.rules.model import RuleSet, Scene
from ruler.rundir import RunFolder

MOTION_FILE = "rules-motion.yaml"

Key = tuple[str, int]
"""Scene, and fold of the text reference (0 without folds)."""


def key_of(plan: Plan, video: str) -> Key:
    """Which judge a video has."""
    return plan.scenes[video], plan.folds.get(video, 0)


def fit_judges(plan: Plan, run: RunFolder, workers: Workers, progress: Progress) -> dict[Key, Judge]:
    """Make what judges the videos. Induced rules are kept in the run's folder and read from there if they are in it.

    Raises:
        DataError: the reference cannot be used.
    """
    keys = sorted({key_of(plan, video.name) for video in plan.videos})
    if plan.method in ("speed", "novelty"):
        return _baselines(plan, keys, workers, progress)
    if plan.method == "anomalyruler-base":
        assert plan.keywords is not None
        scene = keyword_rules(plan.keywords)
        return {key: RulesJudge(scene, plan.settings) for key in keys}
    motion = _motion(plan, run, workers, progress) if plan.training else None
    texts = _texts(plan, run, workers, progress)
    return {
        (scene, fold): RulesJudge(joined(scene, motion, texts.get(fold), plan.written), plan.settings)
        for scene, fold in keys
    }


def keyword_rules(path: Path) -> RuleSet:
    """A list of keywords, as the published program takes it, as rules that each fire by themselves.

    Raises:
        RulesError: the list cannot be read, or holds none.
    """
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder, "rules.txt")
        rules.write_text("Rules for Anomaly:\n1. What the list of keywords names\n", encoding="utf-8")
        return import_anomalyruler(rules, path)


def _motion(plan: Plan, run: RunFolder, workers: Workers, progress: Progress) -> RuleSet:
    """Limits of every measured scene."""
    path = run.path / MOTION_FILE
    if path.is_file():
        return load_rules(path)
    if plan.sources.pixels:
        made = induce_to_file(
            plan.training, path, plan.settings, scene_of=plan.scene_of, progress=progress, jobs=workers.jobs
        )
        for error in made.failures.values():
            path.unlink(missing_ok=True)
            raise error
        return load_rules(path)
    groups: Mapping[str, list[Input]] = defaultdict(list)
    for source in plan.training:
        groups[plan.scene_of(source.name)].append(source)
    tasks = [(name, tuple(group), plan.settings) for name, group in groups.items()]
    # The largest scene first, so that no process waits for it at the end.
    tasks.sort(key=lambda task: (-len(task[1]), task[0]))
    advance = progress.task("limits from training video", len(tasks))
    scenes: dict[str, RuleSet] = {}
    for name, rules in workers.run(_induce_scene, tasks):
        scenes[name] = rules
        advance(1)
    if set(scenes) == {""}:
        ruleset = scenes[""]
    else:
        ruleset = RuleSet(scenes={name: _scene(name, rules) for name, rules in sorted(scenes.items())})
    run.write_file(MOTION_FILE, render_rules(ruleset))
    return load_rules(path)


def _texts(plan: Plan, run: RunFolder, workers: Workers, progress: Progress) -> dict[int, RuleSet]:
    """The vocabulary of each fold's reference."""
    path = {text.fold: run.path / f"rules-text-{text.fold}.yaml" for text in plan.texts}
    tasks = [(text, plan.settings, plan.rate) for text in plan.texts if not path[text.fold].is_file()]
    advance = progress.task("vocabulary from normal captions", len(tasks))
    for fold, rules in workers.run(_induce_text, tasks):
        run.write_file(path[fold].name, render_rules(rules))
        advance(1)
    return {fold: load_rules(file) for fold, file in path.items()}


def _baselines(plan: Plan, keys: Sequence[Key], workers: Workers, progress: Progress) -> dict[Key, Judge]:
    """One judge for each scene; for pixel speed one for all of them."""
    groups: Mapping[str, list[Input]] = defaultdict(list)
    for source in plan.training:
        groups["" if plan.method == "speed" else plan.scene_of(source.name)].append(source)
    tasks = [
        FitTask(name, plan.method, tuple(group), plan.rate, plan.settings, plan.sources)
        for name, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    advance = progress.task("normal footage", len(tasks))
    made: dict[str, Judge] = {}
    for name, judge in workers.run(fit, tasks):
        made[name] = judge
        advance(1)
    return {key: made["" if plan.method == "speed" else key[0]] for key in keys}


def _induce_scene(task: tuple[str, tuple[Input, ...], Settings]) -> tuple[str, RuleSet]:
    name, inputs, settings = task
    return name, induce_scene(inputs, settings)


def _induce_text(task: tuple[Text, Settings, float]) -> tuple[int, RuleSet]:
    text, settings, rate = task
    return text.fold, induce_text(text, settings, rate)


def _scene(name: str, rules: RuleSet) -> Scene:
    fields = {field: getattr(rules, field) for field in Scene.model_fields}
    return Scene(**{**fields, "scene": name})
