"""Untrusted text, and how numbers are written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.printable import plain_text
from emoreal_bench.text import percent_interval, percent_of_whole, points


@given(st.text(st.characters(), max_size=300))
def test_plain_text_holds_no_character_that_a_terminal_or_a_file_stumbles_over(text: str) -> None:
    cleaned = plain_text(text)
    assert not [c for c in cleaned if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert len(cleaned) <= 200
    cleaned.encode("utf-8")


@given(st.text("abc xyz<>&\"'éß語", max_size=50))
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert plain_text(text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new window title\x07name", "name"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bcreset", "reset"),
        ("one\r\nInjected: two", "one Injected: two"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("back\x08\x08space", "backspace"),
        ("half \ud800 pair", "half \ufffd pair"),
    ],
)
def test_escape_sequences_and_controls_are_removed(hostile: str, shown: str) -> None:
    assert plain_text(hostile) == shown


def test_a_long_text_is_cut_and_marked() -> None:
    assert plain_text("x" * 30, limit=10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "100.0"), (0.99999, "99.9"), (0.58, "58.0"), (11 / 12, "91.7")]
)
def test_only_the_whole_is_written_as_one_hundred_percent(share: float, text: str) -> None:
    assert percent_of_whole(share) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.042, "+4.2"),
        (-0.01, "\N{MINUS SIGN}1.0"),
        (-0.0001, "0.0"),
        (0.0, "0.0"),
        (-0.3125, "\N{MINUS SIGN}31.3"),
        (0.0025, "+0.3"),
    ],
)
def test_a_difference_is_written_with_its_sign(difference: float, text: str) -> None:
    assert points(difference) == text


def test_an_interval_always_names_both_ends() -> None:
    assert percent_interval((0.0, 0.0)) == "0.0\N{EN DASH}0.0"
    assert percent_interval((0.581, 0.643)) == "58.1\N{EN DASH}64.3"
