"""One judgement: what a judge has to write, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoreal_bench.contracts.vocabulary import DeliveryStatus, JudgedDimension, Outcome
from emoreal_bench.scoring.reading.cleaning import without_reasoning
from emoreal_bench.scoring.reading.readings import outcome_of

LOWEST, HIGHEST = 1, 10
Rating = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]

_FENCES = ("```json", "```")


class Judgement(BaseModel):
    """The object that a judge has to write: one whole number per dimension, nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    cue_overlap: Rating
    label_consistency: Rating
    cue_association: Rating
    no_hallucinated_cues: Rating

    def rating(self, dimension: JudgedDimension) -> int:
        """Return the rating in one dimension."""
        rating: int = getattr(self, dimension.value)
        return rating


def read_judgement(status: DeliveryStatus, text: str) -> tuple[Outcome, Judgement | None]:
    """Read a judge's reply, or say why it cannot be read. Nothing stands in for a judgement.

    The whole reply has to be one JSON object as :class:`Judgement` describes
    it; hidden reasoning in front of it, white space and one Markdown fence
    around it are set aside. Numbers in words, fractions, ratings off the scale
    and keys given twice are not allowed.

    Args:
        status: What became of the request.
        text: The reply.

    Returns:
        What became of the judgement, and the judgement if it was read.
    """
    judgement = _parse(text)
    outcome = outcome_of(status, text, answered=judgement is not None)
    return outcome, judgement if outcome is Outcome.ANSWERED else None


def read_json_reply(text: str) -> Any:
    """Read a reply that is to be one JSON value and nothing else.

    Hidden reasoning in front of it, white space and one Markdown fence around it
    are set aside.

    Raises:
        ValueError: If it is not JSON, gives a key twice, or is nested too deeply.
    """
    try:
        return json.loads(_without_fence(without_reasoning(text)), object_pairs_hook=_unique_keys)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _parse(text: str) -> Judgement | None:
    try:
        return Judgement.model_validate(read_json_reply(text))
    except (ValueError, ValidationError):
        return None


def _without_fence(text: str) -> str:
    inner = text.strip()
    opening = next((fence for fence in _FENCES if inner.startswith(fence)), None)
    if opening is None or not inner.endswith("```"):
        return inner
    return inner.removeprefix(opening).removesuffix("```")


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key is given twice")
    return record
