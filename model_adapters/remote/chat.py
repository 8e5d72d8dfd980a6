"""Models behind the Chat Completions protocol, which many servers speak in dialects.

``openai/`` and ``http/`` differ only in which dialect and which model they
name; this file writes the body, sends it through the official SDK with its
retries off, and reads the answer.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.chat_answer import (
    ANSWER_KEY,
    ChatAnswer,
    read_answer,
)
from emoreal_bench.model_adapters.remote.endpoint import RemoteAdapter, RemoteArguments
from emoreal_bench.model_adapters.remote.keys import Key, find_key
from emoreal_bench.model_adapters.remote.media import MediaForms, Medium, Payload, Piece, VideoForm
from emoreal_bench.model_adapters.remote.problems import (
    describe_no_json,
    parse_json,
    read_problem,
)
from emoreal_bench.model_adapters.remote.reply import REASONED_NOTE, UNHEARD_NOTE, Reply

if TYPE_CHECKING:
    import openai

_NO_KEY = "none"
"""The SDK wants a key even for a server that asks for none."""


class SoundPart(StrEnum):
    """The content part in which a server takes sound."""

    INPUT_AUDIO = "input_audio"
    AUDIO_URL = "audio_url"


class ImageDetail(StrEnum):
    """How closely a service looks at an image."""

    LOW = "low"
    HIGH = "high"
    AUTO = "auto"


class ChoiceConstraint(StrEnum):
    """How a server is told to answer with one of the letters."""

    JSON_SCHEMA = "json-schema"
    STRUCTURED_OUTPUTS = "structured-outputs"
    """The key of vLLM."""


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """How one server or model family speaks the protocol.

    Attributes:
        video: How it takes a picture.
        sound: How it takes sound.
        constraint: How it is held to the letters; None if it cannot be.
        token_limit: The key of the limit on new tokens.
        top_logprobs: How many first tokens it scores; 0 if it shows no scores.
        sampling: Whether it takes temperature, top_p and seed.
        image_detail: The ``detail`` of every image; None to leave it out.
        reasoning_tokens: Allowance for hidden reasoning on top of the limit.
        film_keys: Further keys of the body where video files hold exactly the wanted frames.
    """

    video: VideoForm = VideoForm.IMAGES
    sound: SoundPart = SoundPart.INPUT_AUDIO
    constraint: ChoiceConstraint | None = ChoiceConstraint.JSON_SCHEMA
    token_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # noqa: S105 - a key of the body
    top_logprobs: int = 0
    sampling: bool = True
    image_detail: ImageDetail | None = None
    reasoning_tokens: int = 0
    film_keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """Where a model is.

    Attributes:
        model: Its name there.
        base_url: Up to and including the version.
        key_variables: Environment variables that may hold the key, or its names in a keyring.
        needs_key: Whether to refuse to open without one.
        is_openai: Whether it may know the user's organization and project there.
    """

    model: str
    base_url: str
    key_variables: tuple[str, ...] = ()
    needs_key: bool = False
    is_openai: bool = False


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What a user may ask of any dialect.

    Attributes:
        constrain: Hold replies to the letters of the options.
        reasoning_effort: Passed on as it is; None to leave it out.
        extra: Further keys of the body.
    """

    constrain: bool = False
    reasoning_effort: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class ChatModel(RemoteAdapter):
    """A model behind Chat Completions."""

    def __init__(
        self,
        description: ModelDescription,
        forms: MediaForms,
        arguments: RemoteArguments,
        endpoint: ChatEndpoint,
        dialect: ChatDialect,
        options: ChatOptions,
    ):
        super().__init__(description, forms, arguments)
        self._endpoint = endpoint
        self._dialect = dialect
        self._options = options
        self._client: openai.AsyncOpenAI | None = None

    @property
    def address(self) -> str:
        """Where the service is."""
        return self._endpoint.base_url

    async def _connect(self) -> Key | None:
        import openai

        from emoreal_bench.model_adapters.remote.transport import (
            HEADERS,
            MOST_REDIRECTS,
            RequestGuard,
        )

        key = None
        if self._endpoint.key_variables:
            key = find_key(
                self._endpoint.key_variables,
                self.describe().name,
                required=self._endpoint.needs_key,
            )
        self._client = openai.AsyncOpenAI(
            api_key=key.value if key else _NO_KEY,
            base_url=self._endpoint.base_url,
            max_retries=0,
            timeout=self._arguments.timeout,
            http_client=openai.DefaultAsyncHttpxClient(
                headers=HEADERS,
                event_hooks=RequestGuard(self._endpoint.base_url).hooks,
                max_redirects=MOST_REDIRECTS,
            ),
        )
        if not self._endpoint.is_openai:
            # The SDK takes them from the environment and would tell any server.
            self._client.organization = self._client.project = None
        return key

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(
        self, request: Request, payload: Payload, sent: Delivery, *, scoring: bool
    ) -> Reply:
        import httpx2
        import openai

        from emoreal_bench.model_adapters.remote.transport import unanswered_reply

        assert self._client is not None, "asked only while open"
        body = self._body(request, payload, scoring=scoring)
        try:
            # The answer is read here and not by the SDK, which lets any shape pass.
            response = await self._client.post(
                "/chat/completions", body=body, cast_to=httpx2.Response
            )
        except openai.APIStatusError as error:
            # From the bytes: what the SDK makes of them has many shapes.
            body_said = parse_json(error.response.content)
            return read_problem(error.status_code, body_said, error.response.headers, sent)
        except openai.APIError as error:
            return unanswered_reply(error.__cause__ or error)
        answer = parse_json(response.content)
        if answer is None:
            return Reply(DeliveryStatus.FAILED, detail=describe_no_json(response.content))
        return self._read(answer, request.letters, sent, scoring=scoring)

    def _read(
        self, body: object, letters: Sequence[str], sent: Delivery, *, scoring: bool
    ) -> Reply:
        answer = read_answer(body, letters, sent, scoring=scoring)
        return replace(answer.reply, notes=self._notes(answer, sent))

    def _body(self, request: Request, payload: Payload, *, scoring: bool) -> dict[str, Any]:
        messages = [
            {"role": turn.role, "content": self._content(turn.pieces)} for turn in payload.turns
        ]
        return {"messages": messages} | self._settings(request, payload, scoring=scoring)

    def _settings(self, request: Request, payload: Payload, *, scoring: bool) -> dict[str, Any]:
        dialect, settings = self._dialect, request.settings
        body: dict[str, Any] = {"model": self._endpoint.model}
        allowance = max(settings.reasoning_tokens, dialect.reasoning_tokens)
        body[dialect.token_limit] = 1 if scoring else settings.max_new_tokens + allowance
        if dialect.sampling:
            body |= {
                "temperature": settings.temperature,
                "top_p": settings.top_p,
                "seed": settings.seed,
            }
        if settings.stop:
            body["stop"] = list(settings.stop)
        if self._options.reasoning_effort is not None:
            body["reasoning_effort"] = self._options.reasoning_effort
        if scoring:
            body |= {"logprobs": True, "top_logprobs": dialect.top_logprobs}
        elif self._options.constrain and request.letters:
            body |= _constrain(dialect.constraint, request.letters)
        if any(medium.frame_rate is not None for medium in payload.media):
            body.update(dialect.film_keys)
        body.update(self._options.extra)
        return body

    def _content(self, pieces: Sequence[Piece]) -> str | list[dict[str, Any]]:
        words = [piece for piece in pieces if isinstance(piece, str)]
        if len(words) == len(pieces):
            # Plain text is understood by every server, a list of parts not.
            return "".join(words)
        return [
            {"type": "text", "text": piece} if isinstance(piece, str) else self._part(piece)
            for piece in pieces
        ]

    def _part(self, medium: Medium) -> dict[str, Any]:
        data = base64.b64encode(medium.content).decode("ascii")
        place = {"url": f"data:{medium.mime_type};base64,{data}"}
        if medium.mime_type.startswith("image/"):
            detail = self._dialect.image_detail
            image = place if detail is None else place | {"detail": detail.value}
            return {"type": "image_url", "image_url": image}
        if medium.mime_type.startswith("video/"):
            return {"type": "video_url", "video_url": place}
        if self._dialect.sound is SoundPart.AUDIO_URL:
            return {"type": "audio_url", "audio_url": place}
        return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}

    def _notes(self, answer: ChatAnswer, sent: Delivery) -> tuple[str, ...]:
        notes = []
        if answer.model not in (None, self._endpoint.model):
            notes.append(f"answered by {answer.model}")
        if not self._dialect.sampling:
            notes.append("temperature, top_p and seed left out: the model takes none")
        heard = answer.reply.tokens.get(Modality.AUDIO)
        if heard == 0 and sent.audio_seconds:
            notes.append(UNHEARD_NOTE)
        if answer.reasoned:
            notes.append(REASONED_NOTE)
        return answer.reply.notes + tuple(notes)


def _constrain(constraint: ChoiceConstraint | None, letters: Sequence[str]) -> dict[str, Any]:
    if constraint is ChoiceConstraint.STRUCTURED_OUTPUTS:
        return {"structured_outputs": {"choice": list(letters)}}
    if constraint is ChoiceConstraint.JSON_SCHEMA:
        schema = {
            "type": "object",
            "properties": {ANSWER_KEY: {"type": "string", "enum": list(letters)}},
            "required": [ANSWER_KEY],
            "additionalProperties": False,
        }
        named = {"name": "choice", "strict": True, "schema": schema}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    return {}
