"""``tiny/omni``: a whole Qwen2.5-Omni in miniature, for demonstrations and tests.

Its weights are random and it says so: what it writes cannot be read as an
answer, and a scoring should count it so. Everything else is as with the
published models, from the clip's frames to the proof of delivery.
"""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import torch
from pydantic import Field
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.request import Request
from emoreal_bench.identity import hash_json
from emoreal_bench.inputs.qwen_omni import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters import tiny_network
from emoreal_bench.model_adapters.arguments import AdapterArguments, parse_arguments
from emoreal_bench.model_adapters.local import LocalAdapter
from emoreal_bench.model_adapters.lora import attach_lora, merge_lora
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.qwen2_5_omni import LANGUAGE_MODEL, Qwen25Omni, capabilities


class TinyArguments(AdapterArguments):
    """Arguments of ``tiny/omni``."""

    seed: int = 0
    batch_size: int = Field(default=16, ge=1)


class TinyAdapter(LocalAdapter[OmniInput]):
    """The miniature, on the processor and in 32-bit floats."""

    def __init__(self, spec: ModelSpec, arguments: TinyArguments):
        super().__init__(spec.lora)
        self._name = spec.name
        self._arguments = arguments
        self._tokenizer = tiny_network.make_tokenizer()

    @cached_property
    def _builder(self) -> OmniInputBuilder:
        return OmniInputBuilder(
            self._tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS
        )

    def render(self, request: Request) -> str:
        """Give the prompt in the family's chat form."""
        return self._builder.render(request)

    def _make_description(self) -> ModelDescription:
        versions = {library: version(library) for library in ("torch", "transformers")}
        return ModelDescription(
            name=self._name,
            label="random weights",
            # The weights follow from these, so their hash stands for that of the weights.
            weights_hash=hash_json(
                {
                    "configuration": tiny_network.settings(self._tokenizer),
                    "seed": self._arguments.seed,
                    "versions": versions,
                }
            ),
            parameters=tiny_network.PARAMETERS,
            settings=self._arguments.model_dump(),
            versions=versions,
            capabilities=capabilities(self._arguments.batch_size, needs_gpu=False),
        )

    def _load(self) -> Qwen25Omni:
        # Matrices this small are faster on one thread, ten times so where decoding or
        # other programs want the other cores. Loading runs in the model's own thread.
        torch.set_num_threads(1)
        network = self._make_network()
        if self._lora is not None:
            attach_lora(self._lora, network, LANGUAGE_MODEL)
        return Qwen25Omni(network, self._tokenizer, self._builder)

    def save_merged(self, out: Path) -> None:
        """Write a folder for ``hf/``; see :class:`~emoreal_bench.model_adapters.lora.Mergeable`."""
        assert self._lora is not None
        network = self._make_network()
        merge_lora(self._lora, network, LANGUAGE_MODEL)
        network.save_pretrained(out)
        self._tokenizer.save_pretrained(out)

    def _make_network(self) -> Qwen2_5OmniThinkerForConditionalGeneration:
        return tiny_network.make_network(
            tiny_network.settings(self._tokenizer), self._arguments.seed
        )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``tiny/omni``."""
    return TinyAdapter(spec, parse_arguments(TinyArguments, spec.arguments, spec.name))
