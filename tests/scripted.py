"""A chat model whose answers a test writes: the id of the prompt decides which function answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping

from ruler.errors import ModelError
from ruler.llm.base import Reply, Request, TokenUsage

Answering = Callable[[Request], object]
"""A request → text, an object to be sent as JSON, or an error to raise."""


class ScriptedModel:
    """Answers by prompt id; counts what it was asked, and keeps the requests."""

    def __init__(self, answers: Mapping[str, Answering], name: str = "scripted") -> None:
        self._answers = answers
        self._name = name
        self.asked: Counter[str] = Counter()
        self.requests: list[Request] = []

    @property
    def name(self) -> str:
        return self._name

    async def generate(self, request: Request) -> Reply:
        self.asked[request.prompt] += 1
        self.requests.append(request)
        if request.prompt not in self._answers:
            raise ModelError(f"the test has no answer to '{request.prompt}'", where=self._name, kind="request")
        said = self._answers[request.prompt](request)
        if isinstance(said, Exception):
            raise said
        text = said if isinstance(said, str) else json.dumps(said)
        return Reply(text, TokenUsage(100, max(1, len(text) // 4)), self._name)

    async def close(self) -> None:
        pass


def gone(_: Request) -> ModelError:
    """Nobody answers."""
    return ModelError("no connection", where="scripted", kind="unreachable")
