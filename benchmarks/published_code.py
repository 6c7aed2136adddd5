"""The published program's base method on its own captions of ShanghaiTech, with its keywords.

    python -m benchmarks.published_code

Frame-level micro AUC over the development half, through the same path as
`ruler detect --captions … --preset published-code`.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.data import ROOT, labels, present, table
from ruler.config import load_settings
from ruler.pipeline import Records, detect_videos, gather
from ruler.rules.importers import import_anomalyruler

PRESETS = ("published-code", "paper", "centred", "causal")


def main() -> None:
    """Print a row for each dataset and preset."""
    ruleset = (
        import_anomalyruler(ROOT / "rules" / "rule_SHTech.txt", ROOT / "rules" / "keywords_SHTech.txt")
        if present("rules")
        else None
    )
    rows = []
    for dataset in ("shanghaitech", "avenue", "ped2"):
        if ruleset is None or not present(dataset):
            continue
        for preset in PRESETS:
            settings = load_settings(None, {"smoothing": {"preset": preset}, "video": {"frame_rate": 24}})
            inputs, _ = gather([], Records(captions=ROOT / dataset / "captions"), settings)
            scores = {r.name: r.scores.scores for r in detect_videos(inputs, ruleset, settings)}
            truth = labels(dataset, list(scores))
            pooled = [np.concatenate([part[name] for name in scores]) for part in (truth, scores)]
            rows.append((dataset, preset, len(scores), len(pooled[0]), f"{roc_auc_score(*pooled):.4f}"))
    print(
        "Published captions and keywords (ShanghaiTech's list for all, as the published program has it), labels/*.npy\n"
    )
    table(("dataset", "preset", "videos", "frames", "micro AUC"), rows)


if __name__ == "__main__":
    main()
