"""An evaluation from pictures: a drawn scene of blobs, of which one hurries."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ruler.bench import evaluate, load_dataset
from ruler.errors import DataError, UsageError
from tests.bench.campus import save_labels

SIZE, FRAMES, RATE = (96, 64), 50, 10.0


def draw(folder, seed, odd=None):
    """Two blobs on foot; a third one, four times as fast, in the frames of `odd`."""
    random = np.random.default_rng(seed)
    ground = random.integers(90, 110, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    folder.mkdir(parents=True)
    for t in range(FRAMES):
        picture = ground.copy()
        places = [(int(5 + 1.2 * t + 9 * i), 20 + 16 * i) for i in range(2)]
        if odd is not None and t in odd:
            places.append((4 + 5 * (t - odd.start), 44))
        for x, y in places:
            cv2.rectangle(picture, (x, y), (x + 6, y + 14), (220, 220, 220), -1)
        cv2.imwrite(str(folder / f"{t:03d}.png"), picture)


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    """A folder of one's own pictures, labelled frame by frame."""
    root = tmp_path_factory.mktemp("yard")
    for number in range(3):
        draw(root / "training" / f"calm{number}", number)
    for number, odd in enumerate((range(28, 44), None)):
        draw(root / "testing" / f"day{number}", 10 + number, odd)
        save_labels(root / "labels" / f"day{number}.npy", np.isin(np.arange(FRAMES), odd or []).astype(np.uint8))
    return root


def test_pictures_are_looked_at_where_there_are_no_boxes(yard, tmp_path):
    dataset = load_dataset("folder", yard)
    one = evaluate(dataset, out=tmp_path / "one")
    assert (one.perception, one.frames, one.folds, one.captions) == ("pixels", 2 * FRAMES, None, 0)
    assert one.fps is not None and one.fps > 0
    assert (tmp_path / "one" / "rules-motion.yaml").is_file()
    two = evaluate(dataset, jobs=2)
    assert [row.max_score for row in two.per_video] == [row.max_score for row in one.per_video]
    assert two.micro_auc == one.micro_auc


def test_labels_of_another_length_are_an_error(yard):
    dataset = load_dataset("folder", yard)
    short = dataset.testing[0].__class__("day0", dataset.testing[0].pictures, np.zeros(FRAMES - 1, bool))
    with pytest.raises(DataError, match="50 frames, but 49 labels"):
        evaluate(dataset.__class__("folder", yard, "labels", dataset.training, (short,)))


def test_a_baseline_looks_at_pictures_too(yard):
    result = evaluate("folder", yard, method="speed")
    assert (result.perception, result.videos) == ("pixels", 2)


def test_a_video_that_is_normal_and_measured_is_refused(yard):
    dataset = load_dataset("folder", yard)
    again = dataset.__class__("folder", yard, "labels", (dataset.testing[1],), dataset.testing)
    with pytest.raises(UsageError, match="is the normal video day1 too"):
        evaluate(again)
