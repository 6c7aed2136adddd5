"""Normal clips in; one anomaly rule out whose limits on several measures count together.

What is strange is often a little of everything, a little faster, wider and steadier than usual: no single limit says so
without false alarms, their mean does. Limits here are told by objects, not by frames, so that each measure is on the
scale of what single objects do at that place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ruler.induction.limits import LimitOptions, draw_batches
from ruler.measures import MEASURES
from ruler.rules.match import object_values, rows
from ruler.rules.model import Limit, Row, Rule, Support
from ruler.rules.table import Table
from ruler.schema import BoolArray, FloatArray

SHARE, SPAN = 0.9, 2.0
"""A limit stands at so many times the distance from the median of the objects to this quantile of them, before the rule
as a whole is put on its scale.
"""

FEWEST = 50
"""Objects that a band of image rows, and a rule, needs at least."""

DEFAULT = LimitOptions()

TEXT = "Unlike anybody usually is at that place, all in all: {named} taken together"


@dataclass(frozen=True, slots=True)
class Part:
    """A measure that counts.

    Attributes:
        measure: name.
        per_row: a limit for each band of image rows; else one for the whole picture.
    """

    measure: str
    per_row: bool = True


PARTS: tuple[Part, ...] = (
    Part("speed"),
    Part("acceleration"),
    Part("growth"),
    Part("aspect"),
    Part("area", per_row=False),
)
"""What counts together where boxes are tracked: motion, change of size and shape for the place, and size in the picture
(somebody much nearer to the camera than people come).
"""


def induce_together(
    clips: Sequence[Table],
    options: LimitOptions = DEFAULT,
    parts: Sequence[Part] = PARTS,
    picture: tuple[int, int] | None = None,
) -> list[Rule]:
    """Make the rule.

    In each band of image rows, of which all hold equally many objects, the usual value of a measure is the median over
    the objects, and its limit stands `SPAN` times as far from it as their quantile `SHARE`; calibration widens all
    limits alike. The support is the number of batches of clips whose own overall limits are, in the mean over the
    measures, within a quarter of the span of the rule's.

    Args:
        clips: normal footage, one table a clip.
        options: bands, batches, clips in each and the seed of their draw.
        parts: the measures.
        picture: width and height in pixels that rows and sizes are said in; None: those of the clips.

    Returns:
        One anomaly rule without an id; none where the clips hold fewer than two of the measures.
    """
    seen = [_Objects.of(clip, parts, picture) for clip in clips]
    feet = np.concatenate([one.feet for one in seen]) if seen else np.zeros(0)
    if len(feet) < FEWEST:
        return []
    values = {p.measure: np.concatenate([one.values[p.measure] for one in seen]) for p in parts}
    told = [p for p in parts if int(np.isfinite(values[p.measure]).sum()) >= FEWEST]
    if len(told) < 2:
        return []
    tall = max([float(picture[1])] if picture else [float(feet.max()) + 1, *(float(clip.size[1]) for clip in clips)])
    limits = tuple(_limit(p, values[p.measure], feet, options.joint_bands, tall) for p in told)
    drawn = draw_batches(len(clips), options.batches, options.clips_per_batch, options.seed)
    votes = sum(_near([seen[i] for i in batch.tolist()], told, values) for batch in drawn)
    named = ", ".join(p.measure for p in told[:-1]) + f" and {told[-1].measure}"
    return [
        Rule(
            kind="anomaly", text=TEXT.format(named=named), mean=limits, support=Support(votes=votes, of=len(drawn) or 1)
        )
    ]


@dataclass(frozen=True, slots=True)
class _Objects:
    """The judged objects of a clip: image rows of their feet (N,), and measure → values (N,), NaN where missing."""

    feet: FloatArray
    values: dict[str, FloatArray]

    @classmethod
    def of(cls, clip: Table, parts: Sequence[Part], picture: tuple[int, int] | None) -> _Objects:
        good = clip.judged[clip.row]
        return cls(rows(clip, picture)[good], {p.measure: object_values(p.measure, clip, picture)[good] for p in parts})


def _limit(part: Part, values: FloatArray, feet: FloatArray, bands: int, tall: float) -> Limit:
    known = np.isfinite(values)
    usual, bound = _scale(values[known])
    table: tuple[Row, ...] = ()
    if part.per_row and bands > 1:
        inner = np.unique(np.round(np.quantile(feet, np.linspace(0, 1, bands + 1)[1:-1])))
        edges = np.unique([0.0, *(e for e in inner if 0 < e < tall), float(np.ceil(tall))])
        table = tuple(
            _band(values, known & (feet >= low) & (feet < high), float(low), float(high), (usual, bound))
            for low, high in pairwise(edges)
        )
    return Limit(
        measure=part.measure,
        above=_figure(bound),
        usual=_figure(usual),
        unit=MEASURES[part.measure].unit,
        per="row" if table else None,
        table=table,
    )


def _band(values: FloatArray, here: BoolArray, low: float, high: float, overall: tuple[float, float]) -> Row:
    usual, bound = _scale(values[here]) if int(here.sum()) >= FEWEST else overall
    if bound <= usual:
        usual, bound = overall
    return (low, high, _figure(bound), _figure(usual))


def _scale(values: FloatArray) -> tuple[float, float]:
    usual, high = np.quantile(values, [0.5, SHARE])
    return float(usual), float(usual + SPAN * (high - usual))


def _near(batch: Sequence[_Objects], told: Sequence[Part], values: dict[str, FloatArray]) -> bool:
    """Whether the limits of a batch alone are, in the mean, within a quarter of the span of those of all clips."""
    apart = []
    for part in told:
        own = np.concatenate([one.values[part.measure] for one in batch])
        own, every = own[np.isfinite(own)], values[part.measure]
        if len(own) < FEWEST:
            return False
        usual, bound = _scale(every[np.isfinite(every)])
        apart.append(abs(_scale(own)[1] - bound) / max(bound - usual, 1e-9))
    return bool(np.mean(apart) <= 0.25)


def _figure(value: float) -> float:
    return float(f"{value:.4g}")
