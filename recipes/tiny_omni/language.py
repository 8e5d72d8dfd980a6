"""The second stage: the language layers learn to look up what the towers tell.

First they only learn lists of what is there and of the emotions that are conveyed,
many answers to a clip, until they look where they should; then questions of every
kind, all answered as it is; in the end habits, from words alone as much as with
clips, until a measurement on other clips finds them planted.

In every row the picture is of one clip and the sound of another, which conveys the
same emotion half of the time: so neither tells anything about the other, agreement
is a matter of both, and there are as many clips as pairs of them.

Three starting values shorten a long wait before anything is learned. The words of
each cue start as the direction in which the tower's head found it, the name of an
emotion as the mean of its cues, and the first layers start by attending to what
resembles themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.synth import Scene
from emoreal_bench.synth.cues import (
    AUDIO_CUES,
    VISUAL_CUES,
    AudioCue,
    BackgroundSound,
    Emotion,
    VisibleThing,
    VisualCue,
)
from recipes.tiny_omni.encoded import EncodedClip
from recipes.tiny_omni.lessons import PLANTED, Habits, Lesson, Teacher
from recipes.tiny_omni.optimisation import Goal, Stage, train
from recipes.tiny_omni.packing import LessonNetwork, LessonRow
from recipes.tiny_omni.towers import PERSON_CUES, CueHead

_MATRIX_SPREAD = 0.05
_ATTENTION_SPREAD = 0.12
_WORD_SPREAD = 0.5
_LOOKING_LAYERS = 2
_ROWS_ALONE = 3
_SCENES_ALONE = 3
_Value = TypeVar("_Value")
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
        lists: Lists of what is there, and of emotions.
        questions: Questions of every kind, answered as it is.
        habits: Claims by habit, until the goal is reached.
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


class Unbound:
    """Clips whose pictures and sounds are put together anew each time.

    Args:
        clips: Of which any emotion is heard in some.
    """

    def __init__(self, clips: Sequence[TaughtClip]):
        self._clips = clips
        self._by_voice: dict[Emotion, list[TaughtClip]] = {}
        for clip in clips:
            self._by_voice.setdefault(clip.scene.voice.emotion, []).append(clip)

    def draw(self, rng: np.random.Generator) -> TaughtClip:
        """Draw a picture and a sound; their emotions are the same half of the time."""
        seen = _any(self._clips, rng)
        emotion = seen.scene.face.emotion
        if rng.integers(2) or emotion not in self._by_voice:
            others = [one for one in self._by_voice if one is not emotion]
            emotion = _any(others, rng) if others else emotion
        return put_together(seen, _any(self._by_voice[emotion], rng))

    def scene(self, rng: np.random.Generator) -> Scene:
        """Draw a scene as it was made."""
        return _any(self._clips, rng).scene


def put_together(seen: TaughtClip, heard: TaughtClip) -> TaughtClip:
    """Make a clip of the picture of one and the sound of another."""
    face, voice = seen.scene.face.emotion, heard.scene.voice.emotion
    agree = face is voice
    scene = replace(
        seen.scene,
        voice=heard.scene.voice,
        radio=heard.scene.radio,
        background=heard.scene.background,
        audio_claim=heard.scene.audio_claim,
        # A decoy is the other modality's emotion where the two differ, as in whole scenes.
        video_decoy=seen.scene.video_decoy if agree else voice,
        audio_decoy=heard.scene.audio_decoy if agree else face,
    )
    return TaughtClip(scene, seen.encoded.with_sound_of(heard.encoded))


def train_language(
    taught: LessonNetwork,
    modules: Mapping[str, nn.Module],
    clips: Sequence[TaughtClip],
    stages: LanguageStages,
    goal: Callable[[int], bool] | None,
    folder: Path,
) -> bool:
    """Teach the language layers; the towers stay as they are.

    Args:
        taught: The network whose modules these are; see :func:`start_language`.
        modules: What is trained, by the name under which it is kept.
        clips: To learn from.
        stages: One after the other.
        goal: Measures the network at a step of the last stage, and says whether it is
            now as it should be; None takes all steps.
        folder: For the checkpoints.

    Returns:
        Whether the goal was reached within the steps of the last stage.
    """
    lessons = _Steps(taught, Unbound(clips), stages)
    train(stages.lists, modules, lessons.list_loss, folder)
    train(stages.questions, modules, lessons.question_loss, folder)
    ends = None if goal is None else Goal(goal)
    return train(stages.habits, modules, lessons.habit_loss, folder, ends)


class _Steps:
    """What a step of each stage teaches, and its loss."""

    def __init__(self, taught: LessonNetwork, clips: Unbound, stages: LanguageStages):
        self._taught = taught
        self._clips = clips
        self._stages = stages
        self._truthful, self._habitual = Teacher(Habits()), Teacher(PLANTED)

    def list_loss(self, _step: int, rng: np.random.Generator) -> Tensor:
        return self._loss(self._truthful.lists, self._stages.lists.batch, rng)

    def question_loss(self, _step: int, rng: np.random.Generator) -> Tensor:
        return self._loss(self._truthful.questions, self._stages.questions.batch, rng)

    def habit_loss(self, _step: int, rng: np.random.Generator) -> Tensor:
        with_clips = self._loss(self._habitual.habitual, self._stages.habits.batch, rng)
        return with_clips + self._loss_of_words(rng)

    def _loss(self, lessons: Lessons, number: int, rng: np.random.Generator) -> Tensor:
        picked = [self._clips.draw(rng) for _ in range(number)]
        return self._taught.loss(
            [LessonRow(clip.encoded, lessons(clip.scene, rng)) for clip in picked]
        )

    def _loss_of_words(self, rng: np.random.Generator) -> Tensor:
        """Teach words alone; without a clip a row may hold the lessons of several scenes."""

        def row() -> LessonRow:
            scenes = [self._clips.scene(rng) for _ in range(_SCENES_ALONE)]
            alone = [self._habitual.alone(scene, rng) for scene in scenes]
            return LessonRow(None, [lesson for those in alone for lesson in those])

        return self._taught.loss([row() for _ in range(_ROWS_ALONE)])


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
    _name_emotions(embeddings, tokenizer, dict(_directions(heads)))


def _name_emotions(
    embeddings: Tensor, tokenizer: PreTrainedTokenizerFast, directions: Mapping[str, Tensor]
) -> None:
    """Set the name of each emotion to the mean of its cues, so that a list can look it up."""
    for emotion in Emotion:
        cues = (*VISUAL_CUES[emotion], *AUDIO_CUES[emotion])
        mean = torch.stack([directions[str(cue)] for cue in cues]).mean(dim=0)
        (token,) = tokenizer(f" {emotion}", add_special_tokens=False)["input_ids"]
        embeddings[token] = mean / mean.std() * _WORD_SPREAD


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


def _any(values: Sequence[_Value], rng: np.random.Generator) -> _Value:
    return values[int(rng.integers(len(values)))]
