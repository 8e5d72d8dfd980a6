"""The room behind the person: a wall, a poster, a radio and a shelf with things.

Nothing here moves, so a clip's room is drawn once. Units are those of the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from emoreal_bench.synth.cues import VisibleThing, VisualCue
from emoreal_bench.synth.picture.looks import POSTER_LOOK, RoomLook
from emoreal_bench.synth.picture.pen import LINE, Pen, blank_image, curve, draw_on, shade
from emoreal_bench.synth.picture.people import draw_person
from emoreal_bench.synth.scenes import Expression

if TYPE_CHECKING:
    from PIL.Image import Image

_POSTER_CORNER, _POSTER_SIZE = (320, 10), (118, 126)
_POSTER_SCALE, _POSTER_HEAD = 0.43, (59, 58)
_PAPER = (226, 208, 172)
_SHELF = 322
_PLACES = (354, 414)
"""Middles of the two places on the shelf."""


def draw_room(
    look: RoomLook,
    poster: Expression[VisualCue],
    things: tuple[VisibleThing, VisibleThing],
    scale: int,
    size: tuple[int, int],
) -> Image:
    """Draw the room without the person, the poster and shelf to the right.

    Args:
        look: The room's looks.
        poster: What the person on the poster shows.
        things: What stands on the shelf, from the left.
        scale: Pixels per unit.
        size: Width and height in units.
    """
    width, height = size
    room = blank_image(width * scale, height * scale, look.wall)
    pen = Pen(draw_on(room), scale)
    if look.striped:
        for x in range(0, width, 56):
            pen.rectangle((x, 0), (26, height), shade(look.wall, 0.95))
    _radio(pen.moved(380, 190))
    left, top = _POSTER_CORNER
    pen.rectangle(
        (left - 5, top - 5), (_POSTER_SIZE[0] + 10, _POSTER_SIZE[1] + 10), (122, 92, 64), 2
    )
    room.paste(_poster(poster, scale), (left * scale, top * scale))
    pen.rectangle((318, _SHELF), (width - 318, height - _SHELF), (150, 112, 78), 2)
    for thing, middle in zip(things, _PLACES, strict=True):
        _THINGS[thing](pen.moved(middle, _SHELF))
    return room


def _poster(expression: Expression[VisualCue], scale: int) -> Image:
    width, height = _POSTER_SIZE
    paper = blank_image(width * scale, height * scale, _PAPER)
    pen = Pen(draw_on(paper), scale).moved(*_POSTER_HEAD).scaled(_POSTER_SCALE)
    draw_person(pen, POSTER_LOOK, expression, time=0.4)
    return paper


def _radio(pen: Pen) -> None:
    pen.line([(20, -20), (44, -44)], (120, 120, 124), 3)
    pen.rectangle((-40, -20), (80, 40), (112, 84, 70), 2.5)
    pen.ellipse((-18, 0), (14, 14), (70, 60, 56))
    pen.rectangle((4, -10), (28, 9), (226, 214, 170), 1)
    pen.ellipse((18, 9), (5, 5), (214, 200, 180))
    pen.rectangle((-52, 20), (104, 6), (150, 112, 78), 2)


def _balloon(pen: Pen) -> None:
    pen.line(curve((0, 0), (12, -20), (0, -40)), LINE, 2)
    pen.ellipse((0, -64), (24, 29), (214, 60, 62), 2.5)
    pen.ellipse((-8, -74), (5, 8), (240, 150, 146))


def _umbrella(pen: Pen) -> None:
    pen.line([(0, -70), (0, -6), (8, -2), (12, -10)], LINE, 4)
    pen.chord((0, -44), (29, 42), (180, 360), (58, 96, 178))
    for x in (-10, 10):
        pen.line([(x, -46), (0, -84)], (36, 62, 124), 2)


def _plant(pen: Pen) -> None:
    for x, y in ((-20, -58), (0, -78), (20, -58), (-11, -70), (11, -70)):
        pen.line(curve((0, -26), (x * 0.3, y + 8), (x, y)), (70, 132, 72), 9)
    pen.polygon([(-19, -30), (19, -30), (13, 0), (-13, 0)], (190, 104, 66), 2.5)


def _broken_vase(pen: Pen) -> None:
    jagged = [(-22, 0), (-26, -26), (-16, -40), (-10, -26), (-2, -44), (6, -24), (12, -34), (16, 0)]
    pen.polygon(jagged, (92, 150, 168), 2.5)
    pen.polygon([(18, -2), (28, -18), (29, -2)], (92, 150, 168), 2)
    pen.line([(-20, -14), (12, -14)], (226, 232, 226), 5)


def _gift_box(pen: Pen) -> None:
    pen.rectangle((-26, -46), (52, 46), (150, 84, 160), 2.5)
    pen.rectangle((-6, -46), (12, 46), (244, 206, 92))
    for side in (-1, 1):
        pen.ellipse((side * 11, -53), (11, 8), (244, 206, 92), 2)


def _fish_bones(pen: Pen) -> None:
    pen.ellipse((0, -12), (30, 12), (240, 240, 236), 2.5)
    pen.line([(-20, -20), (18, -20)], (96, 100, 96), 4)
    for x in (-10, -2, 6):
        pen.line([(x, -30), (x, -10)], (96, 100, 96), 3)
    pen.polygon([(-28, -30), (-18, -20), (-28, -10)], (96, 100, 96))
    pen.ellipse((20, -20), (8, 9), (140, 146, 140), 2)


def _candle(pen: Pen) -> None:
    pen.ellipse((0, -4), (24, 6), (176, 150, 92), 2)
    pen.rectangle((-9, -52), (18, 48), (246, 240, 222), 2.5)
    pen.ellipse((0, -68), (9, 16), (250, 190, 60))
    pen.ellipse((0, -63), (4, 8), (252, 236, 160))


_THINGS: Mapping[VisibleThing, Callable[[Pen], None]] = MappingProxyType(
    {
        VisibleThing.BALLOON: _balloon,
        VisibleThing.UMBRELLA: _umbrella,
        VisibleThing.PLANT: _plant,
        VisibleThing.BROKEN_VASE: _broken_vase,
        VisibleThing.GIFT_BOX: _gift_box,
        VisibleThing.FISH_BONES: _fish_bones,
        VisibleThing.CANDLE: _candle,
    }
)
