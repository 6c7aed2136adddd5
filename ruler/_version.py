"""The version of the distribution, in one place; knows nobody, so that every room may read it."""

__version__ = "0.1.0"
