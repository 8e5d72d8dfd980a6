"""The items of a run one by one: what was asked, what came back, and how it is read."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from emoreal_bench.contracts.errors import TaskError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE, Manifest
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus, Scoring
from emoreal_bench.prompting import prompt_values
from emoreal_bench.record.finished import other_log, read_report
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import unseal, unseal_object
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.record.records import ItemRecord, reply_hash, written_hash
from emoreal_bench.scoring.reading.readings import Reading, read_reply
from emoreal_bench.templates import BoundedTemplate

_SCORINGS = tuple(Scoring)
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
        self.items: Sequence[Item] = load_plan_items(folder, self.manifest)
        self.task = read_task(self.manifest, folder)
        self._prompt = BoundedTemplate(self.manifest.request.prompt_template, str(folder))
        self._places = array("q", [-1]) * len(self.items)
        path = folder / ITEMS_FILE
        self._file = path.open("rb") if path.is_file() else None
        answers = written_hash(self._find_records())
        is_scored = (folder / RESULTS_FILE).is_file()
        if is_scored and read_report(folder).results.replies_hash not in (None, answers):
            raise other_log(folder)

    def _find_records(self) -> int:
        """Note where the last record of each item is; return the sum of their hashes."""
        positions = {item.id: position for position, item in enumerate(self.items)}
        place = total = 0
        strange: dict[str, int] = {}
        replaced = []
        for line in self._file or ():
            record = unseal(line)
            if record is not None:
                hashed = reply_hash(record)
                position = positions.get(record["id"])
                if position is None:
                    total -= strange.get(record["id"], 0)
                    strange[record["id"]] = hashed
                else:
                    if self._places[position] >= 0:
                        replaced.append(self._places[position])
                    self._places[position] = place
                total += hashed
            place += len(line)
        return total - sum(reply_hash(self._record_at(place)) for place in replaced)

    def record(self, position: int) -> ItemRecord:
        """Return the last record of an item; one that says so if it was never asked."""
        place = self._places[position]
        return _NOT_ASKED if place < 0 else self._record_at(place)

    def _record_at(self, place: int) -> ItemRecord:
        if self._file is None:
            return _NOT_ASKED
        self._file.seek(place)
        # That it is a record was seen when its place was noted.
        record = unseal_object(self._file.readline())
        return _NOT_ASKED if record is None else cast("ItemRecord", record)

    def prompt(self, item: Item, values: Mapping[str, object] | None = None) -> str | None:
        """Write the words of an item's question as they were sent; None if nobody knows them.

        Args:
            item: One of the run.
            values: What the template saw; None for what that of a task sees.
        """
        if self.manifest.imported is not None:
            return None
        try:
            if values is None:
                values = prompt_values(item, self.task.subtasks[item.subtask].labels)
            return self._prompt.render(values, item.id)
        except TaskError as error:
            return f"The prompt cannot be written again: {error.problem}"

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
        is_imported: Whether the reply comes from elsewhere. Then the record knows neither what
            reached the model, nor how long it took, nor how often it was asked.
    """

    record: ItemRecord
    readings: Mapping[Scoring, Reading]
    is_imported: bool = False

    def verdict(self, scoring: Scoring) -> str:
        """Return in one word how a scoring counts the item."""
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
                for scoring in (() if is_open else _SCORINGS)
            },
            is_imported=run.manifest.imported is not None,
        )
