"""Requests as the harness makes them, small enough for unit tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)

MakeRequest = Callable[..., Request]
MakeClip = Callable[..., ClipMedia]


@pytest.fixture
def make_clip() -> MakeClip:
    """Make a clip of seeded noise: 8 frames and 1.5 seconds of sound unless told otherwise."""

    def make(
        seed: int = 0,
        frames: int | None = 8,
        seconds: float | None = 1.5,
        size: tuple[int, int] = (112, 112),
        sample_rate: int = 16_000,
    ) -> ClipMedia:
        generator = np.random.default_rng(seed)
        picture = sound = None
        if frames is not None:
            picture = generator.integers(0, 256, (frames, *size, 3), dtype=np.uint8)
        if seconds is not None:
            samples = round(seconds * sample_rate)
            sound = generator.uniform(-0.5, 0.5, samples).astype(np.float32)
        return ClipMedia(
            key=f"clip-{seed}-{frames}-{seconds}-{size}",
            path=None,
            frames=picture,
            timestamps=tuple(0.2 * index for index in range(frames or 0)),
            waveform=sound,
            sample_rate=sample_rate,
            duration=1.6,
        )

    return make


@pytest.fixture
def make_request() -> MakeRequest:
    """Make a question about one clip: video, then audio, then words."""

    def make(
        id: str = "item",  # noqa: A002 - the word of the contract
        clip: ClipMedia | None = None,
        question: str = "Is there a bright smile in the clip?\n(A) Yes\n(B) No",
        letters: tuple[str, ...] = ("A", "B"),
        **settings: object,
    ) -> Request:
        media = () if clip is None else (VideoPart("clip"), AudioPart("clip"))
        return Request(
            id=id,
            messages=(Message("user", (*media, TextPart(question))),),
            settings=GenerationSettings.model_validate({"max_new_tokens": 8, **settings}),
            letters=letters,
            clips={} if clip is None else {"clip": clip},
        )

    return make
