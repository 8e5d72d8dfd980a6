"""Whatever stands in a file from outside: a value, or a typed error that names the file."""

from __future__ import annotations

import pytest

from tests.fuzz.parser import Parser
from tests.fuzz.parsers import parsers_of
from tests.fuzz.short_form import read_broken_files

GROUPS = (
    "settings_files",
    "data_files",
    "run_files",
    "replies",
)


@pytest.mark.parametrize(
    "parser",
    [pytest.param(parser, id=parser.name) for group in GROUPS for parser in parsers_of(group)],
)
@pytest.mark.filterwarnings("ignore")
def test_a_broken_file_is_a_value_or_a_typed_error(parser: Parser) -> None:
    read_broken_files(parser)
