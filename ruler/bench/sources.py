"""A dataset's folder and what of it may be used in; the perception that is used, and the pipeline's inputs, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ruler.bench.datasets import BenchDataset, BenchVideo
from ruler.config import Settings
from ruler.errors import DataError, UsageError
from ruler.perception.motion import SceneGeometry
from ruler.perception.recorded import CAPTION_SUFFIXES, MOT_SUFFIXES, find_record, record_names
from ruler.pipeline import Input, Records, Watch
from ruler.schema import FloatArray, Observation, VideoInfo
from ruler.video import open_video

USES = ("captions", "tracks", "detections", "pixels")
"""What `--use` may name."""

ASSUMED_FRAME_RATE = 25.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Which perception is used.

    Attributes:
        captions: recorded captions.
        tracks: recorded tracks.
        detections: recorded boxes.
        pixels: motion measured in the pictures.
    """

    captions: bool = False
    tracks: bool = False
    detections: bool = False
    pixels: bool = False

    @property
    def boxes(self) -> bool:
        """Whether boxes were recorded."""
        return self.tracks or self.detections

    @property
    def motion(self) -> bool:
        """Whether anything tells how things move."""
        return self.boxes or self.pixels

    def __str__(self) -> str:
        """As in "captions+tracks"."""
        return "+".join(name for name in USES if getattr(self, name))


def choose_sources(dataset: BenchDataset, videos: Sequence[BenchVideo], use: Sequence[str] | None) -> Sources:
    """Say which perception is used: what the folder holds, narrowed by what was asked for.

    Pixels are used where they are asked for, or where there are no boxes and every video has pictures.

    Args:
        dataset: with the records beside it.
        videos: those that are measured.
        use: of `USES`; None for all that is there.

    Raises:
        UsageError: an unknown name, boxes and pixels at once, or nothing that could be used.
        DataError: what is used lacks some of the videos.
    """
    unknown = [name for name in use or () if name not in USES]
    if unknown:
        raise UsageError(f"no perception '{unknown[0]}'", where="--use", hint=f"any of {', '.join(USES)}")
    there = {name for name in USES[:3] if _folder(dataset.root, name, "testing").is_dir()}
    chosen = set(there if use is None else use)
    if use is None and not chosen & {"tracks", "detections"} and _all_pictures(videos):
        chosen.add("pixels")
    if "pixels" in chosen and chosen & {"tracks", "detections"}:
        raise UsageError("boxes and pixels exclude one another", where="--use", hint="name one of them")
    if not chosen:
        hint = "put captions/, tracks/testing/ or detections/testing/ beside the official layout, or the pictures"
        raise DataError("holds nothing to look at", where=dataset.root, hint=hint)
    for name in sorted(chosen - {"pixels"}):
        _refuse_gaps(dataset.root, name, videos)
    if "pixels" in chosen and not _all_pictures(videos):
        without = [video.name for video in videos if video.pictures is None]
        what = f"no pictures of {len(without)} of {len(videos)} videos ({_some(without)})"
        raise DataError(what, where=dataset.root, hint="add them, or measure the others with --videos")
    return Sources(*(name in chosen for name in USES))


def test_input(root: Path, video: BenchVideo, sources: Sources) -> Input:
    """A measured video as the pipeline takes it."""
    return Input(video.name, video.pictures if sources.pixels else None, _records(root, sources, "testing"))


def training_inputs(reference: BenchDataset, sources: Sources) -> list[Input]:
    """The normal reference for motion: the training part, without captions, in the order of names.

    Empty where there is none of the kind that is used.
    """
    motion = replace(sources, captions=False)
    if not motion.motion:
        return []
    known = {video.name: video for video in reference.training}
    if motion.pixels:
        return [Input(name, video.pictures) for name, video in sorted(known.items()) if video.pictures is not None]
    records = _records(reference.root, motion, "training")
    if any(place is not None and not place.is_dir() for place in (records.tracks, records.detections)):
        return []
    names = records.perceiver(None).names()
    return [Input(name, None, records) for name in sorted(names) if not known or name in known]


