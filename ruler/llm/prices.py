"""What calls cost: a table of prices and a request in; its price, and the most it can cost, out."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ruler.assets import asset
from ruler.errors import UsageError
from ruler.llm.base import Image, Request, TokenUsage
from ruler.llm.names import PROVIDERS

SHIPPED = "prices.yaml"
"""Name of the shipped table among the configs."""

REQUEST_TOKENS = 128
"""Tokens a server may put around a request: a system turn of its own, the marks of a format."""

MESSAGE_TOKENS = 16
"""Tokens a server may put around one message or picture: role, beginning and end."""

TILED_TOKENS = 13 * 256
"""Tokens of a picture, however small, with the open models that cut it into most: 12 tiles and a whole view of 256."""

_DATED = re.compile(r"-20\d\d-\d\d-\d\d$")
_UNIT = 1_000_000


class Price(BaseModel):
    """What a model costs.

    Attributes:
        input: US dollars per million tokens of prompts, pictures among them.
        output: US dollars per million tokens of replies.
        image_tokens: most tokens one picture is billed as; None where only its size tells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    image_tokens: int | None = Field(None, ge=1)


class _PriceFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    models: dict[str, Price]
    date: Any = None
    source: Any = None


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of models.

    Attributes:
        entries: model string, or shell-style pattern of them → price.
    """

    entries: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """Read the shipped table, and lay a person's file over it.

        Args:
            path: YAML of the same form as `configs/prices.yaml`; None for the shipped table alone.

        Raises:
            UsageError: the file cannot be read, has an unknown key, or a price that is none.
        """
        entries = _entries(asset("configs", SHIPPED), SHIPPED)
        if path is not None:
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                raise UsageError(
                    f"cannot be read ({reason})", where=path, hint="give --prices a file of prices"
                ) from None
            entries |= _entries(text, str(path))
        return cls(entries)

    def of(self, model: str) -> Price | None:
        """The price of a model; None where nobody told it.

        Of several entries that fit, the longest wins, and the model's own name before any pattern.

        Args:
            model: model string ("openai:gpt-5-mini"); a date at its end may be left out in the table, and a provider
                may be written by its address.
        """
        if model in self.entries:
            return self.entries[model]
        names = _spellings(model)
        fitting = [p for p in self.entries if any(name == p or fnmatchcase(name, p) for name in names)]
        # Of equally long ones the last: a person's file is laid over the shipped one.
        return self.entries[max(reversed(fitting), key=len)] if fitting else None


def upper_bound(request: Request, price: Price | None = None) -> TokenUsage:
    """Tokens a request takes at most.

    Text is never more tokens than its UTF-8 has bytes. A picture takes what the hungriest of common models would see
    in it, unless the price says what it is billed as.

    Args:
        request: with its pictures and its format.
        price: of the model; only its `image_tokens` is read.
    """
    prompt = REQUEST_TOKENS
    for message in request.messages:
        prompt += MESSAGE_TOKENS + _bytes(message.text)
        prompt += sum(MESSAGE_TOKENS + _image_tokens(image, price) for image in message.images)
    if request.schema is not None:
        prompt += _bytes(request.schema.name) + _bytes(json.dumps(dict(request.schema.content)))
    return TokenUsage(prompt, request.max_tokens, estimated=True)


def exact(dollars: float) -> Fraction:
    """The decimal number that is meant: sums of a thousand calls at $0.10 are $100, not a hair more."""
    return Fraction(str(dollars))


def cost_of(usage: TokenUsage, price: Price | None) -> Fraction:
    """US dollars that tokens cost, without rounding; nothing where there is no price."""
    if price is None:
        return Fraction(0)
    return (usage.prompt * exact(price.input) + usage.completion * exact(price.output)) / _UNIT


def _spellings(model: str) -> tuple[str, ...]:
    """A model string as it stands, by its provider's short name, and each without the date of its version."""
    address, mark, name = model.partition("#")
    short = [f"{kind}:{name}" for kind, provider in PROVIDERS.items() if mark and provider.base_url == address]
    names = (model, *short)
    return (*names, *(_DATED.sub("", n) for n in names if _DATED.search(n)))


def _image_tokens(image: Image, price: Price | None) -> int:
    if price is not None and price.image_tokens is not None:
        return price.image_tokens
    try:
        with Pillow.open(io.BytesIO(image.data), formats=("JPEG", "PNG")) as picture:  # reads the header alone
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        # A server that cannot read it either may take the data for text.
        return max(TILED_TOKENS, 4 * math.ceil(len(image.data) / 3))
    patches = math.ceil(width / 14) * math.ceil(height / 14)  # the finest grid in use; others have 16, 28 or 32 pixels
    tiles = 85 + 170 * math.ceil(width / 512) * math.ceil(height / 512)
    return max(patches, tiles, TILED_TOKENS)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _entries(text: str, name: str) -> dict[str, Price]:
    form = "models: {'openai:NAME': {input: 0.25, output: 2.00}}"
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise UsageError("is not YAML, or has a key twice", where=where, hint=f"write {form}") from None
    try:
        return _PriceFile.model_validate({} if content is None else content).models
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ", ".join(str(part) for part in problem["loc"] if part != "[key]")
        what = {
            "extra_forbidden": "is no key of a price table",
            "missing": "is missing",
            "model_type": "is no price table" if not place else "is no price",
        }.get(problem["type"], f"{problem['msg']}, not {str(problem['input'])[:40]!r}")
        raise UsageError(what, where=f"{name}: {place}" if place else name, hint=f"write {form}") from None
