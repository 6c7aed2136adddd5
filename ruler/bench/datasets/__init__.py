"""Name and folder of a public benchmark, or of videos of one's own, in; its videos with their labels out."""

from ruler.bench.datasets.base import BenchDataset, BenchVideo, GroundTruth
from ruler.bench.datasets.registry import dataset_names, load_dataset

__all__ = ["BenchDataset", "BenchVideo", "GroundTruth", "dataset_names", "load_dataset"]
