"""The whole way on public data: what the project says of itself, held in short form."""

import json

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks import ped2_pixels
from benchmarks.data import labels, videos
from ruler.config import load_settings
from ruler.pipeline import Records, detect_videos, gather
from ruler.rules.importers import import_anomalyruler


def test_the_published_program_is_in_here(shared_data):
    rules = import_anomalyruler(
        shared_data / "rules" / "rule_SHTech.txt", shared_data / "rules" / "keywords_SHTech.txt"
    )
    settings = load_settings(None, {"smoothing": {"preset": "published-code"}})
    inputs, _ = gather([], Records(captions=shared_data / "shanghaitech" / "captions"), settings)
    scores = {r.name: r.scores.scores for r in detect_videos(inputs, rules, settings)}
    truth = labels("shanghaitech", list(scores))
    auc = roc_auc_score(np.concatenate([truth[n] for n in scores]), np.concatenate(list(scores.values())))
    assert len(scores) == 54
    assert abs(auc - 0.84704) < 1e-4, "what the published program gives on the same captions"


def test_ped2_from_pixels(shared_data):
    settings = load_settings(None, {"video": {"frame_rate": ped2_pixels.FRAME_RATE}})
    normal = gather(videos("ped2", "training"), settings=settings)[0]
    test = gather(videos("ped2", "testing"), settings=settings)[0]
    geometry = ped2_pixels.survey_scene(normal, settings)
    rules = ped2_pixels.induce(normal, ped2_pixels.watch_all(normal, settings, geometry), settings)
    seen = ped2_pixels.watch_all(test, settings, geometry)
    scores = {name: ped2_pixels.detect(observations, rules, settings)[0] for name, observations in seen.items()}
    assert ped2_pixels.micro_auc(list(scores), labels("ped2", list(scores)), scores) >= 0.97
    assert rules.calibration is not None
    assert rules.calibration.clips == 16
    assert all(rule.false_alarms is not None for rule in rules.rules)


def test_avenue_and_the_short_clips_end_to_end(shared_data, run_cli, tmp_path):
    for name, normal, test in (
        ("avenue", shared_data / "avenue" / "training_videos", shared_data / "avenue" / "testing_videos"),
        ("clips", shared_data / "clips" / "noFight", shared_data / "clips" / "fight"),
    ):
        rules, run = tmp_path / f"{name}.yaml", tmp_path / name
        assert (done := run_cli("induce", normal, "-o", rules)).returncode == 0, done.stderr
        done = run_cli("detect", test, "--rules", rules, "-o", run, "--json")
        assert done.returncode == 0, done.stderr
        judged = json.loads(done.stdout)["videos"]
        assert all(v["status"] == "done" and 0 <= v["max_score"] < 1 for v in judged)
        assert len(judged) == len(list(test.iterdir()))
        assert "<svg" in (run / "report.html").read_text(encoding="utf-8")
