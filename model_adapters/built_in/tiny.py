"""``tiny/omni``: a whole Qwen2.5-Omni in miniature, for demonstrations and tests.

It was trained from nothing on the synthetic clips of this package, and knows
nothing else. ``tiny/omni+NAME`` carries one of the adapters that are shipped
beside it. With ``weights=random`` it is as it was before any training.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import torch
from pydantic import Field
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.identity import hash_file, hash_json
from emoreal_bench.model_adapters.arguments import AdapterArguments, parse_arguments
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.adapter import LocalAdapter, local_capabilities
from emoreal_bench.model_adapters.local.lora import attach_lora, merge_lora, read_lora
from emoreal_bench.model_adapters.local.model_folder import write_merged
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import (
    LANGUAGE_MODEL,
    Qwen25Omni,
)
from emoreal_bench.model_adapters.providers import ModelSpec

SHIPPED, RANDOM = "shipped", "random"
ADAPTER_MARK = "+"


class TinyArguments(AdapterArguments):
    """Arguments of ``tiny/omni``."""

    weights: str = SHIPPED
    """``shipped``, ``random``, or the path of a file of weights for this network."""
    seed: int = 0
    """Of random weights."""
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
        """Return the prompt in the family's chat form."""
        return self._builder.render(request)

    def _make_description(self) -> ModelDescription:
        versions = {library: version(library) for library in ("torch", "transformers")}
        return ModelDescription(
            name=self._name,
            label="random weights" if self._weights is None else None,
            weights_hash=self._hash(versions),
            parameters=tiny_network.PARAMETERS,
            settings=self._arguments.model_dump(),
            versions=versions,
            capabilities=local_capabilities(self._arguments.batch_size, needs_gpu=False),
        )

    @property
    def _weights(self) -> Path | None:
        """Return the file of the weights; None if they are random."""
        if self._arguments.weights == RANDOM:
            return None
        if self._arguments.weights == SHIPPED:
            return tiny_network.WEIGHTS
        return Path(self._arguments.weights)

    def _hash(self, versions: dict[str, str]) -> str:
        files = [tiny_network.TOKENIZER, *([] if self._weights is None else [self._weights])]
        try:
            contents = [hash_file(file) for file in files]
        except OSError as error:
            raise UsageError(
                f"{self._name}: the weights cannot be read: {error}",
                remedy=f"weights is '{SHIPPED}', '{RANDOM}' or the path of a file.",
            ) from error
        if self._weights is not None:
            return hash_json(contents)
        # Random weights follow from these.
        seed = self._arguments.seed
        return hash_json(
            {
                "configuration": tiny_network.settings(self._tokenizer),
                "seed": seed,
                "versions": versions,
                "files": contents,
            }
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
        """Write a folder for ``hf/``; see ``lora.Mergeable``."""
        assert self._lora is not None
        network = self._make_network()
        merge_lora(self._lora, network, LANGUAGE_MODEL)
        network.save_pretrained(out)
        self._tokenizer.save_pretrained(out)
        frames = tiny_network.FRAME_SETTINGS
        write_merged(out, self.describe(), (frames.min_pixels, frames.max_pixels))

    def _make_network(self) -> Qwen2_5OmniThinkerForConditionalGeneration:
        network = tiny_network.make_network(
            tiny_network.settings(self._tokenizer), self._arguments.seed
        )
        if self._weights is not None:
            tiny_network.load_weights(network, self._weights)
        return network


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``tiny/omni``, with one of the shipped adapters if its name asks for it.

    Raises:
        UsageError: If an argument is wrong, or two adapters are asked for.
    """
    base, mark, adapter = spec.model.partition(ADAPTER_MARK)
    if mark and spec.lora is not None:
        raise UsageError(
            f"{spec.name} carries an adapter already.",
            remedy=f"Put yours on {spec.provider}/{base}.",
        )
    if mark:
        lora = read_lora(tiny_network.ADAPTERS / adapter, f"{spec.provider}/{base}")
        spec = replace(spec, lora=lora)
    return TinyAdapter(spec, parse_arguments(TinyArguments, spec.arguments, spec.name))
