"""`ruler cache …`: look at the kept replies of chat models, and remove them."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ruler.cli import options as o
from ruler.errors import UsageError
from ruler.llm.cache import CacheInfo, ReplyCache, default_cache_path

app = typer.Typer(help="Look at the kept replies of chat models, and remove them.", no_args_is_help=True)
File = Annotated[
    Path | None,
    typer.Option("--file", help="The cache; without it RULER_CACHE, else ruler/replies.sqlite in the user's cache."),
]
_SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@app.command()
def info(file: File = None, as_json: o.AsJson = False) -> int:
    """Print where replies are kept, how many there are, of which models, and the space they take."""
    with ReplyCache(file or default_cache_path()) as cache:
        found = cache.info()
    o.note(cache.note, quiet=not cache.note)
    o.print_json(_as_dict(found)) if as_json else print(_as_text(found))
    return 0


@app.command()
def clear(
    model: Annotated[
        str | None, typer.Option(help="Only replies of this model, as `ruler cache info` names it.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="Only replies to this prompt, e.g. caption.")] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only replies kept longer ago: 30d, 12h, 4w, 10m, 90s.")
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    file: File = None,
) -> int:
    """Remove kept replies: all of them, or those that every option given fits."""
    age = None if older_than is None else _age(older_than)
    path = file or default_cache_path()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing was removed: there is nobody to ask", where=path, hint="give -y to remove")
        which = "Some" if model or prompt or older_than else "All"
        if not typer.confirm(f"{which} replies kept in {path} will be removed, and cost again. Go on?", err=True):
            print("nothing was removed")
            return 0
    with ReplyCache(path) as cache:
        removed = cache.clear(model, prompt, age)
    o.note(cache.note, quiet=not cache.note)
    print(f"{_counted(removed)} removed from {path}")
    return 0


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*([smhdw])\s*", text)
    if found is None:
        raise UsageError(f"'{text}' is no time", where="--older-than", hint="write 30d, 12h, 4w, 10m or 90s")
    return timedelta(**{_SPANS[found.group(2)]: float(found.group(1))})


def _as_dict(found: CacheInfo) -> dict[str, object]:
    return {
        "path": str(found.path),
        "entries": found.entries,
        "bytes": found.bytes,
        "models": {name: {"entries": one.entries, "bytes": one.bytes} for name, one in found.models.items()},
    }


def _as_text(found: CacheInfo) -> str:
    width = max((len(name) for name in found.models), default=0)
    lines = [f"{found.path}: {_counted(found.entries)}, {_size(found.bytes)}"]
    lines += [f"  {name:{width}}  {_counted(m.entries)}, {_size(m.bytes)}" for name, m in found.models.items()]
    return "\n".join(lines)


def _counted(entries: int) -> str:
    return f"{entries:,} {'reply' if entries == 1 else 'replies'}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
