"""``metrics.jsonl``: what was measured during a training, one line for each time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.identity import check_plain_file
from emoreal_bench.parsing import parse_json
from emoreal_bench.record.files import GrowingFile, write_atomically
from emoreal_bench.text_files import number_lines

METRICS_FILE = "metrics.jsonl"
STEP = "step"
LOSS = "loss"
TEXT_GAP = "text_gap_sample"
"""Of the sample of pairs that is watched; ``text_gap`` is that of the steps' own pairs."""
TEXT_GAP_POSITIVE = "text_gap_sample_positive"
EVALUATION = "evaluation/"
"""Before the name of a task: its average accuracy."""
GUARD = "guard/"
READABLE = "readable/"
"""Before the name of a task: the share of its replies that hold an answer."""

Metrics = Mapping[str, float]


def write_metrics(path: Path, entries: Iterable[Metrics]) -> None:
    """Write all lines anew.

    Raises:
        RunError: If the system refuses.
    """
    write_atomically(path, (_line(entry) for entry in entries))


def append_metrics(path: Path, entry: Metrics) -> None:
    """Append a line.

    Raises:
        RunError: If the system refuses.
    """
    with GrowingFile(path) as file:
        file.append(_line(entry))


def read_metrics(path: Path) -> list[dict[str, float]]:
    """Read all lines.

    Raises:
        RunError: If the file is not there or a line is damaged.
    """
    try:
        check_plain_file(path)
        text = path.read_text(encoding="utf-8")
        entries = [parse_json(line) for _, line in number_lines(text)]
        if not all(map(_is_entry, entries)):
            raise ValueError("a line does not hold the numbers of a step")
    except (OSError, ValueError) as error:
        raise RunError(
            f"The metrics cannot be read: {error}",
            where=str(path),
            remedy="Move the folder 'adapter' away and give `emoreal-bench train --resume` again: "
            "both are then written anew from the last checkpoint.",
        ) from error
    return entries


def _is_entry(value: object) -> bool:
    return (
        isinstance(value, dict)
        and STEP in value
        and all(isinstance(number, int | float) for number in value.values())
    )


def _line(entry: Metrics) -> bytes:
    return json.dumps(dict(entry)).encode() + b"\n"
