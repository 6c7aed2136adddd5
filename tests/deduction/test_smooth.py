import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.deduction import smooth

bits = st.lists(st.booleans(), min_size=1, max_size=60).map(np.array)
series = st.lists(st.floats(0, 10), min_size=2, max_size=60).map(np.array)


def by_the_sum(values, alpha):
    """The paper's formula, written out."""
    out = []
    for t in range(len(values)):
        weights = [(1 - alpha) ** (t - i) for i in range(t + 1)]
        out.append(sum(w * v for w, v in zip(weights, values, strict=False)) / sum(weights))
    return np.array(out)


@given(series, st.floats(0.05, 1))
def test_ema_is_the_papers_sum(values, alpha):
    np.testing.assert_allclose(smooth.ema(values, alpha), by_the_sum(values, alpha), atol=1e-9)


def test_ema_refuses_alpha_outside_its_range():
    with pytest.raises(ValueError, match="alpha"):
        smooth.ema(np.ones(3), 0.0)


@given(series, st.floats(0, 10), st.integers(0, 8))
def test_majority_is_a_count_in_a_window(values, threshold, padding):
    expected = []
    for i in range(len(values)):
        window = values[max(0, i - padding) : i + padding + 1]
        expected.append((window > threshold).sum() > len(window) / 2)
    np.testing.assert_array_equal(smooth.majority(values, threshold, padding), expected)


def test_paper_fills_a_hole_and_drops_a_spike():
    found = np.zeros(80, bool)
    found[10] = True
    found[40:60] = True
    found[50] = False
    scores, votes = smooth.paper(found)
    assert not votes[:35].any()
    assert votes[44:58].all()
    assert scores[50] > 0.9 > 0.1 > scores[20]


def test_published_code_by_hand():
    found = np.array([0, 0, 1, 1, 0, 0], bool)
    first = by_the_sum(found.astype(float), 0.33)
    over = first > first.mean()
    scores, findings = smooth.published_code(found)
    np.testing.assert_array_equal(findings, over)
    np.testing.assert_allclose(scores, by_the_sum(over.astype(float), first.mean()), atol=1e-12)


@pytest.mark.parametrize("preset", [smooth.paper, smooth.published_code])
@pytest.mark.parametrize("found", [np.zeros(0, bool), np.zeros(7, bool), np.ones(7, bool)])
def test_presets_survive_nothing_and_everything(preset, found):
    scores, votes = preset(found)
    assert len(scores) == len(votes) == len(found)
    assert np.isfinite(scores).all()


@given(series, st.floats(0.01, 3))
def test_gaussian_stays_within_its_input_and_keeps_a_constant(values, sigma):
    times = np.arange(len(values)) * 0.1
    out = smooth.gaussian(values, times, sigma)
    assert out.min() >= values.min() - 1e-9
    assert out.max() <= values.max() + 1e-9
    np.testing.assert_allclose(smooth.gaussian(np.full(len(values), 3.0), times, sigma), 3.0)


@given(series, st.floats(0.05, 2), st.booleans())
def test_both_averages_are_their_formula_at_even_and_uneven_times(values, width, even):
    times = np.arange(len(values)) * 0.1
    if not even:
        times = times + np.linspace(0, 1, len(values)) ** 2
    # Before the first and after the last frame their values are held.
    beyond = np.median(np.diff(times)) * np.arange(1, 400) if len(times) > 1 else np.ones(1)
    longer = np.concatenate([times[0] - beyond[::-1], times, times[-1] + beyond])
    held = np.concatenate([np.full(len(beyond), values[0]), values, np.full(len(beyond), values[-1])])
    apart = times[:, None] - longer[None, :]
    kernel = np.where(np.abs(apart) <= 4 * width + 0.1, np.exp(-0.5 * (apart / width) ** 2), 0)
    np.testing.assert_allclose(smooth.gaussian(values, times, width), kernel @ held / kernel.sum(1), atol=0.02)
    apart = times[:, None] - times[None, :]
    kernel = np.where(apart >= 0, np.exp(-np.maximum(apart, 0) / width), 0)
    np.testing.assert_allclose(smooth.causal(values, times, width), kernel @ values / kernel.sum(1), atol=1e-9)


@given(series, st.floats(0.05, 2), st.integers(0, 40))
def test_causal_never_looks_ahead(values, tau, cut):
    cut = min(cut, len(values) - 1) + 1
    times = np.arange(len(values)) * 0.1
    np.testing.assert_allclose(
        smooth.causal(values, times, tau)[:cut], smooth.causal(values[:cut], times[:cut], tau), atol=1e-9
    )


def test_spread_is_linear_between_and_constant_beyond():
    out = smooth.spread(np.array([1.0, 3.0]), np.array([1.0, 3.0]), np.array([0.0, 1.0, 2.0, 3.0, 9.0]))
    np.testing.assert_allclose(out, [1, 1, 2, 3, 3])
    np.testing.assert_allclose(smooth.spread(np.zeros(0), np.zeros(0), np.arange(3.0)), 0)
