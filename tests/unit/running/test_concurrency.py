"""How many batches a model is handed at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.running.concurrency import ConcurrencyLimit, Slot

GOOD = Result("1", DeliveryStatus.OK, "(A)")
TOO_MANY = Result("1", DeliveryStatus.FAILED, detail="HTTP 429", retry_after=0.0)
BROKEN = Result("1", DeliveryStatus.FAILED, detail="no connection")


class FakeTime:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def limit(time: FakeTime) -> ConcurrencyLimit:
    return ConcurrencyLimit(8, time.clock, time.sleep)


def in_slot(limit: ConcurrencyLimit, *results: Result) -> None:
    async def run() -> None:
        async with limit.slot() as slot:
            for result in results:
                slot.report(result)

    asyncio.run(run())


def test_all_batches_are_allowed_to_begin_with(limit: ConcurrencyLimit) -> None:
    assert limit.allowed == 8


def test_too_many_requests_halve_the_number(limit: ConcurrencyLimit) -> None:
    for expected in (4, 2, 1, 1):
        in_slot(limit, TOO_MANY)
        assert limit.allowed == expected


def test_answers_to_one_burst_halve_it_once(limit: ConcurrencyLimit) -> None:
    async def run() -> None:
        slots: list[Slot] = []
        async with limit.slot() as one, limit.slot() as two, limit.slot() as three:
            slots += [one, two, three]
            for slot in slots:
                slot.report(TOO_MANY)

    asyncio.run(run())
    assert limit.allowed == 4


def test_a_round_of_successes_earns_one_more(limit: ConcurrencyLimit) -> None:
    in_slot(limit, TOO_MANY)
    in_slot(limit, *[GOOD] * 5)
    assert limit.allowed == 5


def test_it_never_grows_beyond_what_the_adapter_allows(limit: ConcurrencyLimit) -> None:
    in_slot(limit, *[GOOD] * 100)
    assert limit.allowed == 8


def test_a_failure_of_another_kind_says_nothing_about_the_number(limit: ConcurrencyLimit) -> None:
    in_slot(limit, BROKEN)
    assert limit.allowed == 8


@pytest.mark.parametrize("status", [s for s in DeliveryStatus if s is not DeliveryStatus.FAILED])
def test_every_answer_but_a_failure_is_a_success(
    limit: ConcurrencyLimit, status: DeliveryStatus
) -> None:
    in_slot(limit, TOO_MANY)
    in_slot(limit, *[Result("1", status)] * 5)
    assert limit.allowed == 5


def test_no_batch_starts_before_the_service_wants_one(
    limit: ConcurrencyLimit, time: FakeTime
) -> None:
    in_slot(limit, Result("1", DeliveryStatus.FAILED, retry_after=7.0))
    in_slot(limit, GOOD)
    assert time.slept == [7.0]


def test_the_longest_wait_counts(limit: ConcurrencyLimit, time: FakeTime) -> None:
    waits = (7.0, 30.0, 2.0)
    in_slot(limit, *[Result("1", DeliveryStatus.FAILED, retry_after=wait) for wait in waits])
    in_slot(limit, GOOD)
    assert time.now == 130.0


def test_no_more_batches_are_under_way_than_allowed(limit: ConcurrencyLimit) -> None:
    assert peak(limit, workers=20) == 8
    in_slot(limit, TOO_MANY)
    assert peak(limit, workers=20) == 4


def peak(limit: ConcurrencyLimit, workers: int) -> int:
    """Hand over one batch per worker and count how many are under way together."""
    under_way, most = 0, 0

    async def work() -> None:
        nonlocal under_way, most
        async with limit.slot():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    async def run() -> None:
        await asyncio.gather(*(work() for _ in range(workers)))

    asyncio.run(run())
    return most


def test_a_cancelled_batch_gives_its_place_back(limit: ConcurrencyLimit) -> None:
    async def hold() -> None:
        async with limit.slot():
            await asyncio.Event().wait()

    async def run() -> None:
        held = [asyncio.create_task(hold()) for _ in range(8)]
        await asyncio.sleep(0)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    asyncio.run(run())
    assert peak(limit, workers=20) == 8


def test_a_batch_that_gives_up_waiting_takes_no_place(limit: ConcurrencyLimit) -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            event = asyncio.Event()
            holders = [group.create_task(hold(limit, event.wait)) for _ in range(8)]
            await asyncio.sleep(0)
            waiting = asyncio.create_task(hold(limit, event.wait))
            await asyncio.sleep(0)
            waiting.cancel()
            event.set()
            await asyncio.gather(*holders)

    asyncio.run(run())
    assert peak(limit, workers=20) == 8


async def hold(limit: ConcurrencyLimit, until: Callable[[], Awaitable[object]]) -> None:
    async with limit.slot():
        await until()
