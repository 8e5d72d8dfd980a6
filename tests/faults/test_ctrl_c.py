"""Ctrl-C ends a command at any moment, and what it says is no traceback."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import warnings

import pytest

from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.running.loops import run_to_end

IN_A_FINALIZER = """
import time
from emoreal_bench.cli import application, main

class Fragile:
    def __del__(self):
        raise KeyboardInterrupt

def run(arguments):
    Fragile()
    time.sleep(60)
    return 0

application.run = run
main([])
"""
WHILE_JSON_IS_WRITTEN = """
import signal
from pydantic import BaseModel, field_serializer
from emoreal_bench.cli import application, main

class Slow(BaseModel):
    value: int

    @field_serializer("value")
    def write(self, value):
        signal.raise_signal(signal.SIGINT)

def build():
    Slow(value=1).model_dump_json()

application.build = build
main([])
"""
MEMORY_ENDS_THERE = WHILE_JSON_IS_WRITTEN.replace(
    "signal.raise_signal(signal.SIGINT)", "raise MemoryError"
)
AT_THE_END = """
import atexit, signal
from emoreal_bench.cli import main

atexit.register(signal.raise_signal, signal.SIGINT)
main(["--version"])
"""


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (IN_A_FINALIZER, ExitCode.INTERRUPTED),
        (WHILE_JSON_IS_WRITTEN, ExitCode.INTERRUPTED),
        (AT_THE_END, ExitCode.DONE),
    ],
    ids=["in a finalizer", "while JSON is written", "at the end"],
)
def test_where_it_would_be_printed(program: str, code: ExitCode) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (code, "")


def test_a_want_of_memory_while_json_is_written_is_told_as_one() -> None:
    command = [sys.executable, "-c", MEMORY_ENDS_THERE]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=50)
    assert done.returncode == ExitCode.INCOMPLETE
    assert done.stderr.startswith("error: The memory,")


def test_while_the_loop_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    make = asyncio.new_event_loop

    def make_and_be_interrupted() -> asyncio.AbstractEventLoop:
        signal.raise_signal(signal.SIGINT)
        return make()

    async def work() -> None:
        raise AssertionError("this is not begun")

    monkeypatch.setattr(asyncio.events, "new_event_loop", make_and_be_interrupted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt):
            run_to_end(work())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
