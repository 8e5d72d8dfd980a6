"""The short form of the fuzz suite: the same broken files on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.engine import Prepared, memory_bounded
from tests.fuzz.parser import Parser

EXAMPLES, SLOW_EXAMPLES = 20, 6


def read_broken_files(parser: Parser) -> None:
    """Read broken files, drawn by hypothesis, which shrinks one that breaks the promise."""
    with _prepared(parser) as prepared:

        @settings(
            max_examples=SLOW_EXAMPLES if parser.is_slow else EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.randoms(use_true_random=False))
        def read(chooser: Random) -> None:
            prepared.read(prepared.broken(chooser))

        with memory_bounded():
            read()


def read_whole_file(parser: Parser, content: bytes) -> bool:
    """Read one file in the place of the sound one; return whether it was taken."""
    with _prepared(parser) as prepared, memory_bounded():
        return prepared.read(content)


@contextmanager
def _prepared(parser: Parser) -> Iterator[Prepared]:
    with TemporaryDirectory(prefix="fuzz-") as folder:
        yield Prepared.make(parser, Path(folder) / "files")
