"""What scoring costs: CPU seconds and memory for 100,000 items under every scoring.

The items have the five subtasks of EmoReAlM, four questions a clip, and replies
in ten styles of which every second is unlike any other. The scores hold all
intervals, question types and one slice.

Usage: python benchmarks/scoring.py [--items 100000]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import time
import tracemalloc
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.score import results_json, score

RESULTS = Path(__file__).parent / "results" / "scoring.json"
BUDGET_SECONDS = 10.0
YES_NO = ("(A) Yes", "(B) No")
CUES = ("her trembling voice", "his clenched fists", "a bright smile", "wet eyes", "fast speech")
STYLES = (
    "{letter}",
    "({letter})",
    "{letter}. The person in clip {index} shows it.",
    "The answer is {letter}, since person {index} does so.",
    "In clip {index} the voice is low and slow, the gaze is lowered. So the answer is ({letter}).",
    "A man in a black suit talks to person {index}.",
    "I'm sorry, I can't say that of person {index}.",
    '{{"answer": "{letter}", "item": {index}}}',
    "{letter} or (B)",
    "",
)


def make_task() -> Task:
    """Make a task with the subtasks of EmoReAlM."""
    choice = {"answer": "choice", "question_type": "reasoning_basic", "chance": 0.25}
    stress = {"answer": "yes_no", "question_type": "stress_test", "chance": 0.5}
    return Task.model_validate(
        {
            "name": "benchmark",
            "version": "1",
            "title": "Benchmark",
            "description": "Made-up items.",
            "data": {"reader": "emorealm"},
            "subtasks": {
                "reasoning_basic_audio": choice,
                "reasoning_basic_video": choice,
                "modality_agreement": {**stress, "question_type": "modality_agreement"},
                "reasoning_stress_audio": stress,
                "reasoning_stress_video": stress,
            },
            "variants": {"answer-format": {"description": "-", "prompt": "-"}},
            "slices": ["emotion"],
        }
    )


def make_run(task: Task, count: int) -> tuple[list[Item], list[Reply]]:
    """Make items and a reply to each."""
    source = random.Random(0)
    items, replies = [], []
    for index in range(count):
        subtask = source.choice(list(task.subtasks))
        basic = "basic" in subtask
        options = zip("ABCD", source.sample(CUES, 4), strict=True)
        choices = tuple(f"({letter}) {text}" for letter, text in options) if basic else YES_NO
        gold = source.choice("ABCD" if basic else "AB")
        category = (
            "no_hallucination" if gold == "A" else source.choice(["spurious", "hallucination"])
        )
        emotion = source.choice(["happiness", "sadness", "anger"])
        metadata = {"emotion": emotion} | ({"category": category} if "stress" in subtask else {})
        clip = f"clip-{source.randrange(max(1, count // 4))}"
        items.append(Item(str(index), subtask, "?", choices, gold, clip, metadata))
        letter = gold if source.random() < 0.6 else source.choice("AB")
        text = source.choice(STYLES).format(letter=letter, index=index)
        status = source.choices([DeliveryStatus.OK, DeliveryStatus.FAILED], [98, 2])[0]
        replies.append(Reply(str(index), status, text))
    return items, replies


def measure(count: int) -> dict[str, float | int]:
    """Score twice, once for time and once for memory."""
    task = make_task()
    items, replies = make_run(task, count)
    wall, processor = time.perf_counter(), time.process_time()
    first = results_json(score(task, items, replies))
    seconds = {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - processor, 2),
    }
    tracemalloc.start()
    second = results_json(score(task, items, iter(replies)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert first == second, "the same replies gave other bytes"
    return {"items": count, **seconds, "peak_bytes_per_item": round(peak / count)}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "pydantic")},
        "cores": os.cpu_count(),
        "load_average_before": round(os.getloadavg()[0], 1),
        "budget_seconds": BUDGET_SECONDS,
        **measure(parser.parse_args().items),
    }
    text = json.dumps(record, indent=2)
    print(text)
    RESULTS.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
