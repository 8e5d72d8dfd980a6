"""A table keeps its words whole in a terminal of any width, or becomes lines."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from emoreal_bench.api.display import fitted
from emoreal_bench.printable import make_console
from emoreal_bench.reporting.terminal.progress import rate_text
from emoreal_bench.reporting.terminal.tables import named_rows, text_rows
from emoreal_bench.text import percent, percent_of_whole

_WORD = st.text("abcdefghij/é漢", min_size=1, max_size=14)
_CELL = st.lists(_WORD, max_size=6).map(" ".join)


def draw(table: Table, width: int) -> str:
    stream = StringIO()
    make_console(stream, width).print(fitted(table))
    return stream.getvalue()


@given(
    rows=st.lists(st.tuples(_CELL, _CELL, _CELL), min_size=1, max_size=4),
    width=st.integers(40, 160),
)
def test_no_word_is_broken_and_none_is_lost(rows: list[tuple[str, ...]], width: int) -> None:
    text = draw(text_rows(("name", "what", "where"), rows), width).split()
    for row in rows:
        for word in " ".join(row).split():
            assert any(word in piece for piece in text)


def score_table() -> Table:
    table = named_rows("Scores", ("n", "coverage", "accuracy"), caption="intervals at 95 %")
    table.add_row("modality agreement", "456", "100.0", "61.2 [58.1-64.3]")
    table.add_section()
    table.add_row("stress test", "820", "99.9", "")
    return table


def test_where_it_fits_it_is_a_table() -> None:
    lines = draw(score_table(), 60).splitlines()
    assert lines[2].split() == ["n", "coverage", "accuracy"]
    assert lines[4].split("  ")[0].strip() == "modality agreement"


def test_where_it_does_not_fit_each_row_stands_by_itself() -> None:
    assert [line.rstrip() for line in draw(score_table(), 36).splitlines()] == [
        "Scores",
        "modality agreement",
        "  n 456, coverage 100.0, accuracy",
        "  61.2 [58.1-64.3]",
        "stress test",
        "  n 820, coverage 99.9",
        "intervals at 95 %",
    ]


def test_long_cells_have_a_line_each() -> None:
    table = text_rows(("name", "what"), [("a", "word " * 30), ("b", "")])
    assert draw(table, 24).split()[:2] == ["name", "what"]
    table = text_rows(("name", "folder"), [("a", "runs/" + "x" * 40), ("b", "")])
    assert [line.strip() for line in draw(table, 48).splitlines()] == [
        "a",
        "folder:",
        "runs/" + "x" * 40,
        "b",
    ]


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (250.0, "250.0 items/s"),
        (0.8, "0.8 items/s"),
        (0.05, "3.0 items/min"),
        (0.001, "3.6 items/h"),
        (0.0, "0.0 items/h"),
    ],
)
def test_a_slow_model_has_a_rate_too(rate: float, text: str) -> None:
    assert rate_text(rate) == text


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_coverage_reads_as_accuracy_does_but_only_the_whole_is_100(share: tuple[int, int]) -> None:
    part, whole = share
    text = percent_of_whole(part / whole)
    assert (text == "100.0") == (part == whole)
    assert text in (percent(part / whole), "99.9")


def test_eleven_of_twelve_covered_and_eleven_of_twelve_right_read_alike() -> None:
    assert percent_of_whole(11 / 12) == percent(11 / 12) == "91.7"
