"""The process in which clips are decoded, so that none can take the run down.

It reads jobs from standard input and answers each on standard output, until
standard input closes, which also happens when the process that started it dies.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.job import DecodeJob
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.media.messages import Message, pack_message, read_message
from emoreal_bench.media.prepare import prepare_clip

Prepare = Callable[[DecodeJob, DecodeLimits], ClipMedia]

_ORPHAN_SECONDS = 30
"""How much longer than its limit a job may run before the process ends itself."""


def serve(prepare: Prepare = prepare_clip) -> None:
    """Do jobs until there are no more.

    The first message states the limits and is answered with the same; each further
    one is a :class:`DecodeJob`, answered with its media or its error.

    Args:
        prepare: What to do with a job.
    """
    # Interrupting a run is the business of the process that started this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs = sys.stdin.buffer
    # Whatever a library prints must not end up amid the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        limits = read_message(jobs)
        assert isinstance(limits, DecodeLimits)
        _limit_memory(limits.memory_bytes)
        content: Message = limits
        while True:
            for piece in pack_message(content):
                answers.write(piece)
            answers.flush()
            job = read_message(jobs)
            assert isinstance(job, DecodeJob)
            content = _do(job, limits, prepare)
    except (EOFError, BrokenPipeError):
        # Nobody waits for answers any more, and flushing at exit would complain.
        os._exit(0)


def _do(job: DecodeJob, limits: DecodeLimits, prepare: Prepare) -> ClipMedia | MediaError:
    alarm = getattr(signal, "alarm", None)
    if alarm:
        # The pool kills a worker that hangs; this ends one whose pool is gone.
        alarm(int(job.files * limits.seconds) + _ORPHAN_SECONDS)
    try:
        return prepare(job, limits)
    except MediaError as error:
        return error
    finally:
        if alarm:
            alarm(0)


def _limit_memory(more: int) -> None:
    """Let this process take so many bytes of address space more than it has, on Linux."""
    if sys.platform != "linux":
        return
    try:
        import resource
    except ImportError:
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    allowed = pages * resource.getpagesize() + more
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        allowed = min(allowed, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


if __name__ == "__main__":
    serve()
