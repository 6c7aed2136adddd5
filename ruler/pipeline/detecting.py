"""Detection: videos and rules in; scores, verdicts and events out, in memory or in a run's folder.

In a folder, an interrupted run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from ruler.config import DEFAULTS, Settings
from ruler.deduction.judge import Judgement, Recheck, judge
from ruler.deduction.score import find_events, score_frames, verdicts
from ruler.errors import BudgetError, DataError, ModelError, RulerError, UsageError, VideoError
from ruler.perception.motion import SceneGeometry
from ruler.pipeline.asking import Asking, Words
from ruler.pipeline.captions import mend
from ruler.pipeline.inputs import Input
from ruler.pipeline.models import Models
from ruler.pipeline.options import event_options, judge_options
from ruler.pipeline.parallel import Task, Watched, observe, observe_all, worth_it
from ruler.pipeline.results import VideoResult, failed
from ruler.pipeline.watch import Watch
from ruler.progress import NoProgress, Progress
from ruler.rules.model import RuleSet, Scene
from ruler.rundir import RunFolder, VideoFolder, VideoRecord, VideoStatus
from ruler.schema import Event, FloatArray, Observation, Scores, Status, VideoInfo


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of judging one video."""

    judgement: Judgement
    scores: Scores
    events: tuple[Event, ...]
    stopped: RulerError | None = None
    notes: tuple[str, ...] = ()


def scene_rules(ruleset: RuleSet, name: str) -> Scene:
    """The rules of a scene; those of the whole file where it holds one scene only.

    Raises:
        DataError: the file has scenes, and none of that name.
    """
    if not ruleset.scenes:
        return ruleset
    if name in ruleset.scenes:
        return ruleset.scenes[name]
    there = ", ".join(sorted(ruleset.scenes))
    if not name:
        what = f"the rules file has the scenes {there}"
        raise UsageError(what, hint="say with --scene-from how to tell a video's scene from its name")
    raise DataError(
        f"no rules for scene '{name}'", hint=f"the file has {there}; mend --scene-from, or induce rules for it"
    )


def detect_videos(
    inputs: Sequence[Input],
    ruleset: RuleSet,
    settings: Settings = DEFAULTS,
    *,
    scene_of: Callable[[str], str] = lambda _: "",
    run: RunFolder | None = None,
    progress: Progress | None = None,
    jobs: int = 1,
    models: Models | None = None,
    examples: Sequence[str] = (),
) -> Iterator[VideoResult]:
    """Look at videos and judge them, one after another.

    Args:
        inputs: videos to look at.
        ruleset: of their scene or scenes.
        settings: of all stages.
        scene_of: name of a video → name of its scene.
        run: where to keep what is found; what it holds already is not done again. None keeps all in memory.
        progress: where to say how far it is.
        jobs: processes that look at videos at the same time, where there is a folder.
        models: what captions frames and rechecks findings; None for neither.
        examples: normal captions, of which the nearest are shown in rechecks.

    Yields:
        The result of each video; one that cannot be used is a result with status "failed", and the others go on. Where
        captions end with the budget, or with a model that cannot be asked, the result is "partial" and the last one.
    """
    shown = progress or NoProgress()
    asking = Asking(models, examples, shown)
    known = _look_ahead(inputs, ruleset, settings, scene_of, run, shown, jobs) if run is not None else {}
    for source in inputs:
        try:
            scene = scene_rules(ruleset, scene_of(source.name))
            if run is None:
                yield _in_memory(source, scene, settings, shown, asking)
            else:
                yield _in_folder(source, scene, settings, run, shown, known.get(source.name), asking)
        except DataError as error:
            if run is not None:
                run.video_folder(source.name, source.source)
                run.set_video(source.name, VideoRecord(source.source, VideoStatus.FAILED, error=str(error)))
            yield failed(source.name, source.source, error)
        except (BudgetError, ModelError) as error:
            yield replace(failed(source.name, source.source, error), status=VideoStatus.PARTIAL)
            return


def _look_ahead(
    inputs: Sequence[Input],
    ruleset: RuleSet,
    settings: Settings,
    scene_of: Callable[[str], str],
    run: RunFolder,
    progress: Progress,
    jobs: int,
) -> dict[str, Watched | DataError]:
    """Perceive several videos at once, as far as that pays; what fails here fails again, and is told, in its turn."""
    tasks = []
    for source in worth_it(inputs, run, jobs):
        try:
            geometry = geometry_of(scene_rules(ruleset, scene_of(source.name)))
        except DataError:
            continue
        tasks.append(Task(source, settings, geometry, run.video_folder(source.name, source.source).path))
    if len(tasks) < 2:
        return {}
    with _timed(run, "perception"):
        return observe_all(tasks, jobs, progress.task(f"{len(tasks)} videos, {jobs} at a time"))


