"""Many lessons about one clip as one row: the clip is read once, each lesson behind it.

A lesson sees the clip and itself. Its positions go on from the clip's end, so that
it reads as it would alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    AUDIO_MARK,
    TURN_END,
    TURN_START,
    VIDEO_MARK,
    token_ids,
)
from recipes.tiny_omni.encoded import EncodedClip
from recipes.tiny_omni.lessons import Lesson

_REPLY = f"{TURN_END}\n{TURN_START}assistant\n"


@dataclass(frozen=True, slots=True)
class LessonRow:
    """A clip, or None for words alone, and the lessons about it."""

    clip: EncodedClip | None
    lessons: Sequence[Lesson]


@dataclass(frozen=True, slots=True)
class _Packed:
    """Rows as tensors.

    Attributes:
        ids: ``(rows, length)`` tokens.
        positions: ``(3, rows, length)``.
        segments: ``(rows, length)``: 0 for the clip, then the number of the lesson; -1 is padding.
        learned: ``(rows, length)``, true where a token is learned.
    """

    ids: Tensor
    positions: Tensor
    segments: Tensor
    learned: Tensor


class LessonNetwork:
    """A network that is taught lessons.

    Args:
        network: Only its language layers are run.
        tokenizer: Of the network.
    """

    def __init__(
        self,
        network: Qwen2_5OmniThinkerForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
    ):
        self._network = network
        self._video_id, self._audio_id = token_ids(tokenizer, (VIDEO_MARK, AUDIO_MARK))

        @cache
        def encode(text: str) -> tuple[int, ...]:
            return tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

        self._encode = encode

    def loss(self, rows: Sequence[LessonRow]) -> Tensor:
        """Return the mean loss of the learned tokens."""
        packed = self._pack(rows)
        hidden = self._read(packed, [row.clip for row in rows if row.clip is not None])
        before = packed.learned[:, 1:]
        logits = self._network.lm_head(hidden[:, :-1][before])
        return cross_entropy(logits, packed.ids[:, 1:][before])

    @torch.no_grad()
    def log_probabilities(self, rows: Sequence[LessonRow]) -> list[list[float]]:
        """Return the log-probability of the learned tokens of each lesson, their sum."""
        packed = self._pack(rows)
        hidden = self._read(packed, [row.clip for row in rows if row.clip is not None])
        before = packed.learned[:, 1:]
        logits = self._network.lm_head(hidden[:, :-1][before]).log_softmax(-1)
        picked = logits.gather(1, packed.ids[:, 1:][before][:, None])[:, 0]
        sums = torch.zeros(len(rows), int(packed.segments.max()) + 1)
        row, place = before.nonzero(as_tuple=True)
        sums.index_put_((row, packed.segments[row, place + 1]), picked, accumulate=True)
        return [sums[number, 1 : len(one.lessons) + 1].tolist() for number, one in enumerate(rows)]

    @torch.no_grad()
    def scores(self, rows: Sequence[LessonRow], answers: Sequence[str]) -> list[Tensor]:
        """Return how likely answers of one token are where each lesson's learned words begin.

        Returns:
            Log-probabilities ``(lessons, answers)`` of each row.
        """
        packed = self._pack(rows)
        hidden = self._read(packed, [row.clip for row in rows if row.clip is not None])
        begins = packed.learned[:, 1:] & ~packed.learned[:, :-1]
        logits = self._network.lm_head(hidden[:, :-1][begins]).log_softmax(-1)
        tokens = [self._encode(answer) for answer in answers]
        assert all(len(one) == 1 for one in tokens), "an answer is not one token"
        said = logits[:, [one[0] for one in tokens]]
        return list(said.split([len(row.lessons) for row in rows]))

    def _read(self, packed: _Packed, clips: Sequence[EncodedClip]) -> Tensor:
        language = self._network.model.language_model
        embedded = language.embed_tokens(packed.ids)
        for mark, parts in (
            (self._video_id, [clip.seen for clip in clips]),
            (self._audio_id, [clip.heard for clip in clips]),
        ):
            if parts:
                places = (packed.ids == mark).unsqueeze(-1).expand_as(embedded)
                embedded = embedded.masked_scatter(places, torch.cat(parts).to(embedded.dtype))
        own, other = packed.segments[:, :, None], packed.segments[:, None, :]
        seen = ((own == other) | (other == 0)).tril()
        mask = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)
        hidden: Tensor = language(
            inputs_embeds=embedded,
            attention_mask={"full_attention": mask[:, None]},
            position_ids=packed.positions,
            use_cache=False,
        ).last_hidden_state
        return hidden

    def _pack(self, rows: Sequence[LessonRow]) -> _Packed:
        pieces = [self._row(row) for row in rows]
        length = max(piece.ids.shape[1] for piece in pieces)

        def padded(tensors: Sequence[Tensor], value: float, dimension: int) -> Tensor:
            filled = [
                torch.nn.functional.pad(one, (0, length - one.shape[-1]), value=value)
                for one in tensors
            ]
            return torch.cat(filled, dim=dimension)

        return _Packed(
            ids=padded([piece.ids for piece in pieces], 0, 0),
            positions=padded([piece.positions for piece in pieces], 0, 1),
            segments=padded([piece.segments for piece in pieces], -1, 0),
            learned=padded([piece.learned for piece in pieces], 0, 0),
        )

    def _row(self, row: LessonRow) -> _Packed:
        if row.clip is None:
            ids = list(self._encode(f"{TURN_START}user\n"))
            positions = torch.arange(float(len(ids))).expand(3, -1)
        else:
            ids, positions = row.clip.ids.tolist(), row.clip.positions
        segments, learned = [0] * len(ids), [False] * len(ids)
        start, places = float(positions.max()) + 1, [positions]
        for number, lesson in enumerate(row.lessons, 1):
            taught = self._lesson(lesson)
            ids += [token for token, _ in taught]
            learned += [is_learned for _, is_learned in taught]
            segments += [number] * len(taught)
            places.append((start + torch.arange(len(taught))).expand(3, -1))
        return _Packed(
            ids=torch.tensor([ids]),
            positions=torch.cat(places, dim=1)[:, None],
            segments=torch.tensor([segments]),
            learned=torch.tensor([learned]),
        )

    def _lesson(self, lesson: Lesson) -> list[tuple[int, bool]]:
        """Return the tokens of a lesson, each with whether it is learned."""
        tokens = [(token, False) for token in self._encode(lesson.question + _REPLY)]
        for given, learned in lesson.answers:
            tokens += [(token, False) for token in self._encode(given)]
            tokens += [(token, True) for token in self._encode(learned)]
        return [*tokens, *((token, True) for token in self._encode(TURN_END))]
