"""LoRA adapters: ``--lora FOLDER``, in the layout that PEFT saves.

The folder holds ``adapter_config.json`` and ``adapter_model.safetensors``. An
adapter belongs to the language model: one that has learned anything of a tower
is refused, since a part of it would be left out in silence. Weights saved
under the names of older transformers, or of the whole model around the
language model, find their places here.

Which model an adapter was made for is told by ``base_model_name_or_path`` in
its configuration. Only the last part of that name is compared, since the same
model lies in folders and under owners of many names; where the configuration
names nothing, the shapes of the weights alone decide.

An adapter that was trained here brings ``training.json``, which says on what.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from pydantic import ValidationError

from emoreal_bench.contracts.adapter import LoraIdentity, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.identity import check_plain_file, hash_json, short
from emoreal_bench.model_adapters.local.file_faults import (
    COMPLETE_FILE,
    damaged_files,
    read_json_object,
    read_weights,
    refuse_fault,
    told_by_library,
)
from emoreal_bench.model_adapters.local.lora_faults import (
    CONFIGURATION,
    WEIGHTS,
    odd_name,
    read_settings,
    refuse_gaps,
    why_nothing,
)
from emoreal_bench.model_adapters.local.model_folder import hash_readable

if TYPE_CHECKING:
    import torch
    from peft.tuners.lora import LoraConfig, LoraModel

PICKLED_WEIGHTS = "adapter_model.bin"

# Of a model's folder, what goes along when its weights are written anew.
_COPIED_SUFFIXES = (".json", ".model", ".txt", ".jinja")
_INDEX_END = ".index.json"

ADAPTER = "default"
"""PEFT's own name for the only adapter on a network, and here for that of ``--lora``."""

# Ends of the names in a saved adapter, and in the network that carries it under its name.
_PARTS: Mapping[str, str] = {
    "lora_A.weight": "lora_A.{}.weight",
    "lora_B.weight": "lora_B.{}.weight",
    "lora_B.bias": "lora_B.{}.bias",
    "lora_magnitude_vector": "lora_magnitude_vector.{}.weight",
}
_WEIGHT = re.compile(rf"^base_model\.model\.(?P<layer>.+)\.(?P<part>{'|'.join(_PARTS)})$")
# What stood around the language model when the adapter was saved differs: nothing, a
# causal head (Llama), the Thinker of transformers 4 or 5, or the whole model around it.
_LANGUAGE_LAYER = re.compile(
    r"^(thinker\.)?(model\.)?(language_model\.)?(model\.)?(?P<layer>layers\.\d+\..+)$"
)


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """A folder that was found to hold a LoRA adapter for the model.

    Attributes:
        folder: The folder.
        base: Name of the model that it was made for; None if it does not say.
        model: Name of the model that it is put on.
        training: How it was trained; None if it does not say.
    """

    folder: Path
    base: str | None
    model: str
    training: TrainingRecord | None = None

    def describe(self, base: ModelDescription) -> ModelDescription:
        """Return who the model with the adapter is: the weights hash covers both.

        Raises:
            UsageError: If its files cannot be read.
        """
        files = hash_readable([self.folder / CONFIGURATION, self.folder / WEIGHTS], self.folder)
        training = self.training
        name = self.folder.resolve().name if training is None else training.name
        nothing = why_nothing(self.folder)
        warnings = []
        if nothing is not None:
            warnings.append(
                f"The LoRA adapter {name} changes nothing: {nothing}. The scores are those of the "
                "model without it."
            )
        labels = [
            base.label,
            f"LoRA {name}" + ("" if nothing is None else " (changes nothing)"),
            training and training.fine_tuning,
        ]
        return base.model_copy(
            update={
                "lora": LoraIdentity(name=name, base=self.model),
                "label": ", ".join(label for label in labels if label),
                "fine_tuned_on": (training and training.fine_tuned_on) or base.fine_tuned_on,
                "weights_hash": hash_json({"base": base.weights_hash, "lora": files}),
                "settings": {**base.settings, "lora": short(files)},
                "versions": {**base.versions, "peft": version("peft")},
                "warnings": (*base.warnings, *warnings),
            }
        )


@runtime_checkable
class Mergeable(Protocol):
    """A model adapter that can write its model with the LoRA adapter merged into it."""

    def save_merged(self, out: Path) -> None:
        """Write the model's folder anew, in the number format in which it runs here."""


