"""The first stage: the towers learn to tell what is there, each on its own.

Each token of a tower answers for every cue whether it shows it, and a clip has a
cue if some token does. A form that the tokens themselves carry is one that the
language layers can look up later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs.frames import frames_to_patches
from emoreal_bench.model_adapters.built_in.tiny_network import FRAME_SETTINGS
from emoreal_bench.model_adapters.local.qwen_omni.inputs import audio_tokens
from emoreal_bench.synth import Scene
from emoreal_bench.synth.cues import AudioCue, BackgroundSound, VisibleThing, VisualCue
from recipes.tiny_omni.clips import DrawnClip
from recipes.tiny_omni.optimisation import Stage, train

_RARE = -6.0
"""Start of the biases: nearly all tokens show none of the cues."""

PERSON_CUES = len(VisualCue)
"""The first columns of a head: what the person shows; the poster's or radio's follow."""
CUES = 2 * PERSON_CUES + len(VisibleThing)
"""All columns of a head; both modalities have as many."""


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A drawn clip and how it was made."""

    scene: Scene
    drawn: DrawnClip


class Tower(Protocol):
    """One modality of the network with what it needs to be trained alone."""

    modality: Modality
    module: nn.Module

    def encode(self, clips: Sequence[DrawnClip]) -> list[Tensor]:
        """Return the tokens ``(tokens, width)`` of each clip."""

    def vary(self, clip: DrawnClip, rng: np.random.Generator, /) -> DrawnClip:
        """Return a part or variation of a clip that shows the same."""

    def labels(self, scene: Scene) -> list[bool]:
        """Say what is there: the person's cue, the poster's or radio's, the surroundings."""


class VisionTower:
    """What the network sees."""

    modality = Modality.VIDEO

    def __init__(self, network: Qwen2_5OmniThinkerForConditionalGeneration):
        self._network = network
        self.module: nn.Module = network.model.visual

    def encode(self, clips: Sequence[DrawnClip]) -> list[Tensor]:
        """See clips."""
        cut = [frames_to_patches(clip.pixels, FRAME_SETTINGS) for clip in clips]
        output = self._network.get_video_features(
            torch.cat([patches for patches, _ in cut]),
            torch.tensor([grid for _, grid in cut], dtype=torch.long),
        )
        return list(output.pooler_output)

    def vary(self, clip: DrawnClip, rng: np.random.Generator, /) -> DrawnClip:
        """Return frames of one patch in time, mirrored half of the time: all cues are in each."""
        span = FRAME_SETTINGS.temporal_patch
        start = span * int(rng.integers(len(clip.pixels) // span))
        pixels = clip.pixels[start : start + span]
        if rng.integers(2):
            pixels = np.ascontiguousarray(pixels[:, :, ::-1])
        return replace(clip, pixels=pixels)

    def labels(self, scene: Scene) -> list[bool]:
        """Say what can be seen."""
        return [
            *(scene.face.cue is cue for cue in VisualCue),
            *(scene.poster.cue is cue for cue in VisualCue),
            *(thing in scene.things for thing in VisibleThing),
        ]


class AudioTower:
    """What the network hears."""

    modality = Modality.AUDIO

    def __init__(self, network: Qwen2_5OmniThinkerForConditionalGeneration):
        self._network = network
        self.module: nn.Module = network.model.audio_tower

    def encode(self, clips: Sequence[DrawnClip]) -> list[Tensor]:
        """Hear clips."""
        steps = torch.tensor([clip.log_mel.shape[1] for clip in clips])
        padded = torch.zeros(len(clips), clips[0].log_mel.shape[0], int(steps.max()))
        for row, clip in enumerate(clips):
            padded[row, :, : steps[row]] = torch.from_numpy(clip.log_mel)
        mask = torch.arange(int(steps.max())) < steps[:, None]
        heard = self._network.get_audio_features(padded, feature_attention_mask=mask.long())
        return list(heard.last_hidden_state.split([audio_tokens(int(one)) for one in steps]))

    def vary(self, clip: DrawnClip, _rng: np.random.Generator, /) -> DrawnClip:
        """Return the sound as it is: it cannot be cut without losing a cue."""
        return clip

    def labels(self, scene: Scene) -> list[bool]:
        """Say what can be heard."""
        return [
            *(scene.voice.cue is cue for cue in AudioCue),
            *(scene.radio.cue is cue for cue in AudioCue),
            *(scene.background is sound for sound in BackgroundSound),
        ]


class CueHead(nn.Module):
    """Says of each clip which cues it has, by what its tokens say."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.linear = nn.Linear(width, CUES)
        nn.init.constant_(self.linear.bias, _RARE)

    def forward(self, clips: Sequence[Tensor]) -> Tensor:
        """Return ``(clips, cues)`` log-odds."""
        lengths = [len(tokens) for tokens in clips]
        said = self.linear(self.norm(torch.cat(list(clips))))
        return torch.stack([one.logsumexp(dim=0) for one in said.split(lengths)])


def train_tower(
    tower: Tower, clips: Sequence[LabelledClip], stage: Stage, width: int, folder: Path
) -> CueHead:
    """Train a tower to tell the cues of clips.

    Args:
        tower: Changed in place.
        clips: To learn from; may be empty if the stage is finished.
        stage: How long and how fast.
        width: Of the tower's tokens.
        folder: For the checkpoint.

    Returns:
        The head, whose rows say in which direction of the tokens each cue lies.
    """
    targets = torch.tensor([tower.labels(clip.scene) for clip in clips]).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stage.seed)
        head = CueHead(width)

    def loss(_step: int, rng: np.random.Generator) -> Tensor:
        chosen = rng.integers(len(clips), size=stage.batch)
        said = head(tower.encode([tower.vary(clips[index].drawn, rng) for index in chosen]))
        return binary_cross_entropy_with_logits(said, targets[chosen])

    train(stage, {"tower": tower.module, "head": head}, loss, folder)
    return head


@torch.no_grad()
def balanced_detection(
    tower: Tower, head: CueHead, clips: Sequence[LabelledClip]
) -> dict[str, float]:
    """Measure how well a tower tells cues: mean of hits and correct rejections, by group.

    Args:
        tower: With its head.
        head: Of :func:`train_tower`.
        clips: Not learned from.

    Returns:
        0..1 for ``person``, ``elsewhere`` (poster or radio) and ``surroundings``.
    """
    said = torch.cat(
        [
            head(tower.encode([clip.drawn for clip in clips[start : start + 50]])) > 0
            for start in range(0, len(clips), 50)
        ]
    )
    there = torch.tensor([tower.labels(clip.scene) for clip in clips])
    hits = (said & there).sum(0) / there.sum(0).clamp(min=1)
    rejections = (~said & ~there).sum(0) / (~there).sum(0).clamp(min=1)
    balanced = (hits + rejections) / 2
    groups = torch.split(balanced, [PERSON_CUES, PERSON_CUES, len(VisibleThing)])
    names = ("person", "elsewhere", "surroundings")
    return {name: float(group.mean()) for name, group in zip(names, groups, strict=True)}
