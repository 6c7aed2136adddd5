"""Captions that a model wrote: one record for each frame that was asked about, in a file that `--captions` reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ruler.records import read_lines


@dataclass(frozen=True, slots=True)
class CaptionRecord:
    """One line of a caption file.

    Attributes:
        frame: index, from 0.
        time: seconds.
        caption: the words; None where they could not be had.
        model: string of the model that wrote them.
        prompt: hash of the prompt.
        caption_from: the frame it was written for, where this one is nearly identical to that; None for its own.
        unanswered: why there is no caption; empty where there is one.
        ask_again: the reason may pass: the same command asks for it again.
    """

    frame: int
    time: float
    caption: str | None
    model: str = ""
    prompt: str = ""
    caption_from: int | None = None
    unanswered: str = ""
    ask_again: bool = False

    @classmethod
    def read(cls, path: Path) -> list[CaptionRecord]:
        """The records of a file; a torn last line is dropped, and a missing file holds none.

        Raises:
            DataError: a line is broken.
        """
        return list(read_lines(cls, path))
