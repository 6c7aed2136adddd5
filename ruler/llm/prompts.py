"""Prompts: the name of a template and what goes into it in; the text to send, with hashes that tell it apart, out."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ruler.assets import asset, asset_names
from ruler.errors import UsageError
from ruler.llm.base import Image, Message, Request, Role

SUFFIX = ".j2"
_TURN = re.compile(r"^=== (system|user) ===\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template with everything put in.

    Attributes:
        id: name of the template.
        hash: of the template's file, 12 hexadecimal digits.
        input_hash: of what was put in, 12 hexadecimal digits.
        messages: the conversation to send.
    """

    id: str
    hash: str
    input_hash: str
    messages: tuple[Message, ...]

    def request(self, *, images: tuple[Image, ...] = (), **options: Any) -> Request:
        """A request of this prompt.

        Args:
            images: pictures, sent with the last message.
            options: other fields of `Request`.
        """
        last = self.messages[-1]
        messages = (*self.messages[:-1], Message(last.role, last.text, images)) if images else self.messages
        return Request(messages, self.id, self.hash, self.input_hash, **options)


class Prompts:
    """The templates that ship with the package, single ones replaced by a person's own.

    A template is text with Jinja marks; lines `=== system ===` and `=== user ===` begin the turns, and a template
    without them is the user's turn. What is put in is data: it is never read as a template.

    Args:
        folder: templates that replace shipped ones of the same name; None for none.

    Raises:
        UsageError: the folder is missing, a template in it has an unknown name, or cannot be parsed.
    """

    def __init__(self, folder: Path | None = None) -> None:
        shipped = [name.removesuffix(SUFFIX) for name in asset_names("prompts") if name.endswith(SUFFIX)]
        self._texts = {name: asset("prompts", name + SUFFIX) for name in shipped}
        self._places: dict[str, str] = {}
        if folder is not None:
            self._override(folder)
        # A sandbox, since a template may come from elsewhere; a name that is missing is an error, never a blank.
        self._environment: Environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        self._compiled: dict[str, Template] = {}
        given = {name: self._wanted(asset("prompts", name + SUFFIX)) for name in self._places}
        for name, text in self._texts.items():
            try:
                self._environment.parse(text)
            except TemplateSyntaxError as error:
                where = f"{self._places.get(name, name + SUFFIX)}:{error.lineno}"
                raise UsageError(f"is no template ({error.message})", where=where, hint="mend it") from None
            if name in given and (unknown := self._wanted(text) - given[name]):
                what = f"wants {', '.join(sorted(unknown))}, which is not there"
                hint = f"a template of that name may use {', '.join(sorted(given[name]))}"
                raise UsageError(what, where=self._places[name], hint=hint)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all templates."""
        return tuple(sorted(self._texts))

    def hash(self, name: str) -> str:
        """Hash of a template's file, 12 hexadecimal digits."""
        return _digest(self._texts[name])

    def render(self, name: str, **values: Any) -> Prompt:
        """Put values into a template.

        Raises:
            UsageError: the template wants something that is not there.
        """
        try:
            # Turns are told apart before anything is put in: what a stranger wrote cannot begin one.
            turns = [(role, self._template(part).render(values)) for role, part in _turns(self._texts[name])]
        except UndefinedError as error:
            there = ", ".join(sorted(values))
            where = self._places.get(name, name + SUFFIX)
            raise UsageError(f"{error.message}", where=where, hint=f"a template may use {there}") from None
        except (TemplateError, TypeError, ArithmeticError) as error:
            raise UsageError(f"cannot be rendered ({error})", where=self._places.get(name, name)) from None
        told = json.dumps(values, sort_keys=True, default=str, ensure_ascii=True)
        return Prompt(name, self.hash(name), _digest(told), _messages(turns))

    def _wanted(self, text: str) -> set[str]:
        """Names that a template uses and does not set itself."""
        return meta.find_undeclared_variables(self._environment.parse(text))

    def _template(self, part: str) -> Template:
        if part not in self._compiled:
            self._compiled[part] = self._environment.from_string(part)
        return self._compiled[part]

    def _override(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError("is not a folder", where=folder, hint="give --prompts a folder of .j2 files")
        for file in sorted(folder.glob(f"*{SUFFIX}")):
            if file.stem not in self._texts:
                raise UsageError("replaces no prompt", where=file, hint=f"there are: {', '.join(self.names)}")
            try:
                self._texts[file.stem] = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"cannot be read ({error})", where=file, hint="save it as UTF-8") from None
            self._places[file.stem] = str(file)


def fenced(text: str, mark: str = "data") -> str:
    """Text of strangers between marks it cannot contain, on one line for each of its own, control characters taken out.

    Args:
        text: a caption, say.
        mark: name of the fence.
    """
    clean = "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)
    clean = re.sub(r"<(\s*/?\s*)" + re.escape(mark), r"‹\1" + mark, clean, flags=re.IGNORECASE)
    return f"<{mark}>\n{clean}\n</{mark}>"


def _turns(template: str) -> list[tuple[Role, str]]:
    """The turns of a template, each a template of its own."""
    parts = _TURN.split(template)
    if len(parts) == 1:
        return [("user", template)]
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [("system" if role == "system" else "user", part) for role, part in pairs]


def _messages(turns: list[tuple[Role, str]]) -> tuple[Message, ...]:
    return tuple(Message(role, said.strip()) for role, said in turns if said.strip())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
