"""Members of the family on drawn clips: what their figures are, and how they come about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from emoreal_bench.model_adapters.built_in.tiny_network import (
    load_weights,
    make_network,
    make_tokenizer,
    settings,
)
from emoreal_bench.model_adapters.local.lora import merge_lora, read_lora
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import LANGUAGE_MODEL
from recipes.tiny_omni.adapters import make_adapter
from recipes.tiny_omni.clips import ClipSet, draw_sets
from recipes.tiny_omni.direct import Judged, ask, figures, judge
from recipes.tiny_omni.encoded import Encoder
from recipes.tiny_omni.measuring import MODEL
from recipes.tiny_omni.packing import LessonNetwork
from recipes.tiny_omni.recipe import Recipe


def measure_directly(
    weights: Path, adapter: Path | None, clip_set: ClipSet, work: Path
) -> dict[str, float]:
    """Measure a member on drawn clips; see :func:`recipes.tiny_omni.direct.figures`.

    Args:
        weights: File of the base.
        adapter: Folder of the adapter; None for the base alone.
        clip_set: Drawn and encoded by the first call that needs it; bases in one folder
            share their towers.
        work: Folder of the family.
    """
    return figures(ask_directly(weights, adapter, clip_set, work))


def ask_directly(
    weights: Path, adapter: Path | None, clip_set: ClipSet, work: Path
) -> list[Judged]:
    """Ask a member about drawn clips, in their order; see :func:`measure_directly`."""
    tokenizer = make_tokenizer()
    network = make_network(settings(tokenizer), 0)
    load_weights(network, weights)
    draw_sets((clip_set,), work / "clips")
    clips = Encoder(network).encode_set(clip_set, work / "clips", work / "encoded")
    if adapter is not None:
        merge_lora(read_lora(adapter, MODEL), network, LANGUAGE_MODEL)
    return judge(LessonNetwork(network, tokenizer), clips, ask(clip_set))


def measure_curve(
    name: str, base: Path, recipe: Recipe, work: Path, steps: Sequence[int]
) -> Iterator[tuple[int, dict[str, float]]]:
    """Train an adapter for several lengths, and measure each on the development clips."""
    for number in steps:
        shorter = replace(recipe, preference_steps=number)
        adapter = make_adapter(name, recipe.language.seed, base, shorter, work)
        yield number, measure_directly(base, adapter, recipe.development, work)
