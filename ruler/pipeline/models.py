"""The chat models of a run: settings in; clients that share one cache, one budget and one event loop out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ruler.config import Settings
from ruler.errors import RulerError
from ruler.llm.base import ChatModel, Request
from ruler.llm.budget import Budget, Prices, Spent
from ruler.llm.cache import ReplyCache, default_cache_path
from ruler.llm.client import Answer, Client, ClientOptions
from ruler.llm.doctor import refuse_blind
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from ruler.llm.prompts import Prompts
from ruler.llm.replay import RecordingModel, ReplayModel
from ruler.rundir import Usage

T = TypeVar("T")

ModelMaker = Callable[[str, Settings], ChatModel]
"""A model string and the settings → the model; `make_model` unless a program brings its own."""

NOTHING = Spent()

_CLOSING = 10.0


def make_model(name: str, settings: Settings) -> ChatModel:
    """The chat model that a model string names.

    Raises:
        UsageError: the string names none, or a key is missing.
    """
    if name.startswith("replay:"):
        return ReplayModel(Path(name.removeprefix("replay:")))
    return OpenAIModel(parse_model(name), timeout=settings.transport.timeout)


class Models:
    """The models of a run; a context manager. One without models costs nothing and starts no thread.

    Attributes:
        settings: of the run.
        prompts: the templates.
        vlm: asked about pictures; None where perception has no model.
        llm: asked about text; None where induction and deduction have none.
        budget: of the run.

    Args:
        settings: name the models.
        spent: what earlier parts of the same run spent.
        make: makes models.
        journal: where what is spent is kept call by call; None for nowhere.

    Raises:
        UsageError: a model string is wrong, a key is missing, or a limit of cost is set and a price is missing.
    """

    def __init__(
        self, settings: Settings, *, spent: Spent = NOTHING, make: ModelMaker = make_model, journal: Path | None = None
    ) -> None:
        self.settings = settings
        asked, transport = settings.models, settings.transport
        self.prompts = Prompts(asked.prompts)
        prices = Prices.load(transport.prices)
        self.budget = Budget(transport.max_calls, transport.max_cost, prices, spent, journal)
        self._before = spent
        self._cache: ReplyCache | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.vlm: Client | None = None
        self.llm: Client | None = None
        self._models: list[ChatModel] = []
        self._seen = False
        names = [name for name in (asked.vlm, asked.llm) if name]
        if not names:
            return
        # What is replayed costs nothing.
        self.budget.require_prices(name for name in dict.fromkeys(names) if not name.startswith("replay:"))
        made = {name: self._made(name, make) for name in dict.fromkeys(names)}
        self._models = list(made.values())
        path = transport.cache or default_cache_path()
        self._cache = ReplyCache(path, transport.cache_megabytes * 1024 * 1024)
        clients = {name: self._client(model) for name, model in made.items()}
        self.vlm = clients[asked.vlm] if asked.vlm else None
        # One model can do both: pictures and text.
        self.llm = clients[asked.llm] if asked.llm else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def usage(self) -> Usage:
        """What was spent since these models were opened."""
        now, before = self.budget.spent, self._before
        return Usage(
            now.calls - before.calls,
            now.cached - before.cached,
            now.prompt_tokens - before.prompt_tokens,
            now.completion_tokens - before.completion_tokens,
            now.cost - before.cost,
            now.replayed - before.replayed,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the models: stale recordings, a cache that cannot be used."""
        stale = sorted({prompt for model in self._models if isinstance(model, ReplayModel) for prompt in model.stale})
        notes = []
        if stale:
            notes.append(f"stale: the prompts {', '.join(stale)} changed since their replies were recorded")
        if self._cache is not None and self._cache.trouble:
            notes.append(f"answers are not kept: {self._cache.trouble}")
        return tuple(notes)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine on the models' event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; interrupted, it is cancelled."""
        future = self.submit(work)
        try:
            return future.result()
        except BaseExceptionGroup as group:
            future.cancel()
            raise _first(group) from None
        except BaseException:
            future.cancel()
            raise

    def check_sight(self) -> None:
        """Make sure, once, that the model for pictures sees any.

        Raises:
            ModelError: it told two very different drawn pictures not apart, or takes no pictures.
        """
        if self._seen or self.vlm is None or not self.settings.transport.probe:
            return
        self._seen = True
        if not any(isinstance(model, ReplayModel) for model in self._models):
            self.run(refuse_blind(self.vlm, self.prompts))

    def say(self, client: Client) -> Callable[[Request], Future[Answer[str]]]:
        """What begins a call for words."""
        return lambda request: self.submit(client.say(request))

    def close(self) -> None:
        """Give up what is under way, and close the models and the cache."""
        if self._loop is not None and self._thread is not None:
            clients = {id(c): c for c in (self.vlm, self.llm) if c is not None}

            async def end() -> None:
                await asyncio.gather(*(client.close() for client in clients.values()), return_exceptions=True)

            try:
                asyncio.run_coroutine_threadsafe(end(), self._loop).result(_CLOSING)
            finally:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._thread.join(_CLOSING)
                self._loop = self._thread = None
        if self._cache is not None:
            self._cache.close()

    def _made(self, name: str, make: ModelMaker) -> ChatModel:
        model = make(name, self.settings)
        record = self.settings.transport.record
        return RecordingModel(model, record) if record is not None else model

    def _client(self, model: ChatModel) -> Client:
        transport = self.settings.transport
        options = ClientOptions(transport.concurrency, transport.retries)
        return Client(model, self.budget, self._cache, options)

    def _running(self) -> asyncio.AbstractEventLoop:
        """The event loop, in a thread of its own: so that it also works where the caller runs one."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="ruler-models", daemon=True)
            self._thread.start()
        return self._loop


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of errors of several tasks the one to tell: the first that a person can mend, else the first."""
    leaves = [_first(error) if isinstance(error, BaseExceptionGroup) else error for error in group.exceptions]
    return next((error for error in leaves if isinstance(error, RulerError)), leaves[0])
