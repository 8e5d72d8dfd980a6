"""Building blocks of sounds: tones, noises, bands, envelopes. All at 16 kHz.

Levels are amplitudes in -1..1, times are seconds, frequencies hertz.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.scenes import SAMPLE_RATE

if TYPE_CHECKING:
    Wave = NDArray[np.float64]

VOWELS: dict[str, tuple[tuple[float, float], ...]] = {
    "a": ((760, 110), (1250, 140), (2550, 220)),
    "e": ((520, 90), (1850, 140), (2550, 220)),
    "i": ((290, 70), (2250, 160), (3000, 240)),
    "o": ((470, 90), (850, 110), (2450, 220)),
    "u": ((320, 80), (760, 100), (2300, 220)),
    "m": ((260, 60), (1000, 200), (2200, 260)),
}
"""Middle and width of the first three formants of each vowel, in Hz."""


def seconds(duration: float) -> Wave:
    """Return the times of the samples of a stretch."""
    return np.arange(round(duration * SAMPLE_RATE)) / SAMPLE_RATE


def glide(points: Sequence[float], samples: int) -> Wave:
    """Return a line through evenly spaced points, such as a pitch contour."""
    return np.interp(np.linspace(0, 1, samples), np.linspace(0, 1, len(points)), points)


def hump(samples: int, rise: float = 0.1) -> Wave:
    """Return an envelope that rises smoothly in a share of the stretch and falls in the rest."""
    place = np.linspace(0, 1, samples)
    up = np.sin(np.pi / 2 * np.clip(place / rise, 0, 1))
    down = np.cos(np.pi / 2 * np.clip((place - rise) / (1 - rise), 0, 1))
    envelope: Wave = up * down
    return envelope


def voiced(pitch: Wave, vowel: str, tilt: float = 1.2) -> Wave:
    """Sing a vowel: harmonics of a pitch contour, shaped by the formants.

    Args:
        pitch: Frequency of each sample.
        vowel: Key of :data:`VOWELS`.
        tilt: How fast higher harmonics fade; a pressed voice has a low one.

    Returns:
        A wave of peak 1.
    """
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    middle = float(np.mean(pitch))
    wave = np.zeros(len(pitch))
    for harmonic in range(1, max(2, min(40, int(6000 / max(pitch.max(), 1))))):
        gain = sum(
            1 / (1 + ((harmonic * middle - centre) / width) ** 2) for centre, width in VOWELS[vowel]
        )
        wave += (0.08 + gain) * harmonic**-tilt * np.sin(harmonic * phase)
    return to_peak(wave)


def noise(samples: int, low: float, high: float, rng: np.random.Generator) -> Wave:
    """Return noise between two frequencies, of root mean square 0.3."""
    wave = band(rng.standard_normal(samples), low, high)
    return wave * 0.3 / max(float(np.sqrt(np.mean(wave**2))), 1e-9)


def band(wave: Wave, low: float, high: float) -> Wave:
    """Keep what lies between two frequencies, with soft edges of a sixth of an octave or so."""
    spectrum = np.fft.rfft(wave)
    frequency = np.maximum(np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE), 1.0)
    gain = 1 / np.sqrt((1 + (low / frequency) ** 12) * (1 + (frequency / high) ** 12))
    return np.fft.irfft(spectrum * gain, len(wave))


def to_peak(wave: Wave, peak: float = 1.0) -> Wave:
    """Scale a wave to a peak."""
    return wave * (peak / max(float(np.abs(wave).max(initial=0.0)), 1e-9))


def root_mean_square(wave: Wave) -> float:
    """Return the loudness of the stretch in which a wave is not nearly silent."""
    heard = wave[np.abs(wave) > 0.02 * np.abs(wave).max(initial=0.0)]
    return float(np.sqrt(np.mean(heard**2))) if heard.size else 0.0


def chain(parts: Sequence[Wave], gap: float) -> Wave:
    """Play waves one after the other with silence between them."""
    silence = np.zeros(round(gap * SAMPLE_RATE))
    return np.concatenate([piece for part in parts for piece in (part, silence)][:-1])


def lay(ground: Wave, wave: Wave, start: float) -> None:
    """Add a wave to a longer one from a time on; what sticks out at the end is cut."""
    first = round(start * SAMPLE_RATE)
    length = min(len(wave), len(ground) - first)
    ground[first : first + length] += wave[:length]