def read_lora(folder: Path, model: str) -> LoraAdapter:
    """Look into the folder of an adapter, without reading its weights.

    Args:
        folder: As saved by PEFT.
        model: Name of the model to put it on, ``provider/model``.

    Raises:
        UsageError: If the folder holds no LoRA adapter in safetensors, or one for
            another model.
    """
    if not (folder / CONFIGURATION).is_file():
        raise UsageError(
            f"there is no {CONFIGURATION}, so this is no folder of a LoRA adapter.",
            where=str(folder),
        )
    content = read_json_object(folder / CONFIGURATION)
    if content.get("peft_type") != "LORA":
        kind = content.get("peft_type")
        raise UsageError(f"the adapter is no LoRA but '{kind}'.", where=str(folder))
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / PICKLED_WEIGHTS).is_file()
        raise UsageError(
            f"{PICKLED_WEIGHTS} is not read, since it could run code."
            if pickled
            else f"there is no {WEIGHTS}.",
            where=str(folder),
            remedy="Save the adapter as safetensors, as PEFT's save_pretrained does.",
        )
    # Before the model is loaded, which may take minutes.
    refuse_fault(folder / WEIGHTS)
    base = content.get("base_model_name_or_path") or None
    if not isinstance(base, str | None):
        raise UsageError(
            f"{CONFIGURATION} names no base: {base!r}.",
            where=str(folder),
            remedy="Save the adapter with PEFT's save_pretrained.",
        )
    refuse_changed(folder)
    lora = LoraAdapter(folder, base, model, read_training(folder))
    if lora.base is not None and _last_part(lora.base) != _last_part(model):
        raise _wrong_base(lora, "their names differ")
    return lora


def find_damage(folder: Path) -> list[str]:
    """Name the files of an adapter that was trained here which are not as they were written.

    One of earlier versions has no hashes: of it, what cannot be read is named.
    """
    needed = (CONFIGURATION, WEIGHTS, TRAINING_FILE)
    damaged = {name for name in needed if not (folder / name).is_file()}
    if os.path.lexists(folder / COMPLETE_FILE):
        damaged.update(damaged_files(folder))
    if damaged:
        return sorted(damaged)
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_settings(folder),
        lambda: read_weights(folder / WEIGHTS),
        lambda: read_training(folder),
    )
    for name, read in zip(needed, readers, strict=True):
        try:
            read()
        except UsageError:
            return [name]
    return []


def refuse_changed(folder: Path) -> None:
    """Refuse an adapter that was trained here and is not as it was written.

    Raises:
        UsageError: If there is a mark of the training, and files differ from what it says.
    """
    damaged = damaged_files(folder) if os.path.lexists(folder / COMPLETE_FILE) else []
    if damaged:
        raise UsageError(
            f"the adapter is not as its training wrote it: {', '.join(damaged[:5])}.",
            where=str(folder),
            remedy="Copy the folder again. The adapter after the last step is made anew by "
            "`emoreal-bench train --resume`. If it was changed on purpose, remove its file "
            f"'{COMPLETE_FILE}'.",
        )


def read_training(folder: Path) -> TrainingRecord | None:
    """Read what an adapter says of its training; None if it says nothing.

    Raises:
        UsageError: If the file is damaged.
    """
    path = folder / TRAINING_FILE
    if not path.exists():
        return None
    try:
        check_plain_file(path)
        return TrainingRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        # Not passed over: it may say that scores are not zero-shot.
        raise UsageError(
            f"{TRAINING_FILE} cannot be read: {error}",
            where=str(folder),
            remedy="Bring the file back as the training left it.",
        ) from error


