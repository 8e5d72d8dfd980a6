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
from emoreal_bench.synth.cues import Emotion
from emoreal_bench.synth.questions import Side, emotion_phrase, sides_of
from emoreal_bench.synth.settings import AgreementWording, SpeechEngine, Split

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
    """All that can be seen or heard, written out, so that `Side.shown` is held against it."""
    return {str(cue) for cue in (side.person.cue, side.elsewhere.cue, *side.present)}


def in_full(pair: PreferencePair, answer: str | None) -> str | None:
    """Give the option that an answer's letter stands for."""
    letter = None if answer is None else letter_of(answer)
    return answer if letter is None else split_options(pair.question)[1][letter]


def test_each_side_of_each_clip_is_asked_in_each_way() -> None:
    """Which cue it is and what is there once, both claims with the emotion and without, and of
    each clip whether they agree."""
    kinds = Counter((fact(pair, Fact.KIND), fact(pair, Fact.FORM)) for pair in PAIRS)
    for form in AnswerForm:
        assert kinds[CueQuestion.BASIC, form] == kinds[CueQuestion.PRESENCE, form] == len(SIDES)
        assert kinds[CueQuestion.STRESS, form] == kinds[CueQuestion.NEUTRAL, form] == 2 * len(SIDES)
        assert kinds[CueQuestion.AGREEMENT, form] == len(SIDES) / 2
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


@pytest.mark.parametrize("form", AnswerForm)
def test_what_is_anywhere_in_the_clip_is_right_and_a_partner_shows_the_rejected_instead(
    form: AnswerForm,
) -> None:
    golds: Counter[str] = Counter()
    for pair, side in of(CueQuestion.PRESENCE, form):
        right, wrong = in_full(pair, pair.chosen), in_full(pair, pair.hallucination)
        assert right in there(side)
        options = split_options(pair.question)[1] if form is AnswerForm.LETTER else {}
        assert len(options) == (4 if form is AnswerForm.LETTER else 0)
        assert not ({wrong, *options.values()} - {right}) & there(side)
        golds["thing" if right in side.present else "cue"] += 1
        assert pair.altered is not None
        if pair.altered.partner is not None:
            partner = SIDES[pair.altered.partner, side.modality]
            assert wrong in there(partner)
            assert right not in there(partner)
            assert pair.altered.reversed is True
            assert partner.shown == there(partner)
    assert min(golds["thing"], golds["cue"]) > len(SIDES) / 10


CLAIMS = (CueQuestion.STRESS, CueQuestion.NEUTRAL)


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_claim_by_letter_is_right_about_the_cue_it_is_asked_about(kind: CueQuestion) -> None:
    for pair, side in of(kind, AnswerForm.LETTER):
        asked = fact(pair, Fact.ASKED_CUE)
        assert asked is not None
        assert asked in pair.question
        assert in_full(pair, pair.chosen) == ("Yes" if asked == side.person.cue else "No")
        assert len(pair.rejected) == 1
        is_elsewhere = asked not in (side.person.cue, None) and side.elsewhere.cue == asked
        assert (pair.spurious is not None) == is_elsewhere


@pytest.mark.parametrize("kind", CLAIMS)
def test_both_claims_of_a_side_are_asked(kind: CueQuestion) -> None:
    asked: dict[tuple[str, Modality], list[str | None]] = {}
    for pair, side in of(kind, AnswerForm.LETTER):
        asked.setdefault((pair.clip, side.modality), []).append(fact(pair, Fact.ASKED_CUE))
    for key, cues in asked.items():
        side = SIDES[key]
        assert sorted(map(str, cues)) == sorted(map(str, side.cues[side.person.emotion]))


def test_only_stress_pairs_name_the_emotion() -> None:
    for kind in CLAIMS:
        for pair, side in of(kind, AnswerForm.LETTER):
            named = emotion_phrase(side.person.emotion) in pair.question
            assert named is (kind is CueQuestion.STRESS)


