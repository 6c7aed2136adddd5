"""`ruler report`: a finished run's folder in, its page out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.report import report_run


def command(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    labels: Annotated[
        Path | None, typer.Option(help="Folder of VIDEO.npy with 0/1 per frame, drawn beside the scores.")
    ] = None,
    as_json: o.AsJson = False,
) -> int:
    """Write the report of a run again, from what its folder holds."""
    page = report_run(run, labels=labels)
    o.print_json({"report": str(page)}) if as_json else print(page)
    return 0
