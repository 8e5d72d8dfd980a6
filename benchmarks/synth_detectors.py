"""Small detectors of the synthetic benchmark's cues, trained on decoded clips.

One detector per cue, thing and background sound. They exist to prove that every
cue can be seen or heard in the files, by something far simpler than a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emoreal_bench.synth import Scene
from emoreal_bench.synth.cues import AudioCue, BackgroundSound, VisibleThing, VisualCue

VIDEO_NAMES = (*VisualCue, *VisibleThing)
AUDIO_NAMES = (*AudioCue, *BackgroundSound)
FRAMES, SIZE = 2, 112
_WINDOW, _HOP, _BANDS = 512, 256, 64
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded clips: ``(n, 2, 3, 112, 112)`` bytes and log-spectra ``(n, 1, 64, t)``."""

    pictures: Tensor
    spectra: Tensor


def decode(files: Sequence[Path]) -> Decoded:
    """Decode clips to what the detectors see and hear."""
    pairs = [_decode(file) for file in files]
    longest = 236  # windows of the longest clip, 3.75 s
    spectra = np.full((len(pairs), 1, _BANDS, longest), -6, np.float32)
    for place, (_, spectrum) in zip(spectra, pairs, strict=True):
        place[0, :, : spectrum.shape[1]] = spectrum[:, :longest]
    pictures = np.stack([picture for picture, _ in pairs])
    return Decoded(torch.from_numpy(pictures), torch.from_numpy(spectra))


def _decode(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    with av.open(str(file)) as container:
        frames = list(container.decode(video=0))
    with av.open(str(file)) as container:
        sound = np.concatenate([piece.to_ndarray()[0] for piece in container.decode(audio=0)])
    chosen = [frames[len(frames) * (2 * n + 1) // (2 * FRAMES)] for n in range(FRAMES)]
    small = [frame.reformat(SIZE, SIZE, "rgb24", interpolation="AREA") for frame in chosen]
    pictures = np.stack([frame.to_ndarray() for frame in small]).astype(np.uint8)
    return pictures.transpose(0, 3, 1, 2).copy(), _log_spectrum(sound)


def _log_spectrum(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the log-power in bands that widen upwards, ``(64, t)``."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(windows)).T ** 2
    wide = np.geomspace(1, len(power), _BANDS + 1)
    edges = np.maximum(wide.round().astype(int), np.arange(1, _BANDS + 2))
    total = np.cumsum(power, axis=0)
    bands = np.maximum(total[edges[1:] - 1] - total[edges[:-1] - 1], 0)
    logarithms: NDArray[np.float64] = np.log10(bands + 1e-6)
    return logarithms


def labels(scenes: Sequence[Scene], names: Sequence[str]) -> Tensor:
    """Say what is in each scene: ``(scenes, names)``, 1 where it is.

    A cue counts only if it is the person's, not the poster's or the radio's.
    """
    present = [
        {scene.face.cue, scene.voice.cue, scene.background, *scene.things} for scene in scenes
    ]
    return torch.tensor([[float(name in there) for name in names] for there in present])


def _convolutions(channels: int) -> nn.Sequential:
    widths = (channels, 16, 32, 48, 64)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        stride = 2 if before == channels else 1
        layers += [
            nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers)


class PictureDetectors(nn.Module):
    """Convolutions and one linear detector per name over all places; the mean of the frames."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _convolutions(3)
        self.head = nn.Linear(64 * 3 * 3, len(VIDEO_NAMES))

    def forward(self, pictures: Tensor) -> Tensor:
        """Give log-odds ``(n, names)`` of bytes ``(n, frames, 3, 112, 112)``."""
        frames = pictures.flatten(0, 1).float() / 64 - 2
        scores = self.head(self.body(frames).flatten(1))
        return torch.as_tensor(scores.unflatten(0, pictures.shape[:2]).mean(1))


class SoundDetectors(nn.Module):
    """Convolutions and one linear detector per name over pitches; the best moment counts."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _convolutions(1)
        self.head = nn.Linear(64 * (_BANDS // 32), len(AUDIO_NAMES))

    def forward(self, spectra: Tensor) -> Tensor:
        """Give log-odds ``(n, names)`` of log-spectra ``(n, 1, 64, t)``."""
        moments = self.head(self.body(spectra + 2).permute(0, 3, 1, 2).flatten(2))
        return torch.as_tensor(moments.logsumexp(1) - 3)


def train(model: nn.Module, given: Tensor, wanted: Tensor, epochs: int) -> None:
    """Fit detectors with binary cross-entropy, deterministically.

    Pictures are mirrored at random, as half of the rooms are.
    """
    rng = np.random.default_rng(0)
    steps = epochs * (len(given) // _BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    # A cue is absent from most clips; balanced accuracy counts both sides the same.
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(8.0))
    mirrors = isinstance(model, PictureDetectors)
    model.train()
    for _ in range(epochs):
        order = rng.permutation(len(given))
        for batch in order[: len(order) // _BATCH * _BATCH].reshape(-1, _BATCH):
            shown = given[batch]
            if mirrors and rng.integers(2):
                shown = shown.flip(-1)
            optimizer.zero_grad()
            loss(model(shown), wanted[batch]).backward()
            optimizer.step()
            schedule.step()


def detect(model: nn.Module, given: Tensor) -> Tensor:
    """Give the log-odds of every name in every clip."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch) for batch in torch.split(given, _BATCH)])
