import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.rules.match import (
    CEILING,
    UNCALIBRATED,
    MatchOptions,
    combine,
    evidence,
    match,
    text_exceedance,
)
from ruler.rules.model import FalseAlarms, Limit, Rule, Where
from ruler.rules.table import cut, tabulate
from ruler.rules.tracks import smooth_tracks
from ruler.schema import Box, CameraState, Observation, TrackedObject

RAW = MatchOptions(track_sigma=0.0)


def seen(frame, *things, caption=None, **more):
    """An observation; each thing is (track, foot x, foot y, measures)."""
    objects = tuple(
        TrackedObject(track, Box(x - 5, y - 40, 10, 40), measures=measures) for track, x, y, measures in things
    )
    return Observation(frame, frame / 10, caption, objects, **more)


def rule(**fields):
    return Rule(id="A1", kind="anomaly", text="a rule", **fields)


def one(observations, a_rule, options=RAW, size=(100, 100), **kw):
    return match(tabulate(observations, size, **kw), [a_rule], options)[0]


def test_exceedance_is_0_at_the_usual_and_1_at_the_limit():
    limit = Limit(measure="speed", above=3.0, usual=1.0)
    found = one(
        [seen(i, (1, 50, 50, {"speed": v})) for i, v in enumerate([0.5, 1.0, 2.0, 3.0, 5.0, 99.0])], rule(limit=limit)
    )
    np.testing.assert_allclose(found.exceedance, [0, 0, 0.5, 1, 2, CEILING])


def test_a_limit_from_below_counts_the_other_way():
    found = one(
        [seen(i, (1, 50, 50, {"height": v})) for i, v in enumerate([40.0, 20.0, 10.0])],
        rule(limit=Limit(measure="height", below=20, usual=40)),
    )
    np.testing.assert_allclose(found.exceedance, [0, 1, 1.5])


def test_limits_differ_between_bands_of_rows_and_scale_with_the_picture():
    limit = Limit(
        measure="height", above=100, usual=50, unit="px", per="row", table=((0, 60, 50, 30), (60, 100, 80, 40))
    )
    at_30, at_90 = (seen(0, (1, 50, y, {"height": 60.0})) for y in (30, 90))
    assert one([at_30], rule(limit=limit)).exceedance[0] == pytest.approx(1.5)
    assert one([at_90], rule(limit=limit)).exceedance[0] == pytest.approx(0.5)
    # The same scene in a picture of twice the size: rows and pixels are halved before they are compared.
    twice = seen(0, (1, 100, 180, {"height": 120.0}))
    options = MatchOptions(track_sigma=0, picture=(100, 100))
    assert one([twice], rule(limit=limit), options, size=(200, 200)).exceedance[0] == pytest.approx(0.5)


def test_the_strongest_object_is_cited():
    limit = Limit(measure="speed", above=2.0, usual=1.0)
    table = tabulate([seen(0, (7, 20, 50, {"speed": 2.5}), (8, 60, 50, {"speed": 4.0}), (9, 80, 50, {}))], (100, 100))
    found = match(table, [rule(limit=limit)], RAW)[0]
    cited = evidence(found, table, 0)
    assert (cited.track_id, cited.value, cited.limit, cited.usual) == (8, 4.0, 2.0, 1.0)
    assert cited.unit == "body heights/s"
    assert cited.box == Box(55, 10, 10, 40)


def test_any_takes_the_largest_and_all_the_smallest_of_the_same_object():
    fast, wide = Limit(measure="speed", above=2, usual=1), Limit(measure="aspect", above=1, usual=0.5)
    things = seen(0, (1, 20, 50, {"speed": 3.0, "aspect": 0.5}), (2, 60, 50, {"speed": 1.0, "aspect": 2.0}))
    assert one([things], rule(any=(fast, wide))).exceedance[0] == pytest.approx(3)
    assert one([things], rule(all=(fast, wide))).exceedance[0] == 0
    both = seen(0, (1, 20, 50, {"speed": 3.0, "aspect": 1.0}))
    assert one([both], rule(all=(fast, wide))).exceedance[0] == pytest.approx(1)


