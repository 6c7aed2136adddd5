"""Intervals and files of labels."""

import re
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from ruler.bench.datasets.listing import two_digits
from ruler.bench.datasets.matfiles import interval_source, read_cells, read_mask_labels
from ruler.bench.datasets.truth import intervals_that_fit, label_files, labels_from_intervals, read_labels
from ruler.errors import DataError
from tests.bench.datasets.rows import shown


def runs(labels):
    """Half-open intervals of a row of labels, by another way."""
    start, found = 0, []
    for value, group in groupby(labels):
        end = start + len(list(group))
        if value:
            found.append((start, end))
        start = end
    return found


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.randoms())
def test_labels_survive_the_way_over_intervals(labels, random):
    intervals = runs(labels)
    random.shuffle(intervals)
    assert labels_from_intervals(intervals, len(labels)).tolist() == labels


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(1, 9)), max_size=6))
def test_intervals_may_overlap_and_touch(pairs):
    intervals = [(start, min(30, start + length)) for start, length in pairs]
    inside = [any(start <= t < end for start, end in intervals) for t in range(30)]
    assert labels_from_intervals(intervals, 30).tolist() == inside


@pytest.mark.parametrize(
    ("interval", "frames", "says"),
    [
        ((2, 11), 10, "reaches over 11 frames, video 03 has 10; take"),
        ((-1, 4), 10, "video 03 has an interval from frame -1 up to"),
        ((5, 5), 10, "must begin at frame 0 or later and end after"),
        ((2, 4), None, "number of frames of video 03 is not known.*labels/03.npy"),
    ],
)
def test_intervals_that_do_not_fit_are_refused(interval, frames, says):
    with pytest.raises(DataError, match=says):
        intervals_that_fit([interval], frames, video="03", where="x.mat")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.array([0, 1, 2]), "labels other than 0 and 1"),
        (np.array([0.0, 0.5]), "labels other than 0 and 1"),
        (np.array([0, np.nan]), "labels other than 0 and 1"),
        (np.array(["0", "1"]), "labels other than 0 and 1"),
        (np.zeros((2, 3)), r"one row of at least one value, not \(2, 3\)"),
        (np.zeros(0), "one row"),
        (np.array([{}], object), "no labels can be read"),
    ],
)
def test_files_that_hold_no_labels_are_refused(tmp_path, values, says):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(DataError, match=f"a.npy: .*{says}.*save one 0 or 1 per frame"):
        read_labels(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_labels_of_any_type_are_read(tmp_path, dtype):
    np.save(tmp_path / "a.npy", np.array([0, 1, 1], dtype))
    labels = read_labels(tmp_path / "a.npy")
    assert labels.dtype == np.bool_
    assert shown(labels) == "011"


def test_damaged_and_packed_files_are_refused(tmp_path):
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.npy").write_text("0 1")
    with (tmp_path / "packed.npy").open("wb") as file:
        np.savez(file, a=np.zeros(3))
    for name in ("empty", "text", "packed"):
        with pytest.raises(DataError, match=f"{name}.npy: "):
            read_labels(tmp_path / f"{name}.npy")


def test_a_file_of_labels_is_named_as_its_video(tmp_path, labels):
    labels("labels/1.npy", "01")
    with pytest.raises(
        DataError, match="labels: '1' is the record of a video that is called 01 here; rename the file: 01"
    ):
        label_files(tmp_path / "labels", canonical=two_digits)


@pytest.mark.parametrize(
    ("name", "video"),
    [("1", "01"), ("01", "01"), ("Test001", "01"), ("Train034", "34"), ("117", "117"), ("a1", "a1"), ("²", "²")],
)
def test_numbers_have_two_digits(name, video):
    assert two_digits(name) == video


CELLS = st.lists(
    st.lists(st.integers(1, 40), min_size=0, max_size=8, unique=True).map(
        lambda bounds: [(a, b) for a, b in zip(sorted(bounds)[::2], sorted(bounds)[1::2], strict=False)]
    ),
    min_size=1,
    max_size=4,
)


@given(CELLS, st.booleans())
def test_intervals_are_read_in_columns_and_in_rows(tmp_path_factory, cells, rows):
    array = np.empty((1, len(cells)), object)
    for number, cell in enumerate(cells):
        values = np.array(cell, np.uint16).reshape(-1, 2)
        array[0, number] = values if rows else values.T
    path = tmp_path_factory.mktemp("mat") / "ped2.mat"
    savemat(path, {"gt": array})
    source = interval_source(path, two_digits)
    assert source.videos == {f"{n:02d}" for n, cell in enumerate(cells, 1) if cell}, "an empty cell says nothing"
    for number, cell in enumerate(cells, 1):
        if cell:
            expected = [any(first <= t + 1 <= last for first, last in cell) for t in range(40)]
            assert source.read(f"{number:02d}", 40).labels.tolist() == expected


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (np.zeros((3, 4)), "cells of 3×4 numbers hold no intervals"),
        (np.array([[1.5], [3]]), "frames of cell 1 are no whole numbers"),
        (np.array([[np.nan], [3]]), "frames of cell 1 are no whole numbers"),
    ],
)
def test_other_cells_are_refused(intervals, cell, says):
    with pytest.raises(DataError, match=f"ped2.mat: {re.escape(says)}"):
        interval_source(intervals("ped2.mat", cell), two_digits)


def test_rows_and_columns_are_not_mixed(intervals):
    path = intervals("ped2.mat", np.ones((2, 3), np.uint8), np.ones((3, 2), np.uint8))
    with pytest.raises(DataError, match="the same way in all cells"):
        interval_source(path, two_digits)


def test_frames_of_a_file_count_from_one(intervals):
    source = interval_source(intervals("ped2.mat", [(0, 3)]), two_digits)
    with pytest.raises(DataError, match=r"ped2.mat: video 01 has an interval from frame -1"):
        source.read("01", 10)


def test_files_that_are_not_matlabs_are_refused(tmp_path, text, intervals):
    with pytest.raises(DataError, match=r"a.mat: not a MATLAB file that can be read \("):
        read_cells(text("a.mat", "what is this?" * 40), "gt")
    with pytest.raises(DataError, match=r"c.mat: no 'gt' in it"):
        read_cells(intervals("c.mat", [(1, 2)], key="other"), "gt")
    savemat(tmp_path / "d.mat", {"gt": np.zeros((2, 3))})
    with pytest.raises(DataError, match=r"d.mat: 'gt' is not a cell array of numbers"):
        read_cells(tmp_path / "d.mat", "gt")
    whole = intervals("e.mat", [(1, 200)]).read_bytes()
    (tmp_path / "e.mat").write_bytes(whole[: len(whole) - 30])
    with pytest.raises(DataError, match=r"e.mat: not a MATLAB file"):
        read_cells(tmp_path / "e.mat", "gt")


def test_a_mask_with_one_pixel_is_anomalous(masks, intervals):
    assert shown(read_mask_labels(masks("1_label.mat", "00110"), "volLabel")) == "00110"
    with pytest.raises(DataError, match="no mask in it"):
        read_mask_labels(intervals("2_label.mat", key="volLabel"), "volLabel")
