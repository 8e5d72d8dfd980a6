"""A model whose copies live on the machines of a Ray cluster, behind the one contract."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import EmorealError, NotComparableError, RunError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.executors.cluster import (
    Actor,
    ActorLostError,
    Cluster,
    ContentLostError,
    check_installed,
)
from emoreal_bench.executors.decoder import ClipPlace, RayDecoder, RemoteMedia
from emoreal_bench.executors.messages import Refusal, pack_requests, read_as, unpack_results
from emoreal_bench.executors.remote import ModelCopy, Opened
from emoreal_bench.executors.settings import RayOptions
from emoreal_bench.media_cache.store import MediaCacheSettings
from emoreal_bench.running.observer import RunObserver

_logger = logging.getLogger(__name__)

_LIVES = 3
"""How many copies the questions of one batch may bring down before they fail, and how often each
copy may be lost while it loads the model, with no answer of any in between, before the run ends."""


class CopyError(Exception):
    """The adapter of a copy raised what it must not; the runner records it."""


@dataclass(frozen=True, slots=True)
class ModelNamed:
    """How a model is named, so that a copy can make it.

    Attributes:
        model: ``provider/model``.
        arguments: Of the model, as texts.
        lora: Folder of a LoRA adapter, or None.
    """

    model: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    lora: str | None = None


@dataclass(slots=True)
class _Copy:
    """One copy; its actor changes when it is replaced."""

    number: int
    actor: Actor
    replacing: asyncio.Lock = field(default_factory=asyncio.Lock)


class RayAdapter(ModelAdapter):
    """Hands each batch to a copy that has nothing to do, and replaces copies that are lost.

    Args:
        model: The model as this process would load it; it is only described here.
        named: How the copies make it.
        options: How many there are, and what each needs.
        media_cache: Where each machine keeps decoded clips; None for nowhere.
        observer: Hears of copies that are lost; may be changed from run to run.
    """

    serves_several_runs = True

    def __init__(
        self,
        model: ModelAdapter,
        named: ModelNamed,
        options: RayOptions,
        media_cache: MediaCacheSettings | None = None,
        observer: RunObserver | None = None,
    ):
        check_installed()  # Before anything is written for the run.
        self._model = model
        self._named = named
        self._options = options
        self._media_cache = media_cache
        self._cluster = Cluster(options)
        self._decoder: RayDecoder | None = None
        self.observer = observer or RunObserver()
        self._copies: list[_Copy] = []
        self._restarts = 0
        self._lost_loading = 0  # Since the last answer of any copy.
        self._idle: asyncio.Queue[_Copy] = asyncio.Queue()

    def describe(self) -> ModelDescription:
        """Return who the model is; where and how often it runs is no part of that."""
        description = self._model.describe()
        concurrency = description.capabilities.concurrency * self._options.copies
        capabilities = description.capabilities.model_copy(update={"concurrency": concurrency})
        return description.model_copy(update={"capabilities": capabilities})

    def check_clips(self, clips: Collection[str], wanted: MediaWanted) -> None:
        """Look the clips over as the model does."""
        self._model.check_clips(clips, wanted)

    def render(self, request: Request) -> str:
        """Return the prompt as the model does."""
        return self._model.render(request)

    def clip_decoder(
        self, workers: int, max_clip_seconds: float
    ) -> AbstractAsyncContextManager[RayDecoder]:
        """Return what decodes clips on the machines of the cluster, until the model is closed."""
        settings = (workers, max_clip_seconds)
        if self._decoder is None or self._decoder.settings != settings:
            self._end_decoder()
            self._decoder = RayDecoder(
                self._cluster,
                *settings,
                ship_clips=self._options.ship_clips,
                media_cache=self._media_cache,
            )
        return self._decoder.ready()

    async def open(self) -> None:
        """Connect, and load all copies at once, unless an earlier run has left them open.

        Raises:
            RunError: If the cluster does not answer, has no room, or a copy cannot
                load the model.
            NotComparableError: If a copy is another model than this process would load.
        """
        self._cluster.connect()
        # A queue and a lock belong to the event loop in which they are first waited for.
        self._idle = asyncio.Queue()
        if self._copies:
            self._copies = [_Copy(copy.number, copy.actor) for copy in self._copies]
        else:
            try:
                await self._load_all()
            except BaseException:
                await self.close()
                raise
        self.observer.on_copies(len(self._copies), self._restarts)
        for _ in range(self._model.describe().capabilities.concurrency):
            for copy in self._copies:
                self._idle.put_nowait(copy)

    async def _load_all(self) -> None:
        try:
            actors = [self._start() for _ in range(self._options.copies)]
            self._copies = [_Copy(number, actor) for number, actor in enumerate(actors, 1)]
            async with asyncio.TaskGroup() as loading:
                for copy in self._copies:
                    loading.create_task(self._load(copy))
        except* EmorealError as errors:
            raise _first(errors) from None

    async def close(self) -> None:
        """End all copies and decoders, and the cluster if it was started for them."""
        self._end_decoder()
        copies, self._copies = self._copies, []
        await asyncio.gather(*(copy.actor.close() for copy in copies), return_exceptions=True)
        self._cluster.close()

    def _end_decoder(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
            self._decoder = None

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Write replies on a copy that is idle."""
        async for result in self._ask("generate", requests):
            yield result

    async def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Score choices on a copy that is idle."""
        async for result in self._ask("score_choices", requests):
            yield result

    async def _ask(self, method: str, requests: Sequence[Request]) -> AsyncIterator[Result]:
        clips: dict[str, ClipPlace] = {}
        for request in requests:
            for name, media in request.clips.items():
                assert isinstance(media, RemoteMedia), "decoded by the decoder of this model"
                assert media.place is not None, "it was filled"
                clips[name] = media.place
        answered = None
        # The same copy again: others on its machine may be lost too, and nobody knows yet.
        async with self._borrow() as copy:
            for _ in range(_LIVES):
                answered = await self._ask_copy(copy, method, requests, clips)
                if answered is not None:
                    break
        if answered is None:
            detail = f"{_LIVES} copies of the model were lost over this question and its like."
            for request in requests:
                yield Result(request.id, DeliveryStatus.FAILED, detail=detail)
            return
        refused, results = answered
        for result in results:
            yield result
        if refused is not None:
            raise _as_error(read_as(Refusal, refused))

    async def _ask_copy(
        self,
        copy: _Copy,
        method: str,
        requests: Sequence[Request],
        clips: Mapping[str, ClipPlace],
    ) -> tuple[str | None, Sequence[Result]] | None:
        """Ask a copy; None if it was lost, or what it was to be given."""
        actor, packed = copy.actor, pack_requests(requests)
        contents = [place.content for place in clips.values()]
        try:
            refused, results = await actor.call("ask", method, packed, list(clips), *contents)
        except ActorLostError as lost:
            await self._replace(copy, actor, str(lost))
            return None
        except ContentLostError:
            assert self._decoder is not None, "it has decoded these clips"
            for place in clips.values():
                await self._decoder.fill(place)
            return None
        self._lost_loading = 0
        return refused, unpack_results(results)

    @asynccontextmanager
    async def _borrow(self) -> AsyncIterator[_Copy]:
        idle = self._idle
        copy = await idle.get()
        try:
            yield copy
        finally:
            idle.put_nowait(copy)

    async def _replace(self, copy: _Copy, lost: Actor, why: str) -> None:
        """Start a copy anew, once for all batches that it had."""
        async with copy.replacing:
            if copy.actor is not lost:
                return
            self.observer.on_notice(
                f"Copy {copy.number} of the model is lost ({why}). Another takes its place, and "
                "its open items are asked again."
            )
            self._start_anew(copy)
            await self._load(copy)
            self.observer.on_copies(len(self._copies), self._restarts)

    def _start_anew(self, copy: _Copy) -> None:
        copy.actor.kill()
        self._restarts += 1
        copy.actor = self._start()

    def _start(self) -> Actor:
        named, options = self._named, self._options
        return self._cluster.start(
            ModelCopy,
            str(Path.cwd()),
            named.model,
            dict(named.arguments),
            named.lora,
            num_cpus=options.cpus,
            num_gpus=options.gpus,
            scheduling_strategy="SPREAD",
            max_concurrency=max(2, self._model.describe().capabilities.concurrency + 1),
        )

    async def _load(self, copy: _Copy) -> None:
        """Load the model on a copy, or on those that take its place if it is lost meanwhile."""
        while True:
            try:
                opened = await self._open_on(copy)
                break
            except ActorLostError as lost:
                self._lost_loading += 1
                if self._lost_loading >= _LIVES * self._options.copies:
                    raise RunError(
                        f"Copies of the model were lost {self._lost_loading} times in a row while "
                        f"they were loaded; the last was copy {copy.number}: {lost}",
                        remedy="What is finished is kept. Too little memory on a machine is the "
                        "usual cause; see the cluster's logs.",
                    ) from lost
                self.observer.on_notice(
                    f"Copy {copy.number} of the model was lost while it was loaded ({lost}). "
                    "Another takes its place."
                )
                self._start_anew(copy)
        self._check(copy, opened)

    async def _open_on(self, copy: _Copy) -> Opened:
        try:
            async with asyncio.timeout(self._options.place_seconds):
                await copy.actor.call("place")
        except TimeoutError:
            raise RunError(
                f"Copy {copy.number} of {self._options.copies} has found no room in "
                f"{self._options.place_seconds:g} s: it asks for {self._options.needs}; the "
                f"cluster has {self._cluster.resources()}.",
                remedy="Ask for fewer copies or less for each (--copies, --per-copy), or add "
                "machines. What is finished is kept.",
            ) from None
        return read_as(Opened, await copy.actor.call("open"))

    def _check(self, copy: _Copy, opened: Opened) -> None:
        """Refuse a copy that could not load the model, or loaded another one."""
        if opened.refusal is not None:
            told = opened.refusal
            if told.traceback is not None:
                _logger.error("Copy %d of the model:\n%s", copy.number, told.traceback)
            at = f"{told.where}: " if told.where else ""
            raise RunError(
                f"Copy {copy.number} cannot open the model: {at}{told.problem}",
                where=opened.place,
                remedy=told.remedy,
            )
        assert opened.description is not None, "one of the two is there"
        differing = _differences(self._model.describe(), opened.description)
        if differing:
            raise NotComparableError(
                f"Copy {copy.number} is another model than the run asks: {'; '.join(differing)}.",
                where=opened.place,
                remedy="Install the same versions and weights on every machine.",
            )


def _differences(here: ModelDescription, there: ModelDescription) -> list[str]:
    """Name what decides answers and is not the same."""
    told = []
    for name in ("revision", "weights_hash"):
        mine, other = getattr(here, name), getattr(there, name)
        if mine != other:
            told.append(f"{name} {other}, here {mine}")
    for kind in ("settings", "versions"):
        mine, other = getattr(here, kind), getattr(there, kind)
        told += [
            f"{name} {other.get(name)}, here {mine.get(name)}"
            for name in sorted(mine.keys() | other.keys())
            if mine.get(name) != other.get(name)
        ]
    return told


def _as_error(refusal: Refusal) -> Exception:
    if refusal.is_ours:
        return RunError(refusal.problem, where=refusal.where, remedy=refusal.remedy)
    _logger.error("A copy of the model raised:\n%s", refusal.traceback)
    return CopyError(refusal.problem)


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
