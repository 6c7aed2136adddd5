"""The public halves beside the checkout: numbers that anybody can count."""

import numpy as np
import pytest

from ruler.bench.datasets import load_dataset


@pytest.mark.parametrize(
    ("name", "training", "testing", "frames", "anomalous"),
    [("ped2", 16, 6, 960, 830), ("avenue", 16, 11, 7921, 2191), ("shanghaitech", 330, 54, 20694, 8539)],
)
def test_what_is_there(shared_data, name, training, testing, frames, anomalous):
    dataset = load_dataset(name, shared_data / name)
    assert dataset.ground_truth == "labels/*.npy"
    assert (len(dataset.training), len(dataset.testing)) == (training, testing)
    labels = np.concatenate([v.labels for v in dataset.testing if v.labels is not None])
    assert (len(labels), int(labels.sum())) == (frames, anomalous)
    names = [v.name for v in dataset.testing]
    assert names == sorted(names)


def test_ped2_intervals_say_what_the_labels_say(shared_data):
    dataset = load_dataset("ped2", shared_data / "ped2")
    assert dataset.notes == ()
    official = load_dataset("ped2", shared_data / "ped2", "official")
    assert official.ground_truth == "ped2.mat"
    for ours, theirs in zip(dataset.testing, official.testing, strict=True):
        assert ours.pictures == shared_data / "ped2" / "testing" / "frames" / ours.name
        assert np.array_equal(ours.labels, theirs.labels)
    assert all(v.pictures is not None for v in dataset.training)


def test_avenue_masks_and_intervals_differ_in_34_frames(shared_data):
    dataset = load_dataset("avenue", shared_data / "avenue")
    assert dataset.notes == ("labels/*.npy, which are used, and pixel masks differ in 34 frames of 17 (26), 19 (8)",)
    assert [v.name for v in dataset.testing if v.pictures] == ["17", "19", "21"]
    assert [v.name for v in dataset.training if v.pictures] == ["12", "16"]
    official = load_dataset("avenue", shared_data / "avenue", "official")
    assert official.ground_truth == "avenue.mat (8 videos), pixel masks (3 videos)"
    labels = {v.name: (ours.labels, v.labels) for ours, v in zip(dataset.testing, official.testing, strict=True)}
    differ = {name: int(np.count_nonzero(a != b)) for name, (a, b) in labels.items() if not np.array_equal(a, b)}
    assert differ == {"17": 26, "19": 8}


def test_shanghaitech_is_there_without_pictures(shared_data):
    dataset = load_dataset("shanghaitech", shared_data / "shanghaitech")
    assert all(v.pictures is None for v in (*dataset.training, *dataset.testing))
    assert dataset.notes == ()
