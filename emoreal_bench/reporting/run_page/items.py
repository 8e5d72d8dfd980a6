"""The items of a run as its page shows them: a light index of all, and details in chunks.

The index is small enough to be read whole: one code per item and column. What
is said of one item, its prompt and its reply, is written in chunks that the
page loads when a reader asks for an item.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jinja2 import TemplateError

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import ITEMS_FILE, Manifest
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Scoring
from emoreal_bench.prompting import compile_prompt, prompt_values
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import unseal
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.record.records import ItemRecord, from_record
from emoreal_bench.scoring.choice_probabilities import probabilities
from emoreal_bench.scoring.reading.readings import Reading, read_reply

CHUNK_ITEMS = 200
CODES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MOST_CHOICES = len(CODES)
"""A filter with more values than this is a search, not a choice."""

_NOT_ASKED: ItemRecord = {
    "id": "",
    "status": DeliveryStatus.MISSING.value,
    "text": "",
    "attempts": 0,
    "seconds": 0.0,
    "detail": "It was not asked, or its answer is not in the log.",
}


class LoggedRun:
    """A run whose replies are read one by one, wherever they lie in its log.

    Use it as a context manager. Of each item only the place of its last sound
    line is held, eight bytes.

    Args:
        folder: A run folder.

    Raises:
        RunError: If the folder holds no run, or its plan is damaged.
    """

    def __init__(self, folder: Path):
        self.manifest: Manifest = load_manifest(folder)
        self.items: Sequence[Item] = load_plan_items(folder)
        self.task = Task.model_validate(self.manifest.task_definition)
        self._prompt = compile_prompt(self.manifest.request.prompt_template, str(folder))
        self._places = array("q", [-1]) * len(self.items)
        path = folder / ITEMS_FILE
        self._file = path.open("rb") if path.is_file() else None
        self._find_records()

    def _find_records(self) -> None:
        positions = {item.id: position for position, item in enumerate(self.items)}
        place = 0
        for line in self._file or ():
            record = unseal(line)
            if record is not None and record["id"] in positions:
                self._places[positions[record["id"]]] = place
            place += len(line)

    def record(self, position: int) -> ItemRecord:
        """Give the last record of an item; one that says so if it was never asked."""
        place = self._places[position]
        if place < 0 or self._file is None:
            return _NOT_ASKED
        self._file.seek(place)
        record = unseal(self._file.readline())
        return record or _NOT_ASKED

    def prompt(self, item: Item) -> str:
        """Write the words of an item's question as they were sent."""
        try:
            labels = self.task.subtasks[item.subtask].labels
            return self._prompt.render(prompt_values(item, labels))
        except (TemplateError, ValueError) as error:
            return f"The prompt cannot be written again: {error}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


@dataclass(frozen=True, slots=True)
class ReadItem:
    """One item of one run with its reply read.

    Attributes:
        record: What the log says.
        readings: By scoring; empty for open questions, which nobody reads but a judge.
    """

    record: ItemRecord
    readings: Mapping[Scoring, Reading]

    def verdict(self, scoring: Scoring) -> str:
        """Say in a word how a scoring counts the item."""
        reading = self.readings.get(scoring)
        return "not scored" if reading is None else ("right" if reading.correct else "wrong")


def read_items(run: LoggedRun) -> Iterator[ReadItem]:
    """Read the replies of a run by every scoring, in the order of its plan."""
    for position, item in enumerate(run.items):
        record = run.record(position)
        subtask = run.task.subtasks[item.subtask]
        is_open = subtask.answer is AnswerKind.OPEN
        status = DeliveryStatus(record["status"])
        yield ReadItem(
            record,
            {
                scoring: read_reply(scoring, item, subtask, status, record["text"])
                for scoring in (() if is_open else Scoring)
            },
        )


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
        """Give the index as the page reads it.

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
    """Give everything that the page says of an item, of one run."""
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
    """Give what a run says of an item: the reply, how it was read, and what reached the model."""
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
        "tokens": {modality.value: count for modality, count in result.delivery.tokens.items()},
        "input_hash": result.delivery.input_hash,
        "notes": list(result.delivery.notes),
        "seconds": record["seconds"],
        "attempts": record["attempts"],
        "cost": result.usage.cost,
    }
