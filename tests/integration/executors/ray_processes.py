"""The processes of a Ray cluster on this machine, found by what they call themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def processes_called(name: str) -> list[int]:
    """Return the ids of the processes whose title begins with a name (``ray::ModelCopy``)."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            title = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if folder.name.isdecimal() and title.startswith(name.encode()):
            found.append(int(folder.name))
    return sorted(found)


def kill(process: int) -> None:
    """End a process at once."""
    os.kill(process, signal.SIGKILL)


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    """Wait for something that other processes bring about."""
    patience = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < patience, f"{what} does not come about"
        time.sleep(0.02)
