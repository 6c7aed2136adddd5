"""Whole runs over a server that fails one time in ten: they end, pay once, keep the limit, and score as without faults.

RULER_SOAK=FRAMES makes the runs longer; `make soak` does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ruler.config import load_settings
from ruler.errors import BudgetError
from ruler.pipeline import Records, VideoResult, detect_to_folder, gather
from ruler.rules.io import save_rules
from ruler.rundir import RunReader, VideoStatus
from ruler.schema import FloatArray, Status
from tests.faults.fault_server import EVERY, Fault, FaultServer, seeded
from tests.faults.yard import FRAME_RATE, RULES, answer, captions, is_anomalous

FRAMES = int(os.environ.get("RULER_SOAK", "1000"))
VIDEOS = 4
RATE = 0.1
TIMEOUT = 5.0
"""Seconds; long against what an answer takes on a busy machine, so that none that was given comes too late."""

WRITTEN = 1e-8
"""Scores are written with nine digits."""

QUICK = {fault: 1.0 for fault in EVERY if fault is not Fault.HANG}
"""Faults for the command line, whose timeout is longer than a test should take."""


Start = Callable[..., "subprocess.Popen[str]"]


@dataclass(frozen=True)
class Yard:
    """Recorded captions of some videos, what a run without faults makes of them, and what no model was asked about."""

    folder: Path
    told: dict[str, list[str]]
    faultless: dict[str, VideoResult]
    initial: dict[str, VideoResult]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    folder = tmp_path_factory.mktemp("yard")
    (folder / "captions").mkdir()
    told = {f"v{n}": captions(FRAMES // VIDEOS, seed=n) for n in range(VIDEOS)}
    for name, lines in told.items():
        (folder / "captions" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    save_rules(RULES, folder / "rules.yaml")
    with FaultServer(answer) as server:
        faultless = run(folder, "faultless", server)
        assert len(server.log) > 0.9 * FRAMES, "most frames are a case of their own"
    return Yard(folder, told, faultless, run(folder, "initial", server, which="none"))


def run(
    folder: Path, out: str, server: FaultServer, *, max_calls: int | None = None, which: str = "all"
) -> dict[str, VideoResult]:
    """Judge the captions into a folder; the same folder again goes on."""
    settings = load_settings(
        None,
        {
            "models": {"llm": server.url},
            "recheck": {"which": which},
            "transport": {"cache": folder / f"{out}.sqlite", "timeout": TIMEOUT, "max_calls": max_calls},
            "video": {"frame_rate": FRAME_RATE},
        },
    )
    inputs, bad = gather([], Records(captions=folder / "captions"), settings)
    assert not bad
    return {result.name: result for result in detect_to_folder(inputs, RULES, folder / out, settings)}


def assert_as_good_as_faultless(yard: Yard, results: dict[str, VideoResult], out: str) -> Counter[Status]:
    """All videos are done, and their scores as good as without faults; how many verdicts have which status."""
    statuses: Counter[Status] = Counter()
    reader = RunReader(yard.folder / out)
    for name, lines in yard.told.items():
        assert results[name].status is VideoStatus.DONE
        statuses += assert_frames_as_good(yard, name, lines, reader, results[name].scores.scores)
    return statuses


def assert_frames_as_good(
    yard: Yard, name: str, lines: list[str], reader: RunReader, scores: FloatArray
) -> Counter[Status]:
    """Where an answer was had, the score is the faultless one; elsewhere it is that of the initial finding."""
    verdicts = list(reader.video(name).verdicts())
    assert [v.frame for v in verdicts] == list(range(len(lines)))
    heard = [v.status is Status.OK for v in verdicts]
    assert heard == [v.votes == (is_anomalous(line),) for v, line in zip(verdicts, lines, strict=True)]
    expected = np.where(heard, yard.faultless[name].scores.scores, yard.initial[name].scores.scores)
    np.testing.assert_allclose(scores, expected, atol=WRITTEN, rtol=0)
    return Counter(v.status for v in verdicts)


def calls(yard: Yard, out: str) -> int:
    """Calls that the run's own record counts."""
    return RunReader(yard.folder / out).record.usage.calls


