"""Recorded exchanges: a file of replies in; a chat model that gives them again, with no network, out; and its recorder.

A reply is found by the id of its prompt, the hash of what was put into it, the number of the vote and of the turn. The
text of the prompt itself may change since: the reply is then given all the same, and told to be stale.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ruler.errors import DataError, ModelError
from ruler.llm.base import ChatModel, Image, Reply, Request, TokenUsage
from ruler.records import from_line

GRID = (16, 12)
"""Width and height of the grey thumbnail a picture is known by."""

ALIKE = 4.0
"""Mean difference of thumbnails, in grey levels, up to which pictures are the same: encoders differ by machine."""

Thumbnail = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One line of a file of recorded exchanges.

    Attributes:
        prompt: id of the prompt.
        prompt_hash: of its file when this was recorded.
        input: hash of what was put in.
        reply: text of the reply.
        model: who replied.
        vote: number of the vote.
        turn: 0 for a first question, 1 for one asked again.
        pictures: grey thumbnails of the pictures (float16), base64.
        prompt_tokens: as counted then.
        completion_tokens: as counted then.
    """

    prompt: str
    prompt_hash: str
    input: str
    reply: str
    model: str = ""
    vote: int = 0
    turn: int = 0
    pictures: tuple[str, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it is looked up by, its pictures apart."""
        return self.prompt, self.input, self.vote, self.turn


class ReplayModel:
    """Answers from a file of recorded exchanges, and nothing else.

    Args:
        path: JSONL, a line an `Exchange`.

    Attributes:
        replays: always; its answers are no calls.

    Raises:
        DataError: the file cannot be read.
    """

    replays = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stale: set[str] = set()
        self._known: dict[tuple[str, str, int, int], list[tuple[Exchange, tuple[Thumbnail, ...]]]] = {}
        for exchange in read_exchanges(path):
            self._known.setdefault(exchange.key, []).append((exchange, recorded_thumbnails(exchange)))

    @property
    def name(self) -> str:
        """The model string, with who replied."""
        return f"replay:{self.path.name} ({self.recorded_from or 'nobody'})"

    @property
    def recorded_from(self) -> str:
        """Who gave the replies."""
        models = {e.model for entries in self._known.values() for e, _ in entries if e.model}
        return ", ".join(sorted(models))

    async def generate(self, request: Request) -> Reply:
        """Give the recorded reply.

        Raises:
            ModelError: there is none for this request.
        """
        exchange = self._find(request)
        if exchange is None:
            known = {key[0] for key in self._known}
            what = "another input" if request.prompt in known else "no such prompt"
            raise ModelError(
                f"holds no reply to this request of the prompt '{request.prompt}' ({what})",
                where=self.path,
                hint="record it again: make rerecord",
                kind="unknown",
            )
        if exchange.prompt_hash != request.prompt_hash:
            self.stale.add(exchange.prompt)
        usage = TokenUsage(exchange.prompt_tokens, exchange.completion_tokens)
        return Reply(exchange.reply, usage, exchange.model)

    async def close(self) -> None:
        """Nothing to give back."""

    def _find(self, request: Request) -> Exchange | None:
        entries = self._known.get((request.prompt, request.input_hash, request.vote, _turn(request)), [])
        seen = [thumbnail(image) for image in request.images]
        best, least = None, ALIKE
        for exchange, pictures in entries:
            if len(pictures) != len(seen):
                continue
            apart = max((float(np.abs(a - b).mean()) for a, b in zip(pictures, seen, strict=True)), default=0.0)
            if apart <= least:
                best, least = exchange, apart
        return best


class RecordingModel:
    """Asks another model and appends every exchange to a file, to be replayed later.

    Args:
        model: the one that answers.
        path: JSONL; made if missing.
        said: name to record instead of the model's own.
    """

    def __init__(self, model: ChatModel, path: Path, said: str = "") -> None:
        self.model = model
        self.path = path
        self._said = said

    @property
    def name(self) -> str:
        """The model string of the one that answers."""
        return self.model.name

    @property
    def replays(self) -> bool:
        """Whether the one that answers replays."""
        return bool(getattr(self.model, "replays", False))

    async def generate(self, request: Request) -> Reply:
        """Ask, and keep what came."""
        reply = await self.model.generate(request)
        exchange = Exchange(
            prompt=request.prompt,
            prompt_hash=request.prompt_hash,
            input=request.input_hash,
            reply=reply.text,
            model=self._said or reply.model or self.model.name,
            vote=request.vote,
            turn=_turn(request),
            pictures=tuple(_packed(thumbnail(image)) for image in request.images),
            prompt_tokens=reply.usage.prompt,
            completion_tokens=reply.usage.completion,
        )
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(exchange), ensure_ascii=False) + "\n")
        return reply

    async def close(self) -> None:
        """Close the model."""
        await self.model.close()


def read_exchanges(path: Path) -> list[Exchange]:
    """Read a file of recorded exchanges; the later of two equal ones wins.

    Raises:
        DataError: it cannot be read, or a line is broken.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", where=path, hint="name a file of recorded exchanges") from None
    found = [from_line(Exchange, line, where=f"{path}:{i}") for i, line in enumerate(lines, 1) if line.strip()]
    return list({(e.key, e.pictures): e for e in found}.values())


def tidy(path: Path, keep: Callable[[Exchange], bool] = lambda _: True) -> int:
    """Write a file of recorded exchanges anew: sorted, the later of equal ones, only those worth keeping.

    Returns:
        How many there are then.
    """
    kept = sorted((e for e in read_exchanges(path) if keep(e)), key=lambda e: (e.key, e.pictures))
    path.write_text("".join(json.dumps(asdict(e), ensure_ascii=False) + "\n" for e in kept), encoding="utf-8")
    return len(kept)


def thumbnail(image: Image) -> Thumbnail:
    """A picture as 12×16 grey levels, float64, its mean taken away: what tells frames of one camera apart.

    Raises:
        ModelError: the bytes are no picture.
    """
    try:
        with Pillow.open(io.BytesIO(image.data)) as picture:
            grey = np.asarray(picture.convert("L").resize(GRID, Pillow.Resampling.BOX), float)
    except OSError as error:
        raise ModelError(f"the picture cannot be read ({error})", kind="request") from None
    return np.asarray(grey - grey.mean(), float)


def recorded_thumbnails(exchange: Exchange) -> tuple[Thumbnail, ...]:
    """The thumbnails of an exchange's pictures, as `thumbnail` gives them."""
    return tuple(_unpacked(packed) for packed in exchange.pictures)


def _packed(values: Thumbnail) -> str:
    return base64.b64encode(values.astype("<f2").tobytes()).decode()


def _unpacked(packed: str) -> Thumbnail:
    return np.asarray(np.frombuffer(base64.b64decode(packed), "<f2").reshape(GRID[1], GRID[0]), float)


def _turn(request: Request) -> int:
    return sum(message.role == "assistant" for message in request.messages)
