"""Other rules for a finished run: its observations and verdicts, and rules, in; a new judgement, no frame decoded, out.

What a model said before is kept wherever its question would be the same today; where it would not, it is asked anew, or
left out and told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from ruler.config import DEFAULTS, Settings
from ruler.deduction.judge import Judgement, Recheck, judge
from ruler.deduction.reason import Question
from ruler.deduction.recheck import HOSTILE, find_cases, take_over
from ruler.errors import DataError, RulerError
from ruler.pipeline.asking import Asking, Words
from ruler.pipeline.detecting import judge_video, notes_of, result_of, scene_rules, write_judged
from ruler.pipeline.folders import JOURNAL, RULES_FILE, outcome_settings, prompt_hashes, spent_by
from ruler.pipeline.models import ModelMaker, Models, make_model
from ruler.pipeline.options import event_options, judge_options, recheck_options
from ruler.pipeline.results import VideoResult, failed
from ruler.progress import NoProgress, Progress
from ruler.rules.hostile import addresses_reader
from ruler.rules.io import load_rules, render_rules, rules_hash
from ruler.rules.model import Rule, RuleSet, Scene
from ruler.rundir import RunFolder, RunReader, VideoReader, VideoStatus
from ruler.schema import FloatArray, Status, Verdict

LOST = "what {} said no longer applies, since its question has changed; the initial finding stands"


def apply_to_folder(
    before: Path,
    ruleset: RuleSet,
    out: Path,
    settings: Settings = DEFAULTS,
    *,
    scene_of: Callable[[str], str] = lambda _: "",
    scene_from: str | None = None,
    examples: Sequence[str] = (),
    progress: Progress | None = None,
    make: ModelMaker = make_model,
    tell: Callable[[Models], None] = lambda _: None,
) -> Iterator[VideoResult]:
    """Judge a finished run again by other rules, into a new folder.

    Args:
        before: the folder of the run that observed.
        ruleset: the rules to judge by.
        out: the new folder; observations are not copied.
        settings: of deduction; a model for text that they name is asked what no earlier verdict answers. Where nothing
            is set for rechecks, those of the run before hold.
        scene_of: name of a video → name of its scene.
        scene_from: the expression `scene_of` was made from, for run.json.
        examples: normal captions, of which the nearest are shown in rechecks.
        progress: where to say how far it is.
        make: makes the model.
        tell: called with the models before they are closed.

    Raises:
        DataError: `before` holds no run.
        RunFolderError: `out` is another run's.
        UsageError: a model string is wrong, or a key or price is missing.
    """
    reader = RunReader(before)
    old = _settings_of(reader)
    if old is not None and settings.recheck == DEFAULTS.recheck:
        settings = settings.model_copy(update={"recheck": old.recheck})
    asked = {
        "command": "rules apply",
        "run": str(before),
        "inputs": {name: record.source for name, record in reader.record.videos.items()},
        "rules": rules_hash(ruleset),
        "scene_from": scene_from,
        "settings": outcome_settings(settings),
        **prompt_hashes(settings, ("reason",)),
    }
    with (
        RunFolder.open(out, asked) as run,
        Models(settings, spent=spent_by(run), make=make, journal=run.path / JOURNAL) as models,
    ):
        run.write_file(RULES_FILE, render_rules(ruleset))
        ended = True
        try:
            for result in _applied(
                reader, ruleset, run, settings, old, scene_of, _Again(models, examples, progress or NoProgress())
            ):
                ended = ended and result.status is not VideoStatus.PARTIAL
                yield result
        finally:
            models.close()  # calls that this cuts off are counted too
            run.add_usage(models.usage)
        tell(models)
        if ended:
            run.finish()


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a model said in the run before.

    Attributes:
        model: its name.
        verdicts: frame → its verdict.
        questions: frame → what was asked.
        rules: that it was shown.
    """

    model: str
    verdicts: Mapping[int, Verdict]
    questions: Mapping[int, Question]
    rules: tuple[tuple[str, str, str], ...]


