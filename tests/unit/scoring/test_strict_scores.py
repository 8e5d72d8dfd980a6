"""What the strict scores count, and against what."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.scores import Results, ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Outcome, Scoring
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.frame import build_frame
from emoreal_bench.scoring.identity import scoring_hash
from emoreal_bench.scoring.score import results_json, score
from tests.unit.scoring.scoring_data import EMOTIONS, YES_NO, make_item, make_task, replies

STRESS = "reasoning_stress_audio"
FOUR = [make_item("1", "A"), make_item("2", "A"), make_item("3", "B"), make_item("4", "B")]


def _strict(results: Results) -> ScoringReport:
    return results.scores["strict"]


def _stress(results: Results) -> SubtaskScores:
    return _strict(results).subtasks[STRESS]


def test_the_denominator_is_every_item() -> None:
    scores = _stress(score(make_task(), FOUR, replies([("1", "A")])))
    assert scores.n == 4
    assert scores.accuracy == 0.25
    assert scores.outcomes[Outcome.MISSING] == 3


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (DeliveryStatus.OK, "A", Outcome.ANSWERED),
        (DeliveryStatus.OK, "", Outcome.UNPARSABLE),
        (DeliveryStatus.OK, "A or B", Outcome.UNPARSABLE),
        (DeliveryStatus.OK, "E", Outcome.UNPARSABLE),
        (DeliveryStatus.OK, "I'm sorry, I can't help with that.", Outcome.REFUSED),
        (DeliveryStatus.LENGTH, "A. The man", Outcome.ANSWERED),
        (DeliveryStatus.LENGTH, "The man in the clip", Outcome.TRUNCATED),
        (DeliveryStatus.REFUSED, "A", Outcome.REFUSED),
        (DeliveryStatus.BLOCKED, "", Outcome.BLOCKED),
        (DeliveryStatus.UNSUPPORTED, "", Outcome.UNSUPPORTED),
        (DeliveryStatus.FAILED, "", Outcome.FAILED),
        (DeliveryStatus.MISSING, "", Outcome.MISSING),
    ],
)
def test_every_reply_has_exactly_one_outcome(
    status: DeliveryStatus, text: str, outcome: Outcome
) -> None:
    scores = _stress(score(make_task(), [make_item("1", "A")], [Reply("1", status, text)]))
    assert {name for name, count in scores.outcomes.items() if count} == {outcome}
    assert scores.accuracy == (1.0 if outcome is Outcome.ANSWERED else 0.0)


def test_f1_is_the_harmonic_mean_of_the_two_recalls() -> None:
    scores = _stress(
        score(make_task(), FOUR, replies([("1", "A"), ("2", "A"), ("3", "B"), ("4", "A")]))
    )
    assert (scores.yes_recall, scores.no_recall) == (1.0, 0.5)
    assert scores.f1 == pytest.approx(2 * 1.0 * 0.5 / 1.5)
    assert scores.yes_rate == 0.75
    assert scores.yes_precision == pytest.approx(2 / 3)
    assert scores.standard_f1 == pytest.approx(0.8)


def test_a_constant_answer_has_f1_0() -> None:
    scores = _stress(score(make_task(), FOUR, replies([(i.id, "yes") for i in FOUR])))
    assert (scores.accuracy, scores.balanced_accuracy, scores.f1) == (0.5, 0.5, 0.0)


def test_the_yes_rate_is_a_share_of_the_answers_only() -> None:
    scores = _stress(score(make_task(), FOUR, replies([("1", "yes"), ("2", "no"), ("3", "hm")])))
    assert scores.yes_rate == 0.5


def test_zero_over_zero_is_0_with_a_note_under_strict_and_null_under_official() -> None:
    only_yes = [make_item("1", "A"), make_item("2", "A")]
    results = score(make_task(), only_yes, replies([("1", "A"), ("2", "B")]))
    strict = _stress(results)
    assert (strict.no_recall, strict.f1) == (0.0, 0.0)
    assert any("no_recall" in note for note in strict.notes)
    official = results.scores["official"].subtasks[STRESS]
    assert (official.no_recall, official.f1) == (None, None)
    assert any("no_recall" in note for note in official.notes)


def test_rates_are_gold_no_items_of_a_category_answered_yes_over_all_of_them() -> None:
    items = [
        make_item("1", "B", category="hallucination"),
        make_item("2", "B", category="hallucination"),
        make_item("3", "B", category="spurious"),
        make_item("4", "A", category="no_hallucination"),
    ]
    scores = _stress(score(make_task(), items, replies([("1", "Yes"), ("2", "hm"), ("4", "Yes")])))
    assert scores.hallucination_rate == 0.5
    assert scores.spurious_rate == 0.0


def test_rates_are_null_with_a_note_where_the_data_names_no_categories() -> None:
    scores = _stress(score(make_task(), FOUR, replies([("1", "A")])))
    assert scores.hallucination_rate is None
    assert any(note.startswith("hallucination_rate") for note in scores.notes)


def test_balanced_accuracy_of_choices_is_the_mean_recall_by_gold_letter() -> None:
    items = [
        make_item(str(i), letter, "reasoning_basic_audio", choices=EMOTIONS)
        for i, letter in enumerate("AAAB")
    ]
    results = score(make_task(), items, replies([(item.id, "A") for item in items]))
    scores = _strict(results).subtasks["reasoning_basic_audio"]
    assert scores.accuracy == scores.majority_baseline == 0.75
    assert scores.balanced_accuracy == 0.5
    assert "yes_recall" not in scores.model_fields_set


def test_question_types_are_unweighted_means_of_their_subtasks() -> None:
    items = [
        *FOUR,
        make_item("5", "A", "reasoning_stress_video"),
        make_item("6", "B", "reasoning_stress_video"),
    ]
    given = replies([(i.id, i.answer) for i in items[:4]] + [("5", "A"), ("6", "A")])
    types = _strict(score(make_task(), items, given)).question_types
    stress = types["stress_test"]
    assert stress.n == 6
    assert stress.accuracy == (1.0 + 0.5) / 2
    assert stress.f1 == (1.0 + 0.0) / 2
    free = types["hallucination_free_detection"]
    assert (free.yes_recall, free.no_recall) == (1.0, 0.5)
    assert free.accuracy is None


def test_items_are_sliced_by_the_length_of_their_clips_as_far_as_it_is_known() -> None:
    items = [make_item(str(index), "A") for index in range(60)]
    lengths = [1.99] * 12 + [2.0] * 12 + [7.0] * 12 + [30.0] * 12 + [None] * 12
    given = [
        Reply(item.id, DeliveryStatus.OK, "B" if index < 12 else item.answer, None, length)
        for index, (item, length) in enumerate(zip(items, lengths, strict=True))
    ]
    slices = _strict(score(make_task(), items, given)).slices["clip_length"]
    assert {name: (group.n, group.accuracy) for name, group in slices.items()} == {
        "under 2 s": (12, 0.0),
        "2 to 4 s": (12, 1.0),
        "4 to 8 s": (12, 1.0),
        "8 s and more": (12, 1.0),
    }


@pytest.mark.parametrize("length", [None, 3.0])
def test_clips_of_one_length_are_no_slices(length: float | None) -> None:
    items = [make_item(str(index), "A") for index in range(20)]
    given = [Reply(item.id, DeliveryStatus.OK, "A", None, length) for item in items]
    assert _strict(score(make_task(), items, given)).slices == {}


def test_slices_break_scores_down_and_hide_small_groups() -> None:
    items = [make_item(str(i), "A", emotion="joy" if i < 12 else "fear") for i in range(15)]
    given = replies([(str(i), "A") for i in range(6)])
    report = _strict(score(make_task(slices=["emotion"]), items, given))
    assert set(report.slices["emotion"]) == {"joy"}
    assert report.slices["emotion"]["joy"].accuracy == 0.5
    assert any("fear" in note for note in report.notes)


def test_a_slice_over_different_kinds_of_answers_has_accuracy_only() -> None:
    items = [make_item(str(i), "A", emotion="joy") for i in range(10)]
    items += [
        make_item(f"c{i}", "C", "reasoning_basic_audio", choices=EMOTIONS, emotion="joy")
        for i in range(10)
    ]
    given = replies([(item.id, item.answer) for item in items[:15]])
    joy = _strict(score(make_task(slices=["emotion"]), items, given)).slices["emotion"]["joy"]
    assert (joy.n, joy.accuracy) == (20, 0.75)
    assert "f1" not in joy.model_fields_set


@pytest.mark.parametrize(
    ("subtask", "choices", "answer", "chance"),
    [
        ({"answer": "choice"}, (YES_NO, EMOTIONS), "A", (1 / 2 + 1 / 4) / 2),
        ({"answer": "choice", "chance": 0.1}, (YES_NO, EMOTIONS), "A", 0.1),
        ({"answer": "yes_no"}, (YES_NO, YES_NO), "A", 0.5),
        ({"answer": "label", "labels": ["x", "y", "z"]}, ((), ()), "x", 1 / 3),
        ({"answer": "open"}, ((), ()), "She smiles.", None),
    ],
)
def test_chance_follows_from_options_and_labels_unless_the_task_states_it(
    subtask: dict[str, Any],
    choices: Sequence[tuple[str, ...]],
    answer: str,
    chance: float | None,
) -> None:
    task = make_task({"one": subtask})
    items = [Item(f"{n}", "one", "?", options, answer, "c") for n, options in enumerate(choices)]
    assert build_frame(task, items).chance == {"one": chance}


def test_coverage_counts_items_that_reached_the_model_and_came_back() -> None:
    given = [
        Reply("1", DeliveryStatus.OK, "A"),
        Reply("2", DeliveryStatus.BLOCKED, ""),
        Reply("3", DeliveryStatus.FAILED, ""),
    ]
    coverage = score(make_task(), FOUR, given).coverage
    assert (coverage.items, coverage.covered, coverage.fraction) == (4, 2, 0.5)
    assert coverage.statuses["missing"] == 1
    assert sum(coverage.statuses.values()) == 4


def test_a_score_below_chance_and_many_unreadable_replies_are_warned_of() -> None:
    items = [make_item(str(i), "AB"[i % 2]) for i in range(40)]
    wrong = score(make_task(), items, replies([(i.id, "BA"["AB".index(i.answer)]) for i in items]))
    assert any("below chance" in warning for warning in wrong.warnings)
    vague = score(make_task(), items, replies([(i.id, "Maybe.") for i in items]))
    assert any("40 of 40" in warning for warning in vague.warnings)
    right = score(make_task(), items, replies([(i.id, i.answer) for i in items]))
    assert right.warnings == ()


def test_numbers_that_do_not_apply_are_absent_from_the_file_and_undefined_ones_null() -> None:
    text = results_json(score(make_task(), FOUR, replies([("1", "A")])))
    scores = json.loads(text)["scores"]["strict"][STRESS]
    assert "uar" not in scores
    assert scores["spurious_rate"] is None
    assert Results.model_validate_json(text).scores["strict"].subtasks[STRESS].n == 4


def test_a_reply_to_an_item_that_is_not_planned_is_an_error() -> None:
    with pytest.raises(DataError, match="'9'"):
        score(make_task(), FOUR, replies([("9", "A")]))


def test_of_several_replies_to_an_item_the_last_counts() -> None:
    failed = Reply("1", DeliveryStatus.FAILED, "")
    answered = Reply("1", DeliveryStatus.OK, "A")
    assert _stress(score(make_task(), FOUR, [failed, answered])).accuracy == 0.25


@pytest.mark.parametrize(
    ("item", "named"),
    [
        (make_item("x", "C"), "item x"),
        (make_item("x", "A", choices=("(A) True", "(B) False")), "item x"),
        (make_item("x", "A", "no_such_subtask"), "item x"),
        (make_item("x", "D", "reasoning_basic_audio", choices=("(A) a", "(B) b")), "item x"),
    ],
)
def test_an_annotation_that_does_not_fit_the_task_is_an_error_naming_the_item(
    item: Item, named: str
) -> None:
    with pytest.raises(DataError, match=named):
        score(make_task(), [item], [])


def test_a_further_item_takes_few_bytes() -> None:
    def peak(count: int) -> int:
        items = [make_item(str(i), "AB"[i % 2]) for i in range(count)]
        given = (Reply(str(i), DeliveryStatus.OK, "A") for i in range(count))
        tracemalloc.start()
        score(make_task(), items, given)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)  # What is loaded once is no cost of an item.
    further = (peak(20_000) - peak(5_000)) / 15_000
    assert 0 < further < 400, further


def test_the_scoring_hash_depends_on_the_scorings_and_not_on_their_order() -> None:
    both = [Scoring.OFFICIAL, Scoring.STRICT]
    assert scoring_hash(both) == scoring_hash(both[::-1])
    assert scoring_hash(both) != scoring_hash([Scoring.STRICT])


@pytest.mark.parametrize(("letters", "end"), [("AB", 1.0), ("BA", 0.0)])
def test_where_every_clip_is_alike_intervals_reach_the_end_and_have_width(
    letters: str, end: float
) -> None:
    items = [make_item(str(i), "AB"[i % 2]) for i in range(26)]
    given_replies = replies([(i.id, letters["AB".index(i.answer)]) for i in items])
    report = score(make_task(), items, given_replies).scores["strict"]
    scores = _stress(score(make_task(), items, given_replies))
    named = ("accuracy", "yes_recall", "no_recall", "f1", "yes_precision", "balanced_accuracy")
    intervals = [*(scores.intervals[name] for name in named), report.average_accuracy_interval]
    for interval in intervals:
        assert interval is not None
        assert end in interval
        assert 0.02 < interval[1] - interval[0] < 0.35


def test_two_rule_books_that_read_the_same_report_the_same_interval() -> None:
    items = [make_item(str(i), "AB"[i % 2]) for i in range(30)]
    results = score(make_task(), items, replies([(i.id, "(A)") for i in items]))
    strict, official = (results.scores[name].subtasks for name in ("strict", "official"))
    assert {k: v.intervals["accuracy"] for k, v in strict.items()} == {
        k: v.intervals["accuracy"] for k, v in official.items()
    }


@pytest.mark.parametrize(("clips", "word"), [(1, "one clip"), (5, "rough")])
def test_few_clips_are_noted(clips: int, word: str) -> None:
    items = [make_item(str(i), "AB"[i % 2], clip=f"c{i % clips}") for i in range(20)]
    scores = _stress(score(make_task(), items, replies([(i.id, "A") for i in items])))
    assert any(word in note for note in scores.notes)
    assert bool(scores.intervals) == (clips > 1)
