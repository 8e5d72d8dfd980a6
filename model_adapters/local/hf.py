"""``hf/PATH`` and ``hf/OWNER/NAME@REVISION``: models run here through transformers.

A model is a folder in the layout of the Hugging Face hub, on this machine or
on the hub; from the hub it is fetched into the usual cache when it is first
described or opened. Weights are read from safetensors files only, and no code
that comes with a model is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import torch
import transformers
from pydantic import Field, ValidationInfo, field_validator
from transformers import BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging
from transformers.utils.import_utils import is_flash_attn_2_available

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.merged_record import MergedRecord
from emoreal_bench.contracts.request import Request
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.local.adapter import LocalAdapter, LocalModel, local_capabilities
from emoreal_bench.model_adapters.local.family import Family, InputBuilder, ModelFolder, PixelLimits
from emoreal_bench.model_adapters.local.file_faults import load_tokenizer, told_by_library
from emoreal_bench.model_adapters.local.gemma import gemma3n, gemma4
from emoreal_bench.model_adapters.local.hardware import LocalArguments, NumberFormat
from emoreal_bench.model_adapters.local.lora import attach_lora, copy_side_files, merge_lora
from emoreal_bench.model_adapters.local.model_folder import (
    count_parameters,
    find_folder,
    hash_model,
    read_configuration,
    read_merged,
    split_revision,
    write_merged,
)
from emoreal_bench.model_adapters.local.phi4 import network as phi4_multimodal
from emoreal_bench.model_adapters.local.qwen_omni import qwen2_5_omni, qwen3_omni
from emoreal_bench.model_adapters.local.spread import plan_split, spread
from emoreal_bench.model_adapters.providers import ModelSpec


class ModelType(StrEnum):
    """What ``config.json`` calls a model that can be run here."""

    QWEN2_5_OMNI = "qwen2_5_omni"
    QWEN2_5_OMNI_THINKER = "qwen2_5_omni_thinker"
    QWEN3_OMNI = "qwen3_omni_moe"
    QWEN3_OMNI_THINKER = "qwen3_omni_moe_thinker"
    GEMMA3N = "gemma3n"
    GEMMA4 = "gemma4"
    PHI4_MULTIMODAL = "phi4_multimodal"


FAMILIES: Mapping[ModelType, Family[Any, Any]] = MappingProxyType(
    {
        ModelType.QWEN2_5_OMNI: qwen2_5_omni.FAMILY,
        ModelType.QWEN2_5_OMNI_THINKER: qwen2_5_omni.FAMILY,
        ModelType.QWEN3_OMNI: qwen3_omni.FAMILY,
        ModelType.QWEN3_OMNI_THINKER: qwen3_omni.FAMILY,
        ModelType.GEMMA3N: gemma3n.FAMILY,
        ModelType.GEMMA4: gemma4.FAMILY,
        ModelType.PHI4_MULTIMODAL: phi4_multimodal.FAMILY,
    }
)


# Types that models have in a layout with code of their own, and where they lie in the library's.
_LANGUAGE_PART = "text_config"
_IN_OTHER_LAYOUTS: Mapping[str, str] = MappingProxyType(
    {"phi4mm": "hf/microsoft/Phi-4-multimodal-instruct@refs/pr/70"}
)


class Attention(StrEnum):
    """Implementation of attention."""

    AUTO = "auto"
    """flash_attention_2 where it is installed and can be used, sdpa elsewhere."""
    SDPA = "sdpa"
    EAGER = "eager"
    FLASH_2 = "flash_attention_2"


class Quantization(StrEnum):
    """Number of bits of the weights in memory."""

    NONE = "none"
    EIGHT_BITS = "8bit"
    FOUR_BITS = "4bit"


class HfArguments(LocalArguments):
    """Arguments of ``hf/...``."""

    attention: Attention = Attention.AUTO
    quantization: Quantization = Quantization.NONE
    # One copy over all of the devices, for a model that does not fit on one.
    split: bool = False
    # Of a frame, as the vision tower sees it. None: as published for the family.
    min_pixels: int | None = Field(default=None, ge=28 * 28)
    max_pixels: int | None = Field(default=None, ge=28 * 28)

    @field_validator("split")
    @classmethod
    def _over_several_gpus(cls, value: bool, info: ValidationInfo) -> bool:
        devices = (info.data.get("devices") or "").split(",")
        if value and not (len(set(devices)) > 1 and all(map(str.isdigit, devices))):
            raise ValueError("name the GPUs to split over, such as devices=0,1")
        return value

    def per_device(self) -> list[Self]:
        """Return the arguments of each copy of the model; one that is split has one."""
        return [self] if self.split else super().per_device()

    @property
    def split_over(self) -> tuple[int, ...]:
        """Numbers of the GPUs that one copy is split over; none if it is not split."""
        return tuple(map(int, (self.devices or "").split(","))) if self.split else ()

    def resolve_attention(self) -> Attention:
        """Return the implementation that ``auto`` comes to on the device."""
        if self.attention is not Attention.AUTO:
            return self.attention
        on_gpu = self.resolve_device().startswith("cuda")
        halves = self.resolve_format() in (NumberFormat.BFLOAT16, NumberFormat.FLOAT16)
        usable = on_gpu and halves and is_flash_attn_2_available()
        return Attention.FLASH_2 if usable else Attention.SDPA

    def as_settings(self) -> dict[str, str | int | float | bool | None]:
        """Return the arguments as a description states them, with ``auto`` resolved."""
        settings = {**super().as_settings(), "attention": self.resolve_attention().value}
        # Where it computes is no part of who a model is.
        del settings["split"]
        return settings


class HfAdapter(LocalAdapter[Any]):
    """A checkpoint of one of the families."""

    def __init__(self, spec: ModelSpec, arguments: HfArguments):
        super().__init__(spec.lora)
        self._spec = spec
        self._name = spec.name
        self._arguments = arguments
        self._place, self._revision = split_revision(spec.model)
        _refuse_what_is_missing(spec, arguments)

    @cached_property
    def _folder(self) -> Path:
        return find_folder(self._place, self._revision)

    @cached_property
    def _configuration(self) -> dict[str, Any]:
        """Return the configuration as it is written in the folder."""
        return read_configuration(self._folder)

    @cached_property
    def _family(self) -> Family[Any, Any]:
        model_type = self._configuration.get("model_type")
        if not isinstance(model_type, str) or model_type not in set(ModelType):
            known = _IN_OTHER_LAYOUTS.get(str(model_type))
            raise UsageError(
                f"the folder holds a model of type '{model_type}'.",
                where=str(self._folder / "config.json"),
                remedy=f"The provider 'hf' runs: {', '.join(FAMILIES)}."
                if known is None
                else f"Take it in the layout that transformers knows: {known}",
            )
        family = FAMILIES[ModelType(model_type)]
        if any(find_spec(module) is None for module in family.modules):
            raise MissingExtraError(f"A model of type '{model_type}'", family.extra)
        return family

    @cached_property
    def _merged(self) -> MergedRecord:
        return read_merged(self._folder)

    @cached_property
    def _pixels(self) -> PixelLimits | None:
        least, most = self._arguments.min_pixels, self._arguments.max_pixels
        merged = self._merged
        published = self._family.pixels
        if published is not None:
            return PixelLimits(
                least or merged.min_pixels or published.least,
                most or merged.max_pixels or published.most,
            )
        if least is not None or most is not None:
            raise UsageError(
                f"{self._name}: this family has no limits on pixels.",
                remedy="Leave min_pixels and max_pixels out.",
            )
        return None

    @cached_property
    def _opened(self) -> ModelFolder:
        # The part is looked up by its key: a folder may hold that part alone.
        part = self._configuration.get(self._family.part or "", self._configuration)
        return ModelFolder(self._folder, part, load_tokenizer(self._folder), self._pixels)

    @cached_property
    def _builder(self) -> InputBuilder:
        opened = self._opened
        with told_by_library("what says how it is fed cannot be read.", self._folder):
            builder: InputBuilder = self._family.make_builder(opened)
        return builder

    def render(self, request: Request) -> str:
        """Return the prompt in the chat form of the model's own template."""
        return self._builder.render(request)

    def _make_description(self) -> ModelDescription:
        family, pixels = self._family, self._pixels
        return ModelDescription(
            name=self._name,
            label=self._merged.label,
            fine_tuned_on=self._merged.fine_tuned_on,
            revision=None if Path(self._place).is_dir() else self._folder.name,
            weights_hash=hash_model(self._folder, family.adapters),
            parameters=count_parameters(self._folder, family.adapters),
            settings={
                **self._arguments.as_settings(),
                "min_pixels": pixels and pixels.least,
                "max_pixels": pixels and pixels.most,
            },
            versions={library: version(library) for library in ("torch", "transformers")},
            capabilities=local_capabilities(
                self._arguments.batch_size, needs_gpu=self._arguments.resolve_device() != "cpu"
            ),
        )

    def _load(self) -> LocalModel[Any]:
        network = self._load_network()
        if self._lora is not None:
            attach_lora(self._lora, network, self._family.language_model)
        return self._family.make_model(network, self._opened, self._builder)

    def placed(self, device: str, number_format: NumberFormat) -> HfAdapter:
        """Return the same model elsewhere, or in another number format.

        Raises:
            UsageError: If its arguments ask for what cannot be trained here.
        """
        if self._arguments.quantization is not Quantization.NONE:
            raise UsageError(f"{self._name}: a quantised model is not trained here.")
        if self._arguments.attention is Attention.FLASH_2:
            raise UsageError(
                f"{self._name}: packed answers need a mask, which flash_attention_2 does not take.",
                remedy="Leave the argument out, or take sdpa.",
            )
        attention = self._arguments.attention
        attention = Attention.SDPA if attention is Attention.AUTO else attention
        whole = {"devices": None, "split": False}
        update = {**whole, "device": device, "dtype": number_format, "attention": attention}
        return HfAdapter(self._spec, self._arguments.model_copy(update=update))

    def save_merged(self, out: Path) -> None:
        """Write the part that runs; see ``lora.Mergeable``."""
        assert self._lora is not None
        network = self._load_network()
        merge_lora(self._lora, network, self._family.language_model)
        network.save_pretrained(out)
        pixels = self._pixels
        write_merged(out, self.describe(), (pixels.least, pixels.most) if pixels else None)
        copy_side_files(self._folder, out, self._family.adapters)

    def _load_network(self) -> PreTrainedModel:
        family = self._family
        # The harness shows a progress of its own. The library leaves the function untyped.
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        device = self._arguments.require_device()
        quantization = self._quantization()
        # Weights that are quantised or split cannot be moved, so they are read into their place.
        device_map: str | dict[str, str] | None = None if quantization is None else {"": device}
        max_memory = None
        if self._arguments.split_over:
            device_map, max_memory = "balanced", self._plan_split()
        with told_by_library("the weights cannot be loaded.", self._folder):
            # With the report asked for, the library gives a pair and types it as the network.
            loaded: Any = getattr(transformers, family.network).from_pretrained(
                self._folder,
                dtype=self._arguments.resolve_dtype(),
                attn_implementation=self._attention_of_parts(),
                device_map=device_map,
                max_memory=max_memory,
                quantization_config=quantization,
                use_safetensors=True,
                output_loading_info=True,
            )
        network, report = loaded
        missing = sorted(report["missing_keys"])
        if missing:
            raise UsageError(
                f"{len(missing)} weights are missing, '{missing[0]}' among them.",
                where=str(self._folder),
            )
        placed: PreTrainedModel = network.to(device) if device_map is None else network
        placed.train(mode=False)
        return placed

    def _attention_of_parts(self) -> dict[str, str]:
        """Return which attention each part of the network takes, by its key in the configuration.

        What is said of the whole does not reach its parts. Those that are not named take
        sdpa where they can; flash attention is for the language layers.
        """
        family, wanted = self._family, self._arguments.resolve_attention()
        parts = getattr(transformers, family.network).config_class.sub_configs
        named = {
            Attention.EAGER: tuple(parts),
            Attention.FLASH_2: tuple(part for part in parts if part == _LANGUAGE_PART),
        }.get(wanted, ())
        eager = dict.fromkeys(family.eager_parts, Attention.EAGER.value)
        return {"": wanted.value, **dict.fromkeys(named, wanted.value), **eager}

    def _plan_split(self) -> dict[int, int]:
        devices = self._arguments.split_over
        for device in devices:
            self._arguments.model_copy(update={"device": f"cuda:{device}"}).require_device()
        return plan_split(devices, lambda device: torch.cuda.mem_get_info(device)[0])

    def _quantization(self) -> BitsAndBytesConfig | None:
        bits = self._arguments.quantization
        if bits is Quantization.NONE:
            return None
        # The library leaves the constructor untyped.
        return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_8bit=bits is Quantization.EIGHT_BITS,
            load_in_4bit=bits is Quantization.FOUR_BITS,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=self._arguments.resolve_dtype(),
        )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``hf/...``.

    Raises:
        UsageError: If an argument is wrong or cannot be met here.
    """
    arguments = parse_arguments(HfArguments, spec.arguments, spec.name)
    return spread(arguments, lambda placed: HfAdapter(spec, placed))


def _refuse_what_is_missing(spec: ModelSpec, arguments: HfArguments) -> None:
    if arguments.attention is Attention.FLASH_2 and not is_flash_attn_2_available():
        raise UsageError(
            f"{spec.name}: attention=flash_attention_2 needs the package flash-attn and a GPU.",
            remedy="Install it, or leave the argument out.",
        )
    if arguments.quantization is Quantization.NONE:
        return
    asked = f"{spec.name}: quantization={arguments.quantization.value}"
    if find_spec("bitsandbytes") is None:
        raise UsageError(
            f"{asked} needs the package bitsandbytes, which is not installed.",
            remedy="Install it with: pip install bitsandbytes",
        )
    if spec.lora is not None:
        raise UsageError(
            f"{asked} does not go with a LoRA adapter.",
            remedy="Merge the adapter (`emoreal-bench model merge`) and quantise the result.",
        )
