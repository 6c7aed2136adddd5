from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ruler.perception.tracking import Detections, Tracker, intersection_over_union, link
from ruler.schema import Box

STEP = 0.1


def walker(start: float, speed: float, frame: int, foot: float = 100.0) -> tuple[float, float, float, float]:
    return start + speed * STEP * frame, foot - 40.0, 16.0, 40.0


def test_two_people_crossing_keep_their_ids() -> None:
    tracker = Tracker()
    seen = [tracker.update([walker(0, 40, i), walker(160, -40, i)], i * STEP) for i in range(40)]
    assert all(ids == seen[0] for ids in seen)
    assert len(set(seen[0])) == 2


def test_a_hidden_person_gets_the_same_id_back_within_a_second_but_not_later() -> None:
    for hidden, same in ((0.5, True), (3.0, False)):
        tracker = Tracker()
        for i in range(10):
            (first,) = tracker.update([walker(0, 30, i)], i * STEP)
        later = 9 + round(hidden / STEP)
        (again,) = tracker.update([walker(0, 30, later)], later * STEP)
        assert (again == first) is same


def test_a_doubtful_box_continues_a_track_and_founds_none() -> None:
    tracker = Tracker()
    (first,) = tracker.update([walker(0, 10, 0)], 0.0)
    assert tracker.update([walker(0, 10, 1)], STEP, scores=[0.2]) == [first]
    assert tracker.update([(300.0, 10.0, 16.0, 40.0)], 2 * STEP, scores=[0.2]) == [-1]


def test_a_box_continues_only_a_track_of_its_label() -> None:
    tracker = Tracker()
    (person,) = tracker.update([walker(0, 0, 0)], 0.0, labels=["person"])
    (car,) = tracker.update([walker(0, 0, 0)], STEP, labels=["car"])
    assert car != person


def test_link_gives_one_list_of_ids_per_frame_and_bears_empty_frames() -> None:
    boxes = [[Box(*walker(0, 20, i))] if i != 3 else [] for i in range(8)]
    ids = link(Detections(i * STEP, b) for i, b in enumerate(boxes))
    assert ids == [[1], [1], [1], [], [1], [1], [1], [1]]


@given(st.lists(st.tuples(*[st.floats(1, 200)] * 4), min_size=1, max_size=6))
def test_overlap_is_symmetric_and_one_with_itself(boxes: list[tuple[float, float, float, float]]) -> None:
    b = np.array(boxes)
    overlap = intersection_over_union(b, b)
    assert np.allclose(np.diag(overlap), 1.0)
    assert np.allclose(overlap, overlap.T)
    assert overlap.min() >= 0 and overlap.max() <= 1 + 1e-9
