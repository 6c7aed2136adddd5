"""Stages that keep what they find on disk: inputs in; a rules file or a run's folder out.

They go on where an interrupted run stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ruler.config import DEFAULTS, OUTCOME, Settings
from ruler.errors import DataError, RulerError, RunFolderError
from ruler.llm.budget import Spent
from ruler.llm.prompts import Prompts
from ruler.perception.motion import SceneGeometry
from ruler.pipeline.captions import mend
from ruler.pipeline.detecting import detect_videos
from ruler.pipeline.inducing import Induced, induce_rules
from ruler.pipeline.inputs import Input
from ruler.pipeline.models import ModelMaker, Models, make_model
from ruler.pipeline.parallel import Task, observe, observe_all, worth_it
from ruler.pipeline.results import VideoResult, failed
from ruler.pipeline.watch import Watch
from ruler.progress import NoProgress, Progress
from ruler.rules.io import render_rules, rules_hash, save_rules
from ruler.rules.model import Rule, RuleSet, Scene
from ruler.rundir import RunFolder, Usage, VideoRecord, VideoStatus
from ruler.rundir.files import write_whole, writing
from ruler.schema import Observation

RULES_FILE = "rules.yaml"
JOURNAL = ".spent.json"


def induce_to_file(
    inputs: Sequence[Input],
    out: Path,
    settings: Settings = DEFAULTS,
    *,
    scene: str = "",
    scene_of: Callable[[str], str] = lambda _: "",
    own: Sequence[Rule] = (),
    progress: Progress | None = None,
    jobs: int = 1,
    make: ModelMaker = make_model,
    tell: Callable[[Models], None] = lambda _: None,
) -> Induced:
    """Make rules from normal footage and write them; see `induce_rules`.

    What was observed is kept in a hidden folder beside the file until the file is written, so an interrupted run goes
    on. A file that is there already is kept beside the new one as `NAME.bak`. What a model wrote is kept beside the
    rules too (`NAME.candidates.json`), so that the support of each rule can be counted again.

    Args:
        inputs: normal footage.
        out: the rules file.
        settings: of all stages.
        scene: what the scene is called.
        scene_of: name of a video → name of its scene.
        own: a person's rules.
        progress: where to say how far it is.
        jobs: processes that look at videos at the same time.
        make: makes the models that the settings name.
        tell: called with the models before they are closed.

    Raises:
        RunFolderError: the file cannot be written; told before any frame is looked at.
        RulerError: not one of the inputs could be used.
        ModelError: a model gave no answer; the same command goes on.
        BudgetError: the budget is used up; the same command goes on.
    """
    kept = out.with_name(f".{out.name}.induce")
    _check_writable(out)
    with (
        _observed(kept, inputs, settings) as run,
        Models(settings, spent=spent_by(run), make=make, journal=run.path / JOURNAL) as models,
    ):

        def done(name: str) -> None:
            run.set_video(name, replace(run.record.videos[name], status=VideoStatus.DONE))

        def prepare(group: Sequence[Input], geometry: SceneGeometry | None) -> None:
            tasks = [
                Task(source, settings, geometry, run.video_folder(source.name, source.source).path)
                for source in worth_it(group, run, jobs)
            ]
            if tasks:
                advance = (progress or NoProgress()).task(f"{len(tasks)} videos, {jobs} at a time")
                for name, watched in observe_all(tasks, jobs, advance).items():
                    if not isinstance(watched, DataError):
                        done(name)

        def remember(watch: Watch, advance: Callable[[int], None]) -> Iterator[Observation]:
            folder = run.video_folder(watch.input.name, watch.input.source)
            mend(watch.input, settings, models, folder, watch.geometry)
            if run.record.videos[watch.input.name].status is not VideoStatus.DONE:
                observe(watch, folder, advance)
                done(watch.input.name)
            # Read back even when just written: an interrupted run then ends with the very same rules.
            return folder.observations()

        try:
            induced = induce_rules(
                inputs,
                settings,
                scene=scene,
                scene_of=scene_of,
                own=own,
                remember=remember,
                prepare=prepare,
                progress=progress,
                models=models,
            )
        finally:
            models.close()  # calls that this cuts off are counted too
            run.add_usage(models.usage)
        tell(models)
    keep_old(out)
    if induced.written:
        induced = replace(induced, rules=_with_candidates(induced, candidates_path(out)))
    save_rules(induced.rules, out)
    shutil.rmtree(kept, ignore_errors=True)
    return induced


def candidates_path(rules: Path) -> Path:
    """Where the candidates of a rules file are kept: `rules.candidates.json` beside `rules.yaml`."""
    return rules.with_name(f"{rules.stem}.candidates.json")


def read_examples(rules: Path) -> list[str]:
    """Normal captions kept beside a rules file, for the examples of rechecks; empty where there are none.

    Raises:
        DataError: the file is broken.
    """
    path = candidates_path(rules)
    if not path.is_file():
        return []
    try:
        scenes = json.loads(path.read_text(encoding="utf-8"))["scenes"]
        return [str(caption) for scene in scenes.values() for caption in scene["captions"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = "delete it to go on without examples, or induce the rules again"
        raise DataError(f"holds no readable candidates ({error})", where=path, hint=hint) from None


def detect_to_folder(
    inputs: Sequence[Input],
    ruleset: RuleSet,
    out: Path,
    settings: Settings = DEFAULTS,
    *,
    bad: Mapping[str, RulerError] | None = None,
    scene_of: Callable[[str], str] = lambda _: "",
    scene_from: str | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
    examples: Sequence[str] = (),
    make: ModelMaker = make_model,
    tell: Callable[[Models], None] = lambda _: None,
) -> Iterator[VideoResult]:
    """Judge videos into a run's folder; see `detect_videos`.

    Args:
        inputs: videos to look at.
        ruleset: of their scene or scenes.
        out: the run's folder.
        settings: of all stages.
        bad: places that hold no video, and why; recorded as failed.
        scene_of: name of a video → name of its scene.
        scene_from: the expression `scene_of` was made from, for run.json.
        progress: where to say how far it is.
        jobs: processes that look at videos at the same time.
        examples: normal captions, of which the nearest are shown in rechecks.
        make: makes the models that the settings name.
        tell: called with the models before they are closed.

    Raises:
        RunFolderError: the folder is another run's, is in use, or cannot be written.
        UsageError: a model string is wrong, or a key or price is missing.
    """
    asked = {
        "command": "detect",
        "inputs": {source.name: described(source) for source in inputs},
        "rules": rules_hash(ruleset),
        "scene_from": scene_from,
        "settings": outcome_settings(settings),
        **prompt_hashes(settings),
    }
    with (
        RunFolder.open(out, asked) as run,
        Models(settings, spent=spent_by(run), make=make, journal=run.path / JOURNAL) as models,
    ):
        run.write_file(RULES_FILE, render_rules(ruleset))
        for place, error in (bad or {}).items():
            name = Path(place).name or "input"
            run.video_folder(name, place)
            run.set_video(name, VideoRecord(place, VideoStatus.FAILED, error=str(error)))
            yield failed(name, place, error)
        judged = detect_videos(
            inputs,
            ruleset,
            settings,
            scene_of=scene_of,
            run=run,
            progress=progress,
            jobs=jobs,
            models=models,
            examples=examples,
        )
        ended = True
        try:
            for result in judged:
                ended = ended and result.status is not VideoStatus.PARTIAL
                yield result
        finally:
            models.close()  # calls that this cuts off are counted too
            run.add_usage(models.usage)
        tell(models)
        if ended:
            run.finish()


def outcome_settings(settings: Settings, names: Sequence[str] = OUTCOME) -> dict[str, Any]:
    """The settings that decide what comes out; those of transport may change when a run goes on.

    Of prompts their hashes count, not the folder they lie in; see `prompt_hashes`.
    """
    told = {name: getattr(settings, name).model_dump(mode="json") for name in names}
    told.get("models", {}).pop("prompts", None)
    return told


def prompt_hashes(settings: Settings, names: Sequence[str] = ("caption", "reason")) -> dict[str, Any]:
    """The hashes of the prompts that a run uses, for run.json; nothing without a model."""
    models = settings.models
    used = [n for n in names if (models.vlm if n == "caption" else models.llm)]
    if not used:
        return {}
    prompts = Prompts(models.prompts)
    return {"prompts": {name: prompts.hash(name) for name in used}}


def spent_by(run: RunFolder) -> Spent:
    """What earlier parts of the run spent, killed ones among them: limits hold for the whole of it."""
    try:
        kept = json.loads((run.path / JOURNAL).read_text(encoding="utf-8"))
        told = Usage(**{f.name: kept.get(f.name, f.default) for f in fields(Usage)})
    except (OSError, ValueError, AttributeError, TypeError):
        told = Usage()
    usage = run.record.usage
    lost = {f.name: max(0, getattr(told, f.name) - getattr(usage, f.name)) for f in fields(Usage)}
    if any(lost.values()):
        run.add_usage(Usage(**lost))
        usage = run.record.usage
    return Spent(usage.calls, usage.cached, usage.prompt_tokens, usage.completion_tokens, usage.cost, usage.replayed)


def _with_candidates(induced: Induced, path: Path) -> RuleSet:
    """Keep what a model wrote, and name the file in the rules."""
    scenes = {name: written.record() for name, written in induced.written.items()}
    text = json.dumps({"schema": 1, "scenes": scenes}, ensure_ascii=False, indent=1) + "\n"
    with writing(path):
        write_whole(path, text)
    named = f"{path.name}#{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def marked(scene: Scene) -> dict[str, Any]:
        return {"provenance": scene.provenance.model_copy(update={"candidates": named})}

    rules = induced.rules
    marked_scenes = {name: scene.model_copy(update=marked(scene)) for name, scene in rules.scenes.items()}
    return rules.model_copy(update={**marked(rules), "scenes": marked_scenes})


def _observed(kept: Path, inputs: Sequence[Input], settings: Settings) -> RunFolder:
    """The folder that keeps observations while rules are made; one that was made from other inputs is dropped."""
    asked = {
        "command": "induce",
        "inputs": {source.name: described(source) for source in inputs},
        "settings": {
            name: getattr(settings, name).model_dump(mode="json")
            for name in ("video", "motion", *(("caption",) if settings.models.vlm else ()))
        },
        **prompt_hashes(settings, ("caption",)),
    }
    try:
        return RunFolder.open(kept, asked)
    except RunFolderError as error:
        if "belongs to another run" not in error.what:
            raise
    shutil.rmtree(kept)
    return RunFolder.open(kept, asked)


def described(source: Input) -> dict[str, Any]:
    """What an input was, so that another one of the same name is told apart: its place, and the size of a file."""
    described: dict[str, Any] = {"source": source.source, "perception": source.perception}
    if isinstance(source.video, Path) and source.video.is_file():
        described["bytes"] = source.video.stat().st_size
    return described


def _check_writable(out: Path) -> None:
    if out.is_dir():
        raise RunFolderError("is a folder", where=out, hint="name a file with -o, e.g. -o rules.yaml")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{out.name}.probe")
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RunFolderError(f"cannot be written ({error.strerror})", where=out, hint="choose another -o") from None


def keep_old(out: Path) -> Path | None:
    """Copy a file that is about to be written anew to `NAME.bak`, and say where it is; None where there is none."""
    if out.is_file():
        number = 1
        while (old := out.with_name(f"{out.name}.bak{'' if number == 1 else number}")).exists():
            number += 1
        shutil.copy2(out, old)
        return old
    return None
