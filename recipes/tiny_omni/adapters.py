"""The preference stage: one adapter per method, trained as any user's would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file, save_file

from emoreal_bench.api.training import train
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.vocabulary import AnswerForm
from emoreal_bench.model_adapters.local.lora_faults import CONFIGURATION, WEIGHTS
from emoreal_bench.preferences.building.facts import Fact, fact
from emoreal_bench.preferences.building.known_cues import CuePairOptions, make_cue_pairs
from emoreal_bench.preferences.reading import write_pairs
from emoreal_bench.record.files import grant_usual_modes
from emoreal_bench.synth import SynthSettings, write_benchmark
from emoreal_bench.synth.build import VIDEOS
from emoreal_bench.training.config import (
    Hardware,
    MethodSettings,
    Optimization,
    PairsData,
    ReferenceOptions,
    TrainingConfig,
)
from emoreal_bench.training.lora_settings import LoraSettings
from recipes.tiny_omni.measuring import MODEL
from recipes.tiny_omni.recipe import VARIANTS, Recipe, Variant

BY_LETTER = CuePairOptions(forms=(AnswerForm.LETTER,))
PAIRS, _COUNTERFACTUAL_PAIRS = "pairs.jsonl", "pairs-counterfactual.jsonl"
_SHIPPED_FORM = "adapter-bfloat16"


def make_adapter(name: str, seed: int, base: Path, recipe: Recipe, work: Path) -> Path:
    """Train an adapter, go on with a training that was stopped, or find what is finished.

    Args:
        name: Of one of the :data:`VARIANTS`.
        seed: Of its first weights and the order of its pairs.
        base: File of the base's weights.
        recipe: Of the family.
        work: Folder for all that lies between.

    Returns:
        The adapter's folder.
    """
    variant = VARIANTS[name]
    pairs = make_pairs(recipe, work, variant)
    out = work / "adapters" / f"{base.stem}-seed-{seed}" / f"{name}-{recipe.preference_steps}"
    return train_adapter(variant.method, pairs, base, seed, out, recipe=recipe, work=work)


def train_adapter(
    method: MethodSettings,
    pairs: Path,
    base: Path,
    seed: int,
    out: Path,
    *,
    recipe: Recipe,
    work: Path,
) -> Path:
    """Train an adapter on a file of :func:`write_benchmark_pairs`.

    The other arguments are those of :func:`make_adapter`.
    """
    config = TrainingConfig(
        model=MODEL,
        model_arguments={"weights": str(base)},
        method=method,
        data=PairsData(source="pairs", pairs=pairs, clips=pairs.parent / VIDEOS),
        out=out,
        lora=LoraSettings(seed=seed),
        optimization=Optimization(
            learning_rate=recipe.preference_rate,
            schedule="cosine",
            max_steps=recipe.preference_steps,
            batch_size=recipe.preference_batch,
            seed=seed,
        ),
        hardware=Hardware(
            device="cpu",
            dtype="float32",
            media_cache=work / "media",
            prepared_mebibytes=1024,
            encoded_mebibytes=256,
        ),
        reference=ReferenceOptions(folder=work / "references"),
    )
    return train(config, resume=out.exists()).adapter


def make_pairs(recipe: Recipe, work: Path, variant: Variant) -> Path:
    """Make the pairs of a variant from a benchmark of their own, asked for by letter.

    Returns:
        The file of the pairs, in the benchmark's folder.
    """
    folder = work / "data" / ("pairs-balanced" if variant.balanced else "pairs-biased")
    options = replace(BY_LETTER, counterfactual=variant.counterfactual)
    name = _COUNTERFACTUAL_PAIRS if variant.counterfactual else PAIRS
    settings = recipe.pair_settings(balanced=variant.balanced)
    return write_benchmark_pairs(settings, folder / name, options)


def write_benchmark_pairs(
    settings: SynthSettings, path: Path, options: CuePairOptions = BY_LETTER, rare_times: int = 1
) -> Path:
    """Write a benchmark and a file of pairs about it, unless they are there.

    Args:
        settings: Of the benchmark.
        path: For the pairs; its folder is that of the benchmark.
        options: Which pairs.
        rare_times: How often a pair about a person with the unusual cue stands there.

    Returns:
        The path.
    """
    write_benchmark(settings, path.parent)
    if not path.exists():
        write_pairs(with_repeated(make_cue_pairs(settings, options), rare_times), path)
    return path


def with_repeated(pairs: Sequence[PreferencePair], rare_times: int) -> list[PreferencePair]:
    """Return all pairs, then those about a person with the unusual cue again, under new names."""
    again = [
        pair.model_copy(update={"id": f"{pair.id}-{number}"})
        for number in range(2, rare_times + 1)
        for pair in pairs
        if fact(pair, Fact.CUE) != fact(pair, Fact.TYPICAL_CUE)
    ]
    return [*pairs, *again]


def shipped_form(adapter: Path) -> Path:
    """Return the folder of an adapter as it ships, beside it; made by the first call."""
    shipped = adapter.with_name(_SHIPPED_FORM)
    if not (shipped / CONFIGURATION).exists():
        copy_adapter(adapter, shipped)
    return shipped


def copy_adapter(folder: Path, out: Path) -> None:
    """Copy what is needed of an adapter to ship it: weights in bfloat16, then the settings."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.bfloat16() for name, tensor in load_file(folder / WEIGHTS).items()}
    save_file(weights, out / WEIGHTS)
    (out / CONFIGURATION).write_bytes((folder / CONFIGURATION).read_bytes())
    grant_usual_modes(out)
