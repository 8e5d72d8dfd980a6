"""What runs on the machines of a cluster: a copy of the model, and decoders of clips.

The methods take and give bytes and texts. Nothing here imports Ray, which turns
the two classes into actors where they are started.
"""

from __future__ import annotations

import logging
import os
import platform
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import Decoder
from emoreal_bench.executors.messages import (
    Bytes,
    ClipOutline,
    ClipProblem,
    DecodeAnswer,
    Refusal,
    pack,
    pack_results,
    unpack_clip,
    unpack_job,
    unpack_requests,
)
from emoreal_bench.identity import clip_hash, media_key, why_no_clip
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool
from emoreal_bench.media_cache.decoder import CachingDecoder
from emoreal_bench.media_cache.store import MediaCache, MediaCacheSettings
from emoreal_bench.model_adapters import create_adapter

_logger = logging.getLogger(__name__)

_NOTHING = np.empty(0, np.uint8)


class Opened(Record):
    """What a copy says once it is asked to load its model; one of the first two is there."""

    description: ModelDescription | None = None
    refusal: Refusal | None = None
    place: str = ""
    """Machine and process."""


class ModelCopy:
    """A model in a process of its own.

    Args:
        folder: Of the command; see :func:`_work_in`.
        model: ``provider/model``.
        arguments: Of the model, as texts.
        lora: Folder of a LoRA adapter on this machine, or None.
    """

    def __init__(self, folder: str, model: str, arguments: Mapping[str, str], lora: str | None):
        _work_in(folder)
        self._named = (model, arguments, None if lora is None else Path(lora))

    async def place(self) -> str:
        """Return the machine and the process: proof that the copy has found room."""
        return f"{platform.node()}, process {os.getpid()}"

    async def open(self) -> str:
        """Load the model, and return :class:`Opened` as JSON."""
        place = await self.place()
        try:
            self._adapter = create_adapter(*self._named)
            description = self._adapter.describe()
            await self._adapter.open()
        # Also what a library of a model raises: the driver tells it as it would its own.
        except (Exception, SystemExit) as error:
            _logger.exception("The model cannot be opened.")
            return Opened(refusal=_refuse(error), place=place).model_dump_json()
        return Opened(description=description, place=place).model_dump_json()

    async def ask(
        self, method: str, requests: bytes, names: Sequence[str], *clips: Bytes
    ) -> tuple[str | None, bytes]:
        """Ask the model.

        Args:
            method: ``generate`` or ``score_choices``.
            requests: Packed.
            names: Of the clips.
            clips: Packed, in the same order.

        Returns:
            A :class:`Refusal` as JSON or None, and the results up to then, packed.
        """
        media = {name: unpack_clip(clip) for name, clip in zip(names, clips, strict=True)}
        answers = getattr(self._adapter, method)(unpack_requests(requests, media))
        results = []
        try:
            async for result in answers:
                results.append(result)  # noqa: PERF401 - what came before an error is kept
        except (Exception, SystemExit) as error:
            _logger.exception("The adapter raised.")
            return _refuse(error).model_dump_json(), pack_results(results)
        return None, pack_results(results)

    async def close(self) -> None:
        """Free the model."""
        await self._adapter.close()


class ClipDecoder:
    """Decodes clips, one at a time, in a process that a clip may bring down.

    Args:
        folder: Of the command; see :func:`_work_in`.
        max_clip_seconds: Longest clip that is decoded.
        cache: Folder and size of the media cache on this machine, or None.
    """

    def __init__(self, folder: str, max_clip_seconds: float, cache: tuple[str, int] | None = None):
        _work_in(folder)
        pool = DecodePool(1, DecodeLimits.for_clips_of(max_clip_seconds))
        self._decoder: Decoder = pool
        if cache is not None:
            settings = MediaCacheSettings(Path(cache[0]), cache[1])
            kept = MediaCache(settings, _logger.warning)
            self._decoder = CachingDecoder(pool, kept, max_clip_seconds)

    async def decode(self, packed: Bytes, *shipped: Bytes) -> tuple[str, Bytes]:
        """Decode a clip that this machine reads by its path, or that is given whole.

        Args:
            packed: A :class:`DecodeJob`.
            shipped: The bytes of its files in the order of :func:`files_of`, or nothing.

        Returns:
            A :class:`DecodeAnswer` as JSON, and the clip, packed.
        """
        with tempfile.TemporaryDirectory(prefix="emoreal-clip-") as folder:
            job = unpack_job(packed)
            if shipped:
                job = _written(job, Path(folder), shipped)
            differs = _why_other(job)
            if differs is not None:
                return DecodeAnswer(refusal=differs).model_dump_json(), _NOTHING
            try:
                media = await self._decoder.decode(job.clip, job.wanted, job.key, job.partner)
            except MediaError as error:
                return DecodeAnswer(problem=ClipProblem.of(error)).model_dump_json(), _NOTHING
            except EmorealError as error:
                return DecodeAnswer(refusal=_refuse(error)).model_dump_json(), _NOTHING
        if shipped:
            media = replace(media, path=None)
        return DecodeAnswer(outline=ClipOutline.of(media)).model_dump_json(), pack(media)


def _work_in(folder: str) -> None:
    """Let relative paths mean what they mean to the command, where this machine has its folder."""
    with suppress(OSError):
        os.chdir(folder)


def files_of(job: DecodeJob) -> list[Path]:
    """Return the files that a job reads."""
    clips = [job.clip] if job.partner is None else [job.clip, job.partner]
    return [path for clip in clips for path in (clip.video, clip.audio) if path is not None]


def _written(job: DecodeJob, folder: Path, shipped: Sequence[Bytes]) -> DecodeJob:
    """Write the files of a job, and return the job that reads those."""
    contents = enumerate(shipped)

    def write(path: Path) -> Path:
        number, content = next(contents)
        # The name tells a decoder nothing but its ending, which some formats need.
        place = folder / f"{number}{path.suffix}"
        place.write_bytes(content.tobytes())
        return place

    def written(clip: Clip) -> Clip:
        audio = clip.audio
        return replace(clip, video=write(clip.video), audio=None if audio is None else write(audio))

    partner = None if job.partner is None else written(job.partner)
    return replace(job, clip=written(job.clip), partner=partner)


def _why_other(job: DecodeJob) -> Refusal | None:
    """Return why what this machine reads is not the clip that the run asks about, if it is not."""
    found = clip_hash(job.clip)
    partner = None if job.partner is None else clip_hash(job.partner)
    lacking = job.clip if found is None else job.partner
    if found is None or (job.partner is not None and partner is None):
        assert lacking is not None
        problem = f"the clip cannot be read on {platform.node()}: {why_no_clip(lacking)}"
    elif media_key(found, job.wanted, partner) != job.key:
        problem = f"the clip's bytes on {platform.node()} are not those that the run began with"
    else:
        return None
    return Refusal(
        problem=problem,
        where=str(job.clip.video),
        remedy="Every machine has to see the same files under the same paths; with --ship-clips "
        "they are sent instead.",
        is_ours=True,
    )


def _refuse(error: BaseException) -> Refusal:
    if isinstance(error, EmorealError):
        return Refusal(problem=error.problem, where=error.where, remedy=error.remedy, is_ours=True)
    told = "".join(traceback.format_exception(error))
    return Refusal(problem=f"{type(error).__name__}: {error}", traceback=told)
