"""The table of docs/reliability.md says what the record holds."""

from __future__ import annotations

from tests.faults.record import BEGIN, END, PAGE, make_table, read_record

LINE = {
    "part": "1 of 2",
    "ended": "2026-01-02 03:04",
    "commit": "abc",
    "version": "1.2",
    "python": "3.11",
    "system": "Linux",
    "seconds": 90,
    "kills": {"run": {"SIGKILL": 2, "Ctrl-C": 1}, "score": {"SIGTERM": 4}},
    "failures": ["run, {'SIGKILL': 1}: Traceback (most recent call last):"],
}
LATER = LINE | {"part": "2 of 2", "ended": "2026-01-03 00:00", "commit": "def", "failures": []}


def test_the_table_adds_up_what_the_record_holds() -> None:
    lines = make_table([LINE, LATER]).splitlines()
    assert lines[0] == (
        "2 parts from 2026-01-02 03:04 to 2026-01-03 00:00 UTC, 3 minutes, 1.2 on Python 3.11."
    )
    assert lines[1] == "Commits: `abc` (1 parts), `def` (1 parts)."
    assert lines[-3:] == [
        "| `run` | 4 | 0 | 2 | 0 | 0 | 6 | 1 |",
        "| `score` | 0 | 8 | 0 | 0 | 0 | 8 | 0 |",
        "| all | 4 | 8 | 2 | 0 | 0 | 14 | 1 |",
    ]


def test_a_part_that_failed_and_was_run_again_is_counted_once_and_told_of() -> None:
    lines = make_table([LINE, LINE | {"commit": "def", "failures": []}]).splitlines()
    assert lines[0].startswith("1 parts")
    assert lines[-3] == "| all | 2 | 4 | 1 | 0 | 0 | 7 | 0 |"
    assert lines[-1].startswith("- Part 1 of 2 failed at `abc` (7 kills, not counted above)")


def test_the_page_holds_the_table_of_the_record() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    assert rest.partition(END)[0] == make_table(read_record())
