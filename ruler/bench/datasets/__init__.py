"""Public benchmarks, each read from its official layout."""
