"""What models behind services have in common when they are asked by jobs."""

from __future__ import annotations

import re
from http import HTTPStatus

from pydantic import Field

from emoreal_bench.contracts.deferred import JOB_NAME, JobLimits, ServiceUnavailableError
from emoreal_bench.contracts.errors import ServiceError, UsageError
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.hiding import hide
from emoreal_bench.model_adapters.remote.endings import Reach
from emoreal_bench.model_adapters.remote.endpoint import MAX_DETAIL, REMEDIES, RemoteArguments
from emoreal_bench.model_adapters.remote.problems import read_problem

JOBS_LOOKED_THROUGH = 1_000
"""So many of a user's jobs, the newest, are looked through for one that may have got lost."""

_MEGABYTE = 1_000_000
_TRANSIENT = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
)


class DeferredArguments(RemoteArguments):
    """Arguments of a service that takes jobs."""

    job_requests: int | None = Field(default=None, ge=1)
    """Most requests of a job; by default as many as the service takes."""
    job_megabytes: float | None = Field(default=None, gt=0.0)
    """Largest size of a job; by default what the service takes."""

    def job_limits(self, most: JobLimits) -> JobLimits:
        """Return the limits of a job.

        Args:
            most: What the service takes.
        """
        requests = min(self.job_requests or most.requests, most.requests)
        size = most.size if self.job_megabytes is None else int(self.job_megabytes * _MEGABYTE)
        return JobLimits(requests, min(size, most.size))


def without_key(text: str, secret: str | None) -> str:
    """Return what a service says, without the key and not at any length."""
    return hide(text, [secret] if secret else [])[:MAX_DETAIL]


def checked_name(name: object, secret: str | None) -> str:
    """Return the name that a service gives a job, which the run keeps to find it again.

    Raises:
        UsageError: If the key is in it, or it is no name.
    """
    if not isinstance(name, str) or not re.fullmatch(JOB_NAME, name):
        raise UsageError(
            "The service gave the job no name by which it can be found again.",
            remedy="Ask it request by request, without --deferred.",
        )
    if without_key(name, secret) != name[:MAX_DETAIL]:
        raise UsageError(
            "The service gave the job a name that holds the key, which would end up in records.",
            remedy="Ask it request by request, without --deferred.",
        )
    return name


def job_error(
    code: int, body: object, secret: str | None
) -> UsageError | ServiceError | ServiceUnavailableError:
    """Make the error of a call about a job that a service declined.

    Args:
        code: The HTTP status.
        body: What the service says, parsed.
        secret: The key, which the error must not repeat.
    """
    reply = read_problem(code, body, {}, Delivery())
    text = without_key(reply.detail or "", secret)
    if reply.reach is Reach.ACCOUNT:
        return ServiceError(
            f"The service declines a deferred job: {text}", remedy=REMEDIES[Reach.ACCOUNT]
        )
    if code in _TRANSIENT or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServiceUnavailableError(text)
    return UsageError(
        f"The service declines a deferred job: {text}",
        remedy="Check the key, the name of the model and whether it takes batches. What is with "
        "the service stays there, and the same command fetches it.",
    )
