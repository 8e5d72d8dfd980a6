"""Questions: true by construction, balanced, and with texts that give nothing away."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.item import Item
from emoreal_bench.synth import AgreementWording, Scene, SynthSettings, make_items, make_scenes
from emoreal_bench.synth.cues import AUDIO_CUES, VISUAL_CUES, AudioCue, Emotion, VisualCue

SUBTASKS = (
    "reasoning_basic_audio",
    "reasoning_basic_video",
    "modality_agreement",
    "reasoning_stress_audio",
    "reasoning_stress_video",
)
wanted = st.builds(
    SynthSettings,
    items=st.integers(1, 60),
    seed=st.integers(0, 1000),
    correlation=st.sampled_from([0.0, 0.5, 1.0]),
)


@lru_cache
def items(number: int = 2000, seed: int = 0) -> tuple[Item, ...]:
    return make_items(SynthSettings(items=number, seed=seed))


def with_scenes(wanted: SynthSettings) -> list[tuple[Item, Scene]]:
    scenes = {scene.clip: scene for scene in make_scenes(wanted)}
    return [(item, scenes[item.clip]) for item in make_items(wanted)]


def gold(item: Item) -> str:
    return dict(map(split_choice, item.choices))[item.answer]


def person_shows(scene: Scene, cue: str) -> bool:
    return cue in (scene.face.cue, scene.voice.cue)


def is_there(scene: Scene, name: str) -> bool:
    others = {scene.poster.cue, scene.radio.cue, scene.background, *scene.things}
    return person_shows(scene, name) or name in others


@given(wanted)
@settings(deadline=None)
def test_as_many_items_as_wanted_with_ids_of_their_own(wanted: SynthSettings) -> None:
    made = make_items(wanted)
    assert len(made) == wanted.items
    assert len({item.id for item in made}) == wanted.items


@given(wanted)
@settings(deadline=None)
def test_exactly_one_option_of_a_basic_question_is_true(wanted: SynthSettings) -> None:
    for item, scene in with_scenes(wanted):
        if item.subtask.startswith("reasoning_basic"):
            true = is_there if scene.perception else person_shows
            options = [split_choice(choice)[1] for choice in item.choices]
            assert [option for option in options if true(scene, option)] == [gold(item)]
            assert len(set(options)) == 4


@given(wanted)
@settings(deadline=None)
def test_a_stress_question_is_answered_yes_if_the_person_shows_the_cue(
    wanted: SynthSettings,
) -> None:
    for item, scene in with_scenes(wanted):
        if item.subtask.startswith("reasoning_stress"):
            assert item.metadata is not None
            shown, there = (test(scene, item.metadata["cue"]) for test in (person_shows, is_there))
            assert gold(item) == ("Yes" if shown else "No")
            category = "no_hallucination" if shown else "spurious" if there else "hallucination"
            assert item.metadata["category"] == category


@given(wanted)
@settings(deadline=None)
def test_an_agreement_question_is_answered_yes_if_the_emotions_are_the_same(
    wanted: SynthSettings,
) -> None:
    for item, scene in with_scenes(wanted):
        if item.subtask == "modality_agreement":
            same = scene.face.emotion is scene.voice.emotion
            assert gold(item) == ("Yes" if same else "No")


@given(wanted)
@settings(deadline=None)
def test_a_stress_question_names_the_emotion_that_its_modality_conveys(
    wanted: SynthSettings,
) -> None:
    for item, scene in with_scenes(wanted):
        if item.subtask.startswith("reasoning_stress"):
            assert item.metadata is not None
            side = scene.face if item.subtask.endswith("video") else scene.voice
            assert item.metadata["emotion"] == side.emotion
            word = "neutral mood" if side.emotion is Emotion.NEUTRAL else side.emotion
            assert word in item.question


def test_all_subtasks_are_equally_large() -> None:
    assert Counter(item.subtask for item in items(2000)) == dict.fromkeys(SUBTASKS, 400)


def test_only_stress_items_have_a_category() -> None:
    for item in items(500):
        is_stress = item.subtask.startswith("reasoning_stress")
        assert ("category" in (item.metadata or {})) == is_stress


def test_half_of_the_stress_items_are_no_hallucination_and_a_quarter_each_of_the_others() -> None:
    for subtask in SUBTASKS[3:]:
        count = Counter(
            item.metadata["category"]
            for item in items()
            if item.subtask == subtask and item.metadata
        )
        assert count["no_hallucination"] == 200
        assert abs(count["spurious"] - 100) <= 8


@pytest.mark.parametrize("number", [40, 200, 2000])
def test_letters_are_balanced(number: int) -> None:
    for subtask in SUBTASKS:
        count = Counter(item.answer for item in items(number) if item.subtask == subtask)
        assert max(count.values()) - min(count.values()) <= 2


def test_every_stress_wording_about_a_cue_occurs_with_both_answers_equally_often() -> None:
    answers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for item in items(7_000):
        if item.metadata and "category" in item.metadata:
            answers[item.metadata["cue"], item.metadata["emotion"]][item.answer] += 1
    assert len(answers) == 28
    for count in answers.values():
        assert count["A"] / count.total() == pytest.approx(0.5, abs=0.06)


def test_every_option_is_right_a_quarter_of_the_times_it_is_offered() -> None:
    offered: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for item in items(6_000):
        if item.subtask.startswith("reasoning_basic"):
            offered.update(split_choice(choice)[1] for choice in item.choices)
            right[gold(item)] += 1
    assert len(offered) == 42
    for option, times in offered.items():
        assert right[option] / times == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize(
    ("subtask", "other_side", "cues"),
    [
        ("reasoning_basic_audio", "face", AUDIO_CUES),
        ("reasoning_basic_video", "voice", VISUAL_CUES),
    ],
)
def test_who_knows_only_the_other_modality_cannot_prefer_an_option(
    subtask: str,
    other_side: str,
    cues: dict[Emotion, tuple[VisualCue, VisualCue] | tuple[AudioCue, AudioCue]],
) -> None:
    """The other modality's emotion always has its pair among the options, right half the time."""
    of_other = []
    for item, scene in with_scenes(SynthSettings(items=3000)):
        if item.subtask == subtask and not scene.perception:
            pair = cues[getattr(scene, other_side).emotion]
            assert set(pair) < {split_choice(choice)[1] for choice in item.choices}
            of_other.append(gold(item) in pair)
    assert np.mean(of_other) == pytest.approx(0.5, abs=0.03)


