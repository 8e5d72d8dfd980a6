"""Results as the lines of ``items.jsonl`` hold them, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import sha256
from typing import NotRequired

# The one of the standard library cannot be turned into a JSON Schema before Python 3.12.
from typing_extensions import TypedDict

from emoreal_bench.contracts.result import ChoiceScores, Delivery, Result, Usage
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality

_NO_DELIVERY = Delivery()
_NO_USAGE = Usage()


class ChoiceScoresRecord(TypedDict):
    """:class:`ChoiceScores`; null stands for a number that JSON does not have."""

    kind: str
    scores: dict[str, float | None]
    mass: float | None


class DeliveryRecord(TypedDict):
    """:class:`Delivery`."""

    frames: int
    audio_seconds: float
    tokens: dict[str, int]
    input_hash: str | None
    notes: list[str]
    audio_level: NotRequired[float]


class UsageRecord(TypedDict):
    """:class:`Usage`."""

    input_tokens: int
    output_tokens: int
    measured: bool
    cost: float | None


class ItemRecord(TypedDict):
    """One line of ``items.jsonl``, its checksum apart.

    What an adapter left at its default is left out, since a log has as many
    lines as the run has items.
    """

    id: str
    status: str
    text: str
    attempts: int
    seconds: float
    detail: NotRequired[str]
    choice_scores: NotRequired[ChoiceScoresRecord]
    delivery: NotRequired[DeliveryRecord]
    usage: NotRequired[UsageRecord]
    clip_seconds: NotRequired[float]


class LogLine(ItemRecord):
    """A line of ``items.jsonl`` whole."""

    crc32: str
    """Of the line's bytes before ``,"crc32"``, as eight hexadecimal digits; the last field."""


def to_record(result: Result) -> ItemRecord:
    """Return a result as the log keeps it."""
    record: ItemRecord = {
        "id": result.id,
        "status": result.status.value,
        "text": result.text,
        "attempts": result.attempts,
        "seconds": round(_finite(result.seconds) or 0.0, 6),
    }
    if result.detail is not None:
        record["detail"] = result.detail
    if result.choice_scores is not None:
        record["choice_scores"] = {
            "kind": result.choice_scores.kind.value,
            "scores": {
                letter: _finite(score) for letter, score in result.choice_scores.scores.items()
            },
            "mass": _finite(result.choice_scores.mass),
        }
    if result.delivery != _NO_DELIVERY:
        record["delivery"] = delivery_record(result.delivery)
    if result.usage != _NO_USAGE:
        record["usage"] = {
            "input_tokens": result.usage.input_tokens,
            "output_tokens": result.usage.output_tokens,
            "measured": result.usage.measured,
            "cost": _finite(result.usage.cost),
        }
    return record


def from_record(record: ItemRecord) -> Result:
    """Return the result that a line of the log holds."""
    choice_scores = record.get("choice_scores")
    delivery = record.get("delivery")
    usage = record.get("usage")
    return Result(
        id=record["id"],
        status=DeliveryStatus(record["status"]),
        text=record["text"],
        detail=record.get("detail"),
        choice_scores=None if choice_scores is None else _choice_scores(choice_scores),
        delivery=_NO_DELIVERY if delivery is None else read_delivery(delivery),
        usage=_NO_USAGE if usage is None else Usage(**usage),
        seconds=record["seconds"],
        attempts=record["attempts"],
    )


def reply_hash(record: ItemRecord) -> int:
    """Hash what a record says that an item's score rests on; times and attempts apart.

    The sum of the hashes of a log, written by :func:`written_hash`, does not
    depend on the order of its lines.
    """
    parts = [record["id"], record["status"], record["text"]]
    choice_scores = record.get("choice_scores")
    if choice_scores is not None:
        parts += [f"{letter}={score}" for letter, score in choice_scores["scores"].items()]
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(text).digest(), "big")


def written_hash(total: int) -> str:
    """Write a sum of :func:`reply_hash` as 64 hexadecimal digits."""
    return f"{total % (1 << 256):064x}"


def delivery_record(delivery: Delivery) -> DeliveryRecord:
    """Return what reached a model as a JSON object."""
    record: DeliveryRecord = {
        "frames": delivery.frames,
        "audio_seconds": _finite(delivery.audio_seconds) or 0.0,
        "tokens": {modality.value: count for modality, count in delivery.tokens.items()},
        "input_hash": delivery.input_hash,
        "notes": list(delivery.notes),
    }
    if delivery.audio_level is not None:
        record["audio_level"] = delivery.audio_level
    return record


def read_delivery(record: DeliveryRecord) -> Delivery:
    """Return what a JSON object says that reached a model."""
    return Delivery(
        frames=record["frames"],
        audio_seconds=record["audio_seconds"],
        tokens={Modality(name): count for name, count in record["tokens"].items()},
        input_hash=record["input_hash"],
        notes=tuple(record["notes"]),
        audio_level=record.get("audio_level"),
    )


def _choice_scores(record: ChoiceScoresRecord) -> ChoiceScores:
    # An option that the model holds impossible has minus infinity, the one
    # number that was written as null.
    scores: Mapping[str, float] = {
        letter: -math.inf if score is None else score for letter, score in record["scores"].items()
    }
    return ChoiceScores(ChoiceScoreKind(record["kind"]), scores, record["mass"])


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
