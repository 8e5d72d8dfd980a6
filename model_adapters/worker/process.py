"""A worker's process: started, asked line by line, stopped with everything it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from emoreal_bench.hiding import is_key_name
from emoreal_bench.identity import canonical_json
from emoreal_bench.processes import see_off

_EVERY_WORKER_GETS = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.+|TZ|TMPDIR|TMP|TEMP|XDG_.+"
    r"|LD_LIBRARY_PATH|DYLD_.+|CONDA_.+|VIRTUAL_ENV|SSL_CERT_FILE|SSL_CERT_DIR"
    r"|CUDA_.+|NVIDIA_.+|NCCL_.+|HIP_.+|ROCR_.+|ROCM_.+|OMP_.+|MKL_.+|OPENBLAS_.+"
    r"|HF_HOME|HF_HUB_CACHE|HF_HUB_OFFLINE|TORCH_HOME|PYTORCH_.+"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA",
    re.IGNORECASE,
)
"""docs/workers.md lists them."""

LINE_LIMIT = 16 * 1024 * 1024
STOP_SECONDS = 5.0
MAX_DETAIL = 300
_PIECE = 1 << 16
_KEEPER = str(Path(__file__).with_name("keeper.py"))
_KEEPER_SECONDS = 2.0
"""Until a keeper is ended that cannot end what the worker started."""

Reply = TypeVar("Reply", bound=BaseModel)


class WorkerError(Exception):
    """The worker did not answer as it should; the text says how, in one line."""


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """How to start a worker.

    Attributes:
        arguments: Program and arguments.
        folder: Where it runs; None for where the harness runs.
        environment: Variables that it gets besides those that every worker gets.
        inherited: Names of variables of the harness that it gets as well.
    """

    arguments: tuple[str, ...]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[str, ...] = ()

    def whole_environment(self) -> dict[str, str]:
        """Return the variables that the process gets: no key that was not named for it."""
        common = {
            name: value
            for name, value in os.environ.items()
            if _EVERY_WORKER_GETS.fullmatch(name) and not is_key_name(name)
        }
        named = {name: os.environ[name] for name in self.inherited if name in os.environ}
        return {**common, **named, **self.environment}


class WorkerProcess:
    """One running worker.

    Args:
        command: How to start it.
        log: File for what it says on standard error.
    """

    def __init__(self, command: WorkerCommand, log: Path):
        self._command = command
        self._log = log
        self._process: Process | None = None
        self._lifeline = _Lifeline(command.arguments)

    async def start(self) -> None:
        """Start it.

        Raises:
            WorkerError: If there is no such program or folder.
        """
        self._lifeline = line = _Lifeline(self._command.arguments)
        try:
            with self._log.open("wb") as log, line.tied():
                self._process = await asyncio.create_subprocess_exec(
                    *line.arguments,
                    pass_fds=line.passed,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=log,
                    cwd=self._command.folder,
                    env=self._command.whole_environment(),
                    limit=LINE_LIMIT,
                    # A group of its own: Ctrl-C is the harness's affair, and so is its end.
                    start_new_session=True,
                )
        except OSError as error:
            raise WorkerError(f"cannot be started: {error}") from error

    async def ask(self, message: Mapping[str, Any], reply: type[Reply], seconds: float) -> Reply:
        """Send one message and read the one that answers it.

        Raises:
            WorkerError: If it is silent for so long, ends, or says something else.
        """
        try:
            line = await asyncio.wait_for(self._exchange(message), seconds)
        except TimeoutError as error:
            raise WorkerError(f"gave no answer within {seconds:g} seconds") from error
        except (OSError, ValueError) as error:
            raise WorkerError(self._with_last_words(f"broke off: {error}")) from error
        if not line:
            raise WorkerError(self._with_last_words("ended without an answer"))
        return parse_reply(line, reply)

    async def stop(self) -> None:
        """Let it end by itself, then end it and what it started."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            pass
        finally:
            await self._end(process)

    async def kill(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is not None:
            await self._end(process)

    async def _end(self, process: Process) -> None:
        """End what is left of it and of what it started."""
        self._lifeline.cut(process)
        await see_off(process)
        if process.returncode is None:
            _kill_group(process)

    async def _exchange(self, message: Mapping[str, Any]) -> bytes:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(encode_message(message))
        await self._process.stdin.drain()
        return await self._process.stdout.readline()

    def _with_last_words(self, problem: str) -> str:
        with self._log.open("rb") as log:
            return _with_last_words(problem, log)


def ask_once(
    command: WorkerCommand, message: Mapping[str, Any], reply: type[Reply], seconds: float
) -> Reply:
    """Start a worker, ask it one thing and let it end.

    Raises:
        WorkerError: As :meth:`WorkerProcess.ask`.
    """
    line = _Lifeline(command.arguments)
    with tempfile.TemporaryFile() as log:
        try:
            with line.tied():
                process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
                    line.arguments,
                    bufsize=0,
                    pass_fds=line.passed,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=command.folder,
                    env=command.whole_environment(),
                    start_new_session=True,
                )
        except OSError as error:
            raise WorkerError(f"cannot be started: {error}") from error
        said = bytearray()
        # A thread, since a child that outlives the worker may hold its pipes for ever.
        reader = Thread(target=_exchange_once, args=(process, message, said), daemon=True)
        reader.start()
        try:
            reader.join(seconds)
            if not reader.is_alive():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_SECONDS)
        finally:
            line.cut(process)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KEEPER_SECONDS)
            if process.returncode is None:
                _kill_group(process)
                process.wait()
        answer, end, _ = bytes(said).partition(b"\n")
        if not answer and reader.is_alive():
            raise WorkerError(f"gave no answer within {seconds:g} seconds")
        if not answer:
            raise WorkerError(_with_last_words("ended without an answer", log))
        if not end and len(answer) > LINE_LIMIT:
            raise WorkerError(f"said a line of more than {LINE_LIMIT:,} bytes")
    return parse_reply(answer, reply)


