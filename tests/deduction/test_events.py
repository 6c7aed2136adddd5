from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.deduction.events import Span, spans


def run(scores, **options):
    return spans(np.array(scores, float), np.arange(len(scores)) * 0.1, 0.5, 0.4, **options)


def test_hysteresis_carries_an_event_over_a_dip_but_does_not_begin_one():
    assert run([0, 0.45, 0.6, 0.42, 0.55, 0.3, 0.45, 0]) == [Span(1, 5, 2)]


def test_short_events_are_dropped_and_near_ones_joined():
    scores = [0, 0.9, 0, 0, 0.9, 0.9, 0.9, 0, 0.8, 0]
    assert run(scores, minimum=0.3) == [Span(4, 7, 4)]
    assert run(scores, gap=0.1) == [Span(1, 2, 1), Span(4, 9, 4)]
    assert run(scores, gap=0.25) == [Span(1, 9, 1)]


def test_an_event_may_fill_the_video():
    assert run([0.9, 0.7]) == [Span(0, 2, 0)]
    assert run([]) == []


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="lower threshold"):
        spans(np.zeros(3), np.arange(3.0), 0.4, 0.5)


@given(st.lists(st.floats(0, 1), max_size=80), st.floats(0, 1), st.floats(0, 1))
def test_events_are_disjoint_in_order_and_hold_every_frame_over_the_threshold(scores, a, b):
    scores = np.array(scores, float)
    low, high = sorted((a, b))
    found = spans(scores, np.arange(len(scores)) * 0.04, high, low)
    for before, after in pairwise(found):
        assert before.end < after.start
    inside = np.zeros(len(scores), bool)
    for span in found:
        assert span.start <= span.peak < span.end
        assert scores[span.peak] == scores[span.start : span.end].max() >= high
        inside[span.start : span.end] = True
    assert not (scores[~inside] >= high).any()
    assert (scores[inside] >= low).all()
