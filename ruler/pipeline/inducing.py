"""Induction: normal footage in, the rules of each scene out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from ruler._version import __version__
from ruler.config import DEFAULTS, Settings
from ruler.deduction.score import count_events
from ruler.errors import DataError, RulerError
from ruler.induction.calibrate import calibrate
from ruler.induction.limits import draw_batches, induce_limits
from ruler.induction.together import induce_together
from ruler.induction.vocabulary import induce_vocabulary
from ruler.perception.motion import SceneGeometry, survey
from ruler.pipeline.captions import Tally
from ruler.pipeline.inputs import Input
from ruler.pipeline.models import Models
from ruler.pipeline.options import calibration_options, event_options, judge_options, limit_options, match_options
from ruler.pipeline.watch import Watch
from ruler.pipeline.writing import Written, quiet_on, write_rules
from ruler.progress import NoProgress, Progress
from ruler.rules.model import PersonHeight, Provenance, Rule, RuleSet, Scene, numbered
from ruler.rules.table import Table, cut, tabulate
from ruler.schema import FloatArray, Observation, Picture, VideoInfo

Remember = Callable[[Watch, Callable[[int], None]], Iterator[Observation]]
"""Gives the observations of a watch, from an interrupted run where they are known; says how many steps it took."""

Prepare = Callable[[Sequence[Input], SceneGeometry | None], None]
"""Called with the videos of a scene, and how tall people are in it, before they are looked at one after another."""

SURVEYED_VIDEOS, SURVEYED_FRAMES, SURVEYED_SECONDS = 16, 20, 300.0
"""Pictures looked at to learn how tall people are: so many of so many videos, from so many seconds of each."""

FEWEST_CLIPS, SHORTEST_CLIP = 8, 2.0
"""Clips that a few videos are cut into at least, as long as none gets shorter than this many seconds."""

FEWEST_VIDEOS = 4
"""With fewer videos than this, clips are cut from them, and what was left out is not wholly independent."""


@dataclass(frozen=True, slots=True)
class Induced:
    """What induction gives.

    Attributes:
        rules: of one scene, or of several.
        failures: videos that could not be used, by name.
        notes: what a person should know, by the name of the video; what concerns the rules under "rules".
        written: scene → what a model wrote for it; empty where none was asked.
    """

    rules: RuleSet
    failures: Mapping[str, RulerError]
    notes: Mapping[str, tuple[str, ...]]
    written: Mapping[str, Written] = field(default_factory=dict)


def induce_rules(
    inputs: Sequence[Input],
    settings: Settings = DEFAULTS,
    *,
    scene: str = "",
    scene_of: Callable[[str], str] = lambda _: "",
    own: Sequence[Rule] = (),
    remember: Remember | None = None,
    prepare: Prepare | None = None,
    progress: Progress | None = None,
    today: date | None = None,
    models: Models | None = None,
) -> Induced:
    """Make rules from normal footage.

    Args:
        inputs: normal footage.
        settings: of all stages.
        scene: what the scene is called, for people.
        scene_of: name of a video → name of its scene; one scene for all where it always gives "".
        own: a person's rules, kept and calibrated beside the induced ones.
        remember: see `Remember`.
        prepare: see `Prepare`.
        progress: where to say how far it is.
        today: written into the file; today where None.
        models: what captions frames, and what writes the rules; without a model for text, the rules are limits and a
            vocabulary.

    Raises:
        RulerError: not one of the inputs could be used; the error of the first.
        ModelError: a model gave no answer.
        BudgetError: the budget is used up; what was observed and answered is kept.
    """
    shown = progress or NoProgress()
    groups: dict[str, list[Input]] = defaultdict(list)
    failures: dict[str, RulerError] = {}
    for source in inputs:
        groups[scene_of(source.name)].append(source)
    notes: dict[str, tuple[str, ...]] = {}
    scenes: dict[str, Scene] = {}
    written: dict[str, Written] = {}
    for name, group in sorted(groups.items()):
        geometry = survey_scene(group, settings, shown)
        seen: list[_Seen] = []
        if prepare is not None:
            prepare(group, geometry)
        for source in group:
            try:
                with Watch(source, settings, geometry, models) as watch:
                    advance = shown.task(f"{source.name}: looking", watch.info.frames)
                    tally = Tally()
                    table, rendered = _table(watch, tally.seen((remember or _look)(watch, advance)))
                    notes[source.name] = (*watch.notes, *tally.notes)
                    if len(table):
                        seen.append(_Seen(source, table, watch.info, rendered))
            except DataError as error:
                failures[source.name] = error
        if seen:
            if models is not None and models.llm is not None:
                tables = [one.words for one in seen]
                written[name] = write_rules(tables, settings, models, shown, name or scene)
                if written[name].notes:
                    notes[f"rules of {name}" if name else "rules"] = written[name].notes
            made = written.get(name)
            scenes[name] = _scene(seen, name or scene, own, geometry, settings, today or date.today(), made)
    if not scenes:
        nothing = DataError("the normal footage holds no frame", hint="give a video that shows something")
        raise next(iter(failures.values()), nothing)
    if set(scenes) == {""}:
        one = scenes[""]
        ruleset = RuleSet(**{name: getattr(one, name) for name in Scene.model_fields})
    else:
        ruleset = RuleSet(scene=scene, scenes=scenes)
    return Induced(ruleset, failures, notes, written)


@dataclass(frozen=True, slots=True)
class _Seen:
    source: Input
    table: Table
    info: VideoInfo
    rendered: tuple[str | None, ...] = ()

    @property
    def words(self) -> Table:
        """The table with captions for a model: those rendered from motion where nobody wrote any."""
        return self.table if any(self.table.captions) else replace(self.table, captions=self.rendered)


def survey_scene(group: Sequence[Input], settings: Settings, progress: Progress | None = None) -> SceneGeometry | None:
    """How tall people are in the scene, from a few pictures of each video; unreadable videos are told of later."""
    looked = [source for source in group if source.uses_motion]
    looked = looked[:: max(1, len(looked) // SURVEYED_VIDEOS)]
    advance = (progress or NoProgress()).task("surveying the scene", len(looked)) if looked else None
    videos: dict[tuple[int, int], list[list[Picture]]] = defaultdict(list)
    for source in looked:
        try:
            with Watch(source, settings) as watch:
                assert watch.video is not None
                span = min(watch.info.frames or 0, int(SURVEYED_SECONDS * watch.info.frame_rate))
                places = np.unique(np.linspace(0, max(0, span - 1), SURVEYED_FRAMES).astype(int))
                pictures = [frame.image for frame in watch.video.frames_at(places.tolist())]
                videos[watch.info.width, watch.info.height].append(pictures)
        except DataError:
            pass
        if advance is not None:
            advance(1)
    return survey(videos[max(videos, key=lambda size: len(videos[size]))], settings.motion) if videos else None


def _look(watch: Watch, advance: Callable[[int], None]) -> Iterator[Observation]:
    for observation in watch.observations():
        advance(1)
        yield observation


def _table(watch: Watch, observations: Iterable[Observation]) -> tuple[Table, tuple[str | None, ...]]:
    """The table of a video, and the captions rendered from its motion."""
    rendered: list[str | None] = []

    def written() -> Iterator[Observation]:
        # A rendered caption repeats the measures in words; only captions somebody wrote make a vocabulary.
        for o in observations:
            rendered.append(o.caption)
            yield o if "captions" in o.sources or "vlm" in o.sources else replace(o, caption=None)

    table = tabulate(written(), (watch.info.width, watch.info.height), watch.info.start)
    return table, tuple(rendered)


def _scene(
    seen: Sequence[_Seen],
    name: str,
    own: Sequence[Rule],
    geometry: SceneGeometry | None,
    settings: Settings,
    today: date,
    written: Written | None = None,
) -> Scene:
    tables = [one.table for one in seen]
    clips = tables if len(tables) >= FEWEST_VIDEOS else _cut(tables, settings.induction.clip_seconds)
    picture = next((table.size for table in tables if table.size[1]), None)
    events = replace(event_options(settings), threshold=1.0)
    matching = replace(match_options(settings), picture=picture, divide=written is not None)

    def make(some: Sequence[Table]) -> list[Rule]:
        induction = settings.induction
        words = quiet_on(written.rules, some) if written is not None else []
        counted = _vocabulary(some, settings) if induction.vocabulary else []
        limits = _limits(some, settings, picture) if induction.limits else []
        # A model's normal rules say more than counted words do.
        counted = [rule for rule in counted if written is None or rule.kind == "anomaly"]
        return [*words, *counted, *limits]

    def smooth(values: FloatArray, times: FloatArray) -> FloatArray:
        return judge_options(settings).smooth(values, times)

    def count(values: FloatArray, times: FloatArray, threshold: float) -> list[tuple[int, int]]:
        return count_events(values, times, replace(events, threshold=threshold))

    rules, calibration = calibrate(clips, make, smooth, count, matching, calibration_options(settings), own)
    rules.sort(key=lambda rule: rule.kind != "normal")
    return Scene(
        scene=name,
        provenance=Provenance(
            perception=seen[0].source.perception,
            induction=written.model if written is not None else "model-free",
            reference=tuple(one.source.name for one in seen),
            frames=sum(len(table) for table in tables),
            prompts=dict(written.hashes) if written is not None else {},
            created=today,
            ruler=__version__,
            picture=picture,
            frame_rate=float(f"{seen[0].info.frame_rate:.6g}"),
            frame_rate_known=all(one.info.frame_rate_known for one in seen),
        ),
        person_height=_person_height(geometry),
        calibration=calibration.model_copy(update={"preset": settings.smoothing.preset}),
        rules=numbered(tuple(rules)),
    )


def _limits(clips: Sequence[Table], settings: Settings, picture: tuple[int, int] | None) -> list[Rule]:
    """Limits on what is measured: together where boxes were tracked, one by one where pictures were looked at."""
    options = limit_options(settings)
    seen = any("pace" in clip.measures for clip in clips)
    together = [] if seen else induce_together(clips, options, picture=picture)
    return together or induce_limits(clips, options, picture=picture)


def _cut(tables: Sequence[Table], seconds: float) -> list[Table]:
    """Clips of a few videos: of the length asked, but shorter where that gives too few to leave any out."""
    total = sum(float(table.times[-1] - table.times[0]) for table in tables)
    length = max(SHORTEST_CLIP, min(seconds, total / FEWEST_CLIPS))
    return [clip for table in tables for clip in cut(table, length)]


def _person_height(geometry: SceneGeometry | None) -> PersonHeight | None:
    if geometry is None:
        return None
    base, slope, least = (float(f"{v:.4g}") for v in (geometry.base, geometry.slope, geometry.least))
    return PersonHeight(base=base, slope=slope, least=least)


def _vocabulary(clips: Sequence[Table], settings: Settings) -> list[Rule]:
    captioned = [clip for clip in clips if any(clip.captions)]
    if not captioned:
        return []
    induction = settings.induction
    drawn = draw_batches(len(captioned), induction.batches, induction.clips_per_batch, induction.seed)
    return induce_vocabulary([(c.captions, c.times) for c in captioned], [np.asarray(batch) for batch in drawn])
