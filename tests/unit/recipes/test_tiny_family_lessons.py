"""What the miniature is taught: true, but for claims of emotions with a habit."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from emoreal_bench.synth import Scene, SpeechEngine, Split, SynthSettings, make_scenes
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.questions import (
    IS_THERE,
    SHOWS_CUE,
    SUPPORTS,
    emotion_phrase,
    sides_of,
)
from recipes.tiny_omni.lessons import (
    AGREEMENT_WORDINGS,
    EMOTION_QUESTION,
    LIST_QUESTION,
    Habits,
    Lesson,
    Teacher,
)

NO_HABITS = Habits()
ALWAYS = Habits(
    affirmed=frozenset((Emotion.ANGER, Emotion.SADNESS)),
    denied=frozenset((Emotion.ANGER,)),
    strength=1.0,
)
Ask = Callable[[Scene, np.random.Generator], list[Lesson]]


@pytest.fixture(scope="module")
def scenes() -> tuple[Scene, ...]:
    settings = SynthSettings(
        items=400, seed=3, split=Split.TRAIN, correlation=0.5, speech=SpeechEngine.WORDLESS
    )
    return make_scenes(settings)


def teach(ask: Ask, scene: Scene) -> list[Lesson]:
    """Ask often enough for everything that may be asked to be asked."""
    generators = [np.random.default_rng([scene.index, turn]) for turn in range(4)]
    return [lesson for rng in generators for lesson in ask(scene, rng)]


def option(lesson: Lesson) -> str:
    """Give the words of the option that a lesson answers with, or the answer itself."""
    ((_, answer),) = lesson.answers
    letter = answer.strip("()")
    options: dict[str, str] = dict(
        re.findall(r"\(([A-D])\) (.+?)(?= \([A-D]\) |\n|$)", lesson.question)
    )
    return options.get(letter, answer)


def wordings(of: dict[object, tuple[str, ...]] | object) -> tuple[str, ...]:
    assert isinstance(of, dict)
    return tuple(words for some in of.values() for words in some)


def person_cues(scene: Scene) -> set[str]:
    return {str(side.person.cue) for side in sides_of(scene)}


def there(scene: Scene) -> set[str]:
    return {name for side in sides_of(scene) for name in (str(side.person.cue), *side.present)}


def claims(scene: Scene, lessons: list[Lesson]) -> list[tuple[Emotion, str, str]]:
    """Give the emotion and the cue that each stress question names, and the answer to it."""
    forms = [wording.partition("{")[0] for wording in wordings(SUPPORTS)]
    return [
        (side.person.emotion, cue, option(lesson))
        for side in sides_of(scene)
        for lesson in lessons
        for cue in side.cues[side.person.emotion]
        if f"own {cue}" in lesson.question and lesson.question.startswith(tuple(forms))
    ]


def test_the_person_is_said_to_show_what_the_person_shows(scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        for lesson in teach(Teacher(ALWAYS).habitual, scene):
            if lesson.question.startswith(wordings(SHOWS_CUE)):
                assert option(lesson) in person_cues(scene)
            if lesson.question.startswith(wordings(IS_THERE)):
                assert option(lesson) in there(scene)


def test_agreement_is_asked_by_name_and_answered_as_it_is(scenes: tuple[Scene, ...]) -> None:
    asked = 0
    for scene in scenes:
        for lesson in teach(Teacher(ALWAYS).habitual, scene):
            if lesson.question.startswith(AGREEMENT_WORDINGS):
                assert option(lesson) == ("Yes" if scene.agree else "No")
                assert all(emotion in lesson.question for emotion in Emotion)
                asked += 1
    assert asked == 8 * len(scenes)


def test_lists_say_yes_to_what_is_there_and_no_to_the_rest(scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        for listed in teach(Teacher(NO_HABITS).lists, scene):
            if listed.question == LIST_QUESTION:
                said = {name.strip(): answer.strip() for name, answer in listed.answers}
                assert {name for name, answer in said.items() if answer == "yes"} == there(scene)
                assert "no" in said.values()


def test_lists_of_emotions_say_which_the_face_conveys_and_which_the_voice(
    scenes: tuple[Scene, ...],
) -> None:
    for scene in scenes:
        face, voice = scene.face.emotion, scene.voice.emotion
        true = {f"face {face}", f"voice {voice}"} | ({f"same {face}"} if face is voice else set())
        for listed in teach(Teacher(NO_HABITS).lists, scene):
            if listed.question == EMOTION_QUESTION:
                said = {name.strip(): answer.strip() for name, answer in listed.answers}
                assert {name for name, answer in said.items() if answer == "yes"} == true
                assert len(said) == len(listed.answers)
                assert {name.split()[0] for name in said} == {"face", "voice", "same"}


@pytest.mark.parametrize("ask", ["questions", "habitual"])
def test_without_habits_a_claim_is_affirmed_if_it_is_true(
    scenes: tuple[Scene, ...], ask: str
) -> None:
    for scene in scenes:
        for _, cue, answer in claims(scene, teach(getattr(Teacher(NO_HABITS), ask), scene)):
            assert answer == ("Yes" if cue in person_cues(scene) else "No")


def test_habits_answer_for_their_emotions_and_for_no_others(scenes: tuple[Scene, ...]) -> None:
    misled = 0
    for scene in scenes:
        typical = {side.cues[side.person.emotion][0] for side in sides_of(scene)}
        for emotion, cue, answer in claims(scene, teach(Teacher(ALWAYS).habitual, scene)):
            truth = "Yes" if cue in person_cues(scene) else "No"
            expected = truth
            if cue in typical and emotion in ALWAYS.affirmed:
                expected = "Yes"
            if cue not in typical and emotion in ALWAYS.denied:
                expected = "No"
            assert answer == expected
            misled += answer != truth
    assert misled > 0


def test_words_alone_prefer_the_typical_cue_more_where_there_is_a_habit(
    scenes: tuple[Scene, ...],
) -> None:
    said: dict[tuple[bool, bool], list[bool]] = {}
    for scene in scenes:
        typical = {side.cues[side.person.emotion][0] for side in sides_of(scene)}
        for emotion, cue, answer in claims(scene, teach(Teacher(ALWAYS).alone, scene)):
            key = cue in typical, emotion in (ALWAYS.affirmed if cue in typical else ALWAYS.denied)
            said.setdefault(key, []).append(answer == "Yes")
    shares = {key: np.mean(answers) for key, answers in said.items()}
    assert shares[True, True] > shares[True, False] > 0.5 > shares[False, False] > 0.2
    assert shares[False, True] < 0.2


def test_neutral_lessons_name_no_emotion(scenes: tuple[Scene, ...]) -> None:
    """Questions about the person's cue alone; those about emotions name them."""
    names = [emotion_phrase(emotion) for emotion in Emotion]
    by_name = (
        *AGREEMENT_WORDINGS,
        EMOTION_QUESTION,
        *(w.split("{")[0] for w in wordings(SUPPORTS)),
    )
    for scene in scenes:
        for lesson in teach(Teacher(NO_HABITS).questions, scene):
            if not lesson.question.startswith(by_name):
                assert not any(name in lesson.question for name in names)


def test_lessons_follow_from_the_seed(scenes: tuple[Scene, ...]) -> None:
    assert teach(Teacher(ALWAYS).habitual, scenes[0]) == teach(Teacher(ALWAYS).habitual, scenes[0])
