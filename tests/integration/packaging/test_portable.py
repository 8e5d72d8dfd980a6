"""What the code asks of an operating system, tried by taking modules away from Python.

Windows has neither ``fcntl`` nor ``resource``. This does not stand for a run on Windows.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from tests.media_files import Picture, make_clip
from tests.small_emorealm import make_data

ROOT = Path(__file__).resolve().parents[3]
BLOCKED = "import sys\nsys.modules.update(fcntl=None, resource=None)\n"
DECODE = """
import asyncio, pathlib, sys
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.pool import DecodePool

async def decode():
    async with DecodePool(1, DecodeLimits()) as pool:
        clip = Clip(key="one", video=pathlib.Path(sys.argv[1]))
        return await pool.decode(clip, MediaWanted(frames=2), "one")

assert len(asyncio.run(decode()).frames) == 2
"""


@pytest.fixture
def blocked(tmp_path: Path) -> dict[str, str]:
    """Give an environment in which no process finds the modules, also none that another starts."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BLOCKED)
    return {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}{os.pathsep}{ROOT}"}


def python(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_needs_no_module_that_windows_lacks(tmp_path: Path, blocked: dict[str, str]) -> None:
    python(blocked, "-c", "import sys; assert sys.modules['fcntl'] is sys.modules['resource']")
    data, run = make_data(tmp_path / "data"), tmp_path / "run"
    command = ["run", "--model", "baseline/random", "--task", "emorealm", "--data", str(data)]
    python(blocked, "-m", "emoreal_bench", *command, "--out", str(run), "--quiet")
    assert (run / RESULTS_FILE).is_file()
    assert len((run / ITEMS_FILE).read_text().splitlines()) == 24


def test_clips_are_decoded_without_a_limit_of_memory(
    tmp_path: Path, blocked: dict[str, str]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", Picture(frames=10, size=(64, 48)))
    python(blocked, "-c", DECODE, str(clip))


def test_the_package_runs_as_a_module() -> None:
    assert "emorealm-synth" in python({**os.environ}, "-m", "emoreal_bench", "list", "tasks")
