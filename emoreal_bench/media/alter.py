"""Alters a decoded clip, to see what a score rests on."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.vocabulary import Alteration

_MID_GREY = 128


def alter(
    media: ClipMedia, alteration: Alteration, seed: int, partner: ClipMedia | None = None
) -> ClipMedia:
    """Return a clip with its picture, its sound or both replaced.

    What the clip does not have stays absent: a silent clip cannot be muted. The
    key stays, as it already names the alteration; the path goes, so that no
    adapter sends the unaltered file.

    Args:
        media: The clip as decoded. It is not changed.
        alteration: What to replace, and by what.
        seed: Of the noise. Clips with different keys get different noise.
        partner: The other clip, for a swap.

    Raises:
        ValueError: If a swap has no partner.
    """
    if alteration is Alteration.NONE:
        return media
    source = media
    if alteration is Alteration.SWAP:
        if partner is None:
            raise ValueError("a swap needs a partner")
        source = partner
    altered = replace(
        source, key=media.key, path=None, notes=(*source.notes, f"altered: {alteration}")
    )
    match alteration:
        case Alteration.MUTE if media.waveform is not None:
            return replace(altered, waveform=np.zeros_like(media.waveform))
        case Alteration.BLANK if media.frames is not None:
            return replace(altered, frames=np.full_like(media.frames, _MID_GREY))
        case Alteration.NOISE:
            return _add_noise(altered, seed)
    return altered


def _add_noise(media: ClipMedia, seed: int) -> ClipMedia:
    """Replace the picture by uniform noise and the sound by Gaussian noise of the same level."""
    random = np.random.default_rng([seed, zlib.crc32(media.key.encode())])
    frames, waveform = media.frames, media.waveform
    if frames is not None:
        frames = random.integers(0, 256, frames.shape, dtype=np.uint8)
    if waveform is not None:
        level = np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))
        noise = level * random.standard_normal(waveform.shape)
        waveform = np.clip(noise, -1.0, 1.0).astype(np.float32)
    return replace(media, frames=frames, waveform=waveform)
