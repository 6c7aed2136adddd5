"""A run's folder: it goes on where it stopped, for the same command and one process at a time."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ruler.errors import DataError, RunFolderError
from ruler.rundir import RunFolder, RunReader, Usage, VideoRecord, VideoStatus
from ruler.schema import Box, Event, Observation, Scores, TrackedObject, Verdict

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = {"command": "detect", "settings": {"motion": {"width": 360}, "alarms": None}, "inputs": [Path("a.mp4")]}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def open_run(path: Path, **changes) -> RunFolder:
    return RunFolder.open(path, {**COMMAND, **changes}, clock=lambda: NOON)


def observation(frame: int) -> Observation:
    person = TrackedObject(1, Box(frame, 10, 20, 60), "person", {"speed": frame / 7})
    return Observation(frame, frame / 25, caption=f"frame {frame}", objects=(person,), sources=("motion",))


def test_what_a_run_writes_is_read_again(tmp_path):
    run_path = tmp_path / "runs" / "x"
    event = Event(2, 5, 0.08, 0.2, 3, 0.75, rules=("A1",), rationale="Faster than usual.", key_frame=3)
    with open_run(run_path) as run:
        video = run.video_folder("a", "videos/a.mp4")
        assert video.append_observations(observation(i) for i in range(0, 10, 2)) == 5
        assert video.append_verdicts([Verdict(0, 0.0, False, 0.25)]) == 1
        video.write_scores(Scores(np.arange(3) / 25, np.array([0.0, 0.5, 2 / 3])))
        video.write_events([event])
        assert video.write_keyframe(3, b"jpeg").read_bytes() == b"jpeg"
        run.write_file("report.html", "<p>π</p>")
        run.add_usage(Usage(calls=2, prompt_tokens=700, completion_tokens=30, cost=0.001))
        run.add_usage(Usage(calls=1, cost=0.5))
        run.add_timing("perception", 1.5)
        run.set_video("a", VideoRecord("videos/a.mp4", VideoStatus.DONE, frames=3, events=1, max_score=2 / 3))
        run.finish()

    reader = RunReader(run_path)
    video_read = reader.video("a")
    assert [o.frame for o in video_read.observations()] == [0, 2, 4, 6, 8]
    assert next(video_read.observations()).objects[0].box == Box(0, 10, 20, 60)
    assert list(video_read.verdicts()) == [Verdict(0, 0.0, False, 0.25)]
    assert (run_path / "a" / "scores.csv").read_text() == (
        "frame,time,score\n0,0.0000,0.0\n1,0.0400,0.5\n2,0.0800,0.6666666666666666\n"
    )
    assert video_read.scores().scores.tolist() == [0, 0.5, 2 / 3]
    assert video_read.events() == [event]
    assert [p.name for p in video_read.keyframes] == ["0000003.jpg"]
    written = json.loads((run_path / "run.json").read_text())
    assert written["command"] == {**COMMAND, "inputs": ["a.mp4"]}
    assert written["created"] == written["finished"] == "2026-11-23T12:00:00+00:00"
    spent = {"calls": 3, "cached": 0, "prompt_tokens": 700, "completion_tokens": 30, "cost": 0.501, "replayed": 0}
    assert written["usage"] == spent
    assert reader.record.timings == {"perception": 1.5}
    assert reader.record.videos["a"].status is VideoStatus.DONE
    assert written["videos"]["a"]["max_score"] == 0.666667


def test_model_free_run_costs_nothing(tmp_path):
    with open_run(tmp_path / "x") as run:
        assert run.record.usage == Usage(0, 0, 0, 0, 0.0)


def test_the_same_command_goes_on(tmp_path):
    with open_run(tmp_path) as run:
        run.video_folder("a").append_observations([observation(0), observation(3)])
        run.add_timing("perception", 1.0)
        run.finish()
    with open_run(tmp_path) as run:
        assert run.record.finished is not None
        video = run.video_folder("a")
        assert (video.last_frame, video.last_verdict_frame) == (3, None)
        video.append_observations([observation(5)])
        run.add_timing("perception", 2.0)
        assert run.record.timings == {"perception": 3.0}
        assert run.record.finished is None
        assert [o.frame for o in video.observations()] == [0, 3, 5]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"settings": {"motion": {"width": 480}, "alarms": None}}, "settings.motion.width was 360, now 480"),
        ({"inputs": ["a.mp4", "b.mp4"]}, 'inputs[1] was not set, now "b.mp4"'),
        ({"rules": "3fa1"}, 'rules was not set, now "3fa1"'),
    ],
)
def test_another_command_is_refused(tmp_path, changes, says):
    open_run(tmp_path).close()
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(RunFolderError) as caught:
        open_run(tmp_path, **changes)
    assert says in str(caught.value)
    assert "choose another -o or delete" in str(caught.value)
    assert (tmp_path / "run.json").read_bytes() == before
    open_run(tmp_path).close()


def test_another_version_is_refused(tmp_path):
    open_run(tmp_path).close()
    text = (tmp_path / "run.json").read_text()
    (tmp_path / "run.json").write_text(text.replace('"ruler": "', '"ruler": "9.'))
    with pytest.raises(RunFolderError, match=r'ruler was "9\.'):
        open_run(tmp_path)


def test_without_resume_a_run_that_is_there_is_refused(tmp_path):
    open_run(tmp_path).close()
    with pytest.raises(RunFolderError, match="holds a run already"):
        RunFolder.open(tmp_path, COMMAND, resume=False)


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match=r"not of a run \(notes\.txt, 1 in all\)"):
        open_run(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("text", ["", '{"schema": 1, "rul', "[]", "{}", '{"schema": 99}', '{"schema": 1, "ruler": 3}'])
def test_a_broken_run_file_is_one_clear_line(tmp_path, text):
    open_run(tmp_path).close()
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunFolderError, match=r"run\.json: broken: .*delete the folder or choose another"):
        open_run(tmp_path)
    with pytest.raises(DataError, match=r"run\.json: broken"):
        RunReader(tmp_path)


def test_reading_what_is_no_run(tmp_path):
    with pytest.raises(DataError, match="not the folder of a run"):
        RunReader(tmp_path / "missing")
    open_run(tmp_path).close()
    with pytest.raises(DataError, match="no video 'b'"):
        RunReader(tmp_path).video("b")


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "x").write_text("")
    for place in (tmp_path / "x", tmp_path / "x" / "y"):
        with pytest.raises(RunFolderError, match="cannot be written"):
            open_run(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(RunFolderError, match="Permission denied"):
        open_run(tmp_path / "x")


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_later(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        (tmp_path / "a" / "verdicts.jsonl").symlink_to("/dev/full")
        with pytest.raises(RunFolderError, match="No space left on device"):
            video.append_verdicts([Verdict(0, 0.0, False, 0.0)])
        (tmp_path / "a" / "verdicts.jsonl").unlink()
        assert video.append_verdicts([Verdict(0, 0.0, False, 0.0)]) == 1


def test_one_writer_at_a_time(tmp_path):
    with open_run(tmp_path):
        with pytest.raises(RunFolderError, match=f"in use by process {os.getpid()}"):
            open_run(tmp_path)
        code = "import sys; from ruler.rundir import RunFolder; RunFolder.open(sys.argv[1], {})"
        other = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, cwd=CHECKOUT)
        assert f"in use by process {os.getpid()}" in other.stderr
        assert RunReader(tmp_path).record.schema == 1
    open_run(tmp_path).close()


@pytest.mark.parametrize("name", ["", ".", "..", "../b", "a/b", "a\\b", "run.json", ".lock", "rules.yaml", "a\0b"])
def test_a_video_cannot_leave_its_run(tmp_path, name):
    with open_run(tmp_path / "x") as run, pytest.raises(RunFolderError, match="cannot be the name"):
        run.video_folder(name)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_file_names_that_are_not_unicode(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    with open_run(tmp_path, inputs=[name]) as run:
        run.video_folder(name, name).append_observations([observation(0)])
    with open_run(tmp_path, inputs=[name]) as run:
        assert run.record.videos[name].source == name


def test_frames_must_come_in_order(tmp_path):
    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        with pytest.raises(ValueError, match="frame 4 after frame 4"):
            video.append_observations([observation(4), observation(4)])
        with pytest.raises(ValueError, match="frame 3 after frame 4"):
            video.append_observations([observation(3)])
        video.restart()
        assert video.last_frame is None
        assert video.append_observations([observation(3)]) == 1


def test_what_came_before_a_failing_source_is_kept(tmp_path):
    def failing():
        yield observation(0)
        raise DataError("the stream broke off")

    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        with pytest.raises(DataError, match="broke off"):
            video.append_observations(failing())
        assert video.last_frame == 0
        assert video.append_observations([observation(1)]) == 1


@pytest.mark.parametrize("bad", [[0.5, np.nan], [0.5, 1.01], [-0.01, 0.5]])
def test_scores_outside_the_scale_are_refused(tmp_path, bad):
    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        with pytest.raises(DataError, match="score outside 0 to 1"):
            video.write_scores(Scores(np.zeros(2), np.array(bad)))
        assert not (tmp_path / "a" / "scores.csv").exists()


@pytest.mark.parametrize(
    "text", ["frame,time,score\n0,0.0,0.1\n2,0.1,0.2\n", "frame,time,score\n0,x,0.1\n", "f\n0,1\n"]
)
def test_broken_scores_are_named(tmp_path, text):
    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        (tmp_path / "a" / "scores.csv").write_text(text)
        with pytest.raises(DataError, match=r"scores\.csv"):
            video.scores()


def test_a_video_without_frames_has_no_scores(tmp_path):
    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        video.write_scores(Scores(np.zeros(0), np.zeros(0)))
        assert len(video.scores().scores) == 0


@given(cut=st.integers(0, 10_000), tail=st.sampled_from([b"", b'{"frame":9', b"\x00\x00"]))
def test_a_file_torn_anywhere_is_mended(tmp_path_factory, cut, tail):
    folder = tmp_path_factory.mktemp("run")
    whole = [observation(i) for i in range(12)]
    with open_run(folder) as run:
        run.video_folder("a").append_observations(whole)
    path = folder / "a" / "observations.jsonl"
    complete = path.read_bytes()
    path.write_bytes(complete[: cut % (len(complete) + 1)] + tail)
    with open_run(folder) as run:
        video = run.video_folder("a")
        last = -1 if video.last_frame is None else video.last_frame
        video.append_observations(whole[last + 1 :])
    assert path.read_bytes() == complete


def test_a_last_line_longer_than_a_block_is_found(tmp_path):
    with open_run(tmp_path) as run:
        long = Observation(1, 0.04, caption="so " * 100_000)
        run.video_folder("a").append_observations([observation(0), long])
    with (tmp_path / "a" / "observations.jsonl").open("ab") as file:
        file.write(b'{"frame":2,"caption":"' + b"x" * 200_000)
    with open_run(tmp_path) as run:
        assert run.video_folder("a").last_frame == 1


def test_a_broken_last_line_is_named(tmp_path):
    with open_run(tmp_path) as run:
        video = run.video_folder("a")
        (tmp_path / "a" / "observations.jsonl").write_text("nonsense\n")
        with pytest.raises(DataError, match=r"observations\.jsonl: last line is broken"):
            _ = video.last_frame


WRITER = """
import sys
import numpy as np
from ruler.rundir import RunFolder
from ruler.schema import Observation, Scores, Verdict
with RunFolder.open(sys.argv[1], {"command": "detect"}) as run:
    video = run.video_folder("a", "a.mp4")
    first = 0 if video.last_frame is None else video.last_frame + 1
    for frame in range(first, 600):
        video.append_observations([Observation(frame, frame / 25, caption="somebody walks by " * 20)])
        video.write_keyframe(frame % 3, b"picture" * 999)
        print(str(frame).ljust(4000), flush=True)  # fills the pipe soon, so the writer cannot run ahead of its killer
    first = 0 if video.last_verdict_frame is None else video.last_verdict_frame + 1
    for observation in video.observations():
        if observation.frame >= first:
            video.append_verdicts([Verdict(observation.frame, observation.time, False, 0.5)])
    video.write_scores(Scores(np.arange(600) / 25, np.full(600, 0.25)))
    video.write_events([])
"""


def test_a_run_killed_again_and_again_ends_like_one_that_was_not(tmp_path):
    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(tmp_path / name)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)

    reached = -1
    for _ in range(5):
        with start("killed") as writer:
            assert writer.stdout is not None
            seen = [int(writer.stdout.readline()) for _ in range(40)]
            writer.send_signal(signal.SIGKILL)
        assert writer.returncode == -signal.SIGKILL
        assert seen[0] > reached  # nothing that was reported is done again
        reached = seen[-1]
    for name in ("killed", "whole"):
        with start(name) as writer:
            writer.communicate()
        assert writer.returncode == 0

    def files(name: str) -> dict[str, bytes]:
        folder = tmp_path / name
        return {str(p.relative_to(folder)): p.read_bytes() for p in (folder / "a").rglob("*") if p.is_file()}

    assert files("killed") == files("whole")
    assert len(files("whole")["a/observations.jsonl"].splitlines()) == 600
    assert sorted(p.name for p in (tmp_path / "killed").iterdir()) == [".lock", "a", "run.json"]
