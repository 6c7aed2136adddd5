"""Two runs beside each other: where they differ, and which one is better where labels are known."""

from __future__ import annotations

import numpy as np
import pytest

from ruler.bench import compare_runs, evaluate
from ruler.bench.compare import as_text
from ruler.errors import DataError
from ruler.rundir import RunFolder, VideoRecord, VideoStatus
from ruler.schema import Event, Scores


def write_run(path, videos):
    """A run's folder as `ruler detect` leaves it: name → scores and events."""
    with RunFolder.open(path, {"command": "detect", "path": str(path)}) as run:
        for name, (scores, spans) in videos.items():
            folder = run.video_folder(name)
            times = np.arange(len(scores)) / 10
            folder.write_scores(Scores(times, np.array(scores, float)))
            folder.write_events([Event(a, b, a / 10, b / 10, a, 0.9) for a, b in spans])
            run.set_video(name, VideoRecord(name, VideoStatus.DONE, frames=len(scores)))
        run.finish()
    return path


@pytest.fixture
def runs(tmp_path):
    flat = [0.1] * 20
    first = write_run(tmp_path / "a", {"x": (flat, [(2, 6), (10, 14)]), "y": (flat, []), "only": (flat, [])})
    other = [0.1] * 4 + [0.9] * 4 + [0.1] * 12
    second = write_run(tmp_path / "b", {"x": (other, [(4, 8)]), "y": (flat, [(18, 20)])})
    return first, second


def test_frames_and_events_that_differ(runs):
    found = compare_runs(*runs)
    x, y = found.videos
    assert (x.name, x.frames, x.differing) == ("x", 20, 2 + 2 + 4)
    assert x.stretches == ((2, 4, "first"), (6, 8, "second"), (10, 14, "first"))
    assert [(e.first, e.second) for e in x.events] == [((2, 6), (4, 8)), ((10, 14), None)]
    assert x.largest == (pytest.approx(0.8), 4)
    assert [(e.first, e.second) for e in y.events] == [(None, (18, 20))]
    assert (found.only_first, found.only_second, found.accuracy) == (("only",), (), None)
    text = as_text(found)
    assert "10 of 40 frames" in text and "0 the same, 1 moved, 1 in the first alone, 1 in the second alone" in text


def test_labels_beside_a_run_of_detect(runs, tmp_path):
    (tmp_path / "labels").mkdir()
    np.save(tmp_path / "labels" / "x.npy", np.isin(np.arange(20), range(4, 8)).astype(np.uint8))
    np.save(tmp_path / "labels" / "y.npy", np.zeros(20, np.uint8))
    accuracy = compare_runs(*runs, tmp_path / "labels").accuracy
    assert accuracy.first["micro_auc"] == 0.5 and accuracy.second["micro_auc"] == 1.0
    assert accuracy.micro_auc.difference == 0.5
    np.save(tmp_path / "labels" / "x.npy", np.zeros(3))
    with pytest.raises(DataError, match="not one 0 or 1 for every frame"):
        compare_runs(*runs, tmp_path / "labels")
    with pytest.raises(DataError, match="no such folder of labels"):
        compare_runs(*runs, tmp_path / "nowhere")


def test_runs_of_bench_bring_their_labels(campus, measured, tmp_path):
    evaluate(campus, method="speed", out=tmp_path / "speed")
    found = compare_runs(measured[0], tmp_path / "speed")
    assert found.accuracy is not None and found.accuracy.videos == 6
    assert found.accuracy.first["micro_auc"] == pytest.approx(measured[1].micro_auc)
    told = found.to_dict()
    assert told["schema"] == 1 and set(told) >= {"first", "second", "videos", "accuracy", "only_first", "only_second"}
    assert "paired, over videos" in as_text(found)
    same = compare_runs(measured[0], measured[0])
    assert same.accuracy.micro_auc.difference == 0 and not any(v.differing for v in same.videos)


def test_what_cannot_be_compared_is_an_error(runs, tmp_path):
    other = write_run(tmp_path / "c", {"z": ([0.1], [])})
    with pytest.raises(DataError, match="no finished video that both runs have"):
        compare_runs(runs[0], other)
    longer = write_run(tmp_path / "d", {"x": ([0.1] * 21, [])})
    with pytest.raises(DataError, match="20 frames in one run, 21 in the other"):
        compare_runs(runs[0], longer)
    with pytest.raises(DataError, match="not the folder of a run"):
        compare_runs(runs[0], tmp_path)
