"""How long a service wants to be left alone, wherever it says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from emoreal_bench.model_adapters.remote.reply import parse_retry_after, wait_wanted


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_seconds_are_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == seconds


def test_a_date_is_a_wait_until_then() -> None:
    later = datetime.now(UTC) + timedelta(minutes=5)
    seconds = parse_retry_after({"retry-after": format_datetime(later, usegmt=True)})
    assert seconds == pytest.approx(300, abs=60)


def test_a_date_that_has_passed_is_no_wait() -> None:
    assert parse_retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


def test_the_longest_wait_is_the_one_wanted() -> None:
    assert wait_wanted(429, [1.0, None, 3.0]) == 3.0


@pytest.mark.parametrize("code", [429, 503])
def test_an_overloaded_service_that_does_not_say_how_long_is_still_overloaded(code: int) -> None:
    assert wait_wanted(code, [None]) == 0.0


def test_an_error_of_another_kind_asks_for_no_wait() -> None:
    assert wait_wanted(500, [None]) is None
