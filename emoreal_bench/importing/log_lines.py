"""What the logs of other harnesses have in common: samples, and the items that they are about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item, id_text
from emoreal_bench.contracts.result import Result
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.text import count_of

_NOT_WORD = re.compile(r"[\W_]+")
MATCHED_BY_PLACE = (
    "The log names no ids, so each sample was matched to the item at its place in the data set, "
    "and the question in its prompt, or its right answer, held against that of the item."
)


@dataclass(frozen=True, slots=True)
class LoggedReplies:
    """The replies of a log.

    Attributes:
        results: At most one for each item.
        model: Who answered, if the log says.
        notes: How it was read, where that matters.
    """

    results: Sequence[Result]
    model: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a log before it is known which item it is about.

    Attributes:
        where: It stands, for errors.
        names: What may be its id, by the name of the field, the likeliest first.
        place: Its place in the data set, from 0; None where the log does not say.
        prompt: Whatever holds the words that the model was given.
        target: The right answer, as the log has it.
        result: What came back, its id to be filled in.
    """

    where: str
    names: Mapping[str, object]
    place: int | None
    prompt: object
    target: object
    result: Result


def match_samples(
    path: Path, samples: Sequence[Sample], items: Sequence[Item]
) -> tuple[list[tuple[Item, Sample]], tuple[str, ...]]:
    """Find the item that each sample is about: by an id in the log, else by its place.

    Returns:
        The pairs, and notes.

    Raises:
        DataError: If it cannot be told, or two samples are about one item.
    """
    if not samples:
        raise DataError("The log holds no samples.", where=str(path))
    by_id = {item.id: item for item in items}
    field = _field_of_ids(samples, by_id)
    notes: tuple[str, ...] = ()
    if field is not None:
        pairs = [(by_id[id_text(sample.names[field]) or ""], sample) for sample in samples]
    else:
        pairs = [(_item_at_place(sample, items, by_id), sample) for sample in samples]
        notes = (MATCHED_BY_PLACE,)
    taken: set[str] = set()
    for item, sample in pairs:
        if item.id in taken:
            raise DataError(
                f"The item {item.id!r} is answered twice.",
                where=sample.where,
                remedy="A run holds one reply to each item: log one epoch, or one repeat.",
            )
        taken.add(item.id)
    return pairs, notes


def _field_of_ids(samples: Sequence[Sample], known: Mapping[str, Item]) -> str | None:
    """Return the field that holds the id of a known item in every sample."""
    return next(
        (
            field
            for field in samples[0].names
            if all(id_text(sample.names.get(field)) in known for sample in samples)
        ),
        None,
    )


def _item_at_place(sample: Sample, items: Sequence[Item], known: Mapping[str, Item]) -> Item:
    if sample.place is None:
        name = next(iter(sample.names.values()), None)
        raise DataError(
            f"There is no item with the id {id_text(name)!r}, nor with another that the log names.",
            where=sample.where,
            remedy=f"The items have ids such as {next(iter(known), '')!r}. Log their ids, or check "
            "that log and annotations belong together.",
        )
    if not 0 <= sample.place < len(items):
        raise DataError(
            f"There is no item at place {sample.place}: there are {count_of(len(items), 'item')}.",
            where=sample.where,
            remedy="Check that log and annotations belong together.",
        )
    item = items[sample.place]
    if not _speaks_of(sample, item):
        raise DataError(
            f"The log names no ids, and its sample at place {sample.place} is not about the item "
            f"{item.id!r} that stands there: neither its prompt holds the question, nor is its "
            "right answer that of the item.",
            where=sample.where,
            remedy="Log the ids of the items (a column of the documents), or give the replies as "
            "CSV with id and prediction.",
        )
    return item


def _speaks_of(sample: Sample, item: Item) -> bool:
    question = _plain(item.question)
    if question:
        return question in _plain(" ".join(_texts(sample.prompt)))
    return _plain(str(sample.target)) == _plain(item.answer)


def _plain(text: str) -> str:
    return _NOT_WORD.sub("", text).casefold()


def _texts(value: object) -> list[str]:
    """Return every text in a value; a conversation may stand in it as JSON."""
    if isinstance(value, str):
        if value.lstrip()[:1] in ("[", "{"):
            try:
                return _texts(parse_json(value))
            except UnreadableError:
                pass
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return []


def scalars(record: object, first: Sequence[str] = ("id",)) -> dict[str, Any]:
    """Return the fields of a record that may be an id, the likeliest names first."""
    if not isinstance(record, Mapping):
        return {}
    names = [*(name for name in first if name in record), *(n for n in record if n not in first)]
    return {name: record[name] for name in names if id_text(record[name]) is not None}
