"""How sure a model was of a word: a reply with its tokens in; the probability of each label it could have given out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from ruler.llm.base import Reply, Token

_AROUND = " \t\r\n\"':,{}[]"
"""What may stand around a label in the same token."""


def label_probabilities(reply: Reply, field: str, labels: Sequence[str]) -> dict[str, float] | None:
    """The probabilities of the labels a JSON field could have held, at the token where its value begins.

    Each likely token at that place counts for the one label that it begins, or is; tokens that begin several of them,
    or none, count for nothing. What is left is divided by its sum.

    Args:
        reply: with tokens.
        field: of the JSON object in it; its last value in the text is meant, which must be a string.
        labels: what it could have been, best told apart by their first letters.

    Returns:
        Label → probability, 0 to 1, summing to 1; None where the server gave no tokens, where they are not those of
        the text, where the text has no such value, and where no label was likely at all.
    """
    if not reply.tokens:
        return None
    start = _value_start(reply, field)
    if start is None:
        return None
    found = _token_at(reply.tokens, start)
    if found is None:
        return None
    token, before = found
    mass = dict.fromkeys(labels, 0.0)
    for text, logprob in _likely(token).items():
        label = _label_of(text, before, labels)
        if label is not None:
            mass[label] += math.exp(min(logprob, 0.0))  # rounding may lift a certain token above 0
    total = math.fsum(mass.values())
    return {label: part / total for label, part in mass.items()} if total > 0 else None


def _value_start(reply: Reply, field: str) -> int | None:
    """Where the value's first character stands in the tokens put together."""
    text = reply.text.strip()
    joined = "".join(token.text for token in reply.tokens or ())
    # Tokens may have more than the text: thoughts before it, an end mark after it.
    offset = joined.rfind(text) if text else -1
    values = list(re.finditer(rf'"{re.escape(field)}"\s*:\s*"\s*', text))
    return offset + values[-1].end() if offset >= 0 and values else None


def _token_at(tokens: Sequence[Token], place: int) -> tuple[Token, str] | None:
    """The token with the character at a place, and what stands before that character in it."""
    at = 0
    for token in tokens:
        if at <= place < at + len(token.text):
            return token, token.text[: place - at]
        at += len(token.text)
    return None


def _likely(token: Token) -> Mapping[str, float]:
    # Some servers list the likeliest tokens only, without the one that was taken.
    return {token.text: token.logprob, **token.top}


def _label_of(text: str, before: str, labels: Sequence[str]) -> str | None:
    """The one label that a token begins, or is; None where there is none, or more than one."""
    rest = text[len(before) :] if text.startswith(before) else text.lstrip(_AROUND)
    word, quote, _ = rest.lstrip(_AROUND).partition('"')
    word = word.rstrip(_AROUND) if not quote else word.strip()
    said = word.lower()
    if not said:
        return None
    fitting = [label for label in labels if label.lower() == said or (not quote and label.lower().startswith(said))]
    return fitting[0] if len(fitting) == 1 else None
