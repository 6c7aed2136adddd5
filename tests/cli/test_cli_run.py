import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ruler.rules.io import load_rules


def test_induce_then_detect_from_two_commands(plain, rules_file, run_cli, tmp_path):
    ruleset = load_rules(rules_file)
    assert ruleset.calibration.clips == 4
    assert {r.kind for r in ruleset.rules} == {"anomaly"}
    assert all(r.false_alarms is not None for r in ruleset.rules)
    assert not list(plain.glob(".rules.yaml*")), "the folder that keeps observations must be gone"
    run = tmp_path / "run"
    done = run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", run, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["run"] == str(run)
    assert found["calls"] == found["cost"] == 0
    (video,) = found["videos"]
    assert (video["name"], video["frames"], video["status"]) == ("test", 120, "done")
    assert "no chat model is asked" in done.stderr
    lines = (run / "test" / "scores.csv").read_text().splitlines()
    assert lines[0] == "frame,time,score"
    assert len(lines) == 121
    for name in (
        "run.json",
        "rules.yaml",
        "report.html",
        "test/observations.jsonl",
        "test/verdicts.jsonl",
        "test/events.json",
    ):
        assert (run / name).exists(), name
    record = json.loads((run / "run.json").read_text())
    assert record["finished"]
    assert record["videos"]["test"]["status"] == "done"


def test_the_same_command_again_does_nothing_and_another_is_refused(plain, rules_file, run_cli, tmp_path):
    run = tmp_path / "run"
    first = run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", run, "--json")
    written = (run / "test" / "observations.jsonl").stat().st_mtime_ns
    again = run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", run, "--json")
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert (run / "test" / "observations.jsonl").stat().st_mtime_ns == written
    other = run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", run, "--preset", "causal")
    assert other.returncode == 2
    assert "preset" in other.stderr
    assert "Traceback" not in other.stderr


def test_apply_judges_again_without_the_video(plain, rules_file, run_cli, tmp_path):
    run = tmp_path / "run"
    run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", run)
    same = run_cli("rules", "apply", run, "--rules", rules_file, "-o", tmp_path / "same", "--json")
    assert same.returncode == 0, same.stderr
    assert (tmp_path / "same" / "test" / "scores.csv").read_text() == (run / "test" / "scores.csv").read_text()
    strict = tmp_path / "strict.yaml"
    strict.write_text("rules:\n  - {kind: anomaly, text: anything moves, limit: {measure: objects, above: 0.5}}\n")
    other = run_cli("rules", "apply", run, "--rules", strict, "-o", tmp_path / "other", "--json")
    assert other.returncode == 0, other.stderr
    assert json.loads(other.stdout)["videos"][0]["events"] >= 1


def test_an_old_rules_file_is_kept(plain, run_cli, tmp_path):
    out = tmp_path / "rules.yaml"
    out.write_text("# mine\nrules: []\n")
    done = run_cli("induce", plain / "normal", "-o", out)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "rules.yaml.bak").read_text() == "# mine\nrules: []\n"


def test_dry_run_looks_at_nothing(plain, rules_file, run_cli, tmp_path):
    done = run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", tmp_path / "run", "--dry-run", "--json")
    found = json.loads(done.stdout)
    assert found["videos"] == [{"name": "test", "perception": "motion", "frames": 120}]
    assert found["stages"]["perception"] == {"calls": 0, "tokens": 0, "cost": 0.0, "estimate": False}
    assert not (tmp_path / "run").exists()


def test_bad_videos_do_not_stop_the_others(plain, rules_file, run_cli, tmp_path):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "bad.mp4").write_bytes(b"not a video at all" * 50)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "good.mp4").write_bytes((plain / "test.mp4").read_bytes())
    done = run_cli("detect", folder, "--rules", rules_file, "-o", tmp_path / "run", "--json")
    assert done.returncode == 3
    status = {v["name"]: v["status"] for v in json.loads(done.stdout)["videos"]}
    assert status == {"bad": "failed", "empty": "failed", "good": "done"}
    assert "Traceback" not in done.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text())["videos"]
    assert record["bad"]["error"]
    assert (tmp_path / "run" / "report.html").exists()