def captioned(dataset: BenchDataset) -> list[BenchVideo]:
    """Labelled videos that have captions, in the order of names."""
    folder = dataset.root / "captions"
    names = set(record_names(folder, CAPTION_SUFFIXES)) if folder.is_dir() else set()
    return sorted((v for v in dataset.testing if v.name in names and v.labels is not None), key=lambda v: v.name)


def caption_file(dataset: BenchDataset, video: str) -> Path:
    """The captions of a video."""
    return find_record(dataset.root / "captions", video, CAPTION_SUFFIXES)


def rate_of_records(dataset: BenchDataset, videos: Sequence[BenchVideo], settings: Settings) -> float:
    """Frames per second of records: as set, as usual for the dataset, or as the first video file says; else 25."""
    if settings.video.frame_rate or dataset.frame_rate:
        return settings.video.frame_rate or dataset.frame_rate or ASSUMED_FRAME_RATE
    file = next((v.pictures for v in videos if v.pictures is not None and v.pictures.is_file()), None)
    if file is None:
        return ASSUMED_FRAME_RATE
    with open_video(file) as video:
        return video.info.frame_rate


def observe(
    source: Input,
    frames: int,
    settings: Settings,
    rate: float,
    geometry: SceneGeometry | None = None,
    captions_every: int = 1,
) -> tuple[list[Observation], FloatArray, tuple[int, int]]:
    """Look at one video.

    Args:
        source: the video, or its records.
        frames: T, as labelled.
        settings: of perception.
        rate: frames per second of records.
        geometry: how tall people are in the scene.
        captions_every: captions of every k-th frame are kept, the others dropped.

    Returns:
        Its observations, the time (T,) of every frame in seconds, and width and height of the picture in pixels, (0, 0)
        where unknown.

    Raises:
        DataError: it cannot be read, or has another number of frames than labels.
    """
    if source.video is None:
        info = VideoInfo(source.name, source.source, 0, 0, rate, frames=frames)
        seen = list(source.records.perceiver(rate).observe(info))
        times, size = _times(seen, frames, rate), (0, 0)
    else:
        with Watch(source, settings, geometry) as watch:
            seen = list(watch.observations())
            times, size = watch.times(), (watch.info.width, watch.info.height)
        if len(times) != frames:
            hint = "labels and pictures must be of the same copy of the dataset"
            raise DataError(f"{len(times)} frames, but {frames} labels", where=source.source, hint=hint)
        if not source.records.captions:
            seen = [replace(o, caption=None) for o in seen]
    return [_thinned(o, captions_every) for o in seen], times, size


def _thinned(observation: Observation, every: int) -> Observation:
    return observation if observation.frame % every == 0 else replace(observation, caption=None)


def _times(seen: Sequence[Observation], frames: int, rate: float) -> FloatArray:
    """Seconds of every frame: as observed, and interpolated between."""
    steady = np.arange(frames) / rate
    if not seen:
        return steady
    at = np.array([o.frame for o in seen])
    late = np.array([o.time for o in seen]) - at / rate
    return np.asarray(steady + np.interp(np.arange(frames), at, late), float)


def _records(root: Path, sources: Sources, part: str) -> Records:
    return Records(**{name: _folder(root, name, part) for name in USES[:3] if getattr(sources, name)})


def _folder(root: Path, kind: str, part: str) -> Path:
    return root / kind if kind == "captions" else root / kind / part


def _all_pictures(videos: Sequence[BenchVideo]) -> bool:
    return bool(videos) and all(video.pictures is not None for video in videos)


def _refuse_gaps(root: Path, kind: str, videos: Sequence[BenchVideo]) -> None:
    folder = _folder(root, kind, "testing")
    if not folder.is_dir():
        raise DataError(f"no such folder, but --use names {kind}", where=folder, hint="name what is there with --use")
    there = set(record_names(folder, CAPTION_SUFFIXES if kind == "captions" else MOT_SUFFIXES))
    without = [video.name for video in videos if video.name not in there]
    if without:
        what = f"no {kind} of {len(without)} of {len(videos)} videos ({_some(without)})"
        raise DataError(what, where=folder, hint="add them, measure the others with --videos, or narrow --use")


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def spread_evenly(names: Sequence[str], folds: int) -> Iterator[tuple[str, int]]:
    """The fold of each video: sorted by name, index mod K."""
    return ((name, i % folds) for i, name in enumerate(sorted(names)))
