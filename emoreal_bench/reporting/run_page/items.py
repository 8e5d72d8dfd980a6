"""The items of a run as its page shows them: a light index of all, and details in chunks.

The index is small enough to be read whole: one code per item and column. What
is said of one item, its prompt and its reply, is written in chunks that the
page loads when a reader asks for an item.
"""

from __future__ import annotations

from array import array
from typing import Any

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.record.records import from_record
from emoreal_bench.running.readings import LoggedRun, ReadItem
from emoreal_bench.scoring.choice_probabilities import probabilities

CHUNK_ITEMS = 200
CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MOST_CHOICES = len(CODES)
"""A filter with more values than this is a search, not a choice."""


class Index:
    """Gathers what the page lists and filters by, one item after another."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._clips: dict[str, int] = {}
        self._clip_of: list[int] = []
        self._columns: dict[str, tuple[dict[str, int], array[int]]] = {}

    def add(self, item: Item, read: ReadItem, other: ReadItem | None) -> None:
        """Add an item, with how another run did on it if there is one."""
        self._clip_of.append(self._clips.setdefault(item.clip, len(self._clips)))
        strict = read.readings.get(Scoring.STRICT)
        values = {
            "strict": read.verdict(Scoring.STRICT),
            "official": read.verdict(Scoring.OFFICIAL),
            "outcome": "not scored" if strict is None else strict.outcome.value,
            "status": read.record["status"],
            "subtask": item.subtask,
            "gold": "" if strict is None else item.answer,
            "answer": "" if strict is None else strict.answer or "",
            **{f"data.{key}": value for key, value in (item.metadata or {}).items()},
        }
        if other is not None:
            values["flipped"] = _flip(read.verdict(Scoring.STRICT), other.verdict(Scoring.STRICT))
        for name, value in values.items():
            self._put(name, value)
        self._ids.append(item.id)

    def _put(self, name: str, value: str) -> None:
        known, codes = self._columns.setdefault(name, ({}, array("I")))
        # Items before this one lacked the value.
        while len(codes) < len(self._ids):
            codes.append(known.setdefault("", len(known)))
        codes.append(known.setdefault(value, len(known)))

    def as_data(self) -> dict[str, Any]:
        """Return the index as the page reads it.

        A column with more than 64 different values is left out: choosing from
        so many is no help.
        """
        columns = []
        for name, (known, codes) in self._columns.items():
            if len(known) + 1 > _MOST_CHOICES:
                continue
            while len(codes) < len(self._ids):
                codes.append(known.setdefault("", len(known)))
            text = "".join(CODES[code] for code in codes)
            columns.append({"name": name, "values": list(known), "codes": text})
        return {
            "ids": self._ids,
            "clips": self._clip_of,
            "columns": columns,
            "chunk": CHUNK_ITEMS,
        }


def _flip(here: str, there: str) -> str:
    return {
        ("right", "right"): "right in both",
        ("wrong", "wrong"): "wrong in both",
        ("right", "wrong"): "right only here",
        ("wrong", "right"): "right only in the other",
    }.get((here, there), "not scored")


def item_detail(run: LoggedRun, item: Item, read: ReadItem) -> dict[str, Any]:
    """Return everything that the page says of an item, of one run."""
    return {
        "id": item.id,
        "question": item.question,
        "choices": list(item.choices),
        "gold": item.answer,
        "clip": item.clip,
        "metadata": dict(item.metadata or {}),
        "prompt": run.prompt(item),
        "reply": reply_detail(read),
    }


def reply_detail(read: ReadItem) -> dict[str, Any]:
    """Return what a run says of an item: the reply, how it was read, and what reached the model."""
    record = read.record
    result = from_record(record)
    scores = result.choice_scores
    return {
        "status": record["status"],
        "text": record["text"],
        "detail": result.detail,
        "readings": [
            {
                "scoring": scoring.value,
                "outcome": reading.outcome.value,
                "answer": reading.answer,
                "correct": reading.correct,
            }
            for scoring, reading in read.readings.items()
        ],
        "probabilities": None if scores is None else probabilities(scores),
        "mass": None if scores is None else scores.mass,
        "frames": result.delivery.frames,
        "audio_seconds": result.delivery.audio_seconds,
        "audio_level": result.delivery.audio_level,
        "tokens": {modality.value: count for modality, count in result.delivery.tokens.items()},
        "input_hash": result.delivery.input_hash,
        "notes": list(result.delivery.notes),
        "seconds": record["seconds"],
        "attempts": record["attempts"],
        "cost": result.usage.cost,
    }
