"""What a model needs besides the contract to be asked by whole files.

Some services take a file of requests, a **job**, and answer it within a day at
a lower price. The runner fills and counts the jobs and remembers them in the
run folder; an adapter writes requests, hands jobs over and reads answers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import EmorealError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery, Result

JOB_NAME = r"^(?:\.?[A-Za-z0-9_:;,=/+@~!$*-]){1,500}$"
"""A service's name for a job: it is kept in the run folder and is part of addresses."""


class ServiceUnavailableError(Exception):
    """A service could not be asked about a job now; another try may work."""


class ConcernsAllError(Exception):
    """An answer in a job says what every further request would be told.

    Args:
        error: What it says, for a person to mend.
    """

    def __init__(self, error: EmorealError):
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What fits into one job.

    Attributes:
        requests: Number of requests.
        size: Bytes of all lines, line ends included.
    """

    requests: int
    size: int


@dataclass(frozen=True, slots=True)
class WrittenRequest:
    """A request as a line of a job.

    Attributes:
        line: JSON, without the line end.
        sent: What of the clips is in it.
    """

    line: bytes
    sent: Delivery


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """What is known of a request of whose job only the answers are missing.

    Attributes:
        id: The item's id.
        letters: The letters of its options.
        sent: What of the clips was in it.
    """

    id: str
    letters: tuple[str, ...]
    sent: Delivery


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a service is with a job.

    Attributes:
        has_ended: No further answer will come.
        answered: Requests that are answered; 0 where the service does not say.
        problem: Why the job ended early, if it did.
        stop: What every further job would be told, such as that the account lacks money.
    """

    has_ended: bool
    answered: int = 0
    problem: str | None = None
    stop: EmorealError | None = None


class JobService(ABC):
    """Takes jobs for one model.

    Every method raises a :class:`ServiceUnavailableError` where another try may
    work, and a ``UsageError`` or a ``ServiceError`` where a person has to mend something
    first.
    """

    limits: JobLimits

    @abstractmethod
    async def submit(self, lines: Path, token: str) -> str:
        """Hand a job over.

        Args:
            lines: File with a request per line.
            token: Mark by which :meth:`find` knows the job again.

        Returns:
            The service's name for the job.
        """

    @abstractmethod
    async def find(self, token: str) -> str | None:
        """Return the service's name for the job that was handed over under a token, if it was."""

    @abstractmethod
    async def look(self, job: str) -> JobProgress:
        """Return how far a job is."""

    @abstractmethod
    async def discard(self, job: str) -> None:
        """Remove what an ended job leaves at the service, as far as it can be removed."""


class DeferredAdapter(ModelAdapter):
    """A model that can also be asked by jobs, while it is open."""

    @property
    @abstractmethod
    def jobs(self) -> JobService:
        """Where the jobs go."""

    @abstractmethod
    async def write(self, request: Request, key: str, *, scoring: bool) -> WrittenRequest | Result:
        """Write a request down as a line of a job.

        Args:
            request: The request.
            key: Its mark among the requests of its run; short, letters and digits only.
            scoring: Whether the letters are to be scored, not a reply to be written.

        Returns:
            The line; or, of a request that cannot be asked, its result.
        """

    @abstractmethod
    def fetch(
        self, job: str, asked: Mapping[str, AskedRequest], *, scoring: bool
    ) -> AsyncIterator[Result]:
        """Return the results of an ended job, in any order.

        A request that the service did not answer is left out.

        Args:
            job: The service's name for it.
            asked: Its requests by their keys.
            scoring: As for :meth:`write`.

        Raises:
            ServiceUnavailableError: Before the first result, if the answers cannot be had now.
            ConcernsAllError: After the last result, if one of them concerns every request.
        """
