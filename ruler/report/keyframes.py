"""Key frames: a frame and an event in, a JPEG out with boxes round what made the rules fire."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ruler.deduction.rationale import clock, finding
from ruler.errors import RunFolderError
from ruler.report.wording import plain
from ruler.schema import Box, Event, Evidence, Frame

MAX_WIDTH = 960
"""Pictures are shrunk to this many pixels across; never enlarged."""
_MARK = (255, 106, 43)
_INK = (255, 255, 255)
_LABEL = 44


def draw_keyframe(frame: Frame, event: Event, path: Path) -> None:
    """Write a frame as JPEG with the boxes of the event's evidence and a short label at each.

    Args:
        frame: the picture; boxes are in its pixels.
        event: whose evidence is drawn; evidence without a box is named at the lower edge.
        path: the file to write; its folder is made where it is missing.

    Raises:
        RunFolderError: the file cannot be written.
    """
    picture = Image.fromarray(frame.image)
    scale = min(1.0, MAX_WIDTH / picture.width)
    if scale < 1:
        picture = picture.resize((MAX_WIDTH, max(1, round(picture.height * scale))), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    size = max(11, round(min(picture.width, 900) / 46))
    font = ImageFont.load_default(size)
    for box, names in _boxes(event, frame.index).items():
        _box(draw, picture.size, Box(*(v * scale for v in box)), ", ".join(names), font, size)
    loose = [_name(evidence) for evidence in event.evidence if evidence.box is None]
    _strip(draw, picture.size, "   ".join([clock(frame.time), *loose]), font, size)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(part, "JPEG", quality=84, subsampling=0, optimize=True)
        part.replace(path)
    except OSError as error:
        raise RunFolderError(
            f"a key frame cannot be written ({error.strerror or error})",
            where=path,
            hint="check that the run's folder is writable",
        ) from error


def _boxes(event: Event, frame: int) -> dict[Box, list[str]]:
    """Boxes of this very frame with what is to be written at each: several rules may have fired at one object."""
    found: dict[Box, list[str]] = {}
    for evidence in event.evidence:
        if evidence.box is not None and evidence.frame in (None, frame):
            found.setdefault(evidence.box, []).append(_name(evidence))
    return found


def _name(evidence: Evidence) -> str:
    said = f"\u201c{evidence.quote}\u201d" if evidence.quote else finding(evidence)
    text = " ".join(plain(f"{evidence.rule} {said}").split())
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def _box(
    draw: ImageDraw.ImageDraw,
    frame: tuple[int, int],
    box: Box,
    label: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: int,
) -> None:
    width, height = frame
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(width - 1.0, box.x + box.w), min(height - 1.0, box.y + box.h)
    if right <= left or bottom <= top:
        return
    line = max(2, round(width / 400))
    draw.rectangle((left, top, right, bottom), outline=_MARK, width=line)
    text = draw.textlength(label, font=font)
    pad = size * 0.35
    x = min(left, max(0.0, width - text - 2 * pad))
    y = top - size - 2 * pad if top - size - 2 * pad >= 0 else min(bottom, height - size - 2 * pad)
    draw.rectangle((x, y, x + text + 2 * pad, y + size + 2 * pad), fill=_MARK)
    draw.text((x + pad, y + pad * 0.6), label, fill=(26, 12, 4), font=font)


def _strip(
    draw: ImageDraw.ImageDraw,
    frame: tuple[int, int],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: int,
) -> None:
    width, height = frame
    pad = size * 0.4
    room = width - 2 * pad
    while len(text) > 8 and draw.textlength(text, font=font) > room:
        text = text[:-2].rstrip("…") + "…"
    tall = size + 2 * pad
    draw.rectangle((0, height - tall, draw.textlength(text, font=font) + 2 * pad, height), fill=(18, 20, 24))
    draw.text((pad, height - tall + pad * 0.6), text, fill=_INK, font=font)
