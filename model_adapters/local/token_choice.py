"""How tokens are chosen, read and scored: the same for every local model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from transformers import PreTrainedTokenizerBase

from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.local.adapter import Reply, Sampling

BROKEN = -1
"""Stands in a row of tokens where the logits were NaN or infinite, so that none is likeliest."""


def write_tokens(
    logits: torch.Tensor,
    step: Callable[[torch.Tensor], torch.Tensor],
    end_ids: torch.Tensor,
    max_new_tokens: int,
    sampling: Sampling | None = None,
) -> list[list[int]]:
    """Choose one token after another, for a batch at once.

    Args:
        logits: ``(batch, vocabulary)`` of the first token.
        step: Takes the tokens just written, ``(batch,)``, gives the next logits.
        end_ids: Tokens that end a reply.
        max_new_tokens: Limit per reply.
        sampling: How tokens are drawn; None to take the likeliest always.

    Returns:
        The tokens of each row; what follows an end or :data:`BROKEN` is to be cut off.
    """
    draw = None if sampling is None else _make_draw(sampling)
    ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    written: list[torch.Tensor] = []
    while True:
        likeliest = logits.argmax(-1)
        # NaN counts as the largest, so the largest is finite only if all are numbers.
        broken = ~logits.gather(-1, likeliest[:, None])[:, 0].isfinite()
        token = likeliest if draw is None else draw(logits.masked_fill(broken[:, None], 0.0))
        written.append(token.masked_fill(broken, BROKEN))
        ended |= torch.isin(token, end_ids) | broken
        if len(written) == max_new_tokens or bool(ended.all()):
            rows: list[list[int]] = torch.stack(written, dim=1).tolist()
            return rows
        logits = step(token)


def _make_draw(sampling: Sampling) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what draws a token for each row, on the processor, so that devices agree."""
    generators = [torch.Generator().manual_seed(seed) for seed in sampling.seeds]

    def draw(logits: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(logits.float().cpu() / sampling.temperature, dim=-1)
        ordered, tokens = shares.sort(dim=-1, descending=True)
        # The likeliest tokens up to and with the one that completes the wanted share.
        ordered[ordered.cumsum(-1) - ordered >= sampling.top_p] = 0.0
        places = [
            torch.multinomial(row, 1, generator=generator)
            for row, generator in zip(ordered, generators, strict=True)
        ]
        return tokens.gather(-1, torch.stack(places)).squeeze(-1).to(logits.device)

    return draw


def make_reply(row: list[int], end_ids: torch.Tensor, tokenizer: PreTrainedTokenizerBase) -> Reply:
    """Cut a row of tokens at its end and turn it into text."""
    ends = [*end_ids.tolist(), BROKEN]
    length = next((place for place, token in enumerate(row) if token in ends), len(row))
    text = tokenizer.decode(row[:length], skip_special_tokens=True)
    is_finite = BROKEN not in row[: length + 1]
    return Reply(str(text), length, ended=length < len(row), is_finite=is_finite)


def find_letter_token(letter: str, tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token of a letter that opens a reply.

    Raises:
        InputError: If the letter is not a single token.
    """
    ids = tokenizer(letter, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise InputError(f"the option '{letter}' is not a single token of this model")
    return int(ids[0])


def find_reply_tokens(text: str, tokenizer: PreTrainedTokenizerBase, end: str) -> list[int]:
    """Return the tokens of a whole reply, with the mark that ends it.

    Raises:
        InputError: If the text is empty or holds a mark of the model's own.
    """
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ids:
        raise InputError("an answer is empty")
    marks = set(tokenizer.all_special_ids).intersection(ids)
    if marks:
        mark = tokenizer.convert_ids_to_tokens(min(marks))
        raise InputError(f"the answer holds {mark}, a mark of the model's own")
    (end_id,) = cast("list[int]", tokenizer.convert_tokens_to_ids([end]))
    return [*ids, end_id]


def score_tokens(logits: torch.Tensor, tokens: Sequence[Sequence[int]]) -> list[list[float]]:
    """Return the log-probabilities of some tokens, over the whole vocabulary.

    Args:
        logits: ``(batch, vocabulary)``.
        tokens: Those wanted of each row.
    """
    rows = logits.float().log_softmax(-1).cpu()
    return [row[list(wanted)].tolist() for row, wanted in zip(rows, tokens, strict=True)]
