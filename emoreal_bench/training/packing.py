"""Many prompts and answers as few rows: what begins alike is read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.vocabulary import Modality

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Rows of tokens in which several prompts and answers lie side by side.

    Attributes:
        ids: ``(rows, length)`` tokens.
        positions: ``(..., rows, length)`` rotary positions.
        segments: ``(rows, length)`` number of the stretch that a token belongs to; 0 is padding.
        ancestors: ``(rows, segments, segments)``, true where the first of two stretches
            goes on from the second or is the second.
        sources: ``(n,)`` places, in the flattened rows, whose next token is scored.
        target_sources: ``(answer tokens,)`` index into ``sources``.
        target_ids: ``(answer tokens,)`` tokens to score.
        media: The pictures and the sounds in the order of their places.
        answer_counts: Answers of each prompt.
        token_counts: Tokens of each answer, the mark of its end included; prompt by prompt.
        tokens: Positions that are computed, by modality.
        separate_tokens: Positions there would be with a row for each answer.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    segments: torch.Tensor
    ancestors: torch.Tensor
    sources: torch.Tensor
    target_sources: torch.Tensor
    target_ids: torch.Tensor
    media: Mapping[Modality, tuple[Any, ...]]
    answer_counts: tuple[int, ...]
    token_counts: tuple[int, ...]
    tokens: Mapping[Modality, int]
    separate_tokens: int

    def to(self, device: torch.device | str) -> PackedBatch:
        """Move the index tensors; pictures and sounds are moved when they are encoded."""
        raise NotImplementedError
