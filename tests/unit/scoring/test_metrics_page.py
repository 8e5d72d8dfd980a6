"""The worked examples of ``docs/metrics.md``, run.

Each JSON block of the page that follows ``<!-- example: NAME -->`` must be what
the function of that name gives. To renew them, run this file as a program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import Scoring
from emoreal_bench.scoring.collect import collect_readings
from emoreal_bench.scoring.frame import build_frame
from emoreal_bench.scoring.score import results_json, score
from tests.unit.scoring.scoring_data import (
    EMOTIONS,
    compare_scores,
    label_item,
    label_task,
    make_item,
    make_task,
    replies,
)

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
_BLOCK = re.compile(r"(<!-- example: (\w+) -->\n```json\n)(.*?)(```)", re.DOTALL)
BOTH = (Scoring.STRICT, Scoring.OFFICIAL)


def _stress_run() -> tuple[Task, list[Item], list[tuple[str, str]]]:
    items = [
        make_item("1", "A", clip="park", category="no_hallucination"),
        make_item("2", "B", clip="park", category="hallucination"),
        make_item("3", "A", clip="kitchen", category="no_hallucination"),
        make_item("4", "B", clip="kitchen", category="spurious"),
        make_item("5", "A", clip="street", category="no_hallucination"),
        make_item("6", "B", clip="street", category="hallucination"),
    ]
    texts = [
        ("1", "Yes, she sobs."),
        ("2", "A. Yes"),
        ("3", "A woman is crying in the kitchen."),
        ("4", "The answer is not A but B."),
        ("5", "(A)"),
    ]
    return make_task(), items, texts


def yes_no() -> str:
    """Score five replies to six stress questions, strictly and officially."""
    task, items, texts = _stress_run()
    return results_json(score(task, items, replies(texts), scorings=BOTH))


def choice() -> str:
    """Score three replies to choice questions under the strict scoring."""
    subtask = "reasoning_basic_video"
    items = [make_item(str(i), "ABA"[i], subtask, choices=EMOTIONS) for i in range(3)]
    texts = [("0", "Happiness"), ("1", "B or C"), ("2", "She is angry.")]
    return results_json(score(make_task(), items, replies(texts), scorings=[Scoring.STRICT]))


def label() -> str:
    """Score four emotion words of a task with three classes."""
    task = label_task(("happiness", "sadness", "anger"), name="words")
    gold = ("sadness", "sadness", "anger", "happiness")
    items = [label_item(str(i), label, "words") for i, label in enumerate(gold)]
    said = ["sad", "not happy", "Angry.", "joy"]
    given = replies((str(i), text) for i, text in enumerate(said))
    return results_json(score(task, items, given, scorings=BOTH))


def comparison() -> str:
    """Compare two runs of 40 questions about 20 clips."""
    task = make_task()
    items = [make_item(str(i), "AB"[i % 2], clip=f"clip-{i // 2}") for i in range(40)]
    frame = build_frame(task, items)
    first, second = (
        collect_readings(
            task,
            frame,
            items,
            replies((item.id, item.answer if int(item.id) % step else "hm") for item in items),
            [Scoring.STRICT],
        ).readings[Scoring.STRICT]
        for step in (2, 5)
    )
    return compare_scores(task, frame, first, second).model_dump_json(indent=2) + "\n"


EXAMPLES: dict[str, Callable[[], str]] = {
    example.__name__: example for example in (yes_no, choice, label, comparison)
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_page_shows_what_the_code_computes(name: str) -> None:
    shown = {match[2]: match[3] for match in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}
    assert _pinned(json.loads(shown[name])) == _pinned(json.loads(EXAMPLES[name]()))


def _pinned(value: Any, tolerance: float = 1e-9) -> Any:
    """Let bounds of intervals move a little, which another random generator may do."""
    if isinstance(value, dict):
        return {
            key: _pinned(x, 0.1 if "interval" in key or "detectable" in key else tolerance)
            for key, x in value.items()
            if key != "scoring_hash"
        }
    if isinstance(value, list):
        return [_pinned(x, tolerance) for x in value]
    return pytest.approx(value, abs=tolerance) if isinstance(value, float) else value


def _folded(text: str) -> str:
    """Write lists of numbers on one line, as a page for people should."""
    return re.sub(
        r"\[\s+(-?[\d.e-]+),\s+(-?[\d.e-]+)\s+\]",
        lambda match: f"[{float(match[1]):.4g}, {float(match[2]):.4g}]",
        text,
    )


if __name__ == "__main__":
    PAGE.write_text(
        _BLOCK.sub(
            lambda match: f"{match[1]}{_folded(EXAMPLES[match[2]]())}{match[4]}",
            PAGE.read_text(encoding="utf-8"),
        ),
        encoding="utf-8",
    )
