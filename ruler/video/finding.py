"""Which videos a path holds and what each is called in a run. In: paths. Out: paths of videos, names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ruler.errors import VideoError

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
VIDEO_SUFFIXES = frozenset(
    {
        ".3gp", ".asf", ".avi", ".dav", ".flv", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".m2ts", ".m4v",
        ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".ts", ".vob",
        ".webm", ".wmv",
    }
)  # fmt: skip

_MAX_DEPTH = 8


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key that counts digits as numbers: 2.jpg before 10.jpg; the name itself decides between 02.jpg and 2.jpg."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", path.name.casefold())
    return tuple((0, int(digits), "") if digits else (1, 0, text) for digits, text in parts), path.name


def list_folder(path: Path) -> list[Path]:
    """What lies in a folder, hidden entries left out, in natural order.

    Raises:
        VideoError: the folder is missing, not a folder, or may not be read.
    """
    try:
        return sorted((entry for entry in path.iterdir() if not entry.name.startswith(".")), key=natural_key)
    except FileNotFoundError:
        raise VideoError("no such file or folder", where=path, hint="check the path") from None
    except NotADirectoryError:
        raise VideoError("not a folder", where=path, hint="give a folder here") from None
    except OSError as error:
        raise VideoError(
            f"the folder cannot be read ({error.strerror})", where=path, hint="check its permissions"
        ) from error


def find_videos(path: str | Path) -> list[Path]:
    """The videos a path holds, in natural order.

    A file is one video. A folder with pictures is one video. A folder of videos, or of folders, is a set, looked
    through downwards. Files that are neither picture nor video, hidden files, and folders that hold no video are left
    out.

    Raises:
        VideoError: nothing there, no video in it, or a folder in which pictures, videos and folders of videos are
            mixed.
    """
    path = Path(path)
    try:
        if path.is_file():
            return [path]
    except OSError as error:
        raise VideoError(f"it cannot be read ({error.strerror})", where=path, hint="check its permissions") from error
    found = _videos_below(path, _MAX_DEPTH)
    if not found:
        raise VideoError(
            "no video and no picture in this folder",
            where=path,
            hint="give a video file, a folder of pictures, or a folder of these",
        )
    return found


def _videos_below(folder: Path, depth: int) -> list[Path]:
    entries = list_folder(folder)
    folders = [entry for entry in entries if entry.is_dir() and not _leads_back(entry)]
    pictures = [entry for entry in entries if entry.suffix.lower() in PICTURE_SUFFIXES and entry not in folders]
    videos = [entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES and entry not in folders]
    nested = [video for entry in folders for video in _videos_below(entry, depth - 1)] if depth else []
    present = [kind[0] for kind in (pictures, videos, nested) if kind]
    if len(present) > 1:
        names = " and ".join(str(entry.relative_to(folder)) for entry in present)
        raise VideoError(
            f"pictures, videos and folders of videos are mixed here ({names})",
            where=folder,
            hint="a folder holds the pictures of one video, or videos, or folders: move one kind elsewhere",
        )
    return [folder] if pictures else videos or nested


def _leads_back(entry: Path) -> bool:
    """Whether a folder is a link to one it lies in."""
    return entry.is_symlink() and entry.resolve() in entry.parent.resolve().joinpath("_").parents


def video_name(path: str | Path) -> str:
    """The name of a video: its stem, or the whole name of a folder."""
    path = Path(path).absolute()
    return path.name if path.is_dir() else path.stem


def run_names(paths: Iterable[str | Path]) -> dict[Path, str]:
    """A name for each video that is its own within the run and can be a folder's name.

    The stem; where two are alike (on any file system: case does not count), the fewest parent folders that tell them
    apart are put in front with `__`; where parents cannot (x.mp4 and x.avi side by side), the whole file name is
    taken, and at last a number.
    """
    unique = list(dict.fromkeys(Path(path) for path in paths))
    parents = {
        path: [part for part in _normal(path).parent.parts if part != path.anchor and part.strip("/\\")]
        for path in unique
    }
    depth = dict.fromkeys(unique, 0)
    base = {path: video_name(path) for path in unique}

    def name(path: Path) -> str:
        front = parents[path][len(parents[path]) - depth[path] :]
        return "__".join([*front, base[path]])

    while True:
        counted = Counter(name(path).casefold() for path in unique)
        clashing = [path for path in unique if counted[name(path).casefold()] > 1]
        if not clashing:
            return {path: name(path) for path in unique}
        groups: dict[str, list[Path]] = {}
        for path in clashing:
            groups.setdefault(name(path).casefold(), []).append(path)
        for group in groups.values():
            _tell_apart(group, parents, depth, base)


def _tell_apart(
    group: list[Path], parents: dict[Path, list[str]], depth: dict[Path, int], base: dict[Path, str]
) -> None:
    """One step towards different names: a parent more, else the whole file name, else a number."""
    deeper = [path for path in group if depth[path] < len(parents[path])]
    if deeper and len({tuple(part.casefold() for part in parents[path]) for path in group}) > 1:
        for path in deeper:
            depth[path] += 1
        return
    if len({path.name.casefold() for path in group}) == len(group) and any(base[path] != path.name for path in group):
        for path in group:
            base[path] = path.name
            depth[path] = 0
        return
    for number, path in enumerate(group[1:], start=2):
        base[path] = f"{base[path]}-{number}"


def _normal(path: Path) -> Path:
    """Absolute, without `..`: a parent part becomes a part of a folder's name."""
    return path.resolve() if ".." in path.parts else path.absolute()
