"""The wheel: what it holds, and that it works installed, outside of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ruler

LIST_ASSETS = """
from ruler.assets import asset_names, asset_path
for kind in ("prompts", "configs"):
    print(*(asset_path(kind, name) for name in asset_names(kind)), sep="\\n", end="\\n" if asset_names(kind) else "")
"""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed package alone; its dependencies are those of this environment."""
    target = tmp_path_factory.mktemp("installed")
    command = ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    return target


def run(installed: Path, tmp_path: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Python outside of the checkout, with the installed package in front of the one under test."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *args], cwd=tmp_path, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_the_wheel_holds_what_is_read_at_run_time(wheel, checkout):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.name.startswith(f"video_ruler-{ruler.__version__}-py3-none-any")
    assert "ruler/py.typed" in names
    for folder in ("prompts", "configs"):
        sources = [p for p in (checkout / folder).rglob("*") if p.is_file()]
        expected = {f"ruler/_assets/{folder}/{p.relative_to(checkout / folder).as_posix()}" for p in sources}
        assert {n for n in names if n.startswith(f"ruler/_assets/{folder}/")} == expected
    wanted = [p for p in (checkout / "ruler").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {p.relative_to(checkout).as_posix() for p in wanted} <= names


def test_the_wheel_holds_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"ruler", f"video_ruler-{ruler.__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".mp4"))]


def test_the_core_asks_for_no_large_or_linked_library(wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"video_ruler-{ruler.__version__}.dist-info/METADATA").decode()
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert any("opencv-python-headless" in line for line in required)
    names = {line.split(": ")[1].split(">")[0].split("=")[0].split("[")[0].lower() for line in required}
    assert not names & {"torch", "torchvision", "transformers", "opencv-python", "opencv-contrib-python", "decord"}
    assert "Name: video-ruler" in metadata
    assert "License-Expression: MIT" in metadata


def test_the_installed_package_runs_outside_of_the_checkout(installed, tmp_path):
    said = run(installed, tmp_path, "-m", "ruler.cli", "--version")
    assert said.returncode == 0, said.stderr
    assert ruler.__version__ in said.stdout


def test_the_installed_package_reads_its_own_assets(installed, tmp_path, checkout):
    said = run(installed, tmp_path, "-c", LIST_ASSETS)
    assert said.returncode == 0, said.stderr
    paths = [Path(line) for line in said.stdout.splitlines()]
    assert paths
    assert all(path.is_relative_to(installed / "ruler" / "_assets") for path in paths)
    sources = [p for folder in ("prompts", "configs") for p in (checkout / folder).rglob("*") if p.is_file()]
    assert sorted(p.read_bytes() for p in paths) == sorted(p.read_bytes() for p in sources)
