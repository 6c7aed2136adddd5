import numpy as np
import pytest

from ruler.induction.limits import Limited, LimitOptions, draw_batches, induce_limits
from ruler.rules.table import tabulate
from ruler.schema import Box, Observation, TrackedObject

SPEED = Limited("speed", True, True, "too fast")
HEIGHT = Limited("height", False, True, "too small")


def clip(seed, speed=lambda y, random: random.normal(1.0, 0.1), frames=60):
    """People at rows 40 to 100 of a picture of 100 rows."""
    random = np.random.default_rng(seed)
    observations = []
    for i in range(frames):
        feet = random.uniform(40, 100, 4)
        things = tuple(
            TrackedObject(n + 1, Box(50, y - 20, 8, 20), measures={"speed": speed(y, random), "height": y / 2})
            for n, y in enumerate(feet)
        )
        observations.append(Observation(i, i / 10, objects=things))
    return tabulate(observations, (100, 100))


def test_the_limit_is_the_quantile_of_the_largest_in_a_frame():
    clips = [clip(s) for s in range(12)]
    rule = induce_limits(clips, LimitOptions(alpha=0.05, bands=1, clips_per_batch=6), [SPEED])[0]
    largest = np.concatenate([np.maximum.reduceat(c.measures["speed"], np.arange(0, len(c.row), 4)) for c in clips])
    assert rule.limit.usual == pytest.approx(np.median(largest), abs=0.02)
    assert rule.limit.above == pytest.approx(np.quantile(largest, 0.95), abs=0.03)
    assert rule.support.votes == rule.support.of == 10


def test_rows_get_limits_of_their_own():
    clips = [clip(s, lambda y, r: r.normal(1.0 if y < 60 else 3.0, 0.1)) for s in range(8)]
    table = induce_limits(clips, LimitOptions(bands=10), [SPEED])[0].limit.table
    assert [(row[0], row[1]) for row in table] == [(10.0 * b, 10.0 * b + 10) for b in range(10)]
    far, near = table[4], table[8]  # a band is told with its neighbours
    assert far[2] == pytest.approx(1.6, abs=0.2), "a limit is never under half of the overall one"
    assert near[2] == pytest.approx(3.2, abs=0.15)
    assert far[3] < 1.2 < 2.4 < near[3]


def test_a_place_nobody_walks_has_a_usual_of_nothing():
    table = induce_limits([clip(s) for s in range(8)], LimitOptions(bands=10), [SPEED])[0].limit.table
    assert table[0][3] == 0.0
    assert 0 < table[0][2] < table[7][2]


def test_a_measure_that_another_makes_superfluous_is_left_out():
    other = Limited("height", True, True, "too tall", unless="speed")
    assert [r.limit.measure for r in induce_limits([clip(s) for s in range(8)], limited=[SPEED, other])] == ["speed"]


def test_a_limit_from_below():
    limit = induce_limits([clip(s) for s in range(8)], LimitOptions(bands=1), [HEIGHT])[0].limit
    assert limit.above is None
    assert 20 <= limit.below < limit.usual


def test_one_odd_clip_does_not_spoil_the_limit():
    clean = [clip(s) for s in range(16)]
    odd = [*clean[:15], clip(99, lambda y, r: r.normal(8.0, 1.0))]
    options = LimitOptions(bands=1)
    fair, spoilt = (induce_limits(clips, options, [SPEED])[0] for clips in (clean, odd))
    assert spoilt.limit.above == pytest.approx(fair.limit.above, rel=0.1)
    assert spoilt.support.votes < spoilt.support.of


def test_too_little_is_no_rule():
    assert induce_limits([clip(0, frames=2)], LimitOptions(), [SPEED]) == []
    assert induce_limits([], LimitOptions(), [SPEED]) == []
    assert induce_limits([clip(0, lambda y, r: 1.0)], LimitOptions(), [SPEED]) == []


def test_batches_are_drawn_evenly_and_without_repetition():
    drawn = draw_batches(16, 10, 4, seed=3)
    assert [len(set(batch)) for batch in drawn] == [4] * 10
    counts = np.bincount(np.concatenate(drawn), minlength=16)
    assert counts.max() - counts.min() <= 1
    assert all((a == b).all() for a, b in zip(drawn, draw_batches(16, 10, 4, seed=3), strict=True))
    assert [len(batch) for batch in draw_batches(3, 5, 9)] == [3] * 5
    assert draw_batches(0, 5) == []
