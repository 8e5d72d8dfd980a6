"""Breaks a file, reads it, and says whether the parser kept its promise."""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from emoreal_bench.contracts.errors import EmorealError
from tests.fuzz.mutation import FORMS, break_file
from tests.fuzz.parser import Parser

MOST_STEPS = 20_000_000
"""Calls of functions, of Python's and of C's, for one file of at most some hundred kilobytes."""
_SURELY_FEW_SECONDS = 0.25
"""Of the processor: nobody calls so many functions in it, so that what takes less is not counted.

Counting takes several times as long as reading does."""
_MOST_SECONDS = 20.0
"""Of the processor: ends what takes long in one call, which counts as a single step."""
_MORE_MEMORY = 2 << 30


class BrokenPromise(AssertionError):  # noqa: N818 - it is what a failed test says
    """A parser ended in something else than a value or a typed error, or took too much."""


class _TooLong(BaseException):
    pass


class Steps:
    """Counts the calls that a reading makes; the same for the same file on every machine."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self, _: FrameType, __: str, ___: object) -> None:
        self.taken += 1
        if self.taken > MOST_STEPS:
            raise _TooLong(f"over {MOST_STEPS:,} steps")


@dataclass
class Prepared:
    """A parser with sound files in a folder of its own."""

    parser: Parser
    folder: Path
    file: Path
    sound: bytes
    most_steps: int = 0

    @classmethod
    def make(cls, parser: Parser, folder: Path) -> Prepared:
        """Make the sound files, and see that they are read."""
        folder.mkdir(parents=True, exist_ok=True)
        file = parser.make(folder)
        made = cls(parser, folder, file, file.read_bytes())
        made.read(made.sound, may_refuse=False)
        return made

    def broken(self, chooser: Random) -> bytes:
        """Return a broken form of the sound file."""
        return break_file(self.sound, FORMS[self.parser.form], chooser)

    def read(self, content: bytes, *, may_refuse: bool = True, counted: bool = False) -> bool:
        """Read a file in the place of the sound one.

        Args:
            content: Of the file.
            may_refuse: Whether it may end in one of the parser's errors.
            counted: Whether steps are counted even where they are surely few.

        Returns:
            Whether it was taken; else it was refused as it should be.

        Raises:
            BrokenPromise: If the parser ended otherwise.
        """
        began = time.process_time()
        taken = self._read(content, may_refuse, Steps() if counted else None)
        if not counted and time.process_time() - began > _SURELY_FEW_SECONDS:
            taken = self._read(content, may_refuse, Steps())
        return taken

    def _read(self, content: bytes, may_refuse: bool, steps: Steps | None) -> bool:
        self.file.write_bytes(content)
        if self.parser.settle is not None:
            try:
                self.parser.settle(self.file)
            except (ValueError, RecursionError):
                return False
        try:
            with limited(steps):
                self.parser.read(self.file)
        except self.parser.refusals as error:
            if not may_refuse:
                raise
            self._check_words(error)
            return False
        except _TooLong as error:
            raise BrokenPromise(f"{self.parser.name}: {error}") from None
        except MemoryError as error:
            raise BrokenPromise(f"{self.parser.name}: over {_MORE_MEMORY >> 20} MiB") from error
        except Exception as error:
            problem = f"{self.parser.name}: {type(error).__name__}: {str(error)[:300]}"
            raise BrokenPromise(problem) from error
        finally:
            self.most_steps = max(self.most_steps, steps.taken if steps else 0)
        return True

    def _check_words(self, error: Exception) -> None:
        if isinstance(error, EmorealError):
            told = str(error)
            place = self.parser.place or self.folder.name
            if error.where is None and place not in told:
                raise BrokenPromise(
                    f"{self.parser.name}: the error names no place: {told[:300]}"
                ) from error


@contextmanager
def limited(steps: Steps | None) -> Iterator[None]:
    """Stop what takes too much of the processor; too many steps as well, where they are counted."""

    def stop(_: int, __: FrameType | None) -> None:
        raise _TooLong(f"over {_MOST_SECONDS:g} s of the processor")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _MOST_SECONDS)
    sys.setprofile(steps)
    try:
        yield
    finally:
        sys.setprofile(None)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def memory_bounded() -> Iterator[None]:
    """Let this process grow by so much and no more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + _MORE_MEMORY
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
