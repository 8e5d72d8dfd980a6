"""Properties of scores that hold whatever the replies."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.scores import Results, SubtaskScores
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Scoring
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.score import results_json, score
from tests.unit.scoring.scoring_data import (
    EMOREALM,
    EMOTIONS,
    SEVEN,
    YES_NO,
    is_choice,
    label_item,
    label_task,
    make_item,
    make_task,
)

NEVER_FALL = ("accuracy", "balanced_accuracy", "yes_recall", "no_recall", "f1", "uar", "war")
TEXTS = (
    "A",
    "B",
    "(C)",
    "D.",
    "Yes.",
    "no",
    "",
    "A or B",
    "A man smiles",
    "I'm sorry, I can't say",
)
LABEL_TEXTS = ("happy", "sadness", "anger", "", "not happy", "fear and joy", "the\nclip", "calm")

Run = tuple[list[Item], list[Reply]]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Draw items of the five subtasks, and replies to most of them."""
    items, given_replies = [], []
    for index in range(draw(st.integers(1, 25))):
        subtask = draw(st.sampled_from(sorted(EMOREALM)))
        choices = EMOTIONS if is_choice(subtask) else YES_NO
        answer = draw(st.sampled_from("ABCD"[: len(choices)]))
        clip = f"clip-{draw(st.integers(0, 5))}"
        category = draw(st.sampled_from(["spurious", "hallucination", "none"]))
        items.append(
            make_item(str(index), answer, subtask, choices=choices, clip=clip, category=category)
        )
        if draw(st.booleans()) or draw(st.booleans()):
            status = draw(st.sampled_from(sorted(DeliveryStatus)))
            text = draw(st.sampled_from(TEXTS))
            given_replies.append(Reply(str(index), status, text))
    return items, given_replies


@st.composite
def label_runs(draw: st.DrawFn) -> Run:
    """Draw items of an emotion-word task with replies."""
    answers = draw(st.lists(st.sampled_from(SEVEN), min_size=1, max_size=20))
    texts = [draw(st.sampled_from(LABEL_TEXTS)) for _ in answers]
    items = [label_item(str(index), answer) for index, answer in enumerate(answers)]
    return items, [Reply(str(i), DeliveryStatus.OK, text) for i, text in enumerate(texts)]


def _groups(results: Results) -> list[tuple[str, SubtaskScores]]:
    return [
        (scoring, scores)
        for scoring, report in results.scores.items()
        for scores in [*report.subtasks.values(), *report.question_types.values()]
    ]


@settings(max_examples=30)
@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_replies_never_matters(run: Run, source: random.Random) -> None:
    items, given_replies = run
    task = make_task(slices=["category"])
    expected = results_json(score(task, items, given_replies))
    source.shuffle(items)
    source.shuffle(given_replies)
    assert results_json(score(task, items, given_replies)) == expected


@settings(max_examples=60)
@given(runs())
def test_strict_outcomes_always_sum_to_the_number_of_items(run: Run) -> None:
    results = score(make_task(), *run, scorings=[Scoring.STRICT])
    subtasks = results.scores["strict"].subtasks
    for scores in subtasks.values():
        assert sum(scores.outcomes.values()) == scores.n
    assert sum(scores.n for scores in subtasks.values()) == len(run[0])


@settings(max_examples=60)
@given(runs(), st.data())
def test_turning_a_right_answer_wrong_never_raises_a_score(run: Run, data: st.DataObject) -> None:
    items, given_replies = run
    right = {item.id: item.answer for item in items}
    chosen = data.draw(st.integers(0, len(items) - 1))
    others = [reply for reply in given_replies if reply.id != items[chosen].id]
    before = score(
        make_task(),
        items,
        [*others, Reply(items[chosen].id, DeliveryStatus.OK, right[items[chosen].id])],
    )
    wrong = "B" if right[items[chosen].id] == "A" else "A"
    after = score(make_task(), items, [*others, Reply(items[chosen].id, DeliveryStatus.OK, wrong)])
    for (_, high), (_, low) in zip(_groups(before), _groups(after), strict=True):
        for name in NEVER_FALL:
            better, worse = getattr(high, name), getattr(low, name)
            if better is not None and worse is not None:
                assert worse <= better + 1e-12, name


@settings(max_examples=60)
@given(st.one_of(runs(), label_runs()))
def test_every_fraction_lies_in_its_range_and_its_interval_in_order(run: Run) -> None:
    task = label_task() if run[0][0].subtask == "dfew" else make_task()
    for _, scores in _groups(score(task, *run)):
        for name in (*NEVER_FALL, "yes_rate", "hallucination_rate", "macro_f1", "weighted_f1"):
            value = getattr(scores, name)
            assert value is None or 0 <= value <= 1, name
        assert scores.matthews is None or -1 - 1e-9 <= scores.matthews <= 1 + 1e-9
        for name, (low, high) in scores.intervals.items():
            value = scores.number(name)
            assert value is not None
            assert (-1 if name == "matthews" else 0) <= low < high <= 1, name
            assert low - 1e-9 <= value <= high + 1e-9, name


def test_the_same_replies_give_the_same_bytes() -> None:
    items = [make_item(str(i), "AB"[i % 2], clip=f"c{i // 3}") for i in range(30)]
    given_replies = [Reply(str(i), DeliveryStatus.OK, "ABA"[i % 3]) for i in range(30)]
    first, second = (score(make_task(), items, given_replies) for _ in range(2))
    assert results_json(first) == results_json(second)
