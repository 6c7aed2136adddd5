"""What an examination found in; a table for people, or plain values for machines, out."""

from __future__ import annotations

from typing import Any

from ruler.llm.doctor.answers import plain
from ruler.llm.doctor.examination import Report
from ruler.llm.doctor.finding import Finding

_MARKS = {True: "ok", False: "no", None: "?"}
_LONGEST = 400


def as_text(report: Report) -> str:
    """A line for each probe, and a line for each use."""
    names = max((len(finding.name) for finding in report.findings), default=0)
    figures = max((len(finding.figure) for finding in report.findings), default=0)
    lines = [plain(report.model, 200)]
    lines += [_line(finding, names, figures) for finding in report.findings]
    lines += [f"fit for --{use}: {plain(str(fit), _LONGEST)}" for use, fit in report.fit.items()]
    return "\n".join(lines)


def as_dict(report: Report) -> dict[str, Any]:
    """The report as one JSON object: model, seed, probes, fit, calls, tokens; and cost, where a price is known."""
    return {
        "model": plain(report.model, 200),
        "seed": report.seed,
        "probes": [
            {
                "name": finding.name,
                "passed": finding.passed,
                "figure": finding.figure,
                "detail": plain(finding.detail, _LONGEST),
                "calls": finding.calls,
                "seconds": round(finding.seconds, 3),
                "measured": dict(finding.measured),
            }
            for finding in report.findings
        ],
        "fit": {use: {"verdict": fit.verdict, "why": list(fit.why)} for use, fit in report.fit.items()},
        "calls": report.spent.calls,
        "prompt_tokens": report.spent.prompt_tokens,
        "completion_tokens": report.spent.completion_tokens,
        "cost": report.spent.cost if report.priced else None,
        "complete": report.cut is None,
    }


def _line(finding: Finding, names: int, figures: int) -> str:
    mark = _MARKS[finding.passed]
    return f"  {mark:2}  {finding.name:{names}}  {finding.figure:>{figures}}  {plain(finding.detail, _LONGEST)}"
