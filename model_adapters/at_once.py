"""Many requests under way at the same time, for adapters that wait rather than compute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any

from emoreal_bench.contracts.result import Result


async def answer_at_once(answers: Iterable[Coroutine[Any, Any, Result]]) -> AsyncIterator[Result]:
    """Yield results as they come; whoever stops listening takes back what is still under way.

    Args:
        answers: What answers each request.
    """
    tasks = [asyncio.create_task(answer) for answer in answers]
    try:
        for finished in asyncio.as_completed(tasks):
            yield await finished
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
