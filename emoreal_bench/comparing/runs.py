"""Runs against each other: whether they may be compared, and what the comparison says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.comparing.metric_differences import metric_tests
from emoreal_bench.comparing.paired import pair_up
from emoreal_bench.comparing.scores import compare_pair
from emoreal_bench.contracts.comparison import (
    ComparedRun,
    Comparison,
    ComparisonReport,
    LogLikelihoodShift,
    RunComparison,
)
from emoreal_bench.contracts.errors import NotComparableError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.request import GenerationSettings
from emoreal_bench.contracts.result import ChoiceScores
from emoreal_bench.contracts.run_record import ITEMS_FILE, Manifest, RequestIdentity
from emoreal_bench.contracts.scores import DeliverySummary
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import AnswerKind, AnswerMethod, Factor, Scoring
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.running.results import DeliveryTally, read_replies
from emoreal_bench.scoring.choice_probabilities import log_likelihood_shift
from emoreal_bench.scoring.collect import Collected, Reply, collect_readings, count_statuses
from emoreal_bench.scoring.frame import Frame, build_frame
from emoreal_bench.scoring.score import COVERED

COMPARED_SCORINGS = (Scoring.STRICT, Scoring.OFFICIAL)
_LONGEST_VALUE = 40
_FIELDS: Mapping[Factor, frozenset[str]] = {
    Factor.MODALITIES: frozenset({"media.modalities"}),
    Factor.ALTERATION: frozenset({"media.alteration", "media.alteration_seed"}),
    Factor.CHOICE_ORDER: frozenset({"choice_shuffle_seed"}),
    Factor.SAMPLING: frozenset(
        f"media.{name}"
        for name in ("frames", "sampling", "size", "sample_rate", "channel", "max_seconds")
    ),
    Factor.PROMPT: frozenset(
        {"variant", "prompt_template", "system", "order"}
        | {f"generation.{name}" for name in GenerationSettings.model_fields}
    ),
    Factor.ANSWER_METHOD: frozenset({"answer_method"}),
    Factor.IMPORTED: frozenset(),
}
"""The parts of a request's identity that belong to each factor."""


@dataclass(frozen=True, slots=True)
class AnsweredRun:
    """A run with its replies read.

    Attributes:
        folder: Where it lies.
        manifest: Who was asked what.
        task: As it was when the run was made.
        frame: Of its items, their options under the letters that the model saw.
        collected: What became of them.
        delivery: What reached the model; None if nothing was logged.
        items: As they were planned.
        choice_scores: By item, of those whose options were scored.
    """

    folder: Path
    manifest: Manifest
    task: Task
    frame: Frame
    collected: Collected
    delivery: DeliverySummary | None
    items: Sequence[Item] = ()
    choice_scores: Mapping[str, ChoiceScores] = field(default_factory=dict)

    def right(self, scoring: Scoring) -> NDArray[np.bool_]:
        """Return for each item, in the order of the plan, whether it is right under a scoring."""
        right: NDArray[np.bool_] = self.collected.readings[scoring].answer == self.frame.gold_for(
            scoring
        )
        return right

    def describe(self) -> ComparedRun:
        """Return who it is and how much of it there is."""
        return ComparedRun(
            folder=str(self.folder),
            model=self.manifest.model.name,
            coverage=self._coverage(),
            frames_per_item=self.delivery and self.delivery.frames_per_item,
            audio_seconds_per_item=self.delivery and self.delivery.audio_seconds_per_item,
            tokens_per_item=self.delivery.tokens_per_item if self.delivery else {},
        )

    def _coverage(self) -> float:
        """Return the share of the items that came back, of those that count in a score."""
        layouts = self.frame.layouts
        scored = [name for name in layouts if layouts[name].kind is not AnswerKind.OPEN]
        counted = np.concatenate([self.frame.members(name) for name in scored or layouts])
        statuses = count_statuses(self.collected, counted)
        return sum(statuses[status] for status in COVERED) / counted.size


