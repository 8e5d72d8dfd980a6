"""Random LoRA adapters made and computed by PEFT itself, and scores to hold against it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from emoreal_bench.contracts.request import Request
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.adapter import LocalModel
from emoreal_bench.model_adapters.local.avere.adapter import AvereModel
from emoreal_bench.model_adapters.local.avere.inputs import AvereInputBuilder
from emoreal_bench.model_adapters.local.avere.weights import load_avere
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from tests.avere_checkpoint import AVERE_CASE, AVERE_SHAPE, make_avere_tokenizer

REQUESTS = [make_request(str(seed), make_clip(seed=seed)) for seed in range(2)]
LETTERS = "AB"
LANGUAGE_LAYERS = r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.up_proj)"


def adapt(network: torch.nn.Module, folder: Path, **settings: Any) -> torch.nn.Module:
    """Put a random adapter on a network, save it, and give PEFT's model."""
    adapted = get_peft_model(network, LoraConfig(**{"r": 4, "lora_alpha": 8, **settings}))
    generator = torch.Generator().manual_seed(5)
    for name, weight in adapted.named_parameters():
        if "lora_" in name and "magnitude" not in name:
            weight.data = torch.randn(weight.shape, generator=generator) * 0.1
    adapted.save_pretrained(str(folder))
    return adapted.eval()


def adapt_tiny(folder: Path, **settings: Any) -> list[float]:
    """Save an adapter for ``tiny/omni``; give the log-probabilities of PEFT's own model."""
    tokenizer = tiny_network.make_tokenizer()
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    adapt(network, folder, **{"target_modules": LANGUAGE_LAYERS, **settings})
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    return score_directly(Qwen25Omni(network, tokenizer, builder))


def adapt_avere(folder: Path) -> list[float]:
    """Save an adapter for the tiny AVERE; give the log-probabilities of PEFT's own model."""
    network = load_avere(AVERE_CASE / "AVERE-tiny", AVERE_CASE / "backbones")
    adapt(network.language_model, folder, target_modules=["q_proj", "v_proj", "down_proj"])
    tokenizer = make_avere_tokenizer()
    builder = AvereInputBuilder(tokenizer, AVERE_SHAPE)
    return score_directly(AvereModel(network, tokenizer, builder))


def score_directly(model: LocalModel[Any]) -> list[float]:
    """Give the log-probabilities of the letters, request by request."""
    inputs = model.prepare(REQUESTS)
    tokens = [[model.letter_token(letter) for letter in LETTERS]] * len(inputs)
    return [score for row in model.score_first_token(inputs, tokens) for score in row]


def score(
    model: str, arguments: Mapping[str, str] | None = None, lora: Path | None = None
) -> list[float]:
    """Give the log-probabilities of the letters through the adapter of a model."""

    async def run(requests: Sequence[Request]) -> list[float]:
        async with create_adapter(model, arguments, lora) as adapter:
            results = [result async for result in adapter.score_choices(requests)]
        return [
            result.choice_scores.scores[letter]
            for result in sorted(results, key=lambda result: result.id)
            if result.choice_scores is not None
            for letter in LETTERS
        ]

    return asyncio.run(run(REQUESTS))