def _in_memory(source: Input, scene: Scene, settings: Settings, progress: Progress, asking: Asking) -> VideoResult:
    with Watch(source, settings, geometry_of(scene), asking.models) as watch:
        advance = progress.task(source.name, watch.info.frames)
        size = (watch.info.width, watch.info.height)
        seen = _counted(watch.observations(), advance)
        judged = judge_video(seen, scene, settings, size, watch.info.start, watch.times, asking, source.name)
        return result_of(
            source.name,
            source.source,
            judged,
            notes_of(watch.notes, scene, watch.info.start, judged, source.perception),
        )


def _in_folder(
    source: Input,
    scene: Scene,
    settings: Settings,
    run: RunFolder,
    progress: Progress,
    known: Watched | DataError | None,
    asking: Asking,
) -> VideoResult:
    folder = run.video_folder(source.name, source.source)
    record = run.record.videos[source.name]
    if record.status is VideoStatus.DONE and record.degraded:
        # The models that were not heard then are asked again; what was observed stays.
        mended = _mended(source, scene, settings, run, record, asking)
        if mended is None and asking.rechecks(settings):
            mended = _observed_before(record, folder, source)
        if mended is None:
            return _before(source, scene, settings, record, folder)
        known = mended
    elif record.status is VideoStatus.DONE:
        return _before(source, scene, settings, record, folder)
    else:
        mend(source, settings, asking.models, folder, geometry_of(scene))
    if isinstance(known, DataError):
        raise known
    if known is None:
        with _timed(run, "perception"), Watch(source, settings, geometry_of(scene), asking.models) as watch:
            known = observe(watch, folder, progress.task(source.name, watch.info.frames))
    with _timed(run, "deduction"):
        info, size = known.info, (known.info.width, known.info.height)
        judged = judge_video(
            folder.observations(), scene, settings, size, info.start, lambda: known.times, asking, source.name
        )
        entry = VideoRecord(
            source=source.source,
            frame_rate=info.frame_rate,
            width=size[0] or None,
            height=size[1] or None,
            start=info.start.isoformat() if info.start else None,
            skipped=known.skipped + len(judged.judgement.camera),
            notes=notes_of(known.notes, scene, info.start, judged, source.perception),
        )
        write_judged(folder, run, source.name, judged, scene, settings, entry)
    return result_of(source.name, source.source, judged, entry.notes)


def _before(source: Input, scene: Scene, settings: Settings, record: VideoRecord, folder: VideoFolder) -> VideoResult:
    """The result of a video that is done."""
    scores, events = replace(folder.scores(), threshold=_threshold(scene, settings)), tuple(folder.events())
    before = VideoResult(source.name, source.source, record.status, scores, events, None, record.notes)
    return replace(before, degraded=record.degraded, unparsed=record.unparsed)


def _mended(
    source: Input, scene: Scene, settings: Settings, run: RunFolder, record: VideoRecord, asking: Asking
) -> Watched | None:
    """Ask again for captions that a judged video lacks; None where there are none, or the video is gone."""

    def judge_anew() -> None:
        # From here on its verdicts are not those of its observations.
        run.set_video(source.name, replace(record, status=VideoStatus.PARTIAL))

    try:
        folder = run.video_folder(source.name, source.source)
        return mend(source, settings, asking.models, folder, geometry_of(scene), judge_anew)
    except VideoError:
        return None


def _observed_before(record: VideoRecord, folder: VideoFolder, source: Input) -> Watched:
    """What is known of a video that was judged before."""
    info = VideoInfo(
        source.name,
        source.source,
        record.width or 0,
        record.height or 0,
        record.frame_rate or 1.0,
        start=datetime.fromisoformat(record.start) if record.start else None,
    )
    unjudged = sum(verdict.status is Status.SKIPPED for verdict in folder.verdicts())
    return Watched(info, folder.scores().times, record.notes, record.skipped - unjudged)


