"""A process that forks commands from itself, so that a start costs no imports.

The process imports what earlier commands needed, and runs nothing itself: a fork is as a new
process that has just been started. :class:`ForkServer` starts and asks it.
"""

from __future__ import annotations

import atexit
import gc
import json
import multiprocessing
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from emoreal_bench.cli import main
from emoreal_bench.contracts.errors import ExitCode
from tests.faults.fault_point import FaultPoint, faulty

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
SIGNALS = {signal.SIGINT, signal.SIGTERM}


@dataclass(frozen=True)
class Conditions:
    """What is not as usual where a command is given.

    Attributes:
        noted: Whether what it imported and its steps are noted at its end.
        fault: Kind and step of a :class:`FaultPoint`.
        limits: Of the system, by the names of :mod:`resource`.
        spare_memory: Bytes of addresses that it may take; any number if 0.
        clock_goes_back: Whether the clock of the day does.
    """

    noted: bool = False
    fault: tuple[str, int] = ("", 0)
    limits: Mapping[str, int] = field(default_factory=dict)
    spare_memory: int = 0
    clock_goes_back: bool = False


class Forked:
    """A command under way, in a session of its own.

    Attributes:
        pid: Of the process, its group and its session.
        returncode: Once it has ended: the exit code, or less a signal.
    """

    def __init__(self, server: ForkServer, pid: int, notes: Path):
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._notes = notes
        self._handle = os.pidfd_open(pid)

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Wait so long for its end; return whether it came."""
        return bool(select.select([self._handle], [], [], seconds)[0])

    def send(self, number: signal.Signals, *, to_group: bool = False) -> None:
        """Send a signal; what has ended gets none."""
        with suppress(ProcessLookupError):
            (os.killpg if to_group else os.kill)(self.pid, number)

    def wait(self) -> str:
        """Wait for the end; return what was told on standard error."""
        if not self.has_ended(PATIENCE):
            self.send(signal.SIGKILL, to_group=True)
            raise AssertionError(f"no end after {PATIENCE:g} seconds: {self._told()}")
        self.returncode = self._server.ask({"wait": self.pid})
        os.close(self._handle)
        return self._told()

    def _told(self) -> str:
        return self._notes.with_suffix(".err").read_text("utf-8", "replace")

    def output(self) -> str:
        """Return what stands on standard output."""
        return self._notes.with_suffix(".out").read_text("utf-8", "replace")

    def steps(self) -> int:
        """Return in how many steps it wrote, where that was to be noted."""
        return int(json.loads(self._notes.read_bytes())["steps"])


class ForkServer:
    """Starts commands; a context manager."""

    def __init__(self) -> None:
        self._private = tempfile.TemporaryDirectory()
        self._started = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.fork_server"],
            cwd=ROOT,
            # One thread: a fork takes no other along.
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def mark(self) -> str:
        """Return what the names of its semaphores begin with."""
        return f"faults{self._process.pid}"

    def ask(self, wish: dict[str, Any]) -> int:
        """Send a wish; return the number that is answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def start(
        self,
        arguments: Sequence[str],
        home: Path,
        environment: Mapping[str, str],
        conditions: Conditions,
    ) -> Forked:
        """Start a command.

        Args:
            arguments: Of the command.
            home: The folder in which it is given.
            environment: The whole of it.
            conditions: What is not as usual.
        """
        self._started += 1
        notes = Path(self._private.name) / f"{self._started}.json"
        wish = {
            "arguments": list(arguments),
            "home": str(home),
            "environment": dict(environment),
            "notes": str(notes),
            "mark": self.mark,
            **asdict(conditions),
        }
        return Forked(self, self.ask(wish), notes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=PATIENCE)
        self._private.cleanup()


def _serve() -> dict[str, Any] | None:
    """Answer wishes; return in the fork, with its wish, and at the end, with none."""
    # A shell lets what it starts in the background ignore Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    under_way: dict[int, Path] = {}
    for line in iter(sys.stdin.readline, ""):
        wish = json.loads(line)
        if "wait" in wish:
            code = os.waitstatus_to_exitcode(os.waitpid(wish["wait"], 0)[1])
            _import_what_was_needed(under_way.pop(wish["wait"]))
            _reply(code)
            continue
        # What comes before the fork is as a new process is no matter of the command.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        gc.freeze()  # Else the first collection of a fork copies all pages.
        ready, begun = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            _begin(wish)
            os.close(begun)
            return dict(wish)
        os.close(begun)
        os.read(ready, 1)
        os.close(ready)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        under_way[pid] = Path(wish["notes"])
        _reply(pid)
    return None


def _reply(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _import_what_was_needed(notes: Path) -> None:
    with suppress(FileNotFoundError):
        for name in json.loads(notes.read_bytes())["modules"]:
            if name not in sys.modules:
                with suppress(ImportError):
                    import_module(name)


def _begin(wish: dict[str, Any]) -> None:
    """Make a fork as a process is that has just been started."""
    os.setsid()
    os.chdir(wish["home"])
    os.environ.clear()
    os.environ.update(wish["environment"])
    tempfile.tempdir = None
    # By default all programs have names of one kind, and nobody could tell whose are left.
    multiprocessing.current_process()._config["semprefix"] = f"/{wish['mark']}"  # type: ignore[attr-defined]
    sys.argv = ["emoreal-bench", *wish["arguments"]]
    nothing = os.open(os.devnull, os.O_RDWR)
    shown, told = (
        os.open(Path(wish["notes"]).with_suffix(ending), os.O_WRONLY | os.O_CREAT, 0o600)
        for ending in (".out", ".err")
    )
    for handle, number in ((nothing, 0), (shown, 1), (told, 2)):
        os.dup2(handle, number)
        os.set_inheritable(number, True)
    for handle in (nothing, shown, told):
        os.close(handle)
    for name, value in wish["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if wish["spare_memory"]:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + wish["spare_memory"]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if wish["clock_goes_back"]:
        _turn_the_clock_back()


def _turn_the_clock_back() -> None:
    """Let each look at the clock of the day be an hour before the one before."""
    now, hours = time.time, count(1)
    time.time = lambda: now() - 3600.0 * next(hours)


def _give(wish: dict[str, Any]) -> int:
    """Run the command; return its exit code."""
    point = FaultPoint(*wish["fault"])
    with faulty(point):
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            main(wish["arguments"])
        except KeyboardInterrupt:  # Before it began: not even Python would have been there.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return ExitCode.INTERRUPTED
        except SystemExit as end:
            code = int(end.code or 0)
    if wish["noted"] and code == ExitCode.DONE:
        note = {"steps": point.taken, "modules": list(sys.modules)}
        Path(wish["notes"]).write_text(json.dumps(note))
    return code


def _end(code: int) -> NoReturn:
    """End as Python does, but do not take all modules apart: that costs more than the rest."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    given = _serve()
    if given is not None:
        _end(_give(given))
