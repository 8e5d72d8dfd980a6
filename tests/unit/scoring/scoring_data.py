"""Tasks, items and replies that the tests of scoring share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from emoreal_bench.comparing.paired import pair_up
from emoreal_bench.comparing.scores import compare_pair
from emoreal_bench.contracts.comparison import Comparison
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind, DeliveryStatus
from emoreal_bench.scoring.collect import Readings, Reply
from emoreal_bench.scoring.frame import Frame

YES_NO = ("(A) Yes", "(B) No")
EMOTIONS = ("(A) Happiness", "(B) Sadness", "(C) Anger", "(D) Fear")
SEVEN = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")

EMOREALM: dict[str, dict[str, Any]] = {
    "reasoning_basic_audio": {
        "answer": "choice",
        "question_type": "reasoning_basic",
        "chance": 0.25,
    },
    "reasoning_basic_video": {
        "answer": "choice",
        "question_type": "reasoning_basic",
        "chance": 0.25,
    },
    "modality_agreement": {
        "answer": "yes_no",
        "question_type": "modality_agreement",
        "chance": 0.5,
    },
    "reasoning_stress_audio": {"answer": "yes_no", "question_type": "stress_test", "chance": 0.5},
    "reasoning_stress_video": {"answer": "yes_no", "question_type": "stress_test", "chance": 0.5},
}


def make_task(subtasks: dict[str, dict[str, Any]] | None = None, **fields: Any) -> Task:
    """Make a task, by default with the five subtasks of EmoReAlM."""
    return Task.model_validate(
        {
            "name": "toy",
            "version": "1",
            "title": "Toy",
            "description": "For tests.",
            "data": {"reader": "emorealm"},
            "subtasks": subtasks or EMOREALM,
            "variants": {"answer-format": {"description": "d", "prompt": "p"}},
            **fields,
        }
    )


def label_task(labels: Sequence[str] = SEVEN, name: str = "dfew") -> Task:
    """Make a task of emotion words."""
    return make_task({name: {"answer": "label", "chance": 1 / len(labels), "labels": labels}})


def make_item(
    name: str,
    answer: str,
    subtask: str = "reasoning_stress_audio",
    *,
    choices: tuple[str, ...] = YES_NO,
    clip: str | None = None,
    **metadata: str,
) -> Item:
    """Make an item, by default a yes/no question about a clip of its own."""
    return Item(name, subtask, "?", choices, answer, clip or f"clip-{name}", metadata or None)


def label_item(name: str, answer: str, subtask: str = "dfew") -> Item:
    """Make an item of an emotion-word task."""
    return Item(name, subtask, "?", (), answer, f"clip-{name}")


def replies(texts: Iterable[tuple[str, str]]) -> list[Reply]:
    """Make replies that ended by themselves out of ids and texts."""
    return [Reply(name, DeliveryStatus.OK, text) for name, text in texts]


def is_choice(subtask: str) -> bool:
    """Say whether a subtask of EmoReAlM has four options."""
    return bool(EMOREALM[subtask]["answer"] == AnswerKind.CHOICE)


def compare_scores(task: Task, frame: Frame, first: Readings, second: Readings) -> Comparison:
    """Compare two readings of the same items."""
    gold = frame.gold_for(first.scoring)
    right = (first.answer == gold, second.answer == gold)
    pair = pair_up(task, frame, right, first.counted & second.counted)
    return compare_pair(pair, first.scoring)
