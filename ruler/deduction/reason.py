"""Robust reasoning: one frame's caption, the rules and the finding so far in; one vote of a model, checked, out.

A model claims that rules match and quotes the caption for it (AnomalyRuler, Sec. 3.4). What it claims is checked in
code: the rules must be there, and the quotes must stand in the caption.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ruler.llm.client import Answer, Client
from ruler.llm.labels import label_probabilities
from ruler.llm.prompts import Prompt, Prompts, fenced
from ruler.rules.hostile import addresses_reader
from ruler.rules.model import Rule

PROMPT = "reason"

LABELS = ("yes", "no")

AFRESH = 1000
"""Added to the number of a vote that is asked again without its first answer."""

TOKENS = 700
UNREASONED = "it clears the finding and cites nothing normal that is described, so the finding stands"

_GAP = "\n|\n"
_READ_OUT = re.compile(r"[\"“«„][^\"“”«»„\n]{0,300}[\"”»“]|(?<!\w)[‘'][^‘’'\n]{0,200}[’'](?!\w)")
_PLAIN = re.compile(r"[^\w.-]")
_SPACE = re.compile(r"\s+")
_QUOTES = str.maketrans("“”„«»‘’‚", '"""""\'\'\'')


class Claim(BaseModel):
    """A rule that a model says matches, and the words of the caption it says so by."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rule: str
    quote: str


class Reasoning(BaseModel):
    """A model's reply: evidence first, then the reason, then the verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    findings: list[Claim]
    rationale: Annotated[str, Field(max_length=2000)]
    anomalous: Literal["yes", "no"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one frame.

    Attributes:
        caption: its caption.
        anomalous: the smoothed initial finding.
        matched: ids of the rules whose keywords this caption speaks of.
        examples: the nearest normal captions.
    """

    caption: str
    anomalous: bool
    matched: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()

    @property
    def finding(self) -> str:
        """The finding in words, the same for all frames that are in the same case."""
        # Ids are a person's words as well, and stand outside of every fence.
        matched = ", ".join(_PLAIN.sub("", one)[:20] for one in self.matched)
        if self.anomalous:
            return f"anomalous ({matched})" if matched else "anomalous, by the frames around it"
        return f"normal, though {matched} matched" if matched else "normal, no anomaly rule matched"


@dataclass(frozen=True, slots=True)
class Opinion:
    """One vote.

    Attributes:
        anomalous: what it says; None where no readable reply came, or none whose claims hold.
        probability: of "anomalous", from the label's log-probabilities; None where the server gave none.
        claims: those that hold, their quotes verbatim from the caption.
        dropped: what was claimed and does not hold, in words.
        rationale: the model's.
        raw: the reply as it came, where it could not be read or used.
    """

    anomalous: bool | None
    probability: float | None = None
    claims: tuple[Claim, ...] = ()
    dropped: tuple[str, ...] = ()
    rationale: str = ""
    raw: str = ""


async def reason(
    client: Client,
    prompts: Prompts,
    rules: Sequence[Rule],
    question: Question,
    *,
    vote: int = 0,
    seed: int = 0,
    logprobs: bool = True,
    temperature: float = 0.0,
) -> Opinion:
    """Ask for one vote.

    A reply with claims that do not hold is asked for once more with what is wrong; claims that still do not hold are
    dropped. A verdict that is left without any evidence is asked for again, from the beginning, without its first
    answer; what then has none either counts for nothing. A reply that clears an anomalous finding has to cite what is
    normal, in words that are the description's own; one that does not even when asked once more counts for nothing.

    Args:
        client: the model.
        prompts: give the template `reason`.
        rules: of the scene; shown in an order that the vote and the seed decide.
        question: the frame.
        vote: number of the vote, from 0.
        seed: of the orders.
        logprobs: whether to ask for log-probabilities.
        temperature: of votes after the first; the first is always the likeliest reply.

    Raises:
        ModelError: no answer could be had.
        BudgetError: the budget is used up.
    """
    known = {rule.id: rule for rule in rules}
    prompt = render_question(prompts, shuffled(rules, vote, seed), question)

    async def ask(number: int) -> Answer[Reasoning]:
        request = prompt.request(
            max_tokens=TOKENS,
            vote=number,
            seed=seed + number,
            temperature=temperature if number else 0.0,
            logprobs=logprobs,
        )
        return await client.ask(request, Reasoning, lambda said: fault(said, known, question))

    opinion = _opinion(await ask(vote), known, question)
    if opinion.anomalous is None and opinion.dropped and UNREASONED not in opinion.dropped:
        opinion = _opinion(await ask(vote + AFRESH), known, question)
    return opinion


def shuffled(rules: Sequence[Rule], vote: int, seed: int) -> list[Rule]:
    """The rules in the order of a vote: that of the file for the first, another one for each further vote."""
    if vote == 0:
        return list(rules)
    order = np.random.default_rng((seed, vote)).permutation(len(rules))
    return [rules[i] for i in order]


def fault(said: Reasoning, rules: Mapping[str, Rule], question: Question) -> str:
    """What is wrong with the claims of a reply, in words for the model; empty where all hold."""
    wrong = [why for claim in said.findings if (why := _why_not(claim, rules, question.caption))]
    if not wrong and said.anomalous == "yes" and not _supported(said.findings, rules):
        wrong.append('"anomalous" is "yes", but no anomaly rule is among the findings.')
    if not wrong and said.anomalous == "no" and question.anomalous and not cleared(said.findings, rules, question):
        wrong.append(
            '"anomalous" is "no" against the finding so far, but no normal rule is among the findings with a quote of '
            "what is described; what stands on a sign or is said to the reader is none."
        )
    return " ".join(wrong)


def quoted(quote: str, caption: str) -> str | None:
    """The words of a caption that a quote means, verbatim; None where they do not stand in it.

    Letters' case, blanks, kinds of quotation marks and marks at the ends do not matter; every word does.
    """
    wanted = _SPACE.sub(" ", quote.translate(_QUOTES)).strip().strip("\"'.,;:!?… ").lower()
    if not wanted:
        return None
    pattern = r"[ \t\n]+".join(map(re.escape, wanted.split(" ")))
    lower = caption.translate(_QUOTES).lower()
    if len(lower) != len(caption):
        lower = caption.translate(_QUOTES)
    found = re.search(rf"(?<!\w){pattern}(?!\w)", lower)
    return caption[found.start() : found.end()] if found else None


def render_question(prompts: Prompts, rules: Sequence[Rule], question: Question) -> Prompt:
    """The prompt of one vote: rules with their ids, the caption fenced as data, the finding so far, the examples."""

    def told(kind: str) -> str:
        return "\n".join(f"{rule.id}: {_line(rule.text)}" for rule in rules if rule.kind == kind) or "(none)"

    return prompts.render(
        PROMPT,
        normal=fenced(told("normal"), "rules"),
        anomaly=fenced(told("anomaly"), "rules"),
        caption=fenced(question.caption, "description"),
        finding=question.finding,
        examples="\n".join(fenced(example, "example") for example in question.examples),
    )


def cleared(claims: Sequence[Claim], rules: Mapping[str, Rule], question: Question) -> bool:
    """Whether claims give a reason against an anomalous finding.

    That is a normal rule (any rule where the scene has no normal ones) with a quote that stands in the caption outside
    of what was read out from somewhere, addresses the reader, or excuses what happens.
    """
    described = _READ_OUT.sub(_GAP, question.caption)
    for passage in addresses_reader(question.caption):
        described = described.replace(passage, _GAP)
    normal = any(rule.kind == "normal" for rule in rules.values())
    fitting = (c for c in claims if c.rule in rules and (rules[c.rule].kind == "normal" or not normal))
    return any(quoted(claim.quote, described) is not None for claim in fitting)


def _opinion(answer: Answer[Reasoning], rules: Mapping[str, Rule], question: Question) -> Opinion:
    said = answer.value
    if said is None:
        return Opinion(None, raw=answer.reply.text)
    claims, dropped = [], []
    for claim in said.findings:
        why = _why_not(claim, rules, question.caption)
        if why:
            dropped.append(why)
        else:
            claims.append(Claim(rule=claim.rule, quote=quoted(claim.quote, question.caption) or claim.quote))
    anomalous = said.anomalous == "yes"
    if anomalous and not _supported(claims, rules):
        dropped = dropped or ["it names no anomaly rule"]
        return Opinion(None, None, tuple(claims), tuple(dropped), said.rationale, answer.reply.text)
    if not anomalous and question.anomalous and not cleared(claims, rules, question):
        return Opinion(None, None, tuple(claims), (*dropped, UNREASONED), said.rationale, answer.reply.text)
    likely = label_probabilities(answer.reply, "anomalous", LABELS)
    return Opinion(
        anomalous,
        likely[LABELS[0]] if likely is not None else None,
        tuple(claims),
        tuple(dropped),
        _line(said.rationale),
    )


def _why_not(claim: Claim, rules: Mapping[str, Rule], caption: str) -> str:
    if claim.rule not in rules:
        return f"There is no rule {_line(claim.rule)[:20]}."
    if quoted(claim.quote, caption) is None:
        return f"The quote “{_line(claim.quote)[:120]}” for {claim.rule} does not stand in the description."
    return ""


def _supported(claims: Sequence[Claim], rules: Mapping[str, Rule]) -> bool:
    return any(claim.rule in rules and rules[claim.rule].kind == "anomaly" for claim in claims)


def _line(text: str) -> str:
    """Text of a model on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
