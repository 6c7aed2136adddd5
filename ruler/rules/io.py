"""`rules.yaml` in, a RuleSet out, and back; a file a person wrote keeps its comments when it is edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from ruler.errors import RulesError
from ruler.rules.model import FalseAlarms, RuleSet, Scene, numbered
from ruler.rules.yamlread import located, nodes_of, plain, validated
from ruler.rules.yamlwrite import document, rounded, tidy, write_atomically

__all__ = [
    "LARGEST",
    "edit_rules",
    "load_rules",
    "parse_rules",
    "read_text",
    "render_rules",
    "rounded",
    "rules_hash",
    "save_rules",
    "set_field",
]

LARGEST = 8 * 2**20
"""Largest rules file that is read, in bytes."""


def load_rules(path: Path | str) -> RuleSet:
    """Read a rules file. Rules without an id are given one.

    Args:
        path: the file, UTF-8.

    Raises:
        RulesError: the file is missing, empty, too large, no UTF-8, no YAML or no rules file; the line and the rule
            are named.
    """
    return parse_rules(_rules_text(Path(path)), str(path))


def parse_rules(text: str, name: str = "rules") -> RuleSet:
    """Read rules from text; `name` stands for the file in errors. Raises RulesError as `load_rules` does."""
    root = nodes_of(text, name)
    return _numbered(validated(plain(root, name), root, name))


def save_rules(ruleset: RuleSet, path: Path | str) -> None:
    """Write a rules file for people to read: as a whole or not at all; numbers with four digits, see `rounded`.

    Args:
        ruleset: what to write.
        path: the file; folders on the way are made.

    Raises:
        RulesError: the file cannot be written.
    """
    write_atomically(Path(path), render_rules(ruleset))


def render_rules(ruleset: RuleSet) -> str:
    """The text `save_rules` writes."""
    return document(_numbered(rounded(ruleset)))


def edit_rules(path: Path | str, change: Callable[[CommentedMap], None]) -> RuleSet:
    """Change a file a person wrote, so that its comments and its order stay.

    Args:
        path: the file.
        change: gets the file as nested maps and lists, and changes them in place.

    Returns:
        The rules after the change.

    Raises:
        RulesError: the file cannot be read or written, or is no rules file before or after the change; it is then
            left as it was.
    """
    path = Path(path)
    text = _rules_text(path)
    parse_rules(text, str(path))
    yaml = _round_trip(text)
    try:
        tree = yaml.load(text)
    except YAMLError as error:
        raise RulesError(
            "its comments cannot be kept", where=path, hint="write the file anew with `ruler rules`"
        ) from error
    change(tree)
    out = StringIO()
    yaml.dump(tree, out)
    after = parse_rules(out.getvalue(), str(path))
    write_atomically(path, out.getvalue())
    return after


def set_field(path: Path | str, rule_id: str, field: str, value: object, *, scene: str | None = None) -> RuleSet:
    """Set one field of one rule in a file; comments and order stay.

    Args:
        path: the file.
        rule_id: the rule; for a rule without an id in the file, the one it is given on reading.
        field: name of the field ("false_alarms"), as in the file.
        value: a model, list, number or text; None takes the field away.
        scene: name of the scene in a file of several.

    Raises:
        RulesError: there is no such rule or scene, or the file would no longer be a rules file; it is then left as it
            was.
    """
    before = load_rules(path)
    rules = _scene(before, scene, path).rules
    at = next((i for i, rule in enumerate(rules) if rule.id == rule_id), None)
    if at is None:
        known = ", ".join(rule.id for rule in rules) or "none"
        raise RulesError(f"there is no rule {rule_id}", where=path, hint=f"its rules are {known}")

    def change(tree: CommentedMap) -> None:
        rule = (tree if scene is None else tree["scenes"][scene])["rules"][at]
        if value is None:
            rule.pop(field, None)
        else:
            rule[field] = tidy(field, _content(value))

    return edit_rules(path, change)


def rules_hash(ruleset: RuleSet) -> str:
    """Twelve hexadecimal digits of the SHA-256 of what a file says; comments and unwritten digits do not count."""
    content = _numbered(rounded(ruleset)).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _content(value: object) -> object:
    if isinstance(value, FalseAlarms):
        return value.model_dump()  # "by" is worth reading even where it is the default
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_defaults=True)
    return [_content(part) for part in value] if isinstance(value, list | tuple) else value


def read_text(path: Path, what: str, missing: str = "check the path") -> str:
    """The text of a file a person gave.

    Args:
        path: the file, UTF-8.
        what: what it should be ("rules file"), for errors.
        missing: hint where there is no such file.

    Raises:
        RulesError: the file is missing, a folder, too large, forbidden, or no UTF-8 text.
    """
    try:
        if path.is_dir():
            raise RulesError(f"is a folder, not a {what}", where=path, hint=f"give the path of a {what}")
        size = path.stat().st_size
        if size > LARGEST:
            raise RulesError(
                f"is too large for a {what} ({size / 2**20:.0f} MiB)", where=path, hint="is it the right file?"
            )
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise RulesError(f"no such {what}", where=path, hint=missing) from error
    except OSError as error:
        raise RulesError(
            f"cannot be read ({error.strerror or error})", where=path, hint="check its permissions"
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RulesError("is not UTF-8 text", where=f"{path}:{line}", hint="save it as UTF-8") from error
    return text


def _rules_text(path: Path) -> str:
    text = read_text(path, "rules file", "make one with `ruler induce`, or check the path")
    if not text.strip():
        raise RulesError("is empty", where=path, hint="a rules file begins with `schema: 1` and holds `rules:`")
    return text


def _numbered(ruleset: RuleSet) -> RuleSet:
    scenes = {name: scene.model_copy(update={"rules": numbered(scene.rules)}) for name, scene in ruleset.scenes.items()}
    return ruleset.model_copy(update={"rules": numbered(ruleset.rules), "scenes": scenes})


def _scene(ruleset: RuleSet, scene: str | None, path: Path | str) -> Scene:
    if scene is None:
        return ruleset
    if scene not in ruleset.scenes:
        known = ", ".join(ruleset.scenes) or "none"
        raise RulesError(f"there is no scene '{scene}'", where=path, hint=f"its scenes are {known}")
    return ruleset.scenes[scene]


def _round_trip(text: str) -> YAML:
    """A reader and writer that keeps comments, quotes, line lengths and the way lists are indented."""
    yaml: Any = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1 << 16
    yaml.allow_unicode = True
    indented = located(text)
    yaml.indent(mapping=2, sequence=2 + indented, offset=indented)
    result: YAML = yaml
    return result
