"""Counts the lines of a parser's own functions that a corpus of inputs reaches."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.engine import BrokenPromise, Prepared
from tests.fuzz.parser import Parser


class LineTrace:
    """Notes which lines of some functions are run.

    Args:
        codes: Of the functions.
    """

    def __init__(self, codes: set[CodeType]):
        self._codes = codes
        self.reached: set[tuple[str, int]] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code not in self._codes:
            return None
        if event == "line":
            self.reached.add((frame.f_code.co_filename, frame.f_lineno))
        return self


def lines_of(codes: set[CodeType]) -> set[tuple[str, int]]:
    """Return the lines of functions that can be run."""
    return {
        (code.co_filename, line)
        for code in codes
        for _, _, line in code.co_lines()
        if line is not None and line != code.co_firstlineno
    }


def codes_of(parser: Parser) -> set[CodeType]:
    """Return the code of the functions that the list names for a parser, inner ones too."""
    return {inner for name in parser.covers for inner in _with_inner(_code(name))}


def _code(name: str) -> CodeType:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module.removesuffix(".__init__"))
    for part in path.split("."):
        found = found.__dict__[part]
    found = getattr(found, "func", None) or getattr(found, "fget", None) or found
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    code: CodeType = found.__code__
    return code


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)


def count_lines(parser: Parser, corpus: Path) -> tuple[int, int]:
    """Return how many lines of a parser's functions the corpus reaches, of how many."""
    codes = codes_of(parser)
    prepared = Prepared.make(parser, Path(mkdtemp(prefix="lines-")))
    trace = LineTrace(codes)
    for file in sorted(corpus.iterdir()):
        content = file.read_bytes()
        sys.settrace(trace)
        try:
            with suppress(BrokenPromise):
                prepared.read(content)
        finally:
            sys.settrace(None)
    lines = lines_of(codes)
    return len(trace.reached & lines), len(lines)
