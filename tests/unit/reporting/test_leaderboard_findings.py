"""What came out, in sentences: one test for each situation that a table can be in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.probing.published import Confidence
from emoreal_bench.reporting.leaderboard.groups import Group, make_groups
from emoreal_bench.running.results import load_report
from tests.run_factory import MadeUpRun, write_runs

Groups = Callable[..., list[Group]]
Said = Callable[..., list[str]]

BLIND = MadeUpRun("baseline/random", 0.4, hallucination_rate=0.5)


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    def make(*runs: MadeUpRun) -> list[Group]:
        folders = write_runs(tmp_path / "runs", *runs)
        return make_groups([load_report(one) for one in folders], (), Confidence.HIGH)

    return make


@pytest.fixture
def said(groups: Groups) -> Said:
    def say(*runs: MadeUpRun) -> list[str]:
        (group,) = groups(*runs)
        return list(group.findings)

    return say


def test_a_single_run_is_not_called_best(said: Said) -> None:
    assert said(MadeUpRun("hf/a", 0.6, hallucination_rate=0.3)) == [
        "hf/a (60.0 %): one model was run, so nothing is ranked against it.",
        "Asked about a cue that is not in the clip, hf/a says yes in about 3 of 10 cases; about "
        "one that is there but has nothing to do with the emotion, hf/a says yes in about 2 of "
        "10 cases.",
    ]


def test_a_clear_winner_of_two(said: Said) -> None:
    first, *_ = said(MadeUpRun("hf/a", 0.8), MadeUpRun("hf/b", 0.6))
    assert first == "hf/a (80.0 %) is better than hf/b (60.0 %)."


def test_a_clear_winner_of_many(said: Said) -> None:
    first, *_ = said(MadeUpRun("hf/a", 0.8), MadeUpRun("hf/b", 0.6), MadeUpRun("hf/c", 0.5))
    assert first == "hf/a (80.0 %) is better than both other models."


def test_a_tie_of_two_above_a_third(said: Said) -> None:
    first, *_ = said(MadeUpRun("hf/a", 0.8), MadeUpRun("hf/b", 0.799), MadeUpRun("hf/c", 0.5))
    assert first == (
        "hf/a (80.0 %) and hf/b (79.9 %) cannot be told apart; both are better than the other one."
    )


def test_a_tie_of_all(said: Said) -> None:
    first, second, third = said(
        MadeUpRun("hf/a", 0.61, hallucination_rate=0.2),
        MadeUpRun("hf/b", 0.6, hallucination_rate=0.2),
        BLIND,
    )
    assert first == "hf/a (61.0 %) and hf/b (60.0 %) cannot be told apart."
    assert second == "Both are above the 40.0 % that can be reached without a clip."
    assert third == (
        "Asked about a cue that is not in the clip, or about one that is there but has nothing "
        "to do with the emotion, both say yes in about 2 of 10 cases."
    )


@pytest.mark.parametrize(
    ("score", "beyond"),
    [
        (0.6, "All 5 are above the 40.0 % that can be reached without a clip."),
        (0.41, "None of them is clearly above the 40.0 % that can be reached without a clip."),
    ],
)
def test_a_tie_of_many_is_counted(score: float, beyond: str, said: Said) -> None:
    first, second, *_ = said(*(MadeUpRun(f"hf/{number}", score) for number in range(5)), BLIND)
    shown = f"{100 * score:.1f} %"
    assert first == (
        f"5 of 5 models cannot be told apart, among them hf/0 ({shown}) and hf/1 ({shown})."
    )
    assert second == beyond


def test_of_a_tie_those_that_need_a_clip_are_named_and_many_are_counted(said: Said) -> None:
    ahead = [MadeUpRun(f"hf/{number}", 0.47) for number in range(2)]
    behind = [MadeUpRun(f"hf/z{number}", 0.46, half_width=0.1) for number in range(4)]
    _, second, *_ = said(*ahead, *behind, BLIND)
    assert second == (
        "Only hf/0 and hf/1 are clearly above the 40.0 % that can be reached without a clip."
    )


def test_rates_that_differ_are_told_by_model(said: Said) -> None:
    *_, rates = said(
        MadeUpRun("hf/a", 0.6, hallucination_rate=0.01),
        MadeUpRun("hf/b", 0.6, hallucination_rate=1.0),
    )
    assert rates.startswith(
        "Asked about a cue that is not in the clip, hf/a says yes in fewer than 1 of 20 cases "
        "and hf/b always says yes; about"
    )


def test_a_winner_stands_beside_the_lowest(said: Said) -> None:
    *_, rates = said(
        MadeUpRun("hf/a", 0.8, hallucination_rate=0.0),
        MadeUpRun("hf/b", 0.7, hallucination_rate=0.2),
        MadeUpRun("hf/c", 0.6, hallucination_rate=0.3),
    )
    assert rates.startswith(
        "Asked about a cue that is not in the clip, hf/a never says yes and hf/c says yes in "
        "about 3 of 10 cases; about"
    )


def test_without_a_rate_nothing_is_said_of_it(said: Said) -> None:
    assert len(said(MadeUpRun("hf/a", 0.6, hallucination_rate=None))) == 1


def test_a_score_that_needs_no_clip_is_called_that(said: Said) -> None:
    sentences = said(MadeUpRun("hf/a", 0.4), BLIND)
    assert sentences[1] == "It is not clearly above the 40.0 % that can be reached without a clip."


def test_only_blind_baselines(said: Said) -> None:
    assert said(BLIND) == ["Only blind baselines were run: without a clip they reach 40.0 %."]


def test_one_incomplete_run_stands_with_its_coverage(said: Said) -> None:
    assert said(MadeUpRun("hf/a", 0.6, failed=200)) == [
        "Only hf/a was run, and its run is not complete: hf/a (60.0 %, at 95.0 % coverage)."
    ]


def test_incomplete_runs_are_never_ranked(said: Said) -> None:
    runs = [MadeUpRun(f"hf/{number}", 0.6, failed=200) for number in range(2)]
    assert said(*runs) == ["None of the 2 runs is complete, so nothing is ranked."]


def test_an_incomplete_run_beside_complete_ones_is_named(said: Said) -> None:
    *_, last = said(MadeUpRun("hf/a", 0.6), MadeUpRun("hf/b", 0.9, failed=200))
    assert last == "The run of hf/b is not complete and holds no rank."


def test_two_runs_of_one_name_are_told_apart(said: Said) -> None:
    first, *_ = said(
        MadeUpRun("hf/a", 0.8, parameters=9), MadeUpRun("hf/a", 0.6, parameters=1_000_000)
    )
    assert first == (
        "hf/a (80.0 %, run 1 of 2, 9 parameters) is better than hf/a (60.0 %, run 2 of 2, "
        "1.0 M parameters)."
    )


def test_conditions_are_one_table_and_one_sentence(groups: Groups) -> None:
    (group,) = groups(
        MadeUpRun("hf/a", 0.8),
        MadeUpRun("hf/b", 0.7),
        MadeUpRun("hf/a", 0.5, request_hash="1" * 64, media=MediaWanted(modalities=())),
        MadeUpRun(
            "hf/a",
            0.6,
            request_hash="2" * 64,
            media=MediaWanted(alteration=Alteration.SWAP, alteration_seed=3),
        ),
        MadeUpRun(
            "hf/a", 0.7, request_hash="3" * 64, media=MediaWanted(modalities=(Modality.AUDIO,))
        ),
    )
    assert group.findings[-1] == "hf/a reaches 80.0 % in full and 50.0 % with text only."
    assert group.runs == 5
    assert len(group.under_conditions) == 3
    table = group.conditions
    assert table is not None
    assert table.conditions == ("sound only", "text only", "another clip")
    ((row, cells),) = table.rows
    assert row.model == "hf/a"
    changes = [round(cell.change or 0, 3) for cell in cells if cell is not None]
    assert changes == [-0.1, -0.3, -0.2]


def test_a_condition_without_a_run_in_full_has_a_table_of_its_own(groups: Groups) -> None:
    (group,) = groups(MadeUpRun("hf/a", 0.5, media=MediaWanted(modalities=())))
    assert group.conditions is None
    assert group.departures == ("text only",)


def test_conditions_of_another_way_of_asking_stand_apart(groups: Groups) -> None:
    first, second = groups(
        MadeUpRun("hf/a", 0.8),
        MadeUpRun(
            "hf/a",
            0.5,
            variant="paper",
            request_hash="1" * 64,
            media=MediaWanted(modalities=()),
        ),
    )
    assert (first.conditions, second.conditions) == (None, None)


def test_a_cue_is_named_before_it_is_called_one(said: Said) -> None:
    *_, told = said(MadeUpRun("hf/a", 0.6, hallucination_rate=None, spurious_rate=0.1))
    assert told.startswith("Asked about a cue that is there but has nothing to do with")
