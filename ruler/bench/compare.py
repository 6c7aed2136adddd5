"""The folders of two runs in; which frames and events differ and, where labels are known, which one is better, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ruler.bench import metrics as m
from ruler.bench.result import plain
from ruler.bench.run import LABELS_FILE
from ruler.errors import DataError
from ruler.rundir import RunReader, VideoStatus
from ruler.schema import BoolArray, Event, FloatArray

SCHEMA = 1
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class EventPair:
    """An event of either run, and the one of the other that it meets, if any; frames are half-open."""

    first: tuple[int, int] | None
    second: tuple[int, int] | None

    @property
    def same(self) -> bool:
        """Whether both runs found it, with the very same frames."""
        return self.first == self.second


@dataclass(frozen=True, slots=True)
class VideoDifference:
    """How two runs differ on one video.

    Attributes:
        name: of the video.
        frames: of the video.
        differing: frames inside an event of one run and of none of the other.
        largest: the largest difference of scores, and the frame where it is; None for an empty video.
        stretches: runs of differing frames: start, end, and which run flags them ("first" or "second").
        events: all events of both, in the order of time.
    """

    name: str
    frames: int
    differing: int
    largest: tuple[float, int] | None
    stretches: tuple[tuple[int, int, str], ...]
    events: tuple[EventPair, ...]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Measures of both runs on the same labelled videos, and what the second gains; AUCs are fractions or None."""

    first: Mapping[str, float | None]
    second: Mapping[str, float | None]
    micro_auc: m.Difference
    macro_auc: m.Difference
    within_auc: m.Difference
    videos: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `ruler compare` prints.

    Attributes:
        first: folder of one run.
        second: folder of the other.
        videos: those that both have.
        only_first: videos that the second lacks.
        only_second: videos that the first lacks.
        accuracy: None where no labels are known.
    """

    first: str
    second: str
    videos: tuple[VideoDifference, ...]
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
    accuracy: Accuracy | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON: the keys are the attributes; intervals are [low, high]."""
        return {"schema": SCHEMA, **{name: plain(getattr(self, name)) for name in self.__dataclass_fields__}}


@dataclass(frozen=True, slots=True)
class _Video:
    scores: FloatArray
    times: FloatArray
    events: tuple[Event, ...]
    labels: BoolArray | None

    @property
    def spans(self) -> list[tuple[int, int]]:
        return [(e.start_frame, e.end_frame) for e in self.events if e.kind == "anomaly"]

    @property
    def flagged(self) -> BoolArray:
        flags = np.zeros(len(self.scores), bool)
        for start, end in self.spans:
            flags[start:end] = True
        return flags


