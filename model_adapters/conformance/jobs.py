"""A model that is asked by jobs, behind the contract of one that is asked at once.

So the tests of the contract speak of its jobs too.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from typing_extensions import override

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.deferred import AskedRequest, DeferredAdapter
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result

LOOK_SECONDS = 0.01


class AskedByJobs(ModelAdapter):
    """Hands each batch over as one job, and waits for the answers.

    Args:
        adapter: The model.
    """

    def __init__(self, adapter: DeferredAdapter):
        self._adapter = adapter

    @override
    def describe(self) -> ModelDescription:
        return self._adapter.describe()

    @override
    async def open(self) -> None:
        await self._adapter.open()

    @override
    async def close(self) -> None:
        await self._adapter.close()

    @override
    def render(self, request: Request) -> str:
        return self._adapter.render(request)

    @override
    def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        return self._ask(requests, scoring=False)

    @override
    def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        return self._ask(requests, scoring=True)

    async def _ask(self, requests: Sequence[Request], *, scoring: bool) -> AsyncIterator[Result]:
        asked, lines = {}, []
        for number, request in enumerate(requests):
            written = await self._adapter.write(request, str(number), scoring=scoring)
            if isinstance(written, Result):
                yield written
                continue
            lines.append(written.line + b"\n")
            asked[str(number)] = AskedRequest(request.id, request.letters, written.sent)
        if not asked:
            return
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
            file.writelines(lines)
            file.flush()
            job = await self._adapter.jobs.submit(Path(file.name), "token")
        while not (await self._adapter.jobs.look(job)).has_ended:
            await asyncio.sleep(LOOK_SECONDS)
        async for result in self._adapter.fetch(job, asked, scoring=scoring):
            yield result
