"""Many prompts and answers as few rows: what begins alike is read once.

The answers of a prompt stand behind it in one row, and so does the part of
another prompt that goes on differently: a prompt whose sound was altered shares
the picture before it. Each place looks at what comes before it on its own way
only, and has the rotary position that it would have alone, so every number is
that of a row of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.local.packed import PlacedMedia, PlacedPrompt
from emoreal_bench.model_adapters.local.towers import Encodable

# A prompt joins a row with which it shares at least this part of itself. With less it would
# save little and make the row, and with it the padding of the others, longer.
_WORTH_SHARING = 0.25

# One column per place of a row: token, number of the clip (0 for words), position bits.
_Columns = NDArray[np.int64]
_TOKEN, _CLIP, _POSITIONS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Rows of tokens in which several prompts and answers lie side by side.

    Attributes:
        ids: ``(rows, length)`` tokens.
        position_bits: ``(axes, rows, length)`` rotary positions: the bits of 32-bit floats as
            integers, since what wraps a network for several processes casts floats.
        segments: ``(rows, length)`` number of the stretch that a place belongs to; 0 is padding.
        ancestors: ``(rows, segments, segments)``, true where the first of two stretches goes on
            from the second or is the second.
        sources: ``(n,)`` places, in the flattened rows, whose next token is scored.
        target_sources: ``(answer tokens,)`` index into ``sources``.
        target_ids: ``(answer tokens,)`` tokens to score, answer by answer.
        media: The pictures and the sounds in the order of their places, row by row.
        media_tokens: Places that each of them takes.
        answer_counts: Answers of each prompt.
        token_counts: Tokens of each answer, the mark of its end included; prompt by prompt.
        tokens: Places that are computed, by modality; padding is not counted.
        separate_tokens: Places that there would be with a row for each answer.
    """

    ids: torch.Tensor
    position_bits: torch.Tensor
    segments: torch.Tensor
    ancestors: torch.Tensor
    sources: torch.Tensor
    target_sources: torch.Tensor
    target_ids: torch.Tensor
    media: Mapping[Modality, tuple[Encodable, ...]]
    media_tokens: Mapping[Modality, tuple[int, ...]]
    answer_counts: tuple[int, ...]
    token_counts: tuple[int, ...]
    tokens: Mapping[Modality, int]
    separate_tokens: int

    @property
    def positions(self) -> torch.Tensor:
        """``(axes, rows, length)`` rotary positions."""
        return self.position_bits.view(torch.float32)

    @property
    def mask(self) -> torch.Tensor:
        """``(rows, length, length)``, true where a place may look at another."""
        length = self.ids.shape[1]
        rows = torch.arange(len(self.ids), device=self.ids.device)[:, None, None]
        related = self.ancestors[rows, self.segments[:, :, None], self.segments[:, None, :]]
        return related & torch.ones(length, length, device=self.ids.device).tril().bool()

    def to(self, device: torch.device | str) -> PackedBatch:
        """Move the index tensors; pictures and sounds are moved when they are encoded."""
        return replace(
            self,
            ids=self.ids.to(device),
            position_bits=self.position_bits.to(device),
            segments=self.segments.to(device),
            ancestors=self.ancestors.to(device),
            sources=self.sources.to(device),
            target_sources=self.target_sources.to(device),
            target_ids=self.target_ids.to(device),
        )


@dataclass(slots=True)
class _Stretch:
    """Columns that follow each other, and the stretches that may come next."""

    columns: _Columns
    branches: list[_Stretch] = field(default_factory=list)
    start: int = -1

    def walk(self) -> Iterator[_Stretch]:
        yield self
        for branch in self.branches:
            yield from branch.walk()


@dataclass(frozen=True, slots=True)
class _Scored:
    """One answer: the row and columns that lead to each of its tokens, and the tokens."""

    row: int
    columns: _Columns
    tokens: Sequence[int]


