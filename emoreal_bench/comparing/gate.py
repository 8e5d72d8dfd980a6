"""Holds a run against a baseline and the limits of a rules file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from emoreal_bench.catalog import explain, suggest
from emoreal_bench.comparing.baseline import refuse_other_run, unpack_bits
from emoreal_bench.comparing.drops import check_drops
from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.check import (
    Baseline,
    CheckOutcome,
    CheckReport,
    CheckRules,
    Decision,
    Limits,
    RuleKind,
    RuleResult,
    RuleState,
    Undecided,
    rule_state,
)
from emoreal_bench.contracts.comparison import AVERAGE
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.scores import Counted, Interval, ScoringReport, SubtaskScores
from emoreal_bench.contracts.vocabulary import Factor, Scoring
from emoreal_bench.parsing import UnreadableError, parse_yaml
from emoreal_bench.running.results import score_folder
from emoreal_bench.scoring.metrics import Unit, all_metrics, metric_of
from emoreal_bench.text import (
    count_of,
    percent,
    percent_of_whole,
    words,
    write_interval,
    write_number,
)

WHOLE_RUN = "all items"
_ROUNDING = 1e-9
"""A bound of 0.9999999999999999 is still 1."""


def load_rules(path: Path) -> CheckRules:
    """Read a rules file.

    Raises:
        UsageError: If it cannot be read or is not valid; every wrong key is named.
    """
    try:
        content = parse_yaml(path.read_bytes())
        rules = CheckRules.model_validate({} if content is None else content)
    except OSError as error:
        problem = f"The rules cannot be read: {error.strerror}."
        raise UsageError(problem, where=str(path)) from error
    except UnreadableError as error:
        raise UsageError(f"The rules cannot be read: the file {error}.", where=str(path)) from error
    except ValidationError as error:
        raise UsageError(
            "These are not valid rules:\n" + explain(error),
            where=str(path),
            remedy="docs/ci.md describes every key.",
        ) from error
    try:
        _refuse_unknown_metrics(rules)
    except UsageError as error:
        raise UsageError(error.problem, where=str(path), remedy=error.remedy) from error
    return rules


def check_run(
    folder: Path,
    baseline: Baseline,
    rules: CheckRules,
    seed: int = 0,
    across: Collection[Factor] = (),
) -> CheckReport:
    """Hold a run against a baseline.

    Args:
        folder: A run folder, finished or not.
        baseline: Of the same items, asked in the same way.
        rules: The limits.
        seed: Of the intervals of single scores.
        across: Nothing, or that one of the two is imported.

    Raises:
        RunError: If the folder holds no run, or the baseline is damaged.
        NotComparableError: If the baseline is of other items, requests or rules.
        UsageError: If the rules name what the run does not have, or ``across`` more than that.
    """
    _refuse_unknown_metrics(rules)
    others = [factor for factor in across if factor is not Factor.IMPORTED]
    if others:
        raise UsageError(
            f"A check cannot go across {others[0]}: its limits are for the same request.",
            remedy="Show the effect with: emoreal-bench compare RUN RUN --across FACTOR.",
        )
    run = load_answers(folder, [Scoring.STRICT])
    refuse_other_run(run, baseline, across)
    results = score_folder(folder, [Scoring.STRICT])
    report = results.scores[Scoring.STRICT]
    _refuse_unknown_names(rules, report)
    coverage = _check_coverage(results.counted, rules.least_coverage)
    was_right = unpack_bits(baseline.right, baseline.items)
    checked = (
        coverage,
        *check_drops(run, was_right, rules),
        *_check_limits(report, rules),
    )
    outcome = _outcome(checked, rules.undecided)
    return CheckReport(
        outcome=outcome,
        summary=_summary(outcome, checked),
        task=run.manifest.task,
        model=run.manifest.model.name,
        baseline_model=baseline.model,
        data_hash=baseline.data_hash,
        request_hash=baseline.request.hash,
        decide=rules.decide,
        undecided=rules.undecided,
        level=rules.level,
        seed=seed,
        rules=checked,
    )


def _refuse_unknown_metrics(rules: CheckRules) -> None:
    limited = [metric for metric in all_metrics().values() if metric.in_gate]
    ceilings = [metric.name for metric in limited if metric.better == "lower"]
    floors = [metric.name for metric in limited if metric.better == "higher"]
    for limits in (rules.every_subtask, *rules.subtasks.values(), *rules.question_types.values()):
        for kind, named, known in (
            ("floor of a metric", limits.floors, floors),
            ("ceiling of a metric", limits.ceilings, ceilings),
        ):
            for name in named:
                if name not in known:
                    raise suggest(kind, name, known)


def _refuse_unknown_names(rules: CheckRules, report: ScoringReport) -> None:
    places: tuple[tuple[str, Iterable[str], Mapping[str, SubtaskScores]], ...] = (
        ("subtask", rules.subtasks, report.subtasks),
        ("question type", rules.question_types, report.question_types),
    )
    for kind, named, known in places:
        for name in named:
            if name not in known:
                raise suggest(kind, name, known)


def _check_coverage(coverage: Counted, least: float) -> RuleResult:
    covered = f"{coverage.covered:,} of {count_of(coverage.items, 'item')}"
    return RuleResult(
        kind=RuleKind.COVERAGE,
        about=WHOLE_RUN,
        metric="coverage",
        limit=least,
        value=coverage.fraction,
        passed=coverage.fraction >= least,
        summary=f"{covered} reached the model ({percent_of_whole(coverage.fraction)} %, "
        f"at least {percent(least)} % wanted)",
    )


def _check_limits(report: ScoringReport, rules: CheckRules) -> Iterator[RuleResult]:
    if rules.average.floor is not None:
        average, interval = report.average_accuracy, report.average_accuracy_interval
        yield _limit_result(
            (RuleKind.FLOOR, AVERAGE, "accuracy"),
            rules.average.floor,
            (_defined(average, AVERAGE, "accuracy"), interval),
            rules.decide,
        )
    for name, scores in report.subtasks.items():
        yield from check_scores(name, scores, rules.limits_of(name), rules.decide)
    for name, limits in rules.question_types.items():
        yield from check_scores(name, report.question_types[name], limits, rules.decide)


def check_scores(
    about: str, scores: SubtaskScores, limits: Limits, decide: Decision
) -> Iterator[RuleResult]:
    """Hold the scores of a subtask or a question type against their limits.

    Raises:
        UsageError: If one of them is not there.
    """
    wanted = [
        *((RuleKind.FLOOR, metric, limit) for metric, limit in limits.floors.items()),
        *((RuleKind.CEILING, metric, limit) for metric, limit in limits.ceilings.items()),
    ]
    for kind, metric, limit in wanted:
        value = _defined(scores.number(metric), about, metric)
        found = (value, scores.intervals.get(metric))
        yield _limit_result((kind, about, metric), limit, found, decide)


def _limit_result(
    rule: tuple[RuleKind, str, str],
    limit: float,
    found: tuple[float, Interval | None],
    decide: Decision,
) -> RuleResult:
    """Hold a score against a limit; statistically, its whole interval has to be beyond.

    A score beyond the limit whose interval reaches it cannot be told, nor can one without
    an interval: then nobody knows how far chance goes.
    """
    kind, about, metric = rule
    value, interval = found
    by_chance = decide is Decision.STATISTICAL
    is_floor = kind is RuleKind.FLOOR
    low, high = interval if by_chance and interval else (value, value)
    beyond = (limit - value if is_floor else value - limit) > _ROUNDING
    surely_beyond = (limit - high if is_floor else low - limit) > _ROUNDING
    unknown = by_chance and interval is None
    passed = unknown or not surely_beyond
    sign = "" if metric_of(metric).unit is Unit.PLAIN else " %"
    summary = f"{words(metric)} {write_number(metric, value)}{sign}"
    if interval is not None:
        summary += f" [{write_interval(metric, interval)}{sign}]"
    summary += (
        f": {('below' if is_floor else 'above') if beyond else 'within'} the "
        f"{'floor' if is_floor else 'ceiling'} of {write_number(metric, limit)}{sign}"
    )
    if unknown:
        summary += ", but it has no interval, so chance cannot be told from it"
    elif beyond and passed:
        summary += ", as far as chance can explain"
    return RuleResult(
        kind=kind,
        about=about,
        metric=metric,
        limit=limit,
        value=value,
        passed=passed,
        undecided=unknown or (beyond and passed),
        summary=summary,
    )


def _defined(value: float | None, about: str, metric: str) -> float:
    if value is None:
        raise UsageError(
            f"The rules limit the {words(metric)} of {words(about)}, which this run does not have.",
            remedy="`emoreal-bench score RUN` shows the scores and says why one is missing.",
        )
    return value


def _outcome(checked: Sequence[RuleResult], undecided: Undecided) -> CheckOutcome:
    states = {rule_state(rule, undecided) for rule in checked}
    # Items that never reached the model count as wrong: a network that failed
    # must not be called a worse model.
    for state, outcome in (
        (RuleState.NOT_COVERED, CheckOutcome.INCOMPLETE),
        (RuleState.BROKEN, CheckOutcome.FAILED),
        (RuleState.UNDECIDED_FAILS, CheckOutcome.UNDECIDED),
    ):
        if state in states:
            return outcome
    return CheckOutcome.PASSED


def _summary(outcome: CheckOutcome, checked: Sequence[RuleResult]) -> str:
    rules = count_of(len(checked), "rule")
    undecided = [rule for rule in checked if rule.undecided]
    match outcome:
        case CheckOutcome.INCOMPLETE:
            return f"Not decided: {checked[0].summary}."
        case CheckOutcome.UNDECIDED:
            return (
                f"Undecided: no rule is broken, but of {len(undecided)} of {rules} it cannot be "
                f"told, which fails by these rules: {_names(undecided)}."
            )
        case CheckOutcome.PASSED if undecided:
            return (
                f"Passed: no rule is broken; of {len(undecided)} of {rules} it cannot be told, "
                f"which passes by these rules: {_names(undecided)}."
            )
        case CheckOutcome.PASSED:
            return f"Passed: all {rules} are kept."
        case CheckOutcome.FAILED:
            broken = [rule for rule in checked if not rule.passed]
            return f"Failed: {len(broken)} of {rules} broken: {_names(broken)}."


def _names(rules: Sequence[RuleResult]) -> str:
    return ", ".join(f"{words(rule.about)} ({rule.kind})" for rule in rules)
