"""The sound of a scene: a pure function of the scene.

The person speaks a sentence and utters the voice's cue, in either order. The
radio plays a cue that is not the person's: quieter, with the narrow band and the
hiss of a small loudspeaker. The surroundings sound all the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.picture.backgrounds import BACKGROUNDS
from emoreal_bench.synth.scenes import SAMPLE_RATE, Scene
from emoreal_bench.synth.voice.speech import SENTENCES, SPEAKERS, speak
from emoreal_bench.synth.voice.utterances import LEVELS, MIDDLE_LEVEL, UTTERANCES
from emoreal_bench.synth.voice.waves import band, hump, lay, noise, to_peak

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

_GAP = 0.06
_RADIO_LEVEL = 0.16
_RADIO_BAND = (750.0, 2100.0)


def synthesize_sound(scene: Scene) -> NDArray[np.float32]:
    """Synthesize the sound of a scene.

    Returns:
        ``(samples,)`` 32-bit floats in -1..1, mono at 16 kHz, as long as the frames.
    """
    rng = np.random.default_rng([scene.seed, 1])
    speaker = SPEAKERS[rng.integers(len(SPEAKERS))]
    sentence = SENTENCES[rng.integers(len(SENTENCES))]
    mix = BACKGROUNDS[scene.background](scene.duration, rng)
    speech = speak(scene.speech, speaker, sentence, scene.voice.emotion)
    cue = scene.voice.cue
    utterance = UTTERANCES[cue](speaker.pitch, rng) * LEVELS.get(cue, MIDDLE_LEVEL)
    utterance = utterance * scene.clarity
    first, second = (speech, utterance) if rng.integers(2) else (utterance, speech)
    lengths = len(first) / SAMPLE_RATE, len(second) / SAMPLE_RATE
    spare = max(0.0, scene.duration - sum(lengths) - 3 * _GAP)
    start = _GAP + spare * rng.uniform(0, 0.6)
    # In the shortest clips slow speech and cue overlap a little, so that neither is cut.
    later = min(start + lengths[0] + _GAP, scene.duration - lengths[1])
    lay(mix, first, start)
    lay(mix, second, later)
    lay(mix, play_radio(scene, rng), start if first is speech else later)
    return np.clip(mix, -1, 1).astype(np.float32)


def play_radio(scene: Scene, rng: np.random.Generator) -> Wave:
    """Play the radio's cue while the person speaks, so that it never covers the person's own."""
    pitch = SPEAKERS[rng.integers(len(SPEAKERS))].pitch
    played = UTTERANCES[scene.radio.cue](pitch, rng)
    hiss = noise(len(played), *_RADIO_BAND, rng) * hump(len(played), 0.05)
    return to_peak(to_peak(band(played, *_RADIO_BAND)) + 0.35 * hiss, _RADIO_LEVEL)
