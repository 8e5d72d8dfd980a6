"""Runs asynchronous work from ordinary code, in a notebook too."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event, current_thread, main_thread


def run_to_end(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine and wait for it, also where an event loop is running already.

    Raises:
        KeyboardInterrupt: On Ctrl-C, once the coroutine has cleaned up.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        # A coroutine that never began is closed, and then warns of nothing.
        with closing(work), _make_runner() as runner:
            runner.run(work)
    else:
        _run_in_thread(work)


def _make_runner() -> asyncio.Runner:
    """Make a loop; Ctrl-C waits for that, since half a loop prints what it lacks when it goes."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_usual or current_thread() is not main_thread():
        return asyncio.Runner()
    came = Event()
    signal.signal(signal.SIGINT, lambda *_: came.set())
    try:
        runner = asyncio.Runner()
        runner.get_loop()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came.is_set():
        runner.close()
        raise KeyboardInterrupt
    return runner


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
