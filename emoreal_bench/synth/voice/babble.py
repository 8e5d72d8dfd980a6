"""A voice without words, for machines without eSpeak NG.

It sings a vowel for each syllable of the sentence, with a breath of noise in
front for the consonant, at the pitch, rate and melody of the emotion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.voice.speech import SENTENCES, Manner, Speaker
from emoreal_bench.synth.voice.waves import chain, glide, hump, noise, seconds, voiced

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

_SYLLABLES_PER_WORD = 1.8
"""Of the sentences, to turn words a minute into syllables."""


def babbled(speaker: Speaker, sentence: str, manner: Manner) -> Wave:
    """Babble one of :data:`~emoreal_bench.synth.voice.speech.SENTENCES` at 16 kHz."""
    rng = np.random.default_rng(SENTENCES.index(sentence))
    vowels = re.findall(r"[aeiou]+", sentence.lower())
    length = 60 / (manner.rate * _SYLLABLES_PER_WORD)
    swing = 0.004 * manner.melody
    syllables = []
    for number, letters in enumerate(vowels):
        # The melody falls over the sentence, with a random accent on each syllable.
        accent = 1 + swing * (0.5 - number / len(vowels) + rng.uniform(-0.5, 0.5))
        pitch = speaker.pitch * manner.pitch * accent
        size = len(seconds(length * rng.uniform(0.8, 1.0)))
        tone = voiced(
            glide([pitch, pitch * (1 + swing / 4), pitch * (1 - swing / 4)], size), letters[0]
        )
        breath = noise(len(seconds(0.03)), 1500, 6000, rng) * 0.5
        syllables.append(np.concatenate([breath, tone * hump(size, 0.15)]))
    return chain(syllables, 0.01)
