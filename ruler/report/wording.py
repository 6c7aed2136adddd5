"""Lengths of time, scores and measurements as a reader wants them; `ruler.deduction.rationale` has the other words."""

from __future__ import annotations

import math
import unicodedata

from ruler.deduction.rationale import number
from ruler.report.model import RuleRow
from ruler.schema import Evidence


def span(seconds: float) -> str:
    """How long something takes: "4.2 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def score(value: float | None) -> str:
    """A score or AUC with two places; a dash where there is none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"


def false_alarms(rule: RuleRow) -> str:
    """The rule's false alarms on the normal reference in words; a dash where it was never calibrated."""
    if rule.false_alarms is None:
        return "–"
    count, of, by = rule.false_alarms
    noun = by if of == 1 else f"{by}s"
    share = f" ({100 * count / of:.2g} %)" if of and count else ""
    return f"{count:,} of {of:,} {noun}{share}"


def reading(evidence: Evidence) -> str:
    """A measurement against its limit in words: "4.1 body heights/s, limit 2.4, usual 1.3"; empty without one."""
    if evidence.measure is None or evidence.value is None:
        return ""
    unit = f" {evidence.unit}" if evidence.unit else ""
    parts = [f"{number(evidence.value)}{unit}"]
    if evidence.limit is not None:
        parts.append(f"limit {number(evidence.limit)}")
    if evidence.usual is not None:
        parts.append(f"usual {number(evidence.usual)}")
    return ", ".join(parts)


def plain(text: str) -> str:
    """Text without control and direction-changing characters, which could make a page show what is not there."""
    return "".join(ch for ch in text if ch in "\n\t" or unicodedata.category(ch) not in ("Cc", "Cf", "Cs"))
