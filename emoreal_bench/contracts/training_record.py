"""What an adapter says of its training: ``training.json`` beside its weights."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record

TRAINING_FILE = "training.json"


class TrainingRecord(Record):
    """How a LoRA adapter came about."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str
    """Of the training: the folder that it was made in."""
    method: str
    base: str
    """The model that it was trained on, ``provider/model``."""
    base_weights_hash: str | None
    data: str
    """What it was trained on, in a few words."""
    data_hash: str
    """Over examples and the bytes of their clips."""
    examples: int
    step: int
    """After how many steps the adapter was saved."""
    fine_tuned_on: str | None = None
    """Name of the reader whose data set was trained on with its labels; null for
    preference pairs. Scores on that data set are not zero-shot."""
    held_out: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What of that data set was kept for evaluation."""
    config: dict[str, Any]
    """The configuration, with every default."""
    versions: dict[str, str]
    """Of this package and the libraries that computed."""

    @property
    def fine_tuning(self) -> str | None:
        """Return in a few words what was fine-tuned on and what was held out."""
        if self.fine_tuned_on is None:
            return None
        kept = "; ".join(f"{key} {', '.join(values)}" for key, values in self.held_out.items())
        return f"fine-tuned on {self.fine_tuned_on}" + (f" but {kept}" if kept else "")
