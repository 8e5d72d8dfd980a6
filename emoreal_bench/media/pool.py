"""Decodes clips in worker processes, so that a clip that crashes or hangs a decoder costs itself.

Workers are programs of their own rather than forks or ``multiprocessing``
children: those would run the user's main module again or copy a process that
holds a model.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.media.errors import MediaError, MediaProblem
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.messages import Message, MessageError, pack_message, receive_message
from emoreal_bench.processes import see_off

WORKER_PROGRAM = (sys.executable, "-P", "-m", "emoreal_bench.media.worker")
"""Without the working directory on the import path: data lies there, not code."""

_START_SECONDS = 60.0
_GRACE_SECONDS = 0.5
"""Time for a worker to notice its limit by itself, which spares a new start."""
_READ_BYTES = 1 << 18


class DecodePool:
    """Decodes up to ``workers`` clips at a time. An asynchronous context manager.

    Processes start when first needed: a run that needs no clip starts none. On
    leaving the context all are gone, also after cancellation.

    Args:
        workers: Number of processes, each of one thread.
        limits: What one clip may take.
        program: The command of a worker; another one serves in tests.
    """

    def __init__(
        self, workers: int, limits: DecodeLimits, *, program: Sequence[str] = WORKER_PROGRAM
    ) -> None:
        if workers < 1:
            raise ValueError("a decode pool needs at least one worker")
        self._limits = limits
        self._program = program
        self._turns = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []
        self._workers: set[_Worker] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._idle.clear()
        await asyncio.gather(*(worker.end() for worker in self._workers))

    async def decode(
        self, clip: Clip, wanted: MediaWanted, key: str, partner: Clip | None = None
    ) -> ClipMedia:
        """Decode a clip and alter it as wanted.

        Args:
            clip: The clip.
            wanted: Modalities, frames, sound and alteration.
            key: Identity of the result.
            partner: The clip to swap with, for a swap.

        Raises:
            MediaError: If the clip or its partner cannot be decoded within the limits.
            EmorealError: If no worker can be started.
        """
        job = DecodeJob(clip, wanted, key, partner)
        async with self._turns:
            answer = await self._ask(job)
        if isinstance(answer, MediaError):
            raise answer
        return answer

    async def _ask(self, job: DecodeJob) -> ClipMedia | MediaError:
        if self._idle:
            try:
                return await self._ask_worker(self._idle.pop(), job)
            except MediaError as error:
                # A worker that has served may have been killed from outside in the
                # meantime. A clip is blamed only if it brings a fresh one down.
                if error.kind is not MediaProblem.WORKER_DIED:
                    raise
        # In a group of its own, which Ctrl-C does not reach: while it starts it would print where.
        process = await asyncio.create_subprocess_exec(
            *self._program, stdin=PIPE, stdout=PIPE, limit=_READ_BYTES, process_group=0
        )
        worker = _Worker(process, self._limits)
        self._workers.add(worker)
        return await self._ask_worker(worker, job)

    async def _ask_worker(self, worker: _Worker, job: DecodeJob) -> ClipMedia | MediaError:
        try:
            answer = await worker.ask(job)
        except BaseException:
            # Its answer to this job must never be taken for that to another.
            await worker.end()
            self._workers.discard(worker)
            raise
        self._idle.append(worker)
        return answer


class _Worker:
    """One process. Only one job at a time may be asked of it."""

    def __init__(self, process: Process, limits: DecodeLimits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._jobs = process.stdin
        self._answers = process.stdout
        self._limits = limits
        self._ready = False

    async def ask(self, job: DecodeJob) -> ClipMedia | MediaError:
        """Have a job done.

        Raises:
            MediaError: If the process hangs or dies over it.
            EmorealError: If the process does not start.
        """
        if not self._ready:
            await self._start()
        where = str(job.clip.video)
        try:
            async with asyncio.timeout(job.files * self._limits.seconds + _GRACE_SECONDS):
                answer = await self._exchange(job)
                if not isinstance(answer, ClipMedia | MediaError):
                    raise MessageError("a clip is answered with its media or its error")
        except TimeoutError:
            raise MediaError(
                MediaProblem.TIME_LIMIT,
                f"decoding took longer than {self._limits.seconds:g} s",
                where,
            ) from None
        except (EOFError, ConnectionError):
            code = await self._process.wait()
            raise MediaError(
                MediaProblem.WORKER_DIED, f"the decoder crashed ({_name_exit(code)})", where
            ) from None
        except MessageError as error:
            raise MediaError(
                MediaProblem.WORKER_DIED, f"the decoder crashed ({error})", where
            ) from None
        return answer

    async def end(self) -> None:
        """Kill the process, if it lives, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await see_off(self._process)

    async def _start(self) -> None:
        """Wait until the process is ready, which the time limit of a clip must not pay for."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._exchange(self._limits)
        except (TimeoutError, EOFError, ConnectionError, MessageError) as error:
            raise EmorealError(
                "the process that decodes clips does not start",
                remedy="What it wrote to standard error says why.",
            ) from error
        self._ready = True

    async def _exchange(self, content: Message) -> Message:
        self._jobs.writelines(pack_message(content))
        await self._jobs.drain()
        return await receive_message(self._answers)


def _name_exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
