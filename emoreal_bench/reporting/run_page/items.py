"""The items of a run as its page shows them: a light index of all, and the rest in chunks.

The index is small enough to be read whole: one code per item and column. The questions and
replies that are listed and searched stand in chunks of some thousand, and what is said of one
item, its prompt included, in smaller ones; the page loads both when they are wanted.
"""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import DeliveryStatus, JudgedMatter, Scoring
from emoreal_bench.judging.plan import judge_values
from emoreal_bench.record.records import choice_scores_of, delivery_of, usage_of
from emoreal_bench.running.readings import LoggedRun, ReadItem
from emoreal_bench.scoring.choice_probabilities import probabilities
from emoreal_bench.scoring.judgement import read_judgement
from emoreal_bench.scoring.reading.readings import Reading
from emoreal_bench.scoring.verdicts import read_verdict

CHUNK_ITEMS = 200
TEXT_CHUNK_ITEMS = 4000
SEARCHED_CHARACTERS = 500
"""Of a question and a reply: a search reads them all, and a page is to stay light."""
CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NOT_SCORED = "not scored"
_FLIP = {
    ("right", "wrong"): "right only here",
    ("wrong", "right"): "right only in the other",
    ("right", "right"): "right in both",
    ("wrong", "wrong"): "wrong in both",
}
_FLIPS = (*_FLIP.values(), _NOT_SCORED)
_MOST_CHOICES = len(CODES)
"""A filter with more values than this is a search, not a choice."""


class Index:
    """Gathers what the page lists and filters by, one item after another.

    Args:
        judged: Whose matter the run is about, if it is a judge's.
    """

    def __init__(self, judged: JudgedMatter | None = None) -> None:
        self._judged = judged
        self._ids: list[str] = []
        self._clips: dict[str, int] = {}
        self._clip_of: list[int] = []
        self._columns: dict[str, tuple[dict[str, int], array[int]]] = {}

    def add(self, item: Item, read: ReadItem, other: ReadItem | None) -> None:
        """Add an item, with how another run did on it if there is one."""
        self._clip_of.append(self._clips.setdefault(item.clip, len(self._clips)))
        values = self._verdicts(item, read, other)
        values |= {f"data.{key}": value for key, value in (item.metadata or {}).items()}
        count = len(self._ids)
        for name, value in values.items():
            known, codes = self._columns.get(name) or self._new_column(name)
            if len(codes) < count:
                _fill(known, codes, count)
            codes.append(known.setdefault(value, len(known)))
        self._ids.append(item.id)

    def _verdicts(self, item: Item, read: ReadItem, other: ReadItem | None) -> dict[str, str]:
        status, subtask = read.record["status"], item.subtask
        if self._judged is not None:
            judgement = judgement_detail(self._judged, read)
            ratings = {name: str(value) for name, value in judgement["ratings"].items()}
            return {"judgement": judgement["outcome"], **ratings} | {
                "status": status,
                "subtask": subtask,
            }
        strict = read.readings.get(Scoring.STRICT)
        values = {
            "strict": read.verdict(Scoring.STRICT),
            "official": read.verdict(Scoring.OFFICIAL),
            "outcome": _NOT_SCORED if strict is None else strict.outcome.value,
            "status": status,
            "subtask": subtask,
            "gold": "" if strict is None else item.answer,
            "answer": _answer(strict),
        }
        if other is not None:
            values |= {
                "other.answer": _answer(other.readings.get(Scoring.STRICT)),
                "other.strict": other.verdict(Scoring.STRICT),
                "flipped": _flip(values["strict"], other.verdict(Scoring.STRICT)),
            }
        return values

    def _new_column(self, name: str) -> tuple[dict[str, int], array[int]]:
        column: tuple[dict[str, int], array[int]] = ({}, array("I"))
        self._columns[name] = column
        return column

    @property
    def flips(self) -> dict[str, int]:
        """Count the items by what became of them in both runs; empty without another run."""
        known, codes = self._columns.get("flipped", ({}, array("I")))
        counts = Counter(codes)
        return {value: counts[known[value]] for value in _FLIPS if value in known}

    def as_data(self) -> dict[str, Any]:
        """Return the index as the page reads it.

        A column with more than 64 different values is left out: choosing from
        so many is no help.
        """
        columns = []
        for name, (known, codes) in self._columns.items():
            if len(known) + 1 > _MOST_CHOICES:
                continue
            _fill(known, codes, len(self._ids))
            text = "".join(CODES[code] for code in codes)
            columns.append({"name": name, "values": list(known), "codes": text})
        return {
            "ids": self._ids,
            "clips": self._clip_of,
            "columns": columns,
            "chunk": CHUNK_ITEMS,
            "text_chunk": TEXT_CHUNK_ITEMS,
            "searched": SEARCHED_CHARACTERS,
        }


