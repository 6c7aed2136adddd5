"""A RuleSet in, the text of a rules file for people to read out; and text into a file, as a whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from ruler.errors import RulesError
from ruler.rules.model import Calibration, Limit, Rule, RuleSet, Scene, Vocabulary, Where

DIGITS = 4
"""Significant digits that numbers are written with."""

_HEAD = """\
# The rules of one scene (or, under `scenes:`, of several). Edit this file freely: `ruler rules lint` checks it,
# `ruler rules show` prints it as a table. A rule of your own needs `kind` (normal or anomaly) and `text`. Only anomaly
# rules fire: by `keywords` in a caption, or by a `limit` on a measure; `where` (a polygon in fractions of width and
# height) and `when` ('22:00-06:00') narrow them.
"""
# Plain text that another reader of YAML would take for something else.
_AMBIGUOUS = re.compile(
    r"^(?:y|n|yes|no|on|off|true|false|null|~|nan|[-+]?\.?(?:inf|nan)|[-+.\d][-+.\d_:eExXoObBa-fA-F,/ ]*|=|<<)$",
    re.IGNORECASE,
)
# What YAML may take for more than text; the writer itself lets some of it through ("[:x]").
_INDICATOR = re.compile(r"^\W|[:#\[\]{}]|[^\w.!?)…]$")
_SPECIAL = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufff0-\uffff]")
_LIMITS = ("any", "all", "mean")
_FLOW = frozenset(
    (
        *("limit", "support", "false_alarms", "where", "keywords", "prompts", "reference", "picture", "polygon"),
        *("alarms", "person_height"),
    )
)


def rounded(ruleset: RuleSet) -> RuleSet:
    """The same rules with every number as it will be written: four significant digits, places to four decimals.

    Reading a written file gives exactly this. Where a figure is measured with rules that are then written, measure
    with these.
    """
    scenes = {name: _rounded_scene(scene) for name, scene in ruleset.scenes.items()}
    return ruleset.model_copy(update={**_rounded_parts(ruleset), "scenes": scenes})


def document(ruleset: RuleSet) -> str:
    """The text of a rules file, with a head that says what it is and how to edit it."""
    yaml: Any = YAML(typ="rt", pure=True)
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 140
    yaml.allow_unicode = True
    tree = CommentedMap({"schema": ruleset.version})
    tree.update(_scene_tree(ruleset))
    if ruleset.scenes:
        tree["scenes"] = CommentedMap({_text(name): _scene_tree(scene) for name, scene in ruleset.scenes.items()})
        if not ruleset.rules:
            tree.pop("rules", None)
    out = StringIO()
    yaml.dump(tree, out)
    return f"{_HEAD}{out.getvalue()}"


def tidy(field: str, value: Any) -> Any:
    """A plain value as nodes for writing: small maps and lists on one line, the bands of a table one per line."""
    if isinstance(value, Mapping):
        made = CommentedMap({_text(str(key)): tidy(str(key), part) for key, part in value.items()})
        if field in _FLOW and not value.get("table"):
            made.fa.set_flow_style()
        return made
    if isinstance(value, list | tuple):
        parts = CommentedSeq([tidy("limit" if field in _LIMITS else "", part) for part in value])
        if field not in (*_LIMITS, "rules", "table"):
            parts.fa.set_flow_style()
        return parts
    if isinstance(value, str):
        return SingleQuotedScalarString(value) if field == "when" and not _SPECIAL.search(value) else _text(value)
    if isinstance(value, float):
        return _number(value)
    return value


def write_atomically(path: Path, text: str) -> None:
    """Write a file as a whole or not at all: into a temporary file beside it, which then takes its name.

    Raises:
        RulesError: it cannot be written.
    """
    path = path.resolve()
    partial: Path | None = None
    try:
        if path.is_dir():
            raise RulesError("is a folder", where=path, hint="give the path of a file, such as rules.yaml in it")
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".tmp")
        partial = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        partial.chmod(mode)
        partial.replace(path)
        partial = None
    except OSError as error:
        raise RulesError(
            f"cannot be written ({error.strerror or error})", where=path, hint="choose a folder you may write to"
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# --- rounding -------------------------------------------------------------------------------------------------------


def _digits(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") + 0.0  # no negative zero, which would be read back as another text


def _optional(value: float | None) -> float | None:
    return None if value is None else _digits(value)


def _rounded_scene(scene: Scene) -> Scene:
    return scene.model_copy(update=_rounded_parts(scene))


def _rounded_parts(scene: Scene) -> dict[str, Any]:
    return {
        "rules": tuple(_rounded_rule(rule) for rule in scene.rules),
        "calibration": _rounded_calibration(scene.calibration) if scene.calibration else None,
    }


def _rounded_rule(rule: Rule) -> Rule:
    return rule.model_copy(
        update={
            "limit": _rounded_limit(rule.limit) if rule.limit else None,
            "any": tuple(map(_rounded_limit, rule.any)),
            "all": tuple(map(_rounded_limit, rule.all)),
            "mean": tuple(map(_rounded_limit, rule.mean)),
            "where": _rounded_where(rule.where) if rule.where else None,
            "vocabulary": _rounded_vocabulary(rule.vocabulary) if rule.vocabulary else None,
        }
    )


def _rounded_limit(limit: Limit) -> Limit:
    # The rows of a band stay as they are: rounding could close the band.
    table = tuple((*row[:2], *map(_digits, row[2:])) for row in limit.table)
    return limit.model_copy(
        update={
            "above": _optional(limit.above),
            "below": _optional(limit.below),
            "usual": _optional(limit.usual),
            "table": table,
        }
    )


def _rounded_where(where: Where) -> Where:
    return where.model_copy(update={"polygon": tuple((round(x, 4) + 0.0, round(y, 4) + 0.0) for x, y in where.polygon)})


def _rounded_vocabulary(vocabulary: Vocabulary) -> Vocabulary:
    rates = {term: _digits(rate) for term, rate in vocabulary.rates.items()}
    return vocabulary.model_copy(
        update={"rates": rates, "unseen": _digits(vocabulary.unseen), "window": _digits(vocabulary.window)}
    )


def _rounded_calibration(found: Calibration) -> Calibration:
    return found.model_copy(
        update={
            "scale": _digits(found.scale),
            "alarms_per_hour": _optional(found.alarms_per_hour),
            "hours": _digits(found.hours),
            "frames_in_events": _optional(found.frames_in_events),
            "alarms": tuple((_digits(level), _digits(rate)) for level, rate in found.alarms),
            "tail": _optional(found.tail),
        }
    )


# --- nodes ----------------------------------------------------------------------------------------------------------


def _scene_tree(scene: Scene) -> CommentedMap:
    tree = CommentedMap()
    if scene.scene:
        tree["scene"] = _text(scene.scene)
    for field in ("provenance", "person_height", "calibration"):
        part = getattr(scene, field)
        content = part.model_dump(exclude_defaults=True) if part is not None else {}
        if content or (field == "calibration" and part is not None):
            tree[field] = tidy(field, content)
    tree["rules"] = CommentedSeq([_rule_tree(rule) for rule in scene.rules])
    for i in range(1, len(scene.rules)):
        tree["rules"].yaml_set_comment_before_after_key(i, before="\n")
    return tree


def _rule_tree(rule: Rule) -> CommentedMap:
    content = rule.model_dump(exclude_defaults=True) | {"subject": rule.subject}
    tree = CommentedMap({field: tidy(field, content[field]) for field in Rule.model_fields if field in content})
    if rule.false_alarms is not None:
        tree["false_alarms"] = tidy("false_alarms", rule.false_alarms.model_dump())
    return tree


def _text(value: str) -> str:
    text: str = value
    if _SPECIAL.search(value):
        text = DoubleQuotedScalarString(value)
    elif _AMBIGUOUS.match(value) or _INDICATOR.search(value):
        text = SingleQuotedScalarString(value)
    return text


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
