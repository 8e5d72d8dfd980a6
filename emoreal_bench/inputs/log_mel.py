"""Sound into the log-mel spectrogram that Whisper-like encoders hear."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.audio_utils import mel_filter_bank

SAMPLE_RATE = 16_000
HOP = 160
WINDOW = 400
# Silence after the sound that every window touching the sound can reach into.
_TAIL = 480


def log_mel(waveform: NDArray[np.float32], mel_bins: int, max_seconds: float) -> torch.Tensor:
    """Compute Whisper's log-mel spectrogram over the real length of a sound.

    Equal to padding to ``max_seconds`` with silence and cutting the result back
    to the sound, at a fraction of the cost: silence is quieter than the floor
    that the loudest frame sets, so only the windows that reach into the sound
    are computed (Radford et al. 2022, section 2.2).

    Args:
        waveform: ``(samples,)`` 32-bit floats at 16 kHz; cut after ``max_seconds``.
        mel_bins: Number of mel bands.
        max_seconds: Longest sound the model takes.

    Returns:
        ``(mel_bins, frames)`` 32-bit floats, one frame per started 10 ms.
    """
    limit = round(max_seconds * SAMPLE_RATE)
    sound = torch.from_numpy(waveform[:limit])
    frames = -(-len(sound) // HOP)
    padded_length = min(limit, (frames * HOP) + _TAIL)
    padded = torch.nn.functional.pad(sound, (0, padded_length - len(sound)))
    spectrum = torch.stft(
        padded, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True
    )
    power = (spectrum[:, :-1].abs() ** 2).contiguous()
    levels = (_mel_filters(mel_bins).T @ power).clamp(min=1e-10).log10()
    levels = torch.maximum(levels, levels.max() - 8.0)
    return ((levels + 4.0) / 4.0)[:, :frames]


@cache
def _mel_filters(mel_bins: int) -> torch.Tensor:
    """Triangular filters on the Slaney mel scale from 0 to 8 kHz, ``(frequencies, bins)``."""
    filters = mel_filter_bank(
        num_frequency_bins=1 + WINDOW // 2,
        num_mel_filters=mel_bins,
        min_frequency=0.0,
        max_frequency=SAMPLE_RATE / 2,
        sampling_rate=SAMPLE_RATE,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(filters).float()
