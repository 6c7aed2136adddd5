"""Records: what is written comes back, and what is broken is named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import DataError
from ruler.records import decode, encode, from_line, read_lines, to_line
from ruler.schema import Box, CameraState, Event, Evidence, Observation, Status, TrackedObject, Verdict

numbers = st.floats(-1e9, 1e9)
frames = st.integers(0, 10**9)
names = st.text(max_size=8)
boxes = st.builds(Box, *[st.floats(-1e4, 1e5)] * 4)
measures = st.dictionaries(names, st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=3)
evidence = st.lists(
    st.builds(
        Evidence,
        rule=names,
        exceedance=numbers,
        quote=st.none() | st.text(),
        measure=st.none() | names,
        value=st.none() | numbers,
        limit=st.none() | numbers,
        usual=st.none() | numbers,
        unit=names,
        track_id=st.none() | st.integers(-1, 999),
        box=st.none() | boxes,
    ),
    max_size=2,
).map(tuple)
observations = st.builds(
    Observation,
    frame=frames,
    time=numbers,
    caption=st.none() | st.text(st.characters()),
    objects=st.lists(
        st.builds(TrackedObject, track_id=st.integers(-1, 99), box=boxes, label=names, measures=measures), max_size=3
    ).map(tuple),
    measures=measures,
    camera=st.sampled_from(CameraState),
    sources=st.lists(names, max_size=2).map(tuple),
)
verdicts = st.builds(
    Verdict,
    frame=frames,
    time=numbers,
    anomalous=st.booleans(),
    exceedance=numbers,
    probability=st.none() | st.floats(0, 1),
    rules=st.lists(names, max_size=2).map(tuple),
    evidence=evidence,
    rationale=st.text(),
    votes=st.lists(st.booleans(), max_size=3).map(tuple),
    status=st.sampled_from(Status),
)
events = st.builds(
    Event,
    start_frame=frames,
    end_frame=frames,
    start_time=numbers,
    end_time=numbers,
    peak_frame=frames,
    peak_score=st.floats(0, 1),
    rules=st.lists(names, max_size=2).map(tuple),
    evidence=evidence,
    rationale=st.text(),
    key_frame=frames,
)


def alike(one: object, other: object) -> bool:
    """Equal, up to the documented rounding of floats; measures that are not finite may be missing."""
    if isinstance(one, float):
        return isinstance(other, float) and math.isclose(one, other, rel_tol=5e-4, abs_tol=0.0051)
    if isinstance(one, Mapping):
        kept = {name: value for name, value in one.items() if math.isfinite(value)}
        return (
            isinstance(other, Mapping) and kept.keys() == other.keys() and all(alike(kept[k], other[k]) for k in kept)
        )
    if isinstance(one, tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(alike, one, other))
    if hasattr(one, "__slots__") and not isinstance(one, str):
        return type(one) is type(other) and all(alike(getattr(one, n), getattr(other, n)) for n in one.__slots__)
    return one == other


@given(observations | verdicts | events)
def test_what_is_written_comes_back(record: Observation | Verdict | Event):
    line = to_line(record)
    back = from_line(type(record), line)
    assert alike(record, back)
    assert to_line(back) == line
    assert line.count(b"\n") == 1
    assert decode(type(record), encode(record, defaults=True)) == back


def test_rounding_keeps_small_numbers():
    verdict = from_line(Verdict, to_line(Verdict(3, 1 / 3, True, 0.00012345678)))
    assert (verdict.time, verdict.exceedance) == (0.333333, 0.000123457)


def test_a_plain_observation_is_short():
    assert to_line(Observation(7, 0.28)) == b'{"frame":7,"time":0.28}\n'


def test_captions_stay_readable():
    assert "男人".encode() in to_line(Observation(0, 0.0, caption="男人 walks"))


def test_numbers_of_numpy_are_numbers():
    person = TrackedObject(int(np.int64(4)), Box(*np.arange(4, dtype=np.float32)), measures={"speed": np.float32(2.5)})
    value = encode(Observation(np.int64(1), np.float64(0.5), objects=(person,)))
    written = {"track_id": 4, "box": [0, 1, 2, 3], "measures": {"speed": 2.5}}
    assert json.loads(json.dumps(value)) == {"frame": 1, "time": 0.5, "objects": [written]}


def test_a_measure_that_could_not_be_taken_is_left_out():
    observation = Observation(0, 0.0, measures={"objects": 2.0, "speed": math.nan, "area": math.inf})
    assert from_line(Observation, to_line(observation)).measures == {"objects": 2.0}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_required_number_must_be_finite(bad: float):
    with pytest.raises(DataError, match=r"exceedance: .* cannot be written"):
        to_line(Verdict(0, 0.0, False, bad))
    with pytest.raises(DataError, match="objects: box: "):
        to_line(Observation(0, 0.0, objects=(TrackedObject(1, Box(0, 0, bad, 1)),)))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", "is not an object"),
        ('{"frame": 1}', "'time' is missing"),
        ('{"frame": 1, "time": 0, "tme": 2}', "unknown key 'tme'"),
        ('{"frame": true, "time": 0}', "frame: True is not of type int"),
        ('{"frame": 1.5, "time": 0}', "frame: 1.5 is not of type int"),
        ('{"frame": 1, "time": "0"}', "time: '0' is not a finite number"),
        ('{"frame": 1, "time": NaN}', "NaN is not a number"),
        ('{"frame": 1, "time": 1e999}', "inf is not a finite number"),
        ('{"frame": 1, "time": 1' + "0" * 400 + "}", "too large"),
        ('{"frame": 1, "time": 0, "camera": "asleep"}', "camera: 'asleep' is not a valid CameraState"),
        ('{"frame": 1, "time": 0, "objects": [{"track_id": 1, "box": [1, 2, 3]}]}', "not a box of four numbers"),
        ('{"frame": 1, "time": 0, "objects": {}}', "objects: {} is not a list"),
        ('{"frame": 1, "time": 0, "measures": {"speed": null}}', "measures: None is not a finite number"),
        ("[" * 100_000, "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_a_broken_line_is_named(line: str | bytes, says: str):
    with pytest.raises(DataError) as caught:
        from_line(Observation, line, where="a/observations.jsonl:3")
    assert says in str(caught.value)
    assert str(caught.value).startswith("a/observations.jsonl:3: ")
    assert len(str(caught.value)) < 400


def test_reading_drops_a_torn_last_line_and_names_a_broken_one(tmp_path):
    path = tmp_path / "observations.jsonl"
    assert list(read_lines(Observation, path)) == []
    path.write_bytes(to_line(Observation(0, 0.0)) + to_line(Observation(1, 0.1)) + b'{"frame":2,"ti')
    assert [o.frame for o in read_lines(Observation, path)] == [0, 1]
    path.write_bytes(to_line(Observation(0, 0.0)) + b"\x00\x00\n" + to_line(Observation(1, 0.1)))
    with pytest.raises(DataError, match=r"observations\.jsonl:2: not valid JSON"):
        list(read_lines(Observation, path))
