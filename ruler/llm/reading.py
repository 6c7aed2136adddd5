"""The body of a chat server's answer in; a Reply, or the error that it is, out.

Servers of this API differ in what they leave out, so everything is looked at before it is used.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Mapping
from typing import Any

from ruler.llm.base import Reply, Request, Token, TokenUsage
from ruler.llm.faults import Place, broken, declined, of_status

PICTURE_TOKENS = 1000
"""Tokens a picture is taken for where the server does not count."""

_ENDS = {
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "safety": "content_filter",
    "recitation": "content_filter",
    "eos": "stop",
    "end_turn": "stop",
}
"""What some servers call the end of a reply → what most call it."""


def read_reply(body: bytes, headers: Mapping[str, str], place: Place, request: Request, seconds: float) -> Reply:
    """Read a chat completion.

    Args:
        body: as it came.
        headers: of the answer.
        place: who answered.
        request: what was asked; tokens are estimated from it where the server does not count them.
        seconds: it took.

    Raises:
        ModelError: it is no chat completion, an error in the place of one, or the model declined.
    """
    said = body.decode("utf-8", "replace")
    content = _object(body, said, place)
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if error := content.get("error") or (first.get("error") if isinstance(first, dict) else None):
        # Gateways put the errors of those behind them into an answer that is in order itself.
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
            raise of_status(place, code, headers, json.dumps(error))
        raise broken(place, "the server answered with an error", json.dumps({"error": error}))
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        raise broken(place, "the answer holds no reply", said)
    text = _text(message.get("content"))
    finish = str(first.get("finish_reason") or "stop").lower()
    finish = _ENDS.get(finish, finish)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip() and not text.strip():
        raise declined(place, refusal)
    if finish == "content_filter" and not text.strip():
        raise declined(place, "content filter")
    tokens = _tokens(first.get("logprobs"))
    model = content.get("model")
    return Reply(
        text=text,
        usage=_usage(content.get("usage"), request, text, tokens),
        model=model if isinstance(model, str) and model else place.endpoint.model,
        finish=finish,
        tokens=tokens,
        seconds=seconds,
    )


def read_models(body: bytes, place: Place) -> list[str]:
    """Read a list of models, in the server's order.

    Raises:
        ModelError: it is none.
    """
    said = body.decode("utf-8", "replace")
    listed = _object(body, said, place).get("data")
    if not isinstance(listed, list):
        raise broken(place, "the answer is no list of models", said)
    return [m["id"] for m in listed if isinstance(m, dict) and isinstance(m.get("id"), str) and m["id"]]


def _object(body: bytes, said: str, place: Place) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise broken(place, "the answer is not JSON" if said.strip() else "the answer is empty", said) from None
    if not isinstance(content, dict):
        raise broken(place, "the answer is not a JSON object", said)
    return content


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") if isinstance(part, dict) else part for part in content]
    return "".join(part for part in parts if isinstance(part, str))


def _usage(given: Any, request: Request, text: str, tokens: tuple[Token, ...] | None) -> TokenUsage:
    given = given if isinstance(given, dict) else {}
    prompt, completion = _count(given.get("prompt_tokens")), _count(given.get("completion_tokens"))
    estimated = prompt is None or completion is None
    if prompt is None:
        told = sum(len(message.text.encode("utf-8", "replace")) for message in request.messages)
        prompt = math.ceil(told / 4) + PICTURE_TOKENS * len(request.images)
    if completion is None:
        completion = len(tokens) if tokens else math.ceil(len(text.encode("utf-8", "replace")) / 4)
    return TokenUsage(prompt, completion, estimated)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _tokens(given: Any) -> tuple[Token, ...] | None:
    listed = given.get("content") if isinstance(given, dict) else None
    if not isinstance(listed, list) or not listed:
        return None
    made: list[Token] = []
    # A character may be spread over several tokens: it is counted to the one that ends it.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for entry in listed:
        likelihood = _logprob(entry)
        if likelihood is None:
            return None
        raw = _bytes(entry)
        text = decoder.decode(raw) if raw is not None else entry["token"]
        top: dict[str, float] = {}
        for other in entry.get("top_logprobs") or ():
            if (value := _logprob(other)) is not None:
                bare = _bytes(other)
                name = bare.decode("utf-8", "replace") if bare is not None else other["token"]
                top[name] = max(value, top.get(name, -math.inf))
        made.append(Token(text, likelihood, top))
    return tuple(made)


def _logprob(entry: Any) -> float | None:
    """The log-probability of a well-formed entry."""
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return None
    value = entry.get("logprob")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _bytes(entry: Mapping[str, Any]) -> bytes | None:
    listed = entry.get("bytes")
    if not isinstance(listed, list) or not all(type(b) is int and 0 <= b < 256 for b in listed):
        return None
    return bytes(listed) if listed or not entry["token"] else None
