"""One rule whose limits count together, from objects of normal clips."""

from __future__ import annotations

import numpy as np
import pytest

from ruler.induction.limits import LimitOptions
from ruler.induction.together import FEWEST, induce_together
from ruler.rules.match import MatchOptions, match
from ruler.rules.table import tabulate
from ruler.schema import Box, Observation, TrackedObject

RAW = MatchOptions(track_sigma=0.0)


def clip(seed, frames=60, shift=0.0, measures=("speed", "growth", "aspect")):
    """Two people a frame: one near the top of the picture, one, twice as fast, near its lower edge."""
    random = np.random.default_rng(seed)

    def person(track, row):
        values = {m: (1 + row // 50) * random.normal(1, 0.2) + shift for m in measures}
        return TrackedObject(track, Box(40, row - 20, 10, 20), measures=values)

    return tabulate([Observation(i, i / 10, None, (person(1, 30), person(2, 90))) for i in range(frames)], (100, 100))


def test_the_limits_stand_at_twice_the_way_to_the_ninth_decile_in_bands_of_equally_many():
    (rule,) = induce_together([clip(s) for s in range(6)], LimitOptions(joint_bands=2))
    assert [limit.measure for limit in rule.mean] == ["speed", "growth", "aspect"]
    near, far = rule.mean[0].table
    assert (near[0], near[1], far[1]) == (0, 60, 100)
    assert near[3] == pytest.approx(1, abs=0.05)
    assert near[2] - near[3] == pytest.approx(2 * 1.28 * 0.2, rel=0.15)
    assert far[2] - far[3] == pytest.approx(2 * (near[2] - near[3]), rel=0.15)
    assert rule.support is not None
    assert rule.support.votes >= 8


def test_a_little_of_everything_goes_further_than_much_of_one():
    (rule,) = induce_together([clip(s) for s in range(6)])
    usual = match(clip(9), [rule], RAW)[0].exceedance
    shifted = match(clip(9, shift=0.6), [rule], RAW)[0].exceedance
    assert np.median(usual) < 0.6
    assert np.median(shifted) > 1
    assert (shifted > usual).all()


def test_too_few_objects_or_measures_make_no_rule():
    assert induce_together([]) == []
    assert induce_together([clip(0, frames=FEWEST // 2 - 1)]) == []
    assert induce_together([clip(0, measures=("speed",))]) == []


def test_the_order_of_the_clips_does_not_matter_for_the_limits():
    clips = [clip(s) for s in range(4)]
    (one,), (other,) = induce_together(clips), induce_together(clips[::-1])
    assert one.mean == other.mean
