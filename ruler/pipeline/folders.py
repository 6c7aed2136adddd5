"""Stages that keep what they find on disk: inputs in; a rules file or a run's folder out.

They go on where an interrupted run stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruler.config import DEFAULTS, Settings
from ruler.errors import DataError, RulerError, RunFolderError
from ruler.perception.motion import SceneGeometry
from ruler.pipeline.detecting import VideoResult, apply_rules, detect_videos, failed
from ruler.pipeline.inducing import Induced, induce_rules
from ruler.pipeline.inputs import Input
from ruler.pipeline.parallel import Task, observe, observe_all, worth_it
from ruler.pipeline.watch import Watch
from ruler.progress import NoProgress, Progress
from ruler.rules.io import render_rules, rules_hash, save_rules
from ruler.rules.model import Rule, RuleSet
from ruler.rundir import RunFolder, RunReader, VideoRecord, VideoStatus
from ruler.schema import Observation

RULES_FILE = "rules.yaml"


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
) -> Induced:
    """Make rules from normal footage and write them; see `induce_rules`.

    What was observed is kept in a hidden folder beside the file until the file is written, so an interrupted run goes
    on. A file that is there already is kept beside the new one as `NAME.bak`.

    Raises:
        RunFolderError: the file cannot be written; told before any frame is looked at.
        RulerError: not one of the inputs could be used.
    """
    kept = out.with_name(f".{out.name}.induce")
    _check_writable(out)
    with _observed(kept, inputs, settings) as run:

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
            if run.record.videos[watch.input.name].status is not VideoStatus.DONE:
                observe(watch, folder, advance)
                done(watch.input.name)
            # Read back even when just written: an interrupted run then ends with the very same rules.
            return folder.observations()

        induced = induce_rules(
            inputs,
            settings,
            scene=scene,
            scene_of=scene_of,
            own=own,
            remember=remember,
            prepare=prepare,
            progress=progress,
        )
    keep_old(out)
    save_rules(induced.rules, out)
    shutil.rmtree(kept, ignore_errors=True)
    return induced


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

    Raises:
        RunFolderError: the folder is another run's, is in use, or cannot be written.
    """
    asked = {
        "command": "detect",
        "inputs": {source.name: _described(source) for source in inputs},
        "rules": rules_hash(ruleset),
        "scene_from": scene_from,
        "settings": settings.model_dump(mode="json"),
    }
    with RunFolder.open(out, asked) as run:
        run.write_file(RULES_FILE, render_rules(ruleset))
        for place, error in (bad or {}).items():
            name = Path(place).name or "input"
            run.video_folder(name, place)
            run.set_video(name, VideoRecord(place, VideoStatus.FAILED, error=str(error)))
            yield failed(name, place, error)
        yield from detect_videos(inputs, ruleset, settings, scene_of=scene_of, run=run, progress=progress, jobs=jobs)
        run.finish()


def apply_to_folder(
    before: Path,
    ruleset: RuleSet,
    out: Path,
    settings: Settings = DEFAULTS,
    *,
    scene_of: Callable[[str], str] = lambda _: "",
    scene_from: str | None = None,
) -> Iterator[VideoResult]:
    """Judge a finished run again by other rules, into a new folder; see `apply_rules`."""
    reader = RunReader(before)
    asked = {
        "command": "rules apply",
        "run": str(before),
        "inputs": {name: record.source for name, record in reader.record.videos.items()},
        "rules": rules_hash(ruleset),
        "scene_from": scene_from,
        "settings": settings.model_dump(mode="json"),
    }
    with RunFolder.open(out, asked) as run:
        run.write_file(RULES_FILE, render_rules(ruleset))
        yield from apply_rules(reader, ruleset, run, settings, scene_of=scene_of)
        run.finish()


def _observed(kept: Path, inputs: Sequence[Input], settings: Settings) -> RunFolder:
    """The folder that keeps observations while rules are made; one that was made from other inputs is dropped."""
    asked = {
        "command": "induce",
        "inputs": {source.name: _described(source) for source in inputs},
        "settings": {name: getattr(settings, name).model_dump(mode="json") for name in ("video", "motion")},
    }
    try:
        return RunFolder.open(kept, asked)
    except RunFolderError as error:
        if "belongs to another run" not in error.what:
            raise
    shutil.rmtree(kept)
    return RunFolder.open(kept, asked)


def _described(source: Input) -> dict[str, Any]:
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
