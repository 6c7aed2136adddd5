"""The first stage alone: videos in; captions of a model in a folder, for any rules and reasoning afterwards, out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruler.config import DEFAULTS, Settings
from ruler.errors import BudgetError, DataError, ModelError, RulerError, UsageError
from ruler.pipeline.captions import Tally, ask_again, completed, waiting
from ruler.pipeline.folders import JOURNAL, described, outcome_settings, prompt_hashes, spent_by
from ruler.pipeline.inputs import Input
from ruler.pipeline.models import ModelMaker, Models, make_model
from ruler.pipeline.watch import Watch
from ruler.progress import NoProgress, Progress
from ruler.rundir import CaptionRecord, RecordLog, RunFolder, VideoRecord, VideoStatus
from ruler.schema import Observation

SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Captioned:
    """What became of one video.

    Attributes:
        name: in the folder.
        file: its captions.
        captions: how many there are.
        reused: how many of them were taken over from a nearly identical frame.
        missing: captions that could not be had.
        again: those of them that the same call asks for again.
        notes: what a person should know.
        error: why it failed, or ended early.
    """

    name: str
    file: Path
    captions: int = 0
    reused: int = 0
    missing: int = 0
    again: int = 0
    notes: tuple[str, ...] = ()
    error: RulerError | None = None


def caption_to_folder(
    inputs: Sequence[Input],
    out: Path,
    settings: Settings = DEFAULTS,
    *,
    progress: Progress | None = None,
    make: ModelMaker = make_model,
    tell: Callable[[Models], None] = lambda _: None,
) -> Iterator[Captioned]:
    """Have frames captioned into a folder: `NAME.jsonl` for each video, one line a caption.

    A line holds the frame, its time, the caption, the model, the hash of the prompt, and the frame that the caption was
    written for where it was taken over. The folder is what `--captions` reads. The same call goes on where it stopped,
    and asks again for the captions that could not be had for a reason that may pass.

    Args:
        inputs: videos; see `gather`.
        out: the folder.
        settings: name the model, and say which frames.
        progress: where to say how far it is.
        make: makes the model.
        tell: called with the models before they are closed.

    Yields:
        What became of each video; after one whose error is a BudgetError or ModelError nothing follows.

    Raises:
        UsageError: no model for pictures is named.
        RunFolderError: the folder is another run's.
    """
    if not settings.models.vlm:
        raise UsageError("no model to caption frames", where="--vlm", hint="e.g. --vlm http://localhost:8000/v1#NAME")
    shown = progress or NoProgress()
    # Without facts to show beside the picture nothing needs to be measured.
    inputs = [replace(source, motion=settings.caption.facts) for source in inputs]
    asked: dict[str, Any] = {
        "command": "caption",
        "inputs": {source.name: described(source) for source in inputs},
        "settings": outcome_settings(settings, ("video", "motion", "models", "caption")),
        **prompt_hashes(settings, ("caption",)),
    }
    with (
        RunFolder.open(out, asked) as run,
        Models(settings, spent=spent_by(run), make=make, journal=run.path / JOURNAL) as models,
    ):
        ended = False
        try:
            for source in inputs:
                done = _caption(source, out, run, settings, models, shown)
                yield done
                if isinstance(done.error, (BudgetError, ModelError)):
                    break
            else:
                ended = True
        finally:
            models.close()  # calls that this cuts off are counted too
            run.add_usage(models.usage)
        tell(models)
        if ended:
            run.finish()


def _caption(
    source: Input, out: Path, run: RunFolder, settings: Settings, models: Models, progress: Progress
) -> Captioned:
    file = out / f"{source.name}{SUFFIX}"
    known = run.record.videos.get(source.name, VideoRecord())
    done = known.status is VideoStatus.DONE
    log = RecordLog(file)
    try:
        _mend(source, file, log, settings, models)
        if done:
            return _counted(source.name, file, known.notes)
        with Watch(source, settings, None, models) as watch:
            after = log.last_frame if log.last_frame is not None else -1
            advance = progress.task(f"{source.name}: captioning", watch.info.frames)
            model, prompt = settings.models.vlm or "", models.prompts.hash("caption")
            log.append(_records(watch, after, model, prompt, advance))
            record = VideoRecord(
                source.source, VideoStatus.DONE, len(watch.times()), frame_rate=watch.info.frame_rate, notes=watch.notes
            )
        run.set_video(source.name, record)
    except (BudgetError, ModelError) as error:
        if not done:
            run.set_video(source.name, VideoRecord(source.source, error=str(error)))
        return _counted(source.name, file, known.notes, error)
    except DataError as error:
        if done:
            return _counted(source.name, file, known.notes, error)
        run.set_video(source.name, VideoRecord(source.source, VideoStatus.FAILED, error=str(error)))
        return Captioned(source.name, file, error=error)
    finally:
        log.close()
    return _counted(source.name, file, record.notes)


def _mend(source: Input, file: Path, log: RecordLog, settings: Settings, models: Models) -> None:
    """Ask again for the captions that the file lacks."""
    records = CaptionRecord.read(file)
    frames = waiting(records)

    def keep(fresh: Mapping[int, Observation]) -> None:
        if fresh:
            log.rewrite(completed(records, fresh))

    if frames:
        ask_again(source, settings, models, frames, keep)


def _records(
    watch: Watch, after: int, model: str, prompt: str, advance: Callable[[int], None]
) -> Iterator[CaptionRecord]:
    last = -1
    for observation in watch.observations(after):
        advance(observation.frame - last)
        last = observation.frame
        if observation.caption or observation.unanswered:
            yield CaptionRecord(
                observation.frame,
                observation.time,
                observation.caption,
                model,
                prompt,
                observation.caption_from,
                observation.unanswered,
                observation.ask_again,
            )


def _counted(name: str, file: Path, notes: Sequence[str], error: RulerError | None = None) -> Captioned:
    tally = Tally()
    for record in CaptionRecord.read(file):
        tally.see(record)
    told = (*notes, *tally.notes)
    return Captioned(name, file, tally.captions, tally.reused, tally.missing, tally.again, told, error)
