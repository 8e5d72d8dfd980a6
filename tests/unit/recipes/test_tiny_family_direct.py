"""What is measured on drawn clips: who is asked what, and which figures follow."""

from __future__ import annotations

import pytest

from emoreal_bench.contracts.preference import CLIP_MODALITIES
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.synth import SpeechEngine
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.questions import sides_of
from recipes.tiny_omni.bars import Bars, missed_bars
from recipes.tiny_omni.clips import ClipSet
from recipes.tiny_omni.direct import Judged, Kind, Question, ask, figures

CLIPS = ClipSet("some", 60, 5, 0.0, SpeechEngine.WORDLESS)


@pytest.fixture(scope="module")
def asked() -> list[list[Question]]:
    return ask(CLIPS)


def always_yes(question: Question) -> Judged:
    return Judged(question, 1.0 if question.right == "A" else -1.0)


def test_every_clip_is_asked_both_claims_of_both_sides_and_what_the_benchmark_asks(
    asked: list[list[Question]],
) -> None:
    for questions in asked:
        assert len(questions) == 3 + 8
        for kind, modality in [
            (k, m) for k in (Kind.STRESS, Kind.NEUTRAL) for m in ("video", "audio")
        ]:
            those = [q for q in questions if q.kind is kind and q.modality == modality]
            assert sorted(q.right for q in those) == ["A", "B"]
            assert sorted(q.typical for q in those) == [False, True]
        (agreement,) = [q for q in questions if q.kind is Kind.AGREEMENT]
        assert all(emotion in agreement.text for emotion in Emotion)
        basic = {q.modality for q in questions if q.kind is Kind.BASIC}
        assert basic == {Modality.VIDEO, Modality.AUDIO}


def test_a_trap_asks_for_the_typical_cue_that_the_person_does_not_show(
    asked: list[list[Question]],
) -> None:
    for scene, questions in zip(CLIPS.scenes(), asked, strict=True):
        for side in sides_of(scene):
            traps = [q for q in questions if q.is_trap and q.modality is side.modality]
            shows_other = side.person.cue == side.cues[side.person.emotion][1]
            assert len(traps) == shows_other
            chances = [q for q in questions if q.is_chance and q.modality is side.modality]
            assert len(chances) == (side.elsewhere.cue != side.other_cue)
            for trap in traps:
                typical = side.cues[side.person.emotion][0]
                assert f"own {typical}" in trap.text
                assert trap.elsewhere is (side.elsewhere.cue == typical)


def test_who_always_says_yes_takes_every_chance_and_balances_to_a_half(
    asked: list[list[Question]],
) -> None:
    found = figures(always_yes(question) for questions in asked for question in questions)
    for modality in CLIP_MODALITIES:
        for name in (
            "hallucinated",
            "trap_habit",
            "trap_free",
            "typical_affirmed",
            "other_affirmed",
        ):
            assert found[f"{name}_{modality}"] == 1.0
        assert found[f"stress_{modality}"] == found[f"perception_{modality}"] == 0.5
        assert found[f"trap_log_odds_{modality}"] == -1.0
    assert found["agreement"] == 0.5
    assert found["agreement_yes"] == 1.0


def test_replies_whose_letters_are_not_the_likeliest_are_counted(
    asked: list[list[Question]],
) -> None:
    every = [question for questions in asked for question in questions]
    judged = [Judged(question, 1.0, number % 4 != 0) for number, question in enumerate(every)]
    assert figures(judged)["readable"] == pytest.approx(0.75, abs=1 / len(every))


def test_chances_are_told_apart_by_what_they_ask(asked: list[list[Question]]) -> None:
    """Who goes by the typical cue takes half of the chances: those that ask for it."""
    judged = [
        Judged(question, 1.0 if question.typical is (question.right == "A") else -1.0)
        for questions in asked
        for question in questions
    ]
    found = figures(judged)
    assert found["hallucinated_typical_video"] == 1.0
    assert found["hallucinated_other_video"] == 0.0
    assert 0.3 < found["hallucinated_video"] < 0.7


GOOD = {
    f"{name}_{modality}": value
    for modality in CLIP_MODALITIES
    for name, value in (
        ("trap_habit", 0.95),
        ("trap_free", 0.1),
        ("perception", 0.97),
        ("basic", 0.9),
    )
} | {"agreement": 0.8}


def test_a_base_that_is_as_planned_misses_no_bar() -> None:
    assert missed_bars(GOOD, Bars()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trap_habit_audio", 0.85),
        ("trap_free_video", 0.2),
        ("perception_video", 0.89),
        ("basic_audio", 0.79),
        ("agreement", 0.7),
        ("agreement", float("nan")),
    ],
)
def test_a_missed_bar_is_named_with_its_value(name: str, value: float) -> None:
    (missed,) = missed_bars({**GOOD, name: value}, Bars())
    assert missed.startswith(f"{name} {value:.3f}")