def _fill(known: dict[str, int], codes: array[int], count: int) -> None:
    """Say of the items that lack a value that they do."""
    while len(codes) < count:
        codes.append(known.setdefault("", len(known)))


class Texts:
    """Gathers the questions and replies of one chunk, each text once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._columns: dict[str, list[int]] = {"question": [], "reply": [], "other": []}

    def __len__(self) -> int:
        return len(self._columns["question"])

    def add(self, item: Item, read: ReadItem, other: ReadItem | None) -> None:
        """Add an item, with what another run said of it if there is one."""
        texts = {"question": item.question, "reply": read.record["text"]}
        if other is not None:
            texts["other"] = other.record["text"]
        for name, text in texts.items():
            beginning = text[:SEARCHED_CHARACTERS]
            self._columns[name].append(self._known.setdefault(beginning, len(self._known)))

    def as_data(self) -> dict[str, Any]:
        """Return the chunk as the page reads it."""
        return {"texts": list(self._known), **self._columns}


def judgement_detail(matter: JudgedMatter, read: ReadItem) -> dict[str, Any]:
    """Return how a judge's reply is read: the outcome, and the ratings or the verdict by name."""
    status, text = DeliveryStatus(read.record["status"]), read.record["text"]
    if matter is JudgedMatter.STATEMENTS:
        outcome, verdict = read_verdict(status, text)
        return {"outcome": outcome, "ratings": {} if verdict is None else {"verdict": verdict}}
    outcome, judgement = read_judgement(status, text)
    return {"outcome": outcome, "ratings": {} if judgement is None else judgement.model_dump()}


def _answer(reading: Reading | None) -> str:
    """Return the answer, or why there is none."""
    if reading is None:
        return ""
    return reading.answer or f"({reading.outcome.value})"


def _flip(here: str, there: str) -> str:
    return _FLIP.get((here, there), _NOT_SCORED)


def item_detail(run: LoggedRun, item: Item, read: ReadItem) -> dict[str, Any]:
    """Return everything that the page says of an item, of one run."""
    judged = run.manifest.judged
    judgement = {} if judged is None else {"judgement": judgement_detail(judged.matter, read)}
    return judgement | {
        "id": item.id,
        "question": item.question,
        "choices": list(item.choices),
        "gold": item.answer,
        "clip": item.clip,
        "metadata": dict(item.metadata or {}),
        "prompt": run.prompt(item, None if judged is None else judge_values(item)),
        "reply": reply_detail(read),
    }


def reply_detail(read: ReadItem) -> dict[str, Any]:
    """Return what a run says of an item: the reply, how it was read, and what reached the model."""
    record = read.record
    scores, delivery = choice_scores_of(record), delivery_of(record)
    return {
        "status": record["status"],
        "text": record["text"],
        "detail": record.get("detail"),
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
        "delivered": None
        if read.is_imported
        else {
            "frames": delivery.frames,
            "audio_seconds": delivery.audio_seconds,
            "audio_level": delivery.audio_level,
            "tokens": {modality.value: count for modality, count in delivery.tokens.items()},
            "input_hash": delivery.input_hash,
            "notes": list(delivery.notes),
            "seconds": record["seconds"],
            "attempts": record["attempts"],
            "cost": usage_of(record).cost,
        },
    }
