"""YAML text in, plain values and a RuleSet out; what is wrong becomes one line that names the line and the rule.

A rules file may come from anywhere: anchors and aliases (a few of them unfold to gigabytes), tags that make objects,
and nesting without end are refused before anything is built.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ruler.errors import RulesError
from ruler.rules.model import (
    Calibration,
    FalseAlarms,
    Limit,
    Provenance,
    Rule,
    RuleSet,
    Scene,
    Support,
    Vocabulary,
    Where,
)

DEEPEST = 24
_CORE = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
)
_MODELS: dict[str, type[BaseModel]] = {
    "rules": Rule,
    "limit": Limit,
    "any": Limit,
    "all": Limit,
    "mean": Limit,
    "where": Where,
    "support": Support,
    "false_alarms": FalseAlarms,
    "vocabulary": Vocabulary,
    "provenance": Provenance,
    "calibration": Calibration,
    "scenes": Scene,
}
_QUOTES = "put it in quotes if it is meant as text"
# pydantic's kind of error → what to say of the field, and how to mend it.
_WORDS: dict[str, tuple[str, str]] = {
    "string_type": ("must be text", _QUOTES),
    "tuple_type": ("must be a list", "write it as [one, two]"),
    "list_type": ("must be a list", "write it as [one, two]"),
    "float_type": ("must be a number", "write it without quotes and unit"),
    "float_parsing": ("must be a number", "write it without quotes and unit"),
    "int_type": ("must be a whole number", "write it without quotes and unit"),
    "int_parsing": ("must be a whole number", "write it without quotes and unit"),
    "int_from_float": ("must be a whole number", "leave the decimals out"),
    "model_type": ("must be a map", "write it as {key: value}"),
    "model_attributes_type": ("must be a map", "write it as {key: value}"),
    "mapping_type": ("must be a map", "write it as {key: value}"),
    "dict_type": ("must be a map", "write it as {key: value}"),
    "string_too_short": ("is empty", "write what the rule says"),
    "too_short": ("has too few entries", "see docs for how many it needs"),
    "missing_argument": ("has too few entries", "see docs for how many it needs"),
}


def nodes_of(text: str, name: str) -> MappingNode:
    """The text's YAML nodes, safe to build from.

    Raises:
        RulesError: no YAML, no map, or something that is refused: aliases, tags, a key twice, nesting too deep.
    """
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        what = (error.problem or error.context or "").rstrip(".") or "cannot be read"
        if "expected a single document" in str(error):
            raise RulesError("holds more than one document", where=where, hint="remove the line '---'") from error
        raise RulesError(f"is not YAML ({what})", where=where, hint=_yaml_hint(text, mark)) from error
    except YAMLError as error:
        character = re.search(r"#x([0-9a-f]+)", str(error))
        at = text.find(chr(int(character.group(1), 16))) if character else 0
        where = f"{name}:{text.count(chr(10), 0, max(at, 0)) + 1}"
        raise RulesError("holds a character YAML does not allow", where=where, hint="remove it") from error
    except RecursionError as error:
        raise RulesError("is nested too deeply", where=name, hint="a rules file needs few levels") from error
    except ValueError as error:
        raise RulesError(f"is not YAML ({error})", where=name, hint="put the value in quotes") from error
    if root is None:
        raise RulesError("is empty", where=name, hint="a rules file begins with `schema: 1` and holds `rules:`")
    if not isinstance(root, MappingNode):
        where = f"{name}:{root.start_mark.line + 1}"
        raise RulesError(
            "is not a rules file", where=where, hint="a rules file begins with `schema: 1` and holds `rules:`"
        )
    _refuse(root, name)
    return root


def plain(root: MappingNode, name: str) -> Any:
    """The plain values of nodes that `nodes_of` let pass."""
    yaml: Any = YAML(typ="safe", pure=True)
    try:
        return yaml.constructor.construct_document(root)
    except (YAMLError, ValueError, OverflowError) as error:
        culprit = _unreadable(root)
        where = f"{name}:{culprit.start_mark.line + 1}" if culprit else name
        what = f"the value '{culprit.value}' cannot be read" if culprit else "holds a value that cannot be read"
        raise RulesError(what, where=where, hint="put it in quotes if it is meant as text") from error


def validated(content: Any, root: MappingNode, name: str) -> RuleSet:
    """A RuleSet from plain values.

    Raises:
        RulesError: the first thing that is wrong, with its line and rule, and how many more there are.
    """
    _refuse_twice(content, root, name)
    try:
        return RuleSet.model_validate(content)
    except ValidationError as error:
        problems = sorted(error.errors(), key=lambda e: _line(root, e["loc"]))
        first = problems[0]
        loc = first["loc"]
        what, hint = _say(first["type"], loc, first.get("input"), first["msg"], first.get("ctx", {}))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        rule = _rule(content, loc)
        where = f"{name}:{_line(root, loc)}" + (f", {rule}" if rule else "")
        raise RulesError(what + more, where=where, hint=hint) from None


def located(text: str) -> int:
    """How far the lists of block style in a file are indented under their key: 0 or more spaces."""
    found = re.search(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:[ \t]*(?:#[^\n]*)?\n)*( *)- ", text, re.MULTILINE)
    return max(0, len(found.group(2)) - len(found.group(1))) if found else 2


def _refuse(root: Node, name: str) -> None:
    seen: set[int] = set()
    stack: list[tuple[Node, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        where = f"{name}:{node.start_mark.line + 1}"
        if node.anchor is not None or id(node) in seen:
            raise RulesError(
                "anchors and aliases (& and *) are not allowed",
                where=where,
                hint="write the value out, or put it in quotes",
            )
        seen.add(id(node))
        if str(node.tag) not in _CORE:
            tag = str(node.tag).removeprefix("tag:yaml.org,2002:")
            hint = "write the values out" if tag == "merge" else "remove it, or put the value in quotes"
            raise RulesError(f"the tag '{tag}' is not allowed", where=where, hint=hint)
        if depth > DEEPEST:
            raise RulesError("is nested too deeply", where=where, hint="a rules file needs few levels")
        if isinstance(node, SequenceNode):
            stack += [(child, depth + 1) for child in reversed(node.value)]
        elif isinstance(node, MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                line = f"{name}:{key.start_mark.line + 1}"
                if not isinstance(key, ScalarNode):
                    raise RulesError("a key must be a word", where=line, hint="put the text in quotes")
                if key.value in keys:
                    raise RulesError(f"the key '{key.value}' is given twice", where=line, hint="remove one of them")
                keys.add(key.value)
                stack += [(key, depth + 1), (value, depth + 1)]


def _refuse_twice(content: Any, root: Node, name: str) -> None:
    """Refuse an id that two rules of one scene share; said here, where the line is known."""
    scenes = content.get("scenes")
    places: list[tuple[tuple[str, ...], Any]] = [((), content)]
    places += [(("scenes", n), s) for n, s in scenes.items()] if isinstance(scenes, dict) else []
    for path, scene in places:
        seen: set[str] = set()
        rules = scene.get("rules") if isinstance(scene, dict) else None
        for i, rule in enumerate(rules if isinstance(rules, list) else ()):
            given = rule.get("id") if isinstance(rule, dict) else None
            if isinstance(given, str) and given.strip():
                if given in seen:
                    where = f"{name}:{_line(root, (*path, 'rules', i, 'id'))}"
                    raise RulesError(
                        f"the id {given} is given to more than one rule",
                        where=where,
                        hint="give this one another id, or none",
                    )
                seen.add(given)


def _unreadable(root: Node) -> ScalarNode | None:
    """The first value that looks like a date or number and is none."""
    yaml: Any = YAML(typ="safe", pure=True)
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, ScalarNode):
            try:
                yaml.constructor.construct_document(node)
            except (YAMLError, ValueError, OverflowError):
                return node
        else:
            parts = node.value if isinstance(node, SequenceNode) else [part for pair in node.value for part in pair]
            stack += reversed(parts)
    return None


def _yaml_hint(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line:
        return "indent with spaces, not tabs"
    if re.search(r"^\s*(?:- )?\w+: [^'\"{\[]*: ", line):
        return "put a text with ': ' in quotes"
    return "check the indentation, the brackets and the quotes there"


def _line(root: Node, loc: Sequence[int | str]) -> int:
    """Line of the deepest node on the way to a place; of the key itself where the last step is a key."""
    node = root
    line: int = root.start_mark.line + 1
    for step in loc:
        if isinstance(node, MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if pair is None:
                continue
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _rule(content: Any, loc: Sequence[int | str]) -> str:
    """Say "rule A3", or "rule 2" for the second of the list where it has no id; "" outside the rules."""
    for i, step in enumerate(loc[:-1]):
        at = loc[i + 1]
        if step == "rules" and isinstance(at, int):
            try:
                for part in loc[: i + 2]:
                    content = content[part]
                return f"rule {content['id']}"
            except (KeyError, TypeError, IndexError):
                return f"rule {at + 1} of the list"
    return ""


def _say(kind: str, loc: Sequence[int | str], given: Any, message: str, context: Any) -> tuple[str, str]:
    """What is wrong, and how to mend it."""
    field = next((str(s) for s in reversed(loc) if isinstance(s, str) and not s.startswith("tuple[")), "the file")
    if kind == "extra_forbidden":
        known = _fields(loc)
        near = difflib.get_close_matches(field, known, n=1, cutoff=0.6)
        return f"unknown key '{field}'", f"did you mean '{near[0]}'?" if near else f"known here are {', '.join(known)}"
    if kind == "missing":
        if isinstance(loc[-1], int):
            return f"'{field}' has too few entries", "a band is [from row, to row, limit], a point is [x, y]"
        return f"'{field}' is missing", f"add `{field}: …`"
    if kind == "literal_error":
        if loc == ("schema",):
            return f"schema {given} is not known to this version", "it reads `schema: 1`"
        return f"'{field}' cannot be '{given}'", f"write {context.get('expected', '')}".replace("'", "")
    if kind == "value_error":
        return str(context.get("error", message)), "correct it"
    if kind in _WORDS:
        what, hint = _WORDS[kind]
        if kind == "tuple_type" and isinstance(given, str):
            hint = f"write it as [{given}]"
        return f"'{field}' {what}, not {_named(given)}" if kind.endswith(
            ("type", "parsing")
        ) else f"'{field}' {what}", hint
    return f"'{field}': {message[:1].lower()}{message[1:]}, not {_named(given)}", "correct it"


def _fields(loc: Sequence[int | str]) -> list[str]:
    owner = next((_MODELS[s] for s in reversed(loc[:-1]) if isinstance(s, str) and s in _MODELS), RuleSet)
    return [field.alias or name for name, field in owner.model_fields.items()]


def _named(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return f"'{text[:40]}…'" if len(text) > 40 else f"'{text}'"
