"""The questions as a task of Inspect AI; runs in its environment, by ``inspect eval``.

As a program it prints what a log says of a finished run: ``python inspect_task.py LOG``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import choice
from inspect_ai.solver import multiple_choice


def first_choice(*_: object) -> Any:
    """Return the first option, with its usage: without one the mock would count tokens."""
    output = ModelOutput.from_content("mockllm", "ANSWER: A")
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


@task  # type: ignore[untyped-decorator]
def questions(items: str) -> Any:
    """Return the task of the questions in a file.

    Args:
        items: Path of the JSON lines.
    """
    fields = FieldSpec(input="question", target="answer", choices="choices", id="id")
    return Task(
        dataset=json_dataset(items, fields),
        solver=multiple_choice(),
        scorer=choice(),
        model=get_model("mockllm/model", custom_outputs=first_choice),
    )


if __name__ == "__main__":
    results = read_eval_log(sys.argv[1], header_only=True).results
    accuracy = results.scores[0].metrics["accuracy"].value
    sys.stdout.write(json.dumps({"items": results.completed_samples, "accuracy": accuracy}))
