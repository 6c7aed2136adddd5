import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.deduction import judge as judge_module
from ruler.deduction.judge import JudgeOptions, judge
from ruler.deduction.rationale import clock, explain, strongest
from ruler.deduction.score import EventOptions, find_events, score_frames, verdicts
from ruler.rules.match import MatchOptions
from ruler.rules.model import Limit, Rule
from ruler.schema import Box, CameraState, Evidence, Observation, Status, TrackedObject

FAST = Rule(
    id="A1", kind="anomaly", text="too fast", limit=Limit(measure="speed", above=2.0, usual=1.0, unit="body heights/s")
)
CRATE = Rule(id="A2", kind="anomaly", text="carrying a crate", keywords=("crate",))
RAW = JudgeOptions(sigma=0.0, matching=MatchOptions(track_sigma=0.0))


def seen(frame, speed=None, caption=None, camera=CameraState.OK, step=0.1):
    things = () if speed is None else (TrackedObject(7, Box(10, 10, 10, 30), measures={"speed": speed}),)
    return Observation(frame, frame * step, caption, things, camera=camera)


def test_the_score_is_half_at_the_limit():
    found = judge([seen(i, v) for i, v in enumerate([1.0, 2.0, 4.0])], [FAST], RAW)
    np.testing.assert_allclose(found.scores, [0, 0.5, 0.75])


@given(st.lists(st.floats(0, 5), min_size=1, max_size=40), st.floats(1.1, 20))
def test_scores_keep_the_order_of_exceedances_and_stay_below_one(speeds, scale):
    found = judge([seen(i, v) for i, v in enumerate(speeds)], [FAST], RAW)
    assert ((found.scores >= 0) & (found.scores < 1)).all()
    order = np.argsort(found.raw, kind="stable")
    assert (np.diff(found.scores[order]) >= 0).all()
    wider = judge(
        [seen(i, v) for i, v in enumerate(speeds)], [FAST], JudgeOptions(sigma=0.0, matching=RAW.matching, scale=scale)
    )
    assert (wider.scores <= found.scores + 1e-12).all()


def test_blocks_give_what_one_block_gives(monkeypatch):
    random = np.random.default_rng(1)
    observations = [
        seen(i, float(random.exponential(1.2)), "a crate" if i % 97 == 0 else "people walk") for i in range(700)
    ]
    options = JudgeOptions()
    whole = judge(observations, [FAST, CRATE], options)
    monkeypatch.setattr(judge_module, "BLOCK", 60)
    cut = judge(iter(observations), [FAST, CRATE], options)
    np.testing.assert_array_equal(cut.frames, whole.frames)
    np.testing.assert_allclose(cut.smoothed, whole.smoothed, atol=2e-3)
    assert set(cut.evidence) == set(whole.evidence)


def test_every_frame_gets_a_score_and_gaps_take_their_neighbours():
    found = judge([seen(i, 4.0 if i >= 50 else 1.0) for i in range(0, 100, 5)], [FAST], RAW)
    scores = score_frames(found, np.arange(100) / 10, EventOptions())
    assert len(scores.scores) == 100
    assert scores.scores[40] == 0
    assert scores.scores[60] == pytest.approx(0.75)
    assert 0 < scores.scores[47] < 0.75


def test_an_event_cites_the_rule_and_what_broke_it():
    found = judge([seen(i, 4.0 if 30 <= i < 60 else 1.0) for i in range(100)], [FAST], JudgeOptions())
    scores = score_frames(found, found.times, EventOptions())
    (event,) = find_events(found, scores, [FAST], EventOptions())
    assert 20 <= event.start_frame <= 32
    assert 58 <= event.end_frame <= 70
    assert event.rules == ("A1",)
    assert event.evidence[0].frame == event.key_frame
    assert (
        "object 7 has speed 4 body heights/s where the limit is 2 and 1 is usual (4.0 times as much)" in event.rationale
    )
    said = list(verdicts(found, [FAST], EventOptions()))
    assert [v.frame for v in said] == list(range(100))
    assert [v.anomalous for v in said] == [v.exceedance >= 1 for v in said]
    assert all(event.start_frame <= v.frame < event.end_frame for v in said if v.anomalous)
    assert all(v.rationale for v in said if v.anomalous and v.evidence)


