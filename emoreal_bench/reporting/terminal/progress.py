"""Shows how work goes: a bar where a person watches, plain lines where a file listens."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Self, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.printable import make_console, printable
from emoreal_bench.running.observer import RunObserver, RunSummary
from emoreal_bench.running.reasons import reason_lines

LINE_SECONDS = 10.0
"""A log gets at most one line in this time."""
_DRAW_SECONDS = 0.1


def make_observer(*, quiet: bool = False, stream: TextIO | None = None) -> RunObserver:
    """Choose how to show a run.

    Args:
        quiet: Show notices only.
        stream: Where to; standard error if not given.
    """
    stream = stream or sys.stderr
    if quiet:
        return NoticeObserver(stream)
    return BarObserver(stream) if stream.isatty() else LineObserver(stream)


def rate_text(items_per_second: float) -> str:
    """Write how fast items are finished, by the minute or hour where they are slow."""
    if items_per_second >= 0.1:
        return f"{items_per_second:.1f} items/s"
    if 60 * items_per_second >= 0.1:
        return f"{60 * items_per_second:.1f} items/min"
    return f"{3600 * items_per_second:.1f} items/h"


def describe_statuses(statuses: Mapping[DeliveryStatus, int]) -> str:
    """Name each status that occurs with its count, e.g. ``"ok 12, failed 1"``."""
    return ", ".join(
        f"{status.value} {statuses[status]}" for status in DeliveryStatus if statuses.get(status)
    )


class NoticeObserver(RunObserver):
    """Shows only what a person has to know.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def on_notice(self, notice: str) -> None:
        """Write the notice."""
        self._write(notice)

    def _write(self, line: str) -> None:
        self._stream.write(printable(line) + "\n")
        self._stream.flush()


class _CountingObserver(NoticeObserver):
    """Counts what a display shows."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]):
        super().__init__(stream)
        self._clock = clock
        self._statuses: Counter[DeliveryStatus] = Counter()
        self._items = self._finished = self._asked = 0
        self._started = self._shown = clock()
        self._jobs_shown: tuple[int, int] | None = None
        self._copies = self._restarts = 0

    def on_start(self, items: int, finished: int) -> None:
        """Begin to count."""
        self._items, self._finished = items, finished
        self._started = self._shown = self._clock()

    def on_open(self) -> None:
        """Leave the time of loading out of the rate."""
        self._started = self._shown = self._clock()

    def on_item(self, result: Result) -> None:
        """Count the item."""
        self._statuses[result.status] += 1
        self._finished += 1
        self._asked += 1

    def on_retry(self, items: int, seconds: float, detail: str) -> None:
        """Report what is asked again and why."""
        noun = "item" if items == 1 else "items"
        self.on_notice(f"{items} failed {noun} will be asked again in {seconds:.1f} s: {detail}")

    def on_jobs(self, handed_over: int, answered: int) -> None:
        """Report how far the service is, where that is news."""
        if self._jobs_shown != (handed_over, answered):
            self._jobs_shown = (handed_over, answered)
            self.on_notice(f"submitted {handed_over}, {answered} done")

    def on_copies(self, copies: int, restarts: int) -> None:
        """Keep how many copies share the rate."""
        self._copies, self._restarts = copies, restarts

    def _statuses_and_copies(self) -> str:
        told = describe_statuses(self._statuses)
        if not self._copies:
            return told
        restarts = f", {self._restarts} restarted" if self._restarts else ""
        each = rate_text(self._rate() / self._copies)
        return f"{told} [{self._copies} copies, {each} each{restarts}]"

    def _write_reasons(self, summary: RunSummary) -> None:
        """Write why items have no answer, where no scores follow that say so."""
        if summary.results is None:
            for line in reason_lines(summary.reasons):
                self._write(f"  {line}")

    def _is_due(self, seconds: float) -> bool:
        now = self._clock()
        if now - self._shown < seconds:
            return False
        self._shown = now
        return True

    def _rate(self) -> float:
        seconds = self._clock() - self._started
        return self._asked / seconds if seconds > 0 else 0.0


class LineObserver(_CountingObserver):
    """Writes a line now and then, for logs.

    Args:
        stream: Where to.
        clock: Gives seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        super().__init__(stream, clock)

    def on_start(self, items: int, finished: int) -> None:
        """Report how much there is to do."""
        super().on_start(items, finished)
        before = f", {finished} of them finished before" if finished else ""
        self._write(f"{items} items{before}")

    def on_item(self, result: Result) -> None:
        """Count the item, and write a line if the last one is old."""
        super().on_item(result)
        if self._is_due(LINE_SECONDS):
            rate = self._rate()
            left = (self._items - self._finished) / rate
            self._write(
                f"{self._finished}/{self._items} items, {rate_text(rate)}, {left:.0f} s left: "
                f"{self._statuses_and_copies()}"
            )

    def on_end(self, summary: RunSummary) -> None:
        """Report where the run stands."""
        finished = sum(summary.statuses.values())
        statuses = describe_statuses(summary.statuses) or "none"
        self._write(f"{finished} of {summary.items} items finished: {statuses}")
        self._write_reasons(summary)


class BarObserver(_CountingObserver):
    """Draws a bar with the rate, the time left and the counts by status.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: TextIO):
        super().__init__(stream, time.monotonic)
        self._bar: Progress | None = None

    def on_start(self, items: int, finished: int) -> None:
        """Draw the bar."""
        super().on_start(items, finished)
        self._bar = _make_bar(self._stream, "{task.fields[rate]}")
        self._bar.add_task("asking", total=items, completed=finished, rate="", note="")
        self._bar.start()

    def on_notice(self, notice: str) -> None:
        """Write the notice above the bar."""
        if self._bar is None:
            super().on_notice(notice)
        else:
            self._bar.console.print(notice, markup=False, highlight=False)

    def on_item(self, result: Result) -> None:
        """Count the item, and move the bar a few times a second at most."""
        super().on_item(result)
        if self._is_due(_DRAW_SECONDS):
            self._draw()

    def on_end(self, summary: RunSummary) -> None:
        """Leave the bar as the run stands."""
        self._statuses = Counter(summary.statuses)
        self._finished = self._statuses.total()
        self._draw()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._write_reasons(summary)

    def _draw(self) -> None:
        if self._bar is not None:
            self._bar.update(
                self._bar.task_ids[0],
                completed=self._finished,
                rate=rate_text(self._rate()),
                note=self._statuses_and_copies(),
            )


class CountBar:
    """A bar for work that is only counted; shows nothing where nobody watches.

    Use it as a context manager and hand :meth:`update` to what does the work.

    Args:
        title: What is done.
        quiet: Show nothing.
        stream: Where to; standard error if not given.
    """

    def __init__(self, title: str, *, quiet: bool = False, stream: TextIO | None = None):
        self._title = title
        self._stream = stream or sys.stderr
        self._is_shown = not quiet and self._stream.isatty()
        self._bar: Progress | None = None

    def update(self, done: int, total: int) -> None:
        """Show how much is done."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def __enter__(self) -> Self:
        if self._is_shown:
            self._bar = _make_bar(self._stream, self._title)
            self._bar.add_task(self._title, total=None, note="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _make_bar(stream: TextIO, text: str) -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(text),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=make_console(stream),
    )
