"""The recheck of one video: its judgement and captions in; the judgement after a model was heard out.

Frames in the same case (equal caption, equal smoothed finding) are asked once. Where no model answers, the initial
finding stands.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ruler.deduction import smooth
from ruler.deduction.alike import gist, usual_things
from ruler.deduction.judge import Judgement, Recheck
from ruler.deduction.reason import Opinion, Question, reason
from ruler.deduction.vote import Vote, moved, reduce_votes, share
from ruler.errors import BudgetError, ModelError, RulerError
from ruler.llm.client import Client
from ruler.llm.prompts import Prompts
from ruler.rules.hostile import addresses_reader
from ruler.rules.match import UNCALIBRATED, MatchOptions, keyword_exceedance, text_exceedance
from ruler.rules.model import Rule
from ruler.rules.said import speaks_of
from ruler.schema import Evidence, FloatArray, Status

Which = Literal["all", "uncertain", "none"]

Nearest = Callable[[str], tuple[str, ...]]
"""A caption → the most similar captions of normal footage."""

PLAIN = MatchOptions()

MOST_FAILURES = 8
"""Cases in a row that no answer came to, after which a model is taken as gone."""

HOSTILE = "words in the caption address its reader, or excuse what happens: it may raise the finding, not lower it"


@dataclass(frozen=True, slots=True)
class RecheckOptions:
    """Which frames are asked about, and how.

    Attributes:
        which: "all" frames with a caption; "uncertain" ones, whose exceedance is near the threshold; "none".
        band: a frame is uncertain from threshold / band to threshold · band.
        votes: k.
        reducer: a name of `vote.REDUCERS`.
        reuse: also take over the outcome of a frame at most `span` seconds before that speaks of as many people, the
            same activities and things (see `gist`), with the same finding; and so on from frame to frame.
        span: seconds.
        logprobs: ask for the label's log-probabilities.
        temperature: of votes after the first.
        seed: of the order of the rules.
        alpha: of the exponential average of the paper's presets.
    """

    which: Which = "all"
    band: float = 1.15
    votes: int = 1
    reducer: str = "majority"
    reuse: bool = False
    span: float = 1.0
    logprobs: bool = True
    temperature: float = 0.5
    seed: int = 0
    alpha: float = smooth.PAPER_ALPHA


@dataclass(frozen=True, slots=True)
class Case:
    """Frames that are asked about once.

    Attributes:
        question: what is asked.
        positions: of the frames in the judgement.
        taken_over: those of them whose caption is not the very same.
    """

    question: Question
    positions: tuple[int, ...]
    taken_over: tuple[int, ...] = ()


@dataclass(slots=True)
class _Open:
    question: Question
    positions: list[int] = field(default_factory=list)
    taken_over: list[int] = field(default_factory=list)


def find_cases(
    judgement: Judgement,
    captions: Mapping[int, str],
    rules: Sequence[Rule],
    threshold: float = 1.0,
    options: RecheckOptions = RecheckOptions(),
    nearest: Nearest | None = None,
) -> list[Case]:
    """What has to be asked about a video.

    Args:
        judgement: after smoothing.
        captions: position in the judgement → caption.
        rules: of the scene.
        threshold: exceedance from which a frame is anomalous.
        options: which frames, and whether outcomes are taken over.
        nearest: gives examples; None for none.
    """
    opened: dict[tuple[str, bool], _Open] = {}
    latest: dict[object, tuple[float, _Open]] = {}
    usual = usual_things(rules)
    for position in sorted(captions):
        if position in judgement.camera or not _asked(judgement, position, threshold, options):
            continue
        caption, time = captions[position], float(judgement.times[position])
        anomalous = found_anomalous(judgement, position, threshold)
        key, matched = (caption, anomalous), speaks_of(caption, rules)
        like = (gist(caption, usual), matched, anomalous)
        if key in opened:
            case = opened[key]
            case.positions.append(position)
        elif options.reuse and like in latest and time - latest[like][0] <= options.span:
            case = latest[like][1]
            case.positions.append(position)
            case.taken_over.append(position)
        else:
            examples = nearest(caption) if nearest is not None else ()
            case = opened[key] = _Open(Question(caption, anomalous, matched, examples), [position])
        latest[like] = (time, case)
    return [Case(case.question, tuple(case.positions), tuple(case.taken_over)) for case in opened.values()]


async def recheck(
    judgement: Judgement,
    cases: Sequence[Case],
    captions: Mapping[int, str],
    rules: Sequence[Rule],
    client: Client,
    prompts: Prompts,
    options: RecheckOptions = RecheckOptions(),
    matching: MatchOptions = PLAIN,
    threshold: float = 1.0,
    concurrency: int = 8,
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Judgement, RulerError | None]:
    """Ask a model about the cases of a video and let its votes move the findings.

    Args:
        judgement: after smoothing; with outcomes of other frames, which move theirs.
        cases: see `find_cases`.
        captions: position in the judgement → caption.
        rules: of the scene.
        client: the model.
        prompts: give the template `reason`.
        options: votes, reducer and the like.
        matching: how evidence in words is weighed.
        threshold: exceedance from which a frame is anomalous.
        concurrency: cases under way at a time.
        advance: called with 1 for each case done.

    Returns:
        The judgement, and the error that ended the asking early (the budget, or a model that cannot be asked at all);
        None where all was asked.
    """
    known = {rule.id: rule for rule in rules}
    heard: dict[int, Recheck] = {}
    stopped: list[RulerError] = []
    in_a_row = [0]
    waiting = iter(cases)

    async def work() -> None:
        for case in waiting:
            outcome: Recheck | None = None
            if not stopped:
                try:
                    opinions = await _opinions(case.question, rules, client, prompts, options)
                    outcome = _outcome(opinions, known, options, matching)
                    in_a_row[0] = 0
                except BudgetError as error:
                    stopped.append(error)
                except ModelError as error:
                    in_a_row[0] += error.passing
                    if error.lasting or in_a_row[0] >= MOST_FAILURES:
                        stopped.append(error)
                    outcome = Recheck(None, status=Status.DEGRADED, notes=(f"no model answered ({error.what})",))
            if outcome is None:
                outcome = Recheck(None, status=Status.DEGRADED, notes=("not asked: " + stopped[0].what,))
            heard.update(_for_frames(outcome, case, judgement, captions))
            advance(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(cases))):
            group.create_task(work())
    everything = {**judgement.rechecks, **heard}
    return take_over(judgement, everything, options, threshold), (stopped[0] if stopped else None)


def take_over(
    judgement: Judgement,
    rechecks: Mapping[int, Recheck],
    options: RecheckOptions = RecheckOptions(),
    threshold: float = 1.0,
) -> Judgement:
    """The judgement moved by outcomes.

    Args:
        judgement: after smoothing.
        rechecks: position → what came of the frame, without a probability where nothing did.
        options: see `RecheckOptions`.
        threshold: exceedance from which a frame is anomalous.
    """
    return _moved(replace(judgement, rechecks=rechecks), options, threshold)


def found_anomalous(judgement: Judgement, position: int, threshold: float) -> bool:
    """The smoothed initial finding of a frame."""
    if judgement.findings is not None:
        return bool(judgement.findings[position])
    return bool(judgement.smoothed[position] >= threshold)


def _asked(judgement: Judgement, position: int, threshold: float, options: RecheckOptions) -> bool:
    if options.which != "uncertain":
        return options.which == "all"
    r = float(judgement.smoothed[position])
    return threshold / options.band <= r <= threshold * options.band


async def _opinions(
    question: Question, rules: Sequence[Rule], client: Client, prompts: Prompts, options: RecheckOptions
) -> list[Opinion]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_one(question, rules, client, prompts, options, v)) for v in range(options.votes)]
    results = [task.result() for task in tasks]
    opinions = [one for one in results if isinstance(one, Opinion)]
    errors = [one for one in results if isinstance(one, RulerError)]
    if errors and (not opinions or any(isinstance(error, BudgetError) for error in errors)):
        raise errors[0]
    return opinions


async def _one(
    question: Question, rules: Sequence[Rule], client: Client, prompts: Prompts, options: RecheckOptions, vote: int
) -> Opinion | RulerError:
    try:
        return await reason(
            client,
            prompts,
            rules,
            question,
            vote=vote,
            seed=options.seed,
            logprobs=options.logprobs,
            temperature=options.temperature,
        )
    except (ModelError, BudgetError) as error:
        return error


def _outcome(
    opinions: Sequence[Opinion], rules: Mapping[str, Rule], options: RecheckOptions, matching: MatchOptions
) -> Recheck:
    """One outcome from all votes; its evidence and reason are those of the first vote that agrees with it."""
    readable = [o for o in opinions if o.anomalous is not None]
    votes = [Vote(bool(o.anomalous), o.probability, _weight(o, rules, matching)) for o in readable]
    outcome = reduce_votes(votes, options.reducer)
    dropped = tuple(dict.fromkeys(f"dropped: {why}" for o in opinions for why in o.dropped))
    if 0 < len(readable) < options.votes:
        dropped = (f"{options.votes - len(readable)} of {options.votes} votes could not be had", *dropped)
    if outcome is None:
        raw = next((o.raw for o in opinions if o.raw), "")
        return Recheck(None, status=Status.UNPARSED, raw=raw, notes=dropped)
    agreeing = [o for o in readable if bool(o.anomalous) == outcome.anomalous] or readable
    evidence = tuple(
        Evidence(claim.rule, keyword_exceedance(rules[claim.rule], matching), quote=claim.quote)
        for claim in agreeing[0].claims
        if rules[claim.rule].kind == "anomaly"
    )
    return Recheck(
        outcome.probability,
        outcome.source,
        tuple(bool(o.anomalous) for o in readable),
        evidence if outcome.anomalous else (),
        agreeing[0].rationale,
        Status.OK,
        notes=dropped,
    )


def _weight(opinion: Opinion, rules: Mapping[str, Rule], matching: MatchOptions) -> float:
    cited = [rules[c.rule] for c in opinion.claims if c.rule in rules and rules[c.rule].kind == "anomaly"]
    return max((_silence(rule, matching) for rule in cited), default=1.0)


def _silence(rule: Rule, matching: MatchOptions) -> float:
    """How seldom a rule fires on normal footage: ln f / ln α; `UNCALIBRATED` where that was never measured."""
    alarms = rule.false_alarms
    return UNCALIBRATED if alarms is None else max(text_exceedance(alarms.rate, matching.alpha), 0.1)


def _for_frames(
    outcome: Recheck, case: Case, judgement: Judgement, captions: Mapping[int, str]
) -> Iterator[tuple[int, Recheck]]:
    """The outcome for each frame of a case."""
    first = int(judgement.frames[case.positions[0]])
    asked = bool(addresses_reader(case.question.caption))
    for position in case.positions:
        frame = int(judgement.frames[position])
        notes = outcome.notes
        # Of a frame that takes over another's outcome, both captions count.
        hostile = asked or bool(addresses_reader(captions.get(position, "")))
        if hostile:
            notes = (HOSTILE, *notes)
        if position in case.taken_over:
            notes = (*notes, f"taken over from frame {first}, which speaks of the same")
        evidence = tuple(replace(e, frame=frame) for e in outcome.evidence)
        yield position, replace(outcome, evidence=evidence, notes=notes, hostile=hostile)


def _moved(judgement: Judgement, options: RecheckOptions, threshold: float) -> Judgement:
    """The judgement with every frame moved by what was said of it, frames without a caption as their neighbours."""
    asked = sorted(judgement.rechecks)
    if not asked and (options.which != "uncertain" or judgement.findings is not None):
        return judgement
    if judgement.findings is not None:
        return _overruled(judgement, asked, options.alpha)
    before = judgement.smoothed
    shift = np.zeros(len(before))
    if options.which == "uncertain":
        # A finding that nobody had to ask about counts as if the model had agreed; else those that were asked about,
        # and confirmed, would overtake the ones that are surer than they.
        for position in set(judgement.captioned) - set(asked) - set(judgement.camera):
            agreed = share(float(before[position] >= threshold), 1)
            shift[position] = _change(float(before[position]), agreed)
    for position in asked:
        said = judgement.rechecks[position]
        if said.probability is not None:
            change = _change(float(before[position]), said.probability)
            shift[position] = max(change, 0.0) if said.hostile else change
    anchors = np.zeros(len(before), bool)
    anchors[asked] = True
    anchors[[p for p in judgement.captioned if p < len(before)]] = True
    spread = smooth.spread(shift[anchors], judgement.times[anchors], judgement.times)
    smoothed: FloatArray = np.where(spread == 0, before, np.maximum(before, 1e-3) * np.exp(spread))
    return replace(judgement, smoothed=smoothed, scores=smoothed / (1 + smoothed))


def _change(exceedance: float, probability: float) -> float:
    """How far a probability moves an exceedance, as the logarithm of its factor."""
    r = max(exceedance, 1e-3)
    return math.log(moved(r, probability) / r)


def _overruled(judgement: Judgement, asked: Sequence[int], alpha: float) -> Judgement:
    """For the paper's presets: the verdicts take the place of the findings, and their average is the score."""
    assert judgement.findings is not None
    findings = judgement.findings.copy()
    for position in asked:
        said = judgement.rechecks[position]
        if said.probability is not None:
            findings[position] = said.probability > 0.5 or (said.hostile and findings[position])
    scores = smooth.ema(findings.astype(float), alpha)
    kept = [position for position in asked if judgement.rechecks[position].hostile]
    scores[kept] = np.maximum(scores[kept], judgement.scores[kept])
    return replace(
        judgement, findings=findings, scores=scores, smoothed=np.minimum(scores / np.maximum(1 - scores, 1e-9), 1e6)
    )
