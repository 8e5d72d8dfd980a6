"""What every builder does with the media parts of a request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.inputs import InputError

Prepared = TypeVar("Prepared")


def media_parts(request: Request) -> Iterator[VideoPart | AudioPart]:
    """Give the pictures and sounds of a request in their order."""
    for message in request.messages:
        for part in message.parts:
            if not isinstance(part, TextPart):
                yield part


def find_clip(part: VideoPart | AudioPart, request: Request) -> ClipMedia:
    """Give the clip of a media part.

    Raises:
        InputError: If the request does not bring it.
    """
    clip = request.clips.get(part.clip)
    if clip is None:
        raise InputError(f"the request names the clip '{part.clip}' and does not bring it")
    return clip


def why_absent(part: VideoPart | AudioPart, clip: ClipMedia) -> str | None:
    """Say which modality the clip does not have, or None if it has it."""
    if isinstance(part, VideoPart):
        return "video left out: the clip has no picture" if clip.frames is None else None
    return "audio left out: the clip has no sound" if clip.waveform is None else None


def prepare_once(
    prepared: dict[str, Prepared], clip: ClipMedia, prepare: Callable[[ClipMedia], Prepared]
) -> Prepared:
    """Give a clip's tensors, made by the first question that asks about it."""
    if clip.key not in prepared:
        prepared[clip.key] = prepare(clip)
    return prepared[clip.key]


def hash_tensor(tensor: torch.Tensor, besides: str = "") -> str:
    """SHA-256 of a tensor's values and shape, and of what else decides its meaning."""
    digest = hashlib.sha256(f"{tuple(tensor.shape)} {besides}".encode())
    digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
