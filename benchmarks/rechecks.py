"""Rechecks of real captions by a capable stand-in model, replayed from its recorded replies.

    python -m benchmarks.rechecks
    python -m benchmarks.rechecks --model http://127.0.0.1:8765/v1#NAME     # ask anew, and record

Fifty normal and fifty abnormal frames of each data set, spread over its videos and shuffled, are rechecked by rules
that the same stand-in wrote; it saw no label and no base rate. RR is a right verdict for a right reason, RW a right
verdict for a wrong one, WR a wrong verdict with a reason that fits what the caption says (the describing model erred),
WW neither. Reasons were judged by a reader who knew the labels (`reasons_*.json`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import FRAME_RATES, ROOT, captioned_videos, labels, present, table
from ruler.config import load_settings
from ruler.deduction.judge import judge
from ruler.deduction.reason import Opinion, Question, reason
from ruler.deduction.recheck import find_cases
from ruler.errors import ModelError
from ruler.llm.base import ChatModel
from ruler.llm.client import Client, ClientOptions
from ruler.llm.names import parse_model
from ruler.llm.openai import OpenAIModel
from ruler.llm.prompts import Prompts
from ruler.llm.replay import RecordingModel, ReplayModel
from ruler.pipeline.options import judge_options
from ruler.rules.io import load_rules
from ruler.schema import Observation

RECORDED = Path(__file__).resolve().parent / "recorded"
DATASETS = ("ped2", "shanghaitech")
EACH = 50
"""Frames of each label."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One frame that is rechecked."""

    video: str
    frame: int
    label: int
    question: Question


def sample(dataset: str, each: int = EACH, seed: int = 0) -> list[Asked]:
    """Frames to recheck: as many of each label, spread evenly over all videos that have it, in a shuffled order."""
    rules = load_rules(RECORDED / f"{dataset}.yaml")
    settings = load_settings(None, {"video": {"frame_rate": FRAME_RATES[dataset]}})
    videos = captioned_videos(dataset)
    truth = labels(dataset, videos)
    pool: dict[int, list[tuple[str, int]]] = {0: [], 1: []}
    for video in videos:
        for frame, label in enumerate(truth[video].tolist()):
            pool[int(label)].append((video, frame))
    chosen = {
        place: label
        for label, places in pool.items()
        for place in (places[i] for i in np.linspace(0, len(places) - 1, each).round().astype(int).tolist())
    }
    asked = []
    for video in dict.fromkeys(video for video, _ in chosen):
        text = (ROOT / dataset / "captions" / f"{video}.txt").read_text(encoding="utf-8").split("\n")
        captions = dict(enumerate(text[: len(truth[video])]))
        seen = (Observation(t, t / FRAME_RATES[dataset], c) for t, c in captions.items())
        judgement = judge(seen, rules.rules, judge_options(settings, rules))
        for case in find_cases(judgement, captions, rules.rules):
            asked += [
                Asked(video, frame, chosen[video, frame], case.question)
                for frame in case.positions
                if (video, frame) in chosen
            ]
    order = np.random.default_rng(seed).permutation(len(asked))
    return [asked[i] for i in order.tolist()]


async def ask(dataset: str, model: ChatModel, asked: Sequence[Asked]) -> list[Opinion | None]:
    """One vote on each frame; None where no reply to the question was recorded."""
    rules = load_rules(RECORDED / f"{dataset}.yaml").rules
    client = Client(model, options=ClientOptions(concurrency=24, retries=6))
    prompts = Prompts()

    async def opinion(one: Asked) -> Opinion | None:
        try:
            return await reason(client, prompts, rules, one.question)
        except ModelError as error:
            # A finding that came out otherwise since is another question, and nobody was asked that one.
            if isinstance(model, ReplayModel) and error.kind == "unknown":
                return None
            raise

    try:
        return list(await asyncio.gather(*(opinion(one) for one in asked)))
    finally:
        await client.close()


def wilson(hits: int, of: int, z: float = 1.96) -> str:
    """A share with its 95 % Wilson interval."""
    if not of:
        return "–"
    p, d = hits / of, 1 + z * z / of
    middle, half = (p + z * z / (2 * of)) / d, z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / d
    return f"{p:.1%} ({max(0.0, middle - half):.1%} to {middle + half:.1%}, n = {of})"


def judged_reasons(dataset: str) -> dict[str, bool]:
    """Frame ("VIDEO/FRAME") → whether the reason fits what the caption says, by a reader who knew the label."""
    path = RECORDED / f"reasons_{dataset}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of each data set."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", help="ask this model anew and record; else replay")
    options.add_argument("--datasets", nargs="*", default=list(DATASETS))
    given = options.parse_args(arguments)
    rows = []
    for dataset in given.datasets:
        if not present(dataset):
            continue
        path = RECORDED / f"rechecks_{dataset}.jsonl"
        model: ChatModel = (
            RecordingModel(OpenAIModel(parse_model(given.model), timeout=9000), path)
            if given.model
            else ReplayModel(path)
        )
        asked = sample(dataset)
        told = asyncio.run(ask(dataset, model, asked))
        opinions = [one for one in told if one is not None]
        asked = [one for one, said in zip(asked, told, strict=True) if said is not None]
        if len(asked) < len(told):
            print(
                f"{dataset}: {len(told) - len(asked)} frames left out, whose finding is another than was asked about\n"
            )
        readable = sum(o.anomalous is not None or bool(o.dropped) for o in opinions)
        claims, dropped = sum(len(o.claims) for o in opinions), sum(len(o.dropped) for o in opinions)
        reasons = judged_reasons(dataset)
        kinds = {"RR": 0, "RW": 0, "WR": 0, "WW": 0}
        for one, opinion in zip(asked, opinions, strict=True):
            right = opinion.anomalous is not None and opinion.anomalous == bool(one.label)
            fits = reasons.get(f"{one.video}/{one.frame}", False)
            kinds[f"{'R' if right else 'W'}{'R' if fits else 'W'}"] += 1
        before = sum(one.question.anomalous == bool(one.label) for one in asked)
        rows.append((
            dataset,
            len(asked),
            wilson(readable, len(opinions)),
            wilson(claims, claims + dropped),
            wilson(before, len(asked)),
            wilson(kinds["RR"] + kinds["RW"], len(asked)),
            "/".join(str(kinds[k]) for k in ("RR", "RW", "WR", "WW")) if reasons else "not judged",
        ))  # fmt: skip
        if isinstance(model, ReplayModel) and model.stale:
            print(f"{dataset}: stale, the prompt changed since: {', '.join(sorted(model.stale))}")
    print("Rechecks by a stand-in model, 50 normal and 50 abnormal frames each\n")
    header = (
        "dataset",
        "frames",
        "readable replies",
        "claims that hold",
        "initial finding right",
        "recheck right",
        "RR/RW/WR/WW",
    )
    table(header, rows)


if __name__ == "__main__":
    main()
