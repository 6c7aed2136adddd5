"""Schema types to JSON and back: strict JSON, one record per line, defaults left out, floats rounded.

Floats keep at least six decimals and six significant digits, measures four of each, boxes a hundredth of a pixel.
Encoding what was decoded gives the same text again, so a run that judges what it reads back from its files ends alike
whether it was interrupted or not.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Callable, Hashable, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ruler.errors import DataError
from ruler.schema import Box

T = TypeVar("T")

_COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ASCII = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def encode(record: object, *, defaults: bool = False) -> dict[str, Any]:
    """A schema dataclass as what `json` can write.

    Args:
        record: Observation, Verdict, Event, or any dataclass made of the same kinds of fields.
        defaults: write fields that hold their default too.

    Returns:
        A mapping by field name. A measure that is not a finite number is left out; an optional float becomes None.

    Raises:
        DataError: a required float is not finite.
    """
    encoded: dict[str, Any] = _encoder(_hashable(type(record)), defaults)(record)
    return encoded


def decode(kind: type[T], value: object) -> T:
    """The schema dataclass `kind` from what `json` read; unknown keys, missing keys and wrong types are refused.

    Raises:
        DataError: value does not describe a `kind`; the message names the field.
    """
    try:
        decoded: T = _decoder(_hashable(kind))(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"not a valid {kind.__name__}: {error}") from error
    return decoded


def to_line(record: object) -> bytes:
    """A record as one line of UTF-8 JSON with the newline.

    Raises:
        DataError: a required float is not finite.
    """
    value = encode(record)
    try:
        return _COMPACT.encode(value).encode() + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair, as broken replies contain it: only the escaped form can hold it
        return _ASCII.encode(value).encode() + b"\n"


def from_line(kind: type[T], line: bytes | str, *, where: str | None = None) -> T:
    """The record on one line.

    Args:
        kind: Observation, Verdict, …
        line: JSON, with or without the newline.
        where: file and line for the message ("a/observations.jsonl:12").

    Raises:
        DataError: the line is not JSON or does not describe a `kind`.
    """
    try:
        return decode(kind, parse_json(line))
    except DataError as error:
        raise DataError(error.what, where=where, hint=error.hint) from error


def parse_json(text: bytes | str) -> object:
    """Strict JSON: NaN and Infinity are refused.

    Raises:
        DataError: not JSON.
    """
    try:
        value: object = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON: {error}") from error
    return value


def read_lines(kind: type[T], path: Path) -> Iterator[T]:
    """The records of a JSONL file in order; a torn last line (one without its newline) is dropped.

    A file that does not exist holds no record.

    Raises:
        DataError: a line is broken; the message names file and line.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=path) from error
    with file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield from_line(kind, line, where=f"{path}:{number}")


def _hashable(kind: type) -> Hashable:
    return kind  # mypy takes a class for the __hash__ of its instances


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _rounded(value: float) -> float:
    return round(value, 6) if not -0.1 < value < 0.1 else float(f"{value:.6g}")


def _rounded_measure(value: float) -> float:
    return round(value, 4) if not -0.1 < value < 0.1 else float(f"{value:.4g}")


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise DataError(f"{number} cannot be written, only finite numbers can")
    return _rounded(number)


def _finite_or_none(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else _rounded(float(value))


def _finite_measures(values: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): _rounded_measure(float(value)) for name, value in values.items() if math.isfinite(value)}


def _pixels(box: Box) -> list[float]:
    edges = [round(float(edge), 2) for edge in box]
    if not all(map(math.isfinite, edges)):
        raise DataError(f"a box of {edges} cannot be written, only finite numbers can")
    return edges


def _same(value: Any) -> Any:
    return value


@cache
def _encoder(kind: Any, defaults: bool) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        return _dataclass_encoder(kind, defaults)
    known: dict[Any, Callable[[Any], Any]] = {
        int: int,
        float: _finite,
        str: str,
        bool: bool,
        Box: _pixels,
        Any: _same,
        object: _same,
    }
    if kind in known:
        return known[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda value: value.value
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType) and len(args) == 2 and args[1] is type(None):
        if args[0] is float:
            return _finite_or_none
        some = _encoder(args[0], defaults)
        return lambda value: None if value is None else some(value)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        each = _encoder(args[0], defaults)
        return lambda values: [each(value) for value in values]
    if origin is Mapping and args[0] is str:
        if args[1] is float:
            return _finite_measures
        entry = _encoder(args[1], defaults)
        return lambda values: {str(key): entry(value) for key, value in values.items()}
    raise TypeError(f"no way to write {kind} as JSON")


def _dataclass_encoder(kind: Any, defaults: bool) -> Callable[[Any], dict[str, Any]]:
    hints = get_type_hints(kind)
    plan = []
    for field in dataclasses.fields(kind):
        write, default = _encoder(hints[field.name], defaults), _default(field)
        plan.append((field.name, write, default, write(default) if default is not dataclasses.MISSING else default))

    def encode_fields(record: Any) -> dict[str, Any]:
        out = {}
        for name, write, default, written_default in plan:
            value = getattr(record, name)
            if value is default and not defaults:
                continue
            try:
                written = write(value)
            except DataError as error:
                raise DataError(f"{name}: {error.what}") from None
            if defaults or written != written_default:
                out[name] = written
        return out

    return encode_fields


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        return _dataclass_decoder(kind)
    if kind in (int, str, bool):
        return _exactly(kind)
    known: dict[Any, Callable[[Any], Any]] = {float: _read_float, Box: _read_box, Any: _same, object: _same}
    if kind in known:
        return known[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType) and len(args) == 2 and args[1] is type(None):
        some = _decoder(args[0])
        return lambda value: None if value is None else some(value)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        each = _decoder(args[0])
        return lambda values: tuple(each(value) for value in _list(values))
    if origin is Mapping and args[0] is str:
        entry = _decoder(args[1])
        return lambda values: {key: entry(value) for key, value in _object(values).items()}
    raise TypeError(f"no way to read {kind} from JSON")


def _dataclass_decoder(kind: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    readers = {field.name: _decoder(hints[field.name]) for field in dataclasses.fields(kind)}
    required = [field.name for field in dataclasses.fields(kind) if _default(field) is dataclasses.MISSING]

    def decode_fields(value: Any) -> Any:
        arguments = {}
        for name, part in _object(value).items():
            read = readers.get(name)
            if read is None:
                raise ValueError(f"unknown key {name!r}")
            try:
                arguments[name] = read(part)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"{name}: {error}") from None
        for name in required:
            if name not in arguments:
                raise ValueError(f"{name!r} is missing")
        return kind(**arguments)

    return decode_fields


def _exactly(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # True is an int to isinstance, but not a frame number
            raise ValueError(f"{_shown(value)} is not of type {kind.__name__}")
        return value

    return read


def _read_float(value: Any) -> float:
    if type(value) is float or type(value) is int:
        number = float(value)
        if math.isfinite(number):
            return number
    raise ValueError(f"{_shown(value)} is not a finite number")


def _read_box(value: Any) -> Box:
    if len(_list(value)) != 4:
        raise ValueError(f"{_shown(value)} is not a box of four numbers")
    return Box(*map(_read_float, value))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{_shown(value)} is not a list")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is not an object")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
