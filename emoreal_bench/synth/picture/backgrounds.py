"""Sounds of the surroundings, synthesized; they say nothing about the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.cues import BackgroundSound
from emoreal_bench.synth.voice.waves import band, lay, noise, seconds, to_peak

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

Background = Callable[["float", "np.random.Generator"], "Wave"]


def _struck(frequency: float, length: float, decay: float) -> Wave:
    t = seconds(length)
    tone = np.sin(2 * np.pi * frequency * t) + 0.3 * np.sin(2 * np.pi * frequency * 2.76 * t)
    struck: Wave = tone * np.exp(-t * decay)
    return struck


def _music_box(duration: float, rng: np.random.Generator) -> Wave:
    wave = np.zeros(len(seconds(duration)))
    for number in range(int(duration / 0.3)):
        note = 1046.5 * 2 ** (rng.choice([0, 2, 4, 7, 9, 12]) / 12)
        lay(wave, _struck(float(note), 0.6, 7), 0.3 * number)
    return to_peak(wave, 0.16)


def _rain(duration: float, rng: np.random.Generator) -> Wave:
    size = len(seconds(duration))
    drops = np.where(rng.random(size) < 0.004, rng.standard_normal(size), 0.0)
    return to_peak(noise(size, 1500, 7800, rng) * 0.12 + band(drops, 2500, 7800), 0.13)


def _fan(duration: float, rng: np.random.Generator) -> Wave:
    t = seconds(duration)
    hum = sum(np.sin(2 * np.pi * 110 * k * t) / k for k in (1, 2, 3))
    return to_peak(hum + 0.4 * noise(len(t), 80, 500, rng), 0.13)


def _door(duration: float, rng: np.random.Generator) -> Wave:
    wave = np.zeros(len(seconds(duration)))
    t = seconds(0.5)
    slam = np.sin(2 * np.pi * 65 * t) * np.exp(-t * 11) + 1.6 * noise(
        len(t), 60, 900, rng
    ) * np.exp(-t * 22)
    for start in (0.05, duration - 0.5):
        lay(wave, slam, start)
    return to_peak(wave, 0.5)


def _bell(duration: float, rng: np.random.Generator) -> Wave:
    wave = np.zeros(len(seconds(duration)))
    for start in np.arange(0.1, duration - 0.2, 0.085):
        lay(wave, _struck(2350 * rng.uniform(0.995, 1.005), 0.3, 14), float(start))
    return to_peak(wave, 0.12)


def _fly(duration: float, rng: np.random.Generator) -> Wave:
    t = seconds(duration)
    swing = 1 + 0.12 * np.sin(2 * np.pi * (0.9 * t + rng.random()))
    phase = 2 * np.pi * np.cumsum(210 * swing) / 16_000
    buzz = sum(np.sin(k * phase) / k**0.6 for k in range(1, 16))
    return to_peak(buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * t)), 0.14)


def _clock(duration: float, rng: np.random.Generator) -> Wave:
    wave = np.zeros(len(seconds(duration)))
    t = seconds(0.03)
    for number in range(int(duration / 0.25)):
        pitch = 3400 if number % 2 else 4300
        tick = (np.sin(2 * np.pi * pitch * t) + 0.3 * noise(len(t), 3000, 7000, rng)) * np.exp(
            -t * 180
        )
        lay(wave, tick, 0.25 * number + 0.05)
    return to_peak(wave, 0.3)


BACKGROUNDS: Mapping[BackgroundSound, Background] = MappingProxyType(
    {
        BackgroundSound.MUSIC_BOX: _music_box,
        BackgroundSound.RAIN: _rain,
        BackgroundSound.FAN: _fan,
        BackgroundSound.DOOR: _door,
        BackgroundSound.BELL: _bell,
        BackgroundSound.FLY: _fly,
        BackgroundSound.CLOCK: _clock,
    }
)
"""Each takes the length of the clip in seconds and a random generator."""
