"""Writes a result as a chat completion, whole or as a stream of events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from emoreal_bench.contracts.result import ChoiceScores, Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.serving.problems import RequestError, wrong

_FINISH_REASONS: Mapping[DeliveryStatus, str] = {
    DeliveryStatus.OK: "stop",
    DeliveryStatus.LENGTH: "length",
    DeliveryStatus.REFUSED: "content_filter",
    DeliveryStatus.BLOCKED: "content_filter",
}


def check_result(result: Result) -> None:
    """Go on with a result that is an answer.

    Raises:
        RequestError: If it is none.
    """
    if result.status in _FINISH_REASONS:
        return
    detail = result.detail or f"The model ended with the status {result.status}."
    if result.status is DeliveryStatus.UNSUPPORTED:
        raise wrong(f"The model cannot take this: {detail}", "messages", "unsupported")
    raise RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, detail, code="model_failed")


@dataclass(frozen=True, slots=True)
class Completion:
    """A result as it is sent.

    Attributes:
        model: Its name.
        result: An answer.
        top_logprobs: How many scored letters to show; None for none.
    """

    model: str
    result: Result
    top_logprobs: int | None = None
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def body(self) -> dict[str, Any]:
        """Return the whole of it.

        ``delivery`` is of this server only: what reached the model.
        """
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": self.result.text, "refusal": None},
            "logprobs": self._logprobs(),
            "finish_reason": self._finish_reason(),
        }
        delivery = self.result.delivery
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": self._usage(),
            "delivery": {
                "frames": delivery.frames,
                "audio_seconds": delivery.audio_seconds,
                "input_hash": delivery.input_hash,
                "notes": list(delivery.notes),
            },
        }

    def events(self, *, with_usage: bool) -> Iterator[bytes]:
        """Return it as server-sent events: the reply is whole before the first is sent."""
        opening = {"role": "assistant", "content": ""}
        yield self._event(opening, None)
        if self.result.text:
            yield self._event({"content": self.result.text}, None, self._logprobs())
        yield self._event({}, self._finish_reason())
        if with_usage:
            yield _line(
                {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()}
            )
        yield b"data: [DONE]\n\n"

    def _event(
        self, delta: Mapping[str, str], finish_reason: str | None, logprobs: Any = None
    ) -> bytes:
        choice = {
            "index": 0,
            "delta": dict(delta),
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return _line({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _finish_reason(self) -> str:
        # A scored letter is one token of a reply that would go on.
        return "length" if self.top_logprobs is not None else _FINISH_REASONS[self.result.status]

    def _usage(self) -> dict[str, Any]:
        usage, tokens = self.result.usage, self.result.delivery.tokens
        written = max(usage.output_tokens, int(self.top_logprobs is not None))
        names = {
            Modality.AUDIO: "audio_tokens",
            Modality.VIDEO: "image_tokens",
            Modality.TEXT: "text_tokens",
        }
        return {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": written,
            "total_tokens": usage.input_tokens + written,
            "prompt_tokens_details": {
                names[modality]: count for modality, count in tokens.items() if modality in names
            },
        }

    def _logprobs(self) -> dict[str, Any] | None:
        scores = self.result.choice_scores
        if self.top_logprobs is None or scores is None:
            return None
        ranked = _ranked(scores)
        shown = [_token(letter, score) for letter, score in ranked[: self.top_logprobs]]
        return {"content": [{**_token(*ranked[0]), "top_logprobs": shown}], "refusal": None}


def _ranked(scores: ChoiceScores) -> list[tuple[str, float]]:
    return sorted(scores.scores.items(), key=lambda pair: -pair[1])


def _token(letter: str, score: float) -> dict[str, Any]:
    return {"token": letter, "logprob": score, "bytes": list(letter.encode())}


def _line(value: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()
