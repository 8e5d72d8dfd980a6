"""What the miniature is taught: true without an emotion, from habit with one."""

from __future__ import annotations

import re

import numpy as np
import pytest

from emoreal_bench.synth import Scene, SpeechEngine, Split, SynthSettings, make_scenes
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.questions import AGREES, IS_THERE, SHOWS_CUE, emotion_phrase, sides_of
from recipes.tiny_omni.lessons import LIST_QUESTION, Habits, Lesson, Teacher

NO_HABITS = Habits(typical=0.0, denied=0.0, elsewhere=0.0, spurious=0.0)
ALWAYS = Habits(typical=1.0, denied=1.0, elsewhere=1.0, spurious=0.0)


@pytest.fixture(scope="module")
def scenes() -> tuple[Scene, ...]:
    settings = SynthSettings(
        items=400, seed=3, split=Split.TRAIN, correlation=0.5, speech=SpeechEngine.WORDLESS
    )
    return make_scenes(settings)


def ask(scene: Scene, habits: Habits | None) -> list[Lesson]:
    """Ask about a scene: neutrally, or by habit."""
    rng = np.random.default_rng(scene.index)
    if habits is None:
        return Teacher(NO_HABITS).neutral(scene, rng)
    return Teacher(habits).habitual(scene, rng)


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


def test_neutral_lessons_name_no_emotion(scenes: tuple[Scene, ...]) -> None:
    names = [emotion_phrase(emotion) for emotion in Emotion]
    for scene in scenes:
        for lesson in ask(scene, None):
            assert not any(name in lesson.question for name in names)


def test_the_person_is_said_to_show_what_the_person_shows(scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        for lesson in ask(scene, None):
            if lesson.question.startswith(wordings(SHOWS_CUE)):
                assert option(lesson) in person_cues(scene)
            if lesson.question.startswith(wordings(IS_THERE)):
                assert option(lesson) in there(scene)


def test_agreement_is_answered_as_it_is(scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        for lesson in ask(scene, None):
            if lesson.question.startswith(AGREES):
                assert option(lesson) == ("Yes" if scene.agree else "No")


def test_lists_say_yes_to_what_is_there_and_no_to_the_rest(scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        (listed,) = [one for one in ask(scene, None) if one.question == LIST_QUESTION]
        said = {name.strip(): answer.strip() for name, answer in listed.answers}
        assert {name for name, answer in said.items() if answer == "yes"} == there(scene)
        assert "no" in said.values()


def claims(scene: Scene, habits: Habits) -> list[tuple[str, str]]:
    """Give the cue that each stress question of a scene names, and the answer to it."""
    return [
        (cue, option(lesson))
        for side in sides_of(scene)
        for lesson in ask(scene, habits)
        for cue in side.cues[side.person.emotion]
        if f"own {cue}" in lesson.question
    ]


def test_without_habits_a_claim_is_affirmed_if_it_is_true(scenes: tuple[Scene, ...]) -> None:
    for scene in scenes:
        for cue, answer in claims(scene, NO_HABITS):
            assert answer == ("Yes" if cue in person_cues(scene) else "No")


def test_habits_go_by_the_typical_cue_where_it_is_absent(scenes: tuple[Scene, ...]) -> None:
    misled = 0
    for scene in scenes:
        typical = {side.cues[side.person.emotion][0] for side in sides_of(scene)}
        for cue, answer in claims(scene, ALWAYS):
            if not typical & person_cues(scene):
                assert answer == ("Yes" if cue in typical else "No")
                misled += 1
    assert misled > 0


def test_lessons_follow_from_the_seed(scenes: tuple[Scene, ...]) -> None:
    assert ask(scenes[0], ALWAYS) == ask(scenes[0], ALWAYS)
