import numpy as np
import pytest

from ruler.deduction.score import EventOptions, count_events
from ruler.deduction.smooth import gaussian
from ruler.induction.calibrate import CalibrationOptions, alarm_curve, calibrate, threshold_for
from ruler.induction.limits import Limited, LimitOptions, induce_limits
from ruler.rules.match import MatchOptions, combine, match, text_exceedance
from ruler.rules.model import Calibration, Rule
from ruler.rules.table import tabulate
from ruler.schema import Box, Observation, TrackedObject

MATCHING = MatchOptions(track_sigma=0.3)
LIMITED = [Limited("speed", True, False, "too fast"), Limited("aspect", True, False, "too wide")]
CRATE = Rule(id="A9", kind="anomaly", text="carrying a crate", keywords=("crate",))


def clip(seed, frames=100, fast=0.0):
    random = np.random.default_rng(seed)
    pace = random.normal(1, 0.15, 5)
    observations = []
    for i in range(frames):
        things = []
        for n in range(5):
            speed = max(0.0, random.normal(pace[n], 0.1)) + (fast if n == 0 and 30 <= i < 60 else 0)
            things.append(
                TrackedObject(
                    n + 1, Box(20 * n, 40, 10, 40), measures={"speed": speed, "aspect": random.normal(0.4, 0.05)}
                )
            )
        caption = "A man carries a crate." if seed % 10 == 0 and i == 5 else "People walk."
        observations.append(Observation(i, i / 10, caption, tuple(things)))
    return tabulate(observations, (100, 100))


def make(clips):
    return [*induce_limits(clips, LimitOptions(), LIMITED), CRATE]


def smooth(values, times):
    return gaussian(values, times, 0.3)


def count(values, times, threshold):
    return count_events(values, times, EventOptions(threshold, 0.8, 0.3, 1.0))


def events_of(clips, rules):
    found = 0
    for one in clips:
        r = smooth(combine(match(one, rules, MATCHING), len(one)), one.times)
        found += len(count(r, one.times, 1.0))
    return found


@pytest.fixture(scope="module")
def calibrated():
    return calibrate([clip(s) for s in range(1, 20)], make, smooth, count, MATCHING)


def test_new_normal_footage_raises_few_alarms_and_an_anomaly_is_found(calibrated):
    rules, _ = calibrated
    assert events_of([clip(s) for s in range(101, 130)], rules) <= 4
    assert events_of([clip(s, fast=2.5) for s in range(201, 210)], rules) == 9


def test_adding_rules_does_not_raise_the_alarm_rate(calibrated):
    rules, calibration = calibrated

    def few(clips):
        return induce_limits(clips, LimitOptions(), LIMITED[:1])

    _, alone = calibrate([clip(s) for s in range(1, 20)], few, smooth, count, MATCHING)
    assert calibration.frames_in_events == alone.frames_in_events == 0
    assert len(rules) == 3


def test_what_is_recorded(calibrated):
    rules, calibration = calibrated
    assert calibration.clips == 19
    assert calibration.frames == 1900
    assert calibration.objects == 9500
    assert calibration.hours == pytest.approx(190 / 3600, rel=1e-3)
    assert [r.false_alarms.by for r in rules] == ["object", "object", "frame"]
    assert rules[0].false_alarms.of == 9500
    assert (rules[2].false_alarms.count, rules[2].false_alarms.of) == (1, 1900)
    # The text rule is on the same scale: it fires once in 1,900 frames, so it counts for much.
    assert text_exceedance(rules[2].false_alarms.rate, 0.01) > 1.4


def test_a_frequent_text_rule_counts_for_little():
    often = Rule(kind="anomaly", text="walking", keywords=("walk",))
    rules, _ = calibrate([clip(s) for s in range(1, 9)], lambda clips: [often], smooth, count, MATCHING)
    assert text_exceedance(rules[0].false_alarms.rate, 0.01) < 0.01


def test_one_clip_cannot_be_left_out():
    rules, calibration = calibrate([clip(1)], make, smooth, count, MATCHING)
    assert calibration.alarms == ()
    assert calibration.frames_in_events is None
    assert all(rule.false_alarms is None for rule in rules)


def test_the_asked_rate_moves_the_limits():
    clips = [clip(s) for s in range(1, 20)]
    limits = {}
    for rate in (600.0, 60.0, 1.0):
        rules, calibration = calibrate(clips, make, smooth, count, MATCHING, CalibrationOptions(alarms_per_hour=rate))
        limits[rate] = rules[0].limit.above
        if rate == 600.0:
            events = calibration.frames_in_events
            assert events > 0
    assert limits[600.0] < limits[60.0] <= limits[1.0]


def test_the_curve_gives_its_own_rates_back():
    random = np.random.default_rng(0)
    times = np.arange(2000) / 10
    series = [gaussian(random.exponential(0.5, 2000), times, 0.3) for _ in range(20)]
    hours = 20 * 200 / 3600
    curve, tail = alarm_curve(series, [times] * 20, count, hours)
    calibration = Calibration(alarms=curve, tail=tail)
    for rate in (400.0, 100.0, 20.0):
        threshold = threshold_for(calibration, rate)
        measured = sum(len(count(r, times, threshold)) for r in series) / hours
        assert measured == pytest.approx(rate, rel=0.25)
    rising = [threshold_for(calibration, rate) for rate in (100.0, 10.0, 1.0, 0.1, 1 / 24, 1 / 168)]
    assert rising == sorted(rising)
    assert rising[-1] > rising[0]
    assert threshold_for(Calibration(), 1.0) == 1.0


def test_the_files_own_rate_stands_at_one():
    clips = [clip(s) for s in range(1, 20)]
    for rate in (None, 600.0):
        options = CalibrationOptions() if rate is None else CalibrationOptions(alarms_per_hour=rate)
        _, calibration = calibrate(clips, make, smooth, count, MATCHING, options)
        assert threshold_for(calibration, calibration.alarms_per_hour) == pytest.approx(1, abs=0.02)
        rates = [threshold_for(calibration, r) for r in (1e3, 1e2, 1e1, 1.0, 0.1, 0.01)]
        assert rates == sorted(rates)
        assert rates[0] < rates[-1]
