"""Whether a model sees pictures: drawn ones that differ, and the same question, in; yes, no or "not found out" out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ruler.errors import ModelError
from ruler.llm.client import Answer, Client
from ruler.llm.doctor.answers import Told, plain, told
from ruler.llm.doctor.finding import TOKENS, Outcome, probe, share, together, unanswered
from ruler.llm.doctor.pictures import COLOURS, KINDS, Shape, draw, lone_shapes
from ruler.llm.prompts import Prompts

PROMPT = "doctor_look"

_TOLD_APART = 0.75
_NOT_TOLD_APART = 0.25
"""Attributes by which answers must fit their own picture better than others, of two; and by which they may at most."""

_PICTURES = r"(?:image|picture|vision|visual|multi-?modal)"
_ABOUT = r"(?: inputs?| content| urls?|_url)?['\"`]?"
_BLIND = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # "does not support image input", but not "does not support images larger than …" or "… image format …"
        r"(?:not|n't|cannot) (?:currently |yet )?(?:support|accept|take|allow|have|handle|process)\w* (?:any |the )?"
        rf"['\"`]?{_PICTURES}(?:s|_url|[ -]urls?)?+['\"`]?+(?: (?:inputs?|content|understanding|support)\b)*+\b"
        r"(?! (?:formats?|types?|files?|sizes?|larger|smaller|bigger|above|over|of|with|from|that|at|in|mode)\b)",
        rf"{_PICTURES}s?{_ABOUT} (?:is|are) (?:currently )?not (?:supported|enabled|allowed|available|accepted)"
        r"(?! (?:in|at|for) this (?:format|size))",
        rf"{_PICTURES}s?{_ABOUT} (?:is|are) only (?:supported|available|accepted) (?:by|for|with|on) "
        r"(?:certain|some|vision|multi-?modal)",
        r"\b(?:not a|is no|non)[ -](?:multi-?modal|vision)",
        r"at most 0 image",
        r"no endpoints? found that (?:support|can handle) image",
        r"provide the mmproj",
        r"not compiled for multi-?modal",
        r"missing data required for image",
        r"unknown variant ['\"`]?image",
        r"\bcontent\b.{0,30}\b(?:must|should) be (?:a |of type )?(?:valid )?string",
        r"\btext-only model",
    )
)
"""What servers say where a model takes no pictures at all; not where they refuse one for its size or its format."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was found out about a model's eyes.

    Attributes:
        sees: whether it sees pictures; None where that could not be found out.
        why: in a few words.
        right: pictures of which colour and shape were both named right.
        halves: pictures of which the half was named right.
    """

    sees: bool | None
    why: str
    right: int = 0
    halves: int = 0


async def sees_pictures(client: Client, prompts: Prompts, seed: int = 0) -> bool | None:
    """Find out cheaply, in two calls, whether a model sees pictures.

    Args:
        client: the model.
        prompts: give the template `doctor_look`.
        seed: of the two pictures; with the same one, a cache answers the second time.

    Returns:
        True: its answers tell two drawn pictures apart. False: they do not, or it says that it gets none, or the server
        says that the model takes none. None: another error, or answers that say nothing about a shape.

    Raises:
        BudgetError: the budget is used up.
    """
    return (await _two(client, prompts, seed)).sees


async def refuse_blind(client: Client, prompts: Prompts) -> None:
    """Make sure that a model that is to caption pictures is not known to see none.

    Raises:
        ModelError: it does not see them.
        BudgetError: the budget is used up.
    """
    sight = await _two(client, prompts, 0)
    if sight.sees is False:
        raise ModelError(
            f"does not see pictures: {sight.why}",
            where=client.name,
            hint=f"give --vlm a model that takes pictures; `ruler doctor {client.name}` shows more",
            kind="request",
        )


@probe("sees pictures", "vlm", pictures=True)
async def sees(client: Client, prompts: Prompts, seed: int) -> Outcome:
    """Four pictures of one shape each, and the same question: are the answers different, and right?"""
    shapes = lone_shapes(4, seed)
    try:
        answers = await together(_ask(client, prompts, shape, seed) for shape in shapes)
    except ModelError as error:
        if (refusal := blind_by(error)) is None:
            raise
        return Outcome(False, "", refusal, {"right": 0, "of": len(shapes)})
    answered = [(a, s) for a, s in zip(answers, shapes, strict=True) if a is not None]
    sight = compare([told(a.reply.text) for a, _ in answered], [s for _, s in answered])
    of = len(answered)
    said = f"{sight.why}; colour and shape right in {sight.right} of {of}, the half in {sight.halves}"
    if sight.sees is False:
        said = f"{sight.why} (“{plain(answered[0][0].reply.text)}”)" if answered[0][0].value else sight.why
    measured = {"right": sight.right, "halves": sight.halves, "of": of, "share": share(sight.right, of)}
    return Outcome(sight.sees, f"{sight.right}/{of}", said + unanswered(answers), measured)


def compare(answers: Sequence[Told], shapes: Sequence[Shape]) -> Sight:
    """Find out from answers whether the pictures they are about were seen.

    An answer's fit is how many of colour and shape it names as they are. Whoever sees nothing fits each picture, the
    own and the others, equally well on the mean; whoever sees fits the own by about 2, the others by 0.

    Args:
        answers: one for each picture.
        shapes: the one on each picture; no two share a colour or a kind.
    """
    right = sum(a.fit(s) == 2 for a, s in zip(answers, shapes, strict=True))
    halves = sum(a.half == s.half for a, s in zip(answers, shapes, strict=True))
    if len(answers) < 2 or not all(a.words for a in answers):
        return Sight(None, "its answers are empty, so nothing can be said", right, halves)
    if all(a.denied for a in answers):
        return Sight(False, "it says that it gets no picture", right, halves)
    if len({a.words for a in answers}) == 1:
        number = "two" if len(answers) == 2 else str(len(answers))
        return Sight(False, f"it gave the same answer to {number} different ones", right, halves)
    if sum(a.readable for a in answers) < len(answers):
        return Sight(None, "its answers do not say what colour and shape are there", right, halves)
    pairs = [(i, j, a.fit(s)) for i, a in enumerate(answers) for j, s in enumerate(shapes)]
    own = [fit for i, j, fit in pairs if i == j]
    others = [fit for i, j, fit in pairs if i != j]
    apart = sum(own) / len(own) - sum(others) / len(others)
    if apart >= _TOLD_APART:
        return Sight(True, "it tells drawn pictures apart", right, halves)
    if apart <= _NOT_TOLD_APART:
        return Sight(False, "its answers do not fit the pictures", right, halves)
    return Sight(None, "its answers fit the pictures hardly better than by chance", right, halves)


def blind_by(error: ModelError) -> str | None:
    """What a server says, where that is that the model takes no pictures at all; else None."""
    if error.kind not in ("request", "failed"):
        return None
    found = any(pattern.search(said) for pattern in _BLIND for said in (error.what, error.raw))
    return f"the server says that it takes none ({plain(error.what, 160)})" if found else None


async def _two(client: Client, prompts: Prompts, seed: int) -> Sight:
    shapes = lone_shapes(2, seed)
    answers: list[Told] = []
    for shape in shapes:
        try:
            answer = await _ask(client, prompts, shape, seed)
        except ModelError as error:
            refusal = blind_by(error)
            return Sight(None if refusal is None else False, refusal or f"it could not be asked: {error.what}")
        answers.append(told(answer.reply.text))
    return compare(answers, shapes)


async def _ask(client: Client, prompts: Prompts, shape: Shape, seed: int) -> Answer[str]:
    prompt = prompts.render(PROMPT, colours=", ".join(COLOURS), kinds=", ".join(KINDS))
    return await client.say(prompt.request(images=(draw([shape]),), max_tokens=TOKENS, seed=seed))
