"""A run that keeps within what its service bears and its budget allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result, Usage
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.record.log import read_log
from emoreal_bench.running.budget import Budget, BudgetSpentError
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, NotingObserver, plan_of

EIGHT_AT_ONCE = Capabilities(batch_size=1, concurrency=8)


class Service(FakeModel):
    """Takes so many requests at once and turns the rest down.

    Attributes:
        turned_down: How often.
        under_way: Requests at this moment.
    """

    def __init__(self, room: int, cost: float | None = None):
        super().__init__(capabilities=EIGHT_AT_ONCE)
        self.room = room
        self.cost = cost
        self.under_way = self.turned_down = 0

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        (request,) = requests
        self.asked[request.id] += 1
        if self.under_way >= self.room:
            self.turned_down += 1
            yield Result(request.id, DeliveryStatus.FAILED, detail="HTTP 429", retry_after=0.0)
            return
        self.under_way += 1
        await asyncio.sleep(0.002)
        self.under_way -= 1
        usage = Usage(90, 10, cost=self.cost)
        yield Result(request.id, DeliveryStatus.OK, "(A)", usage=usage)


def policy(budget: Budget | None = None) -> RunPolicy:
    return RunPolicy(attempts=50, backoff_seconds=0.0, budget=budget or Budget())


def finished(folder: Path) -> set[str]:
    return {record["id"] for record in read_log(folder / ITEMS_FILE)}


def test_a_service_that_bears_less_is_asked_less_and_every_item_is_answered(
    tmp_path: Path,
) -> None:
    service = Service(room=2)
    summary = run_task(plan_of(tmp_path, items=120), service, tmp_path / "run", policy())
    assert summary.statuses == {DeliveryStatus.OK: 120}
    # Eight workers that never slowed down would be turned down again and again:
    # six of them in each of the 60 rounds that the service needs.
    assert service.turned_down < 120


def test_a_service_that_bears_all_is_never_slowed_down(tmp_path: Path) -> None:
    service = Service(room=8)
    run_task(plan_of(tmp_path, items=40), service, tmp_path / "run", policy())
    assert service.turned_down == 0


def test_a_run_stops_at_its_number_of_requests_and_goes_on_with_the_next_budget(
    tmp_path: Path,
) -> None:
    service, folder = Service(room=8), tmp_path / "run"
    plan = plan_of(tmp_path, items=20)
    for kept in (8, 16):
        with pytest.raises(BudgetSpentError, match=f"8 of 8 requests.*{kept} of 20 items"):
            run_task(plan, service, folder, policy(Budget(requests=8)))
        assert len(finished(folder)) == kept
        assert not (folder / RESULTS_FILE).exists()
    run_task(plan, service, folder, policy(Budget(requests=8)))
    assert len(finished(folder)) == 20
    assert set(service.asked.values()) == {1}


def test_what_is_under_way_when_the_money_is_spent_still_comes_in(tmp_path: Path) -> None:
    service = Service(room=8, cost=1.0)
    with pytest.raises(BudgetSpentError, match="US dollars"):
        run_task(plan_of(tmp_path, items=40), service, tmp_path / "run", policy(Budget(cost=10.0)))
    asked = sum(service.asked.values())
    assert 10 <= asked < 10 + EIGHT_AT_ONCE.concurrency
    assert len(finished(tmp_path / "run")) == asked


def test_tokens_are_bounded_too(tmp_path: Path) -> None:
    service = Service(room=8)
    with pytest.raises(BudgetSpentError, match="tokens"):
        run_task(plan_of(tmp_path, items=40), service, tmp_path / "run", policy(Budget(tokens=500)))


def test_a_budget_that_is_just_enough_ends_the_run_as_usual(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, items=12)
    summary = run_task(plan, Service(room=8), tmp_path / "run", policy(Budget(requests=12)))
    assert summary.statuses == {DeliveryStatus.OK: 12}


def test_a_spent_budget_is_an_incomplete_run(tmp_path: Path) -> None:
    observer = NotingObserver()
    with pytest.raises(BudgetSpentError) as stop:
        run_task(
            plan_of(tmp_path, items=4),
            Service(room=8),
            tmp_path / "run",
            policy(Budget(requests=1)),
            observer,
        )
    assert stop.value.exit_code is ExitCode.INCOMPLETE
    assert observer.summaries[-1].statuses == {DeliveryStatus.OK: 1}


def test_money_cannot_be_bounded_for_a_model_of_unknown_price(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="price"):
        run_task(
            plan_of(tmp_path, items=4), Service(room=8), tmp_path / "run", policy(Budget(cost=1.0))
        )
