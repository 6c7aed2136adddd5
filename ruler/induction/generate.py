"""Rule generation: batches of normal captions and a chat model in; the candidate rules of each batch out.

Follows AnomalyRuler (Sec. 3.2): normal rules first, then anomaly rules by contrast to them; human activities apart from
the environment; from the abstract to the concrete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ruler.llm.client import Answer, Client
from ruler.llm.prompts import Prompts, fenced
from ruler.rules.model import Kind, Subject

PROMPT = "generate"

MOST_ANOMALY = 14
"""Anomaly rules asked for in each batch."""

TOKENS = 6000


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class NormalCandidate(_Reply):
    """A normal rule as a model writes it."""

    subject: Subject
    text: Annotated[str, Field(min_length=1, max_length=400)]


class AnomalyCandidate(_Reply):
    """An anomaly rule as a model writes it; `clear` is 3 (surely an anomaly) to 1 (perhaps)."""

    subject: Subject
    text: Annotated[str, Field(min_length=1, max_length=400)]
    keywords: list[str]
    clear: Literal[1, 2, 3]


class Candidates(_Reply):
    """What one batch gave."""

    normal: list[NormalCandidate]
    anomaly: list[AnomalyCandidate]


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """What rules are asked for, and of what.

    Attributes:
        batches: n.
        captions: m, captions in a batch.
        contrast: ask for anomaly rules by contrast to the normal ones.
        split: keep human activities and the environment apart.
        abstract: go from abstract classes to concrete instances.
        seed: of the draw.
        scene: what the place is called, for the prompt; empty for nothing said.
    """

    batches: int = 10
    captions: int = 10
    contrast: bool = True
    split: bool = True
    abstract: bool = True
    seed: int = 0
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Generated:
    """The candidates of one batch.

    Attributes:
        batch: its number, from 1.
        captions: what the model was shown.
        candidates: None where no readable reply came.
        text: the reply as it came.
        problem: what was wrong with it; empty where nothing was.
    """

    batch: int
    captions: tuple[str, ...]
    candidates: Candidates | None
    text: str
    problem: str = ""

    def ids(self, kind: Kind) -> dict[str, NormalCandidate | AnomalyCandidate]:
        """The candidates of one kind by id: "3.A2" is the second anomaly rule of the third batch."""
        if self.candidates is None:
            return {}
        if kind == "normal":
            return {f"{self.batch}.N{i}": c for i, c in enumerate(self.candidates.normal, 1)}
        return {f"{self.batch}.A{i}": c for i, c in enumerate(self.candidates.anomaly, 1)}


def draw_captions(clips: Sequence[Sequence[str]], batches: int, captions: int, seed: int = 0) -> list[tuple[str, ...]]:
    """Draw n batches of m captions from normal footage, spread evenly over it.

    Args:
        clips: captions of each normal clip, in the order of time.
        batches: n.
        captions: m. Where the footage has fewer than n · m captions, batches share some of them.
        seed: of the shuffle that deals them to the batches.

    Returns:
        n batches of up to m captions; equal captions stand in a batch once.
    """
    pool = [caption for clip in clips for caption in clip]
    if not pool:
        return []
    places = np.linspace(0, len(pool) - 1, batches * captions).round().astype(int)
    dealt = np.random.default_rng(seed).permutation(places)
    return [
        tuple(dict.fromkeys(pool[i] for i in dealt[b * captions : (b + 1) * captions].tolist())) for b in range(batches)
    ]


async def generate(
    client: Client,
    prompts: Prompts,
    batches: Sequence[Sequence[str]],
    options: GenerationOptions = GenerationOptions(),
    advance: Callable[[int], None] = lambda _: None,
) -> list[Generated]:
    """Have candidate rules written, one call for each batch.

    Args:
        client: the model.
        prompts: give the template `generate`.
        batches: normal captions of each batch; see `draw_captions`.
        options: what is asked for.
        advance: called with 1 for each batch done.

    Raises:
        ModelError: no answer could be had.
        BudgetError: the budget is used up.
    """

    async def one(number: int, captions: Sequence[str]) -> Generated:
        answer = await _ask(client, prompts, captions, options)
        advance(1)
        return Generated(number, tuple(captions), answer.value, answer.reply.text, answer.problem)

    # Not a task group: of several errors the first is the one to tell.
    return list(await asyncio.gather(*(one(i, batch) for i, batch in enumerate(batches, 1))))


def listed(captions: Sequence[str]) -> str:
    """Captions as they stand in a prompt: fenced and numbered."""
    return "\n".join(fenced(f"{i}. {caption}", "description") for i, caption in enumerate(captions, 1))


async def _ask(
    client: Client, prompts: Prompts, captions: Sequence[str], options: GenerationOptions
) -> Answer[Candidates]:
    prompt = prompts.render(
        PROMPT,
        captions=listed(captions),
        count=len(captions),
        scene=options.scene,
        contrast=options.contrast,
        split=options.split,
        abstract=options.abstract,
        most=MOST_ANOMALY,
    )
    return await client.ask(prompt.request(max_tokens=TOKENS), Candidates, _lacking)


def _lacking(candidates: Candidates) -> str:
    """What is wrong with candidates that could be read, in words for the model."""
    if not candidates.anomaly:
        return "There is no anomaly rule."
    if not candidates.normal:
        return "There is no normal rule."
    bare = [rule.text for rule in candidates.anomaly if not any(word.strip() for word in rule.keywords)]
    return f"The anomaly rule “{bare[0]}” has no keywords." if bare else ""