@pytest.fixture
def start(checkout: Path) -> Iterator[Start]:
    """Starts the command line in a process of its own, which does not outlive the test."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RULER_") and not k.endswith("_API_KEY")}
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ruler.cli", *map(str, arguments)],
            cwd=checkout,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    # What runs in the background of a shell ignores interrupts, and so would what it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield begin
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        process.communicate()


def test_a_model_is_worth_its_calls_in_this_yard(yard):
    """Else the other tests could not tell an answer from an initial finding."""
    for name in yard.told:
        differ = yard.faultless[name].scores.scores != yard.initial[name].scores.scores
        assert differ.mean() > 0.9


def test_a_run_ends_pays_once_and_scores_as_without_faults(yard, waits):
    with FaultServer(answer, seeded(RATE, seed=1)) as server:
        results = run(yard.folder, "faulty", server)
        assert [result.error for result in results.values()] == [None] * VIDEOS
        assert Counter(e.fault for e in server.log).keys() >= set(Fault), "every fault happened"
        assert 0.05 < np.mean([e.fault is not None for e in server.log]) < 0.15
        assert server.repeated == []
        assert calls(yard, "faulty") == len(server.log)
        statuses = assert_as_good_as_faultless(yard, results, "faulty")
        assert 0.95 * FRAMES < statuses[Status.OK] < FRAMES
        assert statuses[Status.DEGRADED] == sum(result.degraded for result in results.values()) > 0
        # The same command asks again where nobody was heard, and nothing that was answered.
        again = run(yard.folder, "faulty", server)
        assert server.repeated == []
        assert_as_good_as_faultless(yard, again, "faulty")
        assert sum(result.degraded for result in again.values()) <= statuses[Status.DEGRADED]
    assert waits, "there was something to wait for"


def test_the_limit_of_calls_holds_and_the_run_goes_on_to_the_same_end(yard, waits):
    with FaultServer(answer, seeded(RATE, seed=2)) as server:
        for limit in (FRAMES // 10, FRAMES // 2, FRAMES):
            results = run(yard.folder, "limited", server, max_calls=limit)
            assert len(server.log) == limit == calls(yard, "limited")
            short = [result for result in results.values() if result.error is not None]
            assert short
            assert all(isinstance(r.error, BudgetError) and r.status is VideoStatus.PARTIAL for r in short)
        results = run(yard.folder, "limited", server, max_calls=2 * FRAMES)
        assert FRAMES < len(server.log) < 2 * FRAMES
        assert len(server.log) == calls(yard, "limited")
        assert server.repeated == []
    assert_as_good_as_faultless(yard, results, "limited")


def test_interrupted_amid_faults_the_same_command_goes_on_to_the_same_end(yard, start):
    """In the second of two videos, so that one is done, and one half done."""
    told = dict(list(yard.told.items())[:2])
    (yard.folder / "two").mkdir()
    for name in told:
        (yard.folder / "two" / f"{name}.txt").write_text((yard.folder / "captions" / f"{name}.txt").read_text())
    faults, cut = seeded(RATE, seed=3, faults=QUICK), FRAMES * 2 // 5
    with FaultServer(answer, lambda asked: Fault.HANG if asked.number >= cut else faults(asked)) as server:
        arguments = ["detect", "--captions", yard.folder / "two", "--rules", yard.folder / "rules.yaml"]
        arguments += ["--llm", server.url, "--frame-rate", FRAME_RATE, "--cache", yard.folder / "cut.sqlite"]
        arguments += ["--concurrency", 6, "--json", "-o", yard.folder / "cut"]
        process = start(*arguments)
        # All that may be under way is, and nobody answers it: what was answered before has arrived.
        assert server.wait_for_hanging(6, timeout=60 + FRAMES / 10)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=60)[1]
        assert process.returncode == 130, stderr
        assert "interrupted; the same command goes on where it stopped" in stderr
        assert "Traceback" not in stderr
        assert len(server.log) == cut + 6
        assert calls(yard, "cut") == cut + 6, "what was under way is counted too"
        server.plan = faults
        process = start(*arguments)
        stdout, stderr = process.communicate(timeout=60 + FRAMES / 10)
        assert process.returncode in (0, 4), stderr
        assert server.repeated == []
        assert len(server.log) > 2 * FRAMES // VIDEOS
        assert calls(yard, "cut") == len(server.log)
    assert {v["name"]: v["status"] for v in json.loads(stdout)["videos"]} == dict.fromkeys(told, "done")
    reader = RunReader(yard.folder / "cut")
    assert reader.record.finished
    for name, lines in told.items():
        assert_frames_as_good(yard, name, lines, reader, reader.video(name).scores().scores)
