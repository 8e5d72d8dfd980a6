"""Jobs of ``google/MODEL``: the Batch API, which answers within a day at a lower price.

The requests of a job stand inside the call that makes it and the answers inside
the job, each with the key of its request. Clips are too large for that; they
are uploaded once each and named by address.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.deferred import (
    JobLimits,
    JobProgress,
    JobService,
    ServiceUnavailableError,
)
from emoreal_bench.contracts.errors import ServiceError
from emoreal_bench.model_adapters.remote.jobs import (
    JOBS_LOOKED_THROUGH,
    checked_name,
    job_error,
    without_key,
)

if TYPE_CHECKING:
    from google.genai import types
    from google.genai.client import AsyncClient

JOB_LIMITS = JobLimits(requests=20_000, size=19_000_000)
"""As the service documented them in November 2026: 20 MB, which has to hold the frame of the
call too. It names no number of requests."""

KEY = "key"
"""Under this name the notes of a request hold its key."""

_ENDED = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
_WELL_ENDED = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED"})
_PAGE = 100


class GoogleJobs(JobService):
    """Jobs of one connection.

    Args:
        client: The connection.
        model: The model.
        limits: What fits into a job.
        secret: The key, to keep it out of errors.
    """

    def __init__(self, client: AsyncClient, model: str, limits: JobLimits, secret: str | None):
        self.limits = limits
        self._client = client
        self._model = model
        self._secret = secret

    async def submit(self, lines: Path, token: str) -> str:
        """Make a batch of the requests."""
        requests: list[Any] = [json.loads(line) for line in lines.read_bytes().splitlines()]
        with self._mapped_errors():
            job = await self._client.batches.create(
                model=self._model, src=requests, config={"display_name": token}
            )
        if job.name is None:
            raise ServiceUnavailableError("the service named no job")
        return checked_name(job.name, self._secret)

    async def find(self, token: str) -> str | None:
        """Look through the newest batches of the project."""
        seen = 0
        with self._mapped_errors():
            async for job in await self._client.batches.list(config={"page_size": _PAGE}):
                if job.display_name == token and job.name is not None:
                    return checked_name(job.name, self._secret)
                seen += 1
                if seen == JOBS_LOOKED_THROUGH:
                    break
        return None

    async def look(self, job: str) -> JobProgress:
        """Return whether a batch has ended; the service does not count its answers."""
        found = await self._get(job)
        state = _state(found)
        problem = None if state in _WELL_ENDED else f"the batch has the state {state}"
        stop = None
        if problem and found.error and found.error.message:
            said = {"error": {"message": found.error.message}}
            error = job_error(HTTPStatus.BAD_REQUEST, said, self._secret)
            problem += f": {without_key(found.error.message, self._secret)}"
            stop = error if isinstance(error, ServiceError) else None
        return JobProgress(has_ended=state in _ENDED, problem=problem, stop=stop)

    async def discard(self, job: str) -> None:
        """Delete the batch, and with it the answers."""
        with self._mapped_errors():
            await self._client.batches.delete(name=job)

    async def answers(self, job: str) -> AsyncIterator[tuple[str, types.InlinedResponse]]:
        """Return each answer with the key of its request."""
        found = await self._get(job)
        for answer in (found.dest.inlined_responses if found.dest else None) or []:
            yield (answer.metadata or {}).get(KEY, ""), answer

    async def _get(self, job: str) -> types.BatchJob:
        with self._mapped_errors():
            return await self._client.batches.get(name=job)

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        import httpx2
        from google.genai import errors

        try:
            yield
        except errors.APIError as error:
            raise job_error(error.code, error.details, self._secret) from error
        except httpx2.HTTPError as error:
            text = without_key(f"no answer: {type(error).__name__} {error}", self._secret)
            raise ServiceUnavailableError(text) from error
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            # Not JSON, or of another shape; some of these errors repeat the answer.
            raise ServiceUnavailableError("the answer cannot be read") from error


def _state(job: types.BatchJob) -> str:
    return "" if job.state is None else job.state.value.removeprefix("JOB_STATE_")
