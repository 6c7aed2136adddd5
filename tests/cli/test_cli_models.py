"""The command line where models are named: plans, keys, prices, limits, and models that are not there."""

import json
import socket

import pytest

RULES = """
schema: 1
rules:
  - {kind: normal, text: 'Being on foot: walking'}
  - {kind: anomaly, text: 'Getting over barriers: climbing', keywords: [climb]}
"""


@pytest.fixture
def place(tmp_path):
    """Recorded captions of a normal and a test video, and rules."""
    for name, lines in (
        ("normal", ["A man is walking."] * 40),
        ("test", ["A man is walking.", "A man is climbing."] * 20),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


@pytest.fixture
def nobody():
    """A model string of a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1#m"


def detect(run_cli, place, *args, env=None):
    common = ["--captions", place / "test", "--rules", place / "rules.yaml", "-o", place / "run"]
    env = {"RULER_CACHE": str(place / "cache.sqlite"), "RULER_TRANSPORT__RETRIES": "0", **(env or {})}
    return run_cli("detect", *common, *args, env=env)


def test_a_plan_counts_rechecks_exactly_and_costs_them(run_cli, place):
    done = detect(run_cli, place, "--llm", "openai:gpt-4o-mini", "--dry-run", "--json", env={"OPENAI_API_KEY": "k"})
    assert done.returncode == 0, done.stderr
    stage = json.loads(done.stdout)["stages"]["deduction"]
    # Two captions, smoothed to one finding all over or two at the edges; each may take up to four calls.
    assert 2 <= stage["calls"][0] <= 4
    assert stage["calls"][1] == 4 * stage["calls"][0]
    assert stage["estimate"] is False
    assert 0 < stage["cost"][0] < stage["cost"][1] < 0.1
    assert not (place / "run").exists()


def test_a_plan_of_induction_has_bounds(run_cli, place):
    done = run_cli(
        "induce", "--captions", place / "normal", "--llm", "ollama:x", "--dry-run", "--json", "-o", place / "r.yaml"
    )
    assert done.returncode == 0, done.stderr
    stage = json.loads(done.stdout)["stages"]["induction"]
    assert stage["calls"][0] >= 3
    assert stage["cost"] == 0


def test_a_limit_of_cost_without_a_price_is_refused(run_cli, place, nobody):
    done = detect(run_cli, place, "--llm", "https://models.example/v1#m", "--max-cost", "1", env={"RULER_API_KEY": "k"})
    assert done.returncode == 2
    assert "price" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_missing_key_is_one_line_that_names_the_variable(run_cli, place):
    done = detect(run_cli, place, "--llm", "openai:gpt-5-mini")
    assert done.returncode == 2
    assert "OPENAI_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wrong", ["gpt-5-mini", "openai:", "http://u:secret@host/v1#m", "hf:x/y"])
def test_a_wrong_model_string_is_one_line(run_cli, place, wrong):
    done = detect(run_cli, place, "--llm", wrong)
    assert done.returncode == 2
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_where_nobody_answers_the_run_ends_with_what_it_has(run_cli, place, nobody):
    done = detect(run_cli, place, "--llm", nobody, "--json")
    assert done.returncode == 4, done.stderr
    (video,) = json.loads(done.stdout)["videos"]
    assert video["degraded"] == 40
    assert "degraded" in done.stderr
    assert (place / "run" / "a" / "scores.csv").read_text().count("\n") == 41
    verdicts = (place / "run" / "a" / "verdicts.jsonl").read_text().splitlines()
    assert all(json.loads(line)["status"] == "degraded" for line in verdicts)
    assert "report.html" in {path.name for path in (place / "run").iterdir()}


def test_without_a_call_left_the_run_ends_with_code_5(run_cli, place, nobody):
    done = detect(run_cli, place, "--llm", nobody, "--max-calls", "0")
    assert done.returncode == 5
    assert "--max-calls" in done.stderr
    assert (place / "run" / "a" / "scores.csv").is_file()


def test_no_key_gets_into_a_file(run_cli, place, nobody):
    key = "sk-very-secret-key-0123456789"
    detect(run_cli, place, "--llm", nobody, "-v", env={"RULER_API_KEY": key})
    for path in place.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path


def test_induction_by_a_model_that_is_not_there_ends_and_keeps_nothing_half(run_cli, place, nobody):
    done = run_cli(
        "induce", "--captions", place / "normal", "--llm", nobody, "-o", place / "r.yaml",
        env={"RULER_CACHE": str(place / "cache.sqlite"), "RULER_TRANSPORT__RETRIES": "0"},
    )  # fmt: skip
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (place / "r.yaml").exists()


def test_captions_and_a_model_for_pictures_exclude_one_another(run_cli, place):
    done = detect(run_cli, place, "--vlm", "ollama:x")
    assert done.returncode == 2
    assert "--captions or --vlm" in done.stderr
