"""What a process takes from start to end, its children included."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from benchmarks.peers.environments import NotRunError, last_lines

_LIMIT_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took.

    Attributes:
        cpu_seconds: User and system time, its children included.
        wall_seconds: By the clock.
        printed: On standard output.
    """

    cpu_seconds: float
    wall_seconds: float
    printed: str


def take(
    command: Sequence[object], variables: Mapping[str, str], folder: Path | None = None
) -> Taken:
    """Run a command to its end, and measure it.

    Args:
        command: Program and arguments, each taken as text.
        variables: Of its environment, beside ours.
        folder: To work in.

    Raises:
        NotRunError: If it fails, or takes longer than half an hour.
    """
    # One thread for the libraries of numbers, which else start one per core to no purpose.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
            cwd=folder,
        )
        timer = Timer(_LIMIT_SECONDS, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            process.kill()
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if status:
            ending = last_lines(errors.read())
            raise NotRunError(f"ended with {process.returncode}: {ending}")
        # The peak of memory would begin with that of this process, from before the command.
        return Taken(usage.ru_utime + usage.ru_stime, seconds, output.read())
