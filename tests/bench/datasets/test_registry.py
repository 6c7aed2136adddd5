"""Names of datasets, and datasets of others."""

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from ruler.bench.datasets import BenchDataset, BenchVideo, dataset_names, load_dataset, registry
from ruler.errors import DataError, UsageError

OURS = ["avenue", "folder", "ped1", "ped2", "shanghaitech", "ubnormal"]


def load_yard(root, ground_truth):
    return BenchDataset("yard", root, ground_truth, (), (BenchVideo("a", None),))


def load_nothing(root, ground_truth):
    return {"root": root}


@pytest.fixture
def plug(monkeypatch):
    """Installs a plug-in: its name and "module:function"."""

    def install(name, value):
        points = [EntryPoint(name, value, registry.ENTRY_POINTS)]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "ruler.datasets" else [])

    return install


def test_an_unknown_name_lists_the_names(tmp_path, plug):
    plug("yard", f"{__name__}:load_yard")
    assert dataset_names() == [*OURS, "yard"]
    with pytest.raises(UsageError) as caught:
        load_dataset("avenu", tmp_path)
    assert str(caught.value) == f"dataset: no dataset 'avenu'; one of {', '.join([*OURS, 'yard'])}"


def test_a_plug_in_is_loaded(tmp_path, plug, monkeypatch):
    plug("yard", "yard_plugin:load_yard")
    monkeypatch.setitem(sys.modules, "yard_plugin", SimpleNamespace(load_yard=load_yard))
    dataset = load_dataset("yard", tmp_path, "official")
    assert (dataset.name, dataset.root, dataset.ground_truth) == ("yard", tmp_path, "official")


def test_a_plug_in_that_cannot_be_used_is_told(tmp_path, plug, monkeypatch):
    plug("yard", "yard_plugin_that_is_not_there:load")
    with pytest.raises(
        UsageError, match=r"the dataset 'yard' cannot be loaded from yard_plugin_that.*mend or uninstall"
    ):
        load_dataset("yard", tmp_path)
    plug("yard", "yard_plugin:load")
    monkeypatch.setitem(sys.modules, "yard_plugin", SimpleNamespace(load=load_nothing))
    with pytest.raises(UsageError, match="yard_plugin:load gave a dict for the dataset 'yard'; it must return a"):
        load_dataset("yard", tmp_path)


def test_our_names_cannot_be_taken(tmp_path, plug):
    plug("avenue", "yard_plugin:load")
    with pytest.raises(DataError, match="no test video of 'avenue'"):
        load_dataset("avenue", tmp_path)


def test_a_folder_and_a_ground_truth_are_needed(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder; give the folder of the dataset 'ped2'"):
        load_dataset("ped2", tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: not a folder"):
        load_dataset("ped2", tmp_path / "file")
    with pytest.raises(UsageError, match="no ground truth 'best'; one of auto, labels, official"):
        load_dataset("ped2", tmp_path, "best")
