"""The second process that reads replies of a large run.

It reads batches from standard input and answers each on standard output, until
standard input closes, which also happens when the process that started it dies.
"""

from __future__ import annotations

import pickle
import signal
import sys
from contextlib import suppress

from emoreal_bench.scoring.reading_processes import read_packed


def serve() -> None:
    """Read batches until there are no more; the first message states subtasks and scorings."""
    # Interrupting is the business of the process that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, BrokenPipeError):
        subtasks, scorings = pickle.load(source)  # noqa: S301 - written by its parent
        while True:
            replies = pickle.load(source)  # noqa: S301 - written by its parent
            pickle.dump(read_packed(subtasks, scorings, replies), answers)
            answers.flush()


if __name__ == "__main__":
    serve()
