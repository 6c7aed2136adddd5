"""Prompts, configurations and published figures that ship with the package: a kind and a name in, the file out."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from ruler.errors import UsageError

Kind = Literal["prompts", "configs", "benchmarks"]

_PACKAGE = Path(__file__).resolve().parent


def asset(kind: Kind, name: str) -> str:
    """Text of a shipped file.

    Args:
        kind: which of the folders.
        name: path below the folder, with its suffix ("paper.yaml").

    Raises:
        UsageError: there is no such file; the message names those there are.
    """
    return asset_path(kind, name).read_text(encoding="utf-8")


def asset_path(kind: Kind, name: str) -> Path:
    """Where a shipped file lies.

    Raises:
        UsageError: there is no such file, or the name points out of the folder.
    """
    inside = PurePosixPath(name)
    path = _folder(kind) / inside
    if not name or inside.is_absolute() or ".." in inside.parts or "\\" in name or not path.is_file():
        there = ", ".join(asset_names(kind)) or "none"
        raise UsageError(f"no file of that name among the {kind}", where=name, hint=f"there are: {there}")
    return path


def asset_names(kind: Kind) -> list[str]:
    """Names of all shipped files of a kind, sorted; hidden files are no assets."""
    folder = _folder(kind)
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if not any(part.startswith(".") for part in path.parts))


def _folder(kind: Kind) -> Path:
    packaged = _PACKAGE / "_assets" / kind
    checkout = _PACKAGE.parent
    # site-packages/prompts could belong to a stranger, so the fallback is taken in a checkout only.
    if not packaged.is_dir() and (checkout / "pyproject.toml").is_file():
        return checkout / kind
    return packaged
