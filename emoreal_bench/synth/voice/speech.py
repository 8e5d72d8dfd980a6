"""Spoken sentences with the pitch, rate and loudness of an emotion.

The sentences say nothing about feelings; only how they are spoken does. eSpeak
NG speaks them where it is installed; elsewhere a voice without words babbles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import MissingExtraError
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.settings import SpeechEngine

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

SENTENCES = (
    "The bus stops here.",
    "It is half past nine.",
    "They come on Monday.",
    "I put it on the shelf.",
    "We meet in the hall.",
    "The door is over there.",
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A voice, independent of every emotion.

    Attributes:
        variant: eSpeak NG's name of the voice.
        pitch: Median frequency of its calm speech, in Hz.
    """

    variant: str
    pitch: float


# Voices with breath in them are left out: eSpeak NG draws it from a random source that
# cannot be seeded.
SPEAKERS = (
    Speaker("en-us+m3", 100),
    Speaker("en-us+m7", 98),
    Speaker("en-us+f1", 175),
    Speaker("en-us+f4", 172),
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How an emotion speaks.

    Attributes:
        pitch: Factor on the speaker's calm pitch, 0.65..1.7.
        melody: How much the pitch moves, 0..100.
        rate: Words a minute.
        loudness: Root mean square of the voice.
        pressed: How far the voice is driven into a harsh sound; 0 is not at all.
        shaking: Rate of a trembling loudness in Hz; 0 for none.
    """

    pitch: float
    melody: int
    rate: int
    loudness: float
    pressed: float = 0.0
    shaking: float = 0.0


MANNERS: Mapping[Emotion, Manner] = MappingProxyType(
    {
        Emotion.HAPPINESS: Manner(pitch=1.3, melody=75, rate=185, loudness=0.12),
        Emotion.SADNESS: Manner(pitch=0.82, melody=12, rate=125, loudness=0.05),
        Emotion.NEUTRAL: Manner(pitch=1.0, melody=35, rate=160, loudness=0.08),
        Emotion.ANGER: Manner(pitch=1.12, melody=55, rate=195, loudness=0.2, pressed=4.0),
        Emotion.SURPRISE: Manner(pitch=1.5, melody=99, rate=165, loudness=0.14),
        Emotion.DISGUST: Manner(pitch=0.72, melody=25, rate=140, loudness=0.09, shaking=31.0),
        Emotion.FEAR: Manner(pitch=1.68, melody=45, rate=215, loudness=0.06, shaking=7.0),
    }
)


def available_engine(wanted: SpeechEngine | None) -> SpeechEngine:
    """Return who speaks.

    Args:
        wanted: None takes eSpeak NG where it is installed.

    Raises:
        MissingExtraError: If eSpeak NG is demanded and not installed.
    """
    if wanted is SpeechEngine.WORDLESS:
        return SpeechEngine.WORDLESS
    if find_spec("espeakng_loader") is not None:
        return SpeechEngine.ESPEAK
    if wanted is SpeechEngine.ESPEAK:
        raise MissingExtraError("Speech by eSpeak NG", "synth")
    return SpeechEngine.WORDLESS


def speak(engine: SpeechEngine, speaker: Speaker, sentence: str, emotion: Emotion) -> Wave:
    """Speak a sentence in the manner of an emotion.

    Returns:
        A mono wave at 16 kHz whose loudness is that of the manner.
    """
    from emoreal_bench.synth.voice.waves import root_mean_square

    manner = MANNERS[emotion]
    if engine is SpeechEngine.ESPEAK:
        from emoreal_bench.synth.voice.espeak import spoken

        wave = spoken(speaker, sentence, emotion)
    else:
        from emoreal_bench.synth.voice.babble import babbled

        wave = babbled(speaker, sentence, manner)
    wave = _coloured(wave, manner)
    return wave * (manner.loudness / max(root_mean_square(wave), 1e-9))


def _coloured(wave: Wave, manner: Manner) -> Wave:
    """Return a voice the harshness or trembling of an emotion."""
    from emoreal_bench.synth.scenes import SAMPLE_RATE
    from emoreal_bench.synth.voice.waves import to_peak

    if manner.pressed:
        wave = np.tanh(manner.pressed * to_peak(wave))
    if manner.shaking:
        t = np.arange(len(wave)) / SAMPLE_RATE
        wave = wave * (0.65 + 0.35 * np.sin(2 * np.pi * manner.shaking * t))
    return wave
