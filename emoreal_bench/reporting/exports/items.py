"""The items of a run as a table: JSON lines, CSV or Parquet, one row per item; or as a log."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.record.files import write_atomically
from emoreal_bench.reporting.exports.inspect_log import inspect_log
from emoreal_bench.running.readings import LoggedRun, ReadItem, read_items

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
"""What a spreadsheet would compute instead of show, full-width signs included."""


class TableFormat(StrEnum):
    """A kind of file, by the ending of its name."""

    JSONL = ".jsonl"
    CSV = ".csv"
    PARQUET = ".parquet"
    INSPECT = ".eval"
    """A log for the viewer of Inspect AI; of finished runs only."""


def export_items(folder: Path, path: Path) -> None:
    """Write the items of a run with their replies and how each scoring reads them.

    Args:
        folder: A run folder, finished or not.
        path: The file; its ending says what kind.

    Raises:
        UsageError: If the ending is none of :class:`TableFormat`.
        MissingExtraError: If Parquet is wanted and its library is not installed.
        RunError: If the folder holds no run, or the file cannot be written.
    """
    try:
        kind = TableFormat(path.suffix)
    except ValueError as error:
        known = ", ".join(TableFormat)
        raise UsageError(
            f"The ending does not say which kind of file to write; known endings: {known}.",
            where=str(path),
        ) from error
    if kind is TableFormat.INSPECT:
        write_atomically(path, [inspect_log(folder)])
        return
    with LoggedRun(folder) as run:
        rows = item_rows(run)
        match kind:
            case TableFormat.JSONL:
                write_atomically(path, (_json_line(row) for row in rows))
            case TableFormat.CSV:
                write_atomically(path, _csv_lines(rows))
            case TableFormat.PARQUET:
                write_atomically(path, [_parquet(rows)])


def item_rows(run: LoggedRun) -> Iterator[dict[str, Any]]:
    """Return one row per item, in the order of the plan, all with the same keys."""
    for item, read in zip(run.items, read_items(run), strict=True):
        yield _row(item, read)


def safe_cell(value: Any) -> Any:
    """Make a value safe to open in a spreadsheet: text that reads as a formula is quoted."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def _row(item: Item, read: ReadItem) -> dict[str, Any]:
    record = read.record
    delivery, usage = record.get("delivery"), record.get("usage")
    row: dict[str, Any] = {
        "id": item.id,
        "subtask": item.subtask,
        "clip": item.clip,
        "question": item.question,
        "choices": list(item.choices),
        "gold": item.answer,
        "metadata": dict(item.metadata or {}),
        "status": record["status"],
        "reply": record["text"],
        "detail": record.get("detail"),
    }
    for scoring in Scoring:
        reading = read.readings.get(scoring)
        name = scoring.replace("-", "_")
        row[f"{name}_outcome"] = None if reading is None else reading.outcome.value
        row[f"{name}_answer"] = None if reading is None else reading.answer
        row[f"{name}_correct"] = None if reading is None else reading.correct
    # Of imported replies nobody knows what reached the model; that none did would be a lie.
    none: tuple[int | None, float | None] = (None, None) if read.is_imported else (0, 0.0)
    return row | {
        "frames": delivery["frames"] if delivery else none[0],
        "audio_seconds": delivery["audio_seconds"] if delivery else none[1],
        "audio_level": delivery.get("audio_level") if delivery else None,
        "notes": delivery["notes"] if delivery else [],
        "input_tokens": usage["input_tokens"] if usage else None,
        "output_tokens": usage["output_tokens"] if usage else None,
        "cost": usage["cost"] if usage else None,
        "attempts": None if read.is_imported else record["attempts"],
        "seconds": None if read.is_imported else record["seconds"],
    }


def _json_line(row: Mapping[str, Any]) -> bytes:
    # Escaped to ASCII: a reply may hold half a character, which UTF-8 cannot.
    return json.dumps(row).encode("ascii") + b"\n"


def _csv_lines(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow(safe_cell(value) for value in row.values())
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()


def _parquet(rows: Iterator[dict[str, Any]]) -> bytes:
    # A table has one type per column, which mappings of different keys do not share.
    flat = [row | {"metadata": json.dumps(row["metadata"])} for row in rows]
    buffer = io.BytesIO()
    try:
        import pandas as pd

        pd.DataFrame(flat).to_parquet(buffer, index=False)
    except ImportError as error:  # pandas, or the library that it writes Parquet with
        raise MissingExtraError("Parquet", "parquet") from error
    return buffer.getvalue()
