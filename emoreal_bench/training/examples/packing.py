"""Many prompts and answers as few rows: what begins alike is read once.

The answers of a prompt stand behind it in one row, and so does the part of
another prompt that goes on differently: a prompt whose sound was altered shares
the picture before it. Each place looks at what comes before it on its own way
only, and has the rotary position that it would have alone, so every number is
that of a row of its own. So what shares nothing may stand in one row as well,
and little is padding.
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

# A prompt joins a tree with which it shares at least this part of itself. With less it would
# save little and make the tree, and with it every row, longer.
_WORTH_SHARING = 0.25
# Lengths of rows to try, in widths of the widest tree.
_ROOM = tuple(1 + eighths / 8 for eighths in range(9))
# At about this length attention costs a place as much as the layers before and after it do in a
# small network. In a large one that length is greater, but there the trees are wider too.
_EVEN_LENGTH = 1000

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
    """Columns that follow each other, and the stretches that may come next.

    Attributes:
        columns: Its own.
        branches: What goes on from it.
        start: Its first place in the flattened rows.
    """

    columns: _Columns
    branches: list[_Stretch] = field(default_factory=list)
    start: int = -1

    @property
    def width(self) -> int:
        return int(self.columns.shape[1])

    @property
    def whole_width(self) -> int:
        return sum(stretch.width for stretch in self.walk())

    def walk(self) -> Iterator[_Stretch]:
        yield self
        for branch in self.branches:
            yield from branch.walk()


@dataclass(frozen=True, slots=True)
class _Scored:
    """One answer: the tree and columns that lead to each of its tokens, and the tokens."""

    tree: _Stretch
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
    trees: list[_Stretch] = []
    scored: list[_Scored] = []
    for prompt, replies in zip(prompts, answers, strict=True):
        own = _prompt_columns(prompt, clips)
        tree = _find_tree(trees, own)
        for tokens in replies:
            columns = np.concatenate([own, _answer_columns(prompt, tokens)], axis=1)
            if tree is None:
                tree = _Stretch(columns)
                trees.append(tree)
            else:
                _insert(tree, columns)
            scored.append(_Scored(tree, columns, tokens))
    media = _media_by_number(prompts, clips)
    return _lay_out(_fill_rows(trees), scored, media, tuple(map(len, answers)))


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


def _find_tree(trees: Sequence[_Stretch], columns: _Columns) -> _Stretch | None:
    """Return the tree with which columns share most, if that is enough."""
    shared = [_shared_length(tree, columns) for tree in trees]
    best = max(range(len(trees)), key=shared.__getitem__, default=0)
    worth = trees and shared[best] >= _WORTH_SHARING * columns.shape[1]
    return trees[best] if worth else None


def _fill_rows(trees: Sequence[_Stretch]) -> list[list[_Stretch]]:
    """Put trees side by side into rows, as long as costs least."""
    longest = max(tree.whole_width for tree in trees)
    ways = (_fill(trees, round(longest * times)) for times in _ROOM)
    return min(ways, key=_cost)


def _fill(trees: Sequence[_Stretch], length: int) -> list[list[_Stretch]]:
    """Put each tree, the widest first, into the first row that has room for it."""
    rows: list[list[_Stretch]] = []
    room: list[int] = []
    for tree in sorted(trees, key=lambda tree: tree.whole_width, reverse=True):
        width = tree.whole_width
        row = next((row for row, left in enumerate(room) if width <= left), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(length)
        rows[row].append(tree)
        room[row] -= width
    return rows


def _cost(rows: Sequence[Sequence[_Stretch]]) -> int:
    """Say what rows cost, in no particular unit: a place costs the more, the longer its row is."""
    length = _row_length(rows)
    return len(rows) * length * (length + _EVEN_LENGTH)


def _row_length(rows: Sequence[Sequence[_Stretch]]) -> int:
    return max(sum(tree.whole_width for tree in trees) for trees in rows)


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
    branch = _find_branch(stretch, rest) if shared == stretch.width else None
    return shared if branch is None else shared + _shared_length(branch, rest)


def _insert(stretch: _Stretch, columns: _Columns) -> None:
    """Add columns to a row: they part from it where they differ."""
    shared = _common(stretch.columns, columns)
    if shared < stretch.width:
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
    rows: Sequence[Sequence[_Stretch]],
    scored: Sequence[_Scored],
    media: Mapping[int, PlacedMedia],
    answer_counts: tuple[int, ...],
) -> PackedBatch:
    length = _row_length(rows)
    whole = [_place_row(trees, row * length) for row, trees in enumerate(rows)]
    padded = np.zeros((whole[0].shape[0], len(rows), length), np.int64)
    for row, columns in enumerate(whole):
        padded[:, row, : columns.shape[1]] = columns
    segments, ancestors = _relate(rows, length)
    sources, target_sources = _find_sources(scored)
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


def _place_row(trees: Sequence[_Stretch], start: int) -> _Columns:
    """Give each stretch its place, those that go on from it behind it, and join their columns."""
    stretches = [stretch for tree in trees for stretch in tree.walk()]
    for stretch in stretches:
        stretch.start = start
        start += stretch.width
    return np.concatenate([stretch.columns for stretch in stretches], axis=1)


def _relate(rows: Sequence[Sequence[_Stretch]], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Number the stretches of each row from 1, and say which goes on from which."""
    most = max(sum(1 for tree in trees for _ in tree.walk()) for trees in rows) + 1
    segments = torch.zeros(len(rows) * length, dtype=torch.long)
    # Padding looks at itself, so that no place of a row looks at nothing.
    ancestors = torch.eye(most, dtype=torch.bool).repeat(len(rows), 1, 1)

    def number(row: int, stretch: _Stretch, before: list[int], own: int) -> int:
        segments[stretch.start : stretch.start + stretch.width] = own
        ancestors[row, own, before] = True
        following = own + 1
        for branch in stretch.branches:
            following = number(row, branch, [*before, own], following)
        return following

    for row, trees in enumerate(rows):
        following = 1
        for tree in trees:
            following = number(row, tree, [], following)
    return segments.view(len(rows), length), ancestors


def _find_sources(scored: Sequence[_Scored]) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the places that answers are predicted from, each once, and which token needs which."""
    numbers: dict[int, int] = {}
    wanted: list[int] = []
    for one in scored:
        # The last place of the prompt predicts the first token, and so on.
        path = _trace(one.tree, one.columns)[-len(one.tokens) :]
        wanted.extend(numbers.setdefault(place, len(numbers)) for place in path)
    return torch.tensor(list(numbers)), torch.tensor(wanted)


def _trace(stretch: _Stretch, columns: _Columns) -> list[int]:
    """Return the place in the flattened rows of each column."""
    count = min(stretch.width, columns.shape[1])
    places = list(range(stretch.start, stretch.start + count))
    rest = columns[:, count:]
    branch = _find_branch(stretch, rest) if rest.shape[1] else None
    return places if branch is None else places + _trace(branch, rest)


def _clips_in_order(columns: _Columns) -> list[int]:
    """Return the numbers of a row's clips in the order of their first places."""
    numbers = columns[_CLIP]
    begins = (numbers != 0) & (numbers != np.concatenate([[0], numbers[:-1]]))
    return [int(number) for number in numbers[begins]]
