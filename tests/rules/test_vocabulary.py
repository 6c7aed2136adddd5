"""How far captions exceed a vocabulary: the arithmetic, smoothing, gaps, and the words that are quoted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.rules.model import Vocabulary
from ruler.rules.vocabulary import term_rates, vocabulary_excess

WALK, RIDE = "A man is walking.", "A man is riding a horse."
NORMAL = Vocabulary(rates={"walking": 1.0}, unseen=0.01, window=0.4)


def times(count: int, rate: float = 10.0) -> np.ndarray:
    return np.arange(count) / rate


def rates(terms, at, window, **options) -> dict[str, np.ndarray]:
    return {n: part.rates[:, i] for part in term_rates(terms, at, window, **options) for i, n in enumerate(part.names)}


def test_usual_captions_exceed_nothing():
    found = vocabulary_excess([WALK] * 50, times(50), NORMAL)
    assert found.values.tolist() == [0.0] * 50
    assert set(found.strongest) == {None}
    assert found.quote(3) == ""


def test_an_unseen_term_in_every_caption():
    found = vocabulary_excess([RIDE] * 50, times(50), NORMAL)
    # p = 1 against q = 0.01: the divergence is ln(1 / 0.01).
    assert found.values == pytest.approx(np.full(50, math.log(1 + 4 * math.log(100))), rel=1e-6)
    assert set(found.strongest) == {"riding horse"}
    assert found.quote(0) == "riding a horse"


def test_a_term_counts_from_its_own_limit():
    half = [RIDE, WALK] * 100
    seldom = vocabulary_excess(half, times(200), Vocabulary(rates={"walking": 1, "riding horse": 0.3}, window=1))
    often = vocabulary_excess(half, times(200), Vocabulary(rates={"walking": 1, "riding horse": 0.6}, window=1))
    expected = 0.5 * math.log(0.5 / 0.3) + 0.5 * math.log(0.5 / 0.7)
    assert seldom.values[100] == pytest.approx(math.log(1 + 4 * expected), rel=0.01)
    assert often.values.max() == 0


def test_things_are_held_apart_from_activities():
    captions = ["A man is walking. Other than people, there is a piano."] * 20
    assert vocabulary_excess(captions, times(20), NORMAL).values.max() == 0
    found = vocabulary_excess(captions, times(20), NORMAL, "things")
    assert set(found.strongest) == {"piano"}
    assert found.quote(0) == "piano"


def test_the_quote_comes_from_the_nearest_caption_that_has_the_words():
    captions = [WALK] * 20 + [RIDE.replace("horse", "small Horse")] * 20 + [WALK, None, WALK]
    found = vocabulary_excess(captions, times(43), NORMAL)
    assert found.strongest[41] == "riding horse"
    assert found.quote(41) == "riding a small Horse"


def test_gaps_are_interpolated_and_no_caption_at_all_is_nothing():
    every = [frozenset({"a"}), None, None, None, frozenset[str]()]
    (rate,) = rates(every, times(5), 1e-3).values()
    assert rate == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    found = vocabulary_excess([None] * 4, times(4), NORMAL)
    assert found.values.tolist() == [0.0] * 4
    assert vocabulary_excess([], np.zeros(0), NORMAL).values.shape == (0,)
    assert vocabulary_excess([RIDE], times(1), NORMAL).values[0] > 2


def test_the_window_is_a_gaussian_in_seconds():
    terms = [frozenset({"a"}) if t >= 100 else frozenset() for t in range(200)]
    for rate in (10.0, 40.0):
        (smoothed,) = rates(terms, times(200, rate), 0.5).values()
        inside = smoothed[100 + round(0.5 * rate)]
        assert inside == pytest.approx(0.5 * (1 + math.erf(1 / math.sqrt(2))), abs=0.06)


def test_a_causal_window_does_not_look_ahead():
    terms = [frozenset({"a"}) if t == 50 else frozenset() for t in range(100)]
    (ahead,) = rates(terms, times(100), 0.5).values()
    (causal,) = rates(terms, times(100), 0.5, causal=True).values()
    assert ahead[47] > 0
    assert causal[:50].max() == pytest.approx(0, abs=1e-12)
    assert causal[50] > ahead[50]
    assert causal.sum() == pytest.approx(1, abs=1e-6)


def test_the_first_and_last_captions_do_not_count_for_all():
    terms = [frozenset({"a"}) if t in (0, 99) else frozenset() for t in range(100)]
    for causal in (False, True):
        (rate,) = rates(terms, times(100), 0.5, causal=causal).values()
        assert rate.max() < 0.35
        (full,) = rates([frozenset({"a"})] * 100, times(100), 0.5, causal=causal).values()
        assert full[50:] == pytest.approx(1)


def test_uneven_times_are_smoothed_by_the_clock():
    at = np.concatenate([np.arange(100) / 20, 5 + np.arange(50) / 10])
    terms = [frozenset({"a"}) if t < 5 else frozenset() for t in at]
    (rate,) = rates(terms, at, 0.5).values()
    assert rate[np.searchsorted(at, 4.5)] == pytest.approx(0.841, abs=0.05)
    assert rate[np.searchsorted(at, 5.5)] == pytest.approx(0.159, abs=0.05)


def test_a_long_hole_in_the_times_does_not_exhaust_the_memory():
    found = vocabulary_excess([RIDE] * 4, np.array([0.0, 0.04, 0.08, 1e9]), NORMAL)
    assert (found.values > 2).all()


def test_times_and_captions_belong_together():
    with pytest.raises(ValueError, match="3 times for 2"):
        vocabulary_excess([WALK, WALK], times(3), NORMAL)


SETS = st.one_of(st.none(), st.frozensets(st.sampled_from("abc")))


@given(st.lists(SETS, min_size=1, max_size=40), st.floats(0.01, 5), st.booleans())
def test_rates_are_shares(terms, window, causal):
    for rate in rates(terms, times(len(terms)), window, causal=causal).values():
        assert rate.shape == (len(terms),)
        assert rate.min() >= -1e-12
        assert rate.max() <= 1 + 1e-12


@given(st.lists(st.sampled_from([WALK, RIDE, None]), min_size=2, max_size=40), st.floats(0.02, 1))
def test_a_wider_limit_never_raises_the_excess(captions, limit):
    def excess(q: float) -> np.ndarray:
        return vocabulary_excess(captions, times(len(captions)), Vocabulary(rates={"riding horse": q})).values

    assert (excess(limit) >= excess(min(1.0, 1.5 * limit)) - 1e-9).all()
