"""One pass over a packed batch: from tokens and clips to log-probabilities of answers."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Self

import torch

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.local.packed import PackedReader, PackedRows
from emoreal_bench.model_adapters.local.towers import Encoded, encode_once
from emoreal_bench.training.examples.packing import PackedBatch


class PackedNetwork(torch.nn.Module):
    """A model that gives the log-probabilities of packed answers.

    The whole pass lies in :meth:`forward`, so that what wraps a module for
    several processes sees all of it.

    Args:
        reader: The model.
        known: Encoded pictures and sounds, kept from batch to batch.
    """

    def __init__(self, reader: PackedReader, known: MutableMapping[str, Encoded] | None = None):
        super().__init__()
        self.network = reader.network
        self._reader = reader
        self._known = known

    @property
    def language_model(self) -> torch.nn.Module:
        """The layers that an adapter is put on."""
        return self.network.get_submodule(self._reader.language_model)

    def save_memory(self) -> None:
        """Compute the language layers anew in the backward pass instead of keeping them."""
        # The library's classes share no base that has what is used here.
        body: Any = self.language_model
        # The method's name changed within version 5 of the library.
        newer = getattr(body, "activation_checkpointing_enable", None)
        # The other kind needs inputs that carry a gradient, which embeddings here do not.
        (newer or body.gradient_checkpointing_enable)({"use_reentrant": False})

    def train(self, mode: bool = True) -> Self:
        """Switch the language model; the towers always stay as in an evaluation."""
        super().train(mode=False)
        self.training = mode
        self.language_model.train(mode)
        return self

    def forward(self, batch: PackedBatch) -> torch.Tensor:
        """Score a batch.

        Returns:
            ``(answers,)`` natural log-probabilities, 32-bit floats.

        Raises:
            InputError: If a tower gives another number of embeddings than there are places.
        """
        encoded = {modality: self._encode(batch, modality) for modality in batch.media}
        rows = PackedRows(batch.ids, batch.positions, batch.mask, encoded)
        states = self._reader.read_packed(rows).flatten(0, 1)
        # Only where an answer is predicted: the vocabulary is the widest layer by far.
        logits = self._reader.project(states[batch.sources]).float()
        chosen = logits[batch.target_sources, batch.target_ids]
        scores = chosen - logits.logsumexp(-1)[batch.target_sources]
        counts = list(batch.token_counts)
        return torch.stack([answer.sum() for answer in torch.split(scores, counts)])

    @torch.no_grad()
    def _encode(self, batch: PackedBatch, modality: Modality) -> list[Encoded]:
        media = batch.media[modality]
        encoded = encode_once(media, lambda some: self._reader.encode(modality, some), self._known)
        places = batch.media_tokens[modality]
        for layers, expected in zip(encoded, places, strict=True):
            found = layers[0].shape[:-1].numel()
            if found != expected:
                raise InputError(
                    f"a tower gives {found} embeddings for {expected} places of {modality.value}"
                )
        return encoded
