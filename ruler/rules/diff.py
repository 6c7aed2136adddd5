"""Two RuleSets in, what differs in their meaning out: rules added, removed, changed field by field, in any order."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruler.rules.model import Rule, RuleSet, Scene, numbered
from ruler.rules.show import condition_in_words, false_alarms_in_words, limit_in_words, printable

ALIKE = 0.6
"""Rules of different ids are taken for the same one where their texts are at least this much alike, 0 to 1."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs.

    Attributes:
        field: path of the field, as "limit.above".
        old: before; None where it was not there.
        new: after; None where it is gone.
    """

    field: str
    old: Any
    new: Any

    @property
    def relative(self) -> float | None:
        """Relative change of a number, 0.1 for 10 % more; None for what is no number or was 0."""
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in (self.old, self.new)) or not self.old:
            return None
        return float((self.new - self.old) / abs(self.old))

    def __str__(self) -> str:
        if (
            isinstance(self.old, tuple | list)
            and isinstance(self.new, tuple | list)
            and self.field.endswith("keywords")
        ):
            gone = [f"− {_value(k)}" for k in self.old if k not in self.new]
            come = [f"+ {_value(k)}" for k in self.new if k not in self.old]
            return f"{self.field}: {', '.join(gone + come)}"
        if self.old is None:
            return f"{self.field}: added {_value(self.new)}"
        if self.new is None:
            return f"{self.field}: removed {_value(self.old)}"
        share = "" if self.relative is None else f" ({100 * self.relative:+.3g} %)"
        return f"{self.field}: {_value(self.old)} → {_value(self.new)}{share}"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that is in both files and differs. `id` is its new id, `was` the old one."""

    id: str
    was: str
    text: str
    changes: tuple[FieldChange, ...]

    @property
    def reworded(self) -> bool:
        """Whether its text changed."""
        return any(change.field == "text" for change in self.changes)


@dataclass(frozen=True, slots=True)
class RulesDiff:
    """What differs between two rules files.

    Attributes:
        added: rules of the new file alone.
        removed: rules of the old file alone.
        changed: rules of both that differ.
        file: what differs beside the rules: scene, provenance, calibration.
        scenes: scenes of both files that differ.
        added_scenes: names.
        removed_scenes: names.
    """

    added: tuple[Rule, ...] = ()
    removed: tuple[Rule, ...] = ()
    changed: tuple[RuleChange, ...] = ()
    file: tuple[FieldChange, ...] = ()
    scenes: Mapping[str, RulesDiff] = field(default_factory=dict)
    added_scenes: tuple[str, ...] = ()
    removed_scenes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(
            (self.added, self.removed, self.changed, self.file, self.scenes, self.added_scenes, self.removed_scenes)
        )

    def __str__(self) -> str:
        """The difference as a person reads it, one thing per line; "no difference" where there is none."""
        return "\n".join(map(printable, self._lines())) if self else "no difference"

    def _lines(self) -> Iterator[str]:
        yield from (f"  {change}" for change in self.file)
        yield from (f"− {_rule(rule)}" for rule in self.removed)
        yield from (f"+ {_rule(rule)}" for rule in self.added)
        for rule in self.changed:
            yield f"~ {rule.id}{f' (was {rule.was})' if rule.was != rule.id else ''} {rule.text}"
            yield from (f"    {change}" for change in rule.changes if change.field != "id")
        yield from (f"− scene {name}" for name in self.removed_scenes)
        yield from (f"+ scene {name}" for name in self.added_scenes)
        for name, scene in self.scenes.items():
            yield f"scene {name}"
            yield from (f"  {line}" for line in scene._lines())

    def to_dict(self) -> dict[str, Any]:
        """The difference as plain values for JSON."""
        return {
            "added": [_plain(rule) for rule in self.added],
            "removed": [_plain(rule) for rule in self.removed],
            "changed": [{"id": c.id, "was": c.was, "changes": [_change(f) for f in c.changes]} for c in self.changed],
            "file": [_change(f) for f in self.file],
            "scenes": {name: scene.to_dict() for name, scene in self.scenes.items()},
            "added_scenes": list(self.added_scenes),
            "removed_scenes": list(self.removed_scenes),
        }


def diff_rules(old: RuleSet, new: RuleSet) -> RulesDiff:
    """Compare two rules files by what they mean.

    A rule is the same one in both where everything but its id is equal, else where it has the same id and kind, else
    where its text is most alike.
    """
    top = _scene_diff(old, new)
    both = [name for name in new.scenes if name in old.scenes]
    scenes = {name: found for name in both if (found := _scene_diff(old.scenes[name], new.scenes[name]))}
    return RulesDiff(
        top.added,
        top.removed,
        top.changed,
        top.file,
        scenes,
        tuple(name for name in new.scenes if name not in old.scenes),
        tuple(name for name in old.scenes if name not in new.scenes),
    )


