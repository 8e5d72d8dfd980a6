"""Requests and clips as the harness makes them, small enough for any model."""

from __future__ import annotations

import numpy as np

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)

QUESTION = "Is there a bright smile in the clip?\n(A) Yes\n(B) No"
FRAMES, SECONDS = 8, 1.5


def make_clip(
    seed: int = 0,
    frames: int | None = FRAMES,
    seconds: float | None = SECONDS,
    size: tuple[int, int] = (112, 112),
    sample_rate: int = 16_000,
) -> ClipMedia:
    """Make a clip of seeded noise, with 0.2 s from frame to frame.

    Args:
        seed: Another seed, another clip.
        frames: Number of frames; None for a clip without a picture.
        seconds: Length of the sound; None for a clip without sound.
        size: Height and width in pixels.
        sample_rate: Of the sound, in Hz.
    """
    generator = np.random.default_rng(seed)
    picture = sound = None
    if frames is not None:
        picture = generator.integers(0, 256, (frames, *size, 3), dtype=np.uint8)
    if seconds is not None:
        sound = generator.uniform(-0.5, 0.5, round(seconds * sample_rate)).astype(np.float32)
    return ClipMedia(
        key=f"clip {seed} {frames} {seconds} {size} {sample_rate}",
        path=None,
        frames=picture,
        timestamps=tuple(0.2 * index for index in range(frames or 0)),
        waveform=sound,
        sample_rate=sample_rate,
        duration=1.6,
    )


def make_request(
    identity: str = "item",
    clip: ClipMedia | None = None,
    question: str = QUESTION,
    letters: tuple[str, ...] = ("A", "B"),
    settings: GenerationSettings | None = None,
) -> Request:
    """Make a question about one clip: video, then audio, then words."""
    media = () if clip is None else (VideoPart("clip"), AudioPart("clip"))
    return Request(
        id=identity,
        messages=(Message("user", (*media, TextPart(question))),),
        settings=settings or GenerationSettings(max_new_tokens=8),
        letters=letters,
        clips={} if clip is None else {"clip": clip},
    )