def compare_runs(first: Path | str, second: Path | str, labels: Path | str | None = None) -> Comparison:
    """Compare the runs of two folders, of `ruler detect` or of `ruler bench -o`.

    Args:
        first: one run's folder.
        second: the other's.
        labels: folder of VIDEO.npy, 0 or 1 for each frame; a bench run brings its own.

    Raises:
        DataError: a folder holds no run, both have no video in common, or a video has not the same number of frames.
    """
    a, b = _finished(RunReader(first)), _finished(RunReader(second))
    both = sorted(set(a.names) & set(b.names))
    if not both:
        hint = "compare runs of the same videos; names come from the files"
        raise DataError("no finished video that both runs have", where=f"{first} and {second}", hint=hint)
    folder = Path(labels) if labels is not None else None
    if folder is not None and not folder.is_dir():
        raise DataError("no such folder of labels", where=folder, hint="name the folder that holds VIDEO.npy")
    pairs = {name: (_read(a.reader, name, folder), _read(b.reader, name, folder)) for name in both}
    for name, (one, other) in pairs.items():
        if len(one.scores) != len(other.scores):
            what = f"{len(one.scores)} frames in one run, {len(other.scores)} in the other"
            raise DataError(what, where=f"video {name}", hint="compare runs of the same videos")
    return Comparison(
        first=str(first),
        second=str(second),
        videos=tuple(_difference(name, *pair) for name, pair in pairs.items()),
        only_first=tuple(sorted(set(a.names) - set(both))),
        only_second=tuple(sorted(set(b.names) - set(both))),
        accuracy=_accuracy(list(pairs.values())),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    reader: RunReader
    names: tuple[str, ...]


def _finished(reader: RunReader) -> _Run:
    return _Run(reader, tuple(n for n, r in reader.record.videos.items() if r.status is VideoStatus.DONE))


def _read(run: RunReader, name: str, labels: Path | None) -> _Video:
    video = run.video(name)
    scores = video.scores()
    place = labels / f"{name}.npy" if labels is not None else video.path / LABELS_FILE
    return _Video(scores.scores, scores.times, tuple(video.events()), _labels(place, len(scores.scores)))


def _labels(path: Path, frames: int) -> BoolArray | None:
    if not path.is_file():
        return None
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as labels ({error})", where=path, hint="write them by numpy.save") from None
    if array.shape != (frames,) or not np.isin(array, (0, 1)).all():
        hint = f"this video has {frames} frames"
        raise DataError("not one 0 or 1 for every frame", where=path, hint=hint)
    return np.asarray(array, bool)


def _difference(name: str, one: _Video, other: _Video) -> VideoDifference:
    ours, theirs = one.flagged, other.flagged
    runs = [(a, b, "first") for a, b in m.stretches(ours & ~theirs)]
    runs += [(a, b, "second") for a, b in m.stretches(theirs & ~ours)]
    gap = np.abs(one.scores - other.scores)
    return VideoDifference(
        name=name,
        frames=len(ours),
        differing=int((ours != theirs).sum()),
        largest=(float(gap.max()), int(gap.argmax())) if len(gap) else None,
        stretches=tuple(sorted(runs)),
        events=_paired(one.spans, other.spans),
    )


def _paired(first: Sequence[tuple[int, int]], second: Sequence[tuple[int, int]]) -> tuple[EventPair, ...]:
    """Events of both, those that overlap the most together, each with at most one."""
    overlaps = [(m.temporal_iou(a, b), i, j) for i, a in enumerate(first) for j, b in enumerate(second)]
    left, right, pairs = set(range(len(first))), set(range(len(second))), []
    for overlap, i, j in sorted(overlaps, key=lambda o: (-o[0], o[1], o[2])):
        if overlap > 0 and i in left and j in right:
            pairs.append(EventPair(first[i], second[j]))
            left.remove(i)
            right.remove(j)
    pairs += [EventPair(first[i], None) for i in left] + [EventPair(None, second[j]) for j in right]
    return tuple(sorted(pairs, key=lambda p: (p.first or p.second or (0, 0), p.first is None)))


def _accuracy(pairs: Sequence[tuple[_Video, _Video]]) -> Accuracy | None:
    known = [(a, b, y) for a, b in pairs if (y := a.labels if a.labels is not None else b.labels) is not None]
    for a, b, _ in known:
        if a.labels is not None and b.labels is not None and not np.array_equal(a.labels, b.labels):
            hint = "measure both by the same --ground-truth, or give --labels"
            raise DataError("the runs were measured by different labels", hint=hint)
    if not known:
        return None
    labels = [y for _, _, y in known]
    one, other = [a.scores for a, _, _ in known], [b.scores for _, b, _ in known]
    return Accuracy(
        first=_measures(labels, [a for a, _, _ in known]),
        second=_measures(labels, [b for _, b, _ in known]),
        micro_auc=m.paired_difference(labels, one, other, "micro"),
        macro_auc=m.paired_difference(labels, one, other, "macro"),
        within_auc=m.paired_difference(labels, one, other, "within"),
        videos=len(known),
    )


def _measures(labels: Sequence[BoolArray], videos: Sequence[_Video]) -> dict[str, float | None]:
    scores, times = [v.scores for v in videos], [v.times for v in videos]
    spans = [v.spans for v in videos]
    true = [m.seconds_of(m.stretches(y), t) for y, t in zip(labels, times, strict=True)]
    found = [m.seconds_of(s, t) for s, t in zip(spans, times, strict=True)]
    alarms = m.alarm_rate(labels, spans, times)
    return {
        "micro_auc": m.micro_auc(labels, scores),
        "macro_auc": m.macro_auc(labels, scores),
        "within_auc": m.within_auc(labels, scores),
        "ap": m.average_precision(labels, scores),
        "eer": m.equal_error_rate(labels, scores),
        "alarms_per_hour": alarms.per_hour,
        "recall": alarms.recall,
        "event_f1": m.event_measures(true, found, 0.5).f1,
    }


def as_text(comparison: Comparison) -> str:
    """For a terminal: first what is better, then where the runs differ."""
    lines = [f"first: {comparison.first}", f"second: {comparison.second}"]
    for which, names in (("first", comparison.only_first), ("second", comparison.only_second)):
        if names:
            lines.append(f"only in the {which}: {', '.join(names)}")
    if comparison.accuracy is not None:
        lines += ["", *_accuracy_text(comparison.accuracy)]
    frames = sum(v.frames for v in comparison.videos)
    differing = sum(v.differing for v in comparison.videos)
    pairs = [pair for v in comparison.videos for pair in v.events]
    lines += ["", f"{differing} of {frames} frames are inside an event of one run alone"]
    same, alone = (
        sum(p.same for p in pairs),
        [sum(p.second is None for p in pairs), sum(p.first is None for p in pairs)],
    )
    moved = len(pairs) - same - sum(alone)
    lines.append(
        f"events: {same} the same, {moved} moved, {alone[0]} in the first alone, {alone[1]} in the second alone"
    )
    for video in comparison.videos:
        lines += _video_text(video)
    return "\n".join(lines)


def _accuracy_text(accuracy: Accuracy) -> list[str]:
    def cell(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    lines = [f"{accuracy.videos} labelled videos     first   second  second − first"]
    for name, value in accuracy.first.items():
        line = f"  {name:<20} {cell(value):>7} {cell(accuracy.second[name]):>8}"
        gain = getattr(accuracy, name, None)
        if isinstance(gain, m.Difference) and gain.difference is not None:
            spans = [
                f"{level} % {span.low:+.3f} to {span.high:+.3f}"
                for level, span in ((95, gain.ci95), (90, gain.ci90))
                if span.low is not None and span.high is not None
            ]
            p_value = "" if gain.p_value is None else f", p {gain.p_value:.3f}"
            line += f"  {gain.difference:+.3f}  ({', '.join(spans) or 'no interval'}{p_value}; paired, over videos)"
        lines.append(line)
    return lines


def _video_text(video: VideoDifference) -> list[str]:
    if not video.differing and all(pair.same for pair in video.events):
        return []
    lines = [f"{video.name}: {video.differing} of {video.frames} frames differ"]
    if video.largest is not None:
        lines[0] += f", scores by up to {video.largest[0]:.3f} (frame {video.largest[1]})"
    changed = [pair for pair in video.events if not pair.same]
    for pair in changed[:MOST_SHOWN]:
        first, second = (f"frames {s[0]} to {s[1]}" if s else "nothing" for s in (pair.first, pair.second))
        lines.append(f"  first {first}, second {second}")
    if len(changed) > MOST_SHOWN:
        lines.append(f"  and {len(changed) - MOST_SHOWN} more; --json lists all")
    return lines
