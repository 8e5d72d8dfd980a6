"""Scores of runs and of predictions made elsewhere, and runs held against each other."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emoreal_bench.catalog import TaskFile, find_task, suggest
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import JUDGED_SCORING, Factor, Scoring
from emoreal_bench.record.files import write_atomically
from emoreal_bench.reporting.notebook import RunReport
from emoreal_bench.running.results import score_folder
from emoreal_bench.scoring.score import ALL_SCORINGS

if TYPE_CHECKING:
    from emoreal_bench.contracts.check import CheckPlan, CheckReport
    from emoreal_bench.scoring.predictions import ReplyColumns, ReplyTable


DEFAULT_SCORINGS = (Scoring.STRICT, Scoring.OFFICIAL)


def load_run(folder: Path) -> RunReport:
    """Read a finished run: its manifest, its scores and its timings.

    Raises:
        RunError: If the folder holds no finished run.
    """
    return RunReport.load(folder)


def score_run(
    folder: Path, scorings: Sequence[Scoring] | None = None, judged_by: Path | None = None
) -> Results:
    """Score a run again from its own plan and log; the model and the data are not needed.

    Args:
        folder: A run folder, finished or not.
        scorings: The rule books; strict and official if None.
        judged_by: Folder of a judge's run over the replies without an answer, see
            :func:`judge`; its stored verdicts make ``strict-judged``, beside the others.

    Raises:
        RunError: If a folder holds no run, or the judge's is not complete.
        UsageError: If ``judged_by`` is no such run, or ``strict`` is not among the scorings.
        NotComparableError: If it judged another run, or this one at another time.
    """
    scorings = scorings or DEFAULT_SCORINGS
    if judged_by is None:
        return score_folder(folder, scorings)
    if Scoring.STRICT not in scorings:
        raise UsageError(
            f"The scoring {JUDGED_SCORING} is never shown without strict.",
            remedy="Add --scoring strict.",
        )
    from emoreal_bench.judging.stored import load_verdicts

    return score_folder(folder, scorings, verdicts=load_verdicts(folder, judged_by))


def score_predictions(
    task: str | None,
    annotations: Path | None,
    predictions: Path | ReplyTable | None,
    scorings: Sequence[Scoring] | None = None,
    *,
    data: Path | None = None,
) -> Results:
    """Score predictions that were made elsewhere.

    Args:
        task: A task's name, or the path of a YAML file.
        annotations: The data set's own annotation file.
        predictions: A JSON object id -> text, a JSONL, CSV, Excel or Parquet file with ``id`` and
            ``prediction``, a folder of ``ID.txt`` files, or a log of Inspect AI,
            lm-evaluation-harness or lmms-eval; a :class:`ReplyTable` where its columns or
            keys have other names.
        scorings: The rule books; strict and official if None.
        data: The data folder, in place of the annotation file.

    Raises:
        UsageError: If what is needed is not given.
        DataError: If a file is not valid, or names an unknown or a double id.
    """
    from emoreal_bench.importing.predictions import load_predictions
    from emoreal_bench.importing.runs import find_items
    from emoreal_bench.scoring.collect import Reply
    from emoreal_bench.scoring.score import score

    task_file, path, columns = _named(task, annotations, data, predictions)
    items = find_items(task_file, annotations, data).items
    replies = [
        Reply(result.id, result.status, result.text)
        for result in load_predictions(path, items, columns).results
    ]
    return score(task_file.task, items, replies, scorings=scorings or DEFAULT_SCORINGS)


def import_predictions(
    task: str | None,
    predictions: Path | ReplyTable | None,
    runs: Path,
    *,
    annotations: Path | None = None,
    data: Path | None = None,
    model: str | None = None,
    scorings: Sequence[Scoring] | None = None,
) -> RunReport:
    """Keep predictions that were made elsewhere as a run, marked as imported.

    Args:
        task: A task's name, or the path of a YAML file.
        predictions: As for :func:`score_predictions`.
        runs: Folder of runs; the run gets a folder in it, named after what it is.
        annotations: The data set's own annotation file.
        data: The data folder, in its place: then the run knows its clips.
        model: Who answered; by default as the log says, or the name of the file.
        scorings: The rule books; if None all, as a run keeps them.

    Raises:
        UsageError: If what is needed is not given.
        DataError: If a file is not valid, or names an unknown or a double id.
        RunError: If the folder cannot be written.
    """
    from emoreal_bench.importing.predictions import load_predictions
    from emoreal_bench.importing.runs import find_items, write_imported_run

    task_file, path, columns = _named(task, annotations, data, predictions)
    found = find_items(task_file, annotations, data)
    folder = write_imported_run(
        task_file,
        found,
        load_predictions(path, found.items, columns),
        runs,
        model=model,
        scorings=scorings or ALL_SCORINGS,
        command=sys.argv,
    )
    return RunReport.load(folder)


def _named(
    task: str | None,
    annotations: Path | None,
    data: Path | None,
    predictions: Path | ReplyTable | None,
) -> tuple[TaskFile, Path, ReplyColumns]:
    from emoreal_bench.scoring.predictions import ReplyColumns

    if task is None or predictions is None or (annotations is None and data is None):
        raise UsageError(
            "Nothing to score was named.",
            remedy="Give a run folder, or --task, --predictions, and --annotations or --data.",
        )
    if isinstance(predictions, Path):
        return find_task(task), predictions, ReplyColumns()
    columns = ReplyColumns(predictions.id, predictions.prediction)
    return find_task(task), predictions.path, columns


def parse_scorings(names: Sequence[str] | None) -> tuple[Scoring, ...]:
    """Read the names of scorings; ``all`` stands for every one.

    Raises:
        UsageError: If there is no scoring of a name.
    """
    if not names:
        return DEFAULT_SCORINGS
    if "all" in names:
        return tuple(sorted(Scoring, key=lambda scoring: scoring is not Scoring.STRICT))
    known = [scoring.value for scoring in Scoring]
    for name in names:
        if name == JUDGED_SCORING:
            raise UsageError(
                f"The scoring {JUDGED_SCORING} needs the verdicts of a judge.",
                remedy="Leave it out of --scoring, and name the judge's run with --judged-by.",
            )
        if name not in known:
            raise suggest("scoring", name, [*known, "all"])
    return tuple(dict.fromkeys(Scoring(name) for name in names))


def check(
    folder: Path,
    baseline: Path,
    rules: Path | None = None,
    *,
    seed: int = 0,
    across: Collection[Factor] = (),
) -> CheckReport:
    """Hold a run against a baseline. ``report.passed`` says whether it passes.

    Args:
        folder: A run folder, finished or not.
        baseline: What :func:`save_baseline` wrote.
        rules: A YAML file with the limits; the default ones if None.
        seed: Of the intervals of single scores.
        across: Nothing, or ``Factor.IMPORTED`` to hold measured and imported replies
            against each other.

    Raises:
        RunError: If the folder holds no run, or a file is damaged.
        NotComparableError: If the baseline is of other items, requests or rules.
        UsageError: If the rules are not valid or do not fit the run.
    """
    from emoreal_bench.comparing.baseline import load_baseline
    from emoreal_bench.comparing.gate import check_run, load_rules
    from emoreal_bench.contracts.check import CheckRules

    limits = CheckRules() if rules is None else load_rules(rules)
    return check_run(folder, load_baseline(baseline), limits, seed, across)


def plan_check(
    folder: Path,
    baseline: Path | None = None,
    rules: Path | None = None,
    *,
    drop: float | None = None,
) -> CheckPlan:
    """Return how many items a check needs to find a drop.

    Args:
        folder: A run folder: of its items and their clips.
        baseline: What :func:`save_baseline` wrote; None if there is none yet.
        rules: A YAML file with the limits; the default ones if None.
        drop: The drop wished for, as a fraction; None for the largest that the rules allow.

    Raises:
        RunError: If the folder holds no run, or a file is damaged.
        NotComparableError: If the baseline is of other items, requests or rules.
        UsageError: If the rules are not valid, or no drop above 0 is named.
    """
    from emoreal_bench.comparing.baseline import load_baseline
    from emoreal_bench.comparing.gate import load_rules
    from emoreal_bench.comparing.planning import plan_check as plan
    from emoreal_bench.contracts.check import CheckRules

    limits = CheckRules() if rules is None else load_rules(rules)
    return plan(folder, None if baseline is None else load_baseline(baseline), limits, drop)


def write_check(
    report: CheckReport,
    *,
    junit: Path | None = None,
    markdown: Path | None = None,
    html: Path | None = None,
) -> None:
    """Write what a check says for the services that run it, and for people.

    Args:
        report: What was found.
        junit: File for JUnit.
        markdown: File for Markdown.
        html: A page if it ends in ``.html``, else the folder for one.

    Raises:
        RunError: If a file cannot be written.
    """
    from emoreal_bench.reporting.check.output import check_junit, check_markdown

    if junit is not None:
        write_atomically(junit, [check_junit(report).encode()])
    if markdown is not None:
        write_atomically(markdown, [check_markdown(report).encode()])
    if html is not None:
        from emoreal_bench.reporting.report_pages import write_check_page

        write_check_page(report, html)
