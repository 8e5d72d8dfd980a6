"""A model of any family, loaded for training with a LoRA adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.training.answers import PromptWithAnswers
from emoreal_bench.training.lora_settings import LoraSettings

if TYPE_CHECKING:
    import torch

    from emoreal_bench.training.packing import PackedBatch

__all__ = ["LoraSettings", "TrainableModel", "load_trainable"]


class TrainableModel:
    """A model with a LoRA adapter in training.

    Attributes:
        network: Takes a :class:`PackedBatch` and gives the natural log-probability of each
            answer, ``(answers,)`` 32-bit floats. The whole pass lies in its ``forward``, so
            this is the module to wrap for several processes.
        description: Of the model without the adapter.
        reference_hash: Of what :meth:`without_adapter` computes, for the cache.
    """

    network: torch.nn.Module
    description: ModelDescription
    reference_hash: str

    def prepare(self, prompts: Sequence[PromptWithAnswers]) -> PackedBatch:
        """Turn prompts and answers into tensors, on the processor.

        Raises:
            InputError: If the model cannot take a prompt, or an answer is empty.
        """
        raise NotImplementedError

    def without_adapter(self) -> AbstractContextManager[None]:
        """Make the network the reference for a while: as it was before training."""
        raise NotImplementedError

    def save_adapter(self, folder: Path, weights: Mapping[str, torch.Tensor] | None = None) -> None:
        """Save the adapter in PEFT's layout, for ``--lora`` and for :meth:`load_adapter`.

        Args:
            folder: Made if it is not there.
            weights: State of ``network`` to save, where its own is spread over processes.
        """
        raise NotImplementedError

    def load_adapter(self, folder: Path) -> None:
        """Take the adapter's weights from a folder of :meth:`save_adapter`, to go on training.

        Raises:
            UsageError: If the folder holds another adapter.
        """
        raise NotImplementedError


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
    raise NotImplementedError