def pack(
    prompts: Sequence[PlacedPrompt], answers: Sequence[Sequence[Sequence[int]]]
) -> PackedBatch:
    """Lay prompts and their answers out in rows.

    Args:
        prompts: At least one.
        answers: For each prompt, the tokens of each of its answers; at least one answer each,
            and at least one token in each.
    """
    clips = _number_clips(prompts)
    rows: list[_Stretch] = []
    scored: list[_Scored] = []
    for prompt, replies in zip(prompts, answers, strict=True):
        own = _prompt_columns(prompt, clips)
        row = _find_row(rows, own)
        for tokens in replies:
            columns = np.concatenate([own, _answer_columns(prompt, tokens)], axis=1)
            if row == len(rows):
                rows.append(_Stretch(columns))
            else:
                _insert(rows[row], columns)
            scored.append(_Scored(row, columns, tokens))
    return _lay_out(rows, scored, _media_by_number(prompts, clips), tuple(map(len, answers)))


def _number_clips(prompts: Sequence[PlacedPrompt]) -> dict[str, int]:
    """Number the distinct pictures and sounds from 1."""
    hashes = dict.fromkeys(one.content.hash for prompt in prompts for one in prompt.media)
    return {content: number for number, content in enumerate(hashes, start=1)}


def _media_by_number(
    prompts: Sequence[PlacedPrompt], clips: Mapping[str, int]
) -> dict[int, PlacedMedia]:
    return {clips[one.content.hash]: one for prompt in prompts for one in prompt.media}


def _prompt_columns(prompt: PlacedPrompt, clips: Mapping[str, int]) -> _Columns:
    numbers = np.zeros(len(prompt.ids), np.int64)
    for one in prompt.media:
        numbers[one.start : one.start + one.tokens] = clips[one.content.hash]
    bits = prompt.positions.float().contiguous().view(torch.int32).numpy().astype(np.int64)
    return np.concatenate([np.array([prompt.ids], np.int64), numbers[None], bits])


def _answer_columns(prompt: PlacedPrompt, tokens: Sequence[int]) -> _Columns:
    """Return the columns of an answer; nothing is read after its last token."""
    count = len(tokens) - 1
    first = prompt.positions.max() + 1
    positions = (first + torch.arange(count)).float().expand(len(prompt.positions), -1)
    bits = positions.contiguous().view(torch.int32).numpy().astype(np.int64)
    ids = np.array([tokens[:-1]], np.int64)
    return np.concatenate([ids, np.zeros((1, count), np.int64), bits])


def _find_row(rows: Sequence[_Stretch], columns: _Columns) -> int:
    """Return the row with which columns share most, or the next new one."""
    shared = [_shared_length(root, columns) for root in rows]
    best = max(range(len(rows)), key=shared.__getitem__, default=0)
    worth = rows and shared[best] >= _WORTH_SHARING * columns.shape[1]
    return best if worth else len(rows)


def _common(first: _Columns, second: _Columns) -> int:
    """Count the columns with which both begin."""
    limit = min(first.shape[1], second.shape[1])
    differ = np.flatnonzero((first[:, :limit] != second[:, :limit]).any(axis=0))
    return int(differ[0]) if len(differ) else limit


def _find_branch(stretch: _Stretch, columns: _Columns) -> _Stretch | None:
    return next((branch for branch in stretch.branches if _common(branch.columns, columns)), None)


def _shared_length(stretch: _Stretch, columns: _Columns) -> int:
    shared = _common(stretch.columns, columns)
    rest = columns[:, shared:]
    branch = _find_branch(stretch, rest) if shared == stretch.columns.shape[1] else None
    return shared if branch is None else shared + _shared_length(branch, rest)


def _insert(stretch: _Stretch, columns: _Columns) -> None:
    """Add columns to a row: they part from it where they differ."""
    shared = _common(stretch.columns, columns)
    if shared < stretch.columns.shape[1]:
        stretch.branches = [_Stretch(stretch.columns[:, shared:], stretch.branches)]
        stretch.columns = stretch.columns[:, :shared]
    rest = columns[:, shared:]
    if rest.shape[1] == 0:
        return
    branch = _find_branch(stretch, rest)
    if branch is None:
        stretch.branches.append(_Stretch(rest))
    else:
        _insert(branch, rest)


