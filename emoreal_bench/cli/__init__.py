"""The command line: parse, call :mod:`emoreal_bench.api`, print. No logic.

One file per command. Anything heavy is imported inside the command that needs
it, so that ``emoreal-bench --help`` answers at once.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with the exit code of docs/commands.md."""
    sys.unraisablehook = _give_again
    try:
        # Imported here, so that Ctrl-C is understood from the first moment on.
        from emoreal_bench.cli.application import run, take_over_warnings

        take_over_warnings()
        code = run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        code = 130  # ExitCode.INTERRUPTED, which may not be imported yet.
    except MemoryError:  # Not even enough was left to say so in the usual way.
        os.write(2, b"error: The memory that this process may use is full.\n")
        code = 3  # ExitCode.INCOMPLETE
    with suppress(ValueError):  # Python lets only the main thread set it.
        # What is left is that Python takes itself apart, and Ctrl-C would print where it was.
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:  # That came meanwhile.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _give_again(what: Any) -> None:
    """Return a Ctrl-C again that fell into a finalizer, where Python prints it and goes on."""
    if issubclass(what.exc_type, KeyboardInterrupt):
        threading.Timer(0.01, _interrupt).start()
    else:
        sys.__unraisablehook__(what)


def _interrupt() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # Also where the thread waits for the system.
        main_thread = threading.main_thread().ident
        assert main_thread is not None
        signal.pthread_kill(main_thread, signal.SIGINT)
