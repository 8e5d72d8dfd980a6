"""Jobs of ``openai/MODEL``: the Batch API, which answers within a day at a lower price.

A job is an uploaded file with one Chat Completions body per line. The answers
come in two files, those of requests that failed in the second.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.base import Count
from emoreal_bench.contracts.deferred import (
    JOB_NAME,
    AskedRequest,
    DeferredAdapter,
    JobLimits,
    JobProgress,
    JobService,
    ServiceUnavailableError,
    WrittenRequest,
)
from emoreal_bench.contracts.errors import ServiceError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.model_adapters.remote.chat import (
    ChatDialect,
    ChatEndpoint,
    ChatModel,
    ChatOptions,
)
from emoreal_bench.model_adapters.remote.jobs import (
    JOBS_LOOKED_THROUGH,
    DeferredArguments,
    checked_name,
    job_error,
    without_key,
)
from emoreal_bench.model_adapters.remote.media import MediaForms
from emoreal_bench.model_adapters.remote.problems import parse_json, read_problem
from emoreal_bench.model_adapters.remote.reply import Reply

if TYPE_CHECKING:
    import openai

JOB_LIMITS = JobLimits(requests=50_000, size=200_000_000)
"""As the service documented them in November 2026."""

_ENDPOINT: Final = "/v1/chat/completions"
_TOKEN_KEY = "emoreal-bench"  # noqa: S105 - a key of a job's notes
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_PAGE = 100


_Name = Annotated[str, Field(pattern=JOB_NAME)]
"""Of a batch or a file; it becomes part of an address."""


class _OfTheSdk(BaseModel):
    """What is believed of a batch: the SDK takes whatever the service says for one."""

    model_config = ConfigDict(from_attributes=True)


class _Counts(_OfTheSdk):
    completed: Count = 0
    failed: Count = 0


class _Error(_OfTheSdk):
    code: str | int | None = None
    message: str | None = None


class _Errors(_OfTheSdk):
    data: list[_Error] | None = None


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    """Pass over what is only told to a person, where it is of another shape."""
    try:
        return read(value)
    except ValidationError:
        return None


class _Listed(_OfTheSdk):
    id: _Name
    metadata: Any = None

    @property
    def token(self) -> object:
        """Return our mark; a batch of other software has none."""
        return self.metadata.get(_TOKEN_KEY) if isinstance(self.metadata, dict) else None


class _Batch(_Listed):
    status: str
    input_file_id: _Name | None = None
    output_file_id: _Name | None = None
    error_file_id: _Name | None = None
    request_counts: Annotated[_Counts | None, WrapValidator(_or_none)] = None
    errors: Annotated[_Errors | None, WrapValidator(_or_none)] = None


_Kind = TypeVar("_Kind", bound=_Listed)


class _Response(BaseModel):
    status_code: int
    body: Any = None


class _Line(BaseModel):
    custom_id: str
    response: _Response | None = None
    error: Any = None


class OpenAIJobs(JobService):
    """Jobs of one connection.

    Args:
        client: The connection.
        limits: What fits into a job.
        secret: The key, to keep it out of errors.
    """

    def __init__(self, client: openai.AsyncOpenAI, limits: JobLimits, secret: str | None):
        self.limits = limits
        self._client = client
        self._secret = secret

    async def submit(self, lines: Path, token: str) -> str:
        """Upload the file and make a batch of it."""
        with self._mapped_errors():
            file = await self._client.files.create(file=lines, purpose="batch")
            made = await self._client.batches.create(
                input_file_id=file.id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={_TOKEN_KEY: token},
            )
            batch = _read_batch(made, _Listed)
        return checked_name(batch.id, self._secret)

    async def find(self, token: str) -> str | None:
        """Look through the newest batches of the account."""
        seen = 0
        with self._mapped_errors():
            async for found in self._client.batches.list(limit=_PAGE):
                # Nothing else is looked at: it may be a batch of other software.
                listed = _read_batch(found, _Listed)
                if listed.token == token:
                    return checked_name(listed.id, self._secret)
                seen += 1
                if seen == JOBS_LOOKED_THROUGH:
                    break
        return None

    async def look(self, job: str) -> JobProgress:
        """Return how far a batch is."""
        batch = await self._retrieve(job)
        counts = batch.request_counts
        problem, stop = self._problem(batch)
        return JobProgress(
            has_ended=batch.status in _ENDED,
            answered=counts.completed + counts.failed if counts else 0,
            problem=problem,
            stop=stop,
        )

    async def discard(self, job: str) -> None:
        """Delete the files of a batch."""
        batch = await self._retrieve(job)
        for file in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
            if file is not None:
                with self._mapped_errors():
                    await self._client.files.delete(file)

    async def answers(self, job: str) -> list[bytes]:
        """Return the lines of both files of answers."""
        batch = await self._retrieve(job)
        lines: list[bytes] = []
        for file in (batch.output_file_id, batch.error_file_id):
            if file is not None:
                with self._mapped_errors():
                    answer = await self._client.files.content(file)
                lines += answer.content.splitlines()
        return lines

    def _problem(self, batch: _Batch) -> tuple[str | None, ServiceError | None]:
        """Return why a batch ended early, and what every further one would be told."""
        if batch.status in ("expired", "cancelled"):
            return f"the batch is {batch.status}", None
        errors = (batch.errors.data if batch.errors else None) or []
        if not errors or errors[0].message is None:
            return None, None
        said = {"error": {"code": errors[0].code, "message": errors[0].message}}
        error = job_error(HTTPStatus.BAD_REQUEST, said, self._secret)
        stop = error if isinstance(error, ServiceError) else None
        return without_key(errors[0].message, self._secret), stop

    async def _retrieve(self, job: str) -> _Batch:
        with self._mapped_errors():
            return _read_batch(await self._client.batches.retrieve(job), _Batch)

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            said = parse_json(error.response.content)
            raise job_error(error.status_code, said, self._secret) from error
        except openai.APIError as error:
            text = without_key(f"no answer: {error.__cause__ or error.message}", self._secret)
            raise ServiceUnavailableError(text) from error
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            # Not JSON, or of another shape; some of these errors repeat the answer.
            raise ServiceUnavailableError("the answer cannot be read") from error


class OpenAIModel(ChatModel, DeferredAdapter):
    """A model of OpenAI, asked request by request or by jobs."""

    def __init__(
        self,
        description: ModelDescription,
        forms: MediaForms,
        arguments: DeferredArguments,
        endpoint: ChatEndpoint,
        dialect: ChatDialect,
        options: ChatOptions,
    ):
        super().__init__(description, forms, arguments, endpoint, dialect, options)
        self._job_limits = arguments.job_limits(JOB_LIMITS)

    @property
    def jobs(self) -> OpenAIJobs:
        """Where the jobs go."""
        assert self._client is not None, "asked only while open"
        return OpenAIJobs(self._client, self._job_limits, self._secret)

    async def write(self, request: Request, key: str, *, scoring: bool) -> WrittenRequest | Result:
        """Write the body that would be sent, with its key and address."""
        payload = await self._prepare(request, scoring=scoring)
        if isinstance(payload, Result):
            return payload
        line = {
            "custom_id": key,
            "method": "POST",
            "url": _ENDPOINT,
            "body": self._body(request, payload, scoring=scoring),
        }
        return WrittenRequest(json.dumps(line).encode(), payload.delivery())

    async def fetch(
        self, job: str, asked: Mapping[str, AskedRequest], *, scoring: bool
    ) -> AsyncIterator[Result]:
        """Read the lines of both files of answers."""
        lines = filter(None, map(_read_line, await self.jobs.answers(job)))
        replies = (
            (request, self._read_answer(line, request, scoring=scoring))
            for line in lines
            if (request := asked.get(line.custom_id)) is not None
        )
        for result in self._read_all(replies):
            yield result

    def _read_answer(self, line: _Line, request: AskedRequest, *, scoring: bool) -> Reply:
        response = line.response
        if response is None:
            said = {"error": line.error or {"message": "no answer in the job"}}
            return read_problem(HTTPStatus.OK, said, {}, request.sent)
        if response.status_code >= 400:
            return read_problem(response.status_code, response.body, {}, request.sent)
        return self._read(response.body, request.letters, request.sent, scoring=scoring)


def _read_batch(said: object, kind: type[_Kind]) -> _Kind:
    """Read what the SDK made of a batch, which may be anything; raise ValueError if it is none."""
    return kind.model_validate(said)


def _read_line(content: bytes) -> _Line | None:
    try:
        return _Line.model_validate_json(content)
    except ValidationError:
        return None
