"""From a run's log to ``results.json``: the same bytes for the same plan and log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import DataError, RunError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.note import NoteTally
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE, RESULTS_FILE, Manifest
from emoreal_bench.contracts.scores import DeliverySummary, Results
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus, Scoring
from emoreal_bench.record.files import write_atomically
from emoreal_bench.record.finished import FinishedRun, other_log, read_report
from emoreal_bench.record.folder import load_plan_items
from emoreal_bench.record.log import is_whole, read_final_records
from emoreal_bench.record.manifest import load_manifest, read_task
from emoreal_bench.record.records import ItemRecord, from_record, reply_hash, written_hash
from emoreal_bench.running.reasons import ReasonTally
from emoreal_bench.scoring.collect import Reply
from emoreal_bench.scoring.identity import scoring_hash
from emoreal_bench.scoring.judgements import judging_hash, score_judgements
from emoreal_bench.scoring.score import ALL_SCORINGS, results_json, score
from emoreal_bench.scoring.verdicts import Verdicts
from emoreal_bench.text import count_of

_SCORED_AGAIN = (
    f"scored again: the scores in {RESULTS_FILE} are by the rules of another version; these are "
    "by the rules of this one, from the log"
)
_logger = logging.getLogger(__name__)
_MICRO = 1_000_000
_NANO = 1_000_000_000
_MOST_DOLLARS = 1e15  # A log may hold any number; this one can still be added up.


class DeliveryTally:
    """Sums what reached the model.

    Sums are of whole numbers (sound in microseconds, cost in billionths of a
    dollar), so that they do not depend on the order of the log.

    Args:
        method: How answers were to be taken.
        is_imported: Whether the replies come from elsewhere.
    """

    def __init__(
        self, method: AnswerMethod = AnswerMethod.GENERATE, *, is_imported: bool = False
    ) -> None:
        self._is_imported = is_imported
        self._scores_choices = method is AnswerMethod.SCORE_CHOICES
        self._unscored = 0
        self._items = 0
        self._frames = 0
        self._audio_microseconds = 0
        self._with_video = 0
        self._with_audio = 0
        self._priced = 0
        self._nanodollars = 0
        self._replies = 0
        self._tokens: Counter[str] = Counter()
        self._notes = NoteTally()
        self._reasons = ReasonTally()
        self._empty = 0

    def add(self, record: ItemRecord) -> None:
        """Count one item's last record; one without a delivery received nothing."""
        delivery = record.get("delivery")
        self._items += 1
        self._replies += reply_hash(record)
        self._reasons.add(record["status"], record.get("detail"))
        is_written = record["status"] in (DeliveryStatus.OK, DeliveryStatus.LENGTH)
        self._empty += is_written and not record.get("text", "").strip()
        self._unscored += self._scores_choices and is_written and "choice_scores" not in record
        cost = record["usage"]["cost"] if "usage" in record else None
        if cost is not None:
            self._priced += 1
            self._nanodollars += round(min(max(cost, -_MOST_DOLLARS), _MOST_DOLLARS) * _NANO)
        if delivery is None:
            return
        microseconds = round(delivery["audio_seconds"] * _MICRO)
        self._frames += delivery["frames"]
        self._audio_microseconds += microseconds
        self._with_video += delivery["frames"] > 0
        self._with_audio += microseconds > 0
        self._tokens.update(delivery["tokens"])
        self._notes.add(delivery["notes"])

    def replies_hash(self) -> str:
        """Return :attr:`Results.replies_hash`."""
        return written_hash(self._replies)

    def summary(self) -> DeliverySummary | None:
        """Return means per logged item; None if nothing was logged."""
        if not self._items:
            return None
        return DeliverySummary(
            frames_per_item=self._frames / self._items,
            audio_seconds_per_item=self._audio_microseconds / _MICRO / self._items,
            items_with_video=self._with_video,
            items_with_audio=self._with_audio,
            tokens_per_item={
                modality: count / self._items for modality, count in sorted(self._tokens.items())
            },
            notes=self._notes.counts(),
            **self._where_any(),
        )

    def _where_any(self) -> dict[str, Any]:
        """Return what is left out where it does not apply."""
        numbers = {
            "cost_per_item": self._nanodollars / _NANO / self._priced if self._priced else None,
            "reasons": self._reasons.summary(),
            "empty_replies": self._empty,
            "answered_by_text": self._unscored,
        }
        return {name: number for name, number in numbers.items() if number}

    def warnings(self) -> tuple[str, ...]:
        """Return what a person should know before trusting the scores."""
        told = []
        if self._empty:
            told.append(
                f"The reply to {self._empty} of {self._items} items is empty. It counts as an "
                f"answer that cannot be read; {self._cure()}."
            )
        if self._unscored:
            told.append(
                f"{self._unscored} of {self._items} items were answered by text, though choices "
                "were to be scored: the model's scores named none of the options. Raise "
                "top_logprobs, or ask for written answers (--answer generate)."
            )
        return tuple(told)

    def _cure(self) -> str:
        if self._is_imported:
            return "leave its line out of the imported file if there was no reply"
        return "let the model write more tokens, or look at what it was given"


