"""What went wrong at a server or on the way to it in; a ModelError that says it in one line, without any key, out."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from ruler.errors import ModelError
from ruler.llm.names import Endpoint, scrub

_QUOTA = re.compile(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|billing_hard_limit|billing_not_active", re.IGNORECASE
)
_FILTER = re.compile(r"content_filter|content_policy_violation|ResponsibleAIPolicyViolation", re.IGNORECASE)
_FLAGGED = re.compile(r"\bmoderation\b|\bflagged\b|content_filter|content_policy", re.IGNORECASE)
_UNABLE = re.compile(r"no endpoints? found that (?:support|can handle)", re.IGNORECASE)
# Within one sentence: names of models have dots, but no space after them.
_NO_MODEL = re.compile(
    r"\bmodel\b(?:[^.]|\.(?=\S)){0,100}?\b(?:(?:does not|doesn't|do not) exist|not found|not available|not loaded)\b|"
    r"\b(?:unknown|no such|unrecognized|cannot find|could not find) (?:the )?model\b|"
    r"\binvalid model(?: name| id)?\s*(?:[:'\"`]|$)|"
    r"\bis not a valid model\b|\bserver is pinned to\b",
    re.IGNORECASE,
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHOWN = 200
_CHOICES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request went.

    Attributes:
        endpoint: the model.
        key: what was sent, to be blanked wherever it comes back.
        timeout: seconds a reply was waited for.
    """

    endpoint: Endpoint
    key: str = ""
    timeout: float = 0.0

    def clean(self, text: str) -> str:
        """Text without keys."""
        return scrub(text, self.key)

    def said(self, body: str) -> str:
        """What a server says in a body, in one line without keys; they are blanked first, lest half of one be left."""
        return self.clean(words(self.clean(body)))


def of_status(
    place: Place, status: int, headers: Mapping[str, str], body: str, choices: Sequence[str] = ()
) -> ModelError:
    """The error of an HTTP status.

    Args:
        place: where the request went.
        status: HTTP status, or the code in an error that came as a reply.
        headers: of the reply, keys in lower case or case-blind.
        body: of the reply.
        choices: models that the server has, as far as they are known.
    """
    said = place.said(body)
    kind = _kind(status, body)
    what = f"{_DONE[kind]} ({status}{f': {said}' if said else ''})"
    return ModelError(
        what,
        where=place.endpoint.name,
        hint=_hint(place, kind, status, headers, choices),
        kind=kind,
        status=status,
        retry_after=wait_of(headers, time.time()) if kind in ("busy", "failed") else None,
        raw=place.clean(body),
        # Who gave up in between does not know what the server behind still did.
        sent=status in (408, 504, 524),
    )


def of_connection(place: Place, cause: BaseException | None) -> ModelError:
    """The error of a connection that was not made, or broke.

    Args:
        place: where the request went.
        cause: what the HTTP library raised.
    """
    where, said = place.endpoint.name, place.clean(f"{cause}".strip())
    if isinstance(cause, (httpx2.ReadTimeout, TimeoutError)):
        return ModelError(
            f"did not answer within {place.timeout:g} s",
            where=where,
            hint="it may be overloaded: ask less at a time, or give it more time",
            kind="unreachable",
            sent=True,
        )
    if isinstance(cause, (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects)):
        return ModelError(f"leads nowhere ({said})", where=where, hint="check the address", kind="unknown")
    if isinstance(cause, httpx2.RemoteProtocolError) and re.search(r"message body|incomplete", said):
        return broken(place, "the reply broke off")
    if isinstance(cause, httpx2.DecodingError):
        return broken(place, "the reply cannot be unpacked")
    # Only these two come after the whole request was sent.
    sent = isinstance(cause, (httpx2.ReadError, httpx2.RemoteProtocolError))
    return ModelError(
        f"{'broke the connection' if sent else 'cannot be reached'} ({said[:_SHOWN] or 'in time'})",
        where=where,
        hint="the server's own log may say why" if sent else _start(place),
        kind="unreachable",
        sent=sent,
    )


def broken(place: Place, what: str, body: str = "") -> ModelError:
    """The error of a reply that came but cannot be read; it may pass, and may have been billed.

    Args:
        place: where the request went.
        what: what is wrong ("the reply is no JSON").
        body: of the reply.
    """
    said = place.said(body)
    return ModelError(
        f"{what}{f' ({said})' if said else ''}",
        where=place.endpoint.name,
        hint="does the address lead to a chat server, and end with /v1?" if body.lstrip()[:1] == "<" else None,
        kind="failed",
        status=200,
        raw=place.clean(body),
        sent=True,
    )


