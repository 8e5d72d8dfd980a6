"""Sorts a model's own answers: right, hallucinated, spurious, or wrong in another way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.task import Subtask, Task
from emoreal_bench.contracts.vocabulary import AnswerKind, Modality
from emoreal_bench.preferences.building.asking import Stage, StageRunner, plan_stage, replies_of
from emoreal_bench.scoring.judgement import read_json_reply
from emoreal_bench.scoring.reading.readings import strict_answer
from emoreal_bench.synth.questions import Side, sides_of
from emoreal_bench.synth.scenes import make_scenes
from emoreal_bench.synth.settings import SynthSettings

_SYSTEM = "You answer with one JSON object and nothing else."


class AnswerSort(StrEnum):
    """What an answer is good for in a pair."""

    RIGHT = "right"
    HALLUCINATION = "hallucination"
    SPURIOUS = "spurious"
    OTHER = "other"
    """Wrong in another way, or not to be sorted."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of a model to an item.

    Attributes:
        id: Of its own.
        item: The question.
        subtask: Says what kind of answer the item wants.
        text: The answer as written.
    """

    id: str
    item: Item
    subtask: Subtask
    text: str

    @property
    def letter(self) -> str | None:
        """The option that the answer takes; None without options or if none can be read."""
        if self.subtask.answer not in (AnswerKind.CHOICE, AnswerKind.YES_NO):
            return None
        return strict_answer(self.item, self.subtask, self.text, cut_off=False)

    @property
    def statement(self) -> str:
        """What the answer says: the text of the option it takes, else its own words."""
        options = dict(split_choice(choice) for choice in self.item.choices)
        return options.get(self.letter or "", self.text)


class Sorter(ABC):
    """Sorts answers."""

    @abstractmethod
    def sort(self, samples: Sequence[Sample]) -> Mapping[str, AnswerSort]:
        """Return what each answer is, by its id; what is left out cannot be sorted."""


class CategorySorter(Sorter):
    """Sorts by the right letter and, where a yes/no item names its category, by that.

    The categories are EmoReAlM's: whoever says Yes to an item of ``hallucination``
    hallucinates, to one of ``spurious`` takes what is there for a sign. A wrong No
    names no cue; it is the main wrong answer.
    """

    _WRONG = {  # noqa: RUF012 - never changed
        "hallucination": AnswerSort.HALLUCINATION,
        "spurious": AnswerSort.SPURIOUS,
        "no_hallucination": AnswerSort.HALLUCINATION,
    }

    def sort(self, samples: Sequence[Sample]) -> Mapping[str, AnswerSort]:
        """Return what each answer is."""
        sorts = {}
        for sample in samples:
            letter = sample.letter
            category = (sample.item.metadata or {}).get("category", "")
            if letter is not None and letter == sample.item.answer:
                sorts[sample.id] = AnswerSort.RIGHT
            elif letter is not None and sample.subtask.answer is AnswerKind.YES_NO:
                sorts[sample.id] = self._WRONG.get(category, AnswerSort.OTHER)
        return sorts


class KnownCueSorter(Sorter):
    """Sorts by the scenes of the synthetic benchmark, by the cues that an answer names.

    Args:
        settings: Of the benchmark.
    """

    def __init__(self, settings: SynthSettings):
        self._sides: dict[tuple[str, Modality], Side] = {
            (scene.clip, side.modality): side
            for scene in make_scenes(settings)
            for side in sides_of(scene)
        }

    def sort(self, samples: Sequence[Sample]) -> Mapping[str, AnswerSort]:
        """Return what each answer is."""
        sorts = {}
        for sample in samples:
            modality = sample.subtask.modality
            side = None if modality is None else self._sides.get((sample.item.clip, modality))
            if side is not None:
                sorts[sample.id] = _sort_by_cues(sample.statement, side)
        return sorts


def _sort_by_cues(statement: str, side: Side) -> AnswerSort:
    text = statement.casefold()
    there = {str(side.elsewhere.cue), *map(str, side.present)}
    absent = {str(cue) for cues in side.cues.values() for cue in cues} - there
    absent.discard(str(side.person.cue))
    if any(cue in text for cue in absent):
        fits = str(side.other_cue) in absent and str(side.other_cue) in text
        return AnswerSort.HALLUCINATION if fits else AnswerSort.OTHER
    if any(name in text for name in there):
        return AnswerSort.SPURIOUS
    return AnswerSort.RIGHT if str(side.person.cue) in text else AnswerSort.OTHER


class _Sorted(Record):
    kind: AnswerSort


class JudgeSorter(Sorter):
    """Lets a model sort answers by the right ones. It is given texts only.

    Args:
        judge: The model.
        runner: Carries its run out.
        root: Where the answers come from.
    """

    def __init__(self, judge: ModelAdapter, runner: StageRunner, root: Path):
        self._judge = judge
        self._runner = runner
        self._root = root

    def sort(self, samples: Sequence[Sample]) -> Mapping[str, AnswerSort]:
        """Return what each answer is; one that the judge does not sort readably is left out."""
        if not samples:
            return {}
        stage = Stage(
            name="sorting",
            description="Answers of a model, sorted by a judge.",
            prompt="sorting.j2",
            generation=GenerationSettings(max_new_tokens=40, temperature=0.0),
            system=_SYSTEM,
        )
        items = [_judge_item(sample, stage.name) for sample in samples]
        folder = self._runner.run(plan_stage(stage, items, {}, self._root), self._judge)
        read = {name: _read(reply) for name, reply in replies_of(folder).items()}
        return {name: sort for name, sort in read.items() if sort is not None}


def _judge_item(sample: Sample, subtask: str) -> Item:
    item, metadata = sample.item, sample.item.metadata or {}
    options = dict(split_choice(choice) for choice in item.choices)
    known = "; ".join(f"{name}: {value}" for name, value in sorted(metadata.items()))
    right = f"{item.answer} {options.get(item.answer, '')}".strip()
    return Item(
        id=sample.id,
        subtask=subtask,
        question=item.question,
        choices=item.choices,
        answer="",
        clip=item.clip,
        metadata={"right": right, "known": known, "reply": sample.text},
    )


def _read(reply: str) -> AnswerSort | None:
    try:
        return _Sorted.model_validate(read_json_reply(reply)).kind
    except (ValueError, ValidationError):
        return None


def samples_of(
    task: Task, items: Sequence[Item], replies: Sequence[Mapping[str, str]]
) -> list[Sample]:
    """Join the replies of several runs to the same items; equal replies count once each time.

    Args:
        task: The task of the runs.
        items: Their plan.
        replies: Of each run, by item.
    """
    return [
        Sample(f"{item.id}#{number}", item, task.subtasks[item.subtask], texts[item.id])
        for item in items
        for number, texts in enumerate(replies, start=1)
        if texts.get(item.id)
    ]
