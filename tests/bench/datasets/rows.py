"""Frame labels in; a row of 0 and 1 that reads well out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def shown(labels: Iterable[Any] | None) -> str:
    """Labels as a string of 0 and 1."""
    assert labels is not None
    return "".join(str(int(label)) for label in labels)
