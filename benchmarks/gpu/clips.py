"""The clips of the GPU measurement, drawn here or read from a file that was drawn elsewhere.

The file lets a machine do without the libraries that draw and speak:
``python -m benchmarks.gpu.clips FILE``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.synth import SynthSettings, make_items, make_scenes, sample_clip

CLIPS = 32
MOST_QUESTIONS = 5
_SAMPLE_RATE = 16_000
_LOUDEST = 32_767


def _settings(count: int) -> SynthSettings:
    return SynthSettings(items=count * MOST_QUESTIONS, seed=1)


def draw_clips(count: int) -> list[ClipMedia]:
    """Draw and sound clips: eight frames of 336 x 448 pixels and about three seconds each."""
    samples = [sample_clip(scene) for scene in make_scenes(_settings(count))]
    return [
        _make_clip(number, sample.frames, sample.timestamps, sample.waveform)
        for number, sample in enumerate(samples)
    ]


def save_clips(clips: Sequence[ClipMedia], path: Path) -> None:
    """Write clips into one file, their sound in 16 bits."""
    arrays: dict[str, np.ndarray] = {}
    for number, clip in enumerate(clips):
        assert clip.frames is not None
        assert clip.waveform is not None
        arrays[f"frames {number}"] = clip.frames
        arrays[f"times {number}"] = np.array(clip.timestamps)
        arrays[f"sound {number}"] = np.round(clip.waveform * _LOUDEST).astype(np.int16)
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_clips(path: Path) -> list[ClipMedia]:
    """Read the clips of a file."""
    with np.load(path, allow_pickle=False) as arrays:
        return [
            _make_clip(
                number,
                arrays[f"frames {number}"],
                tuple(arrays[f"times {number}"].tolist()),
                arrays[f"sound {number}"].astype(np.float32) / _LOUDEST,
            )
            for number in range(len(arrays.files) // 3)
        ]


def _make_clip(
    number: int, frames: np.ndarray, times: tuple[float, ...], sound: np.ndarray
) -> ClipMedia:
    seconds = len(sound) / _SAMPLE_RATE
    return ClipMedia(f"drawn {number}", None, frames, times, sound, _SAMPLE_RATE, seconds)


def make_requests(clips: Sequence[ClipMedia], per_clip: int, new_tokens: int) -> list[Request]:
    """Ask questions about clips, those of a clip one after the other."""
    items = list(make_items(_settings(len(clips))))
    return [
        _ask(item, clip, new_tokens)
        for number, clip in enumerate(clips)
        for item in items[number * MOST_QUESTIONS :][:per_clip]
    ]


def _ask(item: Item, clip: ClipMedia, new_tokens: int) -> Request:
    words = "\n".join((item.question, *item.choices))
    return Request(
        id=item.id,
        messages=(Message("user", (VideoPart("clip"), AudioPart("clip"), TextPart(words))),),
        settings=GenerationSettings(max_new_tokens=new_tokens),
        letters=tuple("ABCDEFG"[: len(item.choices)]),
        clips={"clip": clip},
    )


if __name__ == "__main__":
    save_clips(draw_clips(CLIPS), Path(sys.argv[1]))
