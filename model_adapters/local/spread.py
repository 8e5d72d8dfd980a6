"""One model on several devices at once: a copy on each, or one copy split over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.model_adapters.local.hardware import LocalArguments

# The rest of a GPU's free memory is for what the arithmetic needs besides the weights.
_WEIGHTS_SHARE = 0.8

Arguments = TypeVar("Arguments", bound=LocalArguments)


class SpreadAdapter(ModelAdapter):
    """Copies of a model, each with a thread and a device of its own.

    Each batch goes to a copy that can take one, so as many batches may be under
    way as all copies take together.

    Args:
        copies: One adapter per device, of the same model.
    """

    serves_several_runs = True

    def __init__(self, copies: Sequence[ModelAdapter]):
        self._copies = tuple(copies)
        self._idle: asyncio.Queue[ModelAdapter] = asyncio.Queue()

    def describe(self) -> ModelDescription:
        """Return who the model is; where and how often it runs is no part of that."""
        description = self._copies[0].describe()
        one = description.capabilities
        together = one.model_copy(update={"concurrency": len(self._copies) * one.concurrency})
        return description.model_copy(update={"capabilities": together})

    def render(self, request: Request) -> str:
        """Return the prompt in the model's chat form."""
        return self._copies[0].render(request)

    async def open(self) -> None:
        """Load the copies one after the other, so that their weights are read from disk once."""
        self._idle = asyncio.Queue()
        for copy in self._copies:
            try:
                await copy.open()
            except BaseException:
                await self.close()
                raise
        # Every copy gets a first batch before one gets a second.
        for _ in range(self._copies[0].describe().capabilities.concurrency):
            for copy in self._copies:
                self._idle.put_nowait(copy)

    async def close(self) -> None:
        """Free all copies."""
        for copy in self._copies:
            await copy.close()

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Write replies on a copy that is idle."""
        async with self._borrow() as copy:
            async for result in copy.generate(requests):
                yield result

    async def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Score choices on a copy that is idle."""
        async with self._borrow() as copy:
            async for result in copy.score_choices(requests):
                yield result

    @asynccontextmanager
    async def _borrow(self) -> AsyncIterator[ModelAdapter]:
        idle = self._idle
        copy = await idle.get()
        try:
            yield copy
        finally:
            idle.put_nowait(copy)


def plan_split(devices: Sequence[int], free_bytes: Callable[[int], int]) -> dict[int, int]:
    """Return the bytes of weights that each GPU may hold of a model that is split over them.

    Args:
        devices: Numbers of the GPUs.
        free_bytes: Gives the memory that is free on a GPU.
    """
    return {device: int(_WEIGHTS_SHARE * free_bytes(device)) for device in devices}


def spread(arguments: Arguments, make: Callable[[Arguments], ModelAdapter]) -> ModelAdapter:
    """Make a model's adapter, or one per device if the user named several.

    Args:
        arguments: Of the model.
        make: Creates the adapter for one device.
    """
    copies = [make(placed) for placed in arguments.per_device()]
    return copies[0] if len(copies) == 1 else SpreadAdapter(copies)
