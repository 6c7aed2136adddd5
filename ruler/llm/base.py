"""The one interface to chat models: a request (text and pictures) in; a reply (text, tokens, usage) out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]

Mode = Literal["schema", "json", "text"]
"""How a format is asked for: by a JSON schema, by "any JSON object" with the schema in the prompt, or by words."""

NO_LOGPROBS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Image:
    """An encoded picture as it is sent.

    Attributes:
        data: the bytes of a JPEG or PNG file.
        media_type: "image/jpeg" or "image/png".
    """

    data: bytes = field(repr=False)
    media_type: str = "image/jpeg"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, hexadecimal: the picture's part of every cache key."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: who speaks.
        text: what is said.
        images: pictures that come before the text.
    """

    role: Role
    text: str
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """A format that is asked for.

    Attributes:
        name: letters, digits and underscores.
        content: JSON schema in which every property is required and no other is allowed.
    """

    name: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked, once.

    Attributes:
        messages: the conversation so far; the last one is the user's.
        prompt: id of the prompt it was rendered from ("caption").
        prompt_hash: hash of that prompt's file.
        input_hash: hash of what was put into the prompt, pictures left out.
        schema: format asked for; None for free text.
        mode: how the format is asked for.
        max_tokens: most tokens of the reply.
        temperature: 0 to 2; 0 for the likeliest reply.
        seed: for servers that take one; None for none.
        vote: number of the vote, from 0. Requests that differ in it alone are different requests.
        logprobs: whether token log-probabilities are wanted.
    """

    messages: tuple[Message, ...]
    prompt: str = ""
    prompt_hash: str = ""
    input_hash: str = ""
    schema: Schema | None = None
    mode: Mode = "schema"
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int | None = None
    vote: int = 0
    logprobs: bool = False

    @property
    def images(self) -> tuple[Image, ...]:
        """All pictures, in order."""
        return tuple(image for message in self.messages for image in message.images)

    def identity(self) -> str:
        """SHA-256, hexadecimal, of all that may change the reply: what a cache key is made of, the model apart."""
        told = [[m.role, m.text, [image.digest for image in m.images]] for m in self.messages]
        schema = None if self.schema is None else dict(self.schema.content)
        sampling = [self.mode, self.max_tokens, self.temperature, self.seed, self.vote, self.logprobs]
        text = json.dumps([told, schema, sampling], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call, as the server counts them; `estimated` where it did not say."""

    prompt: int = 0
    completion: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a reply.

    Attributes:
        text: as it stands in the reply.
        logprob: natural logarithm of its probability.
        top: likeliest tokens at its place → log-probability, itself among them where the server says so.
    """

    text: str
    logprob: float
    top: Mapping[str, float] = field(default_factory=lambda: NO_LOGPROBS)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    Attributes:
        text: the words.
        usage: tokens it took.
        model: name the server gave itself; the one asked for where it gave none.
        finish: why it ended: "stop", "length", "content_filter", …
        tokens: with log-probabilities; None where the server gave none.
        seconds: from asking to the answer, in the attempt that brought it.
    """

    text: str
    usage: TokenUsage = TokenUsage()
    model: str = ""
    finish: str = "stop"
    tokens: tuple[Token, ...] | None = None
    seconds: float = 0.0


class ChatModel(Protocol):
    """What answers requests. Implementations: `openai.py` (any server of that chat API), `replay.py` (recorded)."""

    @property
    def name(self) -> str:
        """The model string, without secrets: it stands in files and cache keys."""

    async def generate(self, request: Request) -> Reply:
        """Answer a request, trying once.

        Raises:
            TaughtError: asking the same once more, at once, may be answered.
            ModelError: no answer came; its kind says why, and whether asking again may help.
        """

    async def close(self) -> None:
        """Give back connections."""
