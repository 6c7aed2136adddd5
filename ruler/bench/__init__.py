"""Batch evaluation: a public benchmark, or videos of one's own with labels, in; scores and measures of accuracy out."""

from ruler.bench.compare import Comparison, compare_runs
from ruler.bench.datasets import BenchDataset, BenchVideo, dataset_names, load_dataset
from ruler.bench.plan import METHODS
from ruler.bench.published import Published, published_on
from ruler.bench.result import BenchResult
from ruler.bench.run import evaluate

__all__ = [
    "METHODS",
    "BenchDataset",
    "BenchResult",
    "BenchVideo",
    "Comparison",
    "Published",
    "compare_runs",
    "dataset_names",
    "evaluate",
    "load_dataset",
    "published_on",
]
