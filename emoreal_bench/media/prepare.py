"""Does one job of decoding: a clip made ready for a model, altered if the run asks for it."""

from __future__ import annotations

from dataclasses import replace

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.media.alter import alter
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits


def prepare_clip(job: DecodeJob, limits: DecodeLimits) -> ClipMedia:
    """Decode a clip and alter it.

    A swapped clip is decoded although nothing of it is used, so that a swapped
    run misses the same items as the run it is compared with.

    Raises:
        MediaError: If the clip or its partner cannot be decoded within the limits.
    """
    media = decode_clip(job.clip, job.wanted, key=job.key, limits=limits)
    partner = None
    if job.partner is not None:
        partner = decode_clip(job.partner, job.wanted, key=job.key, limits=limits)
    altered = alter(media, job.wanted.alteration, job.wanted.alteration_seed, partner)
    # Both were decoded under one key; what is given of a swap is the partner.
    return altered if partner is None else replace(altered, key=partner.key)
