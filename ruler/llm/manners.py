"""What a server takes: a refusal of a parameter in; how to ask from now on out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ruler.llm.base import Request

FEW = 5
"""Alternatives of a token that servers give which do not give 20."""

_LENGTHS = ("max_tokens", "max_completion_tokens")
_REFUSED = re.compile(
    r"unsupported|support|recogni[sz]ed|unknown|unexpected|permitted|allowed|extra|instead|invalid|cannot find|"
    r"not available|not implemented|deprecated|only the default|no such|must not be",
    re.IGNORECASE,
)
_TOO_MANY = re.compile(
    r"greater|at most|less than|between|range|exceed|maximum|max allowed|too (?:large|high|many)|<=|≤|\bup to\b|larger",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a server wants to be asked.

    Attributes:
        refused: names of parameters it does not take.
        lengths: names of the parameter that limits a reply's length, the one to try first in front.
        top: alternatives of a token asked for.
    """

    refused: frozenset[str] = frozenset()
    lengths: tuple[str, ...] = _LENGTHS
    top: int = 20

    def parameters(self, request: Request) -> dict[str, Any]:
        """The parameters of a request, messages and format apart."""
        length = next((name for name in self.lengths if name not in self.refused), self.lengths[0])
        wanted: dict[str, Any] = {"temperature": request.temperature}
        if request.seed is not None:
            wanted["seed"] = request.seed
        if request.logprobs and "logprobs" not in self.refused:
            wanted |= {"logprobs": True, "top_logprobs": self.top}
        taken = {name: value for name, value in wanted.items() if name not in self.refused}
        # A reply without a limit could cost anything: of the two names for it, one is always sent.
        return taken | {length: request.max_tokens}

    def taught(self, sent: Mapping[str, Any], said: str, parameter: str | None = None) -> Manners:
        """What is learned from a refusal; the same manners where it was about something else.

        Args:
            sent: the parameters that were refused.
            said: words of the server.
            parameter: the one the server names apart from them.
        """
        named = [name for name in sent if name == parameter or re.search(rf"(?<!\w){name}(?!\w)", said)]
        if any(name in named for name in ("logprobs", "top_logprobs")) and _TOO_MANY.search(said):
            return (
                replace(self, top=min(self.top, FEW))
                if sent.get("top_logprobs", 0) > FEW
                else self._without("logprobs")
            )
        if not parameter and not _REFUSED.search(said):
            return self
        for name in named:
            if name in self.lengths and _TOO_MANY.search(said):
                continue  # the limit itself is too high, which the other name would not mend
            if name in (*_LENGTHS, "temperature", "seed", "logprobs", "top_logprobs"):
                return self._without(name)
        return self

    def _without(self, name: str) -> Manners:
        return replace(self, refused=self.refused | {name})
