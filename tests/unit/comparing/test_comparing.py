"""Which runs may be compared, and what does not matter to a comparison."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emoreal_bench.api import PlanOptions, RunOptions, compare, evaluate
from emoreal_bench.comparing.runs import delivery_differences, run_differences
from emoreal_bench.contracts.comparison import ComparedRun, ComparisonReport, Verdict
from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE
from emoreal_bench.contracts.vocabulary import AnswerMethod, Factor, Modality, Scoring
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.reporting.terminal.comparisons import (
    COMPARED,
    comparison_renderables,
    comparison_rows,
)
from tests.small_emorealm import gold_answers, make_data, write_script

ITEMS = 240


class Workshop:
    """Makes runs over one data set, as good as wanted."""

    def __init__(self, home: Path):
        self.home = home
        self.data = make_data(home / "data", ITEMS)
        self.gold = gold_answers(self.data)

    def run(self, name: str, period: int, plan: PlanOptions | None = None) -> Path:
        """Make a run that answers every ``period``-th item wrongly."""
        model = write_script(self.home / f"{name}.json", self.gold, period)
        folder = self.home / name
        options = RunOptions(plan=plan or PlanOptions(), out=folder)
        evaluate(model, "emorealm", self.data, options)
        return folder


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def good(workshop: Workshop) -> Path:
    return workshop.run("good", 10)


@pytest.fixture(scope="module")
def poor(workshop: Workshop) -> Path:
    return workshop.run("poor", 2)


def average_verdict(report: ComparisonReport, scoring: Scoring = Scoring.STRICT) -> Verdict:
    return report.others[0].scorings[scoring].average.verdict


def test_the_verdict_speaks_of_the_second_run(good: Path, poor: Path) -> None:
    assert average_verdict(compare([poor, good])) is Verdict.BETTER
    assert average_verdict(compare([good, poor])) is Verdict.WORSE


def given(tokens: dict[str, float], frames: float = 8.0) -> ComparedRun:
    return ComparedRun(
        folder="runs/a",
        model="tiny/omni",
        coverage=1.0,
        frames_per_item=frames,
        audio_seconds_per_item=2.0,
        tokens_per_item=tokens,
    )


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (given({"video": 37.0, "text": 50.04}), ()),
        (given({"video": 595.0, "text": 50.0}), ("37.0 and 595.0 video tokens",)),
        (given({"text": 50.0}, 0.0), ("8.0 and 0.0 frames", "37.0 and 0.0 video tokens")),
        (given({}), ()),
    ],
    ids=["the same", "more tokens", "no picture", "a service that does not say"],
)
def test_what_the_models_were_given_in_other_amounts_is_told(
    second: ComparedRun, told: tuple[str, ...]
) -> None:
    assert delivery_differences(given({"video": 37.0, "text": 50.0}), second) == told


def test_tokens_per_item_are_shown_and_a_difference_is_marked(good: Path, poor: Path) -> None:
    report = compare([good, poor])
    assert report.others[0].delivery_differences == ()
    first, second = given({"video": 37.0}), given({"video": 595.0})
    other = report.others[0].model_copy(
        update={"run": second, "delivery_differences": delivery_differences(first, second)}
    )
    report = report.model_copy(update={"first": first, "others": (other,)})
    text = "\n".join(str(part) for part in comparison_renderables(report))
    assert "tokens per item: 37.0 video" in text
    assert "tokens per item: 595.0 video" in text
    assert "Note: The models were not given the same per item: 37.0 and 595.0 video" in text


def test_a_run_against_itself_differs_in_nothing(good: Path) -> None:
    report = compare([good, good])
    for comparison in report.others[0].scorings.values():
        for difference in (*comparison.subtasks.values(), comparison.average):
            assert difference.difference == 0
            assert difference.interval == (0, 0)
            assert difference.verdict is Verdict.IDENTICAL


def test_strict_and_official_are_compared_side_by_side(good: Path, poor: Path) -> None:
    report = compare([poor, good])
    assert list(report.others[0].scorings) == [Scoring.STRICT, Scoring.OFFICIAL]


def test_every_further_run_is_compared_with_the_first(good: Path, poor: Path) -> None:
    report = compare([good, poor, good])
    differences = [other.scorings[Scoring.STRICT].average.difference for other in report.others]
    assert differences[0] < 0
    assert differences[1] == 0


def test_of_accuracies_nothing_is_drawn_so_that_every_seed_gives_the_same(
    good: Path, poor: Path
) -> None:
    first, again, other = (compare([good, poor], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.others == other.others


def test_runs_under_other_letters_are_compared_by_right_and_wrong(
    workshop: Workshop, good: Path
) -> None:
    """The script does not follow the letters, so right answers become wrong ones."""
    shuffled = workshop.run("shuffled", 10, PlanOptions(choice_shuffle_seed=3))
    report = compare([good, shuffled], across=[Factor.CHOICE_ORDER])
    counts = report.others[0].scorings[Scoring.STRICT].subtasks["modality_agreement"]
    plan = [json.loads(line) for line in (shuffled / "plan.jsonl").read_text().splitlines()]
    right_in_both = sum(
        item["answer"] == workshop.gold[item["id"]] and number % 10 > 0
        for number, item in enumerate(plan)
        if item["subtask"] == "modality_agreement"
    )
    assert counts.second == pytest.approx(right_in_both / counts.n)
    assert counts.only_second == 0


@pytest.mark.parametrize(
    ("plan", "named", "factor"),
    [
        (PlanOptions(variant="paper"), "variant (answer-format and paper)", Factor.PROMPT),
        (PlanOptions(media=MediaWanted(frames=4)), "media.frames (8 and 4)", Factor.SAMPLING),
        (PlanOptions(modalities=()), "media.modalities", Factor.MODALITIES),
        (
            PlanOptions(choice_shuffle_seed=1),
            "choice_shuffle_seed (None and 1)",
            Factor.CHOICE_ORDER,
        ),
    ],
)
def test_runs_asked_in_other_ways_are_refused_unless_that_is_the_purpose(
    workshop: Workshop, good: Path, plan: PlanOptions, named: str, factor: Factor
) -> None:
    if plan.media is not None:
        wanted = load_manifest(good).request.media.model_copy(update={"frames": 4})
        plan = PlanOptions(media=wanted)
    other = workshop.run(f"asked-{factor}", 10, plan)
    with pytest.raises(NotComparableError) as caught:
        compare([good, other])
    assert named in caught.value.problem
    assert compare([good, other], across=[factor]).across == (factor,)


def test_another_way_of_answering_is_a_factor_of_its_own(good: Path) -> None:
    first = load_manifest(good)
    scored = first.request.model_copy(
        update={"hash": "other", "answer_method": AnswerMethod.SCORE_CHOICES}
    )
    second = first.model_copy(update={"request": scored})
    assert run_differences(first, second) == ["answer_method (generate and score-choices)"]
    assert not run_differences(first, second, [Factor.ANSWER_METHOD])


def test_of_two_repeats_the_seed_is_named_and_the_option_that_lets_them_be_compared(
    workshop: Workshop, good: Path
) -> None:
    repeat = workshop.run("repeat", 10, PlanOptions(repeat=1))
    with pytest.raises(NotComparableError) as caught:
        compare([good, repeat])
    assert caught.value.problem.endswith("these differ: generation.seed (0 and 1).")
    assert caught.value.remedy is not None
    assert "add --across prompt." in caught.value.remedy
    assert average_verdict(compare([good, repeat], across=[Factor.PROMPT])) is Verdict.IDENTICAL


def test_no_option_is_named_where_none_would_help(workshop: Workshop, good: Path) -> None:
    part = workshop.run("part-in-letters", 10, PlanOptions(limit=12, choice_shuffle_seed=1))
    with pytest.raises(NotComparableError) as caught:
        compare([good, part])
    assert caught.value.remedy is not None
    assert "--across" not in caught.value.remedy


def test_one_factor_does_not_excuse_another(workshop: Workshop, good: Path) -> None:
    plan = PlanOptions(modalities=(Modality.AUDIO,), choice_shuffle_seed=5)
    other = workshop.run("two-factors", 10, plan)
    with pytest.raises(NotComparableError, match="choice_shuffle_seed"):
        compare([good, other], across=[Factor.MODALITIES])


def test_runs_of_other_items_are_refused_whatever_they_may_differ_in(
    workshop: Workshop, good: Path
) -> None:
    part = workshop.run("part", 10, PlanOptions(limit=12))
    with pytest.raises(NotComparableError, match="240 and 12 items"):
        compare([good, part], across=list(Factor))


def test_a_run_with_gaps_says_how_much_of_it_there_is(good: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    torn.mkdir()
    for name in (MANIFEST_FILE, "plan.jsonl"):
        (torn / name).write_bytes((good / name).read_bytes())
    lines = (good / ITEMS_FILE).read_bytes().splitlines(keepends=True)
    (torn / ITEMS_FILE).write_bytes(b"".join(lines[: ITEMS // 2]))
    report = compare([good, torn])
    assert report.first.coverage == 1.0
    assert report.others[0].run.coverage == 0.5
    assert average_verdict(report) is Verdict.WORSE


def test_one_run_is_no_comparison(good: Path) -> None:
    with pytest.raises(UsageError, match="two runs"):
        compare([good])


def test_a_folder_without_a_run_is_refused(good: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        compare([good, tmp_path])


def test_a_drop_beyond_the_scale_is_not_said_to_be_found(good: Path, poor: Path) -> None:
    (other,) = compare([good, poor]).others
    comparison = other.scorings[Scoring.STRICT]
    wide = comparison.average.model_copy(update={"smallest_detectable": 1.079})
    scorings = {Scoring.STRICT: comparison.model_copy(update={"average": wide})}
    first, *_ = comparison_rows(other.model_copy(update={"scorings": scorings}), Scoring.STRICT)
    assert dict(zip(COMPARED, first[1:], strict=True))["detectable"] == "none"
