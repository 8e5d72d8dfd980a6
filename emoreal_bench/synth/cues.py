"""The vocabulary of the synthetic benchmark: what people show, and what means nothing.

Each emotion has two cues that can be seen and two that can be heard, the
typical one first. A clip shows one of each pair, so that a question about the
other one of the pair is a question about a cue that fits the emotion and is
not there. The values are the words that questions use.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Emotion(StrEnum):
    """The seven emotions, in the order of the emotion recognition data sets."""

    HAPPINESS = "happiness"
    SADNESS = "sadness"
    NEUTRAL = "neutral"
    ANGER = "anger"
    SURPRISE = "surprise"
    DISGUST = "disgust"
    FEAR = "fear"


class VisualCue(StrEnum):
    """What a person's face and body can show."""

    BROAD_SMILE = "broad smile"
    RAISED_ARMS = "raised arms"
    FALLING_TEARS = "falling tears"
    BOWED_HEAD = "bowed head"
    CHIN_ON_HAND = "chin resting on a hand"
    FOLDED_HANDS = "folded hands"
    CLENCHED_TEETH = "clenched teeth"
    CLENCHED_FISTS = "clenched fists"
    ROUND_MOUTH = "wide round mouth"
    COVERED_MOUTH = "hand over the mouth"
    TONGUE_OUT = "tongue sticking out"
    PALM_OUT = "palm held out"
    HANDS_ON_CHEEKS = "hands pressed to the cheeks"
    SWEAT_BEADS = "beads of sweat"


class AudioCue(StrEnum):
    """What a person can utter besides words."""

    LAUGHTER = "bursts of laughter"
    WHISTLING = "cheerful whistling"
    SOBBING = "sobbing"
    LONG_SIGH = "long sigh"
    CALM_HUM = "calm two-note hum"
    THROAT_CLEARING = "throat clearing"
    SHOUT = "loud shout"
    GROWL = "low growl"
    GASP = "sharp gasp"
    RISING_OH = "rising 'oh'"
    RETCHING = "retching"
    TONGUE_CLICKS = "clicks of the tongue"
    SCREAM = "shrill scream"
    PANTING = "fast panting"


class VisibleThing(StrEnum):
    """Things on the shelf; they say nothing about the person."""

    BALLOON = "red balloon"
    UMBRELLA = "blue umbrella"
    PLANT = "potted plant"
    BROKEN_VASE = "broken vase"
    GIFT_BOX = "wrapped gift box"
    FISH_BONES = "plate of fish bones"
    CANDLE = "burning candle"


class BackgroundSound(StrEnum):
    """Sounds of the surroundings; they say nothing about the person."""

    MUSIC_BOX = "music box"
    RAIN = "falling rain"
    FAN = "humming fan"
    DOOR = "slamming door"
    BELL = "ringing bell"
    FLY = "buzzing fly"
    CLOCK = "ticking clock"


VISUAL_CUES: Mapping[Emotion, tuple[VisualCue, VisualCue]] = MappingProxyType(
    {
        Emotion.HAPPINESS: (VisualCue.BROAD_SMILE, VisualCue.RAISED_ARMS),
        Emotion.SADNESS: (VisualCue.FALLING_TEARS, VisualCue.BOWED_HEAD),
        Emotion.NEUTRAL: (VisualCue.CHIN_ON_HAND, VisualCue.FOLDED_HANDS),
        Emotion.ANGER: (VisualCue.CLENCHED_TEETH, VisualCue.CLENCHED_FISTS),
        Emotion.SURPRISE: (VisualCue.ROUND_MOUTH, VisualCue.COVERED_MOUTH),
        Emotion.DISGUST: (VisualCue.TONGUE_OUT, VisualCue.PALM_OUT),
        Emotion.FEAR: (VisualCue.HANDS_ON_CHEEKS, VisualCue.SWEAT_BEADS),
    }
)
"""The typical visual cue of each emotion, and the other one."""

AUDIO_CUES: Mapping[Emotion, tuple[AudioCue, AudioCue]] = MappingProxyType(
    {
        Emotion.HAPPINESS: (AudioCue.LAUGHTER, AudioCue.WHISTLING),
        Emotion.SADNESS: (AudioCue.SOBBING, AudioCue.LONG_SIGH),
        Emotion.NEUTRAL: (AudioCue.CALM_HUM, AudioCue.THROAT_CLEARING),
        Emotion.ANGER: (AudioCue.SHOUT, AudioCue.GROWL),
        Emotion.SURPRISE: (AudioCue.GASP, AudioCue.RISING_OH),
        Emotion.DISGUST: (AudioCue.RETCHING, AudioCue.TONGUE_CLICKS),
        Emotion.FEAR: (AudioCue.SCREAM, AudioCue.PANTING),
    }
)
"""The typical audible cue of each emotion, and the other one."""

BOUND_THINGS: Mapping[Emotion, VisibleThing] = MappingProxyType(
    {
        Emotion.HAPPINESS: VisibleThing.BALLOON,
        Emotion.SADNESS: VisibleThing.UMBRELLA,
        Emotion.NEUTRAL: VisibleThing.PLANT,
        Emotion.ANGER: VisibleThing.BROKEN_VASE,
        Emotion.SURPRISE: VisibleThing.GIFT_BOX,
        Emotion.DISGUST: VisibleThing.FISH_BONES,
        Emotion.FEAR: VisibleThing.CANDLE,
    }
)
"""The thing that a correlation binds to each emotion of a face."""

BOUND_SOUNDS: Mapping[Emotion, BackgroundSound] = MappingProxyType(
    {
        Emotion.HAPPINESS: BackgroundSound.MUSIC_BOX,
        Emotion.SADNESS: BackgroundSound.RAIN,
        Emotion.NEUTRAL: BackgroundSound.FAN,
        Emotion.ANGER: BackgroundSound.DOOR,
        Emotion.SURPRISE: BackgroundSound.BELL,
        Emotion.DISGUST: BackgroundSound.FLY,
        Emotion.FEAR: BackgroundSound.CLOCK,
    }
)
"""The background sound that a correlation binds to each emotion of a voice."""
