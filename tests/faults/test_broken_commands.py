"""A command that is broken off anywhere leaves nothing half, and ends right when given again.

The commands are the table of :mod:`tests.faults.commands`. The quick form breaks each a few
times by signals and by errors of the disk; the long form at every step of its writing, and a
thousand times at random moments. ``python -m tests.faults.record`` writes the counts down.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run as command
from emoreal_bench.contracts.errors import ExitCode
from tests.faults.breaking import WAYS, Workplace
from tests.faults.commands import COMMANDS, KEY_VARIABLE, Command, Given, by_name
from tests.faults.conftest import GiveOnce, Make, Unbroken
from tests.faults.fault_point import FaultPoint, faulty
from tests.faults.fork_server import ForkServer
from tests.faults.record import Breaking

ERRORS = {
    "ENOSPC": "No space left on device",
    "EROFS": "Read-only file system",
    "EMFILE": "Too many open files",
    "EIO": "Input/output error",
}
QUICK_STEPS = 3
TOGETHER = 3
"""So many steps less than the time before are no surprise."""
KILLS = 1000
quick = by_name(lambda one: not one.is_slow)


def give(place: Workplace, point: FaultPoint, monkeypatch: pytest.MonkeyPatch) -> int:
    """Give the command in this process."""
    with monkeypatch.context() as patch, faulty(point):
        patch.chdir(place.home)
        patch.setenv(KEY_VARIABLE, "sk-nobody")
        return command(place.one.arguments(place.given))


@by_name()
def test_broken_off_in_every_way(one: Command, workplace: Make, unbroken: GiveOnce) -> None:
    whole, broken = unbroken(one), workplace(one)
    choice = random.Random(one.name)
    broken.kill_at_step("SIGKILL", choice.randint(1, whole.steps))
    for way in () if one.is_slow else WAYS:
        broken.kill_at(choice.uniform(0.0, 0.5) * whole.seconds, way)
    broken.finish()
    broken.assert_as_unbroken(whole.place)


@pytest.mark.long
@pytest.mark.timeout(3600)
@by_name()
def test_a_thousand_kills(one: Command, given: Given, server: ForkServer, tmp_path: Path) -> None:
    breaking = Breaking(one, given, server, tmp_path, random.Random(one.name))
    wanted = -(-KILLS // len(COMMANDS))
    while (left := wanted - breaking.kills.total()) > 0:
        breaking.break_series(left)
    assert not breaking.failures


@pytest.mark.long
@pytest.mark.timeout(3600)
@by_name()
def test_killed_at_every_step_of_writing(one: Command, workplace: Make, unbroken: GiveOnce) -> None:
    whole = unbroken(one)
    for step in range(1, whole.steps + 1):
        broken = workplace(one)
        broken.kill_at_step("SIGKILL", step)
        broken.finish()
        broken.assert_as_unbroken(whole.place)


def check_failing(
    workplace: Make,
    whole: Unbroken,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    most: int | None,
) -> None:
    one = whole.place.one
    steps = whole.steps
    expected = whole.place.snapshot()
    chosen: Sequence[int] = range(1, steps + 1)
    if most is not None and steps > most:
        chosen = sorted(random.Random(one.name).sample(chosen, most))
    for number, step in enumerate(chosen):
        kind = list(ERRORS)[number % len(ERRORS)]
        place = workplace(one)
        capfd.readouterr()
        point = FaultPoint(kind, step)
        code = give(place, point, monkeypatch)
        told = capfd.readouterr().err
        where = f"{kind} at step {step} of {steps}"
        if step > max(point.taken, steps - TOGETHER):
            # Answers of a service that come at once are written at once, in fewer steps.
            assert code == ExitCode.DONE, f"{where}: {told}"
            continue
        assert code == ExitCode.INCOMPLETE, f"{where}: {told}"
        assert ERRORS[kind] in told, f"{where}: {told}"
        place.assert_whole()
        place.assert_nothing_left()
        again = give(place, FaultPoint("", 0), monkeypatch)
        told = capfd.readouterr().err
        assert again == ExitCode.DONE or (one.once and one.once in told), f"{where}: {told}"
        assert place.snapshot() == expected, where


@quick
def test_a_disk_that_refuses(
    one: Command,
    workplace: Make,
    unbroken: GiveOnce,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_failing(workplace, unbroken(one), monkeypatch, capfd, QUICK_STEPS)


@pytest.mark.long
@pytest.mark.timeout(3600)
@by_name()
def test_a_disk_that_refuses_at_every_step(
    one: Command,
    workplace: Make,
    unbroken: GiveOnce,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    check_failing(workplace, unbroken(one), monkeypatch, capfd, None)
