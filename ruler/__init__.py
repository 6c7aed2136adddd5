"""Ruler finds anomalies in video by reasoning with rules: the public API, nothing else."""

from ruler._version import __version__

__all__ = ["__version__"]
