"""The visual cues: mouths, gestures, tears and sweat, drawn onto a person.

Units and origin are those of :mod:`emoreal_bench.synth.picture.people`. The bowed head is
a cue as well, but a matter of where the head is drawn, so it is done there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from emoreal_bench.synth.cues import VisualCue
from emoreal_bench.synth.picture.looks import Look
from emoreal_bench.synth.picture.pen import LINE, Pen, Point, curve, shade, wave

WHITE = (250, 248, 242)
MOUTH_INSIDE = (112, 36, 42)
TONGUE = (226, 104, 120)
WATER = (84, 160, 228)
_MOUTH: Point = (0, 44)


def broad_smile(pen: Pen, time: float) -> None:
    """Draw an open crescent with the upper teeth."""
    open_by = 30 + 3 * wave(time, 2.5)
    top = curve((-40, 32), (0, 42), (40, 32))
    pen.polygon([*top, *curve((40, 32), (0, 32 + 2 * open_by), (-40, 32))], MOUTH_INSIDE, 2.5)
    pen.polygon([*curve((-34, 35), (0, 44), (34, 35)), *curve((28, 44), (0, 56), (-28, 44))], WHITE)


def clenched_teeth(pen: Pen, time: float) -> None:
    """Draw a wide bare row of teeth that trembles."""
    mouth = pen.moved(wave(time, 7), 0)
    mouth.rectangle((-36, 32), (72, 28), WHITE, 3.5)
    mouth.line([(-34, 46), (34, 46)], LINE, 2.5)
    for x in (-22, -8, 8, 22):
        mouth.line([(x, 34), (x, 58)], LINE, 2)


def round_mouth(pen: Pen, time: float) -> None:
    """Draw a wide open O."""
    pen.ellipse((0, 50), (20 + wave(time, 2), 25 + 2 * wave(time, 2)), MOUTH_INSIDE, 3)
    pen.ellipse((0, 64), (11, 8), TONGUE)


def tongue_out(pen: Pen, time: float) -> None:
    """Draw a tongue that hangs far out of an open mouth."""
    pen.polygon(
        [*curve((-32, 40), (0, 28), (32, 40)), *curve((32, 40), (0, 56), (-32, 40))],
        MOUTH_INSIDE,
        2.5,
    )
    tip = 74 + 3 * wave(time, 2.2)
    pen.polygon([(-17, 44), (17, 44), (17, tip), (-17, tip)], TONGUE)
    pen.ellipse((0, tip), (17, 13), TONGUE)
    pen.line([(0, 46), (0, tip)], shade(TONGUE, 0.75), 2.5)


def falling_tears(pen: Pen, _look: Look, time: float) -> None:
    """Draw wet streaks and large drops that run down both cheeks."""
    for side in (-1, 1):
        pen.line([(side * 28, 4), (side * 30, 52)], (168, 206, 236), 7)
        for start in (0.0, 0.5):
            fallen = (time * 0.9 + start + (0.25 if side > 0 else 0)) % 1
            pen.drop((side * 30, 6 + 56 * fallen), 15, WATER)


def sweat_beads(pen: Pen, _look: Look, time: float) -> None:
    """Draw beads on the forehead and temples."""
    for number, (x, y) in enumerate([(-44, -40), (-14, -58), (16, -56), (46, -38), (56, -8)]):
        pen.drop((x, y + 4 * wave(time, 0.8, number / 5)), 13, WATER)


def _hand(pen: Pen, look: Look, centre: Point, radii: Point = (23, 25)) -> None:
    pen.ellipse(centre, radii, look.skin, 2.5)


def _fingers(pen: Pen, look: Look, palm: Point, tips: Sequence[Point], width: float = 11) -> None:
    for tip in tips:
        pen.line([palm, tip], LINE, width + 4)
    for tip in tips:
        pen.line([palm, tip], look.skin, width)


def _arm(pen: Pen, look: Look, points: list[Point]) -> None:
    pen.line(points, shade(look.cloth_colour, 0.55), 39)
    pen.line(points, shade(look.cloth_colour, 0.92), 34)


def raised_arms(pen: Pen, look: Look, time: float) -> None:
    """Draw both arms thrown up beside the head, hands spread."""
    for side in (-1, 1):
        sway = 6 * wave(time, 1.6, 0.1 * side)
        hand = (side * 108 + sway, -78)
        _arm(pen, look, [(side * 92, 140), (side * 124, 60), (hand[0] + side * 2, -38)])
        tips = [
            (hand[0] + dx, hand[1] + dy) for dx, dy in ((-22, -20), (-8, -32), (8, -32), (22, -20))
        ]
        _fingers(pen, look, hand, tips)
        _hand(pen, look, hand, (20, 20))


def chin_on_hand(pen: Pen, look: Look, _time: float) -> None:
    """Draw one forearm upright below the chin, the head resting on its fist."""
    _arm(pen, look, [(60, 230), (10, 124)])
    _hand(pen, look, (2, 94), (34, 21))
    for x in (-14, 0, 14):
        pen.line([(x + 2, 80), (x + 2, 96)], shade(look.skin, 0.6), 2.5)


def folded_hands(pen: Pen, look: Look, _time: float) -> None:
    """Draw both forearms meeting low in front, fingers interlaced."""
    for side in (-1, 1):
        _arm(pen, look, [(side * 118, 196), (side * 34, 170)])
    _hand(pen, look, (-14, 164), (27, 20))
    _hand(pen, look, (14, 164), (27, 20))
    for x in (-12, 0, 12):
        pen.line([(x - 5, 150), (x + 5, 176)], shade(look.skin, 0.6), 3)


def clenched_fists(pen: Pen, look: Look, time: float) -> None:
    """Draw two shaking fists in front of the shoulders."""
    for side in (-1, 1):
        shake = 3 * wave(time, 6, 0.2 * side)
        _arm(pen, look, [(side * 112, 230), (side * 102, 130)])
        fist = pen.moved(side * 102, 104 + shake)
        fist.rectangle((-27, -26), (54, 50), look.skin, 3)
        for x in (-13, 0, 13):
            fist.line([(x, -24), (x, 2)], shade(look.skin, 0.5), 3)
        fist.line([(-24, 4), (20, 4)], shade(look.skin, 0.5), 3)


def covered_mouth(pen: Pen, look: Look, _time: float) -> None:
    """Draw a hand laid over the mouth."""
    _arm(pen, look, [(112, 220), (52, 84)])
    _fingers(pen, look, (30, 54), [(-34, 32), (-40, 45), (-36, 58), (-26, 68)], 13)
    _hand(pen, look, (26, 52), (25, 25))


def palm_out(pen: Pen, look: Look, time: float) -> None:
    """Draw an open hand that is held against whatever is in front."""
    push = 1 + 0.04 * wave(time, 1.2)
    _arm(pen, look, [(100, 220), (98, 130)])
    hand = pen.moved(98, 74).scaled(push)
    tips: list[Point] = [(-40, 4), (-27, -46), (-9, -56), (10, -54), (28, -44)]
    _fingers(hand, look, (0, 8), tips, 14)
    _hand(hand, look, (0, 12), (30, 30))
    hand.line(curve((-16, 4), (4, 14), (12, 32)), shade(look.skin, 0.65), 2.5)


def hands_on_cheeks(pen: Pen, look: Look, time: float) -> None:
    """Draw a hand flat against each cheek."""
    press = 2 * wave(time, 3)
    for side in (-1, 1):
        _arm(pen, look, [(side * 108, 220), (side * 78, 88)])
        tips = [(side * (58 + 9 * i) - side * press, -14 + 3 * i) for i in range(3)]
        _fingers(pen, look, (side * 70, 44), tips, 13)
        _hand(pen, look, (side * 68 - side * press, 46), (20, 30))


MOUTHS: Mapping[VisualCue, Callable[[Pen, float], None]] = MappingProxyType(
    {
        VisualCue.BROAD_SMILE: broad_smile,
        VisualCue.CLENCHED_TEETH: clenched_teeth,
        VisualCue.ROUND_MOUTH: round_mouth,
        VisualCue.TONGUE_OUT: tongue_out,
    }
)
"""The cues that replace the mouth."""

GESTURES: Mapping[VisualCue, Callable[[Pen, Look, float], None]] = MappingProxyType(
    {
        VisualCue.RAISED_ARMS: raised_arms,
        VisualCue.FALLING_TEARS: falling_tears,
        VisualCue.CHIN_ON_HAND: chin_on_hand,
        VisualCue.FOLDED_HANDS: folded_hands,
        VisualCue.CLENCHED_FISTS: clenched_fists,
        VisualCue.COVERED_MOUTH: covered_mouth,
        VisualCue.PALM_OUT: palm_out,
        VisualCue.HANDS_ON_CHEEKS: hands_on_cheeks,
        VisualCue.SWEAT_BEADS: sweat_beads,
    }
)
"""The cues that are drawn over the person."""
