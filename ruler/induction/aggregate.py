"""Rule aggregation: the candidate rules of all batches in; rules with the number of batches that they came from out.

A model says which candidates mean the same (AnomalyRuler, Sec. 3.2); the votes are counted here, and can be counted
again from the candidates that are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ruler.induction.generate import AnomalyCandidate, Generated, NormalCandidate
from ruler.llm.client import Client
from ruler.llm.prompts import Prompts, fenced
from ruler.rules.model import Kind, Rule, Subject, Support
from ruler.rules.words import words_of

PROMPT = "aggregate"

TOKENS = 8000
_SHOWN = 8


class Group(BaseModel):
    """Candidates that say the same."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    subject: Subject
    text: Annotated[str, Field(min_length=1, max_length=400)]
    members: list[str]


class Groups(BaseModel):
    """All candidates of one kind, grouped."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Aggregated:
    """A rule and what it was made from.

    Attributes:
        rule: with its support; keywords of all members, those of most batches first.
        members: ids of its candidates.
        keyword_votes: keyword → number of batches that gave it.
        clear: mean of what the members say of themselves, 1 to 3; 0 for a normal rule.
    """

    rule: Rule
    members: tuple[str, ...]
    keyword_votes: Mapping[str, int]
    clear: float = 0.0


@dataclass(frozen=True, slots=True)
class Grouping:
    """What became of the candidates of one kind.

    Attributes:
        rules: those of most batches first.
        problem: what is wrong with the reply, where it could not be read: each candidate then stands for itself.
        text: that reply as it came.
    """

    rules: tuple[Aggregated, ...]
    problem: str = ""
    text: str = ""


async def aggregate(
    client: Client, prompts: Prompts, generated: Sequence[Generated], kind: Kind, *, abstract: bool = True
) -> Grouping:
    """Group the candidates of one kind and count the batches of each group.

    Args:
        client: the model that says which are the same.
        prompts: give the template `aggregate`.
        generated: of all batches.
        kind: "normal" or "anomaly".
        abstract: whether the texts go from abstract to concrete.

    Raises:
        ModelError: no answer could be had.
        BudgetError: the budget is used up.
    """
    candidates = {key: c for one in generated for key, c in one.ids(kind).items()}
    if not candidates:
        return Grouping(())
    told = "\n".join(fenced(f"{key}: {_told(c)}", "rule") for key, c in candidates.items())
    prompt = prompts.render(PROMPT, candidates=told, count=len(candidates), kind=kind, abstract=abstract)

    def wrong(groups: Groups) -> str:
        named = Counter(member for group in groups.groups for member in group.members)
        unknown = [m for m in named if m not in candidates]
        missing = [m for m in candidates if m not in named]
        twice = [m for m, n in named.items() if n > 1]
        said = (("There is no candidate", unknown), ("No group has", missing), ("More than one group has", twice))
        return " ".join(f"{what} {', '.join(ids)}." for what, ids in said if ids)

    answer = await client.ask(prompt.request(max_tokens=TOKENS), Groups, wrong)
    groups = answer.value.groups if answer.value is not None else ()
    rules = tuple(collect(groups, candidates, len(generated), kind))
    return Grouping(rules) if answer.value is not None else Grouping(rules, answer.problem, answer.reply.text)


def collect(
    groups: Sequence[Group],
    candidates: Mapping[str, NormalCandidate | AnomalyCandidate],
    batches: int,
    kind: Kind,
) -> list[Aggregated]:
    """Count the votes of groups.

    A candidate that a model forgot stands for itself; one that it named twice counts where it came first; a name of no
    candidate counts nowhere.

    Args:
        groups: as a model made them.
        candidates: id → candidate; "3.A2" comes from batch 3.
        batches: n.
        kind: of all of them.
    """
    taken: set[str] = set()
    made: list[Aggregated] = []
    for group in groups:
        members = [m for m in dict.fromkeys(group.members) if m in candidates and m not in taken]
        taken.update(members)
        if members:
            made.append(_made(group.subject, group.text, members, candidates, batches, kind))
    for key, alone in candidates.items():
        if key not in taken:
            made.append(_made(alone.subject, alone.text, [key], candidates, batches, kind))
    return sorted(made, key=lambda one: -(one.rule.support.votes if one.rule.support else 0))


def batch_of(member: str) -> int:
    """Number of the batch a candidate came from: "3.A2" → 3."""
    return int(member.partition(".")[0])


def _made(
    subject: Subject,
    text: str,
    members: Sequence[str],
    candidates: Mapping[str, NormalCandidate | AnomalyCandidate],
    batches: int,
    kind: Kind,
) -> Aggregated:
    votes = Counter[str]()
    for batch in sorted({batch_of(m) for m in members}):
        given = {
            word
            for m in members
            if batch_of(m) == batch and isinstance(c := candidates[m], AnomalyCandidate)
            for word in map(_keyword, c.keywords)
            if word
        }
        votes.update(sorted(given))
    clear = [c.clear for m in members if isinstance(c := candidates[m], AnomalyCandidate)]
    rule = Rule(
        kind=kind,
        subject=subject,
        text=text,
        keywords=tuple(word for word, _ in votes.most_common()),
        support=Support(votes=len({batch_of(m) for m in members}), of=batches),
    )
    return Aggregated(rule, tuple(members), dict(votes.most_common()), sum(clear) / len(clear) if clear else 0.0)


def _keyword(given: str) -> str:
    """A keyword in the form that is counted: its words in lower case; empty where there are none, or far too many."""
    words = words_of(given)
    return " ".join(words) if 0 < len(words) <= 6 else ""


def _told(candidate: NormalCandidate | AnomalyCandidate) -> str:
    if isinstance(candidate, NormalCandidate):
        return candidate.text
    return f"{candidate.text} (keywords: {', '.join(candidate.keywords[:_SHOWN])})"
