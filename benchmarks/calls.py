"""How many calls rechecks of the ShanghaiTech development half take, and what fewer calls cost.

    python -m benchmarks.calls

Recorded captions of every frame; rules that a stand-in model wrote. The calls are counted on the real path. The model
that answers here is a stub that says "yes" where a caption speaks of a published keyword: a function of the caption
alone, so that what is lost is lost by asking less, not by the luck of a reply.
"""

from __future__ import annotations

import asyncio
import json
import re

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.data import ROOT, labels, present, table
from benchmarks.induced import RECORDED, observed, settings_of
from ruler.deduction.judge import judge
from ruler.deduction.recheck import RecheckOptions, find_cases, recheck
from ruler.llm.base import Reply, Request, TokenUsage
from ruler.llm.client import Client, ClientOptions
from ruler.llm.prompts import Prompts
from ruler.pipeline.options import judge_options
from ruler.rules.importers import import_anomalyruler
from ruler.rules.io import load_rules
from ruler.rules.words import compile_keywords

DATASET = "shanghaitech"
WAYS = {
    "none": RecheckOptions(which="none"),
    "all": RecheckOptions(),
    "all, --reuse": RecheckOptions(reuse=True),
    "uncertain": RecheckOptions(which="uncertain"),
    "uncertain, --reuse": RecheckOptions(which="uncertain", reuse=True),
}


class KeywordModel:
    """Says "yes" citing an anomaly rule, where a caption speaks of a keyword, else "no", citing a normal one."""

    name = "keywords"

    def __init__(self, keywords: list[str]) -> None:
        self.asked = 0
        self._matcher = compile_keywords(keywords)

    async def generate(self, request: Request) -> Reply:
        """Answer by the caption alone."""
        self.asked += 1
        found = re.search(r"<description>\n(.*?)\n</description>", request.messages[1].text, re.DOTALL)
        caption = found[1] if found else ""
        rule = re.search(r"^(A\d+):", request.messages[0].text, re.MULTILINE)
        mention = next(iter(self._matcher.search(caption)), None)
        usual = re.search(r"^(N\d+):", request.messages[0].text, re.MULTILINE)
        first = re.match(r"\W*(\w+(?:\s+\w+)?)", caption)
        if mention:
            claims = [{"rule": rule[1], "quote": mention.quote}] if rule else []
        else:
            claims = [{"rule": usual[1], "quote": first[1]}] if usual and first else []
        said = {
            "findings": claims,
            "rationale": "A keyword." if mention else "No keyword.",
            "anomalous": "yes" if mention else "no",
        }
        return Reply(json.dumps(said), TokenUsage(900, 60))

    async def close(self) -> None:
        """Nothing to give back."""


def main() -> None:
    """Print the table."""
    if not present(DATASET):
        return
    rules, settings, prompts = load_rules(RECORDED / f"{DATASET}.yaml"), settings_of(DATASET), Prompts()
    folder = ROOT / "rules"
    published = import_anomalyruler(folder / "rule_SHTech.txt", folder / "keywords_SHTech.txt")
    keywords = [word for rule in published.rules for word in rule.keywords]
    videos = sorted(path.stem for path in (ROOT / DATASET / "captions").glob("*.txt"))
    truth = np.concatenate(list(labels(DATASET, videos).values()))
    rows, whole = [], 0.0
    for name, options in WAYS.items():
        model = KeywordModel(keywords)

        async def run(options: RecheckOptions = options, model: KeywordModel = model) -> list[np.ndarray]:
            client, found = Client(model, options=ClientOptions(concurrency=8)), []
            for video in videos:
                seen = observed(DATASET, video)
                captions = {i: o.caption for i, o in enumerate(seen) if o.caption}
                judgement = judge(seen, rules.rules, judge_options(settings, rules))
                cases = find_cases(judgement, captions, rules.rules, 1.0, options)
                after, _ = await recheck(judgement, cases, captions, rules.rules, client, prompts, options)
                found.append(after.scores)
            return found

        auc = float(roc_auc_score(truth, np.concatenate(asyncio.run(run()))))
        whole = auc if name == "all" else whole
        rows.append((
            name,
            model.asked,
            f"{model.asked / len(truth):.1%}",
            f"{auc:.4f}",
            "–" if name in ("none", "all") else f"{whole - auc:+.4f}",
        ))  # fmt: skip
    print(f"ShanghaiTech, {len(truth)} frames in {len(videos)} videos, each with a recorded caption\n")
    table(("recheck", "calls", "of the frames", "micro AUC", "AUC lost against all"), rows)


if __name__ == "__main__":
    main()
