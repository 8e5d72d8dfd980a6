"""Carries a plan out: decode, ask, ask again, log, until every item is finished."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shlex
import signal
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.deferred import DeferredAdapter
from emoreal_bench.contracts.errors import EmorealError, RunError, ServiceError, UsageError
from emoreal_bench.contracts.media import MEDIA_VERSION, Decoder, MediaWanted
from emoreal_bench.contracts.run_record import MANIFEST_FILE, Manifest, Timings
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool
from emoreal_bench.media_cache.decoder import CachingDecoder
from emoreal_bench.media_cache.store import MediaCache
from emoreal_bench.record.folder import RunFolder, load_timings
from emoreal_bench.running.asking import Asker
from emoreal_bench.running.busy import Holdup, HoldupClock
from emoreal_bench.running.cache import ResponseCache
from emoreal_bench.running.decoding import LookAhead, room_for_clips
from emoreal_bench.running.deferred.asking import DeferredAsker
from emoreal_bench.running.deferred.store import JobStore, has_jobs
from emoreal_bench.running.ledger import Ledger
from emoreal_bench.running.loops import run_to_end
from emoreal_bench.running.manifest import make_manifest
from emoreal_bench.running.observer import RunObserver, RunSummary
from emoreal_bench.running.plan import Plan, deliverable
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.results import refuse_other_log, score_log, write_results


class RunInterrupted(KeyboardInterrupt):
    """A person or the system stopped a run; what is finished is kept.

    Args:
        summary: Where the run stands.
        command: How it was started, which is also how it goes on.
    """

    def __init__(self, summary: RunSummary, command: tuple[str, ...]):
        self.summary = summary
        lines = [
            f"Interrupted. {sum(summary.statuses.values())} of {summary.items} items are finished "
            f"and kept in {summary.folder}."
        ]
        if command:
            lines.append(f"Continue with: {shlex.join(command)}")
        super().__init__("\n".join(lines))


def run_task(
    plan: Plan,
    adapter: ModelAdapter,
    folder: Path,
    policy: RunPolicy | None = None,
    observer: RunObserver | None = None,
    *,
    cache: ResponseCache | None = None,
) -> RunSummary:
    """Ask a model everything that is still open in a run, and score the run.

    A folder that holds the same run already is continued: what is finished is
    not asked again. However the call ends, what is finished is kept.

    Args:
        plan: What to ask.
        adapter: Whom to ask; opened only if something is open.
        folder: The run folder; made if it is not there.
        policy: Retries, limits, decoding.
        observer: Hears of every finished item.
        cache: Replies of earlier runs; used only for a model that gives the
            same reply every time.

    Raises:
        NotComparableError: If the folder holds another run.
        RunError: If the folder is in use or cannot be written, or the model
            cannot be opened.
        UsageError: If choices are to be scored and the model cannot, or what it was given
            for the clips does not fit them.
        TooManyErrorsError: If more items failed than the policy allows.
        NothingAnsweredError: If the model has answered none of the first items.
        ServiceError: If a service answers nobody now, or asks to wait for too long.
        RunInterrupted: On Ctrl-C or SIGTERM.
    """
    policy, observer = policy or RunPolicy(), observer or RunObserver()
    description = adapter.describe()
    scores_choices = plan.request.answer_method is AnswerMethod.SCORE_CHOICES
    if scores_choices and description.capabilities.choice_score_kind is None:
        raise UsageError(
            f"{description.name} cannot score choices.",
            remedy="Let it write its answers instead; that is the default.",
        )
    adapter.check_clips(plan.clips, plan.request.media)
    manifest = make_manifest(plan, description, seed=policy.seed, command=policy.command)
    with RunFolder(folder) as run_folder:
        for note in run_folder.notes:
            observer.on_notice(note)
        manifest = run_folder.begin(manifest, plan.items)
        for notice in run_folder.notices:
            observer.on_notice(notice)
        aside = run_folder.repair()
        if aside is not None:
            run_folder.forget_results()
            observer.on_notice(
                "The log was damaged; the items of its damaged lines are asked again. "
                f"The damaged log is kept as {aside.name}."
            )
        if manifest.media_version != MEDIA_VERSION:
            observer.on_notice(_decoded_otherwise(manifest.media_version))
        sitting = _Sitting(plan, adapter, run_folder, policy, observer)
        try:
            return sitting.run(manifest, cache)
        except EmorealError:
            run_folder.forget_a_failed_start()
            raise


def _decoded_otherwise(version: int) -> str:
    return (
        f"The run began with version {version} of decoding clips; what is asked now is decoded "
        f"by version {MEDIA_VERSION}. Clips whose picture and sound do not begin together, or "
        "that have several tracks, differ; their items carry a note. Begin a new folder to ask "
        "all alike."
    )


class _Sitting:
    """One stretch of work on a run, from its start or resumption to its end."""

    def __init__(
        self,
        plan: Plan,
        adapter: ModelAdapter,
        folder: RunFolder,
        policy: RunPolicy,
        observer: RunObserver,
    ):
        self._plan = plan
        self._adapter = adapter
        self._folder = folder
        self._policy = policy
        self._observer = observer
        self._ledger = Ledger(
            plan.items,
            folder.log_path,
            policy,
            observer,
            takes_nothing=self._takes_nothing(),
            groups=None if plan.shard is None else plan.groups.values(),
        )
        self._timings = load_timings(folder.path)
        self._results: Results | None = None

    def _takes_nothing(self) -> bool:
        """Return whether the model says itself that it takes nothing that is asked about."""
        wanted = self._plan.request.media.modalities
        takes = self._adapter.describe().capabilities.modalities
        return bool(wanted) and not set(wanted) & set(takes)

    def run(self, manifest: Manifest, cache: ResponseCache | None) -> RunSummary:
        """Ask what is open and score the log; tell the observer however it ends."""
        refuse_other_log(self._folder.path)
        self._observer.on_start(self._ledger.items, self._ledger.kept)
        try:
            is_open = self._ledger.finished < self._ledger.items
            if is_open:
                self._folder.forget_results()
            # Killed after the last answer, a run has a job that nobody has removed yet.
            if is_open or (self._policy.deferred and has_jobs(self._folder.path)):
                run_to_end(self._ask_all(cache))
            self._results = score_log(manifest, self._plan.items, self._folder.log_path)
            write_results(self._folder.path, self._results)
        except (KeyboardInterrupt, asyncio.CancelledError) as error:
            raise RunInterrupted(self._summary(), self._policy.command) from error
        except ServiceError as error:
            if self._ledger.finished:
                error.remedy = f"{error.remedy or ''} What is finished is kept.".strip()
            raise
        finally:
            self._observer.on_end(self._summary())
        return self._summary()

    def _summary(self) -> RunSummary:
        return RunSummary(
            folder=self._folder.path,
            items=self._ledger.items,
            statuses=self._ledger.statuses(),
            asked=self._ledger.finished - self._ledger.kept,
            kept=self._ledger.kept,
            timings=self._timings,
            results=self._results,
            reasons=self._ledger.reasons(),
        )

    async def _ask_all(self, cache: ResponseCache | None) -> None:
        plan, policy = self._plan, self._policy
        held_up = HoldupClock()
        capabilities = self._adapter.describe().capabilities
        wanted = deliverable(plan.request.media, capabilities)
        clips = None
        if wanted is not None and policy.media_cache is not None:
            clips = MediaCache(policy.media_cache, self._observer.on_notice)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(_cancelled_by_sigterm())
            stack.enter_context(self._ledger)
            with held_up.during(Holdup.LOADING):
                await open_model(stack, self._adapter)
                decoder = None
                if wanted is not None:
                    decoder = await self._enter_decoder(stack, clips)
            self._observer.on_open()
            look_ahead = LookAhead(plan, decoder, wanted, self._clips_ahead(wanted), held_up)
            asker = self._make_asker(cache, held_up)
            try:
                await asker.ask_all(look_ahead)
            finally:
                self._add_timings(held_up, asker, look_ahead)

    def _clips_ahead(self, wanted: MediaWanted | None) -> int:
        """Return how many clips to decode while the model works: those of its next batches."""
        can, groups = self._adapter.describe().capabilities, self._plan.groups
        questions = self._ledger.items / max(len(groups), 1)
        needed = math.ceil(can.concurrency * can.batch_size / max(questions, 1.0))
        return max(self._policy.decode_ahead, can.concurrency, min(needed, room_for_clips(wanted)))

    async def _enter_decoder(
        self, stack: contextlib.AsyncExitStack, clips: MediaCache | None
    ) -> Decoder:
        policy = self._policy
        elsewhere = self._adapter.clip_decoder(policy.decode_workers, policy.max_clip_seconds)
        if elsewhere is not None:
            return await stack.enter_async_context(elsewhere)
        decoder = await stack.enter_async_context(make_decoder(policy))
        if clips is None:
            return decoder
        return CachingDecoder(decoder, clips, policy.max_clip_seconds)

    def _make_asker(
        self, cache: ResponseCache | None, held_up: HoldupClock
    ) -> Asker | DeferredAsker:
        """Choose how to ask.

        Raises:
            UsageError: If the model takes no jobs and is to be asked by them.
            RunError: If jobs are with the service and the items are to be asked one by one.
        """
        plan, adapter, policy = self._plan, self._adapter, self._policy
        store = JobStore(self._folder.path)
        if policy.deferred:
            if not isinstance(adapter, DeferredAdapter):
                raise UsageError(
                    f"{adapter.describe().name} does not support --deferred.",
                    remedy="Leave out --deferred. `emoreal-bench list models` says which can.",
                )
            return DeferredAsker(
                plan, adapter, policy, self._ledger, self._observer, store, held_up=held_up
            )
        if store.jobs:
            requests = sum(job.requests for job in store.jobs)
            raise RunError(
                f"{requests} requests of the run are with the service, and would be billed twice.",
                where=str(self._folder.path),
                remedy="Give the same command with --deferred to fetch the answers.",
            )
        return Asker(plan, adapter, policy, self._ledger, self._observer, cache, held_up=held_up)

    def _add_timings(
        self, held_up: HoldupClock, asker: Asker | DeferredAsker, look_ahead: LookAhead
    ) -> None:
        shares, seconds = held_up.shares(), held_up.seconds
        asked = self._ledger.finished - self._ledger.kept
        sitting = Timings(
            sittings=1,
            wall_seconds=seconds,
            model_seconds=asker.busy.seconds,
            decode_seconds=look_ahead.busy.seconds,
            clips_decoded=look_ahead.decoded - look_ahead.from_cache,
            clips_from_cache=look_ahead.from_cache,
            requests=asker.requests,
            cache_hits=asker.cache_hits,
            items_per_second=asked / seconds if seconds else 0.0,
            held_up=shares,
        )
        if not (self._folder.path / MANIFEST_FILE).exists():
            return  # Somebody has removed the run, and a folder of times is none.
        # Times are worth no run: on a full disk the log's own error says what is wrong.
        with contextlib.suppress(RunError):
            self._timings = self._folder.add_timings(sitting)


@contextlib.contextmanager
def kept_open(adapter: ModelAdapter) -> Iterator[ModelAdapter]:
    """Load a model once for all runs of a block, where it can serve several.

    The first run that asks something opens it. A run that ends with an error closes it, and the
    next opens it again.
    """
    adapter.is_kept = adapter.serves_several_runs
    try:
        yield adapter
    finally:
        if adapter.is_kept:
            adapter.is_kept = False
            run_to_end(adapter.close())


async def open_model(stack: contextlib.AsyncExitStack, adapter: ModelAdapter) -> None:
    """Open a model until the stack ends.

    Raises:
        RunError: If it cannot be opened.
        EmorealError: As the adapter says it.
    """
    try:
        await stack.enter_async_context(adapter)
    except EmorealError:
        raise
    except (Exception, SystemExit) as error:
        raise RunError(
            f"The model {adapter.describe().name} cannot be opened: "
            f"{type(error).__name__}: {error}",
            remedy="Nothing was asked. Fix the cause and give the same command again.",
        ) from error


def make_decoder(policy: RunPolicy) -> AbstractAsyncContextManager[Decoder]:
    """Make what decodes the clips of a run: a pool of worker processes."""
    return DecodePool(policy.decode_workers, DecodeLimits.for_clips_of(policy.max_clip_seconds))


@contextlib.contextmanager
def _cancelled_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the current task as Ctrl-C does: with the log closed."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except (NotImplementedError, RuntimeError):
        # Windows has no such handlers, and only the main thread may set them.
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
