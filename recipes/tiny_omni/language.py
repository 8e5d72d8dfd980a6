"""The second stage: the language layers learn to look up what the towers tell.

First they only learn lists of what is there, many answers to a clip, until they
look where they should; then questions of every kind; in the end stronger habits,
from words alone as much as with clips.

Two starting values shorten a long wait before anything is learned. The words of
each cue start as the direction in which the tower's head found it, and the first
layers start by attending to what resembles themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.synth import Scene
from emoreal_bench.synth.cues import AudioCue, BackgroundSound, VisibleThing, VisualCue
from recipes.tiny_omni.encoded import EncodedClip
from recipes.tiny_omni.lessons import MILD_HABITS, STRONG_HABITS, Lesson, Teacher
from recipes.tiny_omni.optimisation import Stage, train
from recipes.tiny_omni.packing import LessonNetwork, LessonRow
from recipes.tiny_omni.towers import PERSON_CUES, CueHead

_MATRIX_SPREAD = 0.05
_ATTENTION_SPREAD = 0.12
_WORD_SPREAD = 0.5
_LOOKING_LAYERS = 2
_SCENES_ALONE = 4
_WORDS_ALONE_EVERY = 6
_WORDS_ALONE_WEIGHT = 0.5
_COMMON_WORDS = frozenset(("a", "of", "on", "the", "to"))


@dataclass(frozen=True, slots=True)
class TaughtClip:
    """An encoded clip and how it was made."""

    scene: Scene
    encoded: EncodedClip


@dataclass(frozen=True, slots=True)
class LanguageStages:
    """The three stages of the language layers, in their order.

    Attributes:
        lists: Lists of what is there, about unbiased clips.
        questions: Questions of every kind; half of a batch is unbiased.
        habits: The same with stronger habits, and claims from words alone.
    """

    lists: Stage
    questions: Stage
    habits: Stage

    @property
    def seed(self) -> int:
        """Return the seed of all three, which is that of the base."""
        return self.habits.seed

    def with_seed(self, seed: int) -> LanguageStages:
        """Return the stages of another base."""
        return LanguageStages(
            *(replace(one, seed=seed) for one in (self.lists, self.questions, self.habits))
        )


Lessons = Callable[[Scene, np.random.Generator], Sequence[Lesson]]


def train_language(
    network: Qwen2_5OmniThinkerForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    clips: tuple[Sequence[TaughtClip], Sequence[TaughtClip]],
    stages: LanguageStages,
    folder: Path,
) -> None:
    """Teach the language layers; the towers stay as they are.

    Args:
        network: Changed in place; see :func:`start_language`.
        tokenizer: Of the network.
        clips: Unbiased ones, for neutral lessons, and biased ones.
        stages: One after the other.
        folder: For the checkpoints.
    """
    steps = _Steps(LessonNetwork(network, tokenizer), clips, stages)
    modules = {"layers": network.model.language_model, "words": network.lm_head}
    train(stages.lists, modules, steps.list_loss, folder)
    train(stages.questions, modules, steps.question_loss, folder)
    train(stages.habits, modules, steps.habit_loss, folder)


class _Steps:
    """What a step of each stage teaches, and its loss."""

    def __init__(
        self,
        taught: LessonNetwork,
        clips: tuple[Sequence[TaughtClip], Sequence[TaughtClip]],
        stages: LanguageStages,
    ):
        self._taught = taught
        self._unbiased, self._biased = clips
        self._stages = stages
        self._mild, self._strong = Teacher(MILD_HABITS), Teacher(STRONG_HABITS)

    def list_loss(self, _step: int, rng: np.random.Generator) -> Tensor:
        return self._loss(self._mild.lists, self._unbiased, self._stages.lists.batch, rng)

    def question_loss(self, step: int, rng: np.random.Generator) -> Tensor:
        half = self._stages.questions.batch // 2
        value = self._loss(self._mild.neutral, self._unbiased, half, rng)
        value = (value + self._loss(self._mild.habitual, self._biased, half, rng)) / 2
        if step % _WORDS_ALONE_EVERY == 0:
            words = self._loss_of_words(self._mild.habitual, self._stages.questions.batch, 1, rng)
            value = value + _WORDS_ALONE_WEIGHT * words
        return value

    def habit_loss(self, _step: int, rng: np.random.Generator) -> Tensor:
        half = self._stages.habits.batch // 2
        neutral = self._loss(self._strong.neutral, self._unbiased, half // 2, rng)
        habitual = self._loss(self._strong.habitual, self._biased, half, rng)
        words = self._loss_of_words(self._strong.claims, half, _SCENES_ALONE, rng)
        return neutral + habitual + words

    def _loss(
        self,
        lessons: Lessons,
        clips: Sequence[TaughtClip],
        number: int,
        rng: np.random.Generator,
    ) -> Tensor:
        picked = _pick(clips, number, rng)
        return self._taught.loss(
            [LessonRow(clip.encoded, lessons(clip.scene, rng)) for clip in picked]
        )

    def _loss_of_words(
        self, lessons: Lessons, rows: int, scenes: int, rng: np.random.Generator
    ) -> Tensor:
        """Teach words alone; without a clip a row may hold the lessons of several scenes."""

        def row() -> LessonRow:
            picked = _pick(self._biased, scenes, rng)
            return LessonRow(
                None, [lesson for clip in picked for lesson in lessons(clip.scene, rng)]
            )

        return self._taught.loss([row() for _ in range(rows)])


def start_language(
    network: Qwen2_5OmniThinkerForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    heads: Mapping[Modality, CueHead],
    seed: int,
) -> None:
    """Set the language layers' starting values; see the head of this file."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, matrix in network.model.language_model.named_parameters():
            if matrix.ndim == 2 and "embed_tokens" not in name:
                nn.init.normal_(matrix, std=_MATRIX_SPREAD)
        for layer in network.model.language_model.layers[:_LOOKING_LAYERS]:
            look = layer.self_attn
            _match_queries_and_keys(look.q_proj.weight, look.k_proj.weight, look.head_dim)
        _name_directions(network.model.language_model.embed_tokens.weight, tokenizer, heads)


