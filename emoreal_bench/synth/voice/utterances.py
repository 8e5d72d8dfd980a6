"""The audible cues: what a person utters besides words, synthesized.

Every function takes the pitch of the speaker's calm voice in Hz and a random
generator for small variations, and gives 0.3 to 1 second of sound of peak 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.cues import AudioCue
from emoreal_bench.synth.voice.waves import chain, glide, hump, noise, seconds, to_peak, voiced

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

Utterance = Callable[["float", "np.random.Generator"], "Wave"]


def _laughter(pitch: float, rng: np.random.Generator) -> Wave:
    bursts = []
    for number in range(5):
        size = len(seconds(0.1))
        start = pitch * 1.9 * (1 - 0.06 * number) * rng.uniform(0.97, 1.03)
        tone = voiced(glide([start, start * 0.85], size), "a")
        bursts.append((tone + 0.5 * noise(size, 800, 5000, rng)) * hump(size, 0.25))
    return to_peak(chain(bursts, 0.07))


def _whistling(_pitch: float, rng: np.random.Generator) -> Wave:
    notes = []
    for semitones in (0, 4, 7, 12):
        t = seconds(0.17)
        frequency = 1150 * 2 ** (semitones / 12) * rng.uniform(0.99, 1.01)
        tone = np.sin(2 * np.pi * frequency * t + 0.8 * np.sin(2 * np.pi * 7 * t))
        notes.append((tone + 0.2 * noise(len(t), 3000, 7500, rng)) * hump(len(t), 0.2))
    return to_peak(chain(notes, 0.03))


def _sobbing(pitch: float, rng: np.random.Generator) -> Wave:
    sobs = []
    for _ in range(2):
        breath = noise(len(seconds(0.1)), 600, 4000, rng)
        t = seconds(0.26)
        top = pitch * 1.8 * rng.uniform(0.95, 1.05)
        shaking = glide([top, top * 1.1, top * 0.7], len(t)) * (
            1 + 0.06 * np.sin(2 * np.pi * 11 * t)
        )
        cry = voiced(shaking, "u", 1.0) * (0.65 + 0.35 * np.sin(2 * np.pi * 11 * t))
        sobs.append(
            np.concatenate([breath * hump(len(breath), 0.8) * 0.9, cry * hump(len(t), 0.2)])
        )
    return to_peak(chain(sobs, 0.08))


def _long_sigh(pitch: float, rng: np.random.Generator) -> Wave:
    size = len(seconds(0.9))
    breath = noise(size, 350, 1800, rng) * hump(size, 0.15)
    tone = voiced(glide([pitch * 1.0, pitch * 0.6], size), "o") * hump(size, 0.1)
    return to_peak(breath + 0.12 * tone)


def _calm_hum(pitch: float, rng: np.random.Generator) -> Wave:
    notes = []
    for factor, length in ((1.0, 0.22), (1.25, 0.34)):
        size = len(seconds(length))
        level = pitch * factor * rng.uniform(0.98, 1.02)
        notes.append(voiced(glide([level, level], size), "m", 1.8) * hump(size, 0.2))
    return to_peak(chain(notes, 0.05))


def _throat_clearing(pitch: float, rng: np.random.Generator) -> Wave:
    parts = []
    for length in (0.18, 0.34):
        t = seconds(length)
        rough = voiced(glide([pitch * 0.8, pitch * 0.6], len(t)), "e", 0.8)
        scrape = noise(len(t), 900, 4500, rng) * (0.6 + 0.4 * np.sign(np.sin(2 * np.pi * 45 * t)))
        parts.append((0.5 * rough + 0.9 * scrape) * hump(len(t), 0.12))
    return to_peak(chain(parts, 0.06))


def _shout(pitch: float, rng: np.random.Generator) -> Wave:
    size = len(seconds(0.65))
    top = pitch * 2.2 * rng.uniform(0.95, 1.05)
    tone = voiced(glide([top * 0.8, top, top * 0.95, top * 0.7], size), "a", 0.5)
    return to_peak(
        np.tanh(4 * tone * hump(size, 0.1)) + 0.15 * noise(size, 2000, 7000, rng) * hump(size)
    )


def _growl(pitch: float, rng: np.random.Generator) -> Wave:
    t = seconds(0.8)
    tone = voiced(glide([pitch * 0.55, pitch * 0.65, pitch * 0.5], len(t)), "u", 0.9)
    rattle = 0.55 + 0.45 * np.sin(2 * np.pi * 27 * t)
    return to_peak((tone + 0.25 * noise(len(t), 150, 700, rng)) * rattle * hump(len(t), 0.25))


def _gasp(_pitch: float, rng: np.random.Generator) -> Wave:
    size = len(seconds(0.38))
    swelling = np.linspace(0, 1, size) ** 2
    fading = np.minimum(1, np.linspace(9, 0, size))
    return to_peak(
        (noise(size, 1500, 7000, rng) + 0.3 * noise(size, 600, 1500, rng)) * swelling * fading
    )


def _rising_oh(pitch: float, rng: np.random.Generator) -> Wave:
    size = len(seconds(0.6))
    low = pitch * rng.uniform(0.98, 1.02)
    return to_peak(voiced(glide([low, low * 1.15, low * 2.4], size), "o", 1.0) * hump(size, 0.35))


def _retching(pitch: float, rng: np.random.Generator) -> Wave:
    heaves = []
    for length in (0.25, 0.42):
        t = seconds(length)
        tone = voiced(glide([pitch * 1.1, pitch * 0.7], len(t)), "e", 0.6)
        gargle = 0.5 + 0.5 * np.sin(2 * np.pi * 19 * t + rng.uniform(0, 6))
        heaves.append((tone + 0.6 * noise(len(t), 300, 2500, rng)) * gargle * hump(len(t), 0.3))
    return to_peak(chain(heaves, 0.1))


def _tongue_clicks(_pitch: float, rng: np.random.Generator) -> Wave:
    clicks = []
    for _ in range(3):
        t = seconds(0.06)
        ring = np.sin(2 * np.pi * rng.uniform(1500, 1900) * t) + 0.9 * noise(
            len(t), 2500, 7000, rng
        )
        clicks.append(ring * np.exp(-t * 90))
    return to_peak(chain(clicks, 0.19))


def _scream(_pitch: float, rng: np.random.Generator) -> Wave:
    t = seconds(0.75)
    top = 980 * rng.uniform(0.95, 1.05)
    contour = glide([top * 0.7, top, top * 1.05, top * 0.9], len(t)) * (
        1 + 0.03 * np.sin(2 * np.pi * 13 * t)
    )
    tone = voiced(contour, "i", 0.5) * (0.8 + 0.2 * np.sin(2 * np.pi * 60 * t))
    return to_peak(tone * hump(len(t), 0.1))


def _panting(_pitch: float, rng: np.random.Generator) -> Wave:
    breaths = []
    for number in range(6):
        size = len(seconds(0.1))
        low, high = (500, 2600) if number % 2 else (1100, 5000)
        breaths.append(noise(size, low, high, rng) * hump(size, 0.4))
    return to_peak(chain(breaths, 0.05))


UTTERANCES: Mapping[AudioCue, Utterance] = MappingProxyType(
    {
        AudioCue.LAUGHTER: _laughter,
        AudioCue.WHISTLING: _whistling,
        AudioCue.SOBBING: _sobbing,
        AudioCue.LONG_SIGH: _long_sigh,
        AudioCue.CALM_HUM: _calm_hum,
        AudioCue.THROAT_CLEARING: _throat_clearing,
        AudioCue.SHOUT: _shout,
        AudioCue.GROWL: _growl,
        AudioCue.GASP: _gasp,
        AudioCue.RISING_OH: _rising_oh,
        AudioCue.RETCHING: _retching,
        AudioCue.TONGUE_CLICKS: _tongue_clicks,
        AudioCue.SCREAM: _scream,
        AudioCue.PANTING: _panting,
    }
)

LEVELS: Mapping[AudioCue, float] = MappingProxyType(
    {
        AudioCue.SHOUT: 0.8,
        AudioCue.SCREAM: 0.75,
        AudioCue.LAUGHTER: 0.6,
        AudioCue.RISING_OH: 0.55,
        AudioCue.LONG_SIGH: 0.4,
        AudioCue.CALM_HUM: 0.4,
    }
)
"""Peak of the cues that are not of middle loudness."""
MIDDLE_LEVEL = 0.5
