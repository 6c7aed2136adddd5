"""The report of a run: its folder in; key frames and `report.html` in the same folder out."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from ruler.errors import DataError, RulerError
from ruler.report.html import write_report
from ruler.report.keyframes import draw_keyframe
from ruler.report.model import RuleRow, RunView, VideoView
from ruler.rules.io import load_rules
from ruler.rules.model import Rule, RuleSet
from ruler.rules.show import condition_in_words
from ruler.rundir import RunReader, RunRecord, VideoReader, VideoRecord, VideoStatus
from ruler.schema import BoolArray, Event
from ruler.video import open_video

REPORT = "report.html"
MOST_KEY_FRAMES = 60
"""Key frames of a video; with more events, those of the largest scores."""


def report_run(folder: Path, labels: Path | None = None) -> Path:
    """Write the report of a finished run, drawing the key frames that are missing.

    Args:
        folder: of the run.
        labels: folder of VIDEO.npy, 0 or 1 for each frame, to be drawn beside the scores; None for none.

    Returns:
        The page.

    Raises:
        DataError: the folder holds no run, a file of it is broken, or labels do not fit a video.
    """
    if labels is not None and not labels.is_dir():
        raise DataError("no such folder of labels", where=labels, hint="name the folder that holds VIDEO.npy")
    reader = RunReader(folder)
    ruleset = load_rules(folder / "rules.yaml")
    videos = tuple(_video(reader, name, record, labels) for name, record in reader.record.videos.items())
    fired = Counter(rule for video in videos for event in video.events for rule in event.rules)
    rules = tuple(_row(rule, fired[rule.id]) for rule in _all_rules(ruleset))
    view = RunView(
        title=ruleset.scene or "Ruler's findings",
        created=datetime.fromisoformat(reader.record.created),
        command_line_summary=_command(reader.record, folder),
        rules=rules,
        videos=videos,
        notes=_asked(reader.record),
    )
    return write_report(view, folder / REPORT)


def _all_rules(ruleset: RuleSet) -> list[Rule]:
    named = [
        rule.model_copy(update={"text": f"{name}: {rule.text}"})
        for name, s in ruleset.scenes.items()
        for rule in s.rules
    ]
    return [*ruleset.rules, *named]


def _row(rule: Rule, fired: int) -> RuleRow:
    return RuleRow(
        id=rule.id,
        kind=rule.kind,
        subject=rule.subject,
        text=rule.text,
        limit=condition_in_words(rule) or None,
        support=(rule.support.votes, rule.support.of) if rule.support else None,
        false_alarms=(rule.false_alarms.count, rule.false_alarms.of, rule.false_alarms.by)
        if rule.false_alarms
        else None,
        fired=fired,
    )


def _video(reader: RunReader, name: str, record: VideoRecord, labels: Path | None) -> VideoView:
    rate = record.frame_rate or 25.0
    if record.status is not VideoStatus.DONE:
        status = record.error or str(record.status)
        return VideoView(name, record.frames, rate, None, status=status, notes=record.notes)
    video = reader.video(name)
    scores, events = video.scores(), tuple(video.events())
    truth = _truth(labels, name, len(scores.scores)) if labels is not None else None
    known = truth is not None and 0 < truth.mean() < 1
    return VideoView(
        name=name,
        frames=len(scores.scores),
        frame_rate=rate,
        scores=scores,
        events=events,
        key_frames=_key_frames(video, record, events, reader.path),
        notes=record.notes,
        truth=_intervals(truth) if truth is not None else None,
        auc=float(roc_auc_score(truth, scores.scores)) if known else None,
    )


def _key_frames(video: VideoReader, record: VideoRecord, events: tuple[Event, ...], folder: Path) -> dict[int, str]:
    """Draw what is missing; a video that is gone, or whose frame cannot be read again, goes without pictures."""
    chosen = sorted(events, key=lambda event: -event.peak_score)[:MOST_KEY_FRAMES]
    places = {event.key_frame: video.path / "keyframes" / f"{event.key_frame:07d}.jpg" for event in chosen}
    missing = {event.key_frame: event for event in chosen if not places[event.key_frame].exists()}
    if missing and record.source and Path(record.source).exists():
        try:
            with open_video(Path(record.source), frame_rate=record.frame_rate) as opened:
                for frame in opened.frames_at(missing):
                    draw_keyframe(frame, missing[frame.index], places[frame.index])
        except RulerError:
            pass
    return {frame: str(place.relative_to(folder)) for frame, place in places.items() if place.exists()}


def _truth(labels: Path, name: str, frames: int) -> BoolArray | None:
    path = labels / f"{name}.npy"
    if not path.exists():
        return None
    try:
        known = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as labels ({error})", where=path, hint="save it with numpy.save") from None
    if known.shape != (frames,):
        raise DataError(
            f"has labels for {known.shape} frames, the video has {frames}", where=path, hint="one 0 or 1 per frame"
        )
    return np.asarray(known > 0)


def _intervals(truth: BoolArray) -> tuple[tuple[int, int], ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], truth.astype(np.int8), [0]])))
    return tuple((int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))


def _command(record: RunRecord, folder: Path) -> str:
    inputs = record.command.get("inputs", {})
    sources = [str(item.get("source", "")) if isinstance(item, dict) else str(item) for item in inputs.values()]
    shown = " ".join(sources[:3]) + (" …" if len(sources) > 3 else "")
    models = "".join(f" --{name} {model}" for name, model in _models(record).items())
    return f"ruler {record.command.get('command', 'detect')} {shown} --rules rules.yaml{models} -o {folder}"


def _models(record: RunRecord) -> dict[str, str]:
    """The models that a run names: "vlm" and "llm", as far as it has them."""
    settings = record.command.get("settings")
    given = settings.get("models", {}) if isinstance(settings, dict) else {}
    return {name: str(given[name]) for name in ("vlm", "llm") if isinstance(given, dict) and given.get(name)}


def _asked(record: RunRecord) -> tuple[str, ...]:
    """What was asked of models and what it cost, and what could not be had."""
    models, usage = _models(record), record.usage
    if not models or not (usage.calls or usage.cached or usage.replayed):
        return ("No chat model was asked: perception and judgement are model-free.",)
    replayed = all(model.startswith("replay:") for model in models.values())
    who = "A model's recorded replies, replayed" if replayed else " and ".join(dict.fromkeys(models.values()))
    tokens = usage.prompt_tokens + usage.completion_tokens
    apart = f"{usage.cached} more answered from the cache"
    apart += f", {usage.replayed} replayed from a recording" if usage.replayed else ""
    notes = [f"{who}: {usage.calls} calls, {apart}, {tokens:,} tokens, ${usage.cost:.4f}."]
    for name, what in (("degraded", "no model was heard"), ("unparsed", "the replies could not be used")):
        count = sum(getattr(video, name) for video in record.videos.values())
        if count:
            notes.append(f"{count} verdicts are {name}: {what}, and the initial finding stands.")
    return tuple(notes)
