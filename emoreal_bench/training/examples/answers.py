"""What training asks of a model: prompts, and answers to score behind each of them."""

from __future__ import annotations

from dataclasses import dataclass

from emoreal_bench.contracts.request import Request


@dataclass(frozen=True, slots=True)
class PromptWithAnswers:
    """One prompt and the answers whose probability is wanted.

    Attributes:
        request: Messages and decoded clips, as an adapter receives them. How a
            reply is to be written plays no part.
        answers: Each is scored as if it were the whole reply, the mark of its
            end included.
    """

    request: Request
    answers: tuple[str, ...]
