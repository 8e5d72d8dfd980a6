"""Read predictions that were made elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from emoreal_bench.contracts.errors import DataError, UsageError, nearest
from emoreal_bench.contracts.item import id_text
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.text_files import number_lines, read_text

_FORMS = (
    "Give a JSON object of id and text, a JSONL, CSV, Excel or Parquet file with id and prediction,"
    " a folder of ID.txt files, or a log of Inspect AI, lm-evaluation-harness or lmms-eval."
)

NAME_COLUMNS = "Name what holds ids and replies: --id COLUMN --reply COLUMN."


class ReplyColumns(NamedTuple):
    """The columns, or keys, in which a table, a list or lines hold the replies."""

    id: str = "id"
    prediction: str = "prediction"

    def refuse_absent(self, found: Collection[str], where: str) -> None:
        """Refuse columns without one of the two.

        Raises:
            DataError: If one is not there; it names those that are.
        """
        absent = [f"'{name}'" for name in self if name not in found]
        if absent:
            raise DataError(
                f"There is no {' and no '.join(absent)}; there are: {', '.join(found) or 'none'}.",
                where=where,
                remedy=NAME_COLUMNS,
            )


_OF_SCORES = {"schema", "coverage", "scores"}
"""Keys of the scores that ``score --json`` writes."""
Source = tuple[str, Any, Any]
"""Where a prediction stands, its id and its text, neither checked yet."""


@dataclass(frozen=True, slots=True)
class ReplyTable:
    """A file of replies whose columns or keys have names of their own.

    Attributes:
        path: The file.
        id: What holds the ids.
        prediction: What holds the replies.
    """

    path: Path
    id: str = "id"
    prediction: str = "prediction"


def read_predictions(
    path: Path, ids: Collection[str], columns: ReplyColumns | None = None
) -> list[Reply]:
    """Read a file or folder of predictions.

    Args:
        path: A JSON object from id to text, a JSONL file with ``id`` and
            ``prediction`` on each line, or a folder with one ``ID.txt`` each.
        ids: Of the items. Items without a prediction are left out here, and
            count as missing.
        columns: The keys that stand for ``id`` and ``prediction``.

    Raises:
        UsageError: If there is no such file or folder.
        DataError: If it cannot be read, or an id is unknown or occurs twice.
    """
    if not path.exists():
        raise UsageError("There are no predictions here.", where=str(path), remedy=_FORMS)
    columns = columns or ReplyColumns()
    return check_predictions(_folder(path) if path.is_dir() else _file(path, columns), ids)


def check_predictions(sources: Iterable[Source], ids: Collection[str]) -> list[Reply]:
    """Return replies whose ids are known and whose texts are texts.

    Args:
        sources: Where each stands, its id and its text, as somebody wrote them.
        ids: Of the items.

    Raises:
        DataError: If an id or a text is none, or an id is unknown or occurs twice.
    """
    known = frozenset(ids)
    replies: dict[str, Reply] = {}
    for where, key, text in sources:
        name = id_text(key)
        if name is None or not isinstance(text, str):
            raise DataError(
                f"The id {key!r} or its prediction is not text.", where=where, remedy=_FORMS
            )
        if name not in known:
            near = nearest(name, known)
            raise DataError(
                f"There is no item with the id {name!r}.",
                where=where,
                remedy=f"{near} Check that predictions and annotations belong together.".lstrip(),
            )
        if name in replies:
            raise DataError(
                f"The id {name!r} occurs twice.", where=where, remedy="Keep one of the two."
            )
        replies[name] = Reply(name, DeliveryStatus.OK, text)
    return list(replies.values())


def _folder(path: Path) -> Iterator[Source]:
    files = sorted(path.glob("*.txt"))
    if not files:
        raise DataError("The folder holds no ID.txt files.", where=str(path), remedy=_FORMS)
    for file in files:
        yield str(file), file.stem, read_text(file)


def _file(path: Path, columns: ReplyColumns) -> Iterator[Source]:
    text = read_text(path)
    try:
        # A list of pairs keeps an id that occurs twice, which a dict would hide.
        pairs = parse_json(text, object_pairs=lambda pairs: pairs)
    except UnreadableError:
        return _lines(path, text, columns)
    if isinstance(pairs, list) and pairs and all(isinstance(one, list) for one in pairs):
        return _records(path, pairs, columns)
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise DataError("This is not an object from id to text.", where=str(path), remedy=_FORMS)
    keys = {key for key, _ in pairs}
    if keys >= set(columns):
        return _lines(path, text, columns)
    if keys >= _OF_SCORES:
        raise DataError(
            "The file holds scores, and no predictions that could be scored.",
            where=str(path),
            remedy=f"Name the file that was scored. {_FORMS}",
        )
    return ((str(path), key, value) for key, value in pairs)


def _records(path: Path, records: list[list[Any]], columns: ReplyColumns) -> Iterator[Source]:
    for number, pairs in enumerate(records, start=1):
        where = f"{path}, entry {number}"
        record = dict(pairs) if all(isinstance(pair, tuple) for pair in pairs) else {}
        yield where, *_id_and_text(record, where, columns)


def _id_and_text(record: object, where: str, columns: ReplyColumns) -> tuple[Any, Any]:
    if not isinstance(record, dict):
        raise DataError("This is not an object.", where=where, remedy=_FORMS)
    columns.refuse_absent(list(record), where)
    return record[columns.id], record[columns.prediction]


def _lines(path: Path, text: str, columns: ReplyColumns) -> Iterator[Source]:
    for number, line in number_lines(text):
        where = f"{path}, line {number}"
        try:
            record = parse_json(line)
        except UnreadableError as problem:
            raise DataError(f"The line {problem}.", where=where, remedy=_FORMS) from problem
        yield where, *_id_and_text(record, where, columns)
