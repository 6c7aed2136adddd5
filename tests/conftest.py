"""Fixtures of the whole suite: the public data, the command line in a process of its own, hypothesis' profiles."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI") == "true"

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if IN_CI else "local")

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Root of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without network."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    built = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the public data beside the checkout; the test is skipped where there is none."""
    data = CHECKOUT.parent / "shared" / "data"
    if data.is_dir():
        return data
    if IN_CI and data.parent.is_dir():
        pytest.fail("../shared is there, but public data not found at ../shared/data")
    pytest.skip("public data not found at ../shared/data")


@pytest.fixture(scope="session")
def run_cli() -> RunCli:
    """Calls `ruler ARGS` in a process of its own; env adds to the environment, where no RULER_* and no key is set."""

    def run(
        *args: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RULER_") and not k.endswith("_API_KEY")}
        clean |= {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "PYTHONPATH": str(CHECKOUT), **(env or {})}
        command = [sys.executable, "-m", "ruler.cli", *map(str, args)]
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=clean, cwd=cwd, timeout=timeout
        )

    return run
