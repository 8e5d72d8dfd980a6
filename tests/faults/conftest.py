"""What the fault tests share: the files that commands read, and what they write unbroken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from tests.faults.breaking import Workplace
from tests.faults.commands import Command, Given, make_wanted
from tests.faults.fork_server import ForkServer

Make = Callable[[Command], Workplace]


@dataclass(frozen=True)
class Unbroken:
    """What a command comes to that nothing breaks off.

    Attributes:
        place: With what it wrote.
        steps: Of writing.
        seconds: That it took.
    """

    place: Workplace
    steps: int
    seconds: float


GiveOnce = Callable[[Command], Unbroken]


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    with StubServer() as stub:
        yield Given(tmp_path_factory.mktemp("given"), stub)


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    with ForkServer() as started:
        yield started


@pytest.fixture
def workplace(tmp_path: Path, given: Given, server: ForkServer) -> Make:
    """Make a new place for a command, its files made."""

    def make(one: Command) -> Workplace:
        make_wanted(one, given)
        number = len(list(tmp_path.iterdir()))
        return Workplace(tmp_path / f"home-{number}", given, one, server)

    return make


@pytest.fixture(scope="session")
def unbroken(
    tmp_path_factory: pytest.TempPathFactory, given: Given, server: ForkServer
) -> GiveOnce:
    """Give a command to its end once for all tests."""

    @cache
    def give(one: Command) -> Unbroken:
        make_wanted(one, given)
        place = Workplace(tmp_path_factory.mktemp("unbroken") / "home", given, one, server)
        begun = time.monotonic()
        steps = place.finish()
        return Unbroken(place, steps, time.monotonic() - begun)

    return give
