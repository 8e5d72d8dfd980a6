"""The base of the family, from nothing to a file of weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.built_in.tiny_network import (
    make_network,
    make_tokenizer,
    settings,
)
from recipes.tiny_omni.clips import ClipSet, draw_sets, load_clips
from recipes.tiny_omni.encoded import Encoder
from recipes.tiny_omni.language import (
    TaughtClip,
    start_language,
    train_language,
)
from recipes.tiny_omni.optimisation import Stage, is_finished
from recipes.tiny_omni.recipe import Recipe
from recipes.tiny_omni.towers import (
    AudioTower,
    CueHead,
    LabelledClip,
    Tower,
    VisionTower,
    balanced_detection,
    train_tower,
)
from recipes.tiny_omni.workers import make_pool

_TOWERS_SEED = 0
Network = Qwen2_5OmniThinkerForConditionalGeneration


def prepare_clips(recipe: Recipe, work: Path) -> None:
    """Draw the clips, train the towers and keep what these make of the clips; all bases share it.

    Does what an earlier call has not done; two calls at once would get in each other's way.
    """
    draw_sets((recipe.validation, *_training_sets(recipe)), work / "clips")
    _train_towers(recipe, work)
    network, _ = _network_with_towers(_TOWERS_SEED, recipe, work)
    encoder = Encoder(network)
    for clip_set in _training_sets(recipe):
        encoder.encode_set(clip_set, work / "clips", work / "encoded")


def make_base(recipe: Recipe, work: Path) -> Path:
    """Make a base over prepared clips, or find what an earlier call made of it.

    Args:
        recipe: How.
        work: Folder for all that lies between; see :func:`prepare_clips`.

    Returns:
        The file of its weights, in bfloat16.
    """
    seed = recipe.language.seed
    weights = work / f"base-{seed}.safetensors"
    if weights.exists():
        return weights
    tokenizer = make_tokenizer()
    network, heads = _network_with_towers(seed, recipe, work)
    network.requires_grad_(requires_grad=False)
    taught = (network.model.language_model, network.lm_head)
    for module in taught:
        module.requires_grad_(requires_grad=True)
    start_language(network, tokenizer, heads, seed)
    encoder = Encoder(network)

    def taught_clips(sets: Sequence[ClipSet]) -> list[TaughtClip]:
        return [
            TaughtClip(scene, encoded)
            for one in sets
            for scene, encoded in zip(
                one.scenes(),
                encoder.encode_set(one, work / "clips", work / "encoded"),
                strict=True,
            )
        ]

    clips = (taught_clips(recipe.unbiased), taught_clips(recipe.biased))
    folder = work / f"language-{seed}"
    train_language(network, tokenizer, clips, recipe.language, folder)
    _save(network, weights)
    return weights


def measure_towers(recipe: Recipe, work: Path) -> dict[str, dict[str, float]]:
    """Measure trained towers on the validation set; see :func:`balanced_detection`."""
    network = make_network(settings(make_tokenizer()), _TOWERS_SEED)
    clips = _labelled((recipe.validation,), work)
    return {
        str(tower.modality): balanced_detection(tower, _tower_head(tower, recipe, work), clips)
        for tower in _towers(network)
    }


def _network_with_towers(
    seed: int, recipe: Recipe, work: Path
) -> tuple[Network, dict[Modality, CueHead]]:
    network = make_network(settings(make_tokenizer()), seed)
    heads = {tower.modality: _tower_head(tower, recipe, work) for tower in _towers(network)}
    return network, heads


def _train_towers(recipe: Recipe, work: Path) -> None:
    """Train what is not finished of the two, side by side."""
    missing = [
        modality
        for modality in (Modality.VIDEO, Modality.AUDIO)
        if not is_finished(_tower_stage(modality, recipe), work / "towers")
    ]
    with make_pool(len(missing) or 1) as pool:
        for done in [pool.submit(_train_one_tower, one, recipe, work) for one in missing]:
            done.result()


def _train_one_tower(modality: Modality, recipe: Recipe, work: Path) -> None:
    network = make_network(settings(make_tokenizer()), _TOWERS_SEED)
    (tower,) = (one for one in _towers(network) if one.modality is modality)
    _learn(tower, recipe, work, _labelled(_training_sets(recipe), work))


def _tower_head(tower: Tower, recipe: Recipe, work: Path) -> CueHead:
    """Return a tower the weights of its finished stage, and its head."""
    return _learn(tower, recipe, work, ())


def _learn(tower: Tower, recipe: Recipe, work: Path, clips: Sequence[LabelledClip]) -> CueHead:
    stage = _tower_stage(tower.modality, recipe)
    width = settings(make_tokenizer())["text_config"]["hidden_size"]
    return train_tower(tower, clips, stage, width, work / "towers")


def _tower_stage(modality: Modality, recipe: Recipe) -> Stage:
    return recipe.vision if modality is Modality.VIDEO else recipe.audio


def _towers(network: Network) -> tuple[Tower, Tower]:
    return VisionTower(network), AudioTower(network)


def _training_sets(recipe: Recipe) -> tuple[ClipSet, ...]:
    return tuple(chain.from_iterable(zip(recipe.unbiased, recipe.biased, strict=True)))


def _labelled(sets: Sequence[ClipSet], work: Path) -> list[LabelledClip]:
    return [
        LabelledClip(scene, drawn)
        for one in sets
        for scene, drawn in zip(one.scenes(), load_clips(one, work / "clips"), strict=True)
    ]


def _save(network: Network, path: Path) -> None:
    state = {name: tensor.to(torch.bfloat16) for name, tensor in network.state_dict().items()}
    unfinished = path.with_suffix(".unfinished")
    save_file(state, unfinished)
    unfinished.replace(path)
