"""What an AVEm-DPO step costs on a GPU beside a naive DPO step of TRL; see ``training_step``.

The model is made on the device, since its weights would take minutes to write
and to read.
"""

from __future__ import annotations

import gc
import tempfile
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from benchmarks import training_step_packed
from benchmarks.gpu.models import random_weights
from benchmarks.training_step import KEYS, Side
from benchmarks.training_step_setup import (
    ALPHA,
    RANK,
    SHAPES,
    Shape,
    Work,
    make_configuration,
    make_pairs,
)
from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from emoreal_bench.training.lora_settings import LoraSettings
from emoreal_bench.training.lora_weights import TrainedAdapter
from emoreal_bench.training.packed_network import PackedNetwork
from emoreal_bench.training.trainable import TrainableModel

_NAME = "random/qwen2.5-omni"
PAIRS, BATCH_SIZE = 4, 2
# TRL hashes all weights on the processor before it keeps the reference: a minute by itself.
SIDES = (Side.PACKED, Side.TRL, Side.PACKED_BUILDING)
RATIOS = ((Side.PACKED, Side.TRL), (Side.PACKED_BUILDING, Side.TRL))


def measure_side(side: Side, device: str) -> dict[str, float]:
    """Measure the steps of one side, with a model of its own.

    Raises:
        RuntimeError: If TRL is asked for and is not installed.
    """
    if side.is_peer and find_spec("trl") is None:
        raise RuntimeError("TRL is not installed")
    gc.collect()
    torch.cuda.empty_cache()
    shape = SHAPES["7b" if device != "cpu" else "small"]
    epoch = PAIRS // BATCH_SIZE
    model = _make_model(shape, device)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "tokenizer"
        tiny_network.make_tokenizer().save_pretrained(folder)
        pairs = make_pairs(shape, PAIRS)
        work = Work(shape, folder, pairs, BATCH_SIZE, epoch, device, Path(scratch))
        if side.is_peer:
            from benchmarks import training_step_trl

            meter = training_step_trl.measure_network(
                work,
                model.network,
                knows_reference=False,
                knows_media=False,
            )
        else:
            meter = training_step_packed.measure_model(
                work, _make_trainable(model), builds_cache=side is Side.PACKED_BUILDING
            )
    measured = (meter.flops / epoch / 1e9, meter.seconds / epoch, meter.peak_bytes / 2**20)
    return {key: float(f"{value:.4g}") for key, value in zip(KEYS, measured, strict=True)}


def _make_model(shape: Shape, device: str) -> Qwen25Omni:
    tokenizer = tiny_network.make_tokenizer()
    with random_weights(device, shape.dtype):
        network = Qwen2_5OmniThinkerForConditionalGeneration(make_configuration(shape))
    network.train(mode=False)
    frames = FrameSettings(28 * 28, shape.pixels)
    builder = OmniInputBuilder(tokenizer, frames, max_tokens=32_768)
    return Qwen25Omni(network, tokenizer, builder)


def _make_trainable(model: Qwen25Omni) -> TrainableModel:
    lora = LoraSettings(rank=RANK, alpha=ALPHA)
    adapter = TrainedAdapter(model.network, model.language_model, lora, _NAME)
    description = ModelDescription(name=_NAME)
    return TrainableModel(model, PackedNetwork(model), adapter, description, _NAME)
