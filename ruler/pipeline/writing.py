"""Rules written by a model: tables of normal footage in; text rules, and what they were made from, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruler.config import Settings
from ruler.errors import DataError, ModelError
from ruler.induction.aggregate import Aggregated, Grouping, aggregate, collect
from ruler.induction.generate import Generated, draw_captions, generate
from ruler.induction.narrow import keyword_hits, narrowed
from ruler.induction.revise import revise
from ruler.llm.client import Client
from ruler.pipeline.models import Models
from ruler.pipeline.options import generation_options
from ruler.progress import Progress
from ruler.rules.model import Kind, Rule
from ruler.rules.table import Table

MOST_KEPT = 500
"""Normal captions kept beside the rules, as examples for rechecks."""

KINDS: tuple[Kind, ...] = ("normal", "anomaly")

PROMPTS = ("generate", "aggregate", "revise")


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote for one scene.

    Attributes:
        rules: normal and anomaly rules, without ids and uncalibrated.
        batches: candidates of each batch.
        groups: how candidates were grouped, by kind.
        dropped: rules that were given up, each with the reason.
        captions: normal captions, spread evenly over the reference.
        hashes: prompt → hash of its file.
        model: that wrote them.
    """

    rules: tuple[Rule, ...]
    batches: tuple[Generated, ...]
    groups: Mapping[str, Grouping]
    dropped: tuple[tuple[str, str], ...]
    captions: tuple[str, ...]
    hashes: Mapping[str, str]
    model: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: replies that could not be read."""
        unread = [one for one in self.batches if one.candidates is None]
        notes = []
        if unread:
            notes.append(
                f"{len(unread)} of {len(self.batches)} batches of rules could not be read: {unread[0].problem}"
            )
        notes += [
            f"the grouping of {kind} rules could not be read, so each candidate stands for itself: {made.problem}"
            for kind, made in self.groups.items()
            if made.problem
        ]
        return tuple(notes)

    def record(self) -> dict[str, Any]:
        """As JSON, so that the support of every rule can be counted again."""
        return {
            "model": self.model,
            "prompts": dict(self.hashes),
            "batches": [
                {
                    "batch": one.batch,
                    "captions": list(one.captions),
                    "candidates": one.candidates.model_dump() if one.candidates is not None else None,
                    **({"problem": one.problem, "reply": one.text} if one.candidates is None else {}),
                }
                for one in self.batches
            ],
            "groups": {
                kind: [
                    {"text": g.rule.text, "members": list(g.members), "keywords": dict(g.keyword_votes)}
                    for g in made.rules
                ]
                for kind, made in self.groups.items()
            },
            **({"unread": unread} if (unread := self._unread()) else {}),
            **({"notes": list(self.notes)} if self.notes else {}),
            "dropped": [{"text": text, "reason": reason} for text, reason in self.dropped],
            "captions": list(self.captions),
        }

    def _unread(self) -> dict[str, dict[str, str]]:
        """Groupings that could not be read, as they came."""
        found = {kind: made for kind, made in self.groups.items() if made.problem}
        return {kind: {"problem": made.problem, "reply": made.text} for kind, made in found.items()}


def write_rules(
    tables: Sequence[Table], settings: Settings, models: Models, progress: Progress, scene: str = ""
) -> Written:
    """Have the rules of a scene written by the model for text.

    Args:
        tables: normal footage, one a video.
        settings: of induction.
        models: give the model.
        progress: where to say how far it is.
        scene: what it is called.

    Raises:
        DataError: there are no captions to write rules from.
        ModelError: no answer could be had, or not one that could be read.
        BudgetError: the budget is used up.
    """
    client = models.llm
    assert client is not None
    clips = [[caption for caption in table.captions if caption] for table in tables]
    options = generation_options(settings, scene)
    batches = draw_captions(clips, options.batches, options.captions, options.seed)
    # Without a vote the first batch speaks alone.
    batches = batches if settings.induction.aggregation else batches[:1]
    if not batches:
        hint = "give --captions or --vlm, or videos whose motion is described"
        raise DataError("no captions to write rules from", where=scene or None, hint=hint)
    advance = progress.task("rule generation", len(batches))
    generated = models.run(generate(client, models.prompts, batches, options, advance))
    readable = [one for one in generated if one.candidates is not None]
    if not readable:
        hint = "try another model; `ruler doctor MODEL` tells what it can do"
        raise ModelError("wrote no readable rules", where=client.name, hint=hint, kind="reply")
    groups = _grouped(client, readable, settings, models, progress)
    normal = [one.rule for one in groups["normal"].rules]
    anomaly, few = _supported(groups["anomaly"].rules, settings)
    anomaly, given_up = _calibrated(anomaly, clips, settings, models, client)
    every = [caption for clip in clips for caption in clip]
    return Written(
        rules=(*normal, *anomaly),
        batches=tuple(generated),
        groups=groups,
        dropped=(*few, *given_up),
        captions=tuple(dict.fromkeys(every[:: max(1, -(-len(every) // MOST_KEPT))])),
        hashes={name: models.prompts.hash(name) for name in PROMPTS},
        model=client.name,
    )


NORMAL_HERE = 0.5
"""Share of normal captions from which a keyword names what is normal, whatever a model says of it."""


def quiet_on(rules: Sequence[Rule], tables: Sequence[Table], level: float = NORMAL_HERE) -> list[Rule]:
    """The rules without the keywords that fire too often in normal tables; those of which nothing is left, left out."""
    clips = [table.captions for table in tables]
    count = sum(bool(caption) for captions in clips for caption in captions)
    words = tuple(dict.fromkeys(k for rule in rules for k in rule.keywords))
    hits = keyword_hits(words, clips) if words else {}
    kept = (narrowed(rule, hits, count, level) if rule.keywords else rule for rule in rules)
    return [rule for rule in kept if rule is not None]


def _grouped(
    client: Client, generated: Sequence[Generated], settings: Settings, models: Models, progress: Progress
) -> dict[str, Grouping]:
    if not settings.induction.aggregation:
        first = generated[:1]
        return {
            kind: Grouping(tuple(collect((), {k: c for g in first for k, c in g.ids(kind).items()}, 1, kind)))
            for kind in KINDS
        }
    advance = progress.task("rule aggregation", 2)
    groups: dict[str, Grouping] = {}
    for kind in KINDS:
        made = aggregate(client, models.prompts, generated, kind, abstract=settings.induction.abstract)
        groups[kind] = models.run(made)
        advance(1)
    return groups


def _supported(groups: Sequence[Aggregated], settings: Settings) -> tuple[list[Rule], list[tuple[str, str]]]:
    """Anomaly rules, and keywords, of enough batches."""
    induction = settings.induction
    kept, dropped = [], []
    for one in groups:
        votes = one.rule.support.votes if one.rule.support else 0
        words = tuple(k for k, n in one.keyword_votes.items() if n >= min(induction.keyword_support, votes))
        if votes < min(induction.support, induction.batches):
            dropped.append((one.rule.text, f"from {votes} batches, {induction.support} are asked for"))
        elif not words:
            dropped.append((one.rule.text, "no keyword that can be looked for"))
        else:
            kept.append(one.rule.model_copy(update={"keywords": words}))
    return kept, dropped


def _calibrated(
    rules: Sequence[Rule], clips: Sequence[Sequence[str]], settings: Settings, models: Models, client: Client
) -> tuple[list[Rule], list[tuple[str, str]]]:
    """Rules that fire on normal captions, reworded or given up by the model."""
    words = tuple(dict.fromkeys(k for rule in rules for k in rule.keywords))
    hits = keyword_hits(words, clips)
    if not settings.induction.revise or not hits:
        return list(rules), []
    count = sum(map(len, clips))
    kept, dropped = models.run(revise(client, models.prompts, rules, hits, count, settings.induction.loud))
    return kept, [(rule.text, reason) for rule, reason in dropped]
