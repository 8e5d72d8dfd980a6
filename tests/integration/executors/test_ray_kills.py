"""A run on a Ray cluster of which something is killed a hundred times."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults.killed_runs import ScriptedRun, make_scripted_run
from tests.integration.executors.ray_processes import kill, processes_called, wait_until

COPY = "ray::ModelCopy"
KILLS = 100
ITEMS = 1_500
BETWEEN = (20, 40)
"""Questions between two kills, so that no batch brings down three copies, which would fail it."""
DELAY = 0.02
VICTIMS = ("copy", "copy", "machine", "driver")


@dataclass
class Storm:
    """Kills copies, a machine and the driver of a run, and starts again what has to be.

    Attributes:
        cluster: Two machines and a third, which is the one that is removed.
        run: What is to survive.
        killed: How often what was killed.
        seen: What was finished at each kill, and how many questions had been asked by then.
    """

    cluster: Any
    run: ScriptedRun
    killed: Counter[str] = field(default_factory=Counter)
    seen: list[tuple[set[str], int]] = field(default_factory=list)

    def rage(self, source: random.Random, most: int) -> None:
        """Kill at random moments, at most so often, then let the run end."""
        machine = self.cluster.add_node(num_cpus=2)
        driver = self._start()
        while self.killed.total() < most:
            self._wait(driver, source.randint(*BETWEEN))
            if driver.poll() is not None:
                break
            self.seen.append((self.run.finished(), len(self.run.asked())))
            victim = source.choice(VICTIMS)
            if victim == "copy":
                copies = processes_called(COPY)
                if not copies:
                    continue
                kill(source.choice(copies))
            elif victim == "machine":
                self.cluster.remove_node(machine)
                machine = self.cluster.add_node(num_cpus=2)
            else:
                driver.kill()
                driver.communicate()
                driver = self._start()
            self.killed[victim] += 1
        _, errors = driver.communicate(timeout=600)
        assert driver.returncode == 0, errors
        self.cluster.remove_node(machine)

    def _start(self) -> subprocess.Popen[str]:
        options = ["--executor", "ray", "--address", self.cluster.address, "--copies", "4"]
        return self.run.start(more=options)

    def _wait(self, driver: subprocess.Popen[str], questions: int) -> None:
        wanted = len(self.run.asked()) + questions
        wait_until(
            lambda: driver.poll() is not None or len(self.run.asked()) >= wanted,
            f"question {wanted}",
            seconds=300.0,
        )


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_kills_lose_no_item_and_record_none_twice(cluster: Any, tmp_path: Path) -> None:
    source = random.Random(0)
    killed: Counter[str] = Counter()
    unbroken = make_scripted_run(tmp_path / "unbroken", failing=False, count=ITEMS)
    unbroken.finish()
    # How many kills fall into one run depends on how busy the machine is.
    for number in count():
        run = make_scripted_run(tmp_path / f"{number}", DELAY, failing=False, count=ITEMS)
        storm = Storm(cluster, run)
        storm.rage(source, KILLS - killed.total())
        _check(storm, unbroken)
        assert storm.killed, "a run was over before anything was killed"
        killed += storm.killed
        if killed.total() == KILLS:
            break
    assert killed.keys() == set(VICTIMS)


def _check(storm: Storm, unbroken: ScriptedRun) -> None:
    run, asked = storm.run, storm.run.asked()
    lines = run.log.read_text().splitlines()
    assert len(lines) == ITEMS
    assert run.finished() == {f"item-{number}" for number in range(ITEMS)}
    for finished, so_far in storm.seen:
        assert not finished & set(asked[so_far:]), "what was finished was asked again"
    assert run.results() == unbroken.results()
    wait_until(lambda: not processes_called(COPY), "the end of the copies")
