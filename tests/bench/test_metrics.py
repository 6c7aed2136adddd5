"""Measures of accuracy: cases counted by hand, and what holds for all scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ruler.bench.metrics import (
    alarm_rate,
    at_threshold,
    auc_draws,
    average_precision,
    detection_delays,
    equal_error_rate,
    event_measures,
    interval,
    macro_auc,
    micro_auc,
    pair_wins,
    paired_difference,
    recall_at_one,
    recall_at_rates,
    resample,
    seconds_of,
    stretches,
    temporal_iou,
    within_auc,
)

VIDEO = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5, 0.75, 0.9, 1.0])), max_size=12)
VIDEOS = st.lists(VIDEO, min_size=1, max_size=6)


def arrays(videos):
    labels = [np.array([y for y, _ in v], bool) for v in videos]
    return labels, [np.array([s for _, s in v], float) for v in videos]


def by_hand(labels, scores):
    pairs = [(a, b) for a in scores[labels] for b in scores[~labels]]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs) if pairs else None


def y(text):
    return np.array([c == "1" for c in text], bool)


def test_aucs_counted_by_hand():
    labels = [y("0011"), y("01"), y("00")]
    scores = [np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.9, 0.2]), np.array([0.5, 0.0])]
    # first video: 0.35 beats 0.1, 0.8 beats both: 3 of 4; second: 0 of 1
    assert macro_auc(labels, scores) == pytest.approx((0.75 + 0.0) / 2)
    assert within_auc(labels, scores) == pytest.approx(3 / 5)
    # pooled: anomalous 0.35 0.8 0.2, normal 0.1 0.4 0.9 0.5 0.0: 2 + 4 + 2 of 15
    assert micro_auc(labels, scores) == pytest.approx(8 / 15)


def test_ties_count_half_and_constant_scores_give_a_half():
    labels, scores = [y("0101")], [np.full(4, 0.3)]
    assert micro_auc(labels, scores) == macro_auc(labels, scores) == within_auc(labels, scores) == 0.5
    assert equal_error_rate(labels, scores) == pytest.approx(0.5)


def test_one_class_is_undefined_and_never_a_number():
    for text in ("0000", "1111", ""):
        labels, scores = [y(text)], [np.linspace(0, 1, len(text))]
        assert micro_auc(labels, scores) is None
        assert macro_auc(labels, scores) is None
        assert within_auc(labels, scores) is None
        assert equal_error_rate(labels, scores) is None
    assert average_precision([y("000")], [np.arange(3.0)]) is None
    assert micro_auc([], []) is None
    drawn = auc_draws(pair_wins([y("00"), y("11")], [np.zeros(2), np.ones(2)]), np.array([[2, 0], [1, 1]]))
    assert np.isnan(drawn[0])
    assert drawn[1] == 1


def test_average_precision_and_equal_error_rate_by_hand():
    labels, scores = [y("1011")], [np.array([0.9, 0.8, 0.7, 0.6])]
    # recall rises by a third at ranks 1, 3 and 4, where the precision is 1, 2/3, 3/4
    assert average_precision(labels, scores) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert equal_error_rate([y("0011")], [np.array([0.1, 0.6, 0.4, 0.9])]) == pytest.approx(0.5)
    assert equal_error_rate([y("0011")], [np.array([0.1, 0.2, 0.4, 0.9])]) == 0


def test_at_a_threshold():
    found = at_threshold([y("0011")], [np.array([0.5, 0.1, 0.5, 0.2])])
    assert (found.precision, found.recall, found.f1, found.false_alarms) == (0.5, 0.5, 0.5, 0.5)
    nothing = at_threshold([y("0011")], [np.zeros(4)])
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, 0.0, None)
    each = at_threshold([y("01"), y("01")], [np.array([0.1, 0.3]), np.array([0.1, 0.3])], [0.2, 0.4])
    assert each.recall == 0.5


@given(VIDEOS)
def test_micro_and_within_are_shares_of_pairs(videos):
    labels, scores = arrays(videos)
    pooled = by_hand(np.concatenate(labels), np.concatenate(scores))
    assert micro_auc(labels, scores) == (pytest.approx(pooled) if pooled is not None else None)
    alone = [(a, b) for y, s in zip(labels, scores, strict=True) for a in s[y] for b in s[~y]]
    share = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in alone) / len(alone) if alone else None
    assert within_auc(labels, scores) == (pytest.approx(share) if share is not None else None)


@given(VIDEO)
def test_one_video_alone_has_one_auc(video):
    labels, scores = arrays([video])
    assert micro_auc(labels, scores) == macro_auc(labels, scores) == pytest.approx(within_auc(labels, scores) or 0) or (
        micro_auc(labels, scores) is None
    )


@given(VIDEOS)
def test_no_monotone_map_changes_anything(videos):
    labels, scores = arrays(videos)
    mapped = [np.log1p(9 * s) * 5 - 3 for s in scores]
    for measure in (micro_auc, macro_auc, within_auc, average_precision, equal_error_rate):
        before, after = measure(labels, scores), measure(labels, mapped)
        assert after == (pytest.approx(before) if before is not None else None)
    assert np.array_equal(pair_wins(labels, scores).wins, pair_wins(labels, mapped).wins)


@given(VIDEOS)
def test_turned_around_scores_give_the_rest_to_one(videos):
    labels, scores = arrays(videos)
    auc = micro_auc(labels, scores)
    if auc is not None:
        assert micro_auc(labels, [1 - s for s in scores]) == pytest.approx(1 - auc)


@given(VIDEOS, st.randoms())
def test_order_of_videos_does_not_matter(videos, random):
    labels, scores = arrays(videos)
    order = list(range(len(videos)))
    random.shuffle(order)
    for measure in (micro_auc, macro_auc, within_auc, average_precision, equal_error_rate):
        before = measure(labels, scores)
        after = measure([labels[i] for i in order], [scores[i] for i in order])
        assert after == (pytest.approx(before) if before is not None else None)


@given(VIDEOS, st.integers(0, 5))
def test_bootstrap_samples_equal_the_auc_of_the_repeated_videos(videos, seed):
    labels, scores = arrays(videos)
    pairs, weights = pair_wins(labels, scores), resample(len(videos), 4, seed)
    assert (weights.sum(axis=1) == len(videos)).all()
    for kind, measure in (("micro", micro_auc), ("macro", macro_auc), ("within", within_auc)):
        drawn = auc_draws(pairs, weights, kind)
        for row, value in zip(weights, drawn, strict=True):
            chosen = [i for i, n in enumerate(row) for _ in range(n)]
            alone = measure([labels[i] for i in chosen], [scores[i] for i in chosen])
            assert (np.isnan(value) and alone is None) or value == pytest.approx(alone)


def test_intervals_are_seeded_and_hold_the_value():
    random = np.random.default_rng(1)
    labels = [random.random(300) < 0.3 for _ in range(20)]
    scores = [random.random(300) + 0.4 * y for y in labels]
    pairs = pair_wins(labels, scores)
    drawn = auc_draws(pairs, resample(20, 500, 3))
    assert np.array_equal(drawn, auc_draws(pairs, resample(20, 500, 3)))
    wide, narrow = interval(drawn, 0.95), interval(drawn, 0.9)
    value = roc_auc_score(np.concatenate(labels), np.concatenate(scores))
    assert wide.low < narrow.low < value < narrow.high < wide.high
    assert interval(np.full(10, np.nan), 0.9).low is None


def test_paired_difference_sees_what_single_intervals_hide():
    random = np.random.default_rng(2)
    labels = [random.random(200) < 0.4 for _ in range(15)]
    hard = [random.normal(0, 3) for _ in labels]
    first = [random.normal(size=200) + y * (1 + h / 4) for y, h in zip(labels, hard, strict=True)]
    second = [s + 0.5 * y for s, y in zip(first, labels, strict=True)]
    found = paired_difference(labels, first, second)
    assert found.ci95.low is not None and found.ci95.low > 0
    assert found.p_value is not None and found.p_value < 0.01
    back = paired_difference(labels, second, first)
    assert back.difference == pytest.approx(-found.difference)
    same = paired_difference(labels, first, first)
    assert (same.difference, same.ci90.low, same.p_value) == (0, 0, 1)
    assert paired_difference([y("00")], [np.zeros(2)], [np.ones(2)]).difference is None


def test_events_meet_one_to_one():
    true, found = [[(0.0, 10.0), (20.0, 30.0)]], [[(0.0, 4.0), (5.0, 10.0), (18.0, 30.0)]]
    assert temporal_iou((0, 10), (5, 10)) == 0.5
    strict = event_measures(true, found, 0.5)
    assert (strict.precision, strict.recall) == (pytest.approx(2 / 3), 1.0)
    assert event_measures(true, found, 0.9).recall == 0.0
    # one wide event cannot meet both true ones
    assert event_measures(true, [[(0.0, 30.0)]], 0.3).recall == 0.5
    assert event_measures([[]], [[]], 0.5).f1 is None
    # greedy by overlap would pair the first two and leave the other two alone
    assert event_measures([[(0, 10), (9, 14)]], [[(2, 12), (0, 6)]], 0.2).recall == 1.0


def test_delays_count_from_the_start_and_missed_ones_apart():
    times = np.arange(10) / 10
    found = detection_delays([y("0011100110")], [np.array([0, 0, 0, 0, 0.6, 0, 0, 0.4, 0.4, 0])], [times])
    assert (found.events, found.missed, found.mean) == (2, 1, pytest.approx(0.2))
    assert detection_delays([y("0")], [np.zeros(1)], [np.zeros(1)]).mean is None
    already = detection_delays([y("0011")], [np.full(4, 0.7)], [np.arange(4.0)])
    assert (already.mean, already.missed) == (0, 0)


def test_recall_at_one_asks_for_the_strongest_event_alone():
    true = [[(1.0, 3.0)], [(5.0, 6.0)], []]
    found = [[(0.6, 3.4), (8.0, 9.0)], [(0.0, 9.0)], [(0.0, 1.0)]]
    assert recall_at_one(true, found, [[0.9, 0.8], [0.7], [0.6]], 0.5) == 0.5
    assert recall_at_one(true, found, [[0.8, 0.9], [0.7], [0.6]], 0.5) == 0.0
    assert recall_at_one([[]], [[]], [[]], 1) is None


def test_alarms_count_on_normal_footage_alone():
    times = [np.arange(3600.0)]
    labels = [np.zeros(3600, bool)]
    labels[0][100:200] = True
    found = alarm_rate(labels, [[(50, 60), (150, 202), (300, 310)]], times)
    assert (found.false, found.recall) == (2, 1.0)
    assert found.per_hour == pytest.approx(2 / (3496 / 3600))
    # one that never ends is no right alarm because it touches something
    assert alarm_rate(labels, [[(0, 3600)]], times).false == 2
    assert alarm_rate([np.zeros(0, bool)], [[]], [np.zeros(0)]).per_hour is None
    assert alarm_rate([np.ones(3, bool)], [[(0, 3)]], [np.arange(3.0)]).per_hour is None


def test_recall_at_a_rate_of_alarms():
    scores = np.full(3600, 0.1)
    labels = np.zeros(3600, bool)
    labels[100:200], labels[1000:1100] = True, True
    scores[100:200], scores[1000:1100], scores[2000:2100] = 0.8, 0.5, 0.6
    none, some = recall_at_rates([labels], [scores], [np.arange(3600.0)], (0.0, 2.0))
    assert (none.recall, none.per_hour) == (0.5, 0.0)
    assert some.recall == 1.0 and some.threshold < none.threshold
    assert recall_at_rates([np.zeros(3, bool)], [np.zeros(3)], [np.arange(3.0)], (1.0,))[0].recall is None


def test_stretches_and_their_seconds():
    assert stretches(y("0110001")) == [(1, 3), (6, 7)]
    assert stretches(y("")) == []
    assert seconds_of([(1, 3), (6, 7)], np.arange(7) / 2) == [(0.5, 1.5), (3.0, 3.5)]