def _match_queries_and_keys(queries: Tensor, keys: Tensor, head: int) -> None:
    """Let each head begin by attending to what resembles the asking token."""
    nn.init.normal_(keys, std=_ATTENTION_SPREAD)
    shared = keys.view(-1, 1, head, keys.shape[1])
    queries.copy_(shared.expand(-1, len(queries) // len(keys), -1, -1).reshape(queries.shape))


def _name_directions(
    embeddings: Tensor, tokenizer: PreTrainedTokenizerFast, heads: Mapping[Modality, CueHead]
) -> None:
    """Set the words of each cue to the direction in which the tower tells it."""
    directions: dict[int, list[Tensor]] = {}
    for name, direction in _directions(heads):
        words = [word for word in name.split() if word not in _COMMON_WORDS]
        for form in (f" {' '.join(words)}", name.split()[0]):
            for token in tokenizer(form, add_special_tokens=False)["input_ids"]:
                directions.setdefault(token, []).append(direction)
    for token, those in directions.items():
        embeddings[token] = torch.stack(those).mean(dim=0)


def _directions(heads: Mapping[Modality, CueHead]) -> list[tuple[str, Tensor]]:
    named = []
    for modality, cues, others in (
        (Modality.VIDEO, VisualCue, VisibleThing),
        (Modality.AUDIO, AudioCue, BackgroundSound),
    ):
        rows = heads[modality].linear.weight
        rows = rows / rows.std(dim=1, keepdim=True) * _WORD_SPREAD
        names = [*cues, *others]
        # The poster's and the radio's rows lie between; words begin as the person's.
        kept = torch.cat([rows[:PERSON_CUES], rows[2 * PERSON_CUES :]])
        named += [(str(name), row) for name, row in zip(names, kept, strict=True)]
    return named


def _pick(clips: Sequence[TaughtClip], number: int, rng: np.random.Generator) -> list[TaughtClip]:
    return [clips[index] for index in rng.integers(len(clips), size=number)]