def _scene_diff(old: Scene, new: Scene) -> RulesDiff:
    before, after = numbered(old.rules), numbered(new.rules)
    pairs = _pairs(before, after)
    changed = []
    for i, j in sorted(pairs, key=lambda pair: pair[1]):
        changes = tuple(_compare(_flat(before[i]), _flat(after[j])))
        if changes:
            changed.append(RuleChange(after[j].id, before[i].id, after[j].text, changes))
    return RulesDiff(
        added=tuple(rule for j, rule in enumerate(after) if j not in {pair[1] for pair in pairs}),
        removed=tuple(rule for i, rule in enumerate(before) if i not in {pair[0] for pair in pairs}),
        changed=tuple(changed),
        file=tuple(_compare(_head(old), _head(new))),
    )


def _pairs(before: Sequence[Rule], after: Sequence[Rule]) -> list[tuple[int, int]]:
    """Positions of the rules that are the same one, before and after; each at most once."""
    pairs: list[tuple[int, int]] = []
    same: list[tuple[int, int]] = []
    left, right = dict(enumerate(before)), dict(enumerate(after))

    def take(i: int, j: int) -> None:
        pairs.append((i, j))
        del left[i], right[j]

    # Equal in everything first: a rule put in at the top shifts the ids that were given by order.
    for same_id in (True, False):
        known: dict[str, list[int]] = {}
        for j, rule in right.items():
            known.setdefault(_key(rule, same_id), []).append(j)
        for i in list(left):
            found = known.get(_key(left[i], same_id))
            if found:
                take(i, found.pop(0))
    # The same id next, unless one of the two is far more like another rule.
    likeness = {(i, j): _alike(a, b) for i, a in left.items() for j, b in right.items() if a.kind == b.kind}
    for (i, j), share in likeness.items():
        if left[i].id == right[j].id and share >= max(s for (a, b), s in likeness.items() if a == i or b == j) - 0.5:
            same.append((i, j))
    for i, j in same:
        take(i, j)
    for (i, j), share in sorted(likeness.items(), key=lambda x: (-x[1], abs(x[0][0] - x[0][1]), sum(x[0]))):
        if share >= ALIKE and i in left and j in right:
            take(i, j)
    return pairs


def _alike(one: Rule, other: Rule) -> float:
    first, second = sorted((one.text.lower(), other.text.lower()))  # the ratio depends on the order
    return difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()


def _key(rule: Rule, with_id: bool) -> str:
    content = _flat(rule)
    if not with_id:
        content.pop("id")
    return json.dumps(content, sort_keys=True, default=str)


def _flat(rule: Rule) -> dict[str, Any]:
    return dict(_leaves("", rule.model_dump(exclude_defaults=True)))


def _head(scene: Scene) -> dict[str, Any]:
    content = {"scene": scene.scene, "provenance": scene.provenance.model_dump(exclude_defaults=True)}
    if scene.calibration is not None:
        content["calibration"] = scene.calibration.model_dump()
    return {path: value for path, value in _leaves("", content) if value not in ("", ())}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Paths and values below a value; lists of maps by their position, keywords in the order of the alphabet."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), part)
    elif isinstance(value, tuple | list) and value and isinstance(value[0], Mapping):
        for i, part in enumerate(value, 1):
            yield from _leaves(f"{path}[{i}]", part)
    elif path.endswith("table") and value:
        for start, end, *numbers in value:
            yield f"{path}[{start:g} to {end:g}]", numbers[0] if len(numbers) == 1 else tuple(numbers)
    else:
        yield path, tuple(sorted(set(value))) if path == "keywords" else value


def _compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FieldChange]:
    for path in [*old, *(p for p in new if p not in old)]:
        if old.get(path) != new.get(path):
            yield FieldChange(path, old.get(path), new.get(path))


def _rule(rule: Rule) -> str:
    condition = condition_in_words(rule)
    alarms = f" [{false_alarms_in_words(rule.false_alarms)}]" if rule.false_alarms else ""
    return f"{rule.id} {rule.kind}: {rule.text}" + (f" – {condition}" if condition else "") + alarms


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _change(change: FieldChange) -> dict[str, Any]:
    out = {"field": change.field, "old": _json(change.old), "new": _json(change.new)}
    return out | ({"relative": change.relative} if change.relative is not None else {})


def _plain(rule: Rule) -> dict[str, Any]:
    content = rule.model_dump(mode="json", exclude_defaults=True)
    return content | ({"says": [limit_in_words(limit) for limit in rule.limits]} if rule.limits else {})


def _json(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_json(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
