"""Rules that fire on normal captions in; the same rules reworded by a model, kept or dropped, with the reason, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ruler.induction.narrow import Hits
from ruler.llm.client import Client
from ruler.llm.prompts import Prompts, fenced
from ruler.rules.model import Rule

PROMPT = "revise"

TOKENS = 6000


class Revision(BaseModel):
    """What a model says of one rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    rule: str
    decision: Literal["narrow", "keep", "drop"]
    keywords: list[str]
    reason: str


class Revisions(BaseModel):
    """What a model says of all rules that fired."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    revisions: list[Revision]


async def revise(
    client: Client, prompts: Prompts, rules: Sequence[Rule], hits: Mapping[str, Hits], captions: int, level: float
) -> tuple[list[Rule], list[tuple[Rule, str]]]:
    """Have rules reworded whose keywords are found often in normal captions.

    Whether a keyword is found because the place is like that, or because the describing model errs now and then, no
    count can tell: on public data a rule that fires on a fifth of all normal captions was the best one of all.

    Args:
        client: the model.
        prompts: give the template `revise`.
        rules: anomaly rules with keywords.
        hits: keyword → where it was found.
        captions: number of normal captions that were looked at.
        level: share of them from which a keyword is asked about.

    Returns:
        The rules, those that fired reworded and with the reason in their note, and the dropped ones with the reason.
        A rule that the model does not speak of stays as it is.

    Raises:
        ModelError: no answer could be had.
        BudgetError: the budget is used up.
    """
    hits = {keyword: found for keyword, found in hits.items() if found.count > max(1.0, level * captions)}
    fired = {f"R{i}": rule for i, rule in enumerate(rules, 1) if any(k in hits for k in rule.keywords)}
    if not fired:
        return list(rules), []
    told = "\n".join(fenced(f"{key}: {_told(rule, hits)}", "rule") for key, rule in fired.items())
    prompt = prompts.render(PROMPT, rules=told, count=captions, percent=f"{100 * level:g}")

    def wrong(said: Revisions) -> str:
        missing = [key for key in fired if key not in {r.rule for r in said.revisions}]
        bare = [r.rule for r in said.revisions if r.decision == "narrow" and not any(k.strip() for k in r.keywords)]
        about = f"Nothing is said of {', '.join(missing)}." if missing else ""
        return about + (f" {', '.join(bare)} are narrowed and have no keywords." if bare else "")

    answer = await client.ask(prompt.request(max_tokens=TOKENS), Revisions, wrong)
    said = {r.rule: r for r in answer.value.revisions} if answer.value is not None else {}
    kept: list[Rule] = []
    dropped: list[tuple[Rule, str]] = []
    names = {id(rule): key for key, rule in fired.items()}
    for rule in rules:
        revision = said.get(names.get(id(rule), ""))
        if revision is None:
            kept.append(rule)
        elif revision.decision == "drop":
            dropped.append((rule, revision.reason))
        else:
            kept.append(_revised(rule, revision))
    return kept, dropped


def _revised(rule: Rule, revision: Revision) -> Rule:
    words = tuple(dict.fromkeys(k.strip().lower() for k in revision.keywords if k.strip()))
    if revision.decision == "keep" or not words:
        return rule.model_copy(update={"note": f"kept though it fires on normal captions: {_line(revision.reason)}"})
    return rule.model_copy(update={"keywords": words, "note": f"reworded: {_line(revision.reason)}"})


def _told(rule: Rule, hits: Mapping[str, Hits]) -> str:
    lines = [rule.text, f"keywords: {', '.join(rule.keywords)}"]
    for keyword in rule.keywords:
        if keyword in hits:
            found = hits[keyword]
            quotes = " | ".join(f"“{quote}”" for quote in found.quotes)
            lines.append(f"- {keyword}: found in {found.count}, as in {quotes}")
    return "\n".join(lines)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