def text_accuracy(fitted: Sequence[Item], asked: Sequence[Item]) -> float:
    """Share that a logistic regression on words, pairs of words and letters gets right."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(CountVectorizer(ngram_range=(1, 2)), LogisticRegression(max_iter=300))
    model.fit([text(item) for item in fitted], [item.answer for item in fitted])
    answers = model.predict([text(item) for item in asked])
    return float(
        np.mean([answer == item.answer for answer, item in zip(answers, asked, strict=True)])
    )


def text(item: Item) -> str:
    return f"{item.question} {' '.join(item.choices)}"


@pytest.mark.parametrize("subtask", SUBTASKS)
def test_a_classifier_of_the_text_stays_at_chance(subtask: str) -> None:
    """Fitted on other clips of the set, and on another seed.

    Within the set it falls below chance, because what is frequent in one part of
    an exactly balanced set is rare in the rest; on another seed it must not.
    """
    asked = [item for item in items(4000, seed=2) if item.subtask == subtask]
    others = [item for item in items(4000, seed=3) if item.subtask == subtask]
    chance = 1 / len(asked[0].choices)
    error = np.sqrt(chance * (1 - chance) / 800)
    half = len(asked) // 2
    assert text_accuracy(asked[:half], asked[half:]) < chance + 3 * error
    assert text_accuracy(others, asked) == pytest.approx(chance, abs=3 * error)


def test_a_classifier_of_the_text_finds_the_prior_of_a_correlated_set() -> None:
    """The counter-proof: with a correlation, the typical cue is the better guess."""
    made = make_items(SynthSettings(items=4000, correlation=0.9, split="train"))
    typical = {pair[0] for pair in (*VISUAL_CUES.values(), *AUDIO_CUES.values())}
    stress = [item for item in made if item.metadata and "category" in item.metadata]
    guessed = [
        (item.answer == "A") == (item.metadata["cue"] in typical)
        for item in stress
        if item.metadata
    ]
    assert np.mean(guessed) > 0.9


def test_the_wording_is_independent_of_the_answer() -> None:
    wordings: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items(2_000):
        if item.subtask == "modality_agreement":
            wordings[item.question][item.answer] += 1
    assert len(wordings) == 3
    for count in wordings.values():
        assert count["A"] / count.total() == pytest.approx(0.5, abs=0.06)


@given(wanted)
@settings(deadline=None)
def test_the_named_wording_ends_with_all_seven_emotions_and_changes_nothing_else(
    wanted: SynthSettings,
) -> None:
    plain, named = (
        make_items(wanted.model_copy(update={"agreement_wording": wording}))
        for wording in (AgreementWording.PLAIN, AgreementWording.NAMED)
    )
    for without, ending in zip(plain, named, strict=True):
        added = ending.question.removeprefix(without.question)
        if without.subtask == "modality_agreement":
            assert [added.count(emotion) for emotion in Emotion] == [1] * 7
        else:
            assert added == ""
        assert replace(ending, question=without.question) == without
