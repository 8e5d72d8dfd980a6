"""The list of parsers is whole: whoever adds a way in for outside input is told to list it."""

from __future__ import annotations

import json

from emoreal_bench.catalog import find_task
from emoreal_bench.readers import _BUILT_IN as BUILT_IN_READERS
from tests.fuzz.__main__ import ALL_INPUTS, LEAST_INPUTS, share_of
from tests.fuzz.boundaries import NOT_FROM_OUTSIDE, find_functions, find_readers
from tests.fuzz.mutation import FORMS
from tests.fuzz.parsers import all_parsers
from tests.fuzz.table import PAGE, RECORD, make_table, put_into

PARSERS = [parser for _, parser in all_parsers()]
COVERED = {function for parser in PARSERS for function in parser.covers}


def test_every_function_that_reads_is_on_the_list() -> None:
    missing = find_readers() - COVERED - NOT_FROM_OUTSIDE.keys()
    assert not missing, (
        "These read something. Add a Parser to a list of tests/fuzz that breaks what they read "
        f"(or name them in boundaries.NOT_FROM_OUTSIDE, with the reason): {sorted(missing)}"
    )


def test_the_list_names_functions_that_there_are() -> None:
    assert not (COVERED | NOT_FROM_OUTSIDE.keys()) - find_functions()
    assert not NOT_FROM_OUTSIDE.keys() & COVERED


def test_every_reader_of_a_data_set_reads_broken_annotations() -> None:
    tasks = {
        parser.name.removeprefix("annotations of ").partition(",")[0]
        for parser in PARSERS
        if parser.name.startswith("annotations of ")
    }
    read = {find_task(task).task.data.reader for task in tasks}
    # One has names of clips for annotations; people's own questions are three parsers.
    assert BUILT_IN_READERS.keys() - read == {"ravdess", "questions"}


def test_parsers_have_names_of_their_own_and_known_forms() -> None:
    names = [parser.name for parser in PARSERS]
    assert len(set(names)) == len(names)
    assert {parser.form for parser in PARSERS} == FORMS.keys()


def test_the_long_form_gives_each_parser_its_share() -> None:
    shares = [share_of(parser) for parser in PARSERS]
    assert min(shares) >= LEAST_INPUTS
    assert sum(shares) >= ALL_INPUTS
    assert sum(shares) < max(ALL_INPUTS, LEAST_INPUTS * len(shares)) + len(shares)


def test_the_page_shows_the_record() -> None:
    found = {"inputs": 10, "taken": 3, "most_steps": 7, "failures": {}}
    found |= {"lines_reached": 5, "lines": 6}
    record = {"date": "2026-01-01", "inputs": 10, "parsers_on_the_list": 2, "failures": 0}
    record |= {"not_run": ["b"]}
    page = put_into(
        PAGE.read_text(encoding="utf-8"), make_table({**record, "parsers": {"a": found}})
    )
    assert "| a | 10 | 3 | 7 | 5 of 6 | 0 |" in page
    assert "Not run yet: b." in page


def test_the_page_is_written_from_the_record() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert put_into(page, make_table(json.loads(RECORD.read_text(encoding="utf-8")))) == page
