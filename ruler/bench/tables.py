"""A `BenchResult` in; the table a person reads, or Markdown for documentation, out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ruler.bench.metrics import Interval
from ruler.bench.result import BenchResult, Row

HEADER = ("method", "metric", "figure", "learns from", "model calls", "comparable", "source")


def as_text(result: BenchResult) -> str:
    """Aligned columns for a terminal: the figures, each scene and video, and what others published."""
    lines = [f"{result.dataset}, {result.method}: {result.frames} frames of {result.videos} videos", ""]
    lines += [f"  {name:<22} {value}" for name, value in _figures(result)]
    lines += ["", *_wrapped(result.protocol)]
    lines += [f"note: {note}" for note in result.notes]
    for title, rows in (("scene", result.per_scene), ("video", result.per_video)):
        if rows:
            lines += ["", *_aligned([_row_header(title), *map(_row, rows)])]
    if result.published:
        lines += ["", "as published, and this run:", *_aligned([HEADER, *_peers(result)])]
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(result: BenchResult) -> str:
    """Markdown: what was measured, the figures, each scene, and what others published."""
    figures = _figures(result)
    lines = [f"### {result.dataset}, {result.method}", "", result.protocol, ""]
    lines += _markdown([("measure", "figure"), *figures])
    if result.per_scene:
        lines += ["", *_markdown([_row_header("scene"), *map(_row, result.per_scene)])]
    if result.published:
        lines += ["", *_markdown([HEADER, *_peers(result)])]
    lines += ["", *(f"- {note}" for note in result.notes)] if result.notes else []
    return "\n".join(lines)


def _figures(result: BenchResult) -> list[tuple[str, str]]:
    at, delays = result.at_threshold, result.delays
    late = "all missed" if delays.mean is None else f"{delays.mean:.2f} s in the mean, {delays.median:.2f} s median"
    spent = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
    rates = ", ".join(f"{share(one.recall)} at {one.asked:g}/hour" for one in result.at_rates)
    overlaps = ", ".join(f"{share(one.f1)} at {one.iou:g}" for one in result.events)
    placed = ", ".join(f"{share(hit)} within {p:g} s" for p, hit in result.localised.items())
    changed = [f"{s}.{k}={v}" for s, part in result.settings.items() for k, v in part.items()]
    alarms = "–" if result.alarms_per_hour is None else f"{result.alarms_per_hour:.1f}"
    fps = "–" if result.fps is None else f"{result.fps:.0f}"
    return [
        ("micro AUC", f"{share(result.micro_auc)}  95 % {_span(result.ci95)}, 90 % {_span(result.ci90)} (over videos)"),
        ("macro AUC", share(result.macro_auc)),
        ("within-video AUC", share(result.within_auc)),
        ("average precision", share(result.ap)),
        ("equal error rate", share(result.eer)),
        (
            f"frames at {at.threshold:.2f}",
            f"precision {share(at.precision)}, recall {share(at.recall)}, F1 {share(at.f1)}",
        ),
        ("alarms per hour", f"{alarms} on normal footage, at a recall of {share(result.recall)} of true events"),
        ("recall of events", f"{rates} (threshold chosen on these labels)"),
        ("F1 of events", f"{overlaps} overlap"),
        ("delay", f"{late}; {delays.missed} of {delays.events} events missed"),
        ("R@1, TD ≤ p", placed),
        ("speed", f"{fps} frames/s; {result.calls} model calls, {result.captions} recorded captions read"),
        ("work", f"{spent}; {result.peak_memory_mb:.0f} MB"),
        ("rules", _rules(result)),
        ("ground truth", result.ground_truth),
        ("settings", ", ".join(changed) or "defaults"),
    ]


def share(value: float | None) -> str:
    """A fraction with three decimals; a dash where undefined."""
    return "–" if value is None else f"{value:.3f}"


def _rules(result: BenchResult) -> str:
    rules = result.rules
    parts = [str(rules["file"])] if rules.get("file") else []
    parts += [f"{kind} {rules[kind]}" for kind in ("limits", "vocabulary") if rules.get(kind)]
    if not rules.get("most"):
        return ", ".join(parts) or "none"
    count = f"{rules['fewest']} to {rules['most']}" if rules["fewest"] != rules["most"] else f"{rules['most']}"
    return f"{count}: {', '.join(parts)}"


def _span(interval: Interval) -> str:
    return "–" if interval.low is None or interval.high is None else f"{interval.low:.3f} to {interval.high:.3f}"


def _row_header(title: str) -> tuple[str, ...]:
    return (title, "frames", "anomalous", "micro AUC", "within", "events found", "alarms", "largest score")


def _row(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        str(row.frames),
        str(row.anomalous),
        share(row.micro_auc),
        share(row.within_auc),
        share(row.recall),
        str(row.alarms),
        share(row.max_score),
    )


def _peers(result: BenchResult) -> list[tuple[str, ...]]:
    ours: list[tuple[str, ...]] = [
        (f"this run ({result.method})", metric, share(value), "see above", str(result.calls), "–", "–")
        for metric, value in (("micro AUC", result.micro_auc), ("macro AUC", result.macro_auc))
    ]
    return ours + [
        (
            f"{one.method} ({one.venue} {one.year})",
            one.metric,
            share(one.value),
            one.protocol,
            one.calls or "none",
            one.comparable,
            one.source,
        )
        for one in result.published
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _markdown(rows: Iterable[Sequence[str]]) -> list[str]:
    header, *rest = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    return lines + ["| " + " | ".join(row) + " |" for row in rest]


def _wrapped(text: str, width: int = 110) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines
