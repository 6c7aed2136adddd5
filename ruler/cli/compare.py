"""`ruler compare`: the folders of two runs in; where they differ, and which one is better, out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.bench.compare import as_text, compare_runs
from ruler.cli import options as o


def command(
    first: Annotated[Path, typer.Argument(help="Folder of a run of `ruler detect` or `ruler bench -o`.")],
    second: Annotated[Path, typer.Argument(help="Folder of another run of the same videos.")],
    labels: Annotated[
        Path | None, typer.Option(help="Folder of VIDEO.npy with 0/1 per frame; a bench run brings its own.")
    ] = None,
    as_json: o.AsJson = False,
) -> int:
    """Say which frames and events differ between two runs and, where labels are known, which one is better."""
    comparison = compare_runs(first, second, labels)
    o.print_json(comparison.to_dict()) if as_json else print(as_text(comparison))
    return 0
