"""The services under test: each protocol through its real SDK, against the stub."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.stub_server import StubServer

ITEMS = 12
"""Of the data set of whole runs."""

KEY = "sk-1234-a-key-that-nobody-may-see"


@dataclass(frozen=True)
class Service:
    """One provider as it is reached in these tests.

    Attributes:
        model: ``provider/model``; it takes picture and sound unless said otherwise.
        path: Of the stub's address.
        arguments: Further ``--model-arg`` values.
        key_variable: Where its key is looked for.
        hears: Whether it takes sound beside the picture.
    """

    model: str
    path: str
    key_variable: str
    arguments: dict[str, str] = field(default_factory=dict, hash=False)
    hears: bool = True

    def connect(self, stub: StubServer, **arguments: str) -> ModelAdapter:
        address = {"base_url": stub.address + self.path}
        return create_adapter(self.model, {**address, **self.arguments, **arguments})

    def ask(self, stub: StubServer, requests: Sequence[Request], **arguments: str) -> list[Result]:
        async def run() -> list[Result]:
            async with self.connect(stub, **arguments) as adapter:
                return [result async for result in adapter.generate(requests)]

        return asyncio.run(run())

    def score(
        self, stub: StubServer, requests: Sequence[Request], **arguments: str
    ) -> list[Result]:
        async def run() -> list[Result]:
            async with self.connect(stub, **arguments) as adapter:
                return [result async for result in adapter.score_choices(requests)]

        return asyncio.run(run())


VLLM = Service(
    "http/qwen",
    "/v1",
    "STUB_KEY",
    {"dialect": "vllm", "takes_audio": "true", "key_variable": "STUB_KEY"},
)
OPENAI = Service("openai/gpt-4o", "/v1", "OPENAI_API_KEY", hears=False)
GOOGLE = Service("google/gemini-2.5-flash", "", "GOOGLE_API_KEY", {"top_logprobs": "5"})
SERVICES = (VLLM, OPENAI, GOOGLE)
