"""What a sitting may use up."""

from __future__ import annotations

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.result import Result, Usage
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.running.budget import Budget, Spending


def answer(tokens: int = 0, cost: float | None = None) -> Result:
    return Result("1", DeliveryStatus.OK, usage=Usage(tokens, 0, cost=cost))


def test_without_a_bound_everything_is_allowed() -> None:
    spending = Spending(Budget())
    spending.add(answer(10**9, 10**6))
    assert spending.allow(10**9)
    assert not spending.stopped


def test_requests_never_pass_their_bound() -> None:
    spending = Spending(Budget(requests=5))
    assert [spending.allow(2) for _ in range(3)] == [True, True, False]
    assert spending.allow(1)


def test_tokens_and_money_stop_what_follows() -> None:
    for budget in (Budget(tokens=100), Budget(cost=1.0)):
        spending = Spending(budget)
        assert spending.allow(1)
        spending.add(answer(100, 1.0))
        assert not spending.allow(1)


def test_what_a_model_says_of_itself_gives_nothing_back() -> None:
    for budget in (Budget(tokens=100), Budget(cost=1.0)):
        spending = Spending(budget)
        spending.add(answer(100, 1.0))
        spending.add(answer(-(10**9), -1e9))
        assert not spending.allow(1)


def test_it_is_stopped_once_something_was_turned_down() -> None:
    spending = Spending(Budget(requests=1))
    spending.allow(1)
    assert not spending.stopped
    spending.allow(1)
    assert spending.stopped


def test_what_was_used_is_told_beside_its_bound() -> None:
    spending = Spending(Budget(requests=5, cost=2.0))
    spending.allow(3)
    spending.add(answer(cost=1.25))
    assert spending.describe() == "3 of 5 requests, 1.25 of 2.0 US dollars"


def test_money_cannot_be_bounded_where_no_price_is_known() -> None:
    with pytest.raises(UsageError, match="input_price"):
        Spending(Budget(cost=1.0)).add(answer(cost=None))


def test_a_failure_without_a_price_is_no_reason_to_stop() -> None:
    Spending(Budget(cost=1.0)).add(Result("1", DeliveryStatus.FAILED))


@pytest.mark.parametrize(
    "bounds",
    [{"requests": -1}, {"tokens": -1}, {"cost": -0.5}],
    ids=lambda bounds: next(iter(bounds)),
)
def test_a_bound_below_zero_is_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(bounds))):
        Budget(**bounds)
