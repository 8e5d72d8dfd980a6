"""Parquet tables, read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from pyarrow import Schema

_BATCH = 256
"""Rows in memory at a time, since cells may be long."""


def iterate_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet table by column; bytes, such as embedded clips, are left out.

    Raises:
        DataError: If the file cannot be read, names a column twice or has no rows.
        MissingExtraError: If pyarrow is not installed.
    """
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError(f"Reading {path.name}", "parquet") from error
    empty = True
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise DataError(
                    f"It names the column {twice} twice.",
                    where=str(path),
                    remedy="Rename one of the two, or take it out.",
                )
            columns = list(_without_bytes(file.schema_arrow))
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                for row in batch.to_pylist():
                    empty = False
                    yield row
    except (ArrowException, ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        raise DataError(
            f"The file is not a Parquet table: {error}.",
            where=str(path),
            remedy="It may be cut off; write it again, or save it as CSV.",
        ) from error
    if empty:
        raise DataError("The table has no rows.", where=str(path), remedy="Fill it.")


def _without_bytes(schema: Schema) -> Iterator[str]:
    from pyarrow import types

    for field in schema:
        if types.is_struct(field.type):
            for inner in field.type.fields:
                if not _is_bytes(inner.type):
                    yield f"{field.name}.{inner.name}"
        elif not _is_bytes(field.type):
            yield field.name


def _is_bytes(kind: Any) -> bool:
    return "binary" in str(kind)