def score_log(
    manifest: Manifest,
    items: Sequence[Item],
    log_path: Path,
    scorings: Sequence[Scoring] = ALL_SCORINGS,
    verdicts: Verdicts | None = None,
) -> Results:
    """Score what a log holds; items it does not hold count as missing.

    Args:
        manifest: Holds the task and the identities.
        items: The plan.
        log_path: The log; damaged lines count as not there.
        scorings: The rule books; a judge's run has one of its own.
        verdicts: Of a judge, for ``strict-judged``.
    """
    tally = DeliveryTally(manifest.request.answer_method, is_imported=manifest.imported is not None)
    damaged: list[int] = []
    replies = read_replies(log_path, tally, damaged)
    try:
        if manifest.judged is None:
            task = read_task(manifest, log_path.parent)
            results = score(task, items, replies, scorings=scorings, verdicts=verdicts)
        else:
            results = score_judgements(manifest, items, replies)
    except DataError as error:
        where = error.where or str(log_path)
        raise DataError(error.problem, where=where, remedy=error.remedy) from error
    return results.model_copy(
        update={
            "variant": manifest.request.variant,
            "data_hash": manifest.data.hash,
            "request_hash": manifest.request.hash,
            # Of imported replies nobody knows what reached the model, not even nothing.
            "delivery": None if manifest.imported is not None else tally.summary(),
            "plan_hash": manifest.plan_hash,
            "replies_hash": tally.replies_hash(),
            "warnings": (
                *_shard(manifest),
                *manifest.model.warnings,
                *results.warnings,
                *tally.warnings(),
                *_damage(damaged),
            ),
        }
    )


def score_folder(
    folder: Path,
    scorings: Sequence[Scoring] = ALL_SCORINGS,
    verdicts: Verdicts | None = None,
    *,
    believes_log: bool = False,
) -> Results:
    """Score a run, complete or not, from its own files, and a judge's verdicts if there are any.

    Args:
        folder: Of the run.
        scorings: The rule books.
        verdicts: Of a judge.
        believes_log: Whether a whole log counts that earlier scores were not made from.

    Raises:
        RunError: If the folder holds no run, its plan is damaged, or its log is another one.
    """
    manifest = load_manifest(folder)
    items = load_plan_items(folder, manifest)
    log = folder / ITEMS_FILE
    results = score_log(manifest, items, log, scorings, verdicts)
    scored = None if believes_log else _scored_answers(folder)
    # Of a damaged log the warnings tell.
    if scored not in (None, results.replies_hash) and is_whole(log):
        raise other_log(folder)
    return results


