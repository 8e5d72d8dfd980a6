"""Makes run folders out of thin air, so that reporting can be tested without a model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.run_record import (
    MANIFEST_FILE,
    RESULTS_FILE,
    TIMINGS_FILE,
    DataIdentity,
    Manifest,
    RequestIdentity,
    Timings,
)
from emoreal_bench.contracts.scores import (
    Coverage,
    DeliverySummary,
    Interval,
    Results,
    ScoringReport,
    SubtaskScores,
)
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus, Outcome, Scoring

SUBTASK_ITEMS = {
    "reasoning_basic_audio": 972,
    "reasoning_basic_video": 1024,
    "modality_agreement": 456,
    "reasoning_stress_audio": 820,
    "reasoning_stress_video": 728,
}
EMOTIONS = ("anger", "fear", "happiness", "sadness")


@dataclass(frozen=True)
class MadeUpRun:
    """What a test wants a run to say; the rest follows from it.

    ``accuracy`` is that of every subtask under strict; official adds ``gap``.
    ``failed`` and ``unparsable`` items are taken from the first subtask.
    """

    model: str = "hf/example/model"
    accuracy: float = 0.6
    gap: float = 0.04
    half_width: float | None = None
    label: str | None = None
    task: str = "emorealm"
    title: str = "EmoReAlM"
    variant: str = "answer-format"
    request_hash: str = "b" * 64
    scoring_hash: str = "c" * 64
    hallucination_rate: float | None = 0.3
    spurious_rate: float | None = None
    failed: int = 0
    unparsable: int = 120
    frames: float = 8.0
    audio_seconds: float = 4.2
    parameters: int | None = 7_000_000_000
    warnings: tuple[str, ...] = ()
    delivery_notes: dict[str, int] = field(default_factory=dict)
    scorings: tuple[Scoring, ...] = (Scoring.STRICT, Scoring.OFFICIAL)
    created: str = "2026-11-20T10:00:00Z"
    media: MediaWanted = field(default_factory=MediaWanted)

    @property
    def items(self) -> int:
        return sum(SUBTASK_ITEMS.values())

    def manifest(self) -> Manifest:
        return Manifest(
            run_id=f"{self.model}-{self.task}",
            task=self.task,
            task_version="1",
            task_definition={"name": self.task, "title": self.title, "license": "Research only."},
            data=DataIdentity(hash="a" * 64, items=self.items, clips=2649, root="data"),
            request=RequestIdentity(
                hash=self.request_hash,
                variant=self.variant,
                answer_method=AnswerMethod.GENERATE,
                media=self.media,
                generation=GenerationSettings(),
                prompt_template="{{ question }}",
                order=("video", "audio", "text"),
            ),
            model=ModelDescription(name=self.model, label=self.label, parameters=self.parameters),
            emoreal_bench_version="0.1.0",
            python_version="3.11",
            platform="test",
            created=self.created,
            command=("emoreal-bench", "run"),
        )

    def results(self) -> Results:
        covered = self.items - self.failed
        statuses = dict.fromkeys((str(status) for status in DeliveryStatus), 0)
        statuses |= {"ok": covered, "failed": self.failed}
        return Results(
            task=self.task,
            variant=self.variant,
            data_hash="a" * 64,
            request_hash=self.request_hash,
            scoring_hash=self.scoring_hash,
            coverage=Coverage(
                items=self.items, covered=covered, fraction=covered / self.items, statuses=statuses
            ),
            scores={str(scoring): self._scoring_report(scoring) for scoring in self.scorings},
            delivery=DeliverySummary(
                frames_per_item=self.frames,
                audio_seconds_per_item=self.audio_seconds,
                items_with_video=covered,
                items_with_audio=covered,
                tokens_per_item={"video": 320.0},
                notes=self.delivery_notes,
            ),
            warnings=self.warnings,
        )

    def timings(self) -> Timings:
        return Timings(
            sittings=1,
            wall_seconds=900.0,
            model_seconds=800.0,
            decode_seconds=90.0,
            clips_decoded=2649,
            requests=self.items,
            cache_hits=0,
            items_per_second=4.4,
        )

    def _scoring_report(self, scoring: Scoring) -> ScoringReport:
        gap = 0.0 if scoring is Scoring.STRICT else self.gap
        average = min(1.0, self.accuracy + gap)
        subtasks: dict[str, Any] = {
            name: self._subtask(position, name, average)
            for position, name in enumerate(SUBTASK_ITEMS)
        }
        return ScoringReport(
            average_accuracy=average,
            average_accuracy_interval=self._interval(average, self.items),
            question_types={"stress_test": self._stress(average)},
            slices={"emotion": {name: self._slice(average) for name in EMOTIONS}},
            **subtasks,
        )

    def _subtask(self, position: int, name: str, average: float) -> SubtaskScores:
        items = SUBTASK_ITEMS[name]
        accuracy = min(1.0, max(0.0, average + 0.05 * (2 - position)))
        outcomes = dict.fromkeys(Outcome, 0) | {Outcome.ANSWERED: items}
        if position == 0:
            outcomes[Outcome.ANSWERED] -= self.failed + self.unparsable
            outcomes |= {Outcome.FAILED: self.failed, Outcome.UNPARSABLE: self.unparsable}
        yes_no: dict[str, float] = {}
        if position > 1:
            yes_no = {"yes_recall": accuracy, "no_recall": accuracy, "f1": accuracy}
            yes_no["yes_rate"] = 0.5
        return SubtaskScores(
            n=items,
            outcomes=outcomes,
            accuracy=accuracy,
            chance=0.5 if position > 1 else 0.25,
            intervals={"accuracy": self._interval(accuracy, items)},
            confusion=_confusion(("yes", "no") if position > 1 else tuple("ABCD"), items, accuracy),
            **yes_no,
        )

    def _slice(self, average: float) -> SubtaskScores:
        items = self.items // len(EMOTIONS)
        return SubtaskScores(
            n=items,
            outcomes=dict.fromkeys(Outcome, 0) | {Outcome.ANSWERED: items},
            accuracy=average,
            intervals={"accuracy": self._interval(average, items)},
        )

    def _stress(self, average: float) -> SubtaskScores:
        return SubtaskScores(
            n=1548,
            outcomes=dict.fromkeys(Outcome, 0) | {Outcome.ANSWERED: 1548},
            accuracy=average,
            yes_recall=min(1.0, average + 0.1),
            no_recall=max(0.0, average - 0.1),
            hallucination_rate=self.hallucination_rate,
            spurious_rate=self.spurious_rate or (None if self.hallucination_rate is None else 0.2),
        )

    def _interval(self, value: float, items: int) -> Interval:
        half = self.half_width
        if half is None:
            half = 1.96 * math.sqrt(max(value * (1 - value), 1e-4) / items)
        return (max(0.0, value - half), min(1.0, value + half))

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        for name, record in (
            (MANIFEST_FILE, self.manifest()),
            (RESULTS_FILE, self.results()),
            (TIMINGS_FILE, self.timings()),
        ):
            text = record.model_dump_json(by_alias=True, exclude_unset=name == RESULTS_FILE)
            (folder / name).write_text(text, encoding="utf-8")
        return folder


def _confusion(classes: tuple[str, ...], items: int, accuracy: float) -> dict[str, dict[str, int]]:
    """Spread wrong answers evenly over everything that is not right."""
    each = items // len(classes)
    wrong = round((1 - accuracy) * each / len(classes))
    table = {gold: dict.fromkeys((*classes, "unmapped"), wrong) for gold in classes}
    for gold, row in table.items():
        row[gold] = each - wrong * len(classes)
    return table


def write_runs(root: Path, *runs: MadeUpRun) -> list[Path]:
    """Write each run to a folder of its own below ``root``."""
    return [run.write(root / f"run-{number:03d}") for number, run in enumerate(runs)]
