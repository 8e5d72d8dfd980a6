"""Models of Google through the Gemini API: ``google/MODEL``.

A clip goes as a video file whose sound the model hears, inside the request or,
above a size, through the Files API. Google chooses the frames of such a file
at the rate given by ``fps``; ``video=images`` sends the wanted frames instead.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.deferred import AskedRequest, DeferredAdapter, WrittenRequest
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.remote.endpoint import (
    RemoteAdapter,
    answer_settings,
    installed_versions,
    parse_remote_arguments,
    remote_capabilities,
)
from emoreal_bench.model_adapters.remote.google_answer import (
    read_error,
    read_job_error,
    read_response,
)
from emoreal_bench.model_adapters.remote.google_batch import JOB_LIMITS, KEY, GoogleJobs
from emoreal_bench.model_adapters.remote.google_files import UploadedFiles, UploadError
from emoreal_bench.model_adapters.remote.jobs import DeferredArguments
from emoreal_bench.model_adapters.remote.keys import Key, find_key
from emoreal_bench.model_adapters.remote.media import MediaForms, Medium, Payload, VideoForm
from emoreal_bench.model_adapters.remote.reply import Reply

if TYPE_CHECKING:
    import httpx2
    from google import genai
    from google.genai import types

BASE_URL = "https://generativelanguage.googleapis.com/"
KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
"""In the order in which the SDK reads them."""

_DATED = re.compile(r"-(\d{3}|\d{2}-\d{2}|\d{2}-\d{4})$")
_REASONING_ALLOWANCE = 2048
_MAX_FPS = 24.0
_HARM_CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
"""Those that may be switched off. Clips of angry or weeping people set them off
often, and a blocked item is a hole in the coverage."""


_Part = dict[str, Any]


class Thinking(StrEnum):
    """How a family's hidden reasoning is bounded."""

    NONE = "none"
    BUDGET = "budget"
    LEVEL = "level"


