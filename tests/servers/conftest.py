"""Real servers of the chat API: a command line in; a server that answers, can be killed and comes back, out."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from benchmarks.data import ROOT

NEEDED = ("torch", "transformers", "accelerate", "fastapi", "uvicorn")
REQUIRED = os.environ.get("RULER_SERVERS_REQUIRED") == "1"
DATA_EXPECTED = os.environ.get("CI") == "true" and ROOT.parent.is_dir()
TOOL = ROOT.parent / "tools" / "caption_server.py"

UP = 120.0
"""Seconds within which a server has to answer; imports alone take many on a busy machine."""

TINY = "tiny"


class Server:
    """A server in a process of its own, on a port of its own, on the loopback address.

    Args:
        command: what starts it; "{port}" stands for the port.
        path: what is asked for until it answers.
        model: name of its model.
        folder: where it runs, and writes what it says.
        environment: set beside that of this process.
    """

    def __init__(self, command, path, model, folder, environment=None):
        self.port = _free_port()
        self.model = model
        self.base = f"http://127.0.0.1:{self.port}/v1"
        self._ask = f"http://127.0.0.1:{self.port}{path}"
        self._command = [str(part).format(port=self.port) for part in command]
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._process = None

    @property
    def name(self):
        """The model string."""
        return f"{self.base}#{self.model}"

    @property
    def said(self):
        """What it wrote since it was first started."""
        return (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")

    @property
    def running(self):
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self):
        """Start it, and come back when it answers."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + UP
        while not self._answers():
            if not self.running:
                pytest.fail(f"{self._command[0]} ended with {self._process.returncode}:\n{self.said}")
            if time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"no answer from {self._ask} within {UP:g} s:\n{self.said}")
            time.sleep(0.05)
        return self

    def kill(self):
        """End it at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def _answers(self):
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self._ask, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder that holds a tiny Qwen3-VL as `tiny`."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        absent(f"no model is served: {', '.join(missing)} not installed; `make servers` installs them", REQUIRED)
    folder = tmp_path_factory.mktemp("model")
    # In a process of its own: torch stays out of this one, which other tests look into.
    made = subprocess.run(
        [sys.executable, Path(__file__).with_name("tiny_vlm.py"), folder / TINY],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="session")
def one_server(tiny_model, tmp_path_factory):
    """`transformers serve` with the tiny model, not yet started."""
    home = tmp_path_factory.mktemp("served")
    (home / "hub").mkdir()
    (home / TINY).symlink_to(tiny_model / TINY)
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", TINY]
    command += ["--host", "127.0.0.1", "--port", "{port}", "--device", "cpu", "--trust-remote-code"]
    # One thread: in a model this small, more of them only wait for each other.
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    server = Server(command, "/health", TINY, home, quiet)
    yield server
    server.kill()


@pytest.fixture
def tiny_server(one_server):
    """`transformers serve` with the tiny model, running when a test begins; the test may kill it."""
    return one_server if one_server.running else one_server.start()


@pytest.fixture(scope="session")
def ped2():
    """Folder of the Ped2 data, with frames and captions."""
    folder = ROOT / "ped2"
    if not (folder / "testing" / "frames").is_dir() or not (folder / "captions").is_dir():
        absent(f"no frames and captions of Ped2 in {folder}; RULER_DATA names another folder", DATA_EXPECTED)
    return folder


@pytest.fixture(scope="session")
def caption_server(ped2, tmp_path_factory):
    """A server that answers a frame of Ped2 with its published caption."""
    if not TOOL.is_file():
        absent(f"no caption server at {TOOL}; it lies in `tools` beside the folder RULER_DATA names", DATA_EXPECTED)
    home = tmp_path_factory.mktemp("captions")
    server = Server([sys.executable, TOOL, ped2, "--port", "{port}"], "/v1/models", "captions", home)
    yield server.start()
    server.kill()


def absent(why, needed):
    """Skip the test, or fail it where what it wants has to be there."""
    if needed:
        pytest.fail(why)
    pytest.skip(why)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
