"""A model of any family, loaded for training with a LoRA adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.identity import model_hash
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.local.lora import read_lora
from emoreal_bench.model_adapters.providers import PROVIDERS
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.examples.kept_media import (
    KeptMedia,
    encoded_bytes,
    prepared_bytes,
)
from emoreal_bench.training.lora_settings import LoraSettings

if TYPE_CHECKING:
    import torch

    from emoreal_bench.inputs.tensors import PreparedClips
    from emoreal_bench.model_adapters.local.adapter import LocalAdapter
    from emoreal_bench.model_adapters.local.packed import PackedReader, PlacedPrompt
    from emoreal_bench.training.examples.packing import PackedBatch
    from emoreal_bench.training.lora_weights import TrainedAdapter
    from emoreal_bench.training.packed_network import PackedNetwork

__all__ = ["LoraSettings", "TrainableModel", "load_trainable"]


class TrainableModel:
    """A model with a LoRA adapter in training.

    Args:
        reader: The model.
        network: Of the model.
        adapter: On the network.
        description: Of the model without the adapter.
        reference_hash: Of what :meth:`without_adapter` computes.

    Attributes:
        network: Takes a :class:`PackedBatch` and gives the natural log-probability of each
            answer, ``(answers,)`` 32-bit floats. The whole pass lies in its ``forward``, so
            this is the module to wrap for several processes.
        description: Of the model without the adapter.
        reference_hash: Of what :meth:`without_adapter` computes, for the cache.
    """

    def __init__(
        self,
        reader: PackedReader,
        network: PackedNetwork,
        adapter: TrainedAdapter,
        description: ModelDescription,
        reference_hash: str,
    ):
        self._reader = reader
        self._adapter = adapter
        self.network = network
        self.description = description
        self.reference_hash = reference_hash
        self._prepared: PreparedClips[Any, Any] | None = None

    def keep_prepared(self, limit: int) -> None:
        """Keep clips as the towers take them, so that a clip that comes again is not scaled anew.

        Args:
            limit: Memory for pictures, and as much for sounds, in bytes; 0 keeps them for one
                batch only.
        """
        if not limit:
            return
        from emoreal_bench.inputs.tensors import PreparedClips

        pictures, sounds = (KeptMedia[Any](limit, prepared_bytes) for _ in range(2))
        self._prepared = PreparedClips(pictures, sounds)

    def prepare(self, prompts: Sequence[PromptWithAnswers]) -> PackedBatch:
        """Turn prompts and answers into tensors, on the processor.

        Raises:
            InputError: If the model cannot take a prompt, or an answer is empty.
        """
        from emoreal_bench.training.examples.packing import pack

        answers = [_tokenize(one, self._reader) for one in prompts]
        # An evaluation leaves room for the reply; here its length is known.
        requests = [
            replace(
                one.request,
                settings=one.request.settings.model_copy(
                    update={"max_new_tokens": max(map(len, tokens))}
                ),
            )
            for one, tokens in zip(prompts, answers, strict=True)
        ]
        placed = [
            _place(prepared, request.id, self._reader)
            for prepared, request in zip(
                self._reader.prepare(requests, self._prepared), requests, strict=True
            )
        ]
        return pack(placed, answers)

    def without_adapter(self) -> AbstractContextManager[None]:
        """Make the network the reference for a while: as it was before training."""
        return self._adapter.switched_off()

    def save_adapter(self, folder: Path, weights: Mapping[str, torch.Tensor] | None = None) -> None:
        """Save the adapter in PEFT's layout, for ``--lora`` and for :meth:`load_adapter`.

        Args:
            folder: Made if it is not there.
            weights: State of ``network`` to save, where its own is spread over processes.
        """
        inside = None
        if weights is not None:
            # In the state of the module to wrap, the model's own network has this name.
            inside = {name.removeprefix("network."): weight for name, weight in weights.items()}
        self._adapter.save(folder, inside)

    def load_adapter(self, folder: Path) -> None:
        """Take the adapter's weights from a folder of :meth:`save_adapter`, to go on training.

        Raises:
            UsageError: If the folder holds another adapter.
        """
        self._adapter.load(folder)


def load_trainable(
    model: str,
    arguments: Mapping[str, str],
    lora: LoraSettings,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    gradient_checkpointing: bool = False,
    media_cache_bytes: int = 0,
) -> TrainableModel:
    """Load a model and put an adapter on its language model; everything else is frozen.

    Args:
        model: ``provider/model``: ``tiny/omni``, ``hf/...`` of a Qwen-Omni, ``avere/PATH``.
        arguments: Of the model, as ``--model-arg``; device and number format come from here.
        lora: The adapter.
        device: Where to compute.
        dtype: Of the frozen weights; None for 32-bit floats. The adapter's are 32-bit floats.
        gradient_checkpointing: Compute the language layers anew in the backward pass instead
            of keeping what they computed.
        media_cache_bytes: Memory for encoded pictures and sounds that come again.

    Raises:
        UsageError: If there is no such model, or it cannot be trained.
    """
    import torch

    from emoreal_bench.model_adapters.local.hardware import NumberFormat
    from emoreal_bench.model_adapters.local.packed import PackedReader
    from emoreal_bench.training.lora_weights import TrainedAdapter
    from emoreal_bench.training.packed_network import PackedNetwork

    number_format = NumberFormat(str(dtype or torch.float32).removeprefix("torch."))
    local = _create_local(model, arguments).placed(str(device), number_format)
    reader = local.load()
    if not isinstance(reader, PackedReader):
        raise UsageError(f"{model}: models of this family cannot be trained here.")
    start = None if lora.start is None else read_lora(lora.start, model)
    adapter = TrainedAdapter(reader.network, reader.language_model, lora, _base_name(model), start)
    known = KeptMedia(media_cache_bytes, encoded_bytes) if media_cache_bytes else None
    network = PackedNetwork(reader, known)
    if gradient_checkpointing:
        network.save_memory()
    description = local.describe()
    reference = description if start is None else start.describe(description)
    return TrainableModel(reader, network, adapter, description, model_hash(reference))


def _create_local(model: str, arguments: Mapping[str, str]) -> LocalAdapter[Any]:
    """Create the adapter of a model that computes in this process, on one device."""
    from emoreal_bench.model_adapters.local.adapter import LocalAdapter

    adapter = create_adapter(model, arguments)
    if not isinstance(adapter, LocalAdapter):
        raise UsageError(
            f"{model}: only a model that computes here, on one device per process, can be trained.",
            remedy="Take hf/... of a Qwen-Omni, avere/PATH or tiny/omni, without 'devices'.",
        )
    return adapter


def _base_name(model: str) -> str:
    """Return the name by which others know the model: the place of its weights, if it has one."""
    provider, _, place = model.partition("/")
    return model if PROVIDERS[provider].closed else place.partition("@")[0]


def _tokenize(prompt: PromptWithAnswers, reader: PackedReader) -> list[list[int]]:
    if not prompt.answers:
        raise InputError(f"{prompt.request.id}: there is no answer to score")
    try:
        return [reader.reply_tokens(answer) for answer in prompt.answers]
    except InputError as error:
        raise InputError(f"{prompt.request.id}: {error}") from error


def _place(prepared: Any, item: str, reader: PackedReader) -> PlacedPrompt:
    try:
        if isinstance(prepared, InputError):
            raise prepared
        return reader.place(prepared)
    except InputError as error:
        raise InputError(f"{item}: {error}") from error
