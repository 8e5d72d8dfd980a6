"""Runs a model under several conditions and says how much each takes away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emoreal_bench.comparing.runs import (
    AnsweredRun,
    compare_answers,
    load_answers,
    refuse_unequal,
    shift_between,
)
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.probe import Accuracies, Condition, ConditionScores, ProbeReport
from emoreal_bench.contracts.scores import ScoringReport
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import (
    HEADLINE_SCORING,
    Alteration,
    AnswerKind,
    AnswerMethod,
    Factor,
    Modality,
)
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.reasons import what_lacks
from emoreal_bench.running.results import load_report

BLIND_BASELINES = ("baseline/first-choice", "baseline/last-choice", "baseline/random")
CHANCE = "chance"
MAJORITY = "most frequent answer"

MakeRun = Callable[[str, Condition, PlanOptions], Path]
"""Asks a model under a condition, or goes on where it stopped; gives the run folder."""

_LETTERED = (AnswerKind.CHOICE, AnswerKind.YES_NO)
_FACTORS: Mapping[Condition, tuple[Factor, ...]] = {
    Condition.FULL: (),
    Condition.SOUND_ONLY: (Factor.MODALITIES,),
    Condition.PICTURE_ONLY: (Factor.MODALITIES,),
    Condition.TEXT_ONLY: (Factor.MODALITIES,),
    Condition.SWAPPED_CLIPS: (Factor.ALTERATION,),
    Condition.SHUFFLED_LETTERS: (Factor.CHOICE_ORDER,),
}


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Which conditions to run.

    Attributes:
        conditions: How each asks, the full one first.
        left_out: Conditions that would ask nothing new, and why.
    """

    conditions: Mapping[Condition, PlanOptions]
    left_out: Mapping[Condition, str]


def plan_probe(
    task: Task, capabilities: Capabilities, options: PlanOptions, *, seed: int = 0
) -> ProbePlan:
    """Choose the conditions that make sense for a task and a model.

    Args:
        task: What is asked.
        capabilities: What the model can take.
        options: How the task is asked in full; a condition changes one thing of it.
        seed: Of the swaps and the letters.

    Raises:
        UsageError: If the task has free answers only, which have no accuracy.
    """
    if all(subtask.answer is AnswerKind.OPEN for subtask in task.subtasks.values()):
        raise UsageError(
            f"The task {task.name} asks for free text, and a probe compares accuracies.",
            remedy="Run it with --modalities or --alter, and judge each run: emoreal-bench judge.",
        )
    wanted = (options.media or task.media).modalities
    given = [modality for modality in wanted if modality in capabilities.modalities]
    left_out: dict[Condition, str] = {}
    if not {Modality.VIDEO, Modality.AUDIO} <= set(given):
        reason = f"in full the model is given {' and '.join(given) or 'no clip'} already"
        left_out |= dict.fromkeys((Condition.SOUND_ONLY, Condition.PICTURE_ONLY), reason)
    if not given:
        reason = "in full the model is given no clip already"
        left_out |= dict.fromkeys((Condition.TEXT_ONLY, Condition.SWAPPED_CLIPS), reason)
    if not any(subtask.answer in _LETTERED for subtask in task.subtasks.values()):
        left_out[Condition.SHUFFLED_LETTERS] = "the questions have no options"
    ways = {
        Condition.FULL: options,
        Condition.SOUND_ONLY: replace(options, modalities=(Modality.AUDIO,)),
        Condition.PICTURE_ONLY: replace(options, modalities=(Modality.VIDEO,)),
        Condition.TEXT_ONLY: replace(options, modalities=()),
        Condition.SWAPPED_CLIPS: replace(options, alteration=Alteration.SWAP, alteration_seed=seed),
        Condition.SHUFFLED_LETTERS: replace(options, choice_shuffle_seed=seed),
    }
    return ProbePlan(
        {condition: way for condition, way in ways.items() if condition not in left_out}, left_out
    )


def run_probe(
    model: str, task: Task, plan: ProbePlan, make_run: MakeRun, *, seed: int = 0
) -> ProbeReport:
    """Run every condition and the blind baselines, and compare each with the full run.

    Args:
        model: The model's name.
        task: What is asked.
        plan: The conditions.
        make_run: Makes the runs, or finds them made.
        seed: Of the intervals.
    """
    folders = {
        condition: make_run(model, condition, options)
        for condition, options in plan.conditions.items()
    }
    full = load_answers(folders[Condition.FULL], (HEADLINE_SCORING,))
    baselines = BLIND_BASELINES if _is_lettered(task) else ()
    blind = _constant_baselines(folders[Condition.FULL])
    # Baselines write their answers; they have no options to score.
    written = replace(plan.conditions[Condition.FULL], answer_method=AnswerMethod.GENERATE)
    for name in baselines:
        folder = make_run(name, Condition.FULL, written)
        blind[name] = _accuracies(_headline(folder))
    return ProbeReport(
        task=task.name,
        model=model,
        variant=full.manifest.request.variant,
        scoring=HEADLINE_SCORING,
        seed=seed,
        conditions={
            condition: _condition_scores(folder, condition, full, seed)
            for condition, folder in folders.items()
        },
        left_out=dict(plan.left_out),
        blind=blind,
    )


def _condition_scores(
    folder: Path, condition: Condition, full: AnsweredRun, seed: int
) -> ConditionScores:
    results = load_report(folder).results
    scores = ConditionScores(
        folder=str(folder),
        coverage=results.counted.fraction,
        lacking=tuple(lack.problem for lack in what_lacks(results)),
        accuracy=_accuracies(_headline(folder)),
    )
    if condition is Condition.FULL:
        return scores
    run = load_answers(folder, (HEADLINE_SCORING,))
    refuse_unequal(full, run, _FACTORS[condition])
    change = compare_answers(full, run, HEADLINE_SCORING, seed=seed)
    shift = shift_between(full, run)
    return scores.model_copy(update={"change": change, "log_likelihood_shift": shift})


def _headline(folder: Path) -> ScoringReport:
    return load_report(folder).results.scores[HEADLINE_SCORING.value]


def _accuracies(report: ScoringReport) -> Accuracies:
    subtasks = {name: scores.accuracy for name, scores in report.subtasks.items()}
    return Accuracies(subtasks=subtasks, average=report.average_accuracy)


def _constant_baselines(folder: Path) -> dict[str, Accuracies]:
    """Return what guessing is worth, and always giving the most frequent gold answer."""
    subtasks = _headline(folder).subtasks
    chance = {name: scores.chance for name, scores in subtasks.items()}
    majority = {name: scores.majority_baseline for name, scores in subtasks.items()}
    return {
        name: Accuracies(subtasks=values, average=_mean(values))
        for name, values in ((CHANCE, chance), (MAJORITY, majority))
    }


def _mean(values: Mapping[str, float | None]) -> float | None:
    known = [value for value in values.values() if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _is_lettered(task: Task) -> bool:
    return all(subtask.answer in _LETTERED for subtask in task.subtasks.values())
