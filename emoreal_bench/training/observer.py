"""What a training tells while it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TextIO

from emoreal_bench.printable import printable
from emoreal_bench.reporting.terminal.progress import CountBar

Progress = Callable[[int, int], None]
"""Hears how much of how much is done."""


class TrainingObserver:
    """Listens to a training and does nothing; override what is of interest."""

    def on_lines(self, lines: Sequence[str]) -> None:
        """Hear what is known before the first step."""

    def on_notice(self, notice: str) -> None:
        """Hear what a person has to know."""

    def on_metrics(self, metrics: Mapping[str, float]) -> None:
        """Hear a line of metrics; ``step`` says of which step."""

    def count(self, title: str) -> AbstractContextManager[Progress]:  # noqa: ARG002 - for others
        """Return what hears of work that is counted."""
        return nullcontext(_ignore)


def _ignore(done: int, total: int) -> None:
    del done, total


class ShownTraining(TrainingObserver):
    """Writes lines, and draws bars where a person watches.

    Args:
        quiet: Write notices only.
        stream: Where to; standard error if not given.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None):
        self._quiet = quiet
        self._stream = stream or sys.stderr

    def on_lines(self, lines: Sequence[str]) -> None:
        """Write the lines."""
        if not self._quiet:
            self._write(*lines)

    def on_notice(self, notice: str) -> None:
        """Write the notice."""
        self._write(notice)

    def on_metrics(self, metrics: Mapping[str, float]) -> None:
        """Write the metrics in one line."""
        if not self._quiet:
            step, *others = [f"{name} {value:.4g}" for name, value in metrics.items()]
            self._write(f"{step}: {', '.join(others)}")

    def count(self, title: str) -> AbstractContextManager[Progress]:
        """Draw a bar."""
        return _Counting(CountBar(title, quiet=self._quiet, stream=self._stream))

    def _write(self, *lines: str) -> None:
        self._stream.writelines(printable(line) + "\n" for line in lines)
        self._stream.flush()


class _Counting(AbstractContextManager[Progress]):
    def __init__(self, bar: CountBar):
        self._bar = bar

    def __enter__(self) -> Progress:
        return self._bar.__enter__().update

    def __exit__(self, *error: object) -> None:
        self._bar.__exit__(*error)
