"""Scenes as training takes them: a few frames and the sound, without any video file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.synth.picture.frames import draw_frames
from emoreal_bench.synth.scenes import FRAME_RATE, Scene
from emoreal_bench.synth.voice.sound import synthesize_sound


@dataclass(frozen=True, slots=True)
class ClipSample:
    """What a model is given of a scene.

    Attributes:
        frames: ``(n, 336, 448, 3)`` unsigned bytes, RGB.
        timestamps: Time of each frame in seconds from the start.
        waveform: ``(samples,)`` 32-bit floats in -1..1, mono at 16 kHz.
    """

    frames: NDArray[np.uint8]
    timestamps: tuple[float, ...]
    waveform: NDArray[np.float32]


def sample_clip(scene: Scene, frames: int = 8) -> ClipSample:
    """Draw and sound a scene: what its file holds at these times, before compression.

    Args:
        scene: What to draw and sound.
        frames: Number of frames, evenly spaced from the first to the last one and
            rounded down to frames of the file, as the paper samples.

    Raises:
        MissingExtraError: If Pillow is not installed.
    """
    numbers = np.linspace(0, scene.frames - 1, frames).astype(int)
    times = tuple(float(number) / FRAME_RATE for number in numbers)
    return ClipSample(draw_frames(scene, times), times, synthesize_sound(scene))
