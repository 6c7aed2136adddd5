"""The made-up dataset, and a run over it."""

from __future__ import annotations

import pytest

from ruler.bench import BenchDataset, evaluate, load_dataset
from tests.bench.campus import make_campus


@pytest.fixture(scope="session")
def campus(tmp_path_factory) -> BenchDataset:
    return load_dataset("shanghaitech", make_campus(tmp_path_factory.mktemp("campus")))


@pytest.fixture(scope="session")
def measured(campus, tmp_path_factory):
    """The folder of a run over all of it, and its result."""
    out = tmp_path_factory.mktemp("bench") / "run"
    return out, evaluate(campus, folds=3, out=out)
