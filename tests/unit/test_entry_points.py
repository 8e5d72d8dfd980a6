"""Code of other packages: whatever it raises names the package, and what is meant passes."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import EntryPoint

import pytest

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.entry_points import foreign_code, load_entry_point, load_group


@pytest.mark.parametrize(
    "error", [KeyError("answer"), AssertionError(), SystemExit(3), MemoryError(), RecursionError()]
)
def test_whatever_foreign_code_raises_names_the_package(error: BaseException) -> None:
    with (
        pytest.raises(
            DataError, match=rf"reader toy of the package toy 1\.0 failed: {type(error).__name__}"
        ),
        foreign_code("The reader toy", "toy 1.0", DataError),
    ):
        raise error


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit(), UsageError("mine")]
)
def test_what_ends_a_program_or_speaks_for_itself_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, foreign_code("The reader toy", "toy 1.0"):
        raise error
    assert caught.value is error


def test_one_that_fails_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    entries = [
        EntryPoint(name, value, "group")
        for name, value in (("good", "json:loads"), ("gone", "no_module_here:x"), ("odd", "json:x"))
    ]
    with caplog.at_level(logging.WARNING):
        loaded, broken = load_group(entries, load_entry_point)
    assert list(loaded) == ["good"]
    assert list(broken) == ["gone", "odd"]
    assert "'gone' of the package no_module_here cannot be imported" in caplog.text
