"""Captions and a vocabulary of normal rates in; how far they exceed it in each frame, and the words that do, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import convolve1d

from ruler.rules.model import Vocabulary
from ruler.schema import FloatArray, IntArray
from ruler.terms import caption_terms, quote_term

TermKind = Literal["activities", "things"]
Terms = frozenset[str]

SLOPE = 4.0
"""Of the compression log(1 + 4x): the second strange term in a window counts less than the first."""

_REACH = 4.0
"""Width of the kernel in standard deviations, to either side."""

_AT_ONCE = 1 << 22
"""Cells of the presence matrix smoothed at once: a day of video has more frames times terms than fit into memory."""


@dataclass(frozen=True, slots=True)
class Excess:
    """How far captions exceed a vocabulary.

    Attributes:
        values: (T,) float64, nats, 0 and more.
        strongest: for each of T frames the term that contributed most; None where none exceeds its limit.
        captions: the T captions.
        kind: which terms were looked at.
    """

    values: FloatArray
    strongest: tuple[str | None, ...]
    captions: tuple[str | None, ...]
    kind: TermKind

    def quote(self, position: int) -> str:
        """Words of the strongest term as they stand in the frame's caption, or in the nearest caption that has them.

        Args:
            position: of the frame, 0 to T - 1.

        Returns:
            The words, verbatim; empty where no term exceeds its limit.
        """
        term = self.strongest[position]
        if term is None:
            return ""
        for distance in range(len(self.captions)):
            for near in (position - distance, position + distance):
                caption = self.captions[near] if 0 <= near < len(self.captions) else None
                if caption is not None and term in terms_of(caption, self.kind):
                    return quote_term(caption, term) or term
        return term


@dataclass(frozen=True, slots=True)
class TermRates:
    """Smoothed rates of some terms.

    Attributes:
        names: N terms.
        rates: (T, N) float64, the share of captions in the window around each frame that speak of the term, 0 to 1.
    """

    names: tuple[str, ...]
    rates: FloatArray


def vocabulary_excess(
    captions: Sequence[str | None],
    times: FloatArray,
    vocabulary: Vocabulary,
    kind: TermKind = "activities",
    *,
    causal: bool = False,
) -> Excess:
    """Hold captions against a vocabulary.

    The rate p of each term in a Gaussian window is held against its limit q: where p > q, the Kullback-Leibler
    divergence p ln(p/q) + (1 - p) ln((1 - p)/(1 - q)) is the evidence per caption that the term is more frequent than
    normal. The evidence x of all terms is summed and compressed to log(1 + 4x).

    Args:
        captions: T captions; None where there is none, which is interpolated from the neighbours.
        times: (T,) seconds, rising.
        vocabulary: limits on the rates.
        kind: which of the captions' terms to look at.
        causal: look back only, for streams.

    Returns:
        The excess of every frame.
    """
    total, best = np.zeros(len(captions)), np.zeros(len(captions))
    strongest: list[str | None] = [None] * len(captions)
    terms = [None if caption is None else terms_of(caption, kind) for caption in captions]
    for part in term_rates(terms, times, vocabulary.window, causal=causal):
        limits = np.array([vocabulary.rates.get(name, 0.0) for name in part.names])
        evidence = _divergence(part.rates, np.clip(limits, vocabulary.unseen, 1.0))
        total += evidence.sum(axis=1)
        top = evidence.argmax(axis=1)
        value = evidence[np.arange(len(top)), top]
        for frame in np.flatnonzero(value > best).tolist():
            strongest[frame] = part.names[top[frame]]
        best = np.maximum(best, value)
    return Excess(np.log1p(SLOPE * total), tuple(strongest), tuple(captions), kind)


def terms_of(caption: str, kind: TermKind) -> Terms:
    """The terms of one kind that a caption speaks of."""
    found = caption_terms(caption)
    return found.things if kind == "things" else found.activities


def term_rates(
    terms: Sequence[Terms | None], times: FloatArray, window: float, *, causal: bool = False
) -> Iterator[TermRates]:
    """Smooth the presence of each term over time.

    Args:
        terms: terms of T captions; None where there is no caption.
        times: (T,) seconds, rising.
        window: standard deviation of the Gaussian in seconds.
        causal: look back only: half a Gaussian.

    Yields:
        The rates of all terms that occur, in alphabetical order; so many terms at a time as memory allows.

    Raises:
        ValueError: there are not as many times as captions (a mistake of the caller).
    """
    if len(times) != len(terms):
        raise ValueError(f"{len(times)} times for {len(terms)} captions")
    known = np.array([i for i, here in enumerate(terms) if here is not None], np.int64)
    names = sorted(set().union(*(here for here in terms if here is not None)))
    if not names:
        return
    number = {name: i for i, name in enumerate(names)}
    rows = [(row, number[name]) for row, frame in enumerate(known.tolist()) for name in terms[frame] or ()]
    pairs = np.array(rows, np.int64)
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    step = max(1, _AT_ONCE // len(terms))
    for first in range(0, len(names), step):
        some = names[first : first + step]
        low, high = np.searchsorted(pairs[:, 1], [first, first + len(some)])
        presence = np.zeros((len(some), len(known)))
        presence[pairs[low:high, 1] - first, pairs[low:high, 0]] = 1.0
        yield TermRates(tuple(some), _smooth(presence, known, np.asarray(times, np.float64), window, causal).T)


def _divergence(p: FloatArray, q: FloatArray) -> FloatArray:
    """Kullback-Leibler divergence of rates p (T, N) from limits q (N,), 0 where p is at or under the limit."""
    out = np.zeros(p.shape)
    over = np.nonzero(p > q)
    a = np.clip(p[over], 1e-9, 1 - 1e-9)
    b = np.clip(q[over[1]], 1e-9, 1 - 1e-9)
    out[over] = np.maximum(a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b)), 0.0)
    return out


def _smooth(presence: FloatArray, known: IntArray, times: FloatArray, window: float, causal: bool) -> FloatArray:
    """Interpolate presence (N, K) at the known frames to all T frames and smooth it in time: (N, T)."""
    if len(times) == 1:
        return presence
    # A long hole in the times must not make the grid many times as long as the times themselves.
    step = max(float(np.median(np.diff(times))), float(times[-1] - times[0]) / (4 * len(times)))
    even = times[0] + step * np.arange(max(2, int(np.floor((times[-1] - times[0]) / step + 0.5)) + 1))
    steady = len(even) == len(times) and bool(np.abs(even - times).max() < step / 2)
    if not steady or len(known) < len(times):
        presence = _interpolate(even, times[known], presence)
    sigma = window / step
    reach = max(1, int(_REACH * sigma + 0.5))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    if causal:
        kernel[:reach] = 0.0  # a convolution turns the kernel round: its first half weighs what is yet to come
    kernel /= kernel.sum()
    # At the ends of a video fewer captions count for more, but never one alone for all (the first of a causal window).
    mass = convolve1d(np.ones(presence.shape[1]), kernel, mode="constant")
    rates = convolve1d(presence, kernel, axis=1, mode="constant") / np.maximum(mass, 0.5)
    return rates if steady else _interpolate(times, even, rates)


def _interpolate(at: FloatArray, times: FloatArray, values: FloatArray) -> FloatArray:
    """Linear interpolation of values (N, K) at times (K,), constant beyond the ends: (N, len(at))."""
    return np.stack([np.interp(at, times, row) for row in values])
