"""Limits from normal clips: tables of normal footage in, one anomaly rule for each measure out.

A limit is taken over frames, not over objects: of each band of image rows, the largest value in a frame. So a place
where people are seldom seen gets a limit of its own, and the level of a rule is a share of time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ruler.measures import MEASURES
from ruler.rules.match import object_values, rows
from ruler.rules.model import Limit, Rule, Support
from ruler.rules.table import Table
from ruler.schema import BoolArray, FloatArray, IntArray

FEWEST = 20
"""Frames with a value that a limit needs at least."""

FLOOR = 0.5
"""Least share of the overall limit a band's may have: where nobody walked in a short reference, people may walk."""

USUAL_SHARE = 0.8
"""Largest share of a band's limit that its usual value may have."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A measure to set a limit on.

    Attributes:
        measure: name.
        above: True for a limit from above, False for one from below.
        per_row: a limit for each band of image rows.
        text: the rule in words.
        unless: another measure that makes this one superfluous where it was taken.
    """

    measure: str
    above: bool
    per_row: bool
    text: str
    unless: str | None = None


LIMITED: tuple[Limited, ...] = (
    Limited("pace", True, True, "Moving much faster than anyone usually does at that place"),
    Limited("speed", True, True, "Getting on much faster than anyone usually does at that place", unless="pace"),
    Limited(
        "acceleration",
        True,
        True,
        "Changing pace or direction much more suddenly than usual at that place",
        unless="pace",
    ),
    Limited("growth", True, True, "Changing size much more suddenly than usual at that place", unless="pace"),
    Limited("aspect", True, True, "Much wider for its height than people on foot usually are at that place"),
    Limited("relative height", True, True, "Much taller than people usually are at that place"),
    Limited("relative area", True, True, "Much larger than people usually are at that place"),
)


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """How limits are taken.

    Attributes:
        alpha: level per rule: the share of normal frames whose largest value is over the limit.
        bands: bands of image rows, all of one height. A band's limit is taken from it and the band on either side, so
            that it matters little where the edges lie.
        joint_bands: bands of image rows, all of as many objects, of limits that count together.
        batches: n of the vote.
        clips_per_batch: m of the vote; None for a quarter of the clips.
        seed: of the draw of the batches.
    """

    alpha: float = 0.01
    bands: int = 12
    joint_bands: int = 6
    batches: int = 10
    clips_per_batch: int | None = None
    seed: int = 0


def induce_limits(
    clips: Sequence[Table],
    options: LimitOptions = LimitOptions(),
    limited: Sequence[Limited] = LIMITED,
    picture: tuple[int, int] | None = None,
) -> list[Rule]:
    """Set a limit on each measure; batches of clips vote, so that one odd clip does not decide.

    Each batch gives a median and a quantile; the median over the batches becomes the rule. Its support is the number of
    batches whose own limit is within a quarter of the exceedance scale of the rule's.

    Args:
        clips: normal footage, one table a clip.
        options: see `LimitOptions`.
        limited: the measures.
        picture: width and height in pixels that rows and sizes are said in; None: those of the clips.

    Returns:
        Anomaly rules without ids, for the measures the clips hold enough values of.
    """
    drawn = draw_batches(len(clips), options.batches, options.clips_per_batch, options.seed)
    edges = _edges(clips, options.bands, picture)
    taken = {name for clip in clips for name in (*clip.measures, *clip.frame_measures)}
    rules = []
    for item in limited:
        if item.measure not in taken or item.unless in taken:
            continue
        largest = [_per_frame(clip, item, edges, picture) for clip in clips]
        rule = _rule(item, largest, drawn, edges, options.alpha)
        if rule is not None:
            rules.append(rule)
    return rules


def draw_batches(clips: int, batches: int, size: int | None = None, seed: int = 0) -> list[IntArray]:
    """Draw n batches of m clips, each without repetition, so that all clips are drawn about equally often.

    Args:
        clips: number of clips.
        batches: n.
        size: m; None for a quarter of the clips, at least one.
        seed: same seed, same batches.

    Returns:
        n arrays of m clip numbers.
    """
    if clips == 0:
        return []
    size = min(clips, size or max(1, math.ceil(clips / 4)))
    random = np.random.default_rng(seed)
    deck: list[int] = []
    drawn = []
    for _ in range(batches):
        batch: list[int] = []
        while len(batch) < size:
            if not deck:
                deck = [int(c) for c in random.permutation(clips)]
            fresh = next((c for c in deck if c not in batch), None)
            if fresh is None:
                deck = []
                continue
            deck.remove(fresh)
            batch.append(fresh)
        drawn.append(np.sort(np.array(batch, np.int64)))
    return drawn


