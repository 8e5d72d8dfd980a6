"""Lets the one place that writes fail, or the process die, at its n-th step."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

WRITER = os.path.join("record", "files.py")  # noqa: PTH118 - an end of a name, no path
STEPS = ("open", "write", "fsync", "replace", "rename", "mkdir")
_FRAMES = 3
"""Between a call of the system and who wants it lie those of pathlib."""


class FaultPoint:
    """Counts the steps of the writing place, and breaks one off.

    Args:
        kind: Name of an error (``ENOSPC``) or of a signal (``SIGKILL``).
        step: Which step, from 1 on; 0 breaks none off.
        lasting: Whether an error stays, as that of a full disk does.

    Attributes:
        taken: Steps so far.
    """

    def __init__(self, kind: str, step: int, *, lasting: bool = True):
        self.taken = 0
        self._kind = kind
        self._step = step
        self._lasting = lasting

    def count(self) -> None:
        self.taken += 1
        if not self._step or self.taken < self._step:
            return
        if self._kind.startswith("SIG"):
            if self.taken == self._step:
                os.kill(os.getpid(), getattr(signal, self._kind))
        elif self._lasting or self.taken == self._step:
            number = getattr(errno, self._kind)
            raise OSError(number, os.strerror(number))


def _is_writer() -> bool:
    frame = sys._getframe(2)
    for _ in range(_FRAMES):
        if frame is None:
            return False
        if frame.f_code.co_filename.endswith(WRITER):
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


@contextmanager
def faulty(point: FaultPoint) -> Iterator[None]:
    """Let the steps of the writing place go by a fault point."""
    originals: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in STEPS}

    def through(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            # What is opened to be read, to look for old drafts or to sync a folder, is no step.
            reads = name == "open" and not arguments[1] & os.O_CREAT
            if not reads and _is_writer():
                point.count()
            return originals[name](*arguments, **options)

        return call

    for name in STEPS:
        setattr(os, name, through(name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)
