"""``hf/PATH`` and ``hf/OWNER/NAME@REVISION``: models run here through transformers.

A model is a folder in the layout of the Hugging Face hub, on this machine or
on the hub; from the hub it is fetched into the usual cache when it is first
described or opened. Weights are read from safetensors files only, and no code
that comes with a model is ever run.
"""

from __future__ import annotations

import json
import math
from enum import StrEnum
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from pydantic import Field
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    Qwen2_5OmniThinkerForConditionalGeneration,
)
from transformers.utils import logging
from transformers.utils.import_utils import is_flash_attn_2_available

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.identity import hash_files
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.inputs.qwen_omni import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.hardware import LocalArguments
from emoreal_bench.model_adapters.local import LocalAdapter
from emoreal_bench.model_adapters.lora import attach_lora, copy_side_files, merge_lora
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.qwen2_5_omni import (
    LANGUAGE_MODEL,
    MODEL_TYPES,
    Qwen25Omni,
    capabilities,
)

# Everything of a model folder that can change an answer.
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt")
# Parts of a full checkpoint that speak; they are not loaded.
UNUSED_PARTS = ("talker.", "token2wav.")


class Attention(StrEnum):
    """Implementation of attention."""

    SDPA = "sdpa"
    EAGER = "eager"
    FLASH_2 = "flash_attention_2"


class HfArguments(LocalArguments):
    """Arguments of ``hf/...``."""

    attention: Attention = Attention.SDPA
    min_pixels: int = Field(default=FrameSettings().min_pixels, ge=28 * 28)
    max_pixels: int = Field(default=FrameSettings().max_pixels, ge=28 * 28)


class HfAdapter(LocalAdapter[OmniInput]):
    """A Qwen2.5-Omni checkpoint: the whole model or its Thinker alone."""

    def __init__(self, spec: ModelSpec, arguments: HfArguments):
        super().__init__(spec.lora)
        self._name = spec.name
        self._arguments = arguments
        self._place, self._revision = _split_revision(spec.model)
        if arguments.attention is Attention.FLASH_2 and not is_flash_attn_2_available():
            raise UsageError(
                f"{spec.name}: attention=flash_attention_2 needs the package flash-attn and a GPU.",
                remedy="Install it, or leave the argument out.",
            )

    @cached_property
    def _folder(self) -> Path:
        return _find_folder(self._place, self._revision)

    @cached_property
    def _configuration(self) -> dict[str, object]:
        """Give the Thinker's configuration as it is written in the folder."""
        path = self._folder / "config.json"
        try:
            whole: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                "there is no readable config.json, so this is no model folder.",
                where=str(self._folder),
            ) from error
        if whole.get("model_type") not in MODEL_TYPES:
            raise UsageError(
                f"the folder holds a model of type '{whole.get('model_type')}'.",
                where=str(path),
                remedy=f"The provider 'hf' runs: {', '.join(MODEL_TYPES)}.",
            )
        thinker = whole.get("thinker_config", whole)
        assert isinstance(thinker, dict)
        return thinker

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self._folder)
        return tokenizer

    @cached_property
    def _builder(self) -> OmniInputBuilder:
        text = self._configuration["text_config"]
        assert isinstance(text, dict)
        frames = FrameSettings(self._arguments.min_pixels, self._arguments.max_pixels)
        # Where a folder does not say, the published models' own limit holds.
        return OmniInputBuilder(
            self._tokenizer, frames, text.get("max_position_embeddings", 32_768)
        )

    def render(self, request: Request) -> str:
        """Give the prompt in the chat form of the model's own template."""
        return self._builder.render(request)

    def _make_description(self) -> ModelDescription:
        assert self._configuration
        files = sorted(path for pattern in MODEL_FILES for path in self._folder.glob(pattern))
        return ModelDescription(
            name=self._name,
            revision=None if Path(self._place).is_dir() else self._folder.name,
            weights_hash=hash_files(files, self._folder),
            parameters=sum(_count_parameters(file) for file in files if _holds_weights(file)),
            settings=self._arguments.as_settings(),
            versions={library: version(library) for library in ("torch", "transformers")},
            capabilities=capabilities(
                self._arguments.batch_size, needs_gpu=self._arguments.resolve_device() != "cpu"
            ),
        )

    def _load(self) -> Qwen25Omni:
        network = self._load_network()
        if self._lora is not None:
            attach_lora(self._lora, network, LANGUAGE_MODEL)
        return Qwen25Omni(network, self._tokenizer, self._builder)

    def save_merged(self, out: Path) -> None:
        """Write the Thinker; see :class:`~emoreal_bench.model_adapters.lora.Mergeable`."""
        assert self._lora is not None
        network = self._load_network()
        merge_lora(self._lora, network, LANGUAGE_MODEL)
        network.save_pretrained(out)
        copy_side_files(self._folder, out)

    def _load_network(self) -> Qwen2_5OmniThinkerForConditionalGeneration:
        assert self._configuration
        # The harness shows a progress of its own. The library leaves the function untyped.
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        # With the report asked for, the library gives a pair and types it as the network.
        loaded: Any = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
            self._folder,
            dtype=self._arguments.resolve_dtype(),
            attn_implementation=self._arguments.attention.value,
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
        placed: Qwen2_5OmniThinkerForConditionalGeneration = network.to(
            self._arguments.resolve_device()
        ).eval()
        return placed


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``hf/...``.

    Raises:
        UsageError: If an argument is wrong or cannot be met here.
    """
    return HfAdapter(spec, parse_arguments(HfArguments, spec.arguments, spec.name))


def _split_revision(model: str) -> tuple[str, str | None]:
    if Path(model).is_dir():
        return model, None
    place, _, revision = model.partition("@")
    if revision and Path(place).is_dir():
        raise UsageError("a folder has no revisions.", where=model)
    return place, revision or None


def _find_folder(place: str, revision: str | None) -> Path:
    """Give the folder of a model, fetched from the hub if it is not a folder here.

    Raises:
        UsageError: If it is neither here nor on the hub.
    """
    if Path(place).is_dir():
        return Path(place)
    try:
        return Path(snapshot_download(place, revision=revision, allow_patterns=list(MODEL_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise UsageError(
            "there is no such folder, and the model could not be fetched from the hub: "
            f"{str(error).splitlines()[0]}",
            where=place,
            remedy="Check the path or the name OWNER/NAME, and the network.",
        ) from error


def _holds_weights(file: Path) -> bool:
    return file.suffix == ".safetensors"


def _count_parameters(file: Path) -> int:
    """Count the parameters in a safetensors file from its header alone."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header: dict[str, dict[str, list[int]]] = json.loads(stream.read(length))
    return sum(
        math.prod(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and not name.startswith(UNUSED_PARTS)
    )
