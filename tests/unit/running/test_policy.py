"""How often to ask again, how long to wait, and when to give up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.running.policy import RunPolicy, parse_fail_on_error, too_many_errors


@given(errors=st.integers(0, 100))
def test_errors_never_stop_a_run_by_default(errors: int) -> None:
    assert not too_many_errors(RunPolicy().fail_on_error, errors, 100)


def test_true_stops_at_the_first_error() -> None:
    assert not too_many_errors(True, 0, 100)
    assert too_many_errors(True, 1, 100)


def test_a_count_is_what_is_allowed() -> None:
    assert not too_many_errors(5, 5, 100)
    assert too_many_errors(5, 6, 100)
    assert too_many_errors(0, 1, 100)


def test_a_share_is_of_all_items_of_the_run() -> None:
    assert not too_many_errors(0.05, 5, 100)
    assert too_many_errors(0.05, 6, 100)
    assert too_many_errors(0.0, 1, 100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("False", False),
        ("0", 0),
        ("12", 12),
        ("1", 1),
        ("0.05", 0.05),
        (" .5 ", 0.5),
        ("0.0", 0.0),
    ],
)
def test_fail_on_error_is_a_word_a_count_or_a_share(text: str, expected: float) -> None:
    value = parse_fail_on_error(text)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("text", ["", "yes", "-1", "1.5", "1.0", "nan", "5%"])
def test_anything_else_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(UsageError, match=r"0\.05"):
        parse_fail_on_error(text)


def test_only_failed_items_are_asked_again_by_default() -> None:
    finished = {status for status in DeliveryStatus if RunPolicy().is_finished(status)}
    assert finished == set(DeliveryStatus) - {DeliveryStatus.FAILED}


@given(attempt=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_wait_doubles_within_its_limit_and_is_spread_over_its_upper_half(
    attempt: int, seed: int
) -> None:
    policy = RunPolicy(backoff_seconds=0.5, backoff_limit=20.0)
    longest = min(20.0, 0.5 * 2 ** (attempt - 1))
    wait = policy.wait(attempt, None, np.random.default_rng(seed))
    assert longest / 2 <= wait <= longest
    assert wait == policy.wait(attempt, None, np.random.default_rng(seed))


def test_a_service_may_ask_for_more_than_the_limit() -> None:
    policy = RunPolicy(backoff_limit=20.0)
    assert policy.wait(1, 90.0, np.random.default_rng(0)) == 90.0


@pytest.mark.parametrize("name", ["attempts", "decode_ahead", "decode_workers"])
def test_a_policy_with_nothing_of_something_is_refused(name: str) -> None:
    nothing: dict[str, Any] = {name: 0}
    with pytest.raises(UsageError, match=name):
        RunPolicy(**nothing)


def test_a_negative_wait_is_refused() -> None:
    with pytest.raises(UsageError, match="backoff_seconds"):
        RunPolicy(backoff_seconds=-1.0)