def test_where_holds_the_foot_point_and_counts_objects_there():
    left = Where(polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    limit = Limit(measure="speed", above=2, usual=1)
    fast = {"speed": 5.0}
    assert one([seen(0, (1, 20, 50, fast))], rule(limit=limit, where=left)).exceedance[0] > 1
    assert one([seen(0, (1, 80, 50, fast))], rule(limit=limit, where=left)).exceedance[0] == 0
    crowd = rule(limit=Limit(measure="objects", above=1), where=left)
    assert one([seen(0, (1, 20, 50, {}), (2, 30, 50, {}), (3, 80, 50, {}))], crowd).exceedance[0] == pytest.approx(2)


def test_hours_hold_by_the_clock_and_never_without_one():
    night = rule(keywords=("crate",), when="22:00-06:00")
    observations = [seen(0, caption="a crate")]
    assert one(observations, night, start=datetime(2026, 1, 1, 23, 30)).exceedance[0] == UNCALIBRATED
    assert one(observations, night, start=datetime(2026, 1, 1, 5, 59, 59)).exceedance[0] == UNCALIBRATED
    assert one(observations, night, start=datetime(2026, 1, 1, 12)).exceedance[0] == 0
    assert one(observations, night).exceedance[0] == 0


def test_keywords_count_by_their_false_alarm_rate():
    observations = [seen(0, caption="Two people are carrying a crate."), seen(1, caption="Nobody is there.")]
    assert one(observations, rule(keywords=("crate",))).exceedance.tolist() == [UNCALIBRATED, 0]
    known = rule(keywords=("crate",), false_alarms=FalseAlarms(count=0, of=99))
    assert one(observations, known).exceedance[0] == pytest.approx(math.log(1 / 100) / math.log(0.01))
    assert one(observations, known, MatchOptions(flat=True)).exceedance[0] == UNCALIBRATED
    found = one(observations, known)
    assert "crate" in found.quotes[0]


@given(st.floats(1e-6, 1), st.floats(0.001, 0.3))
def test_a_text_rule_that_fires_at_its_level_is_at_its_limit(rate, alpha):
    assert text_exceedance(alpha, alpha) == pytest.approx(1)
    assert text_exceedance(rate, alpha) >= 0


def test_frames_a_camera_cannot_judge_have_no_exceedance():
    blocked = seen(0, (1, 50, 50, {"speed": 9.0}), caption="a crate", camera=CameraState.BLOCKED)
    assert one([blocked], rule(keywords=("crate",), limit=Limit(measure="speed", above=2))).exceedance[0] == 0


def test_normal_rules_are_not_matched():
    assert match(tabulate([seen(0)]), [Rule(kind="normal", text="walking", keywords=("walk",))], RAW) == []


def test_smoothing_stays_on_its_track_and_leaves_unlinked_objects_alone():
    table = tabulate([seen(i, (1, 20, 50, {}), (2, 60, 50, {}), (-1, 80, 50, {})) for i in range(40)])
    values = np.zeros(120)
    values[table.tracks == 1] = 1.0
    values[(table.tracks == -1) & (table.row == 20)] = 5.0
    out = smooth_tracks(values, table, 1.0)
    np.testing.assert_allclose(out[table.tracks == 1], 1)
    np.testing.assert_allclose(out[table.tracks == 2], 0)
    assert out[(table.tracks == -1) & (table.row == 20)] == 5.0


def test_causal_smoothing_of_tracks_knows_the_past_only():
    table = tabulate([seen(i, (1, 20, 50, {})) for i in range(40)])
    step = (np.arange(40) >= 20).astype(float)
    out = smooth_tracks(step, table, 0.5, causal=True)
    assert (out[:20] == 0).all()
    assert 0 < out[20] < out[30] < 1


@given(st.lists(st.floats(0, 5), min_size=4, max_size=4), st.floats(1, 20))
def test_more_rules_never_lower_the_exceedance(values, power):
    observations = [seen(0, (1, 50, 50, dict(zip(("speed", "aspect", "growth", "dwell"), values, strict=True))))]
    rules = [rule(limit=Limit(measure=m, above=1.0)) for m in ("speed", "aspect", "growth", "dwell")]
    matches = match(tabulate(observations, (100, 100)), rules, RAW)
    for p in (power, math.inf):
        series = [combine(matches[:n], 1, p)[0] for n in range(5)]
        assert series == sorted(series)
    assert combine(matches, 1)[0] == max(m.exceedance[0] for m in matches)


def test_a_table_is_cut_into_clips_that_hold_it_all():
    table = tabulate(
        [seen(i, *[(n, 10, 10, {"speed": float(i)}) for n in range(i % 3)]) for i in range(100)], (100, 100)
    )
    clips = cut(table, 3.0)
    assert [len(c) for c in clips] == [34, 33, 33]
    assert np.concatenate([c.frames for c in clips]).tolist() == table.frames.tolist()
    assert np.concatenate([c.measures["speed"] for c in clips]).tolist() == table.measures["speed"].tolist()
    for clip in clips:
        np.testing.assert_allclose(clip.frames[clip.row], clip.measures["speed"])


TOGETHER = tuple(Limit(measure=m, above=2.0, usual=1.0) for m in ("speed", "acceleration", "growth", "aspect"))


@pytest.mark.parametrize(
    ("values", "r"),
    [
        ((2.0, 2.0, 2.0, 2.0), 1.0),  # all at their limits
        ((1.0, 1.0, 1.0, 1.0), 1 / 3),  # usual in everything
        ((0.0, 0.0, 0.0, 0.0), 0.0),  # well under the usual in everything
        ((99.0, 1.0, 1.0, 1.0), 2 / 3),  # one measure alone counts as twice its limit at most
        ((2.0, 2.0, 2.0, float("nan")), (0.75 + 0.5) / 1.5),  # what was not measured counts as usual
    ],
)
def test_limits_count_together(values, r):
    measures = {limit.measure: v for limit, v in zip(TOGETHER, values, strict=True)}
    found = one([seen(0, (1, 50, 50, measures)), seen(1)], rule(mean=TOGETHER))
    np.testing.assert_allclose(found.exceedance, [r, 0])


def test_together_cites_the_measure_that_goes_furthest():
    measures = {"speed": 1.5, "acceleration": 2.5, "growth": 3.0, "aspect": 1.0}
    observations = [seen(0, (7, 50, 50, measures))]
    found = one(observations, rule(mean=TOGETHER))
    cited = evidence(found, tabulate(observations, (100, 100)), 0)
    assert (cited.measure, cited.value, cited.limit, cited.track_id) == ("growth", 3.0, 2.0, 7)


def test_sources_add_up_and_rules_of_one_source_do_not():
    limit = Limit(measure="speed", above=2.0)
    table = tabulate([seen(0, (1, 50, 50, {"speed": 1.0}), caption="A man runs.")], (100, 100))
    limits = [rule(limit=limit), rule(limit=limit.model_copy(update={"above": 4.0}))]
    words = [rule(keywords=("run",)), rule(keywords=("man",))]
    found = match(table, [*limits, *words], RAW)
    assert combine(found, 1)[0] == pytest.approx(0.5 + UNCALIBRATED)
    assert combine(found, 1, math.inf)[0] == UNCALIBRATED
