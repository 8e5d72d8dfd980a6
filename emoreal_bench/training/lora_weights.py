"""The LoRA adapter of a model in training: put on, switched off, saved, read again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import torch
from peft.tuners.lora import LoraConfig, LoraLayer, LoraModel
from safetensors.torch import save_file

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.file_faults import read_weights
from emoreal_bench.model_adapters.local.lora import (
    ADAPTER,
    LoraAdapter,
    attach_lora,
    name_weights,
)
from emoreal_bench.model_adapters.local.lora_faults import WEIGHTS
from emoreal_bench.record.files import grant_usual_modes, make_folder
from emoreal_bench.training.lora_settings import LoraSettings

# Experts of a mixture are no linear layers in the library and stay as they are.
_TRAINED = re.compile(r"layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)")
_REFERENCE = "reference"


class TrainedAdapter:
    """The adapter on a network; everything else of the network is frozen.

    Args:
        network: Loaded, without an adapter.
        language_model: Name of the module in it that holds the language model's layers.
        settings: Of the adapter.
        base: Name of the model, for whoever loads the adapter.
        start: The adapter to go on from, found in the folder that the settings name.

    Raises:
        UsageError: If the start does not fit the network.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        language_model: str,
        settings: LoraSettings,
        base: str,
        start: LoraAdapter | None = None,
    ):
        self._network = network
        self._has_start = start is not None
        network.requires_grad_(requires_grad=False)
        if start is None:
            config = LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha,
                # By their names: in a mixture of experts PEFT loosens patterns, and towers match.
                target_modules=_find_layers(network, language_model),
                base_model_name_or_path=base,
            )
            with torch.random.fork_rng():
                torch.manual_seed(settings.seed)
                # The library types the first argument as a part of what it takes.
                self._tuner = LoraModel(network, cast("Any", config), ADAPTER)
        else:
            tuner = attach_lora(start, network, language_model)
            if tuner is None:
                raise UsageError(
                    "an adapter of rank 0 cannot be trained on.", where=str(start.folder)
                )
            self._tuner = tuner
            self._keep_reference()
        for layer in self._layers():
            layer.lora_dropout[ADAPTER] = (
                torch.nn.Dropout(settings.dropout) if settings.dropout else torch.nn.Identity()
            )
        self._tuner.set_adapter(ADAPTER)

    def _layers(self) -> Iterator[LoraLayer]:
        return (module for module in self._network.modules() if isinstance(module, LoraLayer))

    def _keep_reference(self) -> None:
        """Put a copy of the adapter beside it, which is never trained."""
        self._tuner.peft_config[_REFERENCE] = deepcopy(self._tuner.peft_config[ADAPTER])
        self._tuner.inject_adapter(self._network, _REFERENCE)
        state = self._network.state_dict()
        copies = {
            name.replace(f".{ADAPTER}", f".{_REFERENCE}"): state[name]
            for name in name_weights(state)
        }
        self._network.load_state_dict(copies, strict=False)

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """Make the network for a while what it was before training."""
        if self._has_start:
            self._tuner.set_adapter(_REFERENCE, inference_mode=True)
        else:
            self._tuner.disable_adapter_layers()
        try:
            yield
        finally:
            if self._has_start:
                self._tuner.set_adapter(ADAPTER)
            else:
                self._tuner.enable_adapter_layers()

    def save(self, folder: Path, state: Mapping[str, torch.Tensor] | None = None) -> None:
        """Write the adapter in PEFT's layout.

        Args:
            folder: Made if it is not there.
            state: Weights of the network; its own by default.
        """
        state = self._network.state_dict() if state is None else state
        weights = {
            saved: state[name].detach().cpu().contiguous()
            for name, saved in name_weights(state).items()
        }
        make_folder(folder)
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        # The library types the configuration as one of any kind of adapter.
        config: Any = deepcopy(self._tuner.peft_config[ADAPTER])
        config.inference_mode = True
        # In an order of their own: PEFT makes a set of them.
        config.target_modules = sorted(config.target_modules or ())
        config.save_pretrained(str(folder))
        grant_usual_modes(folder)

    def load(self, folder: Path) -> None:
        """Take the weights that :meth:`save` wrote.

        Raises:
            UsageError: If they cannot be read, or are those of another adapter.
        """
        state = self._network.state_dict()
        names = {saved: name for name, saved in name_weights(state).items()}
        weights: Mapping[str, torch.Tensor] = read_weights(folder / WEIGHTS)
        expected = {saved: state[name].shape for saved, name in names.items()}
        if expected != {saved: weight.shape for saved, weight in weights.items()}:
            raise UsageError("the folder holds another adapter than this one.", where=str(folder))
        self._network.load_state_dict(
            {names[saved]: weight for saved, weight in weights.items()}, strict=False
        )


def _find_layers(network: torch.nn.Module, language_model: str) -> list[str]:
    """Name the linear layers that are trained."""
    return [
        f"{language_model}.{name}"
        for name, module in network.get_submodule(language_model).named_modules()
        if _TRAINED.fullmatch(name) and isinstance(module, torch.nn.Linear)
    ]
