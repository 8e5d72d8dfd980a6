"""Reads the body of a request for a chat completion; what it does not honour it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.serving.problems import wrong

MOST_NEW_TOKENS = 4096
USUAL_NEW_TOKENS = 256
MOST_FRAMES = 256
_MOST_MESSAGES = 256
_MOST_PARTS = 1024


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Place(_Strict):
    """Where a picture, a film or a sound is: a ``data:`` URL."""

    url: str
    detail: Literal["low", "high", "auto"] | None = None


class SoundBytes(_Strict):
    """A sound, in base64."""

    data: str
    format: str


class Words(_Strict):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class Image(_Strict):
    """A part that is one picture, or one frame of several."""

    type: Literal["image_url"]
    image_url: Place


class Film(_Strict):
    """A part that is a video file (vLLM's, SGLang's)."""

    type: Literal["video_url"]
    video_url: Place


class Sound(_Strict):
    """A part that is a sound file (OpenAI's)."""

    type: Literal["input_audio"]
    input_audio: SoundBytes


class SoundFile(_Strict):
    """A part that is a sound file (vLLM's, SGLang's)."""

    type: Literal["audio_url"]
    audio_url: Place


ContentPart = Annotated[Words | Image | Film | Sound | SoundFile, Field(discriminator="type")]


class ChatMessage(_Strict):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[ContentPart], Field(min_length=1, max_length=_MOST_PARTS)]
    name: str | None = None


class _StreamOptions(_Strict):
    include_usage: bool = False
    include_obfuscation: bool = False


class _PlainText(_Strict):
    type: Literal["text"]


class _VideoReading(_Strict):
    num_frames: int = Field(default=8, ge=-1, le=MOST_FRAMES)


class _MediaReading(_Strict):
    video: _VideoReading = _VideoReading()


class _Processing(_Strict):
    use_audio_in_video: bool = False


class ChatBody(_Strict):
    """The body. A key that is not here would be left unheeded, and is refused instead."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=_MOST_MESSAGES)
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_NEW_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST_NEW_TOKENS)
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    top_p: float | None = Field(default=None, gt=0.0, le=1.0)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    # Only the value that changes nothing.
    n: Literal[1] | None = None
    frequency_penalty: Literal[0] | None = None
    presence_penalty: Literal[0] | None = None
    response_format: _PlainText | None = None

    # Without a bearing on the answer.
    user: str | None = None
    store: bool | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None

    # Of vLLM: how films are read.
    media_io_kwargs: _MediaReading = _MediaReading()
    mm_processor_kwargs: _Processing = _Processing()

    @property
    def new_tokens(self) -> int:
        """Return the limit on the length of the reply."""
        return self.max_completion_tokens or self.max_tokens or USUAL_NEW_TOKENS

    def settings(self) -> GenerationSettings:
        """Return how the reply is to be written; greedily where no temperature is given."""
        temperature = self.temperature or 0.0
        # Without a seed each answer is drawn anew; a greedy one is the same in any case.
        drawn = secrets.randbits(62) if temperature else 0
        return GenerationSettings(
            max_new_tokens=self.new_tokens,
            temperature=temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            seed=drawn if self.seed is None else self.seed,
            stop=tuple(mark for mark in self._stops() if mark),
        )

    def _stops(self) -> Sequence[str]:
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else self.stop


def read_body(content: bytes) -> ChatBody:
    """Read a body.

    Raises:
        RequestError: If it is no request that can be answered; it names the key.
    """
    try:
        value = parse_json(content)
    except UnreadableError as error:
        raise wrong(f"The body {error}.") from error
    try:
        body = ChatBody.model_validate(value)
    except ValidationError as error:
        raise _in_words(error) from error
    if body.top_logprobs is not None and not body.logprobs:
        raise wrong("top_logprobs needs logprobs: true.", "top_logprobs")
    if body.logprobs and body.new_tokens != 1:
        raise wrong(
            "Only the first token of a reply is scored here. Ask for logprobs with max_tokens: 1.",
            "logprobs",
        )
    return body


def _in_words(error: ValidationError) -> Exception:
    problem = error.errors(include_input=False, include_url=False)[0]
    # The names of alternatives, such as that of a kind of part, are no keys of the body.
    place = ".".join(map(str, problem["loc"]))[:200] or None
    if problem["type"] == "extra_forbidden":
        return wrong(
            "This server does not honour this key, so it refuses it. Leave it out.",
            place,
            "unsupported_parameter",
        )
    return wrong(f"{place or 'The body'}: {problem['msg']}"[:500], place, "invalid_value")


def find_letters(messages: Sequence[ChatMessage]) -> tuple[str, ...]:
    """Return the letters of the options that the last turn of the user lists, one a line.

    Args:
        messages: The conversation.

    Returns:
        A, B and so on as far as they follow each other; empty for fewer than two.
    """
    asked = [message for message in messages if message.role == "user"]
    if not asked:
        return ()
    content = asked[-1].content
    texts = (
        [content]
        if isinstance(content, str)
        else [part.text for part in content if isinstance(part, Words)]
    )
    letters: list[str] = []
    for line in "\n".join(texts).splitlines():
        try:
            letter, _ = split_choice(line)
        except ValueError:
            continue
        if letter == chr(ord("A") + len(letters)):
            letters.append(letter)
    return tuple(letters) if len(letters) > 1 else ()
