"""Starts a worker, and ends with it whatever it started, in sessions of their own too. For Linux.

A program of its own, which the harness starts in the worker's place: ``keeper.py HANDLE PROGRAM
ARGUMENT...``. Orphans among what the worker started become its children instead of those of the
first process (``PR_SET_CHILD_SUBREAPER``, Linux 3.4), so that none is lost. It ends them once the
worker is gone, or once the other end of the pipe HANDLE is closed, as it also is when the harness
dies. It needs nothing but the standard library, so that it starts quickly.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys

_PR_SET_CHILD_SUBREAPER = 36
"""From <linux/prctl.h>."""


def main() -> None:
    """Do what the module says, and end with the worker's own exit code."""
    life, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        worker = subprocess.Popen(command, env=_given_environment()).pid  # noqa: S603
    except OSError as error:
        sys.exit(f"cannot be started: {error}")
    _let_go_of_pipes()
    code = None
    while code is None:
        ready, _, _ = select.select([life, woken], [], [])
        if life in ready:
            break
        os.read(woken, 4096)
        code = _see_off_ended(worker)
    _end_children()
    os._exit(1 if code is None else code)


def _given_environment() -> dict[bytes, bytes]:
    """Return the variables as this process was given them: Python adds LC_CTYPE in some places."""
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib would load slowly
        pairs = [line.partition(b"=") for line in file.read().split(b"\0") if line]
    return {name: value for name, _, value in pairs}


def _let_go_of_pipes() -> None:
    """Leave standard input and output to the worker alone: they end when it closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)


def _see_off_ended(worker: int) -> int | None:
    """Let go of the children that have ended; return the worker's exit code if it has."""
    code = None
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if process == 0:
            return code
        if process == worker:
            code = os.waitstatus_to_exitcode(status) & 0xFF


def _end_children() -> None:
    """Kill until no child is left: those of one that is killed become children of this process."""
    while any([_kill(child) for child in _children()]):  # noqa: C419 - every one is killed
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill(process: int) -> bool:
    """Return whether a process could be killed, which one of another user cannot."""
    try:
        os.kill(process, signal.SIGKILL)
    except OSError:
        return False
    return True


def _children() -> list[int]:
    me, found = str(os.getpid()), []
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        try:
            with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123
                # The name in brackets may hold anything; behind it stand the state and the parent.
                parent = file.read().rpartition(b")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if parent.decode() == me:
            found.append(int(process))
    return found


if __name__ == "__main__":
    main()
