"""What makes the reading quick never changes what is read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from emoreal_bench.scoring.reading import cleaning, letters, verdicts
from emoreal_bench.scoring.reading.cleaning import clean

HERE = Path(__file__).parent
REPLIES = [
    json.loads(line)["reply"]
    for path in sorted(HERE.glob("reply_corpus*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(
    ("pattern", "hints"),
    [
        (letters._PLACE, letters._HINT),
        (letters._PAIR, letters._HINT),
        (letters._LISTED, letters._HINT),
        (cleaning._POLITE, cleaning._POLITE_WORDS),
        (cleaning._MARK, cleaning._MARK_HINTS),
    ],
)
def test_what_a_pattern_finds_holds_a_hint_of_it(
    pattern: re.Pattern[str], hints: Sequence[str] | re.Pattern[str]
) -> None:
    found = [
        match[0].lower()
        for reply in REPLIES
        for match in pattern.finditer(reply)
        if match.lastgroup not in ("inner_end", "inner_close")  # Ends what another mark begins.
    ]
    assert found
    started = cleaning._MARK_START if pattern is cleaning._MARK else None
    for text in found:
        if isinstance(hints, re.Pattern):
            assert hints.search(text), text
            continue
        assert any(hint in text for hint in hints) or (started and started.match(text)), text


@pytest.mark.parametrize("pattern", [verdicts.REJECTED_BEFORE, verdicts.SECOND])
def test_a_reply_that_rejects_an_answer_holds_a_word_that_does(pattern: re.Pattern[str]) -> None:
    marked = [re.sub(r"\b[A-D]\b", "\ue000", reply).lower() for reply in REPLIES]
    found = [match[0] for reply in marked for match in pattern.finditer(reply)]
    assert len(found) > 10
    for text in found:
        assert verdicts.REJECTS.search(text), text


def test_replies_are_cut_where_one_sign_repeats_and_nowhere_else() -> None:
    assert clean("wait....... what") == "wait... what"
    assert clean("a\n\n\n\n\n\nb") == "a\n\n\nb"
    assert clean("so... yes") == "so... yes"


def test_of_a_long_reply_both_ends_are_read_once_its_reasoning_is_off() -> None:
    """7,000 characters of reasoning are no part of the reply that is cut to its ends."""
    text = clean("<think>" + "A? " * 2400 + "</think>(B) it is." + " x" * 3000 + " The end.")
    assert text.startswith("(B) it is.")
    assert text.endswith("The end.")
    assert len(text) < 8100
