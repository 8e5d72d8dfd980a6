"""The processes of a Ray cluster on this machine, found by what they call themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def processes_called(name: str) -> list[int]:
    """Return the ids of our processes whose title begins with a name (``ray::ModelCopy``).

    They are below this process, or orphans, whose driver is gone; not of other people's clusters.
    """
    found: list[int] = []
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text()
        except OSError:
            continue
        process = int(folder.name)
        # After the command, which may hold anything, come a letter and the parent.
        parents[process] = int(state.rpartition(")")[2].split()[1])
        if title.startswith(name.encode()):
            found.append(process)
    return sorted(process for process in found if _is_ours(process, parents))


def _is_ours(process: int, parents: Mapping[int, int]) -> bool:
    above = []
    while process in parents:
        process = parents[process]
        above.append(process)
    is_orphan = len(above) <= len(("raylet", "init"))
    return is_orphan or os.getpid() in above


def kill(process: int) -> None:
    """End a process at once."""
    os.kill(process, signal.SIGKILL)


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Wait for something that other processes bring about."""
    patience = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < patience, f"{what} does not come about"
        time.sleep(0.02)
