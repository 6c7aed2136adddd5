"""Servers of the OpenAI chat API for tests: they answer from a script and keep what they were asked."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from ruler.errors import ModelError, TaughtError
from ruler.llm.base import Message, Reply, Request
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel

KEY = "key-0123456789-of-nobody"
ENVIRONMENT = {"OPENAI_API_KEY": KEY, "RULER_API_KEY": KEY}
HELLO = Request((Message("system", "Be brief."), Message("user", "Hello?")))
Handler = Callable[[httpx2.Request], httpx2.Response]


def completion(content: Any = "Hi.", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": "stop", **more.pop("choice", {})}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"id": "x", "object": "chat.completion", "model": "said", "choices": [choice], "usage": usage, **more}


def complaint(status: int, message: str = "no", **fields: Any) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": message, **fields}})


class Server:
    """A server in this process that keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        answer = answer(request) if callable(answer) else answer
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(r.content) for r in self.requests if r.method == "POST"]


def model(handler: Any, name: str = "https://llm.example.com/v1#m", timeout: float = 30) -> OpenAIModel:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
    return OpenAIModel(parse_model(name, ENVIRONMENT), timeout, environment=ENVIRONMENT, http_client=client)


async def persist(asked: OpenAIModel, request: Request) -> Reply:
    """Ask as long as the model learns from it, as a client does."""
    while True:
        try:
            return await asked.generate(request)
        except TaughtError:
            continue


def ask(handler: Any, request: Request = HELLO, name: str = "https://llm.example.com/v1#m") -> Reply:
    async def run() -> Reply:
        asked = model(handler, name)
        try:
            return await persist(asked, request)
        finally:
            await asked.close()

    return asyncio.run(run())


def fail(handler: Any, request: Request = HELLO, name: str = "https://llm.example.com/v1#m") -> ModelError:
    with pytest.raises(ModelError) as caught:
        ask(handler, request, name)
    error = caught.value
    assert len(str(error).splitlines()) == 1
    assert KEY not in f"{error} {error.raw} {error.hint} {error.what}"
    assert error.where is not None and error.where.startswith(name.partition("#")[0])
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    return error


def listing(*names: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}
