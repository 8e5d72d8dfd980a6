"""What a merged checkpoint says of itself: ``emoreal_bench.json`` beside its weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from emoreal_bench.contracts.base import Record

MERGED_FILE = "emoreal_bench.json"


class MergedRecord(Record):
    """What a model folder of the hub has no place for, so that the merged model answers alike."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    label: str | None = None
    """What a page should say beside the name."""
    fine_tuned_on: str | None = None
    """As of the model with the adapter; see ``ModelDescription``."""
    min_pixels: int | None = None
    """Least pixels of a frame as the vision tower sees it; null for a family without limits."""
    max_pixels: int | None = None
