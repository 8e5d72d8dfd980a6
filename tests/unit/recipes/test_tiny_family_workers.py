"""The processes of the tiny family do not outlive the command that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import os, time
from recipes.tiny_omni.workers import make_pool

if __name__ == "__main__":
    with make_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""
LONGEST_WAIT = 120
ROOT = Path(__file__).parents[3]


def is_running(process: int) -> bool:
    """Tell a process from one that has ended, or has ended and is not yet cleared away."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_a_worker_ends_when_its_command_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text(SCRIPT)
    # The recipe is not installed: a command finds it from the root of the checkout.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=environment
    ) as command:
        assert command.stdout is not None
        worker = int(command.stdout.readline())
        assert is_running(worker)
        command.kill()
    end = time.monotonic() + LONGEST_WAIT
    while is_running(worker) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_running(worker)
