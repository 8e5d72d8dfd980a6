"""What decides the outcome of training is measured, and evened out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.vocabulary import AnswerForm, CueQuestion
from emoreal_bench.preferences.building.balancing import balance_pairs
from emoreal_bench.preferences.building.known_cues import make_cue_pairs
from emoreal_bench.preferences.checking.check import CheckedAgainst, check_pairs
from emoreal_bench.preferences.checking.measuring import (
    count_repetitions,
    letter_of,
    measure_cue_bias,
    measure_lengths,
    measure_letters,
    measure_roles,
    split_options,
)
from emoreal_bench.preferences.report import RoleCount
from emoreal_bench.synth import SynthSettings
from emoreal_bench.synth.settings import SpeechEngine, Split
from tests.unit.preferences.made_up_pairs import make_letter_pair, make_pair, make_turned_pair


@cache
def synthetic(correlation: float) -> tuple[PreferencePair, ...]:
    return make_cue_pairs(
        SynthSettings(
            items=1000,
            seed=2,
            split=Split.TRAIN,
            correlation=correlation,
            speech=SpeechEngine.WORDLESS,
        )
    )


@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.8, 1.0])
def test_the_association_of_synthetic_pairs_is_the_correlation_they_were_made_with(
    correlation: float,
) -> None:
    bias = measure_cue_bias(synthetic(correlation))
    assert bias is not None
    assert bias.association == pytest.approx(correlation, abs=0.1)
    assert bias.typical_share == pytest.approx(0.5 + correlation / 2, abs=0.05)
    assert bias.even_share == 0.5


def test_cues_that_occur_once_each_are_no_association() -> None:
    pairs = [
        make_pair(n, metadata={"emotion": "joy", "cue": f"cue {n}", "denied_cue": f"other {n}"})
        for n in range(50)
    ]
    bias = measure_cue_bias(pairs)
    assert bias is not None
    assert bias.association == 0.0


def test_pairs_that_name_no_emotion_have_no_cue_bias_and_the_report_says_so() -> None:
    pairs = [make_letter_pair(1, "A")]
    assert measure_cue_bias(pairs) is None
    assert any("not known" in warning for warning in check_pairs(pairs).warnings)


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("(B)", "B"),
        ("B", "B"),
        ("C. a smile", "C"),
        ("(A) Yes", "A"),
        ("A smile", None),
        ("", None),
    ],
)
def test_a_letter_is_told_from_a_word(answer: str, letter: str | None) -> None:
    assert letter_of(answer) == letter


@pytest.mark.parametrize(
    "question",
    [
        "Which?\n(A) a smile (broad)\n(B) tears\nAnswer.",
        "Which?\nA. a smile (broad)\nB. tears\nAnswer.",
    ],
)
def test_options_are_read_line_by_line(question: str) -> None:
    assert split_options(question) == ("Which?", {"A": "a smile (broad)", "B": "tears"})


def test_options_are_read_within_a_line() -> None:
    assert split_options("Which? (A) a smile (B) tears") == (
        "Which?",
        {"A": "a smile", "B": "tears"},
    )


def test_letters_are_counted_by_the_number_of_options() -> None:
    pairs = [make_letter_pair(n, right) for n, right in enumerate("AAAB")]
    pairs.append(make_letter_pair(9, "B", options="AB"))
    balance = measure_letters(pairs)
    assert balance[4].chosen == {"A": 3, "B": 1}
    assert balance[4].excess == 0.5
    assert balance[2].chosen == {"B": 1}


def test_a_letter_that_is_no_option_is_named_with_its_pair() -> None:
    odd = make_letter_pair(1, "A").model_copy(update={"chosen": "(Z)"})
    report = check_pairs([odd, make_letter_pair(2, "B"), make_pair(3)])
    assert report.unknown_letters == (odd.id,)
    assert any("none of the options" in warning for warning in report.warnings)


def test_a_folder_of_clips_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        check_pairs([make_pair()], CheckedAgainst(clips=tmp_path / "nowhere"))


def test_a_few_uneven_letters_are_no_warning_and_many_are() -> None:
    few, many = ([make_letter_pair(n, "A") for n in range(count)] for count in (1, 60))
    assert not any("right in" in warning for warning in check_pairs(few).warnings)
    assert any("(A) is right in 100" in warning for warning in check_pairs(many).warnings)


@given(st.lists(st.text("ab", min_size=1, max_size=30), min_size=2, max_size=2, unique=True))
def test_turning_answers_round_turns_the_advantage_of_length_round(answers: list[str]) -> None:
    first, second = answers
    one = measure_lengths([make_pair(chosen=first, hallucination=second, spurious=None)])
    other = measure_lengths([make_pair(chosen=second, hallucination=first, spurious=None)])
    assert one is not None
    assert other is not None
    assert one.advantage == -other.advantage
    assert one.mean_chosen == other.mean_rejected


def test_duplicates_and_contradictions_are_of_one_clip_and_question() -> None:
    pairs = [
        make_pair(1),
        make_pair(2, clip="clips/1.mp4"),
        make_turned_pair(3).model_copy(update={"clip": "clips/1.mp4"}),
        make_pair(4),
    ]
    assert count_repetitions(pairs) == (1, 3)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_balanced_pairs_tell_nothing(correlation: float) -> None:
    before = synthetic(correlation)
    after = balance_pairs(before)
    report = check_pairs(after)
    assert report.cue_bias is not None
    assert report.cue_bias.association < 0.02
    assert report.lengths is not None
    assert abs(report.lengths.advantage) < 0.05
    assert all(letters.excess < 0.02 for letters in report.letters.values())
    kept = {pair.id for pair in after}
    assert len(kept) < len(before)
    assert list(after) == [pair for pair in before if pair.id in kept]


def test_balancing_keeps_every_kind_of_pair() -> None:
    kinds = {
        (pair.modality, pair.metadata["kind"], pair.metadata["form"])
        for pair in balance_pairs(synthetic(0.8))
        if pair.metadata is not None
    }
    # Agreement is of both modalities, the rest of each.
    assert len(kinds) == (2 * (len(CueQuestion) - 1) + 1) * len(AnswerForm)


def test_pairs_that_are_even_all_stay() -> None:
    pairs = [make_pair(1), make_turned_pair(2), make_pair(3), make_turned_pair(4)]
    even = [pair.model_copy(update={"spurious": None, "question": "Q?"}) for pair in pairs]
    assert balance_pairs(even) == tuple(even)


def test_rivals_that_only_ever_meet_with_one_outcome_go() -> None:
    assert balance_pairs([make_pair(n, spurious=None) for n in range(6)]) == ()


def test_what_occurs_once_stays() -> None:
    pairs = [
        make_letter_pair(n, letter).model_copy(
            update={"metadata": {"emotion": "joy", "cue": f"cue {n}", "denied_cue": f"not {n}"}}
        )
        for n, letter in enumerate("ABCD")
    ]
    assert balance_pairs(pairs) == tuple(pairs)


def test_the_seed_decides_between_pairs_that_are_alike() -> None:
    pairs = synthetic(0.8)[:400]
    assert balance_pairs(pairs, seed=1) == balance_pairs(pairs, seed=1)
    assert balance_pairs(pairs, seed=1) != balance_pairs(pairs, seed=2)


def claim_pair(number: int, asked: str, *, is_there: bool, **facts: str) -> PreferencePair:
    """Make a yes/no pair about one cue of joy, as anybody may have it of real clips."""
    name = "cue" if is_there else "denied_cue"
    return make_pair(number, metadata={"emotion": "joy", name: asked, **facts})


def test_roles_say_what_the_emotion_alone_answers() -> None:
    """Laughter, which is affirmed most often, is what people expect of joy."""
    pairs = [
        *(claim_pair(n, "laughter", is_there=True) for n in range(6)),
        *(claim_pair(n, "laughter", is_there=False) for n in range(6, 7)),
        *(claim_pair(n, "whistling", is_there=True) for n in range(7, 9)),
        *(claim_pair(n, "whistling", is_there=False) for n in range(9, 12)),
    ]
    roles = measure_roles(pairs)
    assert roles is not None
    assert roles.counts == (
        RoleCount(typical=True, present=True, pairs=6),
        RoleCount(typical=True, present=False, pairs=1),
        RoleCount(typical=False, present=True, pairs=2),
        RoleCount(typical=False, present=False, pairs=3),
    )
    assert (roles.pairs, roles.traps, roles.prior_share) == (12, 1, 0.75)


def test_a_typical_cue_that_is_named_goes_before_the_most_frequent_one() -> None:
    pairs = [claim_pair(n, "whistling", is_there=True, typical_cue="Laughter") for n in range(3)]
    roles = measure_roles(
        [*pairs, claim_pair(3, "laughter", is_there=False, typical_cue="laughter")]
    )
    assert roles is not None
    assert (roles.traps, roles.prior_share) == (1, 0.0)


def test_questions_that_name_no_emotion_or_two_cues_have_no_role() -> None:
    neutral = claim_pair(1, "laughter", is_there=True, kind="neutral")
    both = make_pair(2, metadata={"emotion": "joy", "cue": "laughter", "denied_cue": "sobbing"})
    assert measure_roles([neutral, both]) is None


@pytest.mark.parametrize(("correlation", "warned"), [(0.0, False), (0.8, True)])
def test_few_traps_and_a_prior_that_answers_are_warned_of(correlation: float, warned: bool) -> None:
    report = check_pairs(synthetic(correlation))
    assert report.roles is not None
    assert report.roles.prior_share == pytest.approx(0.5 + correlation / 2, abs=0.05)
    # Each side is asked for its typical cue once, in letters and in words.
    assert report.roles.traps == pytest.approx(800 * (0.5 - correlation / 2), rel=0.2)
    text = " ".join(report.warnings)
    assert ("The emotion alone answers" in text) is warned


def test_fewer_than_a_hundred_traps_are_warned_of() -> None:
    few = check_pairs(synthetic(0.8)[:200])
    assert few.roles is not None
    assert few.roles.traps < 100
    assert any("such traps" in warning for warning in few.warnings)
    assert not any("such traps" in warning for warning in check_pairs(synthetic(0.0)).warnings)
