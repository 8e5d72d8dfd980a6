"""What the local families share that answer several prompts at once, padded on the left.

A family that derives from :class:`PaddedModel` says how its network reads
prompts and how it takes one more token. One whose network takes embeddings in
place of tokens derives from :class:`EmbeddedModel` and only has to say how a
prompt is embedded.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache
from transformers.modeling_outputs import CausalLMOutputWithPast

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.tensors import PreparedClips
from emoreal_bench.model_adapters.local.adapter import (
    Input,
    LocalModel,
    PreparedInput,
    Reply,
    Sampling,
    prepare_each,
)
from emoreal_bench.model_adapters.local.prefixes import SharedPrefix
from emoreal_bench.model_adapters.local.token_choice import (
    find_letter_token,
    make_reply,
    score_tokens,
    write_tokens,
)

CACHE = next(
    name for name in ("cache", "past_key_values") if name in CausalLMOutputWithPast.__annotations__
)
"""What arguments and outputs of transformers call the keys and values that are kept: since 5.24
the first, before that the second, which goes with 5.40."""
Build = Callable[[Request, PreparedClips[Any, Any]], Input]
"""Turns a request into tensors, with the clips that are prepared already, and adds to these."""


@dataclass(frozen=True, slots=True)
class ReadPrompts:
    """The prompts of a batch, read by the network up to where the answers begin.

    Attributes:
        logits: ``(batch, vocabulary)`` 32-bit floats, of the first token of the answers.
        mask: ``(batch, length)``, 0 where a prompt is padded.
        next_position: ``(batch,)`` position of the next token.
        cache: Keys and values of the prompts, if they were to be kept.
    """

    logits: torch.Tensor
    mask: torch.Tensor
    next_position: torch.Tensor
    cache: Cache | None


class PaddedModel(LocalModel[Input]):
    """A loaded network that answers prompts together.

    Args:
        tokenizer: Of the model.
        build: Makes the tensors; of the same tokenizer.
        end_ids: Tokens that end a reply.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, build: Build[Input], end_ids: Sequence[int]
    ):
        self._tokenizer = tokenizer
        self._build = build
        self._end_ids = torch.tensor(list(end_ids))

    @abstractmethod
    def _read(self, inputs: Sequence[Input], *, keep_cache: bool) -> ReadPrompts:
        """Read prompts up to where their answers begin."""

    @abstractmethod
    def _step(
        self, token: torch.Tensor, position: torch.Tensor, mask: torch.Tensor, cache: Cache | None
    ) -> torch.Tensor:
        """Read one more token of each row.

        Args:
            token: ``(batch,)``.
            position: ``(batch,)``, of these tokens.
            mask: ``(batch, length)``, 0 where a prompt is padded; with these tokens.
            cache: Keys and values of all before; those of the tokens are added.

        Returns:
            ``(batch, vocabulary)`` logits of the token after.
        """

    def prepare(
        self, requests: Sequence[Request], known: PreparedClips[Any, Any] | None = None
    ) -> list[Input | InputError]:
        """Turn requests into tensors; questions of one clip share its tensors.

        Args:
            requests: What to turn.
            known: Clips prepared before, to be used and added to; None for none.
        """
        shared = PreparedClips[Any, Any]() if known is None else known
        return prepare_each(requests, lambda request: self._build(request, shared))

    @torch.inference_mode()
    def write(
        self, inputs: Sequence[Input], max_new_tokens: int, sampling: Sampling | None = None
    ) -> list[Reply]:
        """Write replies, one token of all at a time."""
        rows = self._write_rows(inputs, max_new_tokens, sampling)
        return [make_reply(row, self._end_ids, self._tokenizer) for row in rows]

    def _write_rows(
        self, inputs: Sequence[Input], max_new_tokens: int, sampling: Sampling | None
    ) -> list[list[int]]:
        """Write the tokens of each reply; what follows an end is to be cut off."""
        prompts = self._read(inputs, keep_cache=True)
        mask, position = prompts.mask, prompts.next_position

        def step(token: torch.Tensor) -> torch.Tensor:
            nonlocal mask, position
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            logits = self._step(token, position, mask, prompts.cache)
            position = position + 1
            return logits

        ends = self._end_ids.to(prompts.logits.device)
        return write_tokens(prompts.logits, step, ends, max_new_tokens, sampling)

    def letter_token(self, letter: str) -> int:
        """Return the token of a bare letter, with which the model's reply begins."""
        return find_letter_token(letter, self._tokenizer)

    @torch.inference_mode()
    def score_first_token(
        self, inputs: Sequence[Input], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Score in one pass over the prompts, over the whole vocabulary."""
        return score_tokens(self._read(inputs, keep_cache=False).logits, tokens)


class TokenizedInput(PreparedInput, Protocol):
    """One request as tokens and clips."""

    @property
    def input_ids(self) -> tuple[int, ...]:
        """The prompt, up to where the answer begins."""


Tokenized = TypeVar("Tokenized", bound=TokenizedInput)


class EmbeddedModel(PaddedModel[Tokenized]):
    """A loaded network that takes embeddings in place of tokens, as ``inputs_embeds``."""

    @property
    @abstractmethod
    def _decoder(self) -> Any:
        """The module of transformers that gives logits for embeddings, and for tokens.

        Asked for anew each time: training moves a network, and wraps its parts.
        """

    @abstractmethod
    def _embed(self, ids: torch.Tensor, inputs: Sequence[Tokenized]) -> Mapping[str, torch.Tensor]:
        """Embed prompts, with their clips in the places of the marks.

        Args:
            ids: ``(batch, length)`` token or mark of each place, on the device.
            inputs: What these are the places of.

        Returns:
            Arguments of the decoder: ``inputs_embeds``, ``(batch, length, width)``,
            and what it is to be given besides.
        """

    def _places(self, one: Tokenized) -> Sequence[int]:
        """Return the token or mark of each place; a family may write a clip with fewer marks."""
        return one.input_ids

    def _find_shared(self, inputs: Sequence[Tokenized]) -> list[SharedPrefix]:
        """Group prompts that begin alike; a family whose cache can be handed on says which."""
        return [SharedPrefix((place,), 0) for place in range(len(inputs))]

    def _read(self, inputs: Sequence[Tokenized], *, keep_cache: bool) -> ReadPrompts:
        prefixes = self._find_shared(inputs)
        if len(prefixes) < len(inputs):
            return self._read_shared(inputs, prefixes)
        ids, mask = self._pad([self._places(one) for one in inputs])
        output = self._decoder(
            **self._embed(ids, inputs),
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            use_cache=keep_cache,
            logits_to_keep=1,
        )
        return ReadPrompts(output.logits[:, -1].float(), mask, mask.sum(-1), getattr(output, CACHE))

    def _read_shared(
        self, inputs: Sequence[Tokenized], prefixes: Sequence[SharedPrefix]
    ) -> ReadPrompts:
        """Read each beginning once, then what is left of each prompt."""
        places = [self._places(one) for one in inputs]
        first = [prefix.members[0] for prefix in prefixes]
        begun, begun_mask = self._pad(
            [places[one][: prefix.length] for one, prefix in zip(first, prefixes, strict=True)]
        )
        read = self._decoder(
            **self._embed(begun, [inputs[one] for one in first]),
            attention_mask=begun_mask,
            position_ids=(begun_mask.cumsum(-1) - 1).clamp(min=0),
            use_cache=True,
            logits_to_keep=1,
        )
        row_of = {member: row for row, prefix in enumerate(prefixes) for member in prefix.members}
        rows = [row_of[member] for member in range(len(inputs))]
        rest, rest_mask = self._pad(
            [own[prefixes[row].length :] for own, row in zip(places, rows, strict=True)]
        )
        chosen = torch.tensor(rows, device=rest.device)
        getattr(read, CACHE).batch_select_indices(chosen)
        mask = torch.cat([begun_mask[chosen], rest_mask], dim=1)
        output = self._decoder(
            input_ids=rest,
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0)[:, -rest.shape[1] :],
            **{CACHE: getattr(read, CACHE)},
            use_cache=True,
            logits_to_keep=1,
        )
        return ReadPrompts(output.logits[:, -1].float(), mask, mask.sum(-1), getattr(output, CACHE))

    def _pad(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Pad places on the left, and give their mask, on the device."""
        # Nothing looks at padded places; this only must not be the mark of a clip.
        ids, mask = pad_left([torch.tensor(row) for row in rows], int(self._end_ids[0]))
        return ids.to(self._decoder.device), mask.to(self._decoder.device)

    def _step(
        self, token: torch.Tensor, position: torch.Tensor, mask: torch.Tensor, cache: Cache | None
    ) -> torch.Tensor:
        output = self._decoder(
            input_ids=token[:, None],
            attention_mask=mask,
            position_ids=position[:, None],
            **{CACHE: cache},
            use_cache=True,
        )
        return cast("torch.Tensor", output.logits[:, -1])


def pad_left(rows: Sequence[torch.Tensor], value: float = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack rows of several lengths, padded in front.

    Args:
        rows: ``(length, ...)`` each.
        value: What is put in front.

    Returns:
        ``(rows, longest, ...)``, and a mask ``(rows, longest)`` of whole numbers,
        0 where a row is padded.
    """
    longest = max(map(len, rows))
    stacked = rows[0].new_full((len(rows), longest, *rows[0].shape[1:]), value)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        stacked[place, longest - len(row) :] = row
        mask[place, longest - len(row) :] = 1
    return stacked, mask


def find_end_ids(network: PreTrainedModel) -> list[int]:
    """Return the tokens that end a reply, as the folder of a network states them."""
    settings = network.generation_config
    ends: int | list[int] | None = settings.eos_token_id if settings else None
    ends = ends or network.config.get_text_config().eos_token_id
    return ends if isinstance(ends, list) else [ends]


def require_marks(
    tokenizer: PreTrainedTokenizerBase, marks: Sequence[int], expected: Sequence[int]
) -> None:
    """Refuse a tokenizer of another network: clips would not find their places, unnoticed.

    Args:
        tokenizer: Named in the message.
        marks: Ids that it gives to the marks of clips.
        expected: Ids by which the network knows them.

    Raises:
        UsageError: If they differ.
    """
    if list(marks) != list(expected):
        raise UsageError(
            f"the tokenizer marks clips with {list(marks)}, the network expects {list(expected)}.",
            where=str(tokenizer.name_or_path),
            remedy="Take tokenizer and weights from the same model.",
        )
