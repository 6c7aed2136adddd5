"""The folder of one video in a run: observations, verdicts, scores, events and key frames in, the same out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ruler.errors import DataError
from ruler.records import decode, encode, parse_json, read_lines
from ruler.rundir.files import RecordLog, pretty, write_whole, writing
from ruler.rundir.record import EVENTS, KEYFRAMES, OBSERVATIONS, SCORES, VERDICTS
from ruler.schema import Event, Observation, Scores, Verdict

HEADER = "frame,time,score"


class VideoReader:
    """The folder of one video in a run, for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    def observations(self) -> Iterator[Observation]:
        """All observations in order; a torn last line is dropped.

        Raises:
            DataError: another line is broken.
        """
        return read_lines(Observation, self.path / OBSERVATIONS)

    def verdicts(self) -> Iterator[Verdict]:
        """All verdicts in order; a torn last line is dropped.

        Raises:
            DataError: another line is broken.
        """
        return read_lines(Verdict, self.path / VERDICTS)

    def scores(self) -> Scores:
        """The score of every frame, as in scores.csv.

        Raises:
            DataError: the file is missing or is not one row per frame.
        """
        path = self.path / SCORES
        try:
            header, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
            table = np.loadtxt(rows, delimiter=",", ndmin=2) if rows else np.empty((0, 3))
        except (OSError, ValueError) as error:
            raise DataError(f"no readable scores: {error}", where=path) from error
        if header != HEADER or table.shape[1] != 3 or not np.array_equal(table[:, 0], np.arange(len(table))):
            raise DataError(f"not one row of {HEADER} for every frame", where=path)
        return Scores(times=table[:, 1].copy(), scores=table[:, 2].copy())

    def events(self) -> list[Event]:
        """The events, as in events.json.

        Raises:
            DataError: the file is missing or broken.
        """
        path = self.path / EVENTS
        try:
            listed = parse_json(path.read_bytes())
            if not isinstance(listed, list):
                raise DataError("not a list of events")
            return [decode(Event, event) for event in listed]
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", where=path) from error
        except DataError as error:
            raise DataError(error.what, where=path) from error

    @property
    def keyframes(self) -> list[Path]:
        """The key frames, in order of their frame."""
        return sorted((self.path / KEYFRAMES).glob("*.jpg"))


class VideoFolder(VideoReader):
    """The folder of one video in a run, for writing; made by `RunFolder.video_folder`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with writing(path):
            path.mkdir(exist_ok=True)
        self._observations = RecordLog(path / OBSERVATIONS)
        self._verdicts = RecordLog(path / VERDICTS)

    @property
    def last_frame(self) -> int | None:
        """Frame of the last observation; None where there is none yet."""
        return self._observations.last_frame

    @property
    def last_verdict_frame(self) -> int | None:
        """Frame of the last verdict; None where there is none yet."""
        return self._verdicts.last_frame

    def append_observations(self, observations: Iterable[Observation]) -> int:
        """Write observations as they come; each is safe from a kill once the next is asked for.

        Returns:
            How many were written.

        Raises:
            ValueError: a frame does not come after the one before it.
            RunFolderError: the disk is full, or the folder cannot be written.
        """
        return self._observations.append(observations)

    def rewrite_observations(self, observations: Iterable[Observation]) -> None:
        """Put others, which may be made of those that are there, in the place of all observations, or of none."""
        self._observations.rewrite(observations)

    def append_verdicts(self, verdicts: Iterable[Verdict]) -> int:
        """Write verdicts as they come; as `append_observations`."""
        return self._verdicts.append(verdicts)

    def restart(self) -> None:
        """Drop the observations and verdicts, for a stage that cannot go on in the middle of a video."""
        self._observations.clear()
        self._verdicts.clear()

    def restart_verdicts(self) -> None:
        """Drop the verdicts alone, to judge the same observations again."""
        self._verdicts.clear()

    def write_scores(self, scores: Scores) -> Path:
        """Write scores.csv: header `frame,time,score`, one row for every frame.

        Every digit of a score is kept: averages that saturate differ in the last ones, and an AUC counts that.

        Raises:
            DataError: a score is not a number from 0 to 1, or a time is not finite.
            RunFolderError: the folder cannot be written.
        """
        good = np.isfinite(scores.times) & (scores.scores >= 0) & (scores.scores <= 1)
        if not good.all():
            raise DataError("score outside 0 to 1", where=f"{self.name}, frame {int(np.argmin(good))}")
        pairs = zip(scores.times.tolist(), scores.scores.tolist(), strict=True)
        rows = [f"{frame},{time:.4f},{score!r}\n" for frame, (time, score) in enumerate(pairs)]
        return write_whole(self.path / SCORES, f"{HEADER}\n" + "".join(rows))

    def write_events(self, events: Iterable[Event]) -> Path:
        """Write events.json: a list with every field of every event."""
        listed = [encode(event, defaults=True) for event in events]
        return write_whole(self.path / EVENTS, pretty(listed))

    def write_keyframe(self, frame: int, jpeg: bytes) -> Path:
        """Write the picture of a frame to keyframes/, named by the frame."""
        folder = self.path / KEYFRAMES
        with writing(folder):
            folder.mkdir(exist_ok=True)
        return write_whole(folder / f"{frame:07d}.jpg", jpeg)

    def clear_keyframes(self) -> None:
        """Remove all key frames, before those of another judgement are written."""
        for picture in self.keyframes:
            with writing(picture):
                picture.unlink()

    def close(self) -> None:
        """Close the logs; the next append opens them again."""
        self._observations.close()
        self._verdicts.close()
