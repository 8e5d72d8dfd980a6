"""Half an hour of the whole line in a loop: does anything grow that should not?

Each round asks the tiny model in this process, asks it again in a process of its own that is
killed with SIGKILL at a random moment and continued until it is done, builds a run page and a
leaderboard of both, and in every fifth round spreads the same run over two copies by Ray. Every
run must give the same ``results.json`` to the byte. After each round, memory, open files and
threads of this process are noted, and the processes and shared memory that are left.

Usage: python -m benchmarks.long_run [--minutes 30] [--items 20] [--no-ray]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from emoreal_bench import PlanOptions, RunOptions, api

RESULTS = Path(__file__).parent / "results" / "long_run.json"
RAY_EVERY = 5
GROWTH_BUDGET_MEBIBYTES = 32
"""Between the second quarter of the rounds and the last; the first fills caches."""
LONGEST_SECONDS_TO_A_KILL = 6.0
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class State:
    """What there is after a round.

    Attributes:
        mebibytes: That this process holds.
        open_files: Of this process.
        threads: Of this process.
        children: Processes that were started and still are.
        shared_memory: Files in shared memory.
    """

    mebibytes: float
    open_files: int
    threads: int
    children: int
    shared_memory: int


def look() -> State:
    """Note the state of this process and what is around it."""
    gc.collect()
    status = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    )
    return State(
        mebibytes=int(status["VmRSS"].split()[0]) / 1024,
        open_files=len(list(Path("/proc/self/fd").iterdir())) - 1,  # one is that of the listing
        threads=int(status["Threads"]),
        children=sum(map(_is_child, Path("/proc").glob("[0-9]*"))),
        shared_memory=len(list(_SHARED_MEMORY.iterdir())),
    )


def _is_child(process: Path) -> bool:
    try:
        parent = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
    except OSError:
        return False
    return int(parent) == os.getpid()


@dataclass
class Loop:
    """The loop.

    Attributes:
        place: Its folder.
        items: Questions of each run.
        source: Of the moments of the kills.
        kills: How often a run was killed before its end.
        runs: How many runs came to their end.
    """

    place: Path
    items: int
    source: random.Random
    kills: int = 0
    runs: int = 0

    def go_round(self, *, ray: bool) -> None:
        """Do everything once, and hold the results against each other."""
        here = self.place / "round"
        data = self.place / "data"
        report = api.evaluate(
            data=data, options=RunOptions(plan=PlanOptions(limit=self.items), out=here / "own")
        )
        assert report.is_complete, "a run lacks items"
        self.kill_and_continue(here / "killed")
        folders = [here / "own", here / "killed"]
        if ray:
            self._give("run", *self._run(here / "spread"), "--executor", "ray", "--copies", "2")
            folders.append(here / "spread")
        for folder in folders[1:]:
            same = (folder / "results.json").read_bytes() == (
                folders[0] / "results.json"
            ).read_bytes()
            assert same, f"{folder.name} has other results"
        self.runs += len(folders)
        api.view_run(folders[0], here / "page", other=folders[1], stills=2)
        api.build_leaderboard(folders, here / "site")
        shutil.rmtree(here)

    def kill_and_continue(self, out: Path) -> None:
        """Kill a run at a random moment, and go on until it is done."""
        while True:
            process = subprocess.Popen(
                self._command("run", *self._run(out)), stdout=subprocess.DEVNULL
            )
            try:
                code = process.wait(self.source.uniform(0.2, LONGEST_SECONDS_TO_A_KILL))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.kills += 1
                if self.kills % 3 == 0:  # Else slow machines would never come to an end.
                    self._give("run", *self._run(out))
                    return
                continue
            assert code == 0, f"a continued run ended with {code}"
            return

    def _run(self, out: Path) -> Sequence[str]:
        return (
            "--data",
            str(self.place / "data"),
            "--limit",
            str(self.items),
            "--out",
            str(out),
            "-q",
        )

    def _command(self, *arguments: str) -> Sequence[str]:
        return (sys.executable, "-m", "emoreal_bench", *arguments)

    def _give(self, *arguments: str) -> None:
        subprocess.run(self._command(*arguments), check=True, stdout=subprocess.DEVNULL)


def measure(minutes: float, items: int, *, ray: bool) -> dict[str, Any]:
    """Loop for so long, and return what grew."""
    states: list[State] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(Path(folder), items, random.Random(0))
        api.make_synthetic_benchmark(loop.place / "data", {"items": items})
        while len(states) < 4 or time.monotonic() - started < 60 * minutes:
            loop.go_round(ray=ray and len(states) % RAY_EVERY == 0)
            states.append(look())
            print(len(states), states[-1], flush=True)
    quarter = max(1, len(states) // 4)
    before, after = states[quarter : 2 * quarter], states[-quarter:]
    changes = {
        field.name: median(getattr(one, field.name) for one in after)
        - median(getattr(one, field.name) for one in before)
        for field in fields(State)
    }
    growing = {name for name, change in changes.items() if name != "mebibytes" and change > 0}
    if changes["mebibytes"] > GROWTH_BUDGET_MEBIBYTES:
        growing.add("mebibytes")
    return {
        "minutes": round((time.monotonic() - started) / 60, 1),
        "rounds": len(states),
        "runs": loop.runs,
        "kills": loop.kills,
        "changes": {name: round(change, 2) for name, change in changes.items()},
        "growth_budget_mebibytes": GROWTH_BUDGET_MEBIBYTES,
        "growing": sorted(growing),
        "first": asdict(states[0]),
        "last": asdict(states[-1]),
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    names = ("emoreal-bench", "numpy", "torch", "ray")
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {name: version(name) for name in names},
        **measure(arguments.minutes, arguments.items, ray=not arguments.no_ray),
    }
    print(json.dumps(record, indent=2))
    arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    raise SystemExit(1 if record["growing"] else 0)


if __name__ == "__main__":
    main()