def geometry_of(scene: Scene) -> SceneGeometry | None:
    """How tall people are in the scene, as its rules file says."""
    height = scene.person_height
    return SceneGeometry(height.base, height.slope, height.least) if height is not None else None


def _counted(observations: Iterable[Observation], advance: Callable[[int], None]) -> Iterator[Observation]:
    for observation in observations:
        advance(1)
        yield observation


def judge_video(
    observations: Iterable[Observation],
    scene: Scene,
    settings: Settings,
    size: tuple[int, int],
    start: datetime | None,
    times: Callable[[], FloatArray],
    asking: Asking | None = None,
    name: str = "",
) -> Judged:
    """Judge the observations of one video, and have a model heard where one is asked."""
    words = Words(observations)
    judgement = judge(words, scene.rules, judge_options(settings, scene), size, start)
    options = event_options(settings, scene)
    if not len(judgement.frames):
        raise DataError("nothing was observed", hint="check that the video or the records hold anything")
    stopped: RulerError | None = None
    if asking is not None:
        judgement, stopped = asking.judgement(judgement, words.captions(settings), scene, settings, name)
    missing = {p: Recheck(None, status=Status.DEGRADED, notes=(f"no caption: {w}",)) for p, w in words.missing.items()}
    judgement = replace(judgement, rechecks={**missing, **judgement.rechecks})
    scores = score_frames(judgement, times(), options)
    events = tuple(find_events(judgement, scores, scene.rules, options))
    return Judged(judgement, scores, events, stopped, words.tally.notes)


def write_judged(
    folder: VideoFolder,
    run: RunFolder,
    name: str,
    judged: Judged,
    scene: Scene,
    settings: Settings,
    entry: VideoRecord,
) -> None:
    """Write what came of judging one video into its folder and into run.json."""
    folder.restart_verdicts()
    folder.append_verdicts(verdicts(judged.judgement, scene.rules, event_options(settings, scene)))
    folder.write_scores(judged.scores)
    folder.write_events(judged.events)
    done = replace(
        entry,
        status=VideoStatus.DONE if judged.stopped is None else VideoStatus.PARTIAL,
        degraded=_counted_status(judged, Status.DEGRADED),
        unparsed=_counted_status(judged, Status.UNPARSED),
        frames=len(judged.scores.times),
        events=sum(event.kind == "anomaly" for event in judged.events),
        max_score=float(f"{judged.scores.scores.max():.4g}"),
    )
    run.set_video(name, done)


def notes_of(
    notes: Sequence[str], scene: Scene, start: datetime | None, judged: Judged, perception: str = ""
) -> tuple[str, ...]:
    """The notes of a video, with those that concern it and the rules together."""
    more = []
    timed = [rule.id for rule in scene.rules if rule.when and rule.kind == "anomaly"]
    if timed and start is None:
        more.append(f"rules with hours ({', '.join(timed)}) were left out: the video's start is unknown; give --start")
    idle = [rule.id for rule in scene.rules if rule.kind == "anomaly" and not rule.limits and not rule.keywords]
    if idle:
        more.append(f"rules without keywords or limit ({', '.join(idle)}) were left out: only a model can apply them")
    untold = [rule.id for rule in scene.rules if rule.id in judged.judgement.untold and rule.id not in idle]
    if untold:
        more.append(f"rules {', '.join(untold)} never applied: nothing that was observed tells what they ask")
    made_by = scene.provenance.perception
    if made_by and perception and made_by != perception:
        more.append(f"the rules were made from {made_by}, this was looked at by {perception}: numbers may not compare")
    return tuple(dict.fromkeys([*notes, *judged.notes, *more]))


def _threshold(scene: Scene, settings: Settings) -> float:
    r = event_options(settings, scene).threshold
    return r / (1 + r)


def result_of(name: str, source: str, judged: Judged, notes: Sequence[str]) -> VideoResult:
    """What is told of a judged video."""
    return VideoResult(
        name,
        source,
        VideoStatus.DONE if judged.stopped is None else VideoStatus.PARTIAL,
        judged.scores,
        judged.events,
        judged.judgement,
        tuple(notes),
        judged.stopped,
        _counted_status(judged, Status.DEGRADED),
        _counted_status(judged, Status.UNPARSED),
    )


def _counted_status(judged: Judged, status: Status) -> int:
    return sum(said.status is status for said in judged.judgement.rechecks.values())


@contextmanager
def _timed(run: RunFolder, stage: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        run.add_timing(stage, round(time.monotonic() - began, 3))
