"""The record of a measurement: written after each step, so that nothing measured is lost."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import EmorealError

# What a step may meet in the libraries: one that fails costs the others nothing.
_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EmorealError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_LINES = 20


class Record:
    """What was measured, on disk at any time.

    Args:
        facts: What is known before the first step.
        path: To write to.
        seconds: For all steps together.

    Attributes:
        data: What is written.
    """

    def __init__(self, facts: dict[str, Any], path: Path, seconds: float):
        self._path = path
        self._started = time.monotonic()
        self._seconds = seconds
        self.data: dict[str, Any] = {**facts, "failed": [], "dropped": []}
        self.write()

    @property
    def seconds_left(self) -> float:
        """Of those for all steps together."""
        return self._seconds - (time.monotonic() - self._started)

    def run(self, name: str, work: Callable[[], Any], needs: float = 1.0) -> Any:
        """Take a step: drop it if too little time is left, and record its error if it fails.

        Args:
            name: For the record.
            work: The step.
            needs: Seconds that it takes at most, about.

        Returns:
            What it gives; None if it was dropped or failed.
        """
        if self.seconds_left < needs:
            self.data["dropped"].append(name)
            print(f"{name}: dropped, {self.seconds_left:.0f} s are left", flush=True)
            self.write()
            return None
        started = time.monotonic()
        try:
            found = work()
        except _FAILURES as error:
            found = None
            lines = traceback.format_exception(error)
            self.data["failed"].append({"step": name, "error": str(error)[:600]})
            print(f"{name}: failed\n{''.join(lines[-_LINES:])}", flush=True)
        shown = found if isinstance(found, dict) else ""
        print(f"{name}: {time.monotonic() - started:.1f} s {shown}", flush=True)
        self.write()
        return found

    def write(self) -> None:
        """Write what is known so far."""
        self.data["seconds"] = round(time.monotonic() - self._started, 1)
        self.write_to(self._path)

    def write_to(self, path: Path) -> None:
        """Write it to another file."""
        path.write_text(json.dumps(self.data, indent=2) + "\n", encoding="utf-8")


def may_write(record: dict[str, Any], results: Path) -> bool:
    """Say whether a record may take the place of the one there: no GPU never replaces a GPU."""
    if record["gpu"] is not None or not results.exists():
        return True
    return json.loads(results.read_text(encoding="utf-8"))["gpu"] is None


def table(record: dict[str, Any]) -> str:
    """Write a record as a few lines for a reader."""
    lines = [f"{record['gpu'] or 'no GPU'}, {record['date']}, {record['seconds']} s"]
    for name, found in record["checks"].items():
        lines.append(f"{'passed' if found['passed'] else 'NOT PASSED'}  {name}")
    for model in record["models"]:
        lines.append(f"{model['model']}, batches of {model.get('batch_size')}")
        lines.append(f"  {'':32}{'plain/s':>9}{'adapter/s':>10}{'ratio':>7}{'of peak':>9}")
        for row in model["rows"]:
            way = f"{row['answer_method']} {row['new_tokens']} tokens"
            what = f"{way}, {row['questions_per_clip']}/clip"
            plain, own = row["plain_loop"], row["adapter"]
            share = own["share_of_peak"]
            lines.append(
                f"  {what:32}{plain['items_per_second']:9.4g}{own['items_per_second']:10.4g}"
                f"{row['ratio']:7.2f}{'' if share is None else f'{share:9.1%}'}"
            )
    for side, found in record["training"].items():
        lines.append(f"{side}: {found}")
    lines += [f"FAILED  {one['step']}: {one['error'][:120]}" for one in record["failed"]]
    lines += [f"dropped for want of time: {name}" for name in record["dropped"]]
    return "\n".join(lines)
