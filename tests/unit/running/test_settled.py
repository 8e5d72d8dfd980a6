"""What would only fail alike is not asked again; the next sitting asks it all the same."""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, plan_of


def test_a_settled_failure_is_asked_once_in_a_sitting(tmp_path: Path) -> None:
    asked: list[str] = []

    def fail(request: Request, attempt: int) -> Result:
        asked.append(request.id)
        is_settled = request.id == "item-0"
        return Result(request.id, DeliveryStatus.FAILED, detail="no", is_settled=is_settled)

    policy = RunPolicy(attempts=3, backoff_seconds=0.0, give_up_after=0)
    plan = plan_of(tmp_path, items=2)
    run_task(plan, FakeModel(fail), tmp_path / "run", policy)
    assert (asked.count("item-0"), asked.count("item-1")) == (1, 3)
    run_task(plan, FakeModel(fail), tmp_path / "run", policy)
    assert (asked.count("item-0"), asked.count("item-1")) == (2, 6)
