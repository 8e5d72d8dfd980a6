"""Asks a model batch by batch, and again where it failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

import numpy as np

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import EmorealError, ServiceError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus
from emoreal_bench.identity import model_hash
from emoreal_bench.running.budget import Spending
from emoreal_bench.running.busy import BusyClock, Holdup, HoldupClock
from emoreal_bench.running.cache import ResponseCache, is_cacheable
from emoreal_bench.running.concurrency import ConcurrencyLimit
from emoreal_bench.running.decoding import LookAhead
from emoreal_bench.running.ledger import Ledger
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.plan import Plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.questions import OpenQuestions

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """Requests that are handed over together, and what is known of them by id."""

    requests: list[Request] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    cache_keys: dict[str, str] = field(default_factory=dict)


class Asker:
    """Asks all open items of a run.

    Args:
        plan: What to ask.
        adapter: Whom to ask, opened.
        policy: How often, and how long to wait in between.
        ledger: Takes each finished item.
        observer: Hears of items that will be asked again.
        cache: Replies of earlier runs, or None.
        held_up: Hears what is waited for.

    Attributes:
        busy: Runs while the model works.
        requests: Number of requests made, repeated ones included.
        cache_hits: Number of replies taken from the cache.
    """

    def __init__(
        self,
        plan: Plan,
        adapter: ModelAdapter,
        policy: RunPolicy,
        ledger: Ledger,
        observer: RunObserver,
        cache: ResponseCache | None,
        *,
        held_up: HoldupClock,
    ):
        self._plan = plan
        self._adapter = adapter
        self._policy = policy
        self._ledger = ledger
        self._observer = observer
        description = adapter.describe()
        self._capabilities = description.capabilities
        self._model = model_hash(description)
        temperature = plan.request.generation.temperature
        self._cache = cache if is_cacheable(description, temperature) else None
        self._generator = np.random.default_rng(policy.seed)
        self._held_up = held_up
        self._answering = Holdup.SERVICE if self._capabilities.needs_network else Holdup.MODEL
        self._limit = ConcurrencyLimit(self._capabilities.concurrency, sleep=self._pause)
        self._stop: ServiceError | None = None
        self._stopping = asyncio.Event()
        self._spending = Spending(policy.budget)
        self.busy = BusyClock()
        self.requests = 0
        self.cache_hits = 0

    async def ask_all(self, look_ahead: LookAhead) -> None:
        """Ask until every item is finished.

        A failed batch waits and is asked again in its place, so that a service
        that is overloaded gets fewer requests at once, not more.

        Raises:
            RunError: If the log cannot be written.
            TooManyErrorsError: If more items failed than the policy allows.
            BudgetSpentError: If the budget is spent before every item is
                finished; the batches under way have come in by then.
            ServiceError: If the service asks to wait for longer than the policy
                allows; the batches under way have come in by then.
            DataError: If the clip of a worked example cannot be decoded.
        """
        questions = OpenQuestions(self._plan, self._ledger, look_ahead)
        await questions.open()
        turn = asyncio.Lock()
        async with aclosing(self._batches(questions)) as batches:
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self._capabilities.concurrency):
                        workers.create_task(self._work(batches, turn))
            except ExceptionGroup as errors:
                # The first error cancelled the other workers, so it is the cause.
                raise errors.exceptions[0] from None
        if self._stop is not None:
            raise self._stop
        self._spending.check(self._ledger.finished, self._ledger.items)

    async def _work(self, batches: AsyncIterator[_Batch], turn: asyncio.Lock) -> None:
        while not self._spending.stopped and self._stop is None:
            async with turn:
                batch = await anext(batches, None)
            if batch is None:
                return
            await self._ask(batch)

    async def _batches(self, questions: OpenQuestions) -> AsyncGenerator[_Batch]:
        batch = _Batch()
        async with aclosing(questions.requests()) as requests:
            async for position, request in requests:
                self._add(batch, position, request)
                if len(batch.requests) == self._capabilities.batch_size:
                    yield batch
                    batch = _Batch()
        if batch.requests:
            yield batch

    def _add(self, batch: _Batch, position: int, request: Request) -> None:
        if self._cache is not None:
            method = self._plan.request.answer_method
            key = self._cache.key(self._adapter, request, method, self._model)
            known = self._cache.get(key, request.id)
            if known is not None:
                self.cache_hits += 1
                with self._held_up.during(Holdup.WRITING):
                    self._ledger.finish(position, known)
                return
            batch.cache_keys[request.id] = key
        batch.positions[request.id] = position
        batch.requests.append(request)

    async def _ask(self, batch: _Batch) -> None:
        requests = batch.requests
        for attempt in range(1, self._policy.attempts + 1):
            if self._stop is not None or not self._spending.allow(len(requests)):
                return
            failed = await self._ask_once(batch, requests, attempt)
            if not failed:
                return
            asked_for = max(result.retry_after or 0.0 for result in failed)
            seconds = self._policy.wait(attempt, asked_for, self._generator)
            if self._stop is None:
                self._observer.on_retry(len(failed), seconds, failed[0].detail or "no reason given")
            await self._pause(seconds)
            again = {result.id for result in failed}
            requests = [request for request in requests if request.id in again]

    async def _ask_once(
        self, batch: _Batch, requests: Sequence[Request], attempt: int
    ) -> list[Result]:
        """Ask, finish what can be finished, and return the failures to ask again."""
        failed = []
        async with self._limit.slot() as slot, aclosing(self._answers(requests)) as answers:
            if self._stop is not None:
                return []
            self.requests += len(requests)
            with self.busy, self._held_up.during(self._answering):
                async for result, may_retry in answers:
                    if not self._is_stopped_by(result):
                        slot.report(result)
                    is_last = attempt == self._policy.attempts or not may_retry
                    is_last |= result.is_settled
                    if result.status is DeliveryStatus.FAILED and not is_last:
                        failed.append(result)
                    else:
                        self._finish(batch, replace(result, attempts=attempt))
                    self._spending.add(result)
        return failed

    def _is_stopped_by(self, result: Result) -> bool:
        """Let everybody stop if a service asks to wait for too long; nobody waits any more."""
        try:
            self._policy.check_wait(result.retry_after or 0.0, result.detail)
        except ServiceError as error:
            self._stop = self._stop or error
            self._stopping.set()
            self._limit.end_wait()
        return self._stop is not None

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than the sitting goes on."""
        with suppress(TimeoutError), self._held_up.during(self._answering):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _finish(self, batch: _Batch, result: Result) -> None:
        with self._held_up.during(Holdup.WRITING):
            self._ledger.finish(batch.positions[result.id], result)
            if self._cache is not None:
                self._cache.put(batch.cache_keys[result.id], result)

    async def _answers(self, requests: Sequence[Request]) -> AsyncGenerator[tuple[Result, bool]]:
        """Yield exactly one result per request, with whether to ask again if it failed.

        An adapter that breaks the contract costs the rest of its batch, which
        another attempt would not mend.
        """
        unanswered = {request.id for request in requests}
        scores_choices = self._plan.request.answer_method is AnswerMethod.SCORE_CHOICES
        ask = self._adapter.score_choices if scores_choices else self._adapter.generate
        detail = "The model gave no result for this item."
        try:
            async for result in ask(requests):
                if not isinstance(result, Result):
                    _logger.warning("A %s in place of a result is ignored.", type(result).__name__)
                elif result.id in unanswered:
                    unanswered.remove(result.id)
                    yield result.checked(), True
                else:
                    _logger.warning("A second or unasked result for %s is ignored.", result.id)
        except EmorealError:
            # Of concern to every item, and for a person to mend.
            raise
        # The adapter may be of another package, which must not end the program.
        except (Exception, SystemExit) as error:
            _logger.exception("The adapter raised while it answered %d items.", len(requests))
            detail = f"The adapter raised {type(error).__name__}: {error}"
        for request in requests:
            if request.id in unanswered:
                yield Result(request.id, DeliveryStatus.FAILED, detail=detail), False