def attach_lora(
    lora: LoraAdapter, network: torch.nn.Module, language_model: str, name: str = ADAPTER
) -> LoraModel | None:
    """Put an adapter on the language model of a network, in place; it is then the active one.

    Args:
        lora: The adapter.
        network: A loaded network of any family.
        language_model: Name of the module in it that holds the language model's layers.
        name: Of the adapter on the network, which may carry others.

    Returns:
        PEFT's hold on the network, to merge the adapter with; None for one of rank 0, of which
        there is nothing to put on.

    Raises:
        UsageError: If a weight of the adapter has no place in the language model, is not
            finite, or is missing for a layer that its configuration names.
    """
    from peft.tuners.lora import LoraModel

    weights, old_names = _read_weights(lora, language_model, name)
    linear = _linear_layers(network)
    homeless = sorted(set(old_names) - set(linear))
    if homeless:
        raise _wrong_base(lora, f"the model has no linear layer '{homeless[0]}'")
    refuse_gaps(lora.folder, old_names, linear, language_model)
    if not any(weight.numel() for weight in weights.values()):
        return None
    # PEFT warns of a second adapter, which is meant here, by what the first one left behind.
    vars(network).pop("peft_config", None)
    config = _configure(lora, old_names)
    _refuse_other_ranks(lora, config, weights)
    with told_by_library("PEFT cannot put the adapter on the model.", lora.folder):
        tuner = LoraModel(network, cast("Any", config), name)
    places = {key: place.shape for key, place in network.state_dict().items() if f".{name}" in key}
    for key in sorted(places.keys() | weights.keys()):
        wanted, given = places.get(key), weights[key].shape if key in weights else None
        if wanted != given:
            problem = f"'{key}' is {_shape(given)} and should be {_shape(wanted)}"
            raise _wrong_base(lora, problem)
    network.load_state_dict(weights, strict=False)
    network.eval()
    return tuner


def merge_lora(lora: LoraAdapter, network: torch.nn.Module, language_model: str) -> None:
    """Add an adapter's weights to those of a network, which is as before otherwise.

    Raises:
        UsageError: As :func:`attach_lora`, or if the sum is no number somewhere.
    """
    tuner = attach_lora(lora, network, language_model)
    if tuner is None:
        return
    try:
        tuner.merge_and_unload(safe_merge=True)
    except ValueError as error:
        raise UsageError(
            f"the adapter cannot be merged: {error}", where=str(lora.folder)
        ) from error


def name_weights(names: Iterable[str]) -> dict[str, str]:
    """Give, for each weight of the adapter on a network, its name in a saved adapter.

    Args:
        names: Of the network's weights; those of other parts are left out.
    """
    return {
        name: f"base_model.model.{name.removesuffix(place)}{saved}"
        for name in names
        for saved, place in _places(ADAPTER).items()
        if name.endswith(f".{place}")
    }


def rename_lora(
    lora: LoraAdapter, language_model: str, shapes: Mapping[str, tuple[int, ...]], out: Path
) -> int:
    """Write an adapter anew under the names that the language model has in another software.

    Args:
        lora: The adapter.
        language_model: Name of the module that holds the layers there.
        shapes: ``(outputs, inputs)`` of the model's linear layers, by their names from
            ``layers.`` on.
        out: Folder to write.

    Returns:
        The largest rank in it.

    Raises:
        UsageError: If a weight of the adapter has no place in the language model.
    """
    from safetensors.torch import save_file

    weights, old_names = _read_weights(lora, language_model, ADAPTER)
    renamed: dict[str, torch.Tensor] = {}
    for layer in sorted(old_names):
        own = {part: weights.get(f"{layer}.{place}") for part, place in _places(ADAPTER).items()}
        inward, outward = own["lora_A.weight"], own["lora_B.weight"]
        wanted = shapes.get(layer.removeprefix(f"{language_model}."))
        if inward is None or outward is None or (len(outward), inward.shape[1]) != wanted:
            problem = f"the model has no place for the weights of '{old_names[layer]}'"
            raise _wrong_base(lora, problem)
        renamed |= {
            f"base_model.model.{layer}.{part}": w for part, w in own.items() if w is not None
        }
    layers = [f"{language_model}.{layer}" for layer, shape in shapes.items() if len(shape) == 2]
    refuse_gaps(lora.folder, old_names, layers, language_model)
    out.mkdir(parents=True, exist_ok=True)
    save_file(renamed, out / WEIGHTS)
    _configure(lora, old_names).save_pretrained(str(out))
    return max(len(weight) for name, weight in renamed.items() if ".lora_A." in name)


def copy_side_files(folder: Path, out: Path, adapters: Sequence[str] = ()) -> None:
    """Copy what lies beside a model's weights, except what has been written anew.

    Args:
        folder: Of the model.
        out: Where its weights have been written anew.
        adapters: Folders in it that hold LoRA adapters of the model's own.
    """
    for adapter in adapters:
        if (folder / adapter).is_dir():
            shutil.copytree(folder / adapter, out / adapter, dirs_exist_ok=True)
    for file in sorted(folder.iterdir()):
        is_wanted = file.suffix in _COPIED_SUFFIXES and not file.name.endswith(_INDEX_END)
        if is_wanted and not (out / file.name).exists():
            shutil.copyfile(file, out / file.name)


