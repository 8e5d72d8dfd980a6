"""Pairs of the synthetic benchmark say what its scenes show, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.vocabulary import Alteration, AnswerForm, CueQuestion, Modality
from emoreal_bench.preferences.building.facts import Fact, fact
from emoreal_bench.preferences.building.known_cues import (
    CuePairOptions,
    make_cue_pairs,
    read_synth_settings,
)
from emoreal_bench.preferences.checking.measuring import letter_of, split_options
from emoreal_bench.synth import SynthSettings, make_scenes
from emoreal_bench.synth.questions import Side, sides_of
from emoreal_bench.synth.settings import SpeechEngine, Split

SETTINGS = SynthSettings(items=400, seed=5, split=Split.TRAIN, speech=SpeechEngine.WORDLESS)
SIDES = {
    (scene.clip, side.modality): side for scene in make_scenes(SETTINGS) for side in sides_of(scene)
}
PAIRS = make_cue_pairs(SETTINGS)


def of(kind: CueQuestion, form: AnswerForm) -> Iterator[tuple[PreferencePair, Side]]:
    for pair in PAIRS:
        if (fact(pair, Fact.KIND), fact(pair, Fact.FORM)) == (kind, form):
            assert pair.modality is not None
            yield pair, SIDES[pair.clip, pair.modality]


def there(side: Side) -> set[str]:
    return {str(cue) for cue in (side.person.cue, side.elsewhere.cue, *side.present)}


def in_full(pair: PreferencePair, answer: str | None) -> str | None:
    """Give the option that an answer's letter stands for."""
    letter = None if answer is None else letter_of(answer)
    return answer if letter is None else split_options(pair.question)[1][letter]


def test_each_side_of_each_clip_is_asked_in_each_way() -> None:
    assert len(PAIRS) == len(SIDES) * len(CueQuestion) * len(AnswerForm)
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)


@pytest.mark.parametrize("form", AnswerForm)
def test_a_basic_answer_is_sorted_by_what_the_clip_shows(form: AnswerForm) -> None:
    for pair, side in of(CueQuestion.BASIC, form):
        assert in_full(pair, pair.chosen) == side.person.cue
        assert in_full(pair, pair.spurious) in there(side) - {side.person.cue}
        if pair.hallucination is not None:
            named = in_full(pair, pair.hallucination)
            assert named in side.cues[side.person.emotion]
            assert named not in there(side)


def test_a_stress_answer_by_letter_is_right_about_the_cue_it_is_asked_about() -> None:
    for pair, side in of(CueQuestion.STRESS, AnswerForm.LETTER):
        is_shown = str(side.person.cue) in pair.question
        assert in_full(pair, pair.chosen) == ("Yes" if is_shown else "No")
        assert len(pair.rejected) == 1
        assert (pair.spurious is not None) == (side.category == "spurious")


def test_a_stress_answer_in_words_names_the_cue_behind_it() -> None:
    for pair, side in of(CueQuestion.STRESS, AnswerForm.WORDS):
        assert str(side.person.cue) in pair.chosen
        assert pair.chosen.startswith("Yes" if side.claim else "No")
        assert all(not answer.startswith(pair.chosen[:2]) for answer in pair.rejected)
        if pair.hallucination is not None:
            assert str(side.other_cue) in pair.hallucination


def test_the_chosen_answer_is_wrong_with_the_altered_input() -> None:
    for pair in PAIRS:
        assert pair.altered is not None
        assert pair.altered.modalities == (pair.modality,)
        if pair.altered.partner is None:
            continue
        assert pair.modality is not None
        side, partner = SIDES[pair.clip, pair.modality], SIDES[pair.altered.partner, pair.modality]
        denies = fact(pair, Fact.KIND) == CueQuestion.STRESS and not side.claim
        if denies:
            assert partner.person.cue == side.other_cue
        else:
            assert partner.person.emotion is not side.person.emotion


def test_nearly_every_pair_finds_a_partner() -> None:
    alterations = Counter(pair.altered.alteration for pair in PAIRS if pair.altered is not None)
    assert alterations[Alteration.SWAP] / len(PAIRS) > 0.9


@pytest.mark.parametrize("role", ["chosen", "hallucination", "spurious"])
def test_letters_are_dealt_evenly_to_every_role(role: str) -> None:
    letters = Counter(
        letter_of(getattr(pair, role))
        for pair, _ in of(CueQuestion.BASIC, AnswerForm.LETTER)
        if getattr(pair, role) is not None
    )
    assert set(letters) == set("ABCD")
    assert max(letters.values()) - min(letters.values()) <= 0.25 * sum(letters.values()) / 4


def test_equal_settings_give_equal_pairs() -> None:
    assert make_cue_pairs(SETTINGS) == PAIRS
    assert make_cue_pairs(SETTINGS.model_copy(update={"seed": 6})) != PAIRS


def test_only_what_is_wanted_is_made() -> None:
    options = CuePairOptions(
        forms=(AnswerForm.LETTER,), kinds=(CueQuestion.BASIC,), alteration=Alteration.BLANK
    )
    pairs = make_cue_pairs(SETTINGS, options)
    assert len(pairs) == len(SIDES)
    assert {letter_of(pair.chosen) for pair in pairs} == set("ABCD")
    assert {pair.altered.alteration for pair in pairs if pair.altered is not None} == {
        Alteration.BLANK,
        Alteration.MUTE,
    }


def test_questions_with_options_are_worded_by_the_variant() -> None:
    options = CuePairOptions(forms=(AnswerForm.LETTER,), variant="paper")
    assert all("Answer with" not in pair.question for pair in make_cue_pairs(SETTINGS, options))


@pytest.mark.parametrize(
    "record", [None, "{", "[]", '{"generator_version": 1}', '{"settings": {"items": 0}}']
)
def test_a_folder_of_anything_else_is_refused(tmp_path: Path, record: str | None) -> None:
    if record is not None:
        (tmp_path / "synth.json").write_text(record, encoding="utf-8")
    with pytest.raises(DataError, match=r"synth\.json"):
        read_synth_settings(tmp_path)


def test_a_folder_of_another_generator_is_refused(tmp_path: Path) -> None:
    record = '{"generator_version": 0, "settings": {"items": 5}}'
    (tmp_path / "synth.json").write_text(record, encoding="utf-8")
    with pytest.raises(DataError, match="generator 0"):
        read_synth_settings(tmp_path)


def test_sides_of_one_clip_are_asked_apart() -> None:
    assert {pair.modality for pair in PAIRS} == {Modality.VIDEO, Modality.AUDIO}
