"""How people and rooms look: drawn by chance, independent of every emotion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emoreal_bench.synth.picture.pen import Colour


class Hair(StrEnum):
    """Shapes of hair."""

    SHORT = "short"
    LONG = "long"
    BUN = "bun"


class Cloth(StrEnum):
    """Patterns of a pullover."""

    PLAIN = "plain"
    STRIPES = "stripes"
    DOTS = "dots"


_SKINS: tuple[Colour, ...] = (
    (246, 213, 184),
    (236, 196, 160),
    (214, 166, 126),
    (184, 134, 98),
    (150, 106, 76),
)
_HAIRS: tuple[Colour, ...] = ((48, 38, 36), (92, 62, 44), (140, 100, 62), (186, 150, 96))
_CLOTHES: tuple[Colour, ...] = (
    (196, 120, 104),
    (222, 184, 104),
    (116, 150, 118),
    (104, 140, 178),
    (146, 120, 166),
    (150, 150, 156),
    (88, 108, 124),
)
_WALLS: tuple[Colour, ...] = (
    (226, 218, 202),
    (206, 218, 222),
    (216, 222, 204),
    (224, 208, 206),
    (208, 206, 220),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A person's looks.

    Attributes:
        phase: Where in their idle movements the person starts, 0..1.
    """

    skin: Colour
    hair_colour: Colour
    cloth_colour: Colour
    hair: Hair
    cloth: Cloth
    phase: float


@dataclass(frozen=True, slots=True)
class RoomLook:
    """A room's looks.

    Attributes:
        striped: Whether the wall has stripes.
        mirrored: Whether the person stands on the right.
        shift: Of the person's place, in units.
    """

    wall: Colour
    striped: bool
    mirrored: bool
    shift: float


def random_look(rng: np.random.Generator) -> Look:
    """Draw a person's looks."""
    return Look(
        skin=_SKINS[rng.integers(len(_SKINS))],
        hair_colour=_HAIRS[rng.integers(len(_HAIRS))],
        cloth_colour=_CLOTHES[rng.integers(len(_CLOTHES))],
        hair=tuple(Hair)[rng.integers(len(Hair))],
        cloth=tuple(Cloth)[rng.integers(len(Cloth))],
        phase=float(rng.random()),
    )


def random_room(rng: np.random.Generator) -> RoomLook:
    """Draw a room's looks."""
    return RoomLook(
        wall=_WALLS[rng.integers(len(_WALLS))],
        striped=bool(rng.integers(2)),
        mirrored=bool(rng.integers(2)),
        shift=float(rng.uniform(-8, 8)),
    )


POSTER_LOOK = Look(
    skin=(232, 214, 180),
    hair_colour=(120, 96, 70),
    cloth_colour=(176, 152, 116),
    hair=Hair.SHORT,
    cloth=Cloth.PLAIN,
    phase=0.3,
)
"""Of the person on the poster: brown tones of a print, to be told from the real one."""
