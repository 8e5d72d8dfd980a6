"""The promises of every adapter, asked of ``vllm/...`` on vLLM itself."""

from __future__ import annotations

import pytest

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.request import Request
from emoreal_bench.model_adapters.conformance import AdapterConformance
from tests.integration.models.test_adapter_conformance import with_a_reserved_mark


class TestVllm(AdapterConformance):
    """The adapter that stands before the one engine of these tests."""

    model = "vllm/folder"
    is_strict = True

    @pytest.fixture(autouse=True)
    def choose(self, adapter: ModelAdapter) -> None:
        self.adapter = adapter

    def create(self) -> ModelAdapter:
        return self.adapter

    def make_unusable(self, request: Request) -> Request:
        return with_a_reserved_mark(request)
