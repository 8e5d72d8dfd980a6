"""Processes that are started here: what they may import, and how they end."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_HELD_SECONDS = 2.0
"""Until a pipe is closed that a child of the process still holds."""
_PIECE = 1 << 16
_SAFE_PATH = "PYTHONSAFEPATH"
"""Python's own variable: what it is set to does not matter."""


@contextmanager
def importing_nothing_from_here() -> Iterator[None]:
    """Let Python processes that are started meanwhile import nothing from the current folder.

    ``multiprocessing`` starts them with ``python -c``, which looks for every module there
    first: a file ``multiprocessing.py`` beside the clips of a stranger would be run.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


async def see_off(process: Process) -> None:
    """Wait until a process that was killed is gone, and close its pipes.

    asyncio waits for the pipes as well: for ever, if more was written than it reads ahead, or
    if a child that left the group of the process holds one.

    Args:
        process: Started with a pipe for its standard output.
    """
    try:
        async with asyncio.timeout(_HELD_SECONDS):
            assert process.stdout is not None
            # Whoever waited for it until now may have left off in the midst of an answer.
            with suppress(ValueError, RuntimeError):
                while await process.stdout.read(_PIECE):
                    pass
            await process.wait()
    except TimeoutError:
        pass
    finally:
        # Streams have no public way to close the pipe that is read from.
        process._transport.close()  # type: ignore[attr-defined]
    await asyncio.sleep(0)  # The loop closes what was given up.
