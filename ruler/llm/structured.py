"""Formats: a pydantic model in; its strict JSON schema, its shape in plain words, and the object in a reply out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ruler.llm.base import Message, Reply, Request, Schema

T = TypeVar("T", bound=BaseModel)

LONGEST_PROBLEM = 800
"""Characters of what is wrong with a reply, as the model is told."""

LONGEST = 200_000
"""Characters of a reply that are looked through; a longer one is refused."""

_STRAY = 8
"""Opening braces without a closing one that are passed over in the search for an object."""

_TRIED = 32
"""Objects of a reply that are tried, from the last."""

# Not part of the strict subset of JSON schema that servers agree on; pydantic checks them all the same.
_LEFT_OUT = ("title", "default", "examples", "minLength", "maxLength", "uniqueItems", "discriminator", "deprecated")

_WORDS = "Reply with one JSON object and nothing else: no words before or after it, no code fence. Its form:"
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"\A\s*```[\w-]*[ \t]*\n?(.*?)(?:```\s*)?\Z", re.DOTALL)
# Half a surrogate pair, escaped or not, cannot be written to any file.
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
# A string runs to its end or to that of the text, without trying again from within: the search stays linear.
_MARK = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}]', re.DOTALL)


@cache
def schema_of(kind: type[BaseModel]) -> Schema:
    """The strict JSON schema of a model: every property required, no other allowed, no titles or defaults.

    Definitions are put where they are used, those apart that contain themselves.

    Raises:
        TypeError: a field is a mapping with free keys, which no strict schema can say.
    """
    given = kind.model_json_schema()
    definitions: dict[str, Any] = given.pop("$defs", {})
    if "$ref" in given:  # a model that contains itself
        given = definitions[given["$ref"].removeprefix("#/$defs/")]
    looping = {name for name in definitions if name in _reached(definitions[name], definitions)}
    content = _strict(given, definitions, looping, kind.__name__)
    content.pop("description", None)
    if looping:
        content["$defs"] = {n: _strict(definitions[n], definitions, looping, n, root=True) for n in sorted(looping)}
    name = re.sub(r"[^A-Za-z0-9]+", "_", kind.__name__).strip("_")[:64]
    return Schema(name or "reply", content)


def in_words(request: Request) -> Request:
    """A request whose last message says the format in words, for servers that are not given the schema.

    A message that says it already, such as that of `unfit`, stays as it is.
    """
    if request.schema is None:
        return request
    last = request.messages[-1]
    form = shape(request.schema)
    if form in last.text:
        return request
    told = Message(last.role, f"{last.text}\n\n{_WORDS}\n{form}", last.images)
    return replace(request, messages=(*request.messages[:-1], told))


def unfit(problem: str, schema: Schema) -> str:
    """What a user says to a model whose reply could not be used: what is wrong, and the format once more."""
    said = problem.strip().rstrip(".")
    said = said if len(said) <= LONGEST_PROBLEM else f"{said[: LONGEST_PROBLEM - 1]}…"
    return f"Your reply cannot be used: {said}. Reply once more, in full.\n{_WORDS}\n{shape(schema)}"


def shape(schema: Schema) -> str:
    """A schema as a person would sketch it: the object with what stands for each value, and notes on its fields."""
    definitions: Mapping[str, Any] = schema.content.get("$defs", {})
    notes: list[str] = []
    lines = [_sketch(schema.content, notes, "", 0)]
    for name, part in definitions.items():
        lines.append(f"where <{name}> is\n{_sketch(part, notes, name, 0)}")
    if notes:
        lines.append("\n".join(f"- {note}" for note in dict.fromkeys(notes)))
    return "\n".join(lines)


def parse(kind: type[T], reply: Reply) -> tuple[T | None, str]:
    """Read an object out of a reply.

    Thoughts in tags and code fences are taken away. Where the whole rest is JSON it is taken, an object in a list of
    one as the object; else the last object in it that fits.

    Args:
        kind: what is wanted.
        reply: what came.

    Returns:
        The object and "", or None and a short sentence for the model that says what is wrong.
    """
    cut = reply.finish == "length"
    text = reply.text.strip()
    if len(text) > LONGEST:
        return None, f"the reply is far too long ({len(text)} characters)"
    problem = broken = ""
    for candidate, whole in _candidates(text, cut):
        try:
            return kind.model_validate(_loaded(candidate)), ""
        except ValidationError as error:
            problem, last = problem or _wrong(error), whole
        except RecursionError:
            broken, last = broken or "the reply is nested far too deeply", False
        except ValueError as error:
            broken = broken or f"the reply is no valid JSON ({str(error)[:80]})"
            last = whole and not isinstance(error, json.JSONDecodeError)
        if last:
            break
    if cut:
        return None, "the reply was cut off before its end; write less"
    return None, problem or broken or ("the reply holds no JSON object" if text else "the reply is empty")


def _candidates(text: str, cut: bool) -> Iterator[tuple[str, bool]]:
    """What may be the object, the likeliest first, and whether it is all that was said."""
    if text.startswith(("{", "[")):
        yield text, True
    answer = _without_thoughts(text)
    fenced = _FENCE.match(answer)
    inside = fenced[1].strip() if fenced else answer.strip()
    if inside != text and inside.startswith(("{", "[")):
        yield inside, True
    found = [part for part in _objects(inside, cut) if part not in (inside, text)]
    yield from ((part, False) for part in reversed(found[-_TRIED:]))


def _without_thoughts(text: str) -> str:
    kept: list[str] = []
    at, within = 0, False
    for tag in _THOUGHT.finditer(text):
        if tag[1]:
            within = False  # also where a template opened the tag itself, so that the reply has its end alone
        elif not within:
            kept.append(text[at : tag.start()])
            within = True
        at = tag.end()
    return "".join(kept if within else [*kept, text[at:]])


def _objects(text: str, cut: bool) -> Iterator[str]:
    """The outermost balanced objects of a text, in order; none from within one that is cut off."""
    start, stray = text.find("{"), 0
    while start >= 0:
        end = _closing(text, start)
        if end:
            yield text[start:end]
            start = text.find("{", end)
        elif cut or (stray := stray + 1) > _STRAY:
            return
        else:
            start = text.find("{", start + 1)


def _closing(text: str, start: int) -> int:
    """Where the object that begins at `start` ends; 0 where it does not."""
    depth = 0
    for mark in _MARK.finditer(text, start):
        if mark[0] == "{":
            depth += 1
        elif mark[0] == "}":
            depth -= 1
            if not depth:
                return mark.end()
    return 0


def _loaded(text: str) -> dict[str, Any]:
    # Line breaks within strings are no JSON, but plain enough.
    value = json.loads(text, strict=False, parse_constant=_no_number)
    if _HALF.search(text):
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        raise ValueError("it is not one object")
    return value


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _wrong(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    place = ""
    for part in first["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    place = place if len(place) <= 80 else f"{place[:79]}…"
    if first["type"] == "model_type":
        said = f'the field "{place}" should be an object'
    elif first["type"] == "missing":
        said = f'the field "{place}" is missing'
    elif first["type"] == "extra_forbidden":
        said = f'there is no field "{place}" in the form'
    else:
        what = str(first["msg"]).removeprefix("Value error, ")[:200]
        what = what[:1].lower() + what[1:]
        said = f'the field "{place}" is wrong: {what}' if place else what
    others = len(problems) - 1
    return f"{said}, and {others} more {'is' if others == 1 else 'are'} wrong" if others else said


def _strict(
    part: Any, definitions: Mapping[str, Any], looping: set[str], path: str, *, root: bool = False
) -> dict[str, Any]:
    """One part of a schema made strict, definitions put in."""
    part = dict(part)
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    if name and name not in looping:
        # What is said of the field goes before what is said of its type, which is for readers of the code.
        said = {k: v for k, v in part.items() if k != "$ref"}
        return _strict({**definitions[name], "description": None, **said}, definitions, looping, path)
    if root or part.get("description") is None:
        part.pop("description", None)

    def inner(value: Any, step: str = "") -> dict[str, Any]:
        return _strict(value, definitions, looping, f"{path}{step}")

    made = {key: value for key, value in part.items() if key not in _LEFT_OUT}
    if "const" in made:
        made["enum"] = [made.pop("const")]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in made:
            # Strict schemas know no oneOf; what fits one of several kinds of objects is told apart by pydantic.
            options = [inner(option) for option in made.pop(several)]
            made["allOf" if several == "allOf" else "anyOf"] = options
    if "items" in made:
        made["items"] = inner(made["items"], "[]")
    if "prefixItems" in made:
        made["prefixItems"] = [inner(item, f"[{i}]") for i, item in enumerate(made["prefixItems"])]
    if "properties" in made:
        made["properties"] = {key: inner(value, f".{key}") for key, value in made["properties"].items()}
        made["required"] = list(made["properties"])
        made["additionalProperties"] = False
    elif made.get("type") == "object":
        raise TypeError(f"{path} is a mapping with free keys: make it a list of objects")
    return made


def _reached(part: Any, definitions: Mapping[str, Any]) -> set[str]:
    """Names of the definitions that a part of a schema leads to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Mapping):
            name = str(here.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
    return found


def _sketch(part: Mapping[str, Any], notes: list[str], path: str, depth: int) -> str:
    """What stands for a value; notes on the fields within are added to `notes`."""
    if said := part.get("description"):
        notes.append(f"{path}: {' '.join(str(said).split())}")
    if "$ref" in part:
        return f"<{str(part['$ref']).removeprefix('#/$defs/')}>"
    if "enum" in part:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in part["enum"])
    if options := part.get("anyOf") or part.get("allOf"):
        return " or ".join(_sketch(option, notes, path, depth) for option in options)
    if "properties" in part:
        pad = "  " * (depth + 1)
        fields = [
            f'{pad}"{key}": {_sketch(value, notes, f"{path}.{key}" if path else key, depth + 1)}'
            for key, value in part["properties"].items()
        ]
        return "{\n" + ",\n".join(fields) + "\n" + "  " * depth + "}"
    if part.get("type") == "array":
        return _sketched_list(part, notes, path, depth)
    if part.get("type") == "null":
        return "null"
    bounds = _bounds(part, "minimum", "maximum")
    return f"<{part.get('type', 'any value')}{f' {bounds}' if bounds else ''}>"


def _sketched_list(part: Mapping[str, Any], notes: list[str], path: str, depth: int) -> str:
    if count := _bounds(part, "minItems", "maxItems"):
        notes.append(f"{path}: {count} of them")
    if "prefixItems" in part:
        return f"[{', '.join(_sketch(item, notes, path, depth) for item in part['prefixItems'])}]"
    return f"[{_sketch(part.get('items', {}), notes, f'{path}[]', depth)}, …]"


def _bounds(part: Mapping[str, Any], least: str, most: str) -> str:
    low, high = part.get(least), part.get(most)
    if low is not None and high is not None:
        return f"{low} to {high}" if low != high else f"{low}"
    if low is not None:
        return f"at least {low}"
    return f"at most {high}" if high is not None else ""
