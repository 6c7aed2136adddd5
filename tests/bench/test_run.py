"""An evaluation from records: what is measured, what it is held against, and that nothing but that decides."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.bench import evaluate, load_dataset
from ruler.bench import run as bench_run
from ruler.bench.plan import Asked, make_plan
from ruler.bench.reference import default_margin, joined, normal_frames
from ruler.config import DEFAULTS, load_settings
from ruler.errors import DataError, RunFolderError, UsageError
from ruler.rules.io import save_rules
from ruler.rules.model import Limit, Rule, RuleSet, Support
from tests.bench.campus import make_campus

KEYS = (
    *("schema", "dataset", "protocol", "videos", "frames", "micro_auc", "macro_auc", "within_auc", "ap", "eer", "ci95"),
    *("alarms_per_hour", "recall", "fps", "calls", "rules", "perception", "folds", "ground_truth", "ci90", "method"),
    *("settings", "per_video", "per_scene", "seconds", "peak_memory_mb", "published"),
)


def figures(result):
    """All of a result but what clock and memory say."""
    told = result.to_dict()
    return {key: value for key, value in told.items() if key not in ("fps", "seconds", "peak_memory_mb")}


def test_it_finds_what_is_there(measured):
    _, result = measured
    assert (result.videos, result.frames, result.anomalous) == (6, 720, 140)
    assert result.micro_auc > 0.9
    assert (result.perception, result.folds, result.calls, result.captions) == ("captions+tracks", 3, 0, 720)
    assert result.ci90.low <= result.micro_auc <= result.ci90.high
    assert result.ci95.low <= result.ci90.low
    assert [row.name for row in result.per_scene] == ["01", "02"]
    assert [row.fold for row in result.per_video] == [0, 1, 2, 0, 1, 2]
    assert result.per_video[2].micro_auc is None


def test_the_json_has_its_keys_and_is_strict(measured):
    out, result = measured
    told = result.to_dict()
    assert not [key for key in KEYS if key not in told]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["schema"] == 1 and isinstance(told["ci95"], list) and told["settings"] == {}
    kept = json.loads((out / "bench.json").read_text())
    assert kept == told
    assert {"frame,time,score"} == {p.read_text().split("\n")[0] for p in out.glob("*/scores.csv")}


def test_the_protocol_says_what_the_reference_was(measured):
    _, result = measured
    assert "not the paper's protocol" in result.protocol
    assert "10 normal training videos" in result.protocol and "each of 2 scenes" in result.protocol
    assert "other folds' videos (3 folds" in result.protocol


def test_neither_the_order_of_videos_nor_the_number_of_processes_matters(campus, measured):
    turned = replace(campus, testing=campus.testing[::-1], training=campus.training[::-1])
    assert figures(evaluate(turned, folds=3)) == figures(measured[1])
    assert figures(evaluate(campus, folds=3, jobs=2)) == figures(measured[1])
    names = [video.name for video in campus.testing]
    assert figures(evaluate(campus, folds=3, videos=names[::-1])) == figures(measured[1])


def test_an_interrupted_run_goes_on_where_it_stopped(campus, measured, tmp_path, monkeypatch):
    judge, seen = bench_run.judge_video, []

    def stopping(task):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(task.source.name)
        return judge(task)

    monkeypatch.setattr(bench_run, "judge_video", stopping)
    with pytest.raises(KeyboardInterrupt):
        evaluate(campus, folds=3, out=tmp_path / "run")
    first = list(seen)
    monkeypatch.setattr(bench_run, "judge_video", lambda task: seen.append(task.source.name) or judge(task))
    monkeypatch.setattr("ruler.bench.fitting.induce_scene", None)  # the rules are kept too
    monkeypatch.setattr("ruler.bench.fitting.induce_text", None)
    again = evaluate(campus, folds=3, out=tmp_path / "run")
    assert sorted(seen) == sorted(set(seen)) and len(seen) == 6 and first == seen[:2]
    assert figures(again) == figures(measured[1])


@pytest.mark.parametrize(
    "other", [{"folds": 2}, {"folds": 3, "margin": 7}, {"folds": 3, "captions_every": 2}, {"use": ["tracks"]}]
)
def test_another_command_into_the_same_folder_is_refused(campus, measured, other):
    with pytest.raises(RunFolderError, match="belongs to another run"):
        evaluate(campus, out=measured[0], **other)


def test_a_video_on_both_sides_is_refused(campus, tmp_path):
    both = load_dataset("shanghaitech", make_campus(tmp_path / "same"))
    with pytest.raises(UsageError, match="6 videos are measured and in the reference too"):
        evaluate(campus, reference=both)
    # with folds the other folder gives nothing but its training part
    assert evaluate(campus, reference=both, folds=3).folds == 3


def test_another_folder_gives_the_reference(campus, tmp_path):
    other = load_dataset("shanghaitech", make_campus(tmp_path / "other", testing=4, first=20))
    plan = make_plan(campus, other, Asked(), DEFAULTS)
    assert {name for name, _, _ in plan.texts[0].videos} == {video.name for video in other.testing}
    assert plan.folds == {} and all(str(tmp_path) in str(source.records.tracks) for source in plan.training)
    result = evaluate(campus, reference=other)
    assert "8 other test videos" in result.protocol and result.folds is None


def test_records_of_training_video_alone_are_a_reference(campus, tmp_path):
    bare = make_campus(tmp_path / "bare", testing=0)
    result = evaluate(campus, reference=bare, use=["tracks"])
    assert "10 normal training videos of bare" in result.protocol


def test_part_of_the_videos_is_held_against_the_rest(campus):
    plan = make_plan(campus, None, Asked(videos=["01_0001", "02_0002"]), DEFAULTS)
    assert [video.name for video in plan.videos] == ["01_0001", "02_0002"]
    assert not {name for name, _, _ in plan.texts[0].videos} & {"01_0001", "02_0002"}
    one_scene = make_plan(campus, None, Asked(videos=["02_0002"]), DEFAULTS)
    assert {source.name[:2] for source in one_scene.training} == {"02"}


def test_folds_are_by_name_index_mod_k_and_leave_their_own_videos_out(campus):
    plan = make_plan(campus, None, Asked(folds=2), DEFAULTS)
    assert list(plan.folds.values()) == [0, 1, 0, 1, 0, 1]
    for text in plan.texts:
        assert all(plan.folds[name] != text.fold for name, _, _ in text.videos)


def test_reference_frames_keep_their_distance_from_anomalies(campus):
    plan = make_plan(campus, None, Asked(folds=2, margin=10), DEFAULTS)
    labels = {video.name: video.labels for video in campus.testing}
    for text in plan.texts:
        for name, _, frames in text.videos:
            odd = np.flatnonzero(labels[name])
            assert all(abs(odd - t).min() > 10 for t in frames) if len(odd) else len(frames) == 120


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 8))
def test_normal_frames_are_those_far_from_all_others(labels, margin):
    y = np.array(labels, bool)
    slow = [not any(y[max(0, t - margin) : t + margin + 1]) for t in range(len(y))]
    assert normal_frames(y, margin).tolist() == slow


def test_the_margin_narrows_where_too_little_would_be_left(campus):
    assert default_margin(campus.testing) == 40
    short = [replace(video, labels=video.labels[:90]) for video in campus.testing[:2]]
    assert default_margin(short) < 40


def test_captions_of_few_frames(campus):
    result = evaluate(campus, folds=3, captions_every=30)
    assert result.captions == 6 * 4
    assert "one frame in 30" in result.protocol


def test_rules_written_before_are_joined_with_induced_ones(campus, tmp_path):
    by_model, fast = Support(votes=5, of=5), Limit(measure="speed", above=9, unit="body heights/s")
    written = RuleSet(
        rules=(
            Rule(id="A1", kind="anomaly", text="Waving about", keywords=("waving",), support=by_model),
            Rule(id="A2", kind="anomaly", text="A crowd", limit=Limit(measure="objects", above=90)),
            Rule(id="A3", kind="anomaly", text="Fast", limit=fast, support=by_model),
        )
    )
    save_rules(written, tmp_path / "words.yaml")
    result = evaluate(campus, rules=tmp_path / "words.yaml", folds=3)
    assert result.rules["file"].endswith("words.yaml") and result.rules["limits"] == "induced"
    assert "Rules written before" in result.protocol
    scene = joined("", RuleSet(rules=(Rule(id="A1", kind="anomaly", text="Other", keywords=("x",)),)), None, written)
    assert [rule.text for rule in scene.rules] == ["Waving about", "A crowd", "Other"]
    assert len({rule.id for rule in scene.rules}) == 3
    # alone it judges as it stands
    assert [rule.text for rule in joined("", None, None, written).rules] == ["Waving about", "A crowd", "Fast"]


@pytest.mark.parametrize("method", ["speed", "novelty"])
def test_baselines_run_in_the_same_table(campus, method):
    result = evaluate(campus, method=method)
    assert (result.method, result.perception, result.folds) == (method, "tracks", None)
    assert result.micro_auc > 0.9
    assert result.recall == 1.0 and result.rules["most"] == 0


def test_the_published_program_takes_a_list_of_keywords(campus, tmp_path):
    (tmp_path / "words.txt").write_text("waving\nwhirl\n")
    result = evaluate(campus, method="anomalyruler-base", keywords=tmp_path / "words.txt")
    assert (result.perception, result.settings) == ("captions", {"smoothing": {"preset": "published-code"}})
    assert result.micro_auc > 0.9
    assert "mean of its own video" in result.protocol


def test_settings_that_differ_are_told(campus):
    settings = load_settings(None, {"smoothing": {"preset": "causal"}, "events": {"gap": 2}})
    result = evaluate(campus, use=["tracks"], settings=settings)
    assert result.settings == {"smoothing": {"preset": "causal"}, "events": {"gap": 2.0}}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(method="magic"), "no method 'magic'"),
        (Asked(use=["smell"]), "no perception 'smell'"),
        (Asked(use=["tracks", "pixels"]), "exclude one another"),
        (Asked(use=["pixels"]), "no pictures of 6 of 6 videos"),
        (Asked(use=["detections"]), "no such folder"),
        (Asked(videos=["99_0001"]), "no test video 99_0001"),
        (Asked(folds=1), "too few"),
        (Asked(folds=7), "in 7 folds"),
        (Asked(method="anomalyruler-base"), "keywords go with"),
        (Asked(method="speed", use=["captions"]), "judges by how things move"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is(campus, asked, said):
    with pytest.raises((UsageError, DataError), match=said) as caught:
        make_plan(campus, None, asked, DEFAULTS)
    assert "\n" not in str(caught.value) and caught.value.hint


def test_missing_parts_of_a_reference_are_named(tmp_path):
    root = make_campus(tmp_path / "bare", training=0)
    with pytest.raises(DataError, match="no normal training video"):
        make_plan(load_dataset("shanghaitech", root), None, Asked(), DEFAULTS)
    assert make_plan(load_dataset("shanghaitech", root), None, Asked(use=["captions"]), DEFAULTS).training == ()
    (root / "captions" / "01_0002.txt").unlink()
    with pytest.raises(DataError, match=r"no captions of 1 of 6 videos \(01_0002\)"):
        make_plan(load_dataset("shanghaitech", root), None, Asked(use=["captions"]), DEFAULTS)


def test_the_published_figures_come_out_again(shared_data):
    """The published program's base method on its own captions: 0.8470 was its own output on these videos."""
    for name, figure in (("shanghaitech", 0.8470), ("ped2", 0.9445)):
        if not (shared_data / name).is_dir():
            pytest.skip(f"{name} not found in ../shared/data")
        keywords = shared_data / "rules" / "keywords_SHTech.txt"
        result = evaluate(name, shared_data / name, method="anomalyruler-base", keywords=keywords)
        assert result.micro_auc == pytest.approx(figure, abs=5e-5)
