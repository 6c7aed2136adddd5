"""Twenty real frames, described by a capable stand-in model in the asked form: its recorded descriptions, scored.

    python -m benchmarks.described

The recording names no frame: each is found again by its thumbnail among all frames of the three clips that they were
taken from. Nobody counted the people by hand; their number is held against the boxes of a detector, which misses and
doubles people itself, so this is agreement, not accuracy. Whether an activity is the right one, no file here can tell.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import ROOT, present, table
from benchmarks.rechecks import RECORDED, wilson
from ruler.llm.prompts import Prompts
from ruler.llm.replay import Exchange, read_exchanges, recorded_thumbnails, thumbnail
from ruler.perception.vlm import encode_picture
from ruler.terms import caption_terms
from ruler.video import open_video

CLIPS = (("ped2", "testing/frames/01"), ("ped2", "testing/frames/07"), ("avenue", "testing_videos/19.avi"))
WIDTH = 768
SURE, APART = 0.05, 5.0
"""A frame is found where its thumbnail is this near, in grey levels, and every other one this many times as far."""

_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_WORDS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_ONES = {word: number for number, word in enumerate(_WORDS)}
_NUMBER = rf"(?:\d{{1,3}}|(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(list(_ONES)[1:10])}))?|{'|'.join(_ONES)})"
_PEOPLE = re.compile(
    rf"\b({_NUMBER})(?: (?:to|or) ({_NUMBER}))? (?:\w+ )?(?:people|persons?|pedestrians|men|women)\b", re.IGNORECASE
)
_EVERYONE = re.compile(
    r"\b(?:the others?|others|the rest|most|nearly all|almost all|all|everyone|everybody|many|several|both|each|"
    r"a group)\b",
    re.IGNORECASE,
)
_ODD = re.compile(r"[{}\[\]<>`#*|]|^\s*[-•\d]+[.)]? |\bI (?:cannot|can't|am unable)\b|\bas an AI\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Described:
    """One description and what is known of its frame.

    Attributes:
        clip: data set and video.
        frame: index; None where it was not found.
        text: the description.
        boxes: of the detector in that frame; None where it was not found.
    """

    clip: str
    frame: int | None
    text: str
    boxes: int | None

    @property
    def readable(self) -> bool:
        """Whether it is plain sentences to their end."""
        return bool(self.text) and self.text.rstrip().endswith(".") and not _ODD.search(self.text)

    @property
    def people(self) -> float | None:
        """The first number of people that it states; the middle of "fifteen to twenty"."""
        found = _PEOPLE.search(self.text)
        return None if found is None else float(np.mean([number(one) for one in found.groups() if one]))

    @property
    def activities(self) -> bool:
        """Whether it says what people do, and speaks of the many or all beside the few it tells apart."""
        return bool(caption_terms(self.text).activities) and _EVERYONE.search(self.text) is not None

    @property
    def things(self) -> bool:
        """Whether it names anything beside people."""
        return bool(caption_terms(self.text).things)


def number(word: str) -> int:
    """A number in digits or words up to fifty-nine."""
    if word.isdecimal():
        return int(word)
    tens, _, ones = word.lower().replace(" ", "-").partition("-")
    return _TENS.get(tens, 0) + _ONES.get(ones or ("no" if tens in _TENS else tens), 0)


def described(exchanges: Sequence[Exchange]) -> list[Described]:
    """The descriptions, each with the frame that it was written for."""
    places: list[tuple[str, Path, int]] = []
    looks: list[np.ndarray] = []
    for dataset, clip in CLIPS:
        path = ROOT / dataset / clip
        with open_video(path) as video:
            for frame in video:
                places.append((dataset, path, frame.index))
                looks.append(thumbnail(encode_picture(frame.image, WIDTH)))
    known = np.stack(looks)
    found = []
    for exchange in exchanges:
        apart = np.abs(known - recorded_thumbnails(exchange)[0]).mean((1, 2))
        nearest, next_ = np.argsort(apart)[:2].tolist()
        dataset, path, frame = places[nearest]
        if apart[nearest] > SURE or apart[next_] < APART * apart[nearest]:
            found.append(Described("?", None, exchange.reply, None))
            continue
        boxes = counted(ROOT / dataset / "detections" / "testing" / f"{path.stem}.txt")[frame]
        found.append(Described(f"{dataset} {path.stem}", frame, exchange.reply, boxes))
    return found


def counted(path: Path) -> Counter[int]:
    """Boxes of each frame, from 0, in a file of detections, whose frames count from 1."""
    with path.open(encoding="utf-8") as file:
        return Counter(int(row[0]) - 1 for row in csv.reader(file))


def main() -> None:
    """Print the figures."""
    if not all([present("ped2"), present("avenue")]):
        return
    exchanges = read_exchanges(RECORDED / "frames.jsonl")
    if any(exchange.prompt_hash != Prompts().hash("caption") for exchange in exchanges):
        print("stale: the prompt changed since")
    every = described(exchanges)
    rows = []
    for name in ("ped2", "avenue", "both"):
        some = [one for one in every if name == "both" or one.clip.startswith(name)]
        n = len(some)
        known = [(one.people, one.boxes) for one in some if one.people is not None and one.boxes is not None]
        apart = np.array([people - boxes for people, boxes in known])
        rows.append((
            name,
            n,
            wilson(sum(one.readable for one in some), n),
            wilson(sum(one.people is not None for one in some), n),
            wilson(sum(one.activities for one in some), n),
            wilson(sum(one.things for one in some), n),
            *(wilson(int((np.abs(apart) <= most).sum()), len(apart)) for most in (1, 2)),
            f"{np.median(apart):+.1f} ({apart.min():+.1f} to {apart.max():+.1f})",
        ))  # fmt: skip
    print("Descriptions of real frames by a stand-in model; its numbers of people against a detector's boxes\n")
    header = ("frames of", "n", "readable", "state a number of people", "what people do", "other things",
              "number within 1", "within 2", "median difference")  # fmt: skip
    table(header, rows)
    print(f"{sum(one.frame is None for one in every)} of {len(every)} frames could not be told")


if __name__ == "__main__":
    main()