def load_answers(folder: Path, scorings: Sequence[Scoring] = COMPARED_SCORINGS) -> AnsweredRun:
    """Read a run's replies, finished or not; items without one count as missing.

    Raises:
        RunError: If the folder holds no run, or its plan is damaged.
    """
    manifest = load_manifest(folder)
    items = load_plan_items(folder, manifest)
    task = read_task(manifest, folder)
    frame, tally = build_frame(task, items), DeliveryTally()
    choice_scores: dict[str, ChoiceScores] = {}

    def replies() -> Iterator[Reply]:
        for reply in read_replies(folder / ITEMS_FILE, tally):
            if reply.choice_scores is not None:
                choice_scores[reply.id] = reply.choice_scores
            yield reply

    collected = collect_readings(task, frame, items, replies(), scorings)
    delivery = None if manifest.imported is not None else tally.summary()
    return AnsweredRun(folder, manifest, task, frame, collected, delivery, items, choice_scores)


def compare_runs(
    folders: Sequence[Path], *, across: Collection[Factor] = (), seed: int = 0
) -> ComparisonReport:
    """Compare each of several runs with the first.

    Args:
        folders: Two run folders or more.
        across: What the runs may differ in.
        seed: Of the intervals.

    Raises:
        UsageError: If fewer than two runs are named.
        RunError: If a folder holds no run, or a damaged one.
        NotComparableError: If two runs are of other items or asked in another way.
    """
    if len(folders) < 2:
        raise UsageError(
            "A comparison needs two runs or more.",
            remedy="Name their folders: emoreal-bench compare runs/A runs/B",
        )
    first = load_answers(folders[0])
    others = []
    for folder in folders[1:]:
        second = load_answers(folder)
        refuse_unequal(first, second, across)
        comparisons = {
            scoring: compare_answers(first, second, scoring, seed=seed)
            for scoring in COMPARED_SCORINGS
        }
        others.append(
            RunComparison(
                run=second.describe(),
                scorings=comparisons,
                log_likelihood_shift=shift_between(first, second),
                delivery_differences=delivery_differences(first.describe(), second.describe()),
            )
        )
    return ComparisonReport(
        task=first.manifest.task,
        data_hash=first.manifest.data.hash,
        across=tuple(factor for factor in Factor if factor in across),
        seed=seed,
        first=first.describe(),
        others=tuple(others),
    )


def delivery_differences(first: ComparedRun, second: ComparedRun) -> tuple[str, ...]:
    """Return what two models were given in different amounts, in the digits that are shown.

    A model that does not say how many tokens it was given is not held against one that does.
    """
    amounts = [
        (first.frames_per_item, second.frames_per_item, "frames"),
        (first.audio_seconds_per_item, second.audio_seconds_per_item, "seconds of sound"),
    ]
    tokens = (first.tokens_per_item, second.tokens_per_item)
    if all(tokens):
        amounts += [
            (tokens[0].get(modality, 0.0), tokens[1].get(modality, 0.0), f"{modality} tokens")
            for modality in sorted(tokens[0].keys() | tokens[1].keys())
        ]
    told = []
    for before, after, what in amounts:
        texts = [f"{amount:.1f}" for amount in (before, after) if amount is not None]
        if len(set(texts)) > 1:
            told.append(f"{texts[0]} and {texts[1]} {what}")
    return tuple(told)


def refuse_unequal(first: AnsweredRun, second: AnsweredRun, across: Collection[Factor]) -> None:
    """Refuse to compare runs of other items, or that were asked in another way.

    Raises:
        NotComparableError: With every difference named.
    """
    found = run_differences(first.manifest, second.manifest, across)
    if found:
        raise NotComparableError(
            f"It cannot be compared with {first.folder}: these differ: {'; '.join(found)}.",
            where=str(second.folder),
            remedy=_remedy(first.manifest, second.manifest, across),
        )


def run_differences(
    first: Manifest, second: Manifest, across: Collection[Factor] = ()
) -> list[str]:
    """Return in what two runs differ that has to be the same; the model may be another."""
    tasks = [f"{manifest.task} version {manifest.task_version}" for manifest in (first, second)]
    found = [] if tasks[0] == tasks[1] else [f"the task ({tasks[0]} and {tasks[1]})"]
    if not have_same_items(first, second):
        counts = f"{first.data.items} and {second.data.items} items"
        found.append(f"the items or the bytes of their clips ({counts})")
    if (first.imported is None) != (second.imported is None):
        told = "where the replies come from (one run is measured, the other imported)"
        # How imported replies were asked for is not known, so nothing of it can differ.
        return found if Factor.IMPORTED in across else [*found, told]
    allowed = frozenset().union(*(_FIELDS[factor] for factor in across))
    if first.shard != second.shard:
        parts = [f"shard {run.shard}" if run.shard else "all of it" for run in (first, second)]
        found.append(f"the part of the run that was asked ({' and '.join(parts)})")
    changed = _changed_fields(first.request, second.request).items()
    found += [f"{name}{_both_values(*values)}" for name, values in changed if name not in allowed]
    return found


