"""One doubt about a rules file, as `lint` finds it and the command line prints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ruler.rules.model import Rule

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt about a rules file.

    Attributes:
        severity: "error" for what cannot be meant, "warning" for what is probably wrong, "note" for what one should
            know.
        rule: id of the rule; None for the file as a whole.
        message: what is doubtful, without a full stop.
        hint: how to mend it.
        code: short name of the check, the same for ever.
        scene: name of the scene in a file of several; "" otherwise.
    """

    severity: Severity
    rule: str | None
    message: str
    hint: str
    code: str
    scene: str = ""

    def __str__(self) -> str:
        place = " ".join(filter(None, (self.scene, self.rule)))
        return f"{self.severity}: {place + ': ' if place else ''}{self.message}; {self.hint} [{self.code}]"


Say = Callable[[Severity, Rule | None, str, str, str], Finding]
"""Makes a Finding of the scene at hand: severity, rule, message, hint, code."""