@pytest.mark.parametrize("form", AnswerForm)
def test_agreement_is_answered_as_it_is_and_turns_with_the_partner(form: AnswerForm) -> None:
    scenes = {scene.clip: scene for scene in make_scenes(SETTINGS)}
    asked = [pair for pair in PAIRS if fact(pair, Fact.KIND) == CueQuestion.AGREEMENT]
    for pair in asked:
        if fact(pair, Fact.FORM) != form:
            continue
        scene = scenes[pair.clip]
        said = in_full(pair, pair.chosen)
        assert said is not None
        assert said.startswith("Yes" if scene.agree else "No")
        assert pair.modality is None
        assert pair.altered is not None
        assert pair.altered.modalities == (Modality.AUDIO,)
        if pair.altered.partner is not None:
            heard = scenes[pair.altered.partner].voice.emotion
            assert (heard is scene.face.emotion) is not scene.agree
            assert pair.altered.reversed


def test_agreement_pairs_are_worded_as_the_benchmark_is() -> None:
    named = SETTINGS.model_copy(update={"agreement_wording": AgreementWording.NAMED})
    options = CuePairOptions(kinds=(CueQuestion.AGREEMENT,))
    for pair in make_cue_pairs(named, options):
        assert all(emotion in pair.question for emotion in Emotion)


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_claim_in_words_names_the_cue_behind_it(kind: CueQuestion) -> None:
    for pair, side in of(kind, AnswerForm.WORDS):
        assert str(side.person.cue) in pair.chosen
        is_shown = fact(pair, Fact.ASKED_CUE) == side.person.cue
        assert pair.chosen.startswith("Yes" if is_shown else "No")
        assert all(not answer.startswith(pair.chosen[:2]) for answer in pair.rejected)
        if pair.hallucination is not None:
            assert str(side.other_cue) in pair.hallucination


def test_the_chosen_answer_is_wrong_with_the_altered_input() -> None:
    for pair in (one for one in PAIRS if one.modality is not None):
        assert pair.altered is not None
        assert pair.altered.modalities == (pair.modality,)
        if pair.altered.partner is None or fact(pair, Fact.KIND) == CueQuestion.PRESENCE:
            continue
        assert pair.modality is not None
        side, partner = SIDES[pair.clip, pair.modality], SIDES[pair.altered.partner, pair.modality]
        asked = fact(pair, Fact.ASKED_CUE)
        if asked == side.other_cue:
            assert partner.person.cue == side.other_cue
            assert pair.altered.reversed is True
        else:
            assert partner.person.emotion is not side.person.emotion
            assert pair.altered.reversed is False


def test_a_counterfactual_partner_shows_the_same_emotion_by_its_other_cue() -> None:
    options = CuePairOptions(kinds=(*CLAIMS, CueQuestion.BASIC), counterfactual=True)
    swapped = [
        (pair.altered, SIDES[pair.clip, pair.modality])
        for pair in make_cue_pairs(SETTINGS, options)
        if pair.altered is not None and pair.altered.partner is not None and pair.modality
    ]
    assert len(swapped) > 0.9 * 2 * 5 * len(SIDES)
    for altered, side in swapped:
        assert altered.partner is not None
        assert altered.reversed is True
        assert SIDES[altered.partner, side.modality].person.cue == side.other_cue


def test_nearly_every_pair_finds_a_partner() -> None:
    alterations = Counter(pair.altered.alteration for pair in PAIRS if pair.altered is not None)
    assert alterations[Alteration.SWAP] / len(PAIRS) > 0.9


@pytest.mark.parametrize("kind", [CueQuestion.BASIC, CueQuestion.PRESENCE])
@pytest.mark.parametrize("role", ["chosen", "hallucination", "spurious"])
def test_letters_are_dealt_evenly_to_every_role(role: str, kind: CueQuestion) -> None:
    if (kind, role) == (CueQuestion.PRESENCE, "spurious"):
        assert all(pair.spurious is None for pair, _ in of(kind, AnswerForm.LETTER))
        return
    letters = Counter(
        letter_of(getattr(pair, role))
        for pair, _ in of(kind, AnswerForm.LETTER)
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
    """Only agreement is about both."""
    assert {pair.modality for pair in PAIRS} == {Modality.VIDEO, Modality.AUDIO, None}