def have_same_items(first: Manifest, second: Manifest) -> bool:
    """Return whether two runs are about the same items.

    Replies may be imported with nothing but an annotation file. Then the items alone are
    compared, and not the bytes of the clips, which the run does not know.
    """
    if first.data.hash == second.data.hash:
        return True
    is_imported = first.imported is not None or second.imported is not None
    return is_imported and None is not first.plan_hash == second.plan_hash


def compare_answers(
    first: AnsweredRun, second: AnsweredRun, scoring: Scoring, *, seed: int = 0
) -> Comparison:
    """Compare two runs of the same items, whatever letters their options had.

    Raises:
        NotComparableError: If they have no scored item in common.
    """
    counted = [run.collected.readings[scoring].counted for run in (first, second)]
    right = (first.right(scoring), second.right(scoring))
    pair = pair_up(first.task, first.frame, right, counted[0] & counted[1])
    seeds = [run.manifest.request.choice_shuffle_seed for run in (first, second)]
    if seeds[0] != seeds[1]:  # The same answer has another letter in each.
        return compare_pair(pair, scoring)
    readings = (first.collected.readings[scoring], second.collected.readings[scoring])
    return compare_pair(pair, scoring, metric_tests(first.task, first.frame, readings, seed))


def shift_between(first: AnsweredRun, second: AnsweredRun) -> LogLikelihoodShift | None:
    """Measure how far the right answer's log-likelihood falls, per subtask and over all items.

    Args:
        first: The run with the clips as they are.
        second: A run of the same items.

    Returns:
        None unless both runs hold choice scores of the same items under the same letters.
    """
    requests = [run.manifest.request for run in (first, second)]
    if any(request.answer_method is not AnswerMethod.SCORE_CHOICES for request in requests):
        return None
    if requests[0].choice_shuffle_seed != requests[1].choice_shuffle_seed:
        return None
    both = first.choice_scores.keys() & second.choice_scores.keys()
    groups: dict[str, list[Item]] = {}
    for item in first.items:
        if item.id in both:
            groups.setdefault(item.subtask, []).append(item)
    if not groups:
        return None
    scores = (first.choice_scores, second.choice_scores)
    try:
        subtasks = {name: log_likelihood_shift(items, *scores) for name, items in groups.items()}
        everything = [item for items in groups.values() for item in items]
        overall = log_likelihood_shift(everything, *scores)
    except NotComparableError as problem:
        return LogLikelihoodShift(subtasks={}, overall=None, undefined=str(problem))
    return LogLikelihoodShift(subtasks=subtasks, overall=overall)


def _remedy(first: Manifest, second: Manifest, across: Collection[Factor]) -> str:
    """Name the options that would let two runs be compared, or say that none would."""
    changed = _changed_fields(first.request, second.request).keys()
    needed = [factor for factor in Factor if factor not in across and _FIELDS[factor] & changed]
    if (first.imported is None) != (second.imported is None):
        needed = [Factor.IMPORTED]
    if run_differences(first, second, [*across, *needed]):
        return "Compare runs of the same items that were asked in the same way."
    options = " ".join(f"--across {factor}" for factor in needed)
    return f"If they are to differ in this, so that its effect shows, add {options}."


def _changed_fields(
    first: RequestIdentity, second: RequestIdentity
) -> Mapping[str, tuple[Any, Any]]:
    before, after = _flatten(first), _flatten(second)
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def _flatten(request: RequestIdentity) -> dict[str, Any]:
    fields = request.model_dump(mode="json", exclude={"hash", "media", "generation"})
    for prefix, part in (("media", request.media), ("generation", request.generation)):
        values = part.model_dump(mode="json")
        fields |= {f"{prefix}.{name}": value for name, value in values.items()}
    return fields


def _both_values(first: Any, second: Any) -> str:
    """Show two values where they are short enough to help."""
    texts = [str(value) for value in (first, second)]
    return f" ({texts[0]} and {texts[1]})" if max(map(len, texts)) <= _LONGEST_VALUE else ""
