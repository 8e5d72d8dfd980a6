"""What a family of models offers to training, besides what it does in an evaluation.

Training packs many prompts and answers into few rows, which is the same for
every family; how a prompt becomes places in a row, and how the network reads
such a row, is not. The numbers are those of an evaluation, since the tensors,
the towers and the language model are reached in the same way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.tensors import PreparedClips
from emoreal_bench.model_adapters.local.towers import Encodable, Encoded


@dataclass(frozen=True, slots=True)
class PlacedMedia:
    """A picture or a sound in a prompt.

    Attributes:
        modality: Which of the two.
        start: Its first place.
        tokens: Places that it takes.
        content: What its tower is given.
    """

    modality: Modality
    start: int
    tokens: int
    content: Encodable


@dataclass(frozen=True, slots=True)
class PlacedPrompt:
    """A prompt as the places that it takes in a row.

    Attributes:
        ids: Token of each place; a mark of the family's own where there is a clip.
        positions: ``(axes, places)`` rotary positions, 32-bit floats.
        media: Pictures and sounds in their order.
    """

    ids: tuple[int, ...]
    positions: torch.Tensor
    media: tuple[PlacedMedia, ...]


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Rows that hold several prompts and answers.

    Attributes:
        ids: ``(rows, length)`` tokens and marks.
        positions: ``(axes, rows, length)`` rotary positions, 32-bit floats.
        mask: ``(rows, length, length)``, true where a place may look at another.
        encoded: Pictures and sounds in the order of their places, row by row.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    encoded: Mapping[Modality, Sequence[Encoded]]

    def additive_mask(self, dtype: torch.dtype) -> torch.Tensor:
        """Return the mask as ``(rows, 1, length, length)`` numbers to be added to attention.

        Every implementation of attention that takes a mask of its own takes this form.
        """
        hidden = torch.zeros(self.mask.shape, dtype=dtype, device=self.mask.device)
        return hidden.masked_fill_(~self.mask, torch.finfo(dtype).min)[:, None]


class PackedReader(ABC):
    """A loaded model that can be trained."""

    @property
    @abstractmethod
    def network(self) -> torch.nn.Module:
        """All of its weights."""

    @property
    @abstractmethod
    def language_model(self) -> str:
        """Name, in the network, of the module that holds the layers of the language model."""

    @abstractmethod
    # Each family has tensors of its own.
    def prepare(
        self, requests: Sequence[Request], known: PreparedClips[Any, Any] | None = None
    ) -> Sequence[Any]:
        """Turn requests into tensors; an :class:`InputError` takes the place of its request.

        Args:
            requests: What to turn.
            known: Clips prepared before, to be used and added to; None for none.
        """

    @abstractmethod
    # Each family takes the input that it prepares itself.
    def place(self, prepared: Any) -> PlacedPrompt:
        """Return which places a prepared request takes.

        Raises:
            InputError: If the marks of its clips are not as many as the clips' tokens.
        """

    @abstractmethod
    def reply_tokens(self, text: str) -> list[int]:
        """Return the tokens of a whole reply, the mark of its end included.

        Raises:
            InputError: If the text is empty or holds a mark of the model's own.
        """

    @abstractmethod
    # Each family takes the pictures and sounds that it prepares itself.
    def encode(self, modality: Modality, media: Sequence[Any]) -> list[Encoded]:
        """Run a tower over pictures or sounds."""

    @abstractmethod
    def read_packed(self, rows: PackedRows) -> torch.Tensor:
        """Return ``(rows, length, width)`` final states of the language model."""

    @abstractmethod
    def project(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits ``(n, vocabulary)`` of final states ``(n, width)``."""


def place_media(
    ids: Sequence[int], media: Mapping[int, tuple[Modality, Sequence[tuple[Encodable, int]]]]
) -> tuple[PlacedMedia, ...]:
    """Find the places of a prompt's pictures and sounds.

    Args:
        ids: Token of each place.
        media: Mark to its modality and the clips that it stands for, with their tokens, in order.

    Raises:
        InputError: If the marks are not as many as the tokens.
    """
    placed: list[PlacedMedia] = []
    for mark, (modality, clips) in media.items():
        places = [place for place, token in enumerate(ids) if token == mark]
        expected = sum(tokens for _, tokens in clips)
        if len(places) != expected:
            raise InputError(
                f"the prompt has {len(places)} places for {modality.value} and the clips fill "
                f"{expected}"
            )
        done = 0
        for content, tokens in clips:
            placed.append(PlacedMedia(modality, places[done], tokens, content))
            done += tokens
    return tuple(sorted(placed, key=lambda one: one.start))