def test_interrupted_by_a_signal_the_run_goes_on(plain, rules_file, run_cli, tmp_path, checkout):
    folder = tmp_path / "long"
    folder.mkdir()
    for n in range(4):
        (folder / f"v{n}.mp4").write_bytes((plain / "test.mp4").read_bytes())
    arguments = [str(a) for a in ("detect", folder, "--rules", rules_file, "--json", "-q", "-o")]
    whole = run_cli(*arguments, tmp_path / "whole")
    for number, kind in enumerate((signal.SIGKILL, signal.SIGINT)):
        run = tmp_path / f"broken{number}"
        process = subprocess.Popen(
            [sys.executable, "-m", "ruler.cli", *arguments, str(run)],
            cwd=checkout,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while (
            not (run / "v1" / "observations.jsonl").exists() and process.poll() is None and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        process.send_signal(kind)
        stderr = process.communicate(timeout=60)[1].decode()
        if kind == signal.SIGINT:
            assert process.returncode == 130, stderr
            assert "interrupted" in stderr
        resumed = run_cli(*arguments, run)
        assert resumed.returncode == 0, resumed.stderr
        ours, theirs = json.loads(resumed.stdout), json.loads(whole.stdout)
        assert [v["frames"] for v in ours["videos"]] == [v["frames"] for v in theirs["videos"]]
        assert (run / "v0" / "scores.csv").read_text() == (tmp_path / "whole" / "v0" / "scores.csv").read_text()
        frames = [json.loads(line)["frame"] for line in (run / "v1" / "observations.jsonl").read_text().splitlines()]
        assert frames == list(range(120)), "no frame is lost or given twice"


def test_two_processes_on_one_folder(plain, rules_file, run_cli, tmp_path):
    from ruler.rundir import RunFolder

    run = tmp_path / "run"
    with RunFolder.open(run, {"command": "other"}):
        done = run_cli("detect", plain / "test.mp4", "--rules", rules_file, "-o", run)
    assert done.returncode == 2
    assert "process" in done.stderr
    assert "Traceback" not in done.stderr


def test_captions_alone(run_cli, tmp_path):
    (tmp_path / "normal").mkdir()
    for n in range(4):
        lines = ["There are two people. One person is walking and the other is standing."] * 60
        (tmp_path / "normal" / f"v{n}.txt").write_text("\n".join(lines) + "\n")
    odd = ["There are two people. One person is walking."] * 40 + [
        "There is a person. The person is climbing the fence."
    ] * 30
    (tmp_path / "odd.txt").write_text("\n".join(odd) + "\n")
    rules = tmp_path / "rules.yaml"
    induced = run_cli("induce", "--captions", tmp_path / "normal", "-o", rules, "--frame-rate", 10)
    assert induced.returncode == 0, induced.stderr
    assert "never described" in rules.read_text()
    done = run_cli(
        "detect",
        "--captions",
        tmp_path / "odd.txt",
        "--rules",
        rules,
        "-o",
        tmp_path / "run",
        "--frame-rate",
        10,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    events = json.loads((tmp_path / "run" / "odd" / "events.json").read_text())
    assert len(events) == 1
    assert 28 <= events[0]["start_frame"] <= 45
    assert "climbing" in events[0]["rationale"]
    scores = np.loadtxt(tmp_path / "run" / "odd" / "scores.csv", delimiter=",", skiprows=1)[:, 2]
    assert scores[:25].max() < 0.5 < scores[50:].min()


def test_a_frame_rate_nobody_knows_is_said(run_cli, tmp_path):
    (tmp_path / "v.txt").write_text("A person is walking.\n" * 60)
    rules = tmp_path / "rules.yaml"
    done = run_cli("induce", "--captions", tmp_path / "v.txt", "-o", rules)
    assert done.returncode == 0, done.stderr
    assert "frame rate assumed" in done.stderr
    assert "frame_rate_known: false" in rules.read_text()


BAD = [
    (["detect", "nope.mp4", "--rules", "{rules}"], 3, "nope.mp4"),
    (["detect", "{test}", "--rules", "missing.yaml"], 3, "missing.yaml"),
    (["detect", "{test}", "--rules", "broken.yaml"], 3, "broken.yaml:3"),
    (["detect", "{test}", "--rules", "unknown.yaml"], 3, "keywrods"),
    (["detect", "{test}", "--rules", "twice.yaml"], 3, "A1"),
    (["detect", "--rules", "{rules}"], 2, "--captions"),
    (["detect", "{test}", "--rules", "{rules}", "--preset", "nope"], 2, "centred"),
    (["detect", "{test}", "--rules", "{rules}", "--alarms", "often"], 2, "2/day"),
    (["detect", "{test}", "--rules", "{rules}", "--every", "x"], 2, "x"),
    (["detect", "{test}", "--rules", "{rules}", "--set", "events.gpa=1"], 2, "gap"),
    (["detect", "{test}", "--rules", "{rules}", "--scene-from", "("], 2, "--scene-from"),
    (["detect", "{test}", "--rules", "{rules}", "--captions", "short.txt"], 3, "short.txt"),
    (["detect", "{test}", "--rules", "{rules}", "--tracks", "late.txt"], 3, "late.txt"),
    (["detect", "{test}", "--rules", "{rules}", "-o", "stranger"], 2, "stranger"),
    (["detect", "{test}", "--rules", "{rules}", "-o", "short.txt"], 2, "short.txt"),
    (["detect", "nothing", "--rules", "{rules}"], 3, "nothing"),
    (["detect", "sizes", "--rules", "{rules}"], 3, "2.png"),
    (["induce", "{test}", "-o", "stranger"], 2, "stranger"),
    (["induce", "{test}", "--config", "broken.yaml"], 2, "broken.yaml"),
    (["rules", "show", "missing.yaml"], 3, "missing.yaml"),
    (["rules", "import", "missing.txt"], 3, "missing.txt"),
    (["rules", "apply", "nothing", "--rules", "{rules}"], 3, "nothing"),
    (["report", "nothing"], 3, "nothing"),
    (["frobnicate"], 2, "frobnicate"),
]


@pytest.mark.parametrize(("arguments", "code", "says"), BAD, ids=[" ".join(b[0])[:60] for b in BAD])
def test_bad_input_is_one_line_and_the_right_exit_code(arguments, code, says, plain, rules_file, run_cli, tmp_path):
    from PIL import Image

    (tmp_path / "broken.yaml").write_text("rules:\n  - {kind: anomaly, text: [\n")
    (tmp_path / "unknown.yaml").write_text("rules:\n  - {kind: anomaly, text: x, keywrods: [a]}\n")
    (tmp_path / "twice.yaml").write_text(
        "rules:\n  - {id: A1, kind: anomaly, text: x}\n  - {id: A1, kind: anomaly, text: y}\n"
    )
    (tmp_path / "short.txt").write_text("a person is walking\n" * 7)
    (tmp_path / "late.txt").write_text("500,1,10,10,5,20,1,-1,-1,-1\n")
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "diary.txt").write_text("mine")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "sizes").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "sizes" / "1.png")
    Image.new("RGB", (30, 40)).save(tmp_path / "sizes" / "2.png")
    filled = [a.format(rules=rules_file, test=plain / "test.mp4") for a in arguments]
    done = run_cli(*filled, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("ruler: ")]
    assert len(lines) == 1, done.stderr
    assert says in lines[0]
    assert "Traceback" not in done.stderr
    assert (tmp_path / "stranger" / "diary.txt").read_text() == "mine"


def test_version_and_help(run_cli):
    from ruler import __version__

    assert run_cli("--version").stdout.strip() == f"ruler {__version__}"
    text = run_cli("--help").stdout
    for command in ("demo", "induce", "detect", "rules", "report"):
        assert command in text
