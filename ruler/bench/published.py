"""`benchmarks/published.yaml` in; what others published on a dataset out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

from ruler.assets import asset

Protocol = Literal[
    "few-shot normal",
    "trained on normal",
    "trained elsewhere",
    "training-free",
    "weakly supervised",
    "fully supervised",
]

FILE = "published.yaml"


class Published(BaseModel):
    """One published number.

    Attributes:
        method: what it is called.
        paper: title.
        year: of publication.
        venue: where; "arXiv" for a preprint.
        table: where in the paper, or in what cites it.
        dataset: our name of the dataset.
        metric: "micro AUC", "macro AUC", "AP", …; frame level.
        value: a fraction.
        protocol: what it learns from.
        calls: model calls per frame, in words; None where no model is asked.
        comparable: "yes", or "no, because …".
        source: where the number was read.
        note: what else a reader should know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    paper: str
    year: int
    venue: str
    table: str
    dataset: str
    metric: str
    value: float = Field(gt=0, le=1)
    protocol: Protocol
    calls: str | None = None
    comparable: str = Field(pattern=r"^(yes|no, because .+)")
    source: str
    note: str | None = None


class _Paper(BaseModel):
    """One paper of the file: what all its numbers share, and the numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    paper: str
    year: int
    venue: str
    table: str
    protocol: Protocol
    calls: str | None = None
    comparable: str
    source: str
    note: str | None = None
    results: list[dict[str, object]]


def all_published() -> tuple[Published, ...]:
    """Every number of the file, in its order.

    Raises:
        pydantic.ValidationError: the shipped file is broken, which a test holds.
    """
    content = YAML(typ="safe", pure=True).load(asset("benchmarks", FILE))
    out: list[Published] = []
    for entry in content["papers"]:
        paper = _Paper.model_validate(entry)
        shared = paper.model_dump(exclude={"results"})
        # A number may say otherwise than its paper does as a whole.
        out += [Published.model_validate({**shared, **result}) for result in paper.results]
    return tuple(out)


def published_on(dataset: str) -> tuple[Published, ...]:
    """The numbers on one dataset, the largest first within each metric; empty for one's own videos."""
    there = [one for one in all_published() if one.dataset == dataset]
    return tuple(sorted(there, key=lambda one: (one.metric, -one.value)))
