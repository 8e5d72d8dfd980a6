"""The command line: parse, call :mod:`emoreal_bench.api`, print. No logic.

One file per command. Anything heavy is imported inside the command that needs
it, so that ``emoreal-bench --help`` answers at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with the exit code of docs/commands.md."""
    try:
        # Imported here, so that Ctrl-C is understood from the first moment on.
        from emoreal_bench.cli.application import run, take_over_warnings

        take_over_warnings()
        code = run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        code = 130  # ExitCode.INTERRUPTED, which may not be imported yet.
    with suppress(ValueError):  # Python lets only the main thread set it.
        # The command is done: what Ctrl-C ends now has nothing to say.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)
