"""Clips decoded on the machines of a cluster; the driver sees their outlines only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from emoreal_bench.contracts.errors import DataError, RunError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.executors.cluster import Actor, ActorLostError, Cluster
from emoreal_bench.executors.messages import ClipOutline, DecodeAnswer, pack, read_as
from emoreal_bench.executors.remote import ClipDecoder, files_of
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media_cache.store import MediaCacheSettings

_LIVES = 3
"""How many processes a clip may bring down before the run ends."""


@dataclass(slots=True)
class ClipPlace:
    """Where a decoded clip lies.

    Attributes:
        job: What it was made by, and can be made again.
        content: Reference to its bytes.
    """

    job: DecodeJob
    content: Any


@dataclass(frozen=True, slots=True)
class RemoteMedia(ClipMedia):
    """A clip whose arrays lie elsewhere: here they have their shapes and no contents.

    Attributes:
        place: Where they lie.
        measured_level: Of the sound, measured where it lies.
    """

    place: ClipPlace | None = field(default=None, compare=False)
    measured_level: float | None = None

    def level(self) -> float | None:
        """Return what was measured."""
        return self.measured_level


class RayDecoder:
    """Decodes clips by processes all over the cluster, for one run after another.

    Args:
        cluster: Connected by the time that the first clip is decoded.
        workers: Processes on each machine.
        max_clip_seconds: Longest clip that is decoded.
        ship_clips: Send the files instead of letting the machines read their paths.
        media_cache: Where each machine keeps decoded clips; None for nowhere.

    Attributes:
        settings: ``workers`` and ``max_clip_seconds``.
    """

    def __init__(
        self,
        cluster: Cluster,
        workers: int,
        max_clip_seconds: float,
        *,
        ship_clips: bool,
        media_cache: MediaCacheSettings | None = None,
    ):
        self._cluster = cluster
        self.settings = (workers, max_clip_seconds)
        self._ship_clips = ship_clips
        # Calls carry plain data only.
        self._cache = media_cache and (str(media_cache.folder.absolute()), media_cache.most_bytes)
        self._actors: set[Actor] = set()
        self._idle: asyncio.Queue[Actor] = asyncio.Queue()

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Self]:
        """Start what processes there are not yet, and wait for one; entered by each run."""
        workers, _ = self.settings
        missing = workers * self._cluster.machines - len(self._actors)
        starting = {asyncio.create_task(_wait_for(self._start())) for _ in range(missing)}
        if starting:
            await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
        # A queue belongs to the event loop in which it is first waited for.
        self._idle = asyncio.Queue()
        for actor in self._actors:
            self._idle.put_nowait(actor)
        yield self

    def close(self) -> None:
        """End all processes."""
        while self._actors:
            self._actors.pop().kill()

    def _start(self) -> Actor:
        # Decoders ask for no CPU: a cluster full of copies would leave no room for them.
        actor = self._cluster.start(
            ClipDecoder,
            str(Path.cwd()),
            self.settings[1],
            self._cache,
            num_cpus=0,
            scheduling_strategy="SPREAD",
        )
        self._actors.add(actor)
        return actor

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        """Decode a clip somewhere.

        Raises:
            MediaError: If the clip cannot be decoded within its limits.
            DataError: If a machine sees another clip than the run began with, or none.
            RunError: If one process after the other is lost.
        """
        place = ClipPlace(DecodeJob(clip, wanted, key, partner), None)
        return _stand_in(await self.fill(place), place)

    async def fill(self, place: ClipPlace) -> ClipOutline:
        """Decode what a place says, also again; the errors are those of :meth:`decode`."""
        files = files_of(place.job) if self._ship_clips else []
        shipped = [self._cluster.put(np.fromfile(path, np.uint8)) for path in files]
        actor = await self._idle.get()
        try:
            # A new process in place of a lost one: those beside it may be lost too.
            for _ in range(_LIVES):
                try:
                    said, content = actor.begin("decode", pack(place.job), *shipped, returns=2)
                    answer = read_as(DecodeAnswer, await actor.result(said))
                    break
                except ActorLostError:
                    self._actors.discard(actor)
                    actor = self._start()
            else:
                raise _all_lost(place.job.clip)
        finally:
            self._idle.put_nowait(actor)
        if answer.problem is not None:
            raise answer.problem.as_error()
        if answer.refusal is not None:
            told = answer.refusal
            raise DataError(told.problem, where=told.where, remedy=told.remedy)
        assert answer.outline is not None, "one of the three is there"
        place.content = content
        return answer.outline


async def _wait_for(actor: Actor) -> None:
    with suppress(ActorLostError):  # Whoever hands it a clip replaces it.
        await actor.call("__ray_ready__")


def _all_lost(clip: Clip) -> RunError:
    return RunError(
        f"{_LIVES} processes that decode clips were lost one after the other.",
        where=str(clip.video),
        remedy="What is finished is kept. See the cluster's logs, and give the same command again.",
    )


def _stand_in(outline: ClipOutline, place: ClipPlace) -> RemoteMedia:
    nothing = np.zeros((), np.uint8), np.zeros((), np.float32)
    frames = None if outline.frames is None else np.broadcast_to(nothing[0], outline.frames)
    sound = None if outline.samples is None else np.broadcast_to(nothing[1], (outline.samples,))
    return RemoteMedia(
        key=place.job.key,
        path=None,
        frames=frames,
        timestamps=outline.timestamps,
        waveform=sound,
        sample_rate=outline.sample_rate,
        duration=outline.duration,
        notes=outline.notes,
        picture_start=outline.picture_start,
        place=place,
        measured_level=outline.level,
    )
