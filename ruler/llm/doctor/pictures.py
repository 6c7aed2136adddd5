"""Drawn pictures whose content is known: a seed in; coloured shapes on a plain ground, and the JPEG of them, out."""

from __future__ import annotations

import io
import math
import random
from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image as Pillow
from PIL import ImageDraw

from ruler.llm.base import Image

Colour = Literal["red", "orange", "yellow", "green", "blue", "purple"]
Kind = Literal["circle", "square", "triangle", "star"]
Half = Literal["left", "right"]

COLOURS: tuple[Colour, ...] = get_args(Colour)
KINDS: tuple[Kind, ...] = get_args(Kind)

RGB: dict[Colour, tuple[int, int, int]] = {
    "red": (212, 28, 32),
    "orange": (248, 142, 16),
    "yellow": (246, 222, 20),
    "green": (28, 148, 58),
    "blue": (32, 78, 214),
    "purple": (136, 44, 172),
}
"""Colour → red, green and blue, 0 to 255: far enough from one another for any name of them."""

SIZE = (512, 384)
"""Width and height of a picture, pixels."""

_CELLS = (4, 3)
_FINER = 2
_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape of a picture.

    Attributes:
        colour: of its whole area.
        kind: what it is.
        x: of its middle, as a part of the picture's width.
        y: of its middle, as a part of the picture's height.
        radius: of the circle around it, as a part of the picture's height.
    """

    colour: Colour
    kind: Kind
    x: float
    y: float
    radius: float

    @property
    def half(self) -> Half:
        """The half of the picture its middle is in."""
        return "left" if self.x < 0.5 else "right"

    def __str__(self) -> str:
        return f"{self.colour} {self.kind}"


def lone_shapes(number: int, seed: int) -> list[Shape]:
    """Shapes for pictures of one shape each, by turns in the left and the right half, no colour or kind twice.

    Args:
        number: of pictures, 1 to 4.
        seed: of the choice.
    """
    choice = random.Random(f"lone {seed}")
    colours, kinds = choice.sample(COLOURS, number), choice.sample(KINDS, number)
    first = choice.randrange(2)
    made = []
    for i, (colour, kind) in enumerate(zip(colours, kinds, strict=True)):
        x = choice.uniform(0.22, 0.3) if (i + first) % 2 else choice.uniform(0.7, 0.78)
        made.append(Shape(colour, kind, x, choice.uniform(0.4, 0.6), choice.uniform(0.22, 0.28)))
    return made


def scattered(number: int, choice: random.Random) -> list[Shape]:
    """Shapes that do not touch one another, of any colours and kinds.

    Args:
        number: of shapes, 0 to 12.
        choice: of colours, kinds and places.
    """
    wide, tall = _CELLS
    made = []
    for cell in choice.sample(range(wide * tall), number):
        x = (cell % wide + 0.5 + choice.uniform(-0.08, 0.08)) / wide
        y = (cell // wide + 0.5 + choice.uniform(-0.08, 0.08)) / tall
        made.append(Shape(choice.choice(COLOURS), choice.choice(KINDS), x, y, choice.uniform(0.105, 0.13)))
    return made


def draw(shapes: list[Shape], ground: int = 228, size: tuple[int, int] = SIZE) -> Image:
    """Draw shapes on a plain ground.

    Args:
        shapes: in the order they are drawn.
        ground: grey level, 0 to 255.
        size: width and height, pixels.

    Returns:
        A JPEG; the same for the same shapes wherever the same Pillow draws it.
    """
    width, height = size[0] * _FINER, size[1] * _FINER
    picture = Pillow.new("RGB", (width, height), (ground, ground, ground))
    pen = ImageDraw.Draw(picture)
    for shape in shapes:
        x, y, radius = shape.x * width, shape.y * height, shape.radius * height
        colour = RGB[shape.colour]
        if shape.kind == "circle":
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        else:
            pen.polygon(_corners(shape.kind, x, y, radius), fill=colour)
    # Drawn larger and made smaller: edges are smooth, as in a photograph.
    smooth = picture.resize(size, Pillow.Resampling.BOX)
    buffer = io.BytesIO()
    smooth.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return Image(buffer.getvalue())


def _corners(kind: Kind, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    if kind == "square":
        side = radius * 0.85
        return [(x - side, y - side), (x + side, y - side), (x + side, y + side), (x - side, y + side)]
    points = 3 if kind == "triangle" else 10
    made = []
    for i in range(points):
        # The inner corners of a five-pointed star lie at cos 72° / cos 36° of its radius.
        long = radius * (0.382 if points == 10 and i % 2 else 1.0)
        turn = 2 * math.pi * i / points
        made.append((x + long * math.sin(turn), y - long * math.cos(turn)))
    return made
