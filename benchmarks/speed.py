"""Speed and memory: perception and deduction together, decoding included; and recorded captions.

    python -m benchmarks.speed

Videos are drawn by the demo's scene, in the sizes named, and encoded as H.264. Each measurement runs in a process of
its own, whose largest resident memory is read when it ends. Machines differ and are noisy: compare rows of one run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from benchmarks.data import ROOT, table, videos
from ruler.config import load_settings
from ruler.demo import DEMO_CLIPS, render_clip
from ruler.pipeline import Records, detect_videos, gather, induce_rules
from ruler.rules.importers import import_anomalyruler
from ruler.rules.model import RuleSet
from ruler.video import write_video

SIZES = ((360, 240), (640, 360))
LENGTHS = (250, 1000, 4000)
CAPTIONS = 40_000


def main() -> None:
    """Measure each case in its own process and print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for size in SIZES:
            for length in LENGTHS:
                path = draw(Path(folder), size, length)
                rows.append(_measured("video", str(path)))
        if (ROOT / "ped2").is_dir():
            rows.append(_measured("video", str(videos("ped2", "training")[1])))
        print("Perception and deduction together, decoding included\n")
        table(("video", "frames", "frames/s", "ms per frame", "resident memory, MB"), rows)
    print(
        f"{CAPTIONS:,} recorded captions matched, smoothed and scored (ShanghaiTech's published captions, repeated)\n"
    )
    if (ROOT / "shanghaitech").is_dir():
        table(("captions", "lines", "lines/s", "seconds", "resident memory, MB"), [_measured("captions", "")])


def draw(folder: Path, size: tuple[int, int], length: int) -> Path:
    """A video of the demo's street, as long as asked: its clips one after another, forwards and backwards."""
    path = folder / f"{size[0]}x{size[1]}-{length}.mp4"
    clip = DEMO_CLIPS[0]
    pictures = [
        np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in islice(render_clip(clip), 240)
    ]
    there_and_back = pictures + pictures[-2:0:-1]
    write_video(path, (there_and_back[i % len(there_and_back)] for i in range(length)), 25)
    return path


def _measured(what: str, path: str) -> tuple[object, ...]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", what, path], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return (
        found["name"],
        found["frames"],
        f"{found['frames'] / found['seconds']:.0f}",
        f"{1000 * found['seconds'] / found['frames']:.2f}" if what == "video" else f"{found['seconds']:.2f}",
        f"{found['memory']:.0f}",
    )


def one_video(path: Path) -> dict[str, object]:
    """Judge one video by rules made of itself; only the judging is timed."""
    settings = load_settings(None, {"video": {"frame_rate": 25.0}} if path.is_dir() else {})
    inputs = gather([path], settings=settings)[0]
    rules = induce_rules(inputs, settings).rules
    began = time.perf_counter()
    result = next(iter(detect_videos(inputs, rules, settings)))
    seconds = time.perf_counter() - began
    return {"name": path.name, "frames": len(result.scores.scores), "seconds": seconds}


def captions() -> dict[str, object]:
    """Judge recorded captions by the published keyword list."""
    lines = [
        line
        for path in sorted((ROOT / "shanghaitech" / "captions").glob("*.txt"))
        for line in path.read_text().splitlines()
    ]
    rules: RuleSet = import_anomalyruler(ROOT / "rules" / "rule_SHTech.txt", ROOT / "rules" / "keywords_SHTech.txt")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.txt"
        path.write_text("\n".join(np.resize(np.array(lines, object), CAPTIONS)) + "\n")
        settings = load_settings()
        began = time.perf_counter()
        result = next(iter(detect_videos(gather([], Records(captions=path), settings)[0], rules, settings)))
        seconds = time.perf_counter() - began
    return {"name": "shanghaitech", "frames": len(result.scores.scores), "seconds": seconds}


def peak_memory() -> float:
    """Largest resident memory of this process in MB; of its own, not what its parent had when it was forked."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        outcome = one_video(Path(sys.argv[2])) if sys.argv[1] == "video" else captions()
        outcome["memory"] = peak_memory()
        print(json.dumps(outcome))
    else:
        main()
