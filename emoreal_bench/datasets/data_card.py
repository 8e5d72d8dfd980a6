"""The data card of a task that was made of somebody's table, for its owner to complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.identity import check_plain_file
from emoreal_bench.printable import plain_text
from emoreal_bench.text import count_of, percent

if TYPE_CHECKING:
    from emoreal_bench.datasets.new_task import TaskDraft

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""As the hub names them: https://huggingface.co/docs/hub/datasets-cards"""
CARD = "README.md"
FILL_IN = "FILL IN"
_TEXT = """\
# {title}

{questions} questions about {clips} clips, for `emoreal-bench`. The first table shows data and
task as they were when the task was made, and `{task}.yaml` is what counts; what FILL IN asks for is
for the owner to write.

| subtask | answers | questions | right answers | guessing reaches |
|---|---|---:|---|---:|
{rows}

## What it is for

FILL IN: what a high score says, what it does not say, and what the questions must not be used for.

## The clips

FILL IN: who is in them, where they come from, and whether these people agreed.

## The questions and answers

FILL IN: who wrote them, in which language, how many people answered, and how far they agreed.

## Terms

FILL IN: the licence of the questions, that of the clips, and who may have them; then `license`
in the first lines of this file and in `{task}.yaml`.

## Run it

```
{command}
```

`{task}.yaml` finds the table from the folder of the clips. If either moves, name the table with
`--data-arg annotations=FILE`.
"""


def write_card(report: TaskDraft, task: Task) -> str:
    """Return the card of a task, with the front matter that the hub reads."""
    import yaml

    kinds = {subtask.answer for subtask in task.subtasks.values()}
    size = next((name for end, name in _SIZES if report.questions < end), "1M<n<10M")
    front = {
        "pretty_name": task.title,
        "license": "unknown",
        "task_categories": [
            *(["visual-question-answering"] if kinds != {AnswerKind.LABEL} else []),
            *(["video-classification"] if AnswerKind.LABEL in kinds else []),
        ],
        "tags": ["emoreal-bench", "video", "audio"],
        "size_categories": [size],
    }
    rows = "\n".join(
        f"| {_cell(name)} | {found.answer} | {found.questions} | {_cell(_answers(found.answers))} "
        f"| {percent(found.chance)} |"
        for name, found in report.subtasks.items()
    )
    text = _TEXT.format(
        title=task.title,
        questions=f"{report.questions:,}",
        clips=f"{report.clips:,}",
        rows=rows,
        task=task.name,
        command=plain_text(report.command, limit=1_000),
    )
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n\n{text}"


def open_places(task_file: Path) -> tuple[str, ...]:
    """Return a note if the card beside a task waits for its owner to complete it."""
    try:
        check_plain_file(task_file.parent / CARD)
        text = (task_file.parent / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    count = sum(line.startswith(f"{FILL_IN}:") for line in text.splitlines())
    return (
        (f"{CARD} beside the task says {FILL_IN} in {count_of(count, 'place')}",) if count else ()
    )


def _answers(counts: dict[str, int]) -> str:
    return ", ".join(f"{answer}: {count}" for answer, count in counts.items())


def _cell(text: str) -> str:
    return plain_text(text, limit=500).replace("|", "\\|")
