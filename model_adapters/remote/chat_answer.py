"""Reads what comes back from a Chat Completions server, whatever it is.

Servers differ in what they leave out, so every field but the choices may be
missing; nothing of an answer is trusted before it has been validated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.remote.endings import find_ending
from emoreal_bench.model_adapters.remote.problems import find_error, parse_json, read_problem
from emoreal_bench.model_adapters.remote.reply import Reply, ended_reply, scored_reply

ANSWER_KEY = "answer"
"""The one key of an answer that is held to a JSON schema."""

_DEEPEST_PART = 6
_TEXT_KINDS = frozenset({"text", "output_text"})
_THOUGHT_KINDS = _TEXT_KINDS | {
    "thinking",
    "reasoning",
    "reasoning.text",
    "reasoning.summary",
    "summary_text",
}


class _TopToken(BaseModel):
    token: str
    logprob: float


class _TokenScores(BaseModel):
    top_logprobs: list[_TopToken] = []


class _Scores(BaseModel):
    content: list[_TokenScores] | None = None


class _Message(BaseModel):
    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: Any = None
    function_call: Any = None
    reasoning_content: Any = None  # vLLM, SGLang, llama.cpp, DeepSeek
    reasoning: Any = None  # newer vLLM, Ollama, OpenRouter
    reasoning_details: Any = None
    thinking: Any = None


class _Choice(BaseModel):
    index: Any = None
    message: _Message
    finish_reason: Any = None
    error: Any = None  # OpenRouter
    logprobs: Any = None


def _read_count(value: object, read: ValidatorFunctionWrapHandler) -> int | None:
    """Read a count; one that makes no sense spoils neither the reply nor the other counts."""
    try:
        count: int | None = None if isinstance(value, bool) else read(value)
    except ValidationError:
        return None
    return count


_Count = Annotated[Annotated[int, Field(ge=0, lt=2**53)] | None, WrapValidator(_read_count)]


class _InputDetails(BaseModel):
    audio_tokens: _Count = None
    image_tokens: _Count = None
    text_tokens: _Count = None


class _OutputDetails(BaseModel):
    reasoning_tokens: _Count = None


class _Usage(BaseModel):
    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: Any = None
    usage: Any = None


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


def read_answer(
    body: object, letters: Sequence[str], sent: Delivery, *, scoring: bool
) -> ChatAnswer:
    """Read an answer that came with status 200.

    Args:
        body: The body, parsed.
        letters: The options' letters.
        sent: What was sent.
        scoring: Whether the letters were to be scored.
    """
    if body is None:
        return ChatAnswer(Reply(DeliveryStatus.FAILED, detail="the answer is no JSON"))
    error = find_error(body)
    if error is not None:
        return ChatAnswer(read_problem(HTTPStatus.OK, error, {}, sent))
    try:
        completion = _Completion.model_validate(body)
    except ValidationError as problems:
        problem = problems.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, problem["loc"])) or "the whole"
        detail = f"the answer is no chat completion: {place} is missing or something else"
        return ChatAnswer(Reply(DeliveryStatus.FAILED, detail=detail))
    # Not every service sends several in their order.
    choice = next((one for one in completion.choices if one.index == 0), completion.choices[0])
    usage = _read_usage(completion.usage)
    inputs = usage.prompt_tokens_details or _InputDetails()
    outputs = usage.completion_tokens_details or _OutputDetails()
    counts = {
        Modality.VIDEO: inputs.image_tokens,
        Modality.AUDIO: inputs.audio_tokens,
        Modality.TEXT: inputs.text_tokens,
    }
    reply = replace(
        _read_choice(choice, letters, sent, scoring=scoring),
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        tokens={modality: count for modality, count in counts.items() if count is not None},
    )
    model = completion.model if isinstance(completion.model, str) else None
    reasoned = bool(outputs.reasoning_tokens) or bool(_reasoning(choice.message))
    return ChatAnswer(reply, model, reasoned)


def _read_usage(usage: object) -> _Usage:
    """Read the counts; those that make no sense spoil no reply."""
    try:
        return _Usage.model_validate(usage)
    except ValidationError:
        return _Usage()


def _read_choice(
    choice: _Choice, letters: Sequence[str], sent: Delivery, *, scoring: bool
) -> Reply:
    message = choice.message
    text = _text_of(message.content)
    if choice.error:
        return replace(read_problem(HTTPStatus.OK, {"error": choice.error}, {}, sent), text=text)
    reply = ended_reply(_reason(choice.finish_reason), text, _lost(message))
    refusal = _refusal(message)
    if refusal and reply.status is not DeliveryStatus.BLOCKED:
        return Reply(DeliveryStatus.REFUSED, refusal, "the model declined")
    if scoring and _may_be_scored(choice, reply):
        return _read_scores(choice, letters, text)
    return replace(reply, text=_unwrap(text, letters))


def _may_be_scored(choice: _Choice, reply: Reply) -> bool:
    """Return whether the scores count: a single token may be a blank, but not a broken reply."""
    ended_well = reply.status in (DeliveryStatus.OK, DeliveryStatus.LENGTH)
    ending = find_ending(_reason(choice.finish_reason) or "stop")
    return ended_well or (ending is not None and ending.status is DeliveryStatus.OK)


def _reason(value: object) -> str | None:
    """Return a reason to end; SGLang's own interface has an object in its place."""
    if isinstance(value, dict):
        value = value.get("type")
    return str(value) if value else None


