"""Makes a task of somebody's table: ``data new`` looks at it, and writes what a run needs."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from emoreal_bench.catalog import load_task, task_files_in
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import DataError, RunError, TaskError, UsageError
from emoreal_bench.contracts.task import UNSTATED_TERMS, Task
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.datasets.check import Findings, safe_text
from emoreal_bench.datasets.data_card import CARD, write_card
from emoreal_bench.datasets.plain_answers import PlainAnswers, ToldKinds
from emoreal_bench.datasets.table_columns import Rows, Settled, settle_columns
from emoreal_bench.readers import Dataset, load_items
from emoreal_bench.readers.listed_clips import ListedClips
from emoreal_bench.readers.question_rows import cell_text
from emoreal_bench.readers.questions import METADATA, SUFFIXES, kind_of, options_of
from emoreal_bench.readers.records import MalformedItem, iterate_records
from emoreal_bench.record.files import new_folder, write_atomically
from emoreal_bench.scoring.frame import build_frame
from emoreal_bench.text import count_of, percent

PROMPT = "ask.j2"
_TEMPLATE = """\
{{ question }}
{% for choice in choices %}
{{ choice }}
{% endfor %}
{% if choices %}
Answer with the letter of the one option that is right, in brackets, and nothing else.
{% elif labels %}
Answer with one of these, and nothing else: {{ labels | join(", ") }}.
{% endif %}
"""
_SHORT_REPLY, _LONG_REPLY = 32, 512
"""Tokens; a description is longer than a letter."""
_MOST_SLICES, _MOST_VALUES = 6, 12
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class NewTask:
    """What a task is to be made of.

    Attributes:
        table: The file of the questions.
        clips: The folder of the clips.
        out: The folder to write.
        settled: What the user says of the columns.
        name: Of the task; that of the folder if not given.
        kind: Of the answers to questions without options; told from the table if not given.
        kinds: The same for single subtasks, by name.
    """

    table: Path
    clips: Path
    out: Path
    settled: Settled = field(default_factory=Settled)
    name: str | None = None
    kind: AnswerKind | None = None
    kinds: Mapping[str, AnswerKind] = field(default_factory=dict)


class SubtaskFound(Record):
    """One kind of question in a table."""

    answer: AnswerKind
    questions: int
    options: tuple[int, ...]
    """Each number of options that a question has."""
    answers: dict[str, int]
    """Right answers with their counts, the most frequent first; empty for open questions."""
    chance: float | None
    """Accuracy of guessing; null for open questions."""


class TaskDraft(Record):
    """What was understood of a table, and what was written."""

    table: str
    questions: int
    columns: dict[str, tuple[str, ...]]
    """What a question needs, and the columns that hold it."""
    metadata: tuple[str, ...]
    """Columns that are kept as they are."""
    first_index: int | None
    """Number of the first option, where the answers are numbers; else null."""
    subtasks: dict[str, SubtaskFound]
    clips: int
    missing: Findings
    notes: tuple[str, ...]
    written: tuple[str, ...]
    command: str
    """Runs it, with a model that is built in."""

    def lines(self) -> list[RenderableType]:
        """Return the report for people."""
        held = [
            f"  {role}: {', '.join(names) or 'the number of the row'}"
            for role, names in self.columns.items()
        ]
        if self.first_index is not None:
            held.append(f"  answers are numbers of options, the first is {self.first_index}")
        if self.metadata:
            held.append(f"  kept as metadata: {', '.join(self.metadata)}")
        table = Table(
            "subtask", "answers", "questions", "options", "right answers", "chance", title=None
        )
        for name, found in self.subtasks.items():
            table.add_row(
                name,
                found.answer.value,
                str(found.questions),
                " or ".join(map(str, found.options)),
                _balance(found),
                percent(found.chance),
            )
        missing = ["", f"missing: {self.missing.count}", *_names(self.missing)]
        below = [
            f"{count_of(self.clips, 'clip')} named, {self.clips - self.missing.count} found",
            *(missing[1:] if self.missing.count else ()),
            *(f"note: {note}" for note in self.notes),
            *(f"written: {path}" for path in self.written),
            f"Before a run that you publish, write 'license' in {self.written[0]}, and what FILL "
            f"IN asks for in {self.written[-1]}.",
            "Run it:",
            f"  {self.command}",
        ]
        head = [f"read: {self.table}, {count_of(self.questions, 'question')}", *held]
        return [*safe_text(head), table, *safe_text(below)]


def make_task(wanted: NewTask) -> TaskDraft:
    """Look at a table and write a task of it, a prompt and a data card.

    Raises:
        UsageError: If it cannot be told what the table holds; it names the option that says so.
        DataError: If the table cannot be read, holds faulty rows (all are named), or none of
            its clips is there.
        RunError: If the folder holds something already.
    """
    table = _find_table(wanted.table)
    _refuse_made_task(wanted)
    if not wanted.clips.is_dir():
        raise DataError(
            "There is no such folder of clips.",
            where=str(wanted.clips),
            remedy="Name the folder of the clips with --clips FOLDER.",
        )
    with new_folder(wanted.out) as draft:
        rows = [record for _, record in iterate_records(table) if isinstance(record, Mapping)]
        # From one real path to the other: a link may stand on the way.
        annotations = os.path.relpath(os.path.realpath(table), os.path.realpath(wanted.clips))
        listed = ListedClips(wanted.clips, wanted.clips / annotations, None)
        settled = _settle(table, rows, listed, wanted.settled)
        name = wanted.name or _slug(wanted.out.resolve().name)
        definition, notes = _define(name, rows, settled, ToldKinds(wanted.kind, wanted.kinds))
        definition["data"]["options"]["annotations"] = Path(annotations).as_posix()
        task_file = draft / f"{name}.yaml"
        _write(task_file, _yaml(definition))
        _write(draft / PROMPT, _TEMPLATE)
        try:
            task = load_task(task_file).task
        except TaskError as error:
            remedy = "Rename it in the table, or say --subtask COLUMN or --name NAME."
            raise UsageError(error.problem, where=str(table), remedy=remedy) from error
        try:
            dataset = load_items(task, wanted.clips, {})
        except DataError as error:
            if error.where != str(wanted.clips / annotations):
                raise
            raise DataError(error.problem, where=str(table), remedy=error.remedy) from error
        report = _describe(wanted, table, settled, task, dataset)
        report = report.model_copy(update={"notes": (*notes, *report.notes)})
        _write(draft / CARD, write_card(report, task))
    return report


def _refuse_made_task(wanted: NewTask) -> None:
    """Refuse the folder of a task, and say that a corrected table needs no other.

    Raises:
        RunError: If it holds one.
    """
    made = task_files_in(wanted.out) if (wanted.out / PROMPT).is_file() else []
    if made:
        check = ["emoreal-bench", "data", "check", "--task", str(made[0])]
        raise RunError(
            "The folder holds a task already.",
            where=str(wanted.out),
            remedy="The table is read at every run, so a corrected one needs no new task, and what "
            f"you changed in {made[0].name} stays; see it with: "
            f"{shlex.join([*check, '--data', str(wanted.clips)])}\n  For a table with other "
            f"columns change {made[0].name}, or name a new folder.",
        )


def _settle(table: Path, rows: Rows, clips: ListedClips, settled: Settled) -> Settled:
    try:
        return settle_columns(rows, clips, settled)
    except UsageError as error:
        raise UsageError(error.problem, where=str(table), remedy=error.remedy) from error


def _find_table(path: Path) -> Path:
    if path.is_dir():
        tables = sorted(one.name for one in path.iterdir() if one.suffix.lower() in SUFFIXES)
        named = f"Name one of {', '.join(tables[:_SHOWN])}." if tables else "It holds no table."
        raise DataError("It is a folder; name the table in it.", where=str(path), remedy=named)
    if not path.is_file():
        raise DataError(
            "There is no such file.",
            where=str(path),
            remedy="Name a table of questions: .csv, .tsv, .json, .jsonl, .parquet or .xlsx.",
        )
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"Nothing is known of files that end in '{path.suffix}'.",
            where=str(path),
            remedy=f"Save it as one of {', '.join(SUFFIXES)}.",
        )
    if not path.stat().st_size:
        raise DataError("The file is empty.", where=str(path), remedy="Save it again.")
    return path


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-") or "own-questions"


def _write(path: Path, text: str) -> None:
    write_atomically(path, [text.encode()])


def _yaml(definition: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=100)


def _define(
    name: str, rows: Rows, settled: Settled, told: ToldKinds
) -> tuple[dict[str, Any], list[str]]:
    """Return a task file, and what was decided without being sure."""
    notes: list[str] = []
    subtasks = _subtasks(name, rows, settled, told, notes)
    columns = {
        role: list(names) if isinstance(names, tuple) else names
        for role, names in settled.columns.model_dump(exclude_none=True).items()
        if names != role
    }
    options = {
        "first_index": settled.first_index,
        "parted_by": settled.parted_by,
        "question": settled.ask if settled.columns.question is None else None,
    }
    is_open = any(subtask["answer"] == AnswerKind.OPEN for subtask in subtasks.values())
    definition = {
        "schema": 1,
        "name": name,
        "version": "1",
        "title": name,
        "description": f"Questions of a table; {CARD} describes them.",
        "license": UNSTATED_TERMS,
        "data": {
            "reader": "questions",
            "options": {key: value for key, value in options.items() if value is not None},
            **({"columns": columns} if columns else {}),
        },
        "subtasks": subtasks,
        "slices": _slices(rows, settled),
        "variants": {
            "answer-format": {
                "description": "Says how to answer; greedy.",
                "prompt": PROMPT,
                "generation": {
                    "max_new_tokens": _LONG_REPLY if is_open else _SHORT_REPLY,
                    "temperature": 0,
                },
            }
        },
    }
    return definition, notes


def _subtasks(
    name: str, rows: Rows, settled: Settled, told: ToldKinds, notes: list[str]
) -> dict[str, dict[str, Any]]:
    """Return the subtasks that the table names, or one for each kind of its questions."""
    with_options, without = _by_subtask(rows, settled)
    told.refuse_others([group for group in without if without[group]], name)
    several = sum(map(bool, without.values())) > 1
    subtasks: dict[str, dict[str, Any]] = {}
    for group in without:
        kinds = {one: {"answer": one.value} for one in sorted(with_options[group])}
        if without[group] and not (group and kinds):
            answers = PlainAnswers(group or name, without[group], has_subtask=bool(group))
            kinds |= answers.subtasks(told, notes, several=several)
        if group:
            subtasks[group] = kinds.get(AnswerKind.CHOICE) or list(kinds.values())[-1]
        else:
            single = len(kinds) == 1
            subtasks |= {name if single else one.value: made for one, made in kinds.items()}
    return subtasks


def _by_subtask(
    rows: Rows, settled: Settled
) -> tuple[Mapping[str, set[AnswerKind]], Mapping[str, list[str]]]:
    """Return, for each subtask, the kinds of its questions with options; answers to the others."""
    columns = settled.columns
    with_options: defaultdict[str, set[AnswerKind]] = defaultdict(set)
    without: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        group = cell_text(row.get(columns.subtask)) if columns.subtask else ""
        answers = without[group]
        answer = cell_text(row.get(columns.answer))
        try:
            choices, _ = options_of(row, columns, settled.parted_by)
            found = kind_of(choices, answer) if choices else None
        except MalformedItem:  # The reader names it.
            found = AnswerKind.CHOICE
        if found is None:
            answers.append(answer)
        else:
            with_options[group].add(found)
    return with_options, without


def _slices(rows: Rows, settled: Settled) -> list[str]:
    """Return the metadata by which scores are broken down: a few values, each of several rows."""
    columns = settled.columns
    names = {
        column: role
        for role, column in columns.model_dump(exclude_none=True).items()
        if role in METADATA and role != "pair"
    }
    slices: list[str] = []
    for column in _metadata(rows, settled) + list(names):
        counts = Counter(cell_text(row.get(column)) for row in rows)
        counts.pop("", None)
        if 1 < len(counts) <= _MOST_VALUES and min(counts.values()) > 1:
            slices.append(names.get(column) or column)
    return slices[:_MOST_SLICES]


def _metadata(rows: Rows, settled: Settled) -> list[str]:
    """Return the columns that are for nothing else."""
    used = settled.columns.model_dump(exclude_none=True).values()
    taken = {name for names in used for name in ([names] if isinstance(names, str) else names)}
    header = dict.fromkeys(key for row in rows for key in row)
    return [
        name for name in map(str, header) if name not in taken and not re.match("__index_|$", name)
    ]


def _describe(
    wanted: NewTask, table: Path, settled: Settled, task: Task, dataset: Dataset
) -> TaskDraft:
    rows = [item.metadata or {} for item in dataset.items]
    frame = build_frame(task, dataset.items)
    path = wanted.out / f"{task.name}.yaml"
    kinds = {task.subtasks[name].answer for name in frame.layouts}
    # The blind baselines choose among options, and answer nothing where there are none.
    chooses = kinds <= {AnswerKind.CHOICE, AnswerKind.YES_NO}
    model = "baseline/first-choice" if chooses else "tiny/omni"
    command = ["emoreal-bench", "run", "--model", model]
    command += ["--task", str(path), "--data", str(wanted.clips)]
    columns = {
        role: (names,) if isinstance(names, str) else names
        for role, names in settled.columns.model_dump(exclude_none=True).items()
    }
    columns = {"id": (), **columns}
    if settled.columns.question is None:
        columns["question"] = (f"'{settled.ask}'",)
    unused = [name for name in task.subtasks if name not in frame.layouts]
    return TaskDraft(
        table=str(table),
        questions=len(dataset.items),
        columns=columns,
        metadata=tuple(
            key for key in dict.fromkeys(k for row in rows for k in row) if key not in METADATA
        ),
        first_index=settled.first_index,
        subtasks=dict(_found(task, dataset, frame.chance)),
        clips=len(dataset.clips),
        missing=Findings.collect(
            key for key, clip in dataset.clips.items() if not clip.video.is_file()
        ),
        notes=tuple(f"no questions of {name}" for name in unused),
        written=tuple(str(wanted.out / file) for file in (path.name, PROMPT, CARD)),
        command=shlex.join(command),
    )


def _found(
    task: Task, dataset: Dataset, chance: Mapping[str, float | None]
) -> Iterator[tuple[str, SubtaskFound]]:
    for name in chance:
        items = [item for item in dataset.items if item.subtask == name]
        kind = task.subtasks[name].answer
        answers = Counter(item.answer for item in items) if kind is not AnswerKind.OPEN else {}
        lengths = sorted({len(item.choices) for item in items} - {0})
        yield (
            name,
            SubtaskFound(
                answer=kind,
                questions=len(items),
                options=tuple(lengths or [len(task.subtasks[name].labels)] * bool(answers)),
                answers=dict(sorted(answers.items(), key=lambda one: (-one[1], one[0]))),
                chance=chance[name],
            ),
        )


def _balance(found: SubtaskFound) -> str:
    shown = list(found.answers.items())[:_SHOWN]
    texts = [f"{answer} {percent(count / found.questions)}" for answer, count in shown]
    more = len(found.answers) - len(shown)
    return ", ".join([*texts, *([f"{more} more"] if more else [])])


def _names(findings: Findings) -> list[str]:
    shown = findings.first[:_SHOWN]
    more = findings.count - len(shown)
    return [*(f"  {name}" for name in shown), *([f"  and {more} more"] if more else [])]