class _Again(Asking):
    """Keeps what a model said where its question is the same, and asks the rest, if it may."""

    heard: _Heard | None = None
    told: tuple[str, ...] = ()

    def judgement(
        self, judgement: Judgement, captions: Mapping[int, str], scene: Scene, settings: Settings, name: str
    ) -> tuple[Judgement, RulerError | None]:
        """The judgement after what was said before, and after what is asked now; what ended the asking early."""
        self.told, heard = (), self.heard
        asks = self.rechecks(settings)
        if heard is None:
            return super().judgement(judgement, captions, scene, settings, name) if asks else (judgement, None)
        options, threshold = recheck_options(settings), event_options(settings, scene).threshold
        # Another model's words are no answer of this one.
        same = _shown(scene.rules) == heard.rules and (not asks or heard.model == settings.models.llm)
        cases = find_cases(judgement, captions, scene.rules, threshold, options)
        questions = {p: case.question for case in cases for p in case.positions}
        frames = {int(frame): p for p, frame in enumerate(judgement.frames)}
        kept, lost = dict[int, Recheck](), dict[int, Recheck]()
        for frame, verdict in heard.verdicts.items():
            position = frames.get(frame)
            if position is None:
                continue
            if same and heard.questions.get(frame) == questions.get(position) is not None:
                kept[position] = _recheck(verdict, captions.get(position, ""))
            else:
                lost[position] = Recheck(None, status=Status.DEGRADED, notes=(LOST.format(heard.model),))
        self.told = (f"{len(kept)} verdicts of {heard.model} are kept: their questions are the same",) if kept else ()
        if asks:
            if lost:
                self.told += (f"{len(lost)} verdicts of {heard.model} no longer apply, and are asked for anew",)
            kept_alone = replace(judgement, rechecks=kept)
            left = [replace(c, positions=p) for c in cases if (p := tuple(x for x in c.positions if x not in kept))]
            if not left:
                return take_over(judgement, kept, options, threshold), None
            return self.answered(kept_alone, left, captions, scene, settings, name)
        if lost:
            why = "their questions are others now" if same else "the rules that were shown are others now"
            more = f"{len(lost)} verdicts of {heard.model} no longer apply, since {why}, and are left out"
            self.told += (f"{more}; --llm {heard.model} asks anew",)
        return take_over(judgement, {**kept, **lost}, options, threshold), None


def _applied(
    before: RunReader,
    ruleset: RuleSet,
    run: RunFolder,
    settings: Settings,
    old_settings: Settings | None,
    scene_of: Callable[[str], str],
    asking: _Again,
) -> Iterator[VideoResult]:
    old = load_rules(before.path / RULES_FILE)
    for name, record in before.record.videos.items():
        if record.status is not VideoStatus.DONE:
            hint = "let that run come to its end first: the same command goes on"
            yield failed(name, record.source, DataError(f"is {record.status} in the run before", where=name, hint=hint))
            continue
        try:
            scene, reader = scene_rules(ruleset, scene_of(name)), before.video(name)
            old_scene = scene_rules(old, scene_of(name) if old.scenes else "")
            size = (record.width or 0, record.height or 0)
            start = datetime.fromisoformat(record.start) if record.start else None
            asking.heard = _heard(reader, old_scene, old_settings, size, start, before)
            times: Callable[[], FloatArray] = partial(_times, reader)
            judged = judge_video(reader.observations(), scene, settings, size, start, times, asking, name)
            notes = [*record.notes, *asking.told]
            if scene.person_height != old_scene.person_height:
                more = "speeds were measured with another person_height than these rules have; detect anew to be exact"
                notes.append(more)
            entry = replace(record, notes=notes_of(notes, scene, start, judged))
            write_judged(run.video_folder(name, record.source), run, name, judged, scene, settings, entry)
            yield result_of(name, record.source, judged, entry.notes)
        except DataError as error:
            yield failed(name, record.source, error)


def _heard(
    reader: VideoReader,
    scene: Scene,
    settings: Settings | None,
    size: tuple[int, int],
    start: datetime | None,
    before: RunReader,
) -> _Heard | None:
    """What a model said of a video, and what it was asked; None where none was heard."""
    verdicts = {v.frame: v for v in reader.verdicts() if v.votes or v.status is Status.UNPARSED}
    if not verdicts:
        return None
    told = before.record.command.get("settings", {}).get("models", {})
    model = str(told.get("llm") or "a model") if isinstance(told, dict) else "a model"
    if settings is None:  # of a version whose settings cannot be read: nothing is known of the questions
        return _Heard(model, verdicts, {}, ())
    words = Words(reader.observations())
    judgement = judge(words, scene.rules, judge_options(settings, scene), size, start)
    threshold = event_options(settings, scene).threshold
    cases = find_cases(judgement, words.captions(settings), scene.rules, threshold, recheck_options(settings))
    questions = {int(judgement.frames[p]): case.question for case in cases for p in case.positions}
    return _Heard(model, verdicts, questions, _shown(scene.rules))


def _shown(rules: Sequence[Rule]) -> tuple[tuple[str, str, str], ...]:
    """What a model is shown of rules."""
    return tuple((rule.id, rule.kind, rule.text) for rule in rules)


def _recheck(verdict: Verdict, caption: str) -> Recheck:
    """A verdict of before as an outcome of today."""
    hostile = HOSTILE in verdict.notes or bool(addresses_reader(caption))
    notes = verdict.notes if not hostile or HOSTILE in verdict.notes else (HOSTILE, *verdict.notes)
    sure = (verdict.probability or 0.0) > 0.5
    return Recheck(
        verdict.probability,
        verdict.probability_from,
        verdict.votes,
        tuple(e for e in verdict.evidence if e.quote is not None) if sure else (),
        verdict.rationale,
        verdict.status,
        verdict.raw,
        notes,
        hostile,
    )


def _settings_of(run: RunReader) -> Settings | None:
    """The settings of a run; None where they cannot be read."""
    told = run.record.command.get("settings")
    try:
        return Settings.model_validate(told if isinstance(told, dict) else {})
    except ValidationError:
        return None


def _times(reader: VideoReader) -> FloatArray:
    return reader.scores().times
