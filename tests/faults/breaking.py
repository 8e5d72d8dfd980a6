"""Breaks a command off, gives it again, and looks at what is left."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE, TIMINGS_FILE
from emoreal_bench.model_adapters.conformance.stub_batches import StubJob
from emoreal_bench.record.files import is_draft
from emoreal_bench.training.objectives.metrics import METRICS_FILE
from tests.faults.commands import ASKED, KEY_VARIABLE, Command, Given
from tests.faults.fork_server import ROOT, Conditions, Forked, ForkServer

TRAINING_STATE = ("optimizer.pt", "rng_state.pth", "training_args.bin", "scheduler.pt")
WAYS = {
    "SIGKILL": (signal.SIGKILL,),
    "SIGTERM": (signal.SIGTERM,),
    "Ctrl-C": (signal.SIGINT,),
    "Ctrl-C twice": (signal.SIGINT, signal.SIGINT),
}
BETWEEN = 0.02
"""Seconds between the first and the second Ctrl-C."""
USUAL = Conditions()
_VARYING = ("created", "command", "checksum")
"""Of a manifest: when and how it was begun."""
_TIMES = (
    "attempts",
    "seconds",
    "crc32",
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
)
"""Of a line: of an item, and of the metrics of a training."""
_SHARED_MEMORY = Path("/dev/shm")


@dataclass
class Workplace:
    """The folder in which one command is given, again and again.

    Attributes:
        home: The folder; what the command writes lies in ``out``.
        given: What it reads.
        one: The command.
        server: Starts it.
        kills: How often it was broken off.
        starts: How often it was begun.
        key: By which the service knows who asks.
    """

    home: Path
    given: Given
    one: Command
    server: ForkServer
    kills: int = 0
    starts: int = 0
    key: str = field(default_factory=lambda: f"sk-{secrets.token_hex(8)}")
    _jobs_before: int = 0

    def __post_init__(self) -> None:
        (self.home / "tmp").mkdir(parents=True)

    @property
    def out(self) -> Path:
        return self.home / "out"

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.home / "tmp"),
            "OMP_NUM_THREADS": "1",
            KEY_VARIABLE: self.key,
        }

    def start(
        self, conditions: Conditions = USUAL, environment: dict[str, str] | None = None
    ) -> Forked:
        """Start the command in a session of its own."""
        if not self.starts:
            self._jobs_before = len(self.given.stub.batches.jobs)
        self.starts += 1
        wanted = self.environment() if environment is None else environment
        return self.server.start(self.one.arguments(self.given), self.home, wanted, conditions)

    def finish(self) -> int:
        """Give the command to its end; return in how many steps it wrote."""
        process = self.start(Conditions(noted=True))
        errors = process.wait()
        assert_session_is_gone(process)
        if self.starts > 1 and self.is_done_before(errors):
            return 0
        assert process.returncode == ExitCode.DONE, errors
        return process.steps()

    def is_done_before(self, errors: str) -> bool:
        """Return whether the command says that it came to its end another time."""
        return self.one.once is not None and self.one.once in errors

    def kill_at(self, moment: float, way: str) -> bool:
        """Send signals once a time has passed; return whether they came before the end."""
        process = self.start()
        for number in WAYS[way]:
            if process.has_ended(moment):
                break
            # The keys reach all that run in the terminal.
            process.send(number, to_group=number is signal.SIGINT)
            moment = BETWEEN
        return self._look_after(process, way)

    def kill_at_step(self, kind: str, step: int) -> bool:
        """Let the command die at a step of its writing; return whether it came to that."""
        return self._look_after(self.start(Conditions(fault=(kind, step))), kind)

    def _look_after(self, process: Forked, way: str) -> bool:
        errors = process.wait()
        assert_session_is_gone(process)
        if process.returncode == ExitCode.DONE or self.is_done_before(errors):
            return False
        self.kills += 1
        deaths = {ExitCode.INTERRUPTED, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}
        assert process.returncode in deaths, errors
        assert way == "SIGKILL" or "Traceback" not in errors, errors
        self.assert_whole()
        return True

    def assert_whole(self) -> None:
        """Check that what stands under a final name is whole."""
        for path in self.out.rglob("*"):
            if is_draft(path) or not path.is_file() or path.is_symlink():
                continue
            if path.suffix == ".json":
                json.loads(path.read_bytes())
            elif path.suffix in (".html", ".mp4", ".wav", ".csv", ".safetensors", ".js"):
                assert path.stat().st_size, f"{path} is empty"

    def asked(self) -> int:
        """Count what the models were asked: by their own notes, and at the service."""
        notes = self.home / ASKED
        noted = len(notes.read_text().split()) if notes.exists() else 0
        bearer = f"Bearer {self.key}"
        # Looks at jobs are no questions; what jobs ask is counted by itself.
        asked = [one for one in list(self.given.stub.requests) if one.path.endswith("/completions")]
        return noted + sum(one.headers.get("authorization") == bearer for one in asked)

    def assert_nothing_left(self) -> None:
        """Check that no draft, holder, temporary file or shared memory is left."""
        left = [path for path in self.home.rglob("*") if is_draft(path) or path.name == "holder"]
        assert not left
        assert not list(_SHARED_MEMORY.glob(f"sem.{self.server.mark}*"))

    def assert_as_unbroken(self, unbroken: Workplace) -> None:
        """Check that it ended as one that was never broken off."""
        found, expected = self.snapshot(), unbroken.snapshot()
        names = found.keys() | expected.keys()
        others = [name for name in sorted(names) if found.get(name) != expected.get(name)]
        assert not others, f"other than those of the unbroken one: {', '.join(others)}"
        assert self.asked() <= unbroken.asked() + self.kills, "asked twice"
        handed = [key for job in self._jobs() for key, _ in job.lines]
        assert len(handed) == len(set(handed)), "handed to the service twice"
        self.assert_nothing_left()

    def _jobs(self) -> list[StubJob]:
        """Return the jobs that the service was given since this was begun."""
        return list(self.given.stub.batches.jobs.values())[self._jobs_before :]

    def snapshot(self) -> dict[str, Any]:
        """Return what was written, apart from what no two runs have in common."""
        found: dict[str, Any] = {}
        for path in sorted(self.out.rglob("*")):
            name = path.relative_to(self.out).as_posix()
            if path.name in (TIMINGS_FILE, "lock", *TRAINING_STATE) or not path.is_file():
                continue
            found[name] = _content(path)
        return found


def _content(path: Path) -> Any:
    content = path.read_bytes()
    try:
        if path.name == MANIFEST_FILE:
            record = json.loads(content)
            return {name: value for name, value in record.items() if name not in _VARYING}
        if path.name == ITEMS_FILE:
            # Asked in another order where some were asked before.
            return sorted(map(_without_times, _last_lines(content)))
        if path.name == METRICS_FILE:
            return list(map(_without_times, content.splitlines()))
    except (ValueError, AttributeError, KeyError, TypeError):
        pass  # Damaged.
    return content


def _last_lines(content: bytes) -> list[bytes]:
    """Leave out what failed and was asked again: the later line counts."""
    lines = [(line, json.loads(line)) for line in content.splitlines()]
    answered = {record["id"] for _, record in lines if record["status"] != "failed"}
    return [
        line
        for line, record in lines
        if record["status"] != "failed" or record["id"] not in answered
    ]


def _without_times(line: bytes) -> str:
    kept = {name: value for name, value in json.loads(line).items() if name not in _TIMES}
    return json.dumps(kept, sort_keys=True)


def assert_session_is_gone(process: Forked) -> None:
    """Check that a process left none of its own behind."""
    patience = time.monotonic() + 10
    while left := [pid for pid, session in _living() if session == process.pid]:
        assert time.monotonic() < patience, f"processes are left: {left}"
        time.sleep(0.02)


def _living() -> Iterator[tuple[int, int]]:
    """Name all processes, each with the session it is in."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name, which may hold anything: state, parent, group, session.
            state, _, _, session = path.read_text("utf-8", "replace").rpartition(")")[2].split()[:4]
            if state != "Z":
                yield int(path.parent.name), int(session)
