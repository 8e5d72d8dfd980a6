"""What a training run may say about its LoRA adapter."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from emoreal_bench.contracts.base import Record


class LoraSettings(Record):
    """The adapter to train, on the linear layers of the language model."""

    rank: int = Field(default=8, ge=1, le=65_536)
    """Rank of the two matrices of each layer."""
    alpha: int = Field(default=16, ge=1, lt=2**31)
    """The adapter's output is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Above 0, cached log-probabilities of the reference no longer go with the policy's."""
    seed: int = Field(default=0, ge=-(2**63), lt=2**64)
    """Of the random numbers that the adapter begins with."""
    start: Path | None = None
    """Folder of an adapter to go on from, which is then the reference too; it brings its own
    rank and alpha."""