class ThinkingLevel(StrEnum):
    """How much a model of the newer families reasons."""

    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class MediaResolution(StrEnum):
    """How many tokens a frame gets."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Family:
    """What models whose names begin alike have in common.

    Attributes:
        prefix: The beginning of the names.
        thinking: How hidden reasoning is bounded.
        least_budget: Fewest tokens of hidden reasoning.
    """

    prefix: str
    thinking: Thinking
    least_budget: int = 0


FAMILIES = (
    Family("gemini-2.5-pro", Thinking.BUDGET, least_budget=128),
    Family("gemini-2.5", Thinking.BUDGET),
    Family("gemini-2.0", Thinking.NONE),
    Family("gemini-", Thinking.LEVEL),
)
"""As the service documented its models in November 2026; the first prefix that fits counts."""

_UNKNOWN = Family("", Thinking.NONE)
_REASONING_ARGUMENTS = {
    Thinking.BUDGET: "thinking_budget",
    Thinking.LEVEL: "thinking_level",
    Thinking.NONE: None,
}


class GoogleArguments(DeferredArguments):
    """Arguments of ``google/MODEL``."""

    base_url: str | None = None
    """Another address of the same service, such as a gateway."""
    api_version: str = "v1"
    video: VideoForm = VideoForm.ORIGINAL
    """How the picture is sent."""
    fps: float = Field(default=4.0, gt=0.0, le=_MAX_FPS)
    """Frames per second that the service takes of a clip's own file."""
    takes_video: bool = True
    takes_audio: bool = True
    media_resolution: MediaResolution | None = None
    thinking_budget: int | None = Field(default=None, ge=0)
    """Tokens of hidden reasoning, where the family has a budget."""
    thinking_level: ThinkingLevel = ThinkingLevel.LOW
    """Amount of hidden reasoning, where the family has levels."""
    constrain: bool = False
    """Hold replies to the letters of the options."""
    top_logprobs: int = Field(default=0, ge=0, le=20)
    """How many first tokens the model scores; 0 if it cannot score choices."""
    inline_megabytes: float = Field(default=14.0, ge=0.0)
    """Clips above this size go through the Files API."""


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``google/MODEL``.

    Raises:
        UsageError: If an argument is not valid.
    """
    arguments = parse_remote_arguments(GoogleArguments, spec.arguments, spec.name)
    _refuse_reasoning_that_is_not_taken(arguments, spec)
    takes = {Modality.VIDEO: arguments.takes_video, Modality.AUDIO: arguments.takes_audio}
    forms = MediaForms(
        frozenset(modality for modality, taken in takes.items() if taken),
        arguments.video,
        sound_in_video=True,
    )
    settings = answer_settings(arguments)
    del settings["inline_megabytes"]
    description = ModelDescription(
        name=spec.name,
        revision=spec.model if _DATED.search(spec.model) else None,
        settings=settings,
        versions=installed_versions("google-genai", "av"),
        capabilities=remote_capabilities(
            forms, arguments, scores_letters=arguments.top_logprobs > 0
        ),
    )
    return GoogleModel(description, forms, arguments, spec.model)


def _family_of(model: str) -> Family:
    return next((family for family in FAMILIES if model.startswith(family.prefix)), _UNKNOWN)


def _refuse_reasoning_that_is_not_taken(arguments: GoogleArguments, spec: ModelSpec) -> None:
    taken = _REASONING_ARGUMENTS[_family_of(spec.model).thinking]
    for name in filter(None, _REASONING_ARGUMENTS.values()):
        if name in arguments.model_fields_set and name != taken:
            instead = f"It takes {taken}." if taken else "It takes no setting of hidden reasoning."
            raise UsageError(
                f"{spec.name} does not take --model-arg {name}.", remedy=f"Leave it out. {instead}"
            )


class GoogleModel(RemoteAdapter, DeferredAdapter):
    """A model behind generateContent, asked request by request or by jobs."""

    def __init__(
        self,
        description: ModelDescription,
        forms: MediaForms,
        arguments: GoogleArguments,
        model: str,
    ):
        super().__init__(description, forms, arguments)
        self._options = arguments
        self._model = model
        self._family = _family_of(model)
        self._client: genai.Client | None = None
        self._transport: httpx2.AsyncClient | None = None
        self._files: UploadedFiles | None = None
        self._job_files: UploadedFiles | None = None

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._options.base_url or BASE_URL

    async def _connect(self) -> Key | None:
        import httpx2
        from google import genai
        from google.genai import types

        from emoreal_bench.model_adapters.remote.google_transport import check_answer
        from emoreal_bench.model_adapters.remote.transport import (
            HEADERS,
            MOST_REDIRECTS,
            RequestGuard,
        )

        # The SDK would print the words of a service; what it does not know is noted by us.
        warnings.filterwarnings("ignore", ".* is not a valid ", module=r"google\.genai\.")
        options = self._options
        key = find_key(KEY_VARIABLES, self.describe().name, required=options.base_url is None)
        # Our own transport: with aiohttp installed, the SDK would repeat failed
        # requests by itself, and only the runner may ask again.
        # A gateway may let files be uploaded at the service itself.
        hooks = RequestGuard(self.address, BASE_URL).hooks
        self._transport = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=options.concurrency),
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            headers=HEADERS,
            event_hooks={**hooks, "response": [*hooks["response"], check_answer]},
        )
        self._client = genai.Client(
            vertexai=False,
            api_key=key.value if key else "none",
            http_options=types.HttpOptions(
                base_url=self.address,
                api_version=options.api_version,
                timeout=round(options.timeout * 1_000),
                httpx_async_client=self._transport,
                retry_options=types.HttpRetryOptions(attempts=1),
            ),
        )
        self._files = UploadedFiles(self._client.aio)
        # Never deleted: a job reads them long after this connection is closed.
        self._job_files = UploadedFiles(self._client.aio)
        return key

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        files, self._files = self._files, None
        transport, self._transport = self._transport, None
        if client is not None:
            if files is not None:
                await files.delete_all()
            client.close()
        if transport is not None:
            await transport.aclose()

    async def _ask(
        self, request: Request, payload: Payload, sent: Delivery, *, scoring: bool
    ) -> Reply:
        assert self._client is not None, "asked only while open"
        config: Any = self._settings(request, payload, scoring=scoring)
        try:
            contents = _contents(payload, await self._write_media(payload))
            response = await self._client.aio.models.generate_content(
                model=self._model, contents=contents, config=config
            )
        except _service_errors() as error:
            return _read_failure(error, sent)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            # The SDK walks through an answer of another shape until something
            # breaks; some of its errors repeat the answer, so only their kind is kept.
            kind = type(error).__name__
            return Reply(DeliveryStatus.FAILED, detail=f"the answer cannot be read ({kind})")
        return read_response(response, request.letters, sent, model=self._model, scoring=scoring)

    @property
    def jobs(self) -> GoogleJobs:
        """Where the jobs go."""
        assert self._client is not None, "asked only while open"
        limits = self._options.job_limits(JOB_LIMITS)
        return GoogleJobs(self._client.aio, self._model, limits, self._secret)

    async def write(self, request: Request, key: str, *, scoring: bool) -> WrittenRequest | Result:
        """Upload the files of a request and write it down with their addresses."""
        assert self._job_files is not None, "asked only while open"
        payload = await self._prepare(request, scoring=scoring)
        if isinstance(payload, Result):
            return payload
        sent = payload.delivery()
        try:
            write_medium = await self._upload_media(payload, self._job_files)
        except _service_errors() as error:
            return self._result(request.id, sent, _read_failure(error, sent), seconds=0.0)
        line = {
            "contents": _contents(payload, write_medium),
            "config": self._settings(request, payload, scoring=scoring),
            "metadata": {KEY: key},
        }
        return WrittenRequest(json.dumps(line).encode(), sent)

    async def fetch(
        self, job: str, asked: Mapping[str, AskedRequest], *, scoring: bool
    ) -> AsyncIterator[Result]:
        """Read the answers that stand in the job."""
        replies = [
            (request, self._read_answer(answer, request, scoring=scoring))
            async for key, answer in self.jobs.answers(job)
            if (request := asked.get(key)) is not None
        ]
        for result in self._read_all(replies):
            yield result

    def _read_answer(
        self, answer: types.InlinedResponse, request: AskedRequest, *, scoring: bool
    ) -> Reply:
        if answer.response is None:
            return read_job_error(answer.error, request.sent)
        return read_response(
            answer.response, request.letters, request.sent, model=self._model, scoring=scoring
        )

    def _settings(self, request: Request, payload: Payload, *, scoring: bool) -> dict[str, Any]:
        settings, options = request.settings, self._options
        thinking, allowance = self._thinking(settings.reasoning_tokens)
        config: dict[str, Any] = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
            "max_output_tokens": (1 if scoring else settings.max_new_tokens) + allowance,
            "safety_settings": [
                {"category": f"HARM_CATEGORY_{category}", "threshold": "OFF"}
                for category in _HARM_CATEGORIES
            ],
            "automatic_function_calling": {"disable": True},
        }
        system = [piece for turn in payload.turns if turn.role == "system" for piece in turn.pieces]
        if system:
            config["system_instruction"] = "".join(p for p in system if isinstance(p, str))
        if thinking:
            config["thinking_config"] = thinking
        if settings.stop:
            config["stop_sequences"] = list(settings.stop)
        if options.media_resolution is not None:
            config["media_resolution"] = f"MEDIA_RESOLUTION_{options.media_resolution.upper()}"
        if scoring:
            config |= {"response_logprobs": True, "logprobs": options.top_logprobs}
        elif options.constrain and request.letters:
            schema = {"type": "STRING", "enum": list(request.letters)}
            config |= {"response_mime_type": "text/x.enum", "response_schema": schema}
        return config

    def _thinking(self, reasoning_tokens: int) -> tuple[dict[str, Any], int]:
        """Return the settings of hidden reasoning, and its share of the limit on new tokens."""
        if self._family.thinking is Thinking.LEVEL:
            level = {"thinking_level": self._options.thinking_level.value}
            return level, max(reasoning_tokens, _REASONING_ALLOWANCE)
        if self._family.thinking is Thinking.BUDGET:
            wanted = self._options.thinking_budget
            budget = reasoning_tokens if wanted is None else wanted
            budget = max(budget, self._family.least_budget)
            return {"thinking_budget": budget}, budget
        return {}, 0

    async def _write_media(self, payload: Payload) -> Callable[[Medium], _Part]:
        """Return how each file is written in a part; upload the files if they are too large."""
        size = sum(len(medium.content) for medium in payload.media)
        if size <= self._options.inline_megabytes * 1_000_000:
            return lambda medium: self._part(medium, inline_data={"data": medium.content})
        assert self._files is not None, "asked only while open"
        return await self._upload_media(payload, self._files)

    async def _upload_media(
        self, payload: Payload, files: UploadedFiles
    ) -> Callable[[Medium], _Part]:
        addresses = {medium: await files.address(medium) for medium in payload.media}
        return lambda medium: self._part(medium, file_data={"file_uri": addresses[medium]})

    def _part(self, medium: Medium, **place: dict[str, Any]) -> _Part:
        for data in place.values():
            data["mime_type"] = medium.mime_type
        part: _Part = dict(place)
        if medium.mime_type.startswith("video/"):
            rate = medium.frame_rate or self._options.fps
            part["video_metadata"] = {"fps": min(rate, _MAX_FPS)}
        return part


def _contents(payload: Payload, write: Callable[[Medium], _Part]) -> list[Any]:
    """Write the turns but the system's; ``write`` turns a file into a part."""
    return [
        {
            "role": "model" if turn.role == "assistant" else "user",
            "parts": [
                {"text": piece} if isinstance(piece, str) else write(piece) for piece in turn.pieces
            ],
        }
        for turn in payload.turns
        if turn.role != "system"
    ]


def _service_errors() -> tuple[type[Exception], ...]:
    """Return the errors that speak of one request and are no defect of this program."""
    import httpx2
    from google.genai import errors

    return errors.APIError, httpx2.HTTPError, UploadError


def _read_failure(error: Exception, sent: Delivery) -> Reply:
    from google.genai import errors

    from emoreal_bench.model_adapters.remote.google_transport import NoAnswerError
    from emoreal_bench.model_adapters.remote.transport import unanswered_reply

    if isinstance(error, errors.APIError):
        return read_error(error, sent)
    if isinstance(error, NoAnswerError):
        return error.reply(sent)
    if isinstance(error, UploadError):
        return Reply(DeliveryStatus.FAILED, detail=str(error))
    return unanswered_reply(error)
