"""Reads what comes back from a Chat Completions server, whatever it is.

Servers differ in what they leave out, so every field but the choices may be
missing; nothing of an answer is trusted before it has been validated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

from pydantic import BaseModel, Field, ValidationError

from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.reply import (
    Reply,
    failed_reply,
    is_media_refused,
    parse_retry_after,
    scored_reply,
)

ANSWER_KEY = "answer"
"""The one key of an answer that is held to a JSON schema."""

_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})


class _TopToken(BaseModel):
    token: str
    logprob: float


class _TokenScores(BaseModel):
    top_logprobs: list[_TopToken] = []


class _Scores(BaseModel):
    content: list[_TokenScores] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Scores | None = None


class _InputDetails(BaseModel):
    audio_tokens: int | None = None
    image_tokens: int | None = None
    text_tokens: int | None = None


class _OutputDetails(BaseModel):
    reasoning_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """An answer as read.

    Attributes:
        reply: What it says.
        model: The name of the model that it says it is from.
        reasoned: Whether hidden reasoning was billed.
    """

    reply: Reply
    model: str | None = None
    reasoned: bool = False


def read_answer(content: bytes, letters: Sequence[str], *, scoring: bool) -> ChatAnswer:
    """Read an answer that came with status 200.

    Args:
        content: The body.
        letters: The options' letters.
        scoring: Whether the letters were to be scored.
    """
    try:
        completion = _Completion.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the whole"
        detail = f"the answer is no chat completion: {problem['msg']} (at {place})"
        return ChatAnswer(Reply(DeliveryStatus.FAILED, detail=detail))
    usage = completion.usage or _Usage()
    inputs = usage.prompt_tokens_details or _InputDetails()
    outputs = usage.completion_tokens_details or _OutputDetails()
    counts = {
        Modality.VIDEO: inputs.image_tokens,
        Modality.AUDIO: inputs.audio_tokens,
        Modality.TEXT: inputs.text_tokens,
    }
    reply = _read_choice(completion.choices[0], letters, scoring=scoring)
    reply = replace(
        reply,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        tokens={modality: count for modality, count in counts.items() if count is not None},
    )
    return ChatAnswer(reply, completion.model, bool(outputs.reasoning_tokens))


def read_error(code: int, body: object, headers: Mapping[str, str], sent: Delivery) -> Reply:
    """Turn an answer of another status than 200 into a reply.

    Args:
        code: The HTTP status.
        body: The error object of the answer, if it is one.
        headers: Of the answer.
        sent: What was sent: only media can be what a service cannot take.
    """
    fields = body if isinstance(body, dict) else {}
    message = str(fields.get("message") or HTTPStatus(code).phrase)
    detail = f"HTTP {code}: {message}"
    if fields.get("code") in _FILTER_CODES:
        return Reply(DeliveryStatus.BLOCKED, detail=detail)
    if sent.has_media and is_media_refused(code, message):
        return Reply(DeliveryStatus.UNSUPPORTED, detail=detail)
    return failed_reply(code, detail, [parse_retry_after(headers)])


def _read_choice(choice: _Choice, letters: Sequence[str], *, scoring: bool) -> Reply:
    text = choice.message.content or ""
    if choice.finish_reason == "content_filter":
        return Reply(DeliveryStatus.BLOCKED, text, "the service's filter stopped the reply")
    if choice.message.refusal:
        return Reply(DeliveryStatus.REFUSED, choice.message.refusal, "the model declined")
    if scoring:
        return _read_scores(choice, letters)
    status = DeliveryStatus.LENGTH if choice.finish_reason == "length" else DeliveryStatus.OK
    return Reply(status, _unwrap(text, letters))


def _read_scores(choice: _Choice, letters: Sequence[str]) -> Reply:
    positions = (choice.logprobs.content if choice.logprobs else None) or [_TokenScores()]
    tokens = [(top.token, top.logprob) for top in positions[0].top_logprobs]
    return scored_reply(tokens, letters, choice.message.content or "")


def _unwrap(text: str, letters: Sequence[str]) -> str:
    """Take the letter out of an answer that was held to the JSON schema."""
    if not letters or not text.startswith("{"):
        return text
    try:
        answer = json.loads(text)
    except ValueError:
        return text
    letter = answer.get(ANSWER_KEY)
    return letter if letter in letters and list(answer) == [ANSWER_KEY] else text
