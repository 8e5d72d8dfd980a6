"""What makes the reading quick never changes what is read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.scoring.reading import announced, letters, places, refusals, yes_no_words
from emoreal_bench.scoring.reading.caseless import CaselessPattern, caseless
from emoreal_bench.scoring.reading.cleaning import clean

HERE = Path(__file__).parent
REPLIES = [
    json.loads(line)["reply"]
    for name in ("reply_corpus.jsonl", "reply_corpus_blind.jsonl")
    for line in (HERE / name).read_text(encoding="utf-8").splitlines()
]
CASELESS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (announced, letters, places, refusals, yes_no_words)
    for name, value in vars(module).items()
    if isinstance(value, CaselessPattern)
}


def _spans(pattern: re.Pattern[str], text: str) -> list[tuple[tuple[int, int], ...]]:
    return [match.regs for match in pattern.finditer(text)]


@pytest.mark.parametrize("name", CASELESS)
def test_lower_cased_text_holds_the_matches_of_a_pattern_at_their_places(name: str) -> None:
    pattern = CASELESS[name]
    for reply in filter(str.isascii, REPLIES):
        for text in (reply, reply.upper(), reply.title()):
            assert _spans(pattern.exact, text.lower()) == _spans(pattern.folding, text), text


@pytest.mark.parametrize("name", CASELESS)
def test_a_caseless_pattern_is_written_in_lower_case(name: str) -> None:
    source = CASELESS[name].exact.pattern
    letters_of_source = re.sub(r"\\[A-Z]|\(\?P|(?<!\\)#.*", "", source)
    assert letters_of_source == letters_of_source.lower()


def test_text_beyond_ascii_is_compared_letter_by_letter() -> None:
    pattern = caseless("straße|answer")
    for text in ("Die STRASSE", "Die StraßE: the ANSWER", "answer"):
        found = [match.span() for match in pattern.finditer(text)]
        expected = [match.span() for match in re.finditer("straße|answer", text, re.I)]
        assert found == expected


@given(st.from_regex(places._NAMED, alphabet=st.characters(codec="ascii")))
@settings(max_examples=300, deadline=None)
def test_a_text_that_names_a_place_holds_a_hint_of_it(text: str) -> None:
    assert places._HINTS.search(text.lower())


def test_replies_are_cut_where_one_sign_repeats_and_nowhere_else() -> None:
    assert clean("wait....... what") == "wait... what"
    assert clean("a\n\n\n\n\n\nb") == "a\n\n\nb"
    assert clean("so... yes") == "so... yes"