def _text_of(content: object, kinds: Collection[str] = _TEXT_KINDS, depth: int = 0) -> str:
    """Return the text of a content or of its parts, without parts of other kinds."""
    if isinstance(content, str):
        return content
    if depth > _DEEPEST_PART:
        return ""
    if isinstance(content, list):
        return "".join(_text_of(part, kinds, depth + 1) for part in content)
    if not isinstance(content, dict) or str(content.get("type", "text")) not in kinds:
        return ""
    texts = (content.get(name) for name in ("text", "thinking", "summary", "reasoning"))
    return next((part for text in texts if (part := _text_of(text, kinds, depth + 1))), "")


def _parts(message: _Message) -> list[dict[str, Any]]:
    content = message.content if isinstance(message.content, list) else []
    return [part for part in content if isinstance(part, dict)]


def _refusal(message: _Message) -> str:
    """Return the words with which the model declined."""
    parts = [part.get("refusal") for part in _parts(message) if part.get("type") == "refusal"]
    return next((said for said in (message.refusal, *parts) if isinstance(said, str)), "")


def _reasoning(message: _Message) -> str:
    """Return what the model thought, in whichever field the server puts it."""
    fields = (message.reasoning_content, message.reasoning, message.thinking)
    thoughts = [part for part in _parts(message) if str(part.get("type")) not in _TEXT_KINDS]
    texts = (
        _text_of(one, _THOUGHT_KINDS) for one in (*fields, message.reasoning_details, thoughts)
    )
    return next(filter(str.strip, texts), "")


def _lost(message: _Message) -> str | None:
    """Return what came in the place of a text."""
    if message.tool_calls or message.function_call:
        return "the model called a tool"
    if _reasoning(message):
        return (
            "all that came is reasoning: give the server another reasoning parser, or none, or "
            "the model more tokens"
        )
    return None


def _read_scores(choice: _Choice, letters: Sequence[str], text: str) -> Reply:
    try:
        positions = _Scores.model_validate(choice.logprobs or {}).content or [_TokenScores()]
    except ValidationError:
        positions = [_TokenScores()]
    tokens = [(top.token, top.logprob) for top in positions[0].top_logprobs]
    return scored_reply(tokens, letters, text)


def _unwrap(text: str, letters: Sequence[str]) -> str:
    """Take the letter out of an answer that was held to the JSON schema."""
    if not letters or not text.startswith("{"):
        return text
    answer = parse_json(text)
    if not isinstance(answer, dict):
        return text
    letter = answer.get(ANSWER_KEY)
    return str(letter) if letter in letters and list(answer) == [ANSWER_KEY] else text
