"""Fixtures of the tests with a model server that fails: retries that do not really wait."""

from __future__ import annotations

from functools import partial

import pytest

from ruler.llm.client import Client


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the clients of whole runs would have waited before further attempts, none of them slept."""
    told: list[float] = []

    async def noted(seconds: float) -> None:
        told.append(seconds)

    monkeypatch.setattr("ruler.pipeline.models.Client", partial(Client, sleep=noted))
    return told
