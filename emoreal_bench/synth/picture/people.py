"""Drawn people: faces that convey an emotion, and the bodies that carry them.

Units are those of a clip 448 wide and 336 high; the origin is the middle of the
head. Brows, eyes, colour and shoulders convey the emotion itself; the cue that
questions ask about comes on top (:mod:`emoreal_bench.synth.picture.gestures`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from emoreal_bench.synth.cues import Emotion, VisualCue
from emoreal_bench.synth.picture.gestures import GESTURES, MOUTH_INSIDE, MOUTHS, WHITE
from emoreal_bench.synth.picture.looks import Cloth, Hair, Look
from emoreal_bench.synth.picture.pen import LINE, Colour, Pen, blend, curve, shade, wave
from emoreal_bench.synth.scenes import Expression

_HEAD = (68, 84)
_BOW = 26
"""How far a bowed head sinks, in units."""


@dataclass(frozen=True, slots=True)
class _Mood:
    """How an emotion shapes a face.

    Attributes:
        brow_lift: Of the brows, in units upwards.
        brow_tilt: How much lower the inner ends of the brows are than the outer.
        eye_open: Height of the eyes; 0 draws them closed by a smile.
        pupil: Size of the pupils.
        mouth_bend: How much the corners of the mouth are above its middle.
        mouth_slant: How much the right corner is above the left one.
        shoulders: How far the shoulders are raised.
        tint: Colour of the cheeks or, if ``pale``, of the whole face.
    """

    brow_lift: float = 0
    brow_tilt: float = 0
    eye_open: float = 1
    pupil: float = 1
    mouth_bend: float = 0
    mouth_slant: float = 0
    shoulders: float = 0
    tint: Colour | None = None
    pale: bool = False


_MOODS: Mapping[Emotion, _Mood] = MappingProxyType(
    {
        Emotion.HAPPINESS: _Mood(
            brow_lift=6, brow_tilt=-2, eye_open=0, mouth_bend=5, tint=(240, 130, 130)
        ),
        Emotion.SADNESS: _Mood(
            brow_lift=-2, brow_tilt=-14, eye_open=0.55, mouth_bend=-9, shoulders=-16
        ),
        Emotion.NEUTRAL: _Mood(eye_open=0.72),
        Emotion.ANGER: _Mood(
            brow_lift=-9,
            brow_tilt=16,
            eye_open=0.62,
            mouth_bend=-4,
            shoulders=8,
            tint=(214, 70, 60),
        ),
        Emotion.SURPRISE: _Mood(brow_lift=12, brow_tilt=2, eye_open=1.35, shoulders=4),
        Emotion.DISGUST: _Mood(
            brow_lift=-6, brow_tilt=5, eye_open=0.35, mouth_slant=10, tint=(128, 168, 84)
        ),
        Emotion.FEAR: _Mood(
            brow_lift=9,
            brow_tilt=-12,
            eye_open=1.3,
            pupil=0.5,
            mouth_bend=-3,
            shoulders=12,
            tint=(196, 208, 232),
            pale=True,
        ),
    }
)


def draw_person(
    pen: Pen, look: Look, expression: Expression[VisualCue], time: float, *, with_cue: bool = True
) -> None:
    """Draw a person at a time.

    Args:
        pen: Its origin is the middle of the head.
        look: The person's looks.
        expression: The emotion and the cue.
        time: In seconds from the start of the clip; movements depend on it alone.
        with_cue: False draws the emotion alone.
    """
    mood, cue = _MOODS[expression.emotion], expression.cue if with_cue else None
    bowed = cue is VisualCue.BOWED_HEAD
    _body(pen, look, mood)
    nod = 2.5 * wave(time, 0.5, look.phase)
    head = pen.moved(2 * wave(time, 0.35, look.phase), nod + (_BOW if bowed else 0))
    _skull(head, look, mood)
    face = head.moved(0, _BOW if bowed else 0)
    _cheeks(face, mood)
    blinks = (time + 2.5 * look.phase) % 2.5 < 0.12
    _eyes(face, mood, closed=blinks or bowed)
    _brows(face, look, mood)
    face.line([(0, 0), (-6, 21), (4, 23)], shade(look.skin, 0.66), 3.5)
    if cue is not None and cue in MOUTHS:
        MOUTHS[cue](face, time)
    else:
        _mouth(face, mood, time, look.phase)
    _fringe(head, look, bowed=bowed)
    if cue is not None and cue in GESTURES:
        GESTURES[cue](head, look, time)


def _body(pen: Pen, look: Look, mood: _Mood) -> None:
    top = 112 - mood.shoulders
    if look.hair is Hair.LONG:
        pen.ellipse((0, 30), (88, 108), look.hair_colour, 2)
    pen.rectangle((-24, 66), (48, 66), shade(look.skin, 0.85))
    pen.ellipse((0, top + 120), (128, 122), look.cloth_colour, 2.5)
    # Paler, not of another hue: video files keep fine differences of brightness only.
    pattern = blend(look.cloth_colour, WHITE, 0.5)
    if look.cloth is Cloth.STRIPES:
        for y in (44, 76):
            half = 100 + (y - 44) * 0.4
            pen.line(
                curve((-half + 8, top + y), (0, top + y - 8), (half - 8, top + y)),
                pattern,
                9,
            )
    elif look.cloth is Cloth.DOTS:
        for x, y in ((-80, 60), (-40, 40), (0, 62), (40, 40), (80, 60), (-60, 88), (60, 88)):
            pen.ellipse((x, top + y), (7, 7), pattern)
    pen.chord((0, top + 4), (34, 22), (0, 180), shade(look.skin, 0.85))


def _skull(pen: Pen, look: Look, mood: _Mood) -> None:
    skin = blend(look.skin, mood.tint, 0.45) if mood.tint and mood.pale else look.skin
    if look.hair is Hair.BUN:
        pen.ellipse((0, -96), (26, 22), look.hair_colour, 2)
    pen.ellipse((0, -18), (_HEAD[0] + 8, _HEAD[1] - 6), look.hair_colour, 2)
    for side in (-1, 1):
        pen.ellipse((side * _HEAD[0], 0), (11, 16), skin, 2.5)
    pen.ellipse((0, 0), _HEAD, skin, 2.5)


def _fringe(pen: Pen, look: Look, *, bowed: bool) -> None:
    # Of a bowed head one sees more of the crown.
    lower = 26 if bowed else 0
    width = _HEAD[0] + 5
    pen.chord((0, -30), (width, 64), (205 - lower, 335 + lower), look.hair_colour)


def _cheeks(pen: Pen, mood: _Mood) -> None:
    if mood.tint and not mood.pale:
        for side in (-1, 1):
            pen.ellipse((side * 43, 22), (17, 12), mood.tint)


def _eyes(pen: Pen, mood: _Mood, *, closed: bool) -> None:
    for side in (-1, 1):
        eye = pen.moved(side * 28, -12)
        if mood.eye_open == 0:
            eye.arc((0, 6), (15, 15), (195, 345), LINE, 5)
        elif closed:
            eye.arc((0, -4), (15, 10), (15, 165), LINE, 4)
        else:
            height = 15 * mood.eye_open
            eye.ellipse((0, 0), (16, height), WHITE, 2.5)
            radius = 8 * mood.pupil
            eye.ellipse((0, 0), (radius, min(radius, height - 1)), LINE)


def _brows(pen: Pen, look: Look, mood: _Mood) -> None:
    for side in (-1, 1):
        outer = (side * 46, -36 - mood.brow_lift - mood.brow_tilt / 2)
        inner = (side * 12, -36 - mood.brow_lift + mood.brow_tilt / 2)
        middle = (side * 29, -46 - mood.brow_lift)
        pen.line(curve(outer, middle, inner, 6), shade(look.hair_colour, 0.7), 7)


def _mouth(pen: Pen, mood: _Mood, time: float, phase: float) -> None:
    # The lips move at a rate of their own: moving with the voice, they would show
    # its emotion to a model that only sees the clip.
    opening = 4 + 4 * wave(time, 3.1, phase)
    bend, slant = mood.mouth_bend, mood.mouth_slant
    left, right = (-24, 46 - bend + slant / 2), (24, 46 - bend - slant / 2)
    pen.polygon(
        [*curve(left, (0, 46 + bend), right), *curve(right, (0, 46 + bend + 2 * opening), left)],
        MOUTH_INSIDE,
    )
    pen.line(curve(left, (0, 46 + bend), right), LINE, 4)
