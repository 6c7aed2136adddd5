"""The whole examination of a model: a client in; what every probe found, and what the model is fit for, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ruler.errors import BudgetError
from ruler.llm.budget import Spent
from ruler.llm.client import Client
from ruler.llm.doctor import picture_probes, sight, speed, text_probes
from ruler.llm.doctor.finding import Finding, Probe, Use
from ruler.llm.prompts import Prompts
from ruler.progress import NoProgress, Progress

PROBES: tuple[Probe, ...] = (
    text_probes.reachable,
    sight.sees,
    picture_probes.counts,
    picture_probes.colours_and_shapes,
    picture_probes.keeps_to_what_is_there,
    speed.captions,
    text_probes.follows_a_schema,
    text_probes.judges_by_rules,
    text_probes.log_probabilities,
    text_probes.keeps_to_quotes,
    text_probes.withstands_injected_text,
    speed.rechecks,
)
"""All probes, in the order they are asked: reachability first, sight before all other pictures."""

Verdict = Literal["yes", "with care", "no", "not tried"]

_IN_VAIN = ("unreachable", "refused", "unknown")


@dataclass(frozen=True, slots=True)
class Fitness:
    """Whether a model is fit for a use.

    Attributes:
        verdict: "with care" where something speaks against it, or could not be found out.
        why: what does, in a few words each.
    """

    verdict: Verdict
    why: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.verdict}: {'; '.join(self.why)}" if self.why else self.verdict


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination found.

    Attributes:
        model: the model string.
        seed: of what was drawn and asked.
        findings: one for each probe that was asked for.
        fit: use → whether the model is fit for it.
        spent: what the examination took.
        priced: whether the model's price is known; without it, no cost is.
        cut: why it ended early; None where it did not.
    """

    model: str
    seed: int
    findings: tuple[Finding, ...]
    fit: Mapping[Use, Fitness]
    spent: Spent
    priced: bool = True
    cut: BudgetError | None = None


async def examine(
    client: Client, prompts: Prompts, *, seed: int = 0, only: Use | None = None, progress: Progress | None = None
) -> Report:
    """Try a model with all probes, or with those for one use.

    Args:
        client: the model; without a memory, so that times are real.
        prompts: the templates.
        seed: of what is drawn and asked.
        only: the one use; None for both.
        progress: where to say how far it is.

    Raises:
        ModelError: the model does not answer at all.
        BudgetError: not even the first call may be made.
    """
    asked = [probe for probe in PROBES if only is None or only in probe.uses]
    advance = (progress or NoProgress()).task("asking the model", len(asked))
    findings: list[Finding] = []
    cut: BudgetError | None = None
    skip = ""
    for probe in asked:
        unseen = probe.pictures and any(f.name == sight.sees.name and f.passed is False for f in findings)
        if skip or unseen:
            findings.append(Finding(probe.name, None, "", f"not tried: {skip or 'it does not see pictures'}"))
            advance()
            continue
        try:
            finding = await probe(client, prompts, seed)
        except BudgetError as error:
            if not findings:
                raise
            cut, skip = error, error.what
            finding = Finding(probe.name, None, "", f"not tried to its end: {error.what}")
        if not findings and finding.error is not None:
            raise finding.error
        if finding.error is not None and finding.error.kind in _IN_VAIN:
            skip = "the model does not answer any more"
        findings.append(finding)
        advance()
    priced = client.budget.prices.of(client.name) is not None
    return Report(client.name, seed, tuple(findings), fitness(findings), client.budget.spent, priced, cut)


def fitness(findings: Sequence[Finding]) -> dict[Use, Fitness]:
    """What a model is fit for.

    Args:
        findings: of probes for one use or for both.
    """
    found = {finding.name: finding for finding in findings}
    uses: dict[Use, Probe] = {"vlm": sight.sees, "llm": text_probes.follows_a_schema}
    return {use: _fitness(use, found, needed) for use, needed in uses.items()}


def _fitness(use: Use, found: Mapping[str, Finding], needed: Probe) -> Fitness:
    if needed.name not in found:
        return Fitness("not tried")
    if found[needed.name].passed is False:
        return Fitness("no", (_AGAINST[needed.name],))
    judged = found.get(text_probes.judges_by_rules.name)
    if use == "llm" and judged is not None and _by_chance(judged):
        return Fitness("no", (f"it judges clear cases no better than a coin ({judged.figure})",))
    counted = {name: f.passed for name, f in found.items() if name in _AGAINST and use in _USES[name]}
    reasons = [_AGAINST[name] for name, passed in counted.items() if passed is False]
    if unknown := [name for name, passed in counted.items() if passed is None]:
        reasons.append(f"not found out: {', '.join(unknown)}")
    return Fitness("with care", tuple(reasons)) if reasons else Fitness("yes")


def _by_chance(judged: Finding) -> bool:
    share = judged.measured.get("share")
    return judged.passed is False and isinstance(share, (int, float)) and share <= 0.5


_USES = {probe.name: probe.uses for probe in PROBES}

# Log-probabilities and injected text are reported alone: there are votes for the one, a check in code for the other.
_AGAINST: Mapping[str, str] = {
    sight.sees.name: "it does not see pictures",
    picture_probes.counts.name: "it miscounts",
    picture_probes.colours_and_shapes.name: "it confuses colours or shapes",
    picture_probes.keeps_to_what_is_there.name: "it names what is not there",
    speed.captions.name: "most of its captions are empty or cut off: raise caption.tokens",
    text_probes.follows_a_schema.name: "it does not keep to a format",
    text_probes.judges_by_rules.name: "it judges some clear cases wrong",
    text_probes.keeps_to_quotes.name: "it quotes what does not stand there, or leaves proofs out",
    speed.rechecks.name: "most of its rechecks are cut off or cannot be read",
}
"""Probe → what speaks against a use where it failed."""
