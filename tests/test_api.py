import json

import numpy as np
import pytest

import ruler
from ruler.rules.model import Limit, Rule, Where


def plain(frames, fast=False):
    """A grey plain; somebody crosses it, five times as fast where asked."""
    random = np.random.default_rng(3)
    ground = np.clip(random.normal(150, 12, (96, 160)), 0, 255)
    for i in range(frames):
        picture = ground + random.normal(0, 2, ground.shape)
        x = int((i * (5.0 if fast else 1.0)) % 150)
        picture[40:70, x : x + 12] = 40
        yield np.clip(picture, 0, 255).astype(np.uint8)


def test_pictures_in_memory_to_rules_to_scores():
    settings = ruler.load_settings(None, {"video": {"frame_rate": 12.5}})
    rules = ruler.induce([list(plain(150)) for _ in range(4)], settings=settings, scene="plain")
    assert rules.scene == "plain"
    assert rules.provenance.picture == (160, 96)
    (slow,) = ruler.detect([list(plain(150))], rules, settings=settings)
    (fast,) = ruler.detect([list(plain(150, fast=True))], rules, settings=settings)
    assert slow.status == "done"
    assert len(slow.scores.scores) == 150
    assert fast.max_score > slow.max_score
    assert not slow.events


def test_a_folder_keeps_it_all(tmp_path):
    here = Rule(kind="anomaly", text="somebody is there", limit=Limit(measure="objects", above=0.5))
    rules = ruler.RuleSet(rules=(here.model_copy(update={"id": "A1"}),))
    settings = ruler.load_settings(None, {"video": {"frame_rate": 12.5}})
    results = ruler.detect([list(plain(100))], rules, settings=settings, out=tmp_path / "run")
    assert results[0].events
    assert json.loads((tmp_path / "run" / "run.json").read_text())["finished"]
    assert (tmp_path / "run" / "report.html").exists()


def test_own_rules_keep_their_limits():
    corner = Where(name="corner", polygon=((0, 0), (0.1, 0), (0.1, 0.1)))
    own = Rule(kind="anomaly", text="in the corner", limit=Limit(measure="objects", above=0.5), where=corner)
    settings = ruler.load_settings(None, {"video": {"frame_rate": 12.5}})
    rules = ruler.induce([list(plain(100)) for _ in range(4)], settings=settings, own=[own])
    (kept,) = [rule for rule in rules.rules if rule.text == "in the corner"]
    assert kept.limit == own.limit
    assert kept.false_alarms is not None


RULES = ruler.RuleSet(rules=(Rule(id="A1", kind="anomaly", text="x", limit=Limit(measure="objects", above=9)),))


def test_errors_are_errors(tmp_path):
    with pytest.raises(ruler.RulerError, match="nope"):
        ruler.induce([tmp_path / "nope.mp4"])
    with pytest.raises(ruler.RulerError, match="nothing to look at"):
        ruler.detect([], RULES)
    with pytest.raises(ruler.RulerError, match="no anomaly rule"):
        ruler.detect([list(plain(5))], ruler.RuleSet())
    odd = Rule(id="A1", kind="anomaly", text="x", limit=Limit(measure="sped", above=1.0))
    with pytest.raises(ruler.RulerError, match="sped"):
        ruler.detect([list(plain(5))], ruler.RuleSet(rules=(odd,)))