def _lay_out(
    rows: Sequence[_Stretch],
    scored: Sequence[_Scored],
    media: Mapping[int, PlacedMedia],
    answer_counts: tuple[int, ...],
) -> PackedBatch:
    whole = [_place_row(root) for root in rows]
    length = max(columns.shape[1] for columns in whole)
    padded = np.zeros((whole[0].shape[0], len(rows), length), np.int64)
    for row, columns in enumerate(whole):
        padded[:, row, : columns.shape[1]] = columns
    segments, ancestors = _relate(rows, length)
    sources, target_sources = _find_sources(rows, scored, length)
    placed = [media[number] for columns in whole for number in _clips_in_order(columns)]
    counted = Counter(dict.fromkeys(Modality, 0))
    for one in placed:
        counted[one.modality] += one.tokens
    counted[Modality.TEXT] = sum(columns.shape[1] for columns in whole) - counted.total()
    in_order = {
        modality: [one for one in placed if one.modality is modality]
        for modality in (Modality.VIDEO, Modality.AUDIO)
    }
    return PackedBatch(
        ids=torch.from_numpy(padded[_TOKEN]),
        position_bits=torch.from_numpy(padded[_POSITIONS:].astype(np.int32)),
        segments=segments,
        ancestors=ancestors,
        sources=sources,
        target_sources=target_sources,
        target_ids=torch.tensor([token for one in scored for token in one.tokens]),
        media={key: tuple(one.content for one in ones) for key, ones in in_order.items()},
        media_tokens={key: tuple(one.tokens for one in ones) for key, ones in in_order.items()},
        answer_counts=answer_counts,
        token_counts=tuple(len(one.tokens) for one in scored),
        tokens=dict(counted),
        separate_tokens=sum(one.columns.shape[1] for one in scored),
    )


def _place_row(root: _Stretch) -> _Columns:
    """Return each stretch its place, those that go on from it behind it, and join their columns."""
    start = 0
    for stretch in root.walk():
        stretch.start = start
        start += stretch.columns.shape[1]
    return np.concatenate([stretch.columns for stretch in root.walk()], axis=1)


def _relate(rows: Sequence[_Stretch], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Number the stretches of each row from 1, and say which goes on from which."""
    most = max(sum(1 for _ in root.walk()) for root in rows) + 1
    segments = torch.zeros(len(rows), length, dtype=torch.long)
    # Padding looks at itself, so that no place of a row looks at nothing.
    ancestors = torch.eye(most, dtype=torch.bool).repeat(len(rows), 1, 1)

    def number(row: int, stretch: _Stretch, before: list[int], own: int) -> int:
        segments[row, stretch.start : stretch.start + stretch.columns.shape[1]] = own
        ancestors[row, own, before] = True
        following = own + 1
        for branch in stretch.branches:
            following = number(row, branch, [*before, own], following)
        return following

    for row, root in enumerate(rows):
        number(row, root, [], 1)
    return segments, ancestors


def _find_sources(
    rows: Sequence[_Stretch], scored: Sequence[_Scored], length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the places that answers are predicted from, each once, and which token needs which."""
    numbers: dict[int, int] = {}
    wanted: list[int] = []
    for one in scored:
        # The last place of the prompt predicts the first token, and so on.
        path = _trace(rows[one.row], one.columns)[-len(one.tokens) :]
        wanted.extend(numbers.setdefault(one.row * length + place, len(numbers)) for place in path)
    return torch.tensor(list(numbers)), torch.tensor(wanted)


def _trace(stretch: _Stretch, columns: _Columns) -> list[int]:
    """Return the place in the row of each column."""
    count = min(stretch.columns.shape[1], columns.shape[1])
    places = list(range(stretch.start, stretch.start + count))
    rest = columns[:, count:]
    branch = _find_branch(stretch, rest) if rest.shape[1] else None
    return places if branch is None else places + _trace(branch, rest)


def _clips_in_order(columns: _Columns) -> list[int]:
    """Return the numbers of a row's clips in the order of their first places."""
    numbers = columns[_CLIP]
    begins = (numbers != 0) & (numbers != np.concatenate([[0], numbers[:-1]]))
    return [int(number) for number in numbers[begins]]
