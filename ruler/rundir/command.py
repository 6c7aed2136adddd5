"""What was asked of a run: any mapping in, plain JSON without secrets out, and how two of them differ, in words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

BLANK = "***"

_SECRET_KEY = re.compile(r"api_?key|secret|passw|authori[sz]ation|credential|cookie|(^|_)token$", re.IGNORECASE)
_SECRET_TEXT = (
    (re.compile(r"(?<=://)[^/\s@]+(?=@)"), BLANK),  # user:password@ of a camera or a server
    (re.compile(r"(?i)(?<=[?&])((?:api_?key|key|token|password|secret|sig|signature)=)[^&#\s]+"), rf"\g<1>{BLANK}"),
    (re.compile(r"\b(?:sk|hf|pk|ghp)[-_][A-Za-z0-9_-]{16,}"), BLANK),
)
_SHOWN = 3


def normalised(command: Mapping[str, Any]) -> dict[str, Any]:
    """A command as JSON gives it back: tuples as lists, paths and other objects as text, secrets blanked.

    Two commands that differ in a secret alone are the same.
    """
    plain: dict[str, Any] = json.loads(json.dumps(_without_secrets(command), default=_as_text))
    return plain


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """How two normalised commands differ, in words; empty if they do not.

    Returns:
        For example "settings.motion.width was 360, now 480, and 2 more".
    """
    old, new = dict(_flat(before)), dict(_flat(now))
    keys = [key for key in {**old, **new} if key not in old or key not in new or old[key] != new[key]]
    said = [f"{key} was {_shown(old, key)}, now {_shown(new, key)}" for key in keys[:_SHOWN]]
    if len(keys) > _SHOWN:
        said.append(f"and {len(keys) - _SHOWN} more")
    return "; ".join(said)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key): BLANK if _SECRET_KEY.search(str(key)) and part else _without_secrets(part)
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(part) for part in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_without_secrets(part) for part in value)
    if isinstance(value, Enum):
        return _without_secrets(value.value)
    if isinstance(value, (str, PurePath)):
        text = str(value)
        for pattern, blank in _SECRET_TEXT:
            text = pattern.sub(blank, text)
        return text
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _as_text(value: object) -> Any:
    return value.item() if hasattr(value, "item") else str(_without_secrets(str(value)))


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        dotted = f"{key}." if key else ""
        return [pair for name, part in value.items() for pair in _flat(part, f"{dotted}{name}")]
    if isinstance(value, list) and value:
        return [pair for number, part in enumerate(value) for pair in _flat(part, f"{key}[{number}]")]
    return [(key, value)]


def _shown(flat: Mapping[str, Any], key: str) -> str:
    if key not in flat:
        return "not set"
    text = json.dumps(flat[key], ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
