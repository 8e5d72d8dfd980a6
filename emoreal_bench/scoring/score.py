"""The scores of a run: the entrance to scoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.scores import (
    Coverage,
    Results,
    ScoringReport,
    SubtaskScores,
)
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import (
    HEADLINE_SCORING,
    JUDGED_SCORING,
    AnswerKind,
    DeliveryStatus,
    Outcome,
    QuestionType,
    Scoring,
)
from emoreal_bench.identity import checksum, hash_json
from emoreal_bench.scoring.collect import Reply, collect_readings, count_statuses
from emoreal_bench.scoring.frame import build_frame
from emoreal_bench.scoring.identity import scoring_hash
from emoreal_bench.scoring.joint import average_interval, mean_of, mean_scores
from emoreal_bench.scoring.pairs import with_pair_accuracy
from emoreal_bench.scoring.slices import length_groups, slice_groups, slice_scores
from emoreal_bench.scoring.subtask_scores import Sample, score_members
from emoreal_bench.scoring.verdicts import Verdicts, with_verdicts

if TYPE_CHECKING:
    from emoreal_bench.scoring.slices import Groups

ALL_SCORINGS = tuple(Scoring)
COVERED = (
    DeliveryStatus.OK,
    DeliveryStatus.LENGTH,
    DeliveryStatus.REFUSED,
    DeliveryStatus.BLOCKED,
)
_MANY_UNPARSABLE = 0.05
OF_STATEMENTS = " Statements about what is asked, without yes or no: "
"""Where a warning goes on to say how many replies are some."""
_WHAT_TO_DO = (
    " of them. Ask in the variant "
    "answer-format, or let a judge say what they amount to: emoreal-bench judge RUN --statements."
)


def score(
    task: Task,
    items: Sequence[Item],
    replies: Iterable[Reply],
    *,
    scorings: Sequence[Scoring] = ALL_SCORINGS,
    verdicts: Verdicts | None = None,
) -> Results:
    """Score replies.

    A pure function: the same items and replies give the same results to
    the last digit, whatever their order; only the interval of pairs over several
    clips goes by the clip of their first item.

    Args:
        task: The task of the items.
        items: All planned items; those without a reply count as missing.
        replies: At most one for each item; of several, the last counts.
        scorings: The rule books, each reported beside the others.
        verdicts: Of a judge, on replies that ``strict`` finds no answer in; they
            make ``strict-judged``, beside ``strict``, which has to be among ``scorings``.

    Raises:
        DataError: If there are no items, an annotation does not fit the task,
            or a reply belongs to no item.
    """
    frame = build_frame(task, items)
    collected = collect_readings(task, frame, items, replies, scorings)
    groups = {**slice_groups(task, items), **length_groups(collected.clip_seconds)}
    reports = {
        str(scoring): _report(task, Sample.of(frame, collected, scoring, task.metrics), groups)
        for scoring in scorings
    }
    if verdicts is not None:
        sample = Sample.of(frame, collected, Scoring.STRICT, task.metrics)
        sample = replace(sample, readings=with_verdicts(sample.readings, items, verdicts))
        judged = _report(task, sample, groups)
        notes = (*judged.notes, verdicts.note)
        reports[JUDGED_SCORING] = judged.model_copy(update={"notes": notes})
    headline = HEADLINE_SCORING if HEADLINE_SCORING in scorings else scorings[0]
    return Results(
        schema_version=2,
        task=task.name,
        scoring_hash=_identity(scorings, verdicts),
        coverage=coverage_of(count_statuses(collected)),
        scores=reports,
        warnings=_warnings(reports[str(headline)]),
    )


def results_json(results: Results) -> str:
    """Write results as the text of ``results.json``: a number that does not apply is absent."""
    content = results.model_dump(mode="json", by_alias=True, exclude_unset=True)
    sealed = results.model_copy(update={"checksum": checksum(content)})
    return sealed.model_dump_json(by_alias=True, exclude_unset=True, indent=2) + "\n"


def _identity(scorings: Sequence[Scoring], verdicts: Verdicts | None) -> str:
    rules = scoring_hash(scorings)
    return rules if verdicts is None else hash_json([rules, verdicts.identity])


def _report(task: Task, sample: Sample, groups: Groups) -> ScoringReport:
    subtasks = {name: _subtask_scores(sample, name) for name in sample.frame.layouts}
    slices, notes = slice_scores(sample, groups)
    notes += [f"no items of {name}" for name in task.subtasks if name not in subtasks]
    scored = [name for name in subtasks if task.subtasks[name].answer is not AnswerKind.OPEN]
    average = mean_of([subtasks[name].accuracy for name in scored]) if scored else None
    fields: dict[str, Any] = {"average_accuracy": average}
    if average is None:
        notes.append("average_accuracy: a subtask has no accuracy")
    else:
        fields["average_accuracy_interval"] = average_interval(sample, scored)
    return ScoringReport(
        **fields,
        **subtasks,
        question_types=_question_types(task, sample, subtasks),
        slices=slices,
        notes=tuple(notes),
    )


def _subtask_scores(sample: Sample, name: str) -> SubtaskScores:
    members = sample.frame.members(name)
    scores = score_members(sample, sample.frame.layouts[name], members)
    scores = scores.model_copy(update={"chance": sample.frame.chance[name]})
    return with_pair_accuracy(sample, scores, name)


def _question_types(
    task: Task, sample: Sample, subtasks: Mapping[str, SubtaskScores]
) -> dict[str, SubtaskScores]:
    types: dict[str, SubtaskScores] = {}
    for kind in QuestionType:
        members = {
            name: scores
            for name, scores in subtasks.items()
            if task.subtasks[name].question_type is kind
        }
        if members:
            types[str(kind)] = mean_scores(sample, members)
    if QuestionType.STRESS_TEST in types:
        types[str(QuestionType.HALLUCINATION_FREE_DETECTION)] = _hallucination_free(
            types[str(QuestionType.STRESS_TEST)]
        )
    return types


def _hallucination_free(stress: SubtaskScores) -> SubtaskScores:
    """Pick out the yes-recall of the stress test, with the no-recall that it needs beside it."""
    shown = ("yes_recall", "no_recall")
    return SubtaskScores(
        n=stress.n,
        outcomes=stress.outcomes,
        accuracy=None,
        yes_recall=stress.yes_recall,
        no_recall=stress.no_recall,
        intervals={name: value for name, value in stress.intervals.items() if name in shown},
        notes=("this is yes_recall of the stress test; a model that always says yes reaches 1",),
    )


def coverage_of(statuses: Mapping[DeliveryStatus, int]) -> Coverage:
    """Return how many items a score speaks of.

    Args:
        statuses: All items by delivery status, every status named.
    """
    items = sum(statuses.values())
    covered = sum(statuses[status] for status in COVERED)
    return Coverage(
        items=items,
        covered=covered,
        fraction=covered / items,
        statuses={str(status): count for status, count in statuses.items()},
    )


def are_many_unparsable(unparsable: int, items: int) -> bool:
    """Return whether so many replies cannot be read that a person should look at them."""
    return unparsable > _MANY_UNPARSABLE * items


def _warnings(report: ScoringReport) -> tuple[str, ...]:
    warnings = []
    for name, scores in report.subtasks.items():
        interval = scores.intervals.get("accuracy")
        if interval and scores.chance is not None and interval[1] < scores.chance:
            warnings.append(
                f"{name}: accuracy {scores.accuracy:.3f} is below chance ({scores.chance:.3f})"
                " by more than its interval allows for. Is the answer format understood?"
            )
        items = sum(scores.outcomes.values())
        statements = scores.outcomes.get(Outcome.STATEMENT, 0)
        unread = scores.outcomes[Outcome.UNPARSABLE] + statements
        if are_many_unparsable(unread, items):
            warnings.append(
                f"{name}: no single answer could be read from {unread} of {items} replies."
                " They count as wrong; look at some of them before trusting the score."
                + (f"{OF_STATEMENTS}{statements}{_WHAT_TO_DO}" if statements else "")
            )
    return tuple(warnings)
