"""What a person or a log file sees of a run."""

from __future__ import annotations

import io
from pathlib import Path

from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.reporting.terminal.progress import (
    LINE_SECONDS,
    BarObserver,
    CountBar,
    LineObserver,
    NoticeObserver,
    describe_statuses,
    make_observer,
)
from emoreal_bench.running.observer import RunObserver, RunSummary

OK = Result("a", DeliveryStatus.OK)
FAILED = Result("b", DeliveryStatus.FAILED)
SUMMARY = RunSummary(
    Path("run"), 3, {DeliveryStatus.FAILED: 1, DeliveryStatus.OK: 2}, asked=2, kept=1
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that stands still until it is moved."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def run_through(observer: RunObserver) -> None:
    observer.on_start(3, 1)
    observer.on_item(OK)
    observer.on_retry(1, 2.0, "the service is busy")
    observer.on_item(FAILED)
    observer.on_end(SUMMARY)


def test_statuses_are_named_in_one_order_and_only_where_they_occur() -> None:
    assert describe_statuses({DeliveryStatus.FAILED: 1, DeliveryStatus.OK: 2}) == "ok 2, failed 1"
    assert describe_statuses({}) == ""


def test_a_terminal_gets_a_bar_a_file_gets_lines_and_quiet_gets_notices() -> None:
    assert isinstance(make_observer(stream=Terminal()), BarObserver)
    assert isinstance(make_observer(stream=io.StringIO()), LineObserver)
    assert type(make_observer(quiet=True, stream=Terminal())) is NoticeObserver


def test_quiet_shows_only_what_a_person_has_to_know() -> None:
    stream = io.StringIO()
    observer = NoticeObserver(stream)
    run_through(observer)
    observer.on_notice("The log was damaged.")
    assert stream.getvalue() == "The log was damaged.\n"


def test_a_log_gets_a_line_only_now_and_then_with_rate_and_time_left() -> None:
    stream, clock = io.StringIO(), Clock()
    observer = LineObserver(stream, clock)
    observer.on_start(20, 4)
    clock.seconds += 100 * LINE_SECONDS  # It is loaded, which is not its rate.
    observer.on_open()
    for _ in range(7):
        observer.on_item(OK)
    clock.seconds += LINE_SECONDS
    observer.on_item(FAILED)
    observer.on_item(OK)
    assert stream.getvalue().splitlines() == [
        "20 items, 4 of them finished before",
        "12/20 items, 0.8 items/s, 10 s left: ok 7, failed 1",
    ]


def test_a_log_says_what_is_asked_again_and_how_it_ended() -> None:
    stream = io.StringIO()
    run_through(LineObserver(stream, Clock()))
    assert stream.getvalue().splitlines()[1:] == [
        "1 failed item will be asked again in 2.0 s: the service is busy",
        "3 of 3 items finished: ok 2, failed 1",
    ]


def test_a_bar_ends_with_the_counts_of_the_whole_run() -> None:
    stream = Terminal()
    run_through(BarObserver(stream))
    last = stream.getvalue()
    assert "3/3" in last
    assert "ok 2, failed 1" in last
    assert "the service is busy" in last


def test_what_a_service_says_is_not_taken_for_markup() -> None:
    stream = Terminal()
    observer = BarObserver(stream)
    observer.on_start(1, 0)
    observer.on_notice("[red]no[/red] [/] markup")
    observer.on_end(SUMMARY)
    assert "[red]no[/red] [/] markup" in stream.getvalue()


def test_a_count_is_shown_on_a_terminal_only() -> None:
    terminal, file, hushed = Terminal(), io.StringIO(), Terminal()
    for stream, quiet in ((terminal, False), (file, False), (hushed, True)):
        with CountBar("writing clips", quiet=quiet, stream=stream) as bar:
            bar.update(2, 5)
    assert "2/5" in terminal.getvalue()
    assert file.getvalue() == hushed.getvalue() == ""
