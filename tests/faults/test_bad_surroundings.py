"""Commands where the system gives less than it should, and two of them in one place."""

from __future__ import annotations

import re
import signal

import pytest

from emoreal_bench.contracts.errors import ExitCode
from tests.faults.breaking import assert_session_is_gone
from tests.faults.commands import Command, by_name
from tests.faults.conftest import GiveOnce, Make
from tests.faults.fork_server import Conditions

HOMES = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME")
_FAILED = re.compile(r"\b[1-9]\d* (?:items? )?failed|\bfailed [1-9]|damaged clips: [1-9]")
TYPED = (ExitCode.USAGE, ExitCode.INCOMPLETE, ExitCode.NOT_COMPARABLE)
quick = by_name(lambda one: not one.is_slow)


def check_without_homes(
    one: Command, workplace: Make, unbroken: GiveOnce, homes: str | None
) -> None:
    whole, place = unbroken(one).place, workplace(one)
    environment = {name: value for name, value in place.environment().items() if name not in HOMES}
    if homes is not None:
        environment.update(dict.fromkeys(HOMES, homes))
    process = place.start(Conditions(clock_goes_back=True), environment)
    errors = process.wait()
    assert process.returncode == ExitCode.DONE, errors
    place.assert_as_unbroken(whole)


@quick
def test_homes_that_lead_nowhere_and_a_clock_that_goes_back(
    one: Command, workplace: Make, unbroken: GiveOnce
) -> None:
    check_without_homes(one, workplace, unbroken, "/nowhere/at/all")


@pytest.mark.long
@by_name()
def test_no_homes_and_a_clock_that_goes_back(
    one: Command, workplace: Make, unbroken: GiveOnce
) -> None:
    check_without_homes(one, workplace, unbroken, None)


def check_starved(
    one: Command, workplace: Make, unbroken: GiveOnce, conditions: Conditions
) -> None:
    """Check that a starved command comes to its end, or says why not and then does."""
    place, whole = workplace(one), unbroken(one).place
    process = place.start(conditions)
    errors = process.wait()
    assert_session_is_gone(process)
    if process.returncode != ExitCode.DONE:
        if process.returncode == -signal.SIGABRT:
            # A library in Rust ends the process where an allocation fails: that is its word.
            assert "memory allocation of" in errors, errors
        else:
            assert process.returncode in TYPED, errors
            # Notices of what was begun with may stand before it; of a run whose single items
            # failed, and of clips that were not written, the output tells instead.
            assert "\nerror: " in f"\n{errors}" or _FAILED.search(process.output()), errors
        place.kills = 1  # What was asked then may be asked again.
        place.assert_whole()
        place.finish()
    place.assert_as_unbroken(whole)


@quick
def test_few_open_files(one: Command, workplace: Make, unbroken: GiveOnce) -> None:
    check_starved(one, workplace, unbroken, Conditions(limits={"RLIMIT_NOFILE": 7}))


@quick
def test_little_memory(one: Command, workplace: Make, unbroken: GiveOnce) -> None:
    check_starved(one, workplace, unbroken, Conditions(spare_memory=6 << 20))


@pytest.mark.long
@by_name()
@pytest.mark.parametrize("amount", [0.25, 1, 2, 4, 12, 25, 50, 100])
def test_less_and_more_of_files_and_memory(
    one: Command, workplace: Make, unbroken: GiveOnce, amount: float
) -> None:
    check_starved(one, workplace, unbroken, Conditions(spare_memory=int(amount * (1 << 20))))
    check_starved(
        one, workplace, unbroken, Conditions(limits={"RLIMIT_NOFILE": 5 + int(amount) % 16})
    )


@quick
def test_two_at_once(one: Command, workplace: Make, unbroken: GiveOnce) -> None:
    whole, place = unbroken(one).place, workplace(one)
    both = [place.start(), place.start()]
    told = [process.wait() for process in both]
    codes = {process.returncode for process in both}
    assert ExitCode.DONE in codes, told
    assert codes <= {ExitCode.DONE, *TYPED}, told
    assert not any("Traceback" in text for text in told), told
    place.kills = 1
    place.assert_as_unbroken(whole)
