"""The base of the family, from nothing to a file of weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.built_in.tiny_network import (
    make_network,
    make_tokenizer,
    settings,
)
from recipes.tiny_omni.bars import Bars, missed_bars
from recipes.tiny_omni.clips import ClipSet, draw_sets, load_clips
from recipes.tiny_omni.direct import ask, figures, judge
from recipes.tiny_omni.encoded import EncodedClip, Encoder
from recipes.tiny_omni.language import (
    TaughtClip,
    start_language,
    train_language,
)
from recipes.tiny_omni.optimisation import Stage, is_finished, show
from recipes.tiny_omni.packing import LessonNetwork
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


class MissedBarsError(RunError):
    """A base is not as it should be after all steps."""


def prepare_clips(recipe: Recipe, work: Path) -> None:
    """Draw the clips, train the towers and keep what these make of the clips; all bases share it.

    Does what an earlier call has not done; two calls at once would get in each other's way.
    """
    every = (recipe.development, recipe.reported, *recipe.clips)
    draw_sets(every, work / "clips")
    _train_towers(recipe, work)
    network, _ = _network_with_towers(_TOWERS_SEED, recipe, work)
    encoder = Encoder(network)
    for clip_set in every:
        encoder.encode_set(clip_set, work / "clips", work / "encoded")


def find_base(recipe: Recipe, work: Path) -> Path | None:
    """Return the file of the weights of a base that an earlier call made."""
    weights = _weights(recipe, work)
    return weights if weights.exists() else None


def _weights(recipe: Recipe, work: Path) -> Path:
    return work / f"base-{recipe.language.seed}.safetensors"


def make_base(recipe: Recipe, work: Path) -> Path:
    """Make a base over prepared clips, or find what an earlier call made of it.

    Args:
        recipe: How.
        work: Folder for all that lies between; see :func:`prepare_clips`.

    Returns:
        The file of its weights, in bfloat16.

    Raises:
        MissedBarsError: If it does not pass the bars on the development clips.
    """
    seed, weights = recipe.language.seed, _weights(recipe, work)
    if weights.exists():
        return weights
    tokenizer = make_tokenizer()
    network, heads = _network_with_towers(seed, recipe, work)
    network.requires_grad_(requires_grad=False)
    modules = {"layers": network.model.language_model, "words": network.lm_head}
    for module in modules.values():
        module.requires_grad_(requires_grad=True)
    start_language(network, tokenizer, heads, seed)
    encoder = Encoder(network)

    def encoded(one: ClipSet) -> list[EncodedClip]:
        return encoder.encode_set(one, work / "clips", work / "encoded")

    clips = [
        TaughtClip(*both)
        for one in recipe.clips
        for both in zip(one.scenes(), encoded(one), strict=True)
    ]
    folder = work / f"language-{seed}"
    taught = LessonNetwork(network, tokenizer)
    checker = _Checker(taught, encoded(recipe.development), recipe, folder)
    goal = None if recipe.bars is None else checker.passes
    if not train_language(taught, modules, clips, recipe.language, goal, folder):
        raise MissedBarsError(
            f"Base {seed} misses bars after all steps: {'; '.join(checker.missed())}.",
            where=str(folder),
            remedy="Look at measured.jsonl there, or take another seed.",
        )
    _save(network, weights)
    return weights


class _Checker:
    """Measures a network on the development clips, and keeps a log of it."""

    def __init__(
        self, taught: LessonNetwork, clips: Sequence[EncodedClip], recipe: Recipe, folder: Path
    ):
        self._taught = taught
        self._clips = clips
        self._asked = ask(recipe.development)
        self._bars = recipe.bars or Bars()
        self._log = folder / "measured.jsonl"

    def missed(self) -> list[str]:
        """Say which bars the network misses now."""
        return self._measure()[1]

    def passes(self, step: int) -> bool:
        """Measure the network, and return whether it passes all bars."""
        found, missed = self._measure()
        rounded = {name: round(value, 3) for name, value in found.items()}
        line = json.dumps({"step": step, "missed": missed, **rounded})
        with self._log.open("a") as log:
            log.write(f"{line}\n")
        show(f"step {step} misses {'; '.join(missed) or 'nothing'}")
        return not missed

    def _measure(self) -> tuple[dict[str, float], list[str]]:
        found = figures(judge(self._taught, self._clips, self._asked))
        return found, missed_bars(found, self._bars)


def measure_towers(recipe: Recipe, work: Path) -> dict[str, dict[str, float]]:
    """Measure trained towers on the validation set; see :func:`balanced_detection`."""
    network = make_network(settings(make_tokenizer()), _TOWERS_SEED)
    clips = _labelled((recipe.development,), work)
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
    _learn(tower, recipe, work, _labelled(recipe.clips, work))


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
