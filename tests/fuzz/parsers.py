"""The list of the parsers of what comes from outside."""

from __future__ import annotations

import importlib
from functools import cache

from tests.fuzz.parser import Parser

GROUPS = ("settings_files", "data_files", "run_files", "replies", "model_files")
"""The modules that describe them; apart, since the last one needs torch."""


@cache
def parsers_of(group: str) -> tuple[Parser, ...]:
    """Return the parsers of a module."""
    parsers: tuple[Parser, ...] = importlib.import_module(f"tests.fuzz.{group}").PARSERS
    return parsers


def all_parsers() -> list[tuple[str, Parser]]:
    """Return each parser with its group."""
    return [(group, parser) for group in GROUPS for parser in parsers_of(group)]


def find_parser(group: str, name: str) -> Parser:
    """Return a parser of a group by its name."""
    return next(parser for parser in parsers_of(group) if parser.name == name)
