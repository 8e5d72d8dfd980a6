"""The clips of the family: drawn once, at the size at which the model sees them.

A set is a folder of shards, each written whole or not at all, so that a stopped
drawing goes on where it was. Nothing is compressed as video; the evaluation sees
decoded files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emoreal_bench.inputs.frames import FrameSettings, resize_frames
from emoreal_bench.inputs.log_mel import log_mel
from emoreal_bench.model_adapters.built_in.tiny_network import FRAME_SETTINGS
from emoreal_bench.model_adapters.local.qwen_omni.inputs import MAX_AUDIO_SECONDS, MEL_BINS
from emoreal_bench.synth import (
    AgreementWording,
    Scene,
    SpeechEngine,
    Split,
    SynthSettings,
    make_scenes,
    sample_clip,
)
from emoreal_bench.synth.scenes import QUESTIONS_PER_CLIP
from recipes.tiny_omni.optimisation import show
from recipes.tiny_omni.workers import make_pool

SHARD_CLIPS = 50
FRAMES = 8
_SHOW_EVERY = 10


@dataclass(frozen=True, slots=True)
class ClipSet:
    """A set of scenes to train or to choose on.

    Attributes:
        name: Of its folder.
        clips: How many.
        seed: Of its scenes.
        correlation: How strongly cues and things are bound to emotions.
        speech: Who speaks.
        faint: Share of clips whose person shows a faint cue.
        split: Only what is reported is of the test split.
    """

    name: str
    clips: int
    seed: int
    correlation: float
    speech: SpeechEngine
    faint: float = 0.0
    split: Split = Split.TRAIN

    @property
    def settings(self) -> SynthSettings:
        """Return the benchmark that would ask about these clips, agreement by name."""
        return SynthSettings(
            items=self.clips * QUESTIONS_PER_CLIP,
            seed=self.seed,
            split=self.split,
            correlation=self.correlation,
            speech=self.speech,
            agreement_wording=AgreementWording.NAMED,
            faint=self.faint,
        )

    def scenes(self) -> tuple[Scene, ...]:
        """Plan the set."""
        return make_scenes(self.settings)


@dataclass(frozen=True, slots=True)
class DrawnClip:
    """What the model is given of a scene.

    Attributes:
        pixels: ``(frames, height, width, 3)`` unsigned bytes at the model's size.
        log_mel: ``(mel bins, steps)`` half-precision floats.
        timestamps: Of the frames, in seconds.
    """

    pixels: NDArray[np.uint8]
    log_mel: NDArray[np.float16]
    timestamps: tuple[float, ...]


def draw_sets(sets: Sequence[ClipSet], folder: Path) -> None:
    """Draw what is missing of some sets, on two processes."""
    missing = [
        (path, scenes)
        for clip_set in sets
        for path, scenes in _shards(clip_set, folder)
        if not path.exists()
    ]
    if not missing:
        return
    for clip_set in sets:
        (folder / clip_set.name).mkdir(parents=True, exist_ok=True)
    draw = partial(_draw_shard, frame_settings=FRAME_SETTINGS)
    with make_pool() as pool:
        for number, _ in enumerate(pool.map(draw, *zip(*missing, strict=True)), start=1):
            if number % _SHOW_EVERY == 0:
                show(f"clips: {number * SHARD_CLIPS} of {len(missing) * SHARD_CLIPS} drawn")


def load_clips(clip_set: ClipSet, folder: Path) -> Iterator[DrawnClip]:
    """Return the clips of a drawn set in the order of its scenes."""
    for path, _ in _shards(clip_set, folder):
        with np.load(path) as shard:
            pixels, sounds = shard["pixels"], shard["log_mel"]
            ends, times = shard["steps"], shard["timestamps"]
        for number, steps in enumerate(ends):
            yield DrawnClip(
                pixels[number], sounds[number, :, :steps], tuple(map(float, times[number]))
            )


def _shards(clip_set: ClipSet, folder: Path) -> Iterator[tuple[Path, tuple[Scene, ...]]]:
    scenes = clip_set.scenes()
    for start in range(0, len(scenes), SHARD_CLIPS):
        path = folder / clip_set.name / f"{start // SHARD_CLIPS:04d}.npz"
        yield path, scenes[start : start + SHARD_CLIPS]


def _draw_shard(path: Path, scenes: Sequence[Scene], frame_settings: FrameSettings) -> None:
    drawn = [_draw(scene, frame_settings) for scene in scenes]
    steps = [clip.log_mel.shape[1] for clip in drawn]
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(
            file,
            pixels=np.stack([clip.pixels for clip in drawn]),
            log_mel=np.stack(
                [
                    np.pad(clip.log_mel, ((0, 0), (0, max(steps) - clip.log_mel.shape[1])))
                    for clip in drawn
                ]
            ),
            steps=np.array(steps),
            timestamps=np.array([clip.timestamps for clip in drawn]),
        )
    unfinished.replace(path)


def _draw(scene: Scene, frame_settings: FrameSettings) -> DrawnClip:
    sample = sample_clip(scene, FRAMES)
    pixels = resize_frames(sample.frames, frame_settings).permute(0, 2, 3, 1)
    sound = log_mel(sample.waveform, MEL_BINS, MAX_AUDIO_SECONDS)
    return DrawnClip(pixels.to(torch.uint8).numpy(), sound.half().numpy(), tuple(sample.timestamps))