def refuse_other_log(folder: Path) -> None:
    """Refuse a log that the scores beside it were not made from.

    Raises:
        RunError: If it is another run's, or was edited.
    """
    scored = _scored_answers(folder)
    if scored is not None and scored != log_hash(folder):
        raise other_log(folder)


def _scored_answers(folder: Path) -> str | None:
    """Return the hash of the answers behind the scores of a run; None if nobody can say."""
    try:
        return read_report(folder).results.replies_hash
    except RunError:
        return None  # They are about to be replaced, or there are none.


def write_results(folder: Path, results: Results) -> None:
    """Write ``results.json``.

    Raises:
        RunError: If the folder cannot be written.
    """
    write_atomically(folder / RESULTS_FILE, [results_json(results).encode()])


def read_replies(
    log_path: Path, tally: DeliveryTally, damaged: list[int] | None = None
) -> Iterator[Reply]:
    """Read what scoring needs of a log, and count what reached the model on the way."""
    for record in read_final_records(log_path, damaged):
        tally.add(record)
        # Logs of earlier versions hold answers that were chosen among scores of NaN.
        result = from_record(record).checked()
        length = record.get("clip_seconds")
        yield Reply(result.id, result.status, result.text, result.choice_scores, length)


def _shard(manifest: Manifest) -> Iterator[str]:
    shard = manifest.shard
    if shard is not None:
        yield (
            f"This is shard {shard} of a run and is never ranked: it asks {shard.items:,} of "
            f"{count_of(manifest.data.items, 'item')}, and the others count as missing. Join all "
            "shards with: emoreal-bench runs merge SHARD... --out RUN"
        )


def _damage(lines: Sequence[int]) -> Iterator[str]:
    if lines:
        yield (
            f"{count_of(len(lines), 'line')} of {ITEMS_FILE} {'is' if len(lines) == 1 else 'are'} "
            f"damaged (the first is line {lines[0]:,}) and count as not there. Give the command "
            "of the run again: it asks their items anew."
        )


def log_hash(folder: Path) -> str:
    """Return what :attr:`Results.replies_hash` would be if a run were scored now."""
    return written_hash(sum(map(reply_hash, read_final_records(folder / ITEMS_FILE))))


def load_report(run_folder: Path) -> FinishedRun:
    """Read manifest, scores and timings of a run, its scores by the rules of today.

    Scores by the rules of another version are made again from the log, with a
    warning that says so. The files stay as they are.

    Args:
        run_folder: The folder that a run left behind.

    Raises:
        RunError: If the folder is not a run, is not scored yet, holds a file
            that cannot be read, or holds the scores of another run.
    """
    report = read_report(run_folder)
    scorings = [scoring for scoring in Scoring if scoring in report.results.scores]
    if len(scorings) < len(report.results.scores) or _has_present_rules(report, scorings):
        return report
    if not all((run_folder / name).is_file() for name in (PLAN_FILE, ITEMS_FILE)):
        return report
    results = score_folder(run_folder, scorings)
    warnings = (*results.warnings, _SCORED_AGAIN)
    return replace(report, results=results.model_copy(update={"warnings": warnings}))


def load_readable_reports(run_folders: Iterable[Path]) -> list[FinishedRun]:
    """Read several runs as :func:`load_report` does, without those that cannot be read.

    One bad folder does not keep the others from being shown: it is named in a warning.

    Raises:
        RunError: If there are folders and none can be read.
    """
    reports, faults = [], []
    for folder in run_folders:
        try:
            reports.append(load_report(folder))
        except RunError as error:
            faults.append(error)
    if faults and not reports:
        raise faults[0]
    for fault in faults:
        _logger.warning("Warning: %s\n  It is left out.", fault)
    return reports


def _has_present_rules(report: FinishedRun, scorings: Sequence[Scoring]) -> bool:
    if report.manifest.judged is None:
        return report.results.scoring_hash == scoring_hash(scorings)
    return report.results.scoring_hash == judging_hash(report.manifest.judged.matter)
