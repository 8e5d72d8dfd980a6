"""The tokenizer of the family: byte-level, with the words of its lessons whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from emoreal_bench.model_adapters.local.qwen_omni.inputs import MARKS
from emoreal_bench.synth import SpeechEngine, Split, SynthSettings, make_scenes
from recipes.tiny_omni.lessons import MILD_HABITS, Lesson, Teacher

VOCABULARY_SIZE = 1024
_QUESTIONS = 2500
_SEED = 100

# Words of other questions and replies about people; every byte is in the vocabulary
# besides, so that any text can be read and written.
_COMMON_WORDS = """
system user assistant You are a helpful assistant.
Is there a bright smile in the clip? Which visual cue shows this? Which sound is in the clip?
The person in the video feels happy. What can be seen? What can be heard? Does the person look sad?
Answer with yes or no. Answer with one word. Because it seems so. (E) (F) (G) E F G
happy sad angry afraid surprised disgusted calm worried
face eyes brows mouth lips cheeks tears voice speech tone laughter silence music room
the and of with from that this her his their she he they has have shows suggests indicates
"""


def train_tokenizer() -> Tokenizer:
    """Train the tokenizer on lessons; it splits letters from their brackets."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        _texts(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY_SIZE,
            special_tokens=list(MARKS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer


def _texts() -> Iterator[str]:
    yield _COMMON_WORDS
    teacher = Teacher(MILD_HABITS)
    settings = SynthSettings(
        items=_QUESTIONS, seed=_SEED, split=Split.TRAIN, speech=SpeechEngine.WORDLESS
    )
    for scene in make_scenes(settings):
        rng = np.random.default_rng([_SEED, scene.index])
        for lesson in (*teacher.neutral(scene, rng), *teacher.habitual(scene, rng)):
            yield _text(lesson)


def _text(lesson: Lesson) -> str:
    return lesson.question + "\n" + "".join(given + learned for given, learned in lesson.answers)
