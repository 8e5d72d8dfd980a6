"""Clips as the frozen towers tell them: computed once, kept in memory and on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.inputs.frames import frames_to_patches
from emoreal_bench.model_adapters.built_in.tiny_network import FRAME_SETTINGS, make_tokenizer
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    AUDIO_END,
    AUDIO_MARK,
    AUDIO_START,
    TURN_START,
    VIDEO_MARK,
    VISION_END,
    VISION_START,
)
from recipes.tiny_omni.clips import ClipSet, DrawnClip, load_clips
from recipes.tiny_omni.towers import AudioTower, VisionTower

_BATCH = 50
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class EncodedClip:
    """The beginning of every prompt about a clip.

    Attributes:
        ids: ``(length,)`` tokens, from the start of the turn to the end of the sound.
        positions: ``(3, length)`` rotary positions in time, height and width.
        seen: ``(video tokens, width)`` half-precision floats.
        heard: ``(audio tokens, width)`` half-precision floats.
    """

    ids: Tensor
    positions: Tensor
    seen: Tensor
    heard: Tensor

    def with_sound_of(self, other: EncodedClip) -> EncodedClip:
        """Return a clip with this picture and the other's sound, which comes last in both."""
        own, others = len(self.heard) + 1, len(other.heard) + 1
        shift = self.positions[:, -own - 1] - other.positions[:, -others - 1]
        sound = other.positions[:, -others:] + shift[:, None]
        return EncodedClip(
            ids=torch.cat([self.ids[:-own], other.ids[-others:]]),
            positions=torch.cat([self.positions[:, :-own], sound], dim=1),
            seen=self.seen,
            heard=other.heard,
        )


class Encoder:
    """Encodes clips with the towers of a network."""

    def __init__(self, network: Qwen2_5OmniThinkerForConditionalGeneration):
        self._network = network
        self._vision, self._audio = VisionTower(network), AudioTower(network)
        self._tokenizer = make_tokenizer()

    def encode_set(self, clip_set: ClipSet, clips: Path, folder: Path) -> list[EncodedClip]:
        """Encode a drawn set, or read what an earlier call encoded.

        Args:
            clip_set: Drawn before.
            clips: Folder of the drawn sets.
            folder: Holds ``<name>-<hash of the towers>.pt`` afterwards, so that bases whose
                towers differ may share it.
        """
        path = folder / f"{clip_set.name}-{self._towers_hash()}.pt"
        if not path.exists():
            encoded = list(self.encode(load_clips(clip_set, clips)))
            rows = [(one.ids, one.positions, one.seen, one.heard) for one in encoded]
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            torch.save(rows, unfinished)
            unfinished.replace(path)
        return [EncodedClip(*row) for row in torch.load(path, weights_only=True)]

    def _towers_hash(self) -> str:
        hashed = hashlib.sha256()
        for tower in (self._vision, self._audio):
            for weight in tower.module.state_dict().values():
                hashed.update(weight.contiguous().numpy().tobytes())
        return hashed.hexdigest()[:_HASH_DIGITS]

    @torch.no_grad()
    def encode(self, clips: Iterable[DrawnClip]) -> Iterator[EncodedClip]:
        """Encode clips, some at a time."""
        remaining = iter(clips)
        while batch := list(islice(remaining, _BATCH)):
            both = zip(self._vision.encode(batch), self._audio.encode(batch), strict=True)
            for clip, (seen, heard) in zip(batch, both, strict=True):
                ids = self._begin(len(seen), len(heard))
                positions = self._positions(ids, clip)
                yield EncodedClip(ids, positions, seen.half(), heard.half())

    def _begin(self, video_tokens: int, audio_tokens: int) -> Tensor:
        text = (
            f"{TURN_START}user\n{VISION_START}{VIDEO_MARK * video_tokens}{VISION_END}"
            f"{AUDIO_START}{AUDIO_MARK * audio_tokens}{AUDIO_END}"
        )
        return torch.tensor(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _positions(self, ids: Tensor, clip: DrawnClip) -> Tensor:
        _, grid = frames_to_patches(clip.pixels, FRAME_SETTINGS)
        times = clip.timestamps
        step = FRAME_SETTINGS.temporal_patch * (times[-1] - times[0]) / (len(times) - 1)
        row = ids[None]
        positions, _ = self._network.get_rope_index(
            _integers(row.tolist()),
            video_grid_thw=_integers([grid]),
            attention_mask=torch.ones_like(row),
            audio_seqlens=_integers([clip.log_mel.shape[1]]),
            second_per_grids=torch.tensor([step]),
        )
        return positions[:, 0].float()


def _integers(values: Sequence[object]) -> torch.LongTensor:
    return torch.LongTensor(values)
