"""A RuleSet in, a table for a terminal out; and limits in words, as rationale and report use them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ruler.rules.model import FalseAlarms, Limit, Rule, RuleSet, Scene

__all__ = ["condition_in_words", "false_alarms_in_words", "limit_in_words", "printable", "show_rules"]

NARROW = 100
"""Terminals of fewer columns get the rules one below the other instead of a table."""

_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code != 10}


def limit_in_words(limit: Limit) -> str:
    """A limit as a person says it: "speed above 2.4 body heights/s (usual 1.1), per row"."""
    side = "above" if limit.above is not None else "below"
    words = f"{limit.measure} {side} {_number(limit.value)}"
    if limit.unit:
        words += f" {limit.unit}" if limit.unit != "°" else "°"
    if limit.usual is not None:
        words += f" (usual {_number(limit.usual)})"
    return words + (", per row" if limit.per == "row" else "")


def condition_in_words(rule: Rule) -> str:
    """What makes a rule fire: its limits, keywords, place and hours; empty where only a model can apply it."""
    parts = []
    if rule.limits:
        joint = "; " if rule.mean else " and " if rule.all else " or "
        parts.append(("together: " if rule.mean else "") + joint.join(map(limit_in_words, rule.limits)))
    if rule.keywords:
        parts.append("the caption speaks of " + ", ".join(f"'{word}'" for word in rule.keywords))
    words = "; or ".join(parts)
    if rule.where is not None:
        words += f"{', ' if words else ''}in {rule.where.name or 'a marked place'}"
    if rule.when is not None:
        words += f"{', ' if words else ''}{rule.when.replace('-', ' to ')}"
    return words


def false_alarms_in_words(found: FalseAlarms) -> str:
    """Counts in words: "24 of 11,840 objects"."""
    return f"{found.count:,} of {found.of:,} {found.by}s"


def show_rules(ruleset: RuleSet, *, width: int = 120, color: bool = False) -> str:
    """The rules as a table of text.

    Args:
        ruleset: one scene or several.
        width: columns of the terminal.
        color: with the terminal's colours and bold type.
    """
    out = StringIO()
    console = Console(
        file=out,
        width=max(width, 40),
        force_terminal=color,
        no_color=not color,
        highlight=False,
        color_system="standard" if color else None,
    )
    scenes: list[tuple[str, Scene]] = [(ruleset.scene, ruleset)] if ruleset.rules or not ruleset.scenes else []
    scenes += [(scene.scene or name, scene) for name, scene in ruleset.scenes.items()]
    for i, (name, scene) in enumerate(scenes):
        if i:
            console.print()
        for line in _head(name, scene):
            console.print(Text(line, style="bold" if line == name else ""))
        if not scene.rules:
            console.print("no rules")
        elif width < NARROW:
            for rule in scene.rules:
                console.print(Text("\n".join(_block(rule, max(width, 40)))))
        else:
            console.print(_table(scene))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _block(rule: Rule, width: int) -> Iterator[str]:
    """A rule below another instead of in columns, for a narrow terminal."""
    name, kind, text, condition, support, alarms = map(printable, _cells(rule))
    counted = f"support {support}" + (f", false alarms {alarms}" if rule.kind == "anomaly" else "")
    yield from textwrap.wrap(f"{name} {kind}: {text}", width, subsequent_indent="   ")
    for line in (condition, counted):
        if line != "–":
            yield from textwrap.wrap(line, width, initial_indent="   ", subsequent_indent="     ")


def _table(scene: Scene) -> Table:
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold", expand=False, padding=(0, 2, 0, 0))
    for name, least in (
        ("id", 3),
        ("kind", 7),
        ("text", 12),
        ("fires where", 12),
        ("support", 7),
        ("false alarms", 10),
    ):
        table.add_column(name, min_width=least, no_wrap=name in ("id", "kind"), overflow="fold")
    for rule in scene.rules:
        table.add_row(*(Text(printable(cell)) for cell in _cells(rule)), style="" if rule.kind == "anomaly" else "dim")
    return table


def _cells(rule: Rule) -> tuple[str, ...]:
    text = rule.text + (f"\n({rule.note})" if rule.note else "")
    condition = condition_in_words(rule)
    if rule.kind == "anomaly" and not rule.keywords and not rule.limits:
        condition = f"a model says so{', ' if condition else ''}{condition}"
    support = f"{rule.support.votes} of {rule.support.of}" if rule.support else "–"
    alarms = (
        false_alarms_in_words(rule.false_alarms)
        if rule.false_alarms
        else "not counted"
        if rule.kind == "anomaly"
        else "–"
    )
    return rule.id, rule.kind, text, condition if rule.kind == "anomaly" else "–", support, alarms


def _head(name: str, scene: Scene) -> Iterator[str]:
    if name:
        yield printable(name)
    found = scene.calibration
    if found is not None:
        clips = f", {found.clips:,} clips" if found.clips else ""
        yield f"level {found.alpha:g} per rule, measured on {found.frames:,} frames{clips}"


def printable(text: str) -> str:
    """Text without control characters: a rules file may come from anywhere, and a terminal obeys them."""
    return text.translate(_CONTROL)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
