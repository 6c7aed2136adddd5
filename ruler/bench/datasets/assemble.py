"""An official layout, as its adapter found it, in; the dataset with its records and labels, each checked, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ruler.bench.datasets.base import BenchDataset, BenchVideo, GroundTruth
from ruler.bench.datasets.counting import Count, count_captions, count_frames
from ruler.bench.datasets.listing import Canonical, Records, as_it_is, counted, find_records, some
from ruler.bench.datasets.truth import LABELS, TruthSource, label_files
from ruler.errors import DataError
from ruler.perception.recorded import CAPTION_SUFFIXES, find_record
from ruler.schema import BoolArray


@dataclass(frozen=True, slots=True)
class Layout:
    """What an adapter found of an official layout, before records and labels beside it are looked at.

    Attributes:
        name: of the dataset.
        root: its folder.
        training: name → video file or folder of pictures.
        testing: the same for the test videos.
        official: official sources of labels, the best one first.
        training_place: where training videos belong, for a person ("training_videos/NN.avi").
        testing_place: where test videos belong.
        truth_place: where the official labels belong.
        canonical: file name → name of the video.
        frame_rate: frames per second of what carries no rate of its own.
        scene_from: regular expression that takes the scene from a video's name.
    """

    name: str
    root: Path
    training: Mapping[str, Path]
    testing: Mapping[str, Path]
    official: Sequence[TruthSource]
    training_place: str
    testing_place: str
    truth_place: str
    canonical: Canonical = as_it_is
    frame_rate: float | None = None
    scene_from: str | None = None


@dataclass(slots=True)
class _Findings:
    """What turns up while labels are read.

    Attributes:
        used: title of a source → number of videos labelled by it.
        differing: titles of two sources → video → number of frames in which they differ.
        notes: one sentence each.
    """

    used: Counter[str] = field(default_factory=Counter)
    differing: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def sentences(self) -> list[str]:
        """All notes."""
        told = [
            f"{used}, which are used, and {other} differ in {counted(sum(frames.values()), 'frame')} of "
            + ", ".join(f"{video} ({n})" for video, n in frames.items())
            for (used, other), frames in self.differing.items()
        ]
        return [*told, *self.notes]


def assemble(layout: Layout, ground_truth: GroundTruth) -> BenchDataset:
    """Put a dataset together: which videos there are, and the labels of each.

    A test video is one of which anything is there: pictures, captions, tracks or detections. Captions lie in one folder
    for both parts; those of a training video that no labels speak of are no test video.

    Args:
        layout: what the adapter found.
        ground_truth: which labels are used. Those that are not used are compared with them, and differences noted.

    Returns:
        The dataset.

    Raises:
        DataError: there is no test video, one without labels, or labels that do not fit its length.
    """
    records = find_records(layout.root, layout.canonical)
    beside = label_files(layout.root / "labels", canonical=layout.canonical)
    sources = [*([beside] if beside else []), *layout.official]
    used = [s for s in sources if ground_truth == "auto" or (s is beside) == (ground_truth == "labels")]
    spoken_of = frozenset[str]().union(*(s.videos for s in sources))
    training = {*layout.training, *records.training}
    testing = {*layout.testing, *records.testing, *(records.captions - (training - spoken_of))}
    _refuse_gaps(layout, ground_truth, testing, used)
    findings = _Findings()
    videos = tuple(_testing_video(layout, records, name, used, sources, findings) for name in sorted(testing))
    notes = findings.sentences() + _absences(layout, training, testing, sources)
    return BenchDataset(
        name=layout.name,
        root=layout.root,
        ground_truth=_told(findings.used),
        training=tuple(BenchVideo(name, layout.training.get(name)) for name in sorted(training)),
        testing=videos,
        frame_rate=layout.frame_rate,
        scene_from=layout.scene_from,
        notes=tuple(notes),
    )


def _refuse_gaps(layout: Layout, ground_truth: GroundTruth, testing: set[str], sources: Sequence[TruthSource]) -> None:
    """Raise where there is no test video, or one without labels."""
    if not testing:
        raise DataError(
            f"no test video of '{layout.name}' in this folder",
            where=layout.root,
            hint=f"put the pictures at {layout.testing_place}, or records at captions/, tracks/testing/ or "
            "detections/testing/",
        )
    without = testing - frozenset[str]().union(*(s.videos for s in sources))
    if without:
        places = {"labels": ["labels/VIDEO.npy"], "official": [layout.truth_place]}
        wanted = places.get(ground_truth) or [layout.truth_place, "labels/VIDEO.npy"]
        raise DataError(
            f"no labels for {len(without)} of {len(testing)} test videos ({some(without)})",
            where=layout.root,
            hint=f"they belong at {' or '.join(wanted)}; or take these videos and their records away",
        )


def _testing_video(
    layout: Layout,
    records: Records,
    name: str,
    used: Sequence[TruthSource],
    sources: Sequence[TruthSource],
    findings: _Findings,
) -> BenchVideo:
    pictures = layout.testing.get(name)
    captions = find_record(layout.root / "captions", name, CAPTION_SUFFIXES) if name in records.captions else None
    counts = [*([count_frames(pictures)] if pictures else []), *([count_captions(captions)] if captions else [])]
    source = next(s for s in used if name in s.videos)
    labels, note = source.read(name, _length(name, counts, sources))
    _refuse_misfit(name, len(labels), source.title, pictures, counts, layout.root)
    findings.used[source.title] += 1
    findings.notes += [note] if note else []
    for other in sources:
        if other is not source and name in other.videos:
            _compare(name, labels, source, other, findings)
    return BenchVideo(name, pictures, labels)


def _length(name: str, counts: Sequence[Count], sources: Sequence[TruthSource]) -> int | None:
    """Number of frames, for sources that hold intervals alone; None where nothing tells."""
    exact = next((count.frames for count in counts if count.exact), None)
    if exact is not None:
        return exact
    beside = next((s for s in sources if s.title == LABELS and name in s.videos), None)
    return len(beside.read(name, None).labels) if beside else None


def _refuse_misfit(
    name: str, labels: int, title: str, pictures: Path | None, counts: Sequence[Count], root: Path
) -> None:
    """Raise where labels are more or fewer than the frames of the video."""
    for count in counts:
        if count.fits(labels):
            continue
        if count.where == pictures:
            count = count_frames(pictures, expected=labels)
            if count.fits(labels):
                continue
        raise DataError(
            f"video {name} has {labels} labels ({title}), but {count}",
            where=root,
            hint="take both from the same copy of the dataset, or give labels of the right length in "
            f"labels/{name}.npy",
        )


def _compare(name: str, labels: BoolArray, source: TruthSource, other: TruthSource, findings: _Findings) -> None:
    """Note where a source that is not used says otherwise, or cannot be read."""
    try:
        others = other.read(name, len(labels)).labels
    except DataError as error:
        findings.notes.append(f"{other.title} of video {name}, which are not used: {error}")
        return
    if len(others) != len(labels):
        findings.notes.append(
            f"{other.title} of video {name}, which are not used, cover {len(others)} frames, not {len(labels)}"
        )
    elif differing := int(np.count_nonzero(labels != others)):
        findings.differing.setdefault((source.title, other.title), {})[name] = differing


def _absences(layout: Layout, training: set[str], testing: set[str], sources: Sequence[TruthSource]) -> list[str]:
    """Notes on what is not there."""
    notes = [
        f"neither pictures nor records are here of {counted(len(absent), 'video')} that {source.title} speaks of: "
        f"{some(absent)}"
        for source in sources
        if (absent := source.videos - testing)
    ]
    if not training:
        notes.append(f"no training part: normal videos belong at {layout.training_place}")
    return notes


def _told(used: Counter[str]) -> str:
    """What tables say the labels were read from."""
    if len(used) == 1:
        return next(iter(used))
    return ", ".join(f"{title} ({counted(n, 'video')})" for title, n in used.items())
