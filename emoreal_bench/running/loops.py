"""Runs asynchronous work from ordinary code, in a notebook too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor


def run_to_end(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine and wait for it, also where an event loop is running already.

    Raises:
        KeyboardInterrupt: On Ctrl-C, once the coroutine has cleaned up.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:
        _run_in_thread(work)


def _run_in_thread(work: Coroutine[None, None, None]) -> None:
    # A notebook's loop belongs to this thread and cannot be entered twice.
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None] | None]] = []

    async def note_and_work() -> None:
        started.append((asyncio.get_running_loop(), asyncio.current_task()))
        await work

    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(asyncio.run, note_and_work())
        try:
            future.result()
        except KeyboardInterrupt:
            for loop, task in started:
                if task is not None:
                    loop.call_soon_threadsafe(task.cancel)
            raise