def _places(name: str) -> dict[str, str]:
    """Give, for the end of each name in a saved adapter, that in a network that carries it."""
    return {saved: place.format(name) for saved, place in _PARTS.items()}


def _read_weights(
    lora: LoraAdapter, language_model: str, name: str
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read the weights under the names that they get in the network.

    Returns:
        Name to weight, and name of each adapted layer to its name in the file.
    """
    from emoreal_bench.model_adapters.local.not_finite import find_broken_weight

    saved: Mapping[str, torch.Tensor] = read_weights(lora.folder / WEIGHTS)
    broken = find_broken_weight(saved)
    if broken is not None:
        raise UsageError(
            f"the adapter holds {broken}, so every answer would be of numbers that are not finite.",
            where=str(lora.folder),
            remedy="Take an earlier checkpoint of its training, before the loss became NaN.",
        )
    weights, old_names, places = {}, {}, _places(name)
    for saved_name, weight in saved.items():
        match = _WEIGHT.match(saved_name)
        place = _LANGUAGE_LAYER.match(match["layer"]) if match else None
        if match is None or place is None:
            raise odd_name(lora.folder, saved_name)
        layer = f"{language_model}.{place['layer']}"
        weights[f"{layer}.{places[match['part']]}"] = weight
        old_names[layer] = match["layer"]
    return weights, old_names


def _configure(lora: LoraAdapter, old_names: Mapping[str, str]) -> LoraConfig:
    """Read the adapter's settings, with layers named one by one, as they are called here."""
    config = read_settings(lora.folder)
    # The adapter's own patterns may hit a tower, or speak of names that are no more.
    config.target_modules = sorted(old_names)
    config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    config.rank_pattern = _translate(config.rank_pattern or {}, old_names)
    config.alpha_pattern = _translate(config.alpha_pattern or {}, old_names)
    config.inference_mode = True
    config.lora_dropout = 0.0
    return config


def _refuse_other_ranks(
    lora: LoraAdapter, config: LoraConfig, weights: Mapping[str, torch.Tensor]
) -> None:
    """Refuse ranks that no weight has, before memory for them is asked for."""
    largest = max((len(one) for name, one in weights.items() if ".lora_A." in name), default=0)
    rank = max([config.r, *(config.rank_pattern or {}).values()])
    if rank > largest or config.r == 0:
        raise UsageError(
            f"{CONFIGURATION} names a rank of {rank:.6g}, and the weights have one of {largest}.",
            where=str(lora.folder),
            remedy="Save the adapter with PEFT's save_pretrained, which writes both.",
        )


def _linear_layers(network: torch.nn.Module) -> list[str]:
    """Name the linear layers of a network, without the parts of adapters on them."""
    from peft.tuners.lora import LoraLayer

    inside = tuple(
        f"{name}." for name, module in network.named_modules() if isinstance(module, LoraLayer)
    )
    return [
        name
        for name, module in network.named_modules()
        if _is_linear(module) and not name.startswith(inside)
    ]


def _translate(pattern: Mapping[str, int], old_names: Mapping[str, str]) -> dict[str, int]:
    from peft.utils.other import get_pattern_key

    found = {
        layer: pattern.get(get_pattern_key(list(pattern), old)) for layer, old in old_names.items()
    }
    return {re.escape(layer): value for layer, value in found.items() if value is not None}


def _is_linear(module: object) -> bool:
    """Return whether a layer is linear, perhaps with an adapter on it already."""
    import torch
    from peft.tuners.lora import LoraLayer

    return isinstance(module, torch.nn.Linear | LoraLayer)


def _shape(shape: torch.Size | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape))


def _last_part(name: str) -> str:
    """Return what tells models apart in a name, a path or a path of the hub's cache."""
    for part in Path(name).parts:
        if part.startswith("models--"):
            name = part.replace("--", "/")
    # A revision of the hub's own may hold slashes: NAME@refs/pr/1.
    return Path(name.partition("@refs/")[0]).name.partition("@")[0].casefold()


def _wrong_base(lora: LoraAdapter, problem: str) -> UsageError:
    return UsageError(
        f"the LoRA adapter was made for '{lora.base or 'a model that it does not name'}' and does "
        f"not fit '{lora.model}': {problem}.",
        where=str(lora.folder),
        remedy="Name its own base with --model. If that is this very model under another name, "
        f"write this name into base_model_name_or_path of {CONFIGURATION}.",
    )