def declined(place: Place, why: str) -> ModelError:
    """The error of a model that refused to answer.

    Args:
        place: where the request went.
        why: its words.
    """
    said = place.clean(" ".join(why.split()))
    return ModelError(
        f"declined to answer ({said[:_SHOWN]})",
        where=place.endpoint.name,
        kind="filtered",
        status=200,
        raw=said,
        sent=True,
    )


def words(body: str) -> str:
    """What a server says in the body of an error, in one line of at most 200 characters."""
    try:
        found = _message(json.loads(body))
    except (ValueError, RecursionError):
        page = re.search(r"<title[^>]{0,200}>([^<]{0,300})", body[:20_000], re.IGNORECASE)
        found = page[1] if page else re.sub(r"<[^<>]*>", " ", body[:2000])
    line = " ".join("".join(c if c.isprintable() else " " for c in found).split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def wait_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks to wait before the next request; None where it does not say.

    Args:
        headers: of its reply.
        now: Unix time, for dates.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if (seconds := _number(headers.get(name))) is not None:
            return max(seconds * scale, 0.0)
    if date := headers.get("retry-after"):
        try:
            return max(parsedate_to_datetime(date).timestamp() - now, 0.0)
        except (ValueError, TypeError, OverflowError):
            return None
    waits = [
        wait
        for what in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{what}") == "0"
        and (wait := _duration(headers.get(f"x-ratelimit-reset-{what}", ""))) is not None
    ]
    return max(waits, default=None)


_DONE = {
    "busy": "is busy",
    "failed": "failed",
    "refused": "refused the request",
    "unknown": "is not there",
    "request": "cannot do what was asked",
    "filtered": "declined to answer",
}


def _kind(status: int, body: str) -> str:
    start = body[:20_000]
    if (status == 403 and _FLAGGED.search(start)) or (status in (400, 422) and _FILTER.search(start)):
        return "filtered"
    if status in (401, 402, 403, 407) or (status == 429 and _QUOTA.search(start)):
        return "refused"
    if status in (408, 409, 425, 429, 503, 529):
        return "busy"
    if status >= 500:
        return "failed"
    if status in (404, 405, 410) or status < 400:
        return "request" if _UNABLE.search(start) else "unknown"
    missing = "model_not_found" in start or _NO_MODEL.search(words(start))
    return "unknown" if status in (400, 422) and missing else "request"


def _hint(place: Place, kind: str, status: int, headers: Mapping[str, str], choices: Sequence[str]) -> str | None:
    endpoint = place.endpoint
    if kind == "refused":
        if status in (402, 429):
            return "its quota or credit is used up"
        return f"check the key in {endpoint.key_variable}" if place.key else f"set the key in {endpoint.key_variable}"
    if kind == "unknown":
        if 300 <= status < 400:
            return f"it points to {place.clean(headers.get('location', 'another address'))[:_SHOWN]}"
        if choices and endpoint.model not in choices:
            more = f" and {len(choices) - _CHOICES} more" if len(choices) > _CHOICES else ""
            return f"the server has {', '.join(place.clean(c)[:80] for c in choices[:_CHOICES])}{more}"
        if endpoint.provider == "ollama":
            return f"fetch it: ollama pull {endpoint.model}"
        return None if choices else f"check the name of the model, and the address {endpoint.base_url}"
    return None


def _start(place: Place) -> str:
    endpoint = place.endpoint
    if endpoint.provider == "ollama" and endpoint.loopback:
        return "start it: ollama serve"
    if endpoint.near:
        return f"is the server started, and at {endpoint.base_url}?"
    return "check the network, and the address"


def _message(body: Any) -> str:
    """The message in what was read as JSON: servers keep it in different places."""
    if isinstance(body, str):
        return body
    if isinstance(body, list):
        return "; ".join(filter(None, (_message(part) for part in body[:3])))
    if not isinstance(body, dict):
        return ""
    for key in ("error", "message", "detail", "msg", "error_description"):
        if body.get(key):
            said = _message(body[key])
            # FastAPI names the field apart from what is wrong with it.
            place = body.get("loc") if key == "msg" else None
            named = ".".join(str(p) for p in place if p != "body") if isinstance(place, list) else ""
            return f"{named}: {said}" if named else said
    return ""


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _duration(text: str) -> float | None:
    """Seconds of "1m30s" or "0.5"."""
    if (plain := _number(text)) is not None:
        return max(plain, 0.0)
    if not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        return None
    return sum(float(m[1]) * _SECONDS[m[2]] for m in _DURATION.finditer(text))
