"""Frames of Ped2, sent to a server that knows them by sight: what comes back is what was published of them."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from benchmarks.data import FRAME_RATES, ROOT, labels

NORMAL_AND_NOT = ("05", "07")
"""Two short videos that have both kinds of frames, and captions that err."""

ALL = os.environ.get("RULER_ALL_FRAMES") == "1"
RATE = FRAME_RATES["ped2"]


@pytest.fixture(scope="module")
def names(ped2):
    """The videos that are looked at: two, or all of them where RULER_ALL_FRAMES is 1."""
    there = sorted(path.stem for path in (ped2 / "captions").glob("*.txt"))
    return there if ALL else [name for name in there if name in NORMAL_AND_NOT]


@pytest.fixture(scope="module")
def videos(ped2, names):
    return [ped2 / "testing" / "frames" / name for name in names]


@pytest.fixture(scope="module")
def rules(ped2, run_cli, tmp_path_factory):
    """The published rules of Ped2, with the published keywords."""
    out = tmp_path_factory.mktemp("rules") / "rules.yaml"
    published = ROOT / "rules"
    done = run_cli(
        "rules", "import", published / "rule_ped2.txt", "--keywords", published / "keywords_SHTech.txt", "-o", out
    )
    assert done.returncode == 0, done.stderr
    return out


def published(ped2, name):
    return (ped2 / "captions" / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def pooled_auc(run, names):
    truth = labels("ped2", names)
    scores = {n: np.loadtxt(run / n / "scores.csv", delimiter=",", skiprows=1)[:, 2] for n in names}
    return roc_auc_score(np.concatenate([truth[n] for n in names]), np.concatenate([scores[n] for n in names]))


def test_captions_are_those_that_were_published(caption_server, ped2, names, videos, run_cli, tmp_path):
    out = tmp_path / "captions"
    command = ["caption", *videos, "--vlm", caption_server.name, "--every", "1", "--frame-rate", RATE, "-o", out]
    done = run_cli(*command, "--cache", tmp_path / "cache.sqlite", "--json")
    assert done.returncode == 0, done.stderr
    told = {video["name"]: video for video in json.loads(done.stdout)["videos"]}
    for name in names:
        expected = published(ped2, name)
        records = [json.loads(line) for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [r["frame"] for r in records] == list(range(len(expected)))
        wrong = [r["frame"] for r in records if r["caption"] != expected[r["frame"]]]
        assert not wrong, f"{name}: frames {wrong[:5]} and so on have captions of others"
        assert np.allclose([r["time"] for r in records], np.arange(len(expected)) / RATE)
        assert told[name]["missing"] == 0
        assert told[name]["reused"] == 0, "somebody moves in every frame: no caption is taken over"


def test_detection_is_that_of_the_published_captions(caption_server, ped2, names, videos, rules, run_cli, tmp_path):
    seen, read = tmp_path / "seen", tmp_path / "read"
    command = ["detect", *videos, "--vlm", caption_server.name, "--every", "1", "--set", "caption.motion=false"]
    command += ["--set", "transport.probe=false"]
    common = ["--rules", rules, "--frame-rate", RATE, "--json"]
    done = run_cli(*command, *common, "-o", seen, "--cache", tmp_path / "cache.sqlite")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["calls"] == sum(len(published(ped2, name)) for name in names)
    done = run_cli("detect", "--captions", ped2 / "captions", *common, "-o", read)
    assert done.returncode == 0, done.stderr
    here, there = pooled_auc(seen, names), pooled_auc(read, names)
    assert there > 0.85, "the rules tell the frames apart"
    assert abs(here - there) <= 0.005


def test_a_picture_it_does_not_know_is_missing_and_the_run_goes_on(caption_server, ped2, run_cli, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    frames = sorted((ped2 / "testing" / "frames" / "05").iterdir())[:6]
    for number, frame in enumerate(frames):
        (folder / f"{number:03}.jpg").write_bytes(frame.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, (240, 360, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "003.jpg")
    command = ["caption", folder, "--vlm", caption_server.name, "--every", "1", "--frame-rate", RATE, "--json"]
    done = run_cli(*command, "-o", tmp_path / "out", "--cache", tmp_path / "cache.sqlite")
    assert "Traceback" not in done.stderr
    (video,) = json.loads(done.stdout)["videos"]
    assert (video["captions"], video["missing"]) == (5, 1)
    records = [json.loads(line) for line in (tmp_path / "out" / "odd.jsonl").read_text().splitlines()]
    assert [r["frame"] for r in records if not r.get("caption")] == [3]
    assert "none of the known frames" in records[3]["unanswered"]
