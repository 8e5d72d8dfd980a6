"""A thin layer over Pillow's drawing that thinks in a picture's own units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emoreal_bench.contracts.errors import MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

LINE = (58, 44, 40)
"""Of outlines: a warm near-black."""


def check_installed() -> None:
    """Look whether pictures can be drawn.

    Raises:
        MissingExtraError: If Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingExtraError("The synthetic benchmark", "synth") from error


def blank_image(width: int, height: int, colour: Colour) -> Image:
    """Make an image of one colour.

    Raises:
        MissingExtraError: If Pillow is not installed.
    """
    check_installed()
    from PIL import Image

    return Image.new("RGB", (width, height), colour)


def draw_on(image: Image) -> ImageDraw:
    """Return Pillow's drawing context of an image."""
    from PIL import ImageDraw

    return ImageDraw.Draw(image)


def mix(one: Image, other: Image, share: float) -> Image:
    """Lay one image over another; ``share`` is the opacity of the second, 0..1."""
    from PIL import Image

    return Image.blend(one, other, share)


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; ``share`` is that of the second, 0..1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """Darken a colour by a factor of 0..1."""
    return blend((0, 0, 0), colour, factor)


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in units that are moved and scaled onto the image.

    Attributes:
        canvas: Pillow's drawing context.
        scale: Pixels per unit.
        x: Place of the unit origin, in pixels.
        y: The same, downwards.
    """

    canvas: ImageDraw
    scale: float
    x: float = 0.0
    y: float = 0.0

    def moved(self, dx: float, dy: float) -> Pen:
        """Return a pen whose origin is moved by so many units."""
        return replace(self, x=self.x + dx * self.scale, y=self.y + dy * self.scale)

    def scaled(self, factor: float) -> Pen:
        """Return a pen whose units are so many times larger."""
        return replace(self, scale=self.scale * factor)

    def ellipse(self, centre: Point, radii: Point, fill: Colour | None, outline: float = 0) -> None:
        """Draw an ellipse; ``outline`` is the width of its line in units, 0 for none."""
        self.canvas.ellipse(
            self._box(centre, radii), fill, LINE if outline else None, self._width(outline)
        )

    def arc(self, centre: Point, radii: Point, angles: Point, colour: Colour, width: float) -> None:
        """Draw part of an ellipse's line; angles in degrees, clockwise from the right."""
        self.canvas.arc(self._box(centre, radii), *angles, colour, self._width(width))

    def chord(self, centre: Point, radii: Point, angles: Point, fill: Colour) -> None:
        """Fill the part of an ellipse that a straight line cuts off."""
        self.canvas.chord(self._box(centre, radii), *angles, fill)

    def rectangle(self, corner: Point, size: Point, fill: Colour, outline: float = 0) -> None:
        """Draw a rectangle from its upper left corner."""
        (left, top), (right, bottom) = self._pixels(
            [corner, (corner[0] + size[0], corner[1] + size[1])]
        )
        self.canvas.rectangle(
            (left, top, right, bottom), fill, LINE if outline else None, self._width(outline)
        )

    def polygon(self, points: Sequence[Point], fill: Colour, outline: float = 0) -> None:
        """Draw a closed shape."""
        pixels = self._pixels(points)
        self.canvas.polygon(pixels, fill)
        if outline:
            self.canvas.line([*pixels, pixels[0]], LINE, self._width(outline), "curve")

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line with round ends and joints."""
        pixels = self._pixels(points)
        thickness = self._width(width)
        self.canvas.line(pixels, colour, thickness, "curve")
        radius = thickness / 2 - 0.5
        for x, y in (pixels[0], pixels[-1]):
            self.canvas.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def drop(self, tip: Point, size: float, colour: Colour) -> None:
        """Draw a drop of water that hangs from its tip; ``size`` is its width."""
        x, y = tip
        self.polygon(
            [(x, y - size * 0.6), (x - size / 2, y + size), (x + size / 2, y + size)], colour
        )
        self.ellipse((x, y + size), (size / 2, size / 2), colour)

    def _width(self, units: float) -> int:
        return max(1, round(units * self.scale))

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [(self.x + x * self.scale, self.y + y * self.scale) for x, y in points]

    def _box(self, centre: Point, radii: Point) -> tuple[float, float, float, float]:
        (x, y), (rx, ry) = self._pixels([centre])[0], radii
        rx, ry = abs(rx) * self.scale, abs(ry) * self.scale
        return x - rx, y - ry, x + rx, y + ry


def curve(start: Point, middle: Point, end: Point, steps: int = 10) -> list[Point]:
    """Return points of a curve from start to end that bends towards ``middle``."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        points.append(
            (a * start[0] + b * middle[0] + c * end[0], a * start[1] + b * middle[1] + c * end[1])
        )
    return points


def wave(time: float, rate: float, phase: float = 0.0) -> float:
    """Return a swing of -1..1 at a time in seconds, ``rate`` times a second."""
    return math.sin(math.tau * (rate * time + phase))
