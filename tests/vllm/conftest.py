"""What the tests on vLLM itself share: one folder, and one engine for nearly all of them.

They run in an environment of their own (``make test-vllm``) and are not even
collected where vLLM is not installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.model_adapters.providers import ModelSpec

collect_ignore_glob = [] if find_spec("vllm") is not None else ["test_*.py"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.vllm.vllm_folders import make_folder

    return make_folder(tmp_path_factory.mktemp("omni"))


@pytest.fixture(scope="session")
def adapter(folder: Path) -> Iterator[ModelAdapter]:
    """Give an adapter whose engine outlives opening and closing, since it takes long to start."""
    from emoreal_bench.model_adapters.arguments import parse_arguments
    from emoreal_bench.model_adapters.vllm.adapter import VllmAdapter, VllmArguments
    from emoreal_bench.model_adapters.vllm.engine import EngineSettings, VllmEngine
    from tests.vllm.vllm_folders import PIXELS

    class KeptEngine(VllmEngine):
        async def start(self) -> None:
            if not started:
                await super().start()
                started.append(self)

        async def stop(self) -> None:
            pass

    started: list[KeptEngine] = []

    def make_engine(settings: EngineSettings) -> KeptEngine:
        return started[0] if started else KeptEngine(settings)

    spec = ModelSpec("vllm", str(folder), {**PIXELS, "eager": "true", "max_tokens": "1024"})
    yield VllmAdapter(spec, parse_arguments(VllmArguments, spec.arguments, spec.name), make_engine)
    for engine in started:
        asyncio.run(VllmEngine.stop(engine))
