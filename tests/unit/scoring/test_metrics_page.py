"""The worked examples of ``docs/metrics.md``, run.

What the function NAME returns must be what ``metrics_page/NAME.json`` holds, and each
JSON block of the page that follows ``<!-- example: NAME PART -->`` an excerpt of it.
To renew the files, run this one as a program.
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
COMPLETE = Path(__file__).parent / "metrics_page"
_BLOCK = re.compile(r"<!-- example: (\w+) (\w+) -->\n```json\n(.*?)```", re.DOTALL)
EXCERPTS = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
# An excerpt is rounded.
ROUNDED = 5e-4
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
def test_the_code_computes_the_complete_example(name: str) -> None:
    computed = json.loads(EXAMPLES[name]())
    computed.pop("checksum", None)  # of the file, which follows from the rest
    assert _pinned(_complete(name)) == _pinned(computed)


@pytest.mark.parametrize(("name", "part", "text"), EXCERPTS)
def test_the_page_shows_an_excerpt(name: str, part: str, text: str) -> None:
    shown = json.loads(text)
    whole = _part(_complete(name), part)
    assert _pinned(shown, ROUNDED) == {key: whole[key] for key in shown}


def test_the_page_shows_every_example() -> None:
    assert {name for name, _, _ in EXCERPTS} == set(EXAMPLES)


def _complete(name: str) -> dict[str, Any]:
    complete: dict[str, Any] = json.loads((COMPLETE / f"{name}.json").read_text(encoding="utf-8"))
    return complete


def _part(complete: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of a comparison, or the scores of the one subtask under a scoring."""
    part = complete.get(name) or complete["scores"][name]
    subtasks = [value for value in part.values() if isinstance(value, dict) and "n" in value]
    found: dict[str, Any] = subtasks[0] if subtasks else part
    return found


def _pinned(value: Any, tolerance: float = 1e-9) -> Any:
    """Let bounds be written shortly, and those of a comparison, which are drawn, move a little."""
    if isinstance(value, dict):
        return {
            key: _pinned(x, _tolerance(key, tolerance))
            for key, x in value.items()
            if key != "scoring_hash"
        }
    if isinstance(value, list):
        return [_pinned(x, tolerance) for x in value]
    return pytest.approx(value, abs=tolerance) if isinstance(value, float) else value


def _tolerance(key: str, tolerance: float) -> float:
    if key == "interval" or "detectable" in key:
        return 0.1
    return ROUNDED if key in {"intervals", "average_accuracy_interval"} else tolerance


def _folded(text: str) -> str:
    """Write lists of numbers on one line."""
    return re.sub(
        r"\[\s+(-?[\d.e-]+),\s+(-?[\d.e-]+)\s+\]",
        lambda match: f"[{float(match[1]):.4g}, {float(match[2]):.4g}]",
        text,
    )


if __name__ == "__main__":
    for name, example in EXAMPLES.items():
        (COMPLETE / f"{name}.json").write_text(_folded(example()), encoding="utf-8")
