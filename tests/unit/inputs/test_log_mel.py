"""Sound becomes the log-mel spectrogram of the published feature extractor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import WhisperFeatureExtractor

from emoreal_bench.inputs.log_mel import SAMPLE_RATE, log_mel

LIMIT = 5  # seconds; the published extractor pads everything to it


@pytest.fixture(scope="module")
def extractor() -> WhisperFeatureExtractor:
    # The library leaves its constructor untyped.
    return WhisperFeatureExtractor(  # type: ignore[no-untyped-call]
        feature_size=128, chunk_length=LIMIT
    )


def make_sound(samples: int) -> NDArray[np.float32]:
    """Make noise that is loudest at its end, where padding could change the result."""
    noise = np.random.default_rng(samples).uniform(-1, 1, samples)
    return (noise * np.linspace(0.01, 1.0, samples)).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [161, 400, 8_000, 16_001, 24_159, 24_160, 79_500, 79_840, 79_999, 80_000, 90_001],
)
def test_values_and_length_are_those_of_the_published_extractor(
    samples: int, extractor: WhisperFeatureExtractor
) -> None:
    sound = make_sound(samples)
    expected = extractor(
        sound, sampling_rate=SAMPLE_RATE, return_attention_mask=True, return_tensors="pt"
    )
    length = int(expected["attention_mask"].sum())
    features = log_mel(sound, mel_bins=128, max_seconds=LIMIT)
    assert features.shape == (128, length)
    torch.testing.assert_close(
        features, expected["input_features"][0, :, :length], rtol=0, atol=1e-5
    )


def test_silence_stays_finite() -> None:
    features = log_mel(np.zeros(16_000, np.float32), mel_bins=128, max_seconds=LIMIT)
    assert features.shape == (128, 100)
    torch.testing.assert_close(features, torch.full_like(features, -1.5))