def test_a_quote_is_cited_verbatim():
    captions = ["Two people walk."] * 20 + ["A man is carrying a crate."] * 20
    found = judge([seen(i, caption=c) for i, c in enumerate(captions)], [CRATE], JudgeOptions())
    (event,) = find_events(found, score_frames(found, found.times, EventOptions()), [CRATE], EventOptions())
    assert event.evidence[0].quote in captions[-1]
    assert event.evidence[0].quote in event.rationale


def test_a_blocked_camera_is_an_event_of_its_own_and_not_normal():
    observations = [seen(i, 4.0, camera=CameraState.BLOCKED if 30 <= i < 60 else CameraState.OK) for i in range(100)]
    found = judge(observations, [FAST], JudgeOptions())
    scores = score_frames(found, found.times, EventOptions())
    assert scores.scores[45] == pytest.approx(0.75), "the gap is filled from its neighbours, never with 0"
    camera = [e for e in find_events(found, scores, [FAST], EventOptions()) if e.kind == "camera"]
    assert [(e.start_frame, e.end_frame) for e in camera] == [(30, 60)]
    assert "blocked" in camera[0].rationale
    said = list(verdicts(found, [FAST], EventOptions()))
    assert [v.status for v in said[28:32]] == [Status.OK, Status.OK, Status.SKIPPED, Status.SKIPPED]


@pytest.mark.parametrize("preset", ["paper", "published-code"])
def test_the_papers_presets_decide_by_the_smoothed_finding(preset):
    captions = ["a crate" if 40 <= i < 80 and i != 60 else "people walk" for i in range(120)]
    options = JudgeOptions(preset=preset, matching=MatchOptions(track_sigma=0, flat=True))
    found = judge([seen(i, caption=c) for i, c in enumerate(captions)], [CRATE], options)
    assert found.findings is not None
    scores = score_frames(found, found.times, EventOptions())
    (event,) = find_events(found, scores, [CRATE], EventOptions())
    assert 38 <= event.start_frame <= 46
    assert 78 <= event.end_frame <= 86


def test_nothing_observed_is_nothing_found():
    found = judge([], [FAST], JudgeOptions())
    assert find_events(found, score_frames(found, np.zeros(0), EventOptions()), [FAST], EventOptions()) == []


def test_no_rule_no_exceedance():
    assert (judge([seen(i, 9.0) for i in range(5)], [], JudgeOptions()).scores == 0).all()


def test_the_strongest_evidence_of_each_rule_comes_first():
    found = strongest([Evidence("A1", 1.2), Evidence("A2", 3.0), Evidence("A1", 2.0)])
    assert [(e.rule, e.exceedance) for e in found] == [("A2", 3.0), ("A1", 2.0)]


def test_wording():
    many = Evidence("A6", 2.0, measure="objects", value=2.0, limit=0.5, usual=0.0)
    assert explain([many], {}) == "A6: 2 objects are there where the limit is 0.5."
    nobody = Evidence(
        "A1",
        2.0,
        measure="speed",
        value=0.8,
        limit=0.4,
        usual=0.0,
        unit="body heights/s",
        track_id=3,
        box=Box(0, 0, 1, 1),
    )
    assert explain([nobody], {}) == (
        "A1: object 3 has speed 0.8 body heights/s where the limit is 0.4 and hardly anybody is usually seen."
    )
    assert [clock(s) for s in (0, 59.96, 61.24, 3725.5)] == ["00:00.0", "01:00.0", "01:01.2", "1:02:05.5"]
    assert math.isclose(float(clock(9.94).split(":")[1]), 9.9)
