"""Finds out what a file of replies is, and reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import Origin
from emoreal_bench.identity import hash_file, hash_json
from emoreal_bench.importing.inspect_logs import is_inspect_log, read_inspect_log
from emoreal_bench.importing.log_lines import LoggedReplies
from emoreal_bench.importing.sample_logs import is_sample_log, read_sample_log
from emoreal_bench.readers.parquet import iterate_parquet
from emoreal_bench.readers.tables import read_table
from emoreal_bench.scoring.predictions import (
    NAME_COLUMNS,
    ReplyColumns,
    Source,
    check_predictions,
    read_predictions,
)

_TABLES = (".csv", ".tsv", ".xlsx")
_LOGS = ("*.eval", "samples_*.jsonl", "*_samples_*.jsonl")
"""What Inspect AI, lm-evaluation-harness and lmms-eval name their files."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Replies from elsewhere, all of them to items that are known.

    Attributes:
        results: At most one for each item.
        origin: What the source is.
        source: As the user named it.
        source_hash: Over the bytes of what was read.
        model: Who answered, if the source says.
        notes: What a person should know of how it was read, one sentence each.
    """

    results: Sequence[Result]
    origin: Origin
    source: Path
    source_hash: str
    model: str | None = None
    notes: tuple[str, ...] = ()


def load_predictions(
    path: Path, items: Sequence[Item], columns: ReplyColumns | None = None
) -> Predictions:
    """Read replies that were made elsewhere.

    Args:
        path: A JSON object from id to text; JSON lines, a JSON list or a table (CSV, TSV,
            xlsx, Parquet) with ``id`` and ``prediction``; a folder of ``ID.txt`` files; a log of
            Inspect AI (``.eval`` or ``.json``); logged samples of lm-evaluation-harness
            or lmms-eval; or a folder that holds one such log.
        items: That were asked. Those without a reply are left out.
        columns: What stands for ``id`` and ``prediction``, where they have other names.

    Raises:
        UsageError: If there is no such file or folder.
        DataError: If it cannot be read, or an id is unknown or occurs twice.
        MissingExtraError: If the library that reads such a table is not installed.
    """
    source = _only_log(path) if path.is_dir() else path
    if source is not None and source.is_file():
        logged = _read_log(source, items)
        if logged is not None:
            origin, found = logged
            model, notes = found.model, found.notes
            return Predictions(found.results, origin, path, _hash(source), model=model, notes=notes)
    ids, columns = [item.id for item in items], columns or ReplyColumns()
    if path.suffix.lower() in _TABLES and path.is_file():
        rows = read_table(path, columns, NAME_COLUMNS)
        replies = check_predictions(
            (
                (f"{path}, line {row.line}", row.cells[columns.id], row.cells[columns.prediction])
                for row in rows
            ),
            ids,
        )
    elif path.suffix.lower() == ".parquet" and path.is_file():
        replies = check_predictions(_parquet_rows(path, columns), ids)
    else:
        replies = read_predictions(path, ids, columns)
    results = [Result(reply.id, reply.status, reply.text) for reply in replies]
    return Predictions(results, Origin.PREDICTIONS, path, _hash(path))


def _parquet_rows(path: Path, columns: ReplyColumns) -> Iterator[Source]:
    for number, row in enumerate(iterate_parquet(path), start=1):
        columns.refuse_absent(row, str(path))
        yield f"{path}, row {number}", row[columns.id], row[columns.prediction]


def _read_log(path: Path, items: Sequence[Item]) -> tuple[Origin, LoggedReplies] | None:
    """Read a file if it is the log of another harness."""
    if is_inspect_log(path):
        return Origin.INSPECT, read_inspect_log(path, items)
    origin = is_sample_log(path)
    return None if origin is None else (origin, read_sample_log(path, items))


def _only_log(folder: Path) -> Path | None:
    """Return the one log that a folder holds; None if it holds none.

    Raises:
        DataError: If it holds several.
    """
    named = {path for pattern in _LOGS for path in folder.rglob(pattern)}
    found = sorted(named.union(filter(is_inspect_log, folder.rglob("*.json"))))
    if len(found) > 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found[:5])
        raise DataError(
            f"The folder holds {len(found)} logs: {names}{', ...' if found[5:] else ''}.",
            where=str(folder),
            remedy="Name one of them.",
        )
    return found[0] if found else None


def _hash(path: Path) -> str:
    try:
        if path.is_dir():
            return hash_json({file.name: hash_file(file) for file in sorted(path.glob("*.txt"))})
        return hash_file(path)
    except OSError as error:
        problem = f"The file cannot be read: {error.strerror or error}."
        raise UsageError(problem, where=str(path)) from error
