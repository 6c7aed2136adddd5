"""What a person names on the command line in; the videos and records to look at, each with its name in the run, out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruler.config import DEFAULTS, Settings
from ruler.errors import RulerError, UsageError
from ruler.perception.recorded import RecordedPerceiver
from ruler.schema import Picture
from ruler.video import find_videos, run_names

Pictures = Sequence[Picture]
"""Pictures in memory: uint8, each H×W×3 or H×W."""


@dataclass(frozen=True, slots=True)
class Records:
    """Recorded perception: each a file of one video, or a folder with a file for each video.

    Attributes:
        captions: VIDEO.txt (one line a frame) or VIDEO.jsonl.
        tracks: MOT Challenge text.
        detections: MOT Challenge text with id -1; linked by the tracker.
    """

    captions: Path | None = None
    tracks: Path | None = None
    detections: Path | None = None

    def __bool__(self) -> bool:
        return any((self.captions, self.tracks, self.detections))

    @property
    def sources(self) -> tuple[str, ...]:
        """Which of them there are."""
        return tuple(name for name in ("captions", "tracks", "detections") if getattr(self, name) is not None)

    def perceiver(self, frame_rate: float | None) -> RecordedPerceiver:
        """Perception from these files."""
        return RecordedPerceiver(self.captions, self.tracks, self.detections, frame_rate)


@dataclass(frozen=True, slots=True)
class Input:
    """One video to look at.

    Attributes:
        name: in the run.
        video: file, folder of pictures, or pictures in memory; None where there are records only.
        records: recorded perception of it.
        vlm: model string of what captions its frames; empty for none.
        motion: whether motion is measured in its pictures, where no boxes are recorded.
    """

    name: str
    video: Path | Pictures | None
    records: Records = Records()
    vlm: str = ""
    motion: bool = True

    @property
    def source(self) -> str:
        """Where it is read from, for a person."""
        if isinstance(self.video, Path):
            return str(self.video)
        if self.video is not None:
            return "array"
        return ", ".join(
            str(place) for place in (self.records.captions, self.records.tracks, self.records.detections) if place
        )

    @property
    def perception(self) -> str:
        """What is looked with, such as "motion", "captions+tracks", "captions+motion" or "ollama:qwen3-vl+motion"."""
        motion = ("motion",) if self.uses_motion else ()
        return "+".join((*self.records.sources, *((self.vlm,) if self.vlm else ()), *motion))

    @property
    def uses_motion(self) -> bool:
        """Whether the pictures themselves are looked at: where there are pictures, and no boxes were recorded."""
        return self.motion and self.video is not None and not (self.records.tracks or self.records.detections)


def gather(
    videos: Sequence[str | Path | Pictures],
    records: Records = Records(),
    settings: Settings = DEFAULTS,
) -> tuple[list[Input], dict[str, RulerError]]:
    """List the videos to look at, sets of videos opened up.

    Args:
        videos: files, folders of pictures, folders of these, or pictures in memory. None at all: the records' videos.
        records: recorded perception beside them.
        settings: give the frame rate, and the model that captions frames.

    Returns:
        The inputs in the order given, and the errors of places that hold no video, by what was given; a run goes on
        without these.

    Raises:
        UsageError: nothing was given, or captions twice: recorded ones and those of a model.
    """
    vlm = settings.models.vlm or ""
    if vlm and records.captions is not None:
        raise UsageError("captions from a file and from a model", hint="give --captions or --vlm, not both")
    motion = settings.caption.motion or not vlm
    if not videos and vlm:
        raise UsageError("a model for pictures needs pictures", where="--vlm", hint="name a video")
    if not videos:
        if not records:
            raise UsageError("nothing to look at", hint="give a video, or --captions, --tracks or --detections")
        names = records.perceiver(settings.video.frame_rate).names()
        return [Input(name, None, records) for name in names], {}
    paths: list[Path] = []
    bad: dict[str, RulerError] = {}
    in_memory: list[Input] = []
    for video in videos:
        if isinstance(video, str | Path):
            try:
                paths += find_videos(video)
            except RulerError as error:
                bad[str(video)] = error
        else:
            name = f"array{len(in_memory) + 1}" if in_memory else "array"
            in_memory.append(Input(name, video, records, vlm, motion))
    names_of = run_names(dict.fromkeys(paths))
    return [Input(name, path, records, vlm, motion) for path, name in names_of.items()] + in_memory, bad


def scene_namer(pattern: str | None) -> Callable[[str], str]:
    """Make the function that tells a video's scene from its name.

    Args:
        pattern: regular expression; what it matches (its first group, where it has one) names the scene. None: one
            scene, "".

    Raises:
        UsageError: not a regular expression; or, from the function, a name it does not match.
    """
    if pattern is None:
        return lambda _: ""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"is not a regular expression ({error})", where="--scene-from", hint=r"e.g. '^\d\d'") from None

    def scene(name: str) -> str:
        found = compiled.search(name)
        if found is None:
            raise UsageError(f"'{pattern}' does not match", where=name, hint="mend --scene-from, or rename the video")
        return found.group(1) if compiled.groups else found.group()

    return scene
