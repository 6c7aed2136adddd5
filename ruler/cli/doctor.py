"""`ruler doctor`: a model string in; what the model can do, and what it is fit for, out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from ruler.cli import options as o
from ruler.config import Settings, load_settings
from ruler.llm.budget import Budget, Prices
from ruler.llm.cache import ReplyCache
from ruler.llm.client import Client, ClientOptions
from ruler.llm.doctor import Report, Use, as_dict, as_text, examine
from ruler.llm.prompts import Prompts
from ruler.pipeline.models import make_model
from ruler.progress import Progress

_AT_A_TIME = 4
_RETRIES = 2


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="openai:NAME, http://HOST/v1#NAME, ollama:NAME, …")],
    only: Annotated[
        Literal["vlm", "llm"] | None, typer.Option(help="Only what matters for --vlm, or for --llm; both without it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws other pictures and writes other texts.")] = 0,
    cache: Annotated[
        Path | None, typer.Option(help="Keep answers in this file, and take them from it; nothing is kept without it.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Most calls of the model; exit code 5 where they do not suffice.")
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> int:
    """Try what a model can do: does it see pictures, count, follow a format, quote, judge; how fast, at what cost?"""
    settings = load_settings()
    with o.progress_of(quiet, verbose=False) as progress:
        report = asyncio.run(_examined(model, settings, only, seed, cache, max_calls, progress))
    o.print_json(as_dict(report)) if as_json else print(as_text(report))
    spent = report.spent
    tokens = f"{spent.prompt_tokens + spent.completion_tokens:,} tokens"
    cost = f"${spent.cost:.4f}" if report.priced else "no price known"
    o.note(f"{spent.calls} calls, {tokens}, {cost}", quiet)
    if report.cut is not None:
        o.note(f"ruler: {report.cut.where}: {report.cut.what}; raise --max-calls", quiet)
        return report.cut.exit_code
    return 0


async def _examined(
    name: str,
    settings: Settings,
    only: Use | None,
    seed: int,
    cache: Path | None,
    max_calls: int | None,
    progress: Progress,
) -> Report:
    """Examine a model, and close it."""
    budget = Budget(max_calls, prices=Prices.load(settings.transport.prices))
    prompts = Prompts(settings.models.prompts)
    made = make_model(name, settings)
    memory = ReplyCache(cache) if cache is not None else None
    client = Client(made, budget, memory, ClientOptions(_AT_A_TIME, _RETRIES))
    try:
        return await examine(client, prompts, seed=seed, only=only, progress=progress)
    finally:
        await client.close()
        if memory is not None:
            memory.close()
