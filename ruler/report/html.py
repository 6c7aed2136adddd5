"""The report: a finished run in, one HTML page out that needs nothing but itself.

Captions, rules and names come from models, videos and other people: all of it is escaped, and the page runs no script.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ruler._version import __version__
from ruler.deduction.rationale import clock, finding
from ruler.errors import RunFolderError
from ruler.report import wording
from ruler.report.curve import HEIGHT, WIDTH, Curve, curve
from ruler.report.model import RuleRow, RunView, VideoView
from ruler.schema import Event

EMBEDDED_BYTES = 12_000_000
"""Key frames are put into the page up to this size in all; further ones stay files beside it."""


@dataclass(frozen=True, slots=True)
class _Card:
    number: int
    anchor: str
    event: Event
    picture: str | None


@dataclass(frozen=True, slots=True)
class _Section:
    video: VideoView
    anchor: str
    curve: Curve | None
    cards: tuple[_Card, ...]
    peak: float | None
    peak_time: float

    @property
    def seconds(self) -> float:
        return self.video.frames / self.video.frame_rate if self.video.frame_rate > 0 else 0.0


def write_report(run: RunView, out: Path) -> Path:
    """Write the page of a finished run.

    Args:
        run: what to show.
        out: the file to write; key frames are looked for relative to its folder.

    Returns:
        `out`.

    Raises:
        RunFolderError: the file cannot be written.
    """
    page = render_report(run, out.parent)
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(page, encoding="utf-8")
        part.replace(out)
    except OSError as error:
        raise RunFolderError(
            f"the report cannot be written ({error.strerror or error})",
            where=out,
            hint="check that its folder exists and is writable",
        ) from error
    return out


def render_report(run: RunView, folder: Path) -> str:
    """The page as text; key frames are read from under `folder`."""
    pictures = _Pictures(folder)
    sections = tuple(_section(video, k, pictures) for k, video in enumerate(run.videos, start=1))
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            sections=sections,
            events=sum(len(video.events) for video in run.videos),
            seconds=sum(section.seconds for section in sections),
            rules=sorted(run.rules, key=lambda rule: (rule.kind != "anomaly", -rule.fired)),
            rule_of={rule.id: rule for rule in run.rules},
            any_auc=any(video.auc is not None for video in run.videos),
            any_truth=any(video.truth for video in run.videos),
            width=WIDTH,
            height=HEIGHT,
            version=__version__,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ruler.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_tidy,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        clock=clock,
        span=wording.span,
        score=wording.score,
        reading=wording.reading,
        finding=finding,
        false_alarms=wording.false_alarms,
    )
    return environment


def _tidy(value: object) -> object:
    return wording.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _section(video: VideoView, number: int, pictures: _Pictures) -> _Section:
    prefix = f"v{number}-e"
    cards = tuple(
        _Card(k, f"{prefix}{k}", event, pictures.source(video.key_frames.get(event.key_frame)))
        for k, event in enumerate(video.events, start=1)
    )
    peak, peak_time = None, 0.0
    if video.scores is not None and np.isfinite(video.scores.scores).any():
        top = int(np.nanargmax(video.scores.scores))
        peak, peak_time = float(video.scores.scores[top]), float(video.scores.times[top])
    return _Section(video, f"v{number}", curve(video, prefix), cards, peak, peak_time)


class _Pictures:
    """Key frames as the page refers to them: put into it while there is room, else by their path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._room = EMBEDDED_BYTES

    def source(self, relative: str | None) -> str | None:
        """What to write into `src`; None where there is no such picture below the page's folder."""
        if relative is None:
            return None
        inside = PurePosixPath(relative)
        if inside.is_absolute() or ".." in inside.parts or ":" in relative or "\\" in relative:
            return None
        path = self._folder / inside
        if not path.is_file():
            return None
        size = path.stat().st_size
        if size > self._room:
            return "/".join(quote(part) for part in inside.parts)
        self._room -= size
        return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


__all__ = ["EMBEDDED_BYTES", "RuleRow", "RunView", "VideoView", "render_report", "write_report"]
