"""Asks a model by jobs: whole files of requests, answered within a day.

It goes in rounds. A round fills jobs with the open items, hands them over, and
waits until the service has ended all of them; what failed or expired is open
again in the next round. Only the answers are waited for, so a sitting may be
stopped at any time: the next one finds the same jobs with the service.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from emoreal_bench.choices import letters_of
from emoreal_bench.contracts.deferred import (
    AskedRequest,
    ConcernsAllError,
    DeferredAdapter,
    JobProgress,
    ServiceUnavailableError,
    WrittenRequest,
)
from emoreal_bench.contracts.errors import RunError, ServiceError, UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus
from emoreal_bench.running.budget import Spending
from emoreal_bench.running.busy import BusyClock, Holdup, HoldupClock
from emoreal_bench.running.decoding import LookAhead
from emoreal_bench.running.deferred.store import Job, JobDraft, JobStore
from emoreal_bench.running.ledger import Ledger
from emoreal_bench.running.observer import RunObserver
from emoreal_bench.running.plan import Plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.questions import OpenQuestions

MAX_FAILED_LOOKS = 20
"""In a row; after them the service is taken to be gone for now."""

_FIRST_WAIT_SECONDS = 1.0


class DeferredAsker:
    """Asks all open items of a run by jobs.

    Args:
        plan: What to ask.
        adapter: Whom to ask, opened.
        policy: How often to ask what fails, how often to look, what to use up.
        ledger: Takes each finished item.
        observer: Hears how far the jobs are.
        store: The jobs of earlier sittings, and of this one.
        held_up: Hears what is waited for.

    Attributes:
        busy: Runs while the service works.
        requests: Number of requests handed over, repeated ones included.
        cache_hits: Always 0; services repeat themselves too badly for a cache.
    """

    def __init__(
        self,
        plan: Plan,
        adapter: DeferredAdapter,
        policy: RunPolicy,
        ledger: Ledger,
        observer: RunObserver,
        store: JobStore,
        *,
        held_up: HoldupClock,
    ):
        self._plan = plan
        self._adapter = adapter
        self._policy = policy
        self._ledger = ledger
        self._observer = observer
        self._store = store
        self._held_up = held_up
        self._scores_choices = plan.request.answer_method is AnswerMethod.SCORE_CHOICES
        self._capabilities = adapter.describe().capabilities
        self._spending = Spending(policy.budget)
        self._generator = np.random.default_rng(policy.seed)
        self._under_way: set[int] = set()
        self._attempts: Counter[int] = Counter()
        self._failures: list[Result] = []
        self.busy = BusyClock()
        self.requests = 0
        self.cache_hits = 0

    async def ask_all(self, look_ahead: LookAhead) -> None:
        """Ask until every item is finished.

        Raises:
            UsageError: If money is bounded and the model's prices are not known.
            RunError: If the log or a job cannot be written, or the service does
                not answer any more.
            TooManyErrorsError: If more items failed than the policy allows.
            BudgetSpentError: If the budget is spent before every item is finished.
            DataError: If the clip of a worked example cannot be decoded.
        """
        if self._policy.budget.cost is not None and self._capabilities.prices is None:
            raise UsageError(
                "The cost is bounded, but the model's prices are not known.",
                remedy="Give the service's prices for jobs: --model-arg input_price=... "
                "--model-arg output_price=...",
            )
        try:
            await self._go_on_with_jobs()
            self._store.tidy()
            questions = OpenQuestions(self._plan, self._ledger, look_ahead)
            await questions.open()
            await self._ask_in_rounds(questions)
        finally:
            waiting = sum(job.requests for job in self._store.jobs)
            if waiting:
                self._observer.on_notice(
                    f"{waiting} requests stay with the service; the same command fetches the "
                    "answers."
                )
        self._store.tidy()
        self._spending.check(self._ledger.finished, self._ledger.items)

    async def _go_on_with_jobs(self) -> None:
        """Take over the jobs of earlier sittings, whatever moment those ended in."""
        for job in list(self._store.jobs):
            if job.name is None:
                name = await self._find(job)
                if name is None:
                    self._store.remove(job)
                    continue
                self._store.name(job, name)
            clips = self._store.clips(job, len(self._plan.items))
            self._note_asked(clips)
            for position, (seconds, level) in clips.items():
                self._ledger.note_clip(position, seconds, level)

    async def _ask_in_rounds(self, questions: OpenQuestions) -> None:
        while self._store.jobs or self._may_ask():
            if self._may_ask():
                await self._hand_over_open(questions)
            await self._collect()
            await self._pause()

    def _may_ask(self) -> bool:
        positions = range(len(self._plan.items))
        return not self._spending.stopped and any(map(self._is_to_be_asked, positions))

    def _is_to_be_asked(self, position: int) -> bool:
        return self._ledger.is_open(position) and position not in self._under_way

    def _note_asked(self, positions: Iterable[int]) -> None:
        for position in positions:
            self._under_way.add(position)
            self._attempts[position] += 1

    async def _hand_over_open(self, questions: OpenQuestions) -> None:
        """Fill jobs with what is open and hand them over.

        What a job uses up is known only at its end, so where tokens or money
        are bounded there is one job at a time.
        """
        budget, limits = self._policy.budget, self._adapter.jobs.limits
        is_one_at_a_time = budget.tokens is not None or budget.cost is not None
        draft = self._store.draft()
        async with aclosing(self._write_open(questions)) as lines:
            async for position, written in lines:
                if not draft.has_room(written, limits):
                    await self._hand_over(draft)
                    if is_one_at_a_time:
                        return
                    draft = self._store.draft()
                if not self._spending.allow(1):
                    break
                draft.add(position, written, self._ledger.clip_of(position))
        if draft.asked:
            await self._hand_over(draft)

    async def _write_open(
        self, questions: OpenQuestions
    ) -> AsyncGenerator[tuple[int, WrittenRequest]]:
        """Write the open items down, several at a time; finish those that cannot be asked."""
        chunk: list[tuple[int, Request]] = []
        async with aclosing(questions.requests(self._is_to_be_asked)) as requests:
            async for position, request in requests:
                chunk.append((position, request))
                if len(chunk) == self._capabilities.concurrency:
                    for written in await self._write(chunk):
                        yield written
                    chunk.clear()
        for written in await self._write(chunk):
            yield written

    async def _write(
        self, chunk: Sequence[tuple[int, Request]]
    ) -> list[tuple[int, WrittenRequest]]:
        outcomes = await asyncio.gather(
            *(
                self._adapter.write(request, str(position), scoring=self._scores_choices)
                for position, request in chunk
            )
        )
        lines = []
        for (position, request), outcome in zip(chunk, outcomes, strict=True):
            result = self._refusal(request, outcome)
            if isinstance(outcome, WrittenRequest) and result is None:
                lines.append((position, outcome))
            elif result is not None:
                self._attempts[position] += 1
                self._settle(position, result)
        return lines

    def _refusal(self, request: Request, outcome: WrittenRequest | Result) -> Result | None:
        """Return the result of a request that cannot be part of any job."""
        if isinstance(outcome, Result):
            return outcome
        most = self._adapter.jobs.limits.size
        if len(outcome.line) < most:
            return None
        detail = f"the request has {len(outcome.line)} bytes, and a whole job at most {most}"
        return Result(request.id, DeliveryStatus.UNSUPPORTED, detail=detail)

    async def _hand_over(self, draft: JobDraft) -> None:
        job = self._store.add(draft)
        self._note_asked(position for position, *_ in draft.asked)
        with self._held_up.during(Holdup.SERVICE):
            name = await self._submit(job, draft.lines)
        self._store.name(job, name)
        self.requests += job.requests

    async def _submit(self, job: Job, lines: Path) -> str:
        for attempt in count(1):
            try:
                return await self._adapter.jobs.submit(lines, job.token)
            except ServiceUnavailableError as error:
                if attempt >= self._policy.attempts:
                    raise _gone(error) from error
                seconds = self._policy.wait(attempt, None, self._generator)
                self._observer.on_retry(job.requests, seconds, str(error))
            await asyncio.sleep(seconds)
            # It may have come through although the answer did not.
            name = await self._find(job)
            if name is not None:
                return name
        raise AssertionError("counting never ends")

    async def _find(self, job: Job) -> str | None:
        try:
            return await self._adapter.jobs.find(job.token)
        except ServiceUnavailableError as error:
            raise _gone(error) from error

    async def _collect(self) -> None:
        """Wait until every job has ended, and log the answers of each as it does."""
        handed_over = sum(job.requests for job in self._store.jobs)
        wait, failed_looks = min(_FIRST_WAIT_SECONDS, self._policy.look_seconds), 0
        with self.busy, self._held_up.during(Holdup.SERVICE):
            while self._store.jobs:
                answered = handed_over - sum(job.requests for job in self._store.jobs)
                try:
                    for job in list(self._store.jobs):
                        answered += await self._look(job)
                    failed_looks = 0
                except ServiceUnavailableError as error:
                    failed_looks += 1
                    if failed_looks == MAX_FAILED_LOOKS:
                        raise _gone(error) from error
                self._observer.on_jobs(handed_over, answered)
                if self._store.jobs:
                    await asyncio.sleep(wait)
                    wait = min(2.0 * wait, self._policy.look_seconds)

    async def _look(self, job: Job) -> int:
        """Log the answers of a job if it has ended; say how many of its requests are answered."""
        assert job.name is not None, "a job has its name once it is handed over"
        progress = await self._adapter.jobs.look(job.name)
        if not progress.has_ended:
            return progress.answered
        await self._take_in(job, job.name, progress)
        return job.requests

    async def _take_in(self, job: Job, name: str, progress: JobProgress) -> None:
        items = self._plan.items
        sent = self._store.asked(job, len(items))
        unanswered = {items[p].id: p for p in sent if self._ledger.is_open(p)}
        asked = {
            str(p): AskedRequest(items[p].id, letters_of(items[p].choices), sent[p])
            for p in unanswered.values()
        }
        stop = progress.stop
        try:
            async for result in self._adapter.fetch(name, asked, scoring=self._scores_choices):
                position = unanswered.pop(result.id, None)
                if position is not None:
                    self._settle(position, result.checked())
                    self._spending.add(result)
        except ConcernsAllError as told:
            stop = stop or told.error
        detail = progress.problem or "the job ended without an answer to it"
        for identity, position in unanswered.items():
            self._settle(position, Result(identity, DeliveryStatus.FAILED, detail=detail))
        self._under_way.difference_update(sent)
        self._store.remove(job)
        # Everything is logged: what cannot be removed over there does no harm here.
        with suppress(ServiceUnavailableError, ServiceError, UsageError):
            await self._adapter.jobs.discard(name)
        if stop is not None:
            # Only now, since what was answered is kept.
            raise stop

    def _settle(self, position: int, result: Result) -> None:
        """Finish an item, or leave it open for the next round if it failed."""
        attempt = self._attempts[position]
        may_retry = attempt < self._policy.attempts and not result.is_settled
        if result.status is DeliveryStatus.FAILED and may_retry:
            self._failures.append(result)
        else:
            with self._held_up.during(Holdup.WRITING):
                self._ledger.finish(position, replace(result, attempts=attempt))

    async def _pause(self) -> None:
        """Wait before the next round if anything failed in the last."""
        failures, self._failures = self._failures, []
        if failures:
            attempt = max(self._attempts.values())
            seconds = self._policy.wait(attempt, None, self._generator)
            self._observer.on_retry(len(failures), seconds, failures[0].detail or "no reason given")
            with self._held_up.during(Holdup.SERVICE):
                await asyncio.sleep(seconds)


def _gone(error: ServiceUnavailableError) -> RunError:
    return RunError(
        f"The service does not take care of the jobs now: {error}",
        remedy="What is with the service stays there. Give the same command again later.",
    )