def _edges(clips: Sequence[Table], bands: int, picture: tuple[int, int] | None) -> FloatArray:
    """Edges of the bands of image rows: (B + 1,), rising, in whole pixels as far as the picture is tall enough."""
    tall = float(picture[1] if picture else max((clip.size[1] for clip in clips), default=0))
    if not tall:
        tall = float(np.ceil(max((rows(clip, picture).max(initial=1.0) for clip in clips), default=1.0))) + 1
    return np.unique(np.round(np.linspace(0, tall, bands + 1)))


@dataclass(frozen=True, slots=True)
class _PerFrame:
    """The largest (smallest) value of each frame: whole picture (T,) and around each band (T, B); NaN for none."""

    whole: FloatArray
    bands: FloatArray


def _per_frame(clip: Table, item: Limited, edges: FloatArray, picture: tuple[int, int] | None) -> _PerFrame:
    if MEASURES[item.measure].scope == "frame":
        values = clip.frame_measures.get(item.measure, np.full(len(clip), np.nan))[clip.judged]
        return _PerFrame(values, np.zeros((len(values), 0)))
    values, feet = object_values(item.measure, clip, picture), rows(clip, picture)
    good = np.isfinite(values) & clip.judged[clip.row]
    sign = 1.0 if item.above else -1.0

    def largest(some: BoolArray) -> FloatArray:
        out = np.full(len(clip), -np.inf)
        np.maximum.at(out, clip.row[some], sign * values[some])
        out = np.where(np.isfinite(out), sign * out, np.nan)
        # A frame without anybody there counts as one with nothing to exceed a limit from above.
        return (np.nan_to_num(out, nan=0.0) if item.above else out)[clip.judged]

    if not item.per_row:
        return _PerFrame(largest(good), np.zeros((int(clip.judged.sum()), 0)))
    width = np.diff(edges)
    around = [
        largest(good & (feet >= edges[b] - width[b]) & (feet < edges[b + 1] + width[b])) for b in range(len(width))
    ]
    return _PerFrame(largest(good), np.stack(around, axis=1))


def _rule(item: Limited, clips: list[_PerFrame], drawn: list[IntArray], edges: FloatArray, alpha: float) -> Rule | None:
    level = 1 - alpha if item.above else alpha
    overall = _voted([np.concatenate([clips[c].whole for c in batch]) for batch in drawn], level)
    if overall is None or overall.usual == overall.limit:
        return None
    table = []
    for b in range(clips[0].bands.shape[1]):
        band = _voted([np.concatenate([clips[c].bands[:, b] for c in batch]) for batch in drawn], level) or overall
        usual, limit = band.usual, band.limit
        if item.above:
            limit = max(limit, FLOOR * overall.limit)
            usual = min(usual, USUAL_SHARE * limit)
        elif usual <= limit:
            usual, limit = overall.usual, overall.limit
        table.append((edges[b], edges[b + 1], _figure(limit), _figure(usual)))
    side = {"above" if item.above else "below": _figure(overall.limit)}
    limits = Limit(
        measure=item.measure,
        usual=_figure(overall.usual),
        unit=MEASURES[item.measure].unit,
        per="row" if table else None,
        table=tuple(table),
        **side,
    )
    return Rule(kind="anomaly", text=item.text, limit=limits, support=Support(votes=overall.votes, of=overall.of))


@dataclass(frozen=True, slots=True)
class _Vote:
    usual: float
    limit: float
    votes: int
    of: int


def _voted(batches: list[FloatArray], level: float) -> _Vote | None:
    """Median and quantile of each batch, and the median of both over the batches that hold enough."""
    known = [values[np.isfinite(values)] for values in batches]
    pairs = np.array([(np.median(v), np.quantile(v, level)) for v in known if len(v) >= FEWEST])
    if not len(pairs):
        return None
    usual, limit = np.median(pairs, axis=0)
    near = np.abs(pairs[:, 1] - limit) <= 0.25 * abs(limit - usual)
    return _Vote(float(usual), float(limit), int(near.sum()), len(batches))


def _figure(value: float) -> float:
    """Four significant digits: what a person can read, and the rule means exactly what it says."""
    return float(f"{value:.4g}")
