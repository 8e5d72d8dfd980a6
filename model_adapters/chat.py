"""Models behind the Chat Completions protocol, which many servers speak in dialects.

``openai/`` and ``http/`` differ only in which dialect and which model they
name; this file writes the body, sends it through the official SDK with its
retries off, and reads the answer.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.identity import canonical_json
from emoreal_bench.model_adapters.first_token import score_letters
from emoreal_bench.model_adapters.remote import (
    RemoteAdapter,
    RemoteArguments,
    Reply,
    parse_retry_after,
    read_key,
)
from emoreal_bench.model_adapters.remote_media import MediaForms, Medium, Payload, Piece, VideoForm

if TYPE_CHECKING:
    import openai

_NO_KEY = "none"
"""The SDK wants a key even for a server that asks for none."""

_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_MEDIA_WORDS = re.compile(r"image|audio|video|modalit|multimodal|content type|mime", re.IGNORECASE)
_REFUSAL_WORDS = re.compile(
    r"not support|unsupported|only supported|not a multimodal|invalid content type|at most \d",
    re.IGNORECASE,
)


class SoundPart(StrEnum):
    """The content part in which a server takes sound."""

    INPUT_AUDIO = "input_audio"
    AUDIO_URL = "audio_url"


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
    image_detail: str | None = None
    reasoning_tokens: int = 0
    film_keys: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatEndpoint:
    """Where a model is.

    Attributes:
        model: Its name there.
        base_url: Up to and including the version.
        key_variables: Environment variables that may hold the key.
        needs_key: Whether to refuse to open without one.
    """

    model: str
    base_url: str
    key_variables: tuple[str, ...] = ()
    needs_key: bool = False


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

    def __init__(  # noqa: PLR0913, PLR0917 - one value object per concern
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

    def render(self, request: Request) -> str:
        """Give the body with a mark in the place of each file."""
        return canonical_json(self._body(request, self._compose(request), _mark, scoring=False))

    async def _connect(self) -> str | None:
        import openai

        key = None
        if self._endpoint.key_variables:
            key = read_key(
                self._endpoint.key_variables,
                self.describe().name,
                required=self._endpoint.needs_key,
            )
        self._client = openai.AsyncOpenAI(
            api_key=key or _NO_KEY,
            base_url=self._endpoint.base_url,
            max_retries=0,
            timeout=self._arguments.timeout,
        )
        return key

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ask(self, request: Request, payload: Payload, *, scoring: bool) -> Reply:
        import httpx2
        import openai

        assert self._client is not None, "asked only while open"
        body = self._body(request, payload, _data_uri, scoring=scoring)
        try:
            # The answer is read here and not by the SDK, which lets any shape pass.
            response = await self._client.post(
                "/chat/completions", body=body, cast_to=httpx2.Response
            )
        except openai.APIStatusError as error:
            return _read_status_error(error, payload)
        except openai.APIError as error:
            cause = type(error.__cause__ or error).__name__
            return Reply(DeliveryStatus.FAILED, detail=f"no answer: {error.message} ({cause})")
        return self._read(response.content, request, payload, scoring=scoring)

    def _body(
        self,
        request: Request,
        payload: Payload,
        write: Callable[[Medium], str],
        *,
        scoring: bool,
    ) -> dict[str, Any]:
        """Write the body; ``write`` turns a file into what stands in its place."""
        dialect, settings = self._dialect, request.settings
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": [
                {"role": turn.role, "content": self._content(turn.pieces, write)}
                for turn in payload.turns
            ],
        }
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
            body |= dialect.film_keys
        return body | self._options.extra

    def _content(
        self, pieces: Sequence[Piece], write: Callable[[Medium], str]
    ) -> str | list[dict[str, Any]]:
        words = [piece for piece in pieces if isinstance(piece, str)]
        if len(words) == len(pieces):
            # Plain text is understood by every server, a list of parts not.
            return "\n".join(words)
        return [
            {"type": "text", "text": piece}
            if isinstance(piece, str)
            else self._part(piece, write(piece))
            for piece in pieces
        ]

    def _part(self, medium: Medium, data: str) -> dict[str, Any]:
        if medium.mime_type.startswith("image/"):
            detail = self._dialect.image_detail
            image = {"url": data} if detail is None else {"url": data, "detail": detail}
            return {"type": "image_url", "image_url": image}
        if medium.mime_type.startswith("video/"):
            return {"type": "video_url", "video_url": {"url": data}}
        if self._dialect.sound is SoundPart.AUDIO_URL:
            return {"type": "audio_url", "audio_url": {"url": data}}
        bare = data.partition(",")[2] or data
        return {"type": "input_audio", "input_audio": {"data": bare, "format": "wav"}}

    def _read(self, content: bytes, request: Request, payload: Payload, *, scoring: bool) -> Reply:
        try:
            completion = _Completion.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "whole"
            return Reply(
                DeliveryStatus.FAILED,
                detail=f"the answer is no chat completion: {first['msg']} (at {place})",
            )
        reply = _read_choice(completion.choices[0], request, scoring=scoring)
        return _with_usage(reply, completion, self._notes(completion, payload))

    def _notes(self, completion: _Completion, payload: Payload) -> tuple[str, ...]:
        notes = []
        if completion.model not in (None, self._endpoint.model):
            notes.append(f"answered by {completion.model}")
        if not self._dialect.sampling:
            notes.append("temperature, top_p and seed left out: the model takes none")
        heard = completion.usage.prompt_tokens_details.audio_tokens
        if heard == 0 and any(medium.audio_seconds for medium in payload.media):
            notes.append("audio was sent, but the service counts no audio tokens")
        if completion.usage.completion_tokens_details.reasoning_tokens:
            notes.append("the model reasoned before it answered")
        return tuple(notes)
