"""Results as the lines of ``items.jsonl`` hold them, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any, NotRequired, TypeGuard, cast

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


_Fields = Mapping[str, Callable[[Any], bool]]


def is_item_record(value: object) -> TypeGuard[ItemRecord]:
    """Return whether a value has the fields of :class:`ItemRecord`, and may have others.

    Written by hand, since a log may have hundreds of thousands of lines, and since a reply
    may hold half a character, which a schema would refuse.
    """
    return _has(value, _NEEDED, _NOT_NEEDED)


def is_delivery_record(value: object) -> TypeGuard[DeliveryRecord]:
    """Return whether a value has the fields of :class:`DeliveryRecord`."""
    return _has(value, _DELIVERY, _DELIVERY_NOT_NEEDED)


def _has(value: object, needed: _Fields, not_needed: _Fields) -> bool:
    return (
        isinstance(value, dict)
        and all(name in value and fits(value[name]) for name, fits in needed.items())
        and all(fits(value[name]) for name, fits in not_needed.items() if name in value)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return _is_whole(value) and 0 <= cast("int", value) < _MOST


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_amount(value: object) -> bool:
    # Bounded, so that amounts can be added up.
    return _is_number(value) and abs(cast("float", value)) < _MOST


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _or_null(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _one_of(words: type[StrEnum]) -> Callable[[Any], bool]:
    known = frozenset(word.value for word in words)
    return lambda value: isinstance(value, str) and value in known


def _table(of_key: Callable[[Any], bool], of_value: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict) and all(map(of_key, value)) and all(map(of_value, value.values()))
    )


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


_MOST = 2**53
"""Beyond every count and every sum of seconds; whole numbers are exact up to it."""
_MOST_WRITTEN = 10**200
"""Numbers of many more digits are not read."""
_DELIVERY: _Fields = {
    "frames": _is_count,
    "audio_seconds": _is_amount,
    "tokens": _table(_one_of(Modality), _is_count),
    "input_hash": _or_null(_is_text),
    "notes": _is_list_of_texts,
}
_DELIVERY_NOT_NEEDED: _Fields = {"audio_level": _or_null(_is_amount)}
_SCORES: _Fields = {
    "kind": _one_of(ChoiceScoreKind),
    "scores": _table(_is_text, _or_null(_is_number)),
    "mass": _or_null(_is_number),
}
_USAGE: _Fields = {
    "input_tokens": _is_whole,
    "output_tokens": _is_whole,
    "measured": lambda value: isinstance(value, bool),
    "cost": _or_null(_is_number),
}
_NEEDED: _Fields = {
    "id": _is_text,
    "status": _one_of(DeliveryStatus),
    "text": _is_text,
    "attempts": _is_count,
    "seconds": _is_amount,
}
_NOT_NEEDED: _Fields = {
    "detail": _or_null(_is_text),
    "choice_scores": lambda value: _has(value, _SCORES, {}),
    "delivery": is_delivery_record,
    "usage": lambda value: _has(value, _USAGE, {}),
    "clip_seconds": _or_null(_is_amount),
}


def to_record(result: Result) -> ItemRecord:
    """Return a result as the log keeps it."""
    record: ItemRecord = {
        "id": result.id,
        "status": result.status.value,
        "text": result.text,
        "attempts": _count(result.attempts),
        "seconds": round(_amount(result.seconds), 6),
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
            "input_tokens": _whole(result.usage.input_tokens),
            "output_tokens": _whole(result.usage.output_tokens),
            "measured": result.usage.measured,
            "cost": _finite(result.usage.cost),
        }
    return record


def from_record(record: ItemRecord) -> Result:
    """Return the result that a line of the log holds."""
    return Result(
        id=record["id"],
        status=DeliveryStatus(record["status"]),
        text=record["text"],
        detail=record.get("detail"),
        choice_scores=choice_scores_of(record),
        delivery=delivery_of(record),
        usage=usage_of(record),
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
        "frames": _count(delivery.frames),
        "audio_seconds": _amount(delivery.audio_seconds),
        "tokens": {modality.value: _count(count) for modality, count in delivery.tokens.items()},
        "input_hash": delivery.input_hash,
        "notes": list(delivery.notes),
    }
    if delivery.audio_level is not None:
        record["audio_level"] = _amount(delivery.audio_level)
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


def choice_scores_of(item: ItemRecord) -> ChoiceScores | None:
    """Return the scores of an item's options; None if it was not asked for scores."""
    record = item.get("choice_scores")
    if record is None:
        return None
    # An option that the model holds impossible has minus infinity, the one
    # number that was written as null.
    scores: Mapping[str, float] = {
        letter: -math.inf if score is None else score for letter, score in record["scores"].items()
    }
    return ChoiceScores(ChoiceScoreKind(record["kind"]), scores, record["mass"])


def delivery_of(item: ItemRecord) -> Delivery:
    """Return what an item says that reached the model."""
    record = item.get("delivery")
    return _NO_DELIVERY if record is None else read_delivery(record)


def usage_of(item: ItemRecord) -> Usage:
    """Return what an item says that it took."""
    record = item.get("usage")
    if record is None:
        return _NO_USAGE
    return Usage(
        record["input_tokens"], record["output_tokens"], record["measured"], record["cost"]
    )


def _count(number: int) -> int:
    """Return what a service or a worker says that it counted, as a log can hold it.

    A line that cannot be read would be asked, and paid for, again and again.
    """
    return min(max(number, 0), _MOST - 1)


def _whole(number: int) -> int:
    return min(max(number, -_MOST_WRITTEN), _MOST_WRITTEN)


def _amount(number: float) -> float:
    finite = _finite(number) or 0.0
    return min(max(finite, 1.0 - _MOST), _MOST - 1.0)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
