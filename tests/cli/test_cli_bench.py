"""`ruler bench` and `ruler compare` as a person types them."""

from __future__ import annotations

import json

import pytest

from tests.bench.campus import make_campus


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    return make_campus(tmp_path_factory.mktemp("campus"))


def test_bench_prints_one_object_and_compare_reads_its_folder(run_cli, campus, tmp_path):
    done = run_cli("bench", "shanghaitech", "--root", campus, "--folds", "3", "-o", tmp_path / "a", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["videos"] == 6 and told["micro_auc"] > 0.9 and told["published"]
    again = run_cli("bench", "shanghaitech", "--root", campus, "--folds", "3", "-o", tmp_path / "a", "--markdown")
    assert again.returncode == 0 and again.stdout.startswith("### shanghaitech, ruler")
    speed = run_cli("bench", "shanghaitech", "--root", campus, "--method", "speed", "--jobs", "1", "-o", tmp_path / "b")
    assert speed.returncode == 0 and "this run (speed)" in speed.stdout
    compared = run_cli("compare", tmp_path / "a", tmp_path / "b", "--json")
    assert compared.returncode == 0
    assert json.loads(compared.stdout)["accuracy"]["videos"] == 6


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "no dataset 'nowhere'"),
        (["shanghaitech", "--use", "tracks,pixels"], 2, "exclude one another"),
        (["shanghaitech", "--method", "anomalyruler-base"], 2, "--keywords"),
        (["shanghaitech", "--method", "anomalyruler-base", "--keywords", "none.txt"], 3, "none.txt"),
        (["shanghaitech", "--rules", "none.yaml"], 3, "none.yaml"),
        (["shanghaitech", "--use", "detections"], 3, "no such folder"),
        (["shanghaitech", "--videos", "01_0001,99"], 2, "no test video 99"),
        (["shanghaitech", "--ground-truth", "gut"], 2, "no ground truth 'gut'"),
        (["shanghaitech", "--json", "--markdown"], 2, "exclude one another"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(run_cli, campus, tmp_path, arguments, code, said):
    done = run_cli("bench", *arguments, "--root", campus, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr and len(done.stderr.strip().split("\n")) == 1 and done.stdout == ""


def test_a_root_or_a_run_that_is_not_there(run_cli, tmp_path):
    assert run_cli("bench", "ped2", "--root", tmp_path / "none").returncode == 3
    assert run_cli("compare", tmp_path, tmp_path).returncode == 3


def test_a_reference_that_holds_measured_videos_is_refused(run_cli, campus, tmp_path):
    other = make_campus(tmp_path / "other")
    done = run_cli("bench", "shanghaitech", "--root", campus, "--reference", other)
    assert done.returncode == 2 and "in the reference too" in done.stderr