def _exchange_once(
    process: subprocess.Popen[bytes], message: Mapping[str, Any], said: bytearray
) -> None:
    """Send a message and add what comes back, up to the end of a line, to ``said``."""
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout as answers, contextlib.suppress(OSError):
        with contextlib.suppress(OSError), process.stdin as questions:
            questions.write(encode_message(message))
        while len(said) <= LINE_LIMIT and (piece := answers.read(_PIECE)):
            said += piece
            if b"\n" in piece:
                return


def encode_message(message: Mapping[str, Any]) -> bytes:
    """Write a message as its line."""
    return canonical_json(message).encode() + b"\n"


def parse_reply(line: bytes, reply: type[Reply]) -> Reply:
    """Read a line.

    Raises:
        WorkerError: If it is not the message that was waited for.
    """
    try:
        return reply.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        said = line.decode("utf-8", "replace").strip()[:MAX_DETAIL]
        problem = f"{first['msg']} (at '{place}')" if place else first["msg"]
        raise WorkerError(f"said what is no answer: {problem}: {said!r}") from error


def _with_last_words(problem: str, log: BinaryIO) -> str:
    # The end alone: a worker may have filled a disk with it.
    log.seek(max(0, log.seek(0, os.SEEK_END) - _PIECE))
    lines = log.read(_PIECE).decode("utf-8", "replace").strip().splitlines()
    return f"{problem} ({lines[-1].strip()[:MAX_DETAIL]})" if lines else problem


class _Lifeline:
    """What a worker hangs on: cut, it ends with all that it started, at latest when we end.

    On Linux a keeper stands between: see ``keeper.py``. Elsewhere what the worker started in a
    session of its own lives on.

    Attributes:
        arguments: Program and arguments to start.
        passed: Handles that it is to get.
    """

    def __init__(self, arguments: tuple[str, ...]) -> None:
        self.arguments = arguments
        self.passed: tuple[int, ...] = ()
        self._held: int | None = None

    @contextlib.contextmanager
    def tied(self) -> Iterator[None]:
        """Let it hold what is started inside."""
        if sys.platform != "linux":
            yield
            return
        end, self._held = os.pipe()
        self.passed = (end,)
        self.arguments = (sys.executable, "-I", "-S", _KEEPER, str(end), *self.arguments)
        try:
            yield
        except BaseException:
            os.close(self._held)
            self._held = None
            raise
        finally:
            os.close(end)

    def cut(self, process: Process | subprocess.Popen[bytes]) -> None:
        """Begin to end the worker; a keeper takes a moment."""
        if self._held is None:
            _kill_group(process)
        else:
            os.close(self._held)
            self._held = None


def _kill_group(process: Process | subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
