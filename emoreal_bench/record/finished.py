"""Reads a finished run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    MANIFEST_FILE,
    RESULTS_FILE,
    Manifest,
    Timings,
)
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import Outcome
from emoreal_bench.record.folder import load_timings
from emoreal_bench.record.manifest import load_written_manifest, not_by_schema, with_present_hash
from emoreal_bench.record.sealed import read_record, unsealed

_SCORE_AGAIN = "Write it again from the log with: emoreal-bench runs verify RUN --repair"


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """What a run folder says, without its items.

    Attributes:
        manifest: Who was asked what.
        results: The scores.
        timings: How long it took; None if the folder does not say.
        folder: Where it lies; None if it was not read from a folder.
    """

    manifest: Manifest
    results: Results
    timings: Timings | None = None
    folder: Path | None = None

    @property
    def is_complete(self) -> bool:
        """Return whether every item that counts in a score reached the model and came back.

        A shard is never a run.
        """
        return self.manifest.shard is None and self.results.counted.is_full

    @property
    def has_asked_all(self) -> bool:
        """Return whether nothing is left to ask: of the run, or its shard.

        An open question that the model cannot take, as a blind baseline can take none, is
        settled where the others are scored: it counts in no score, and asking again is no use.
        """
        shard, coverage = self.manifest.shard, self.results.coverage
        settled = coverage.covered + self._settled_without_reply()
        return settled == (coverage.items if shard is None else shard.items)

    def _settled_without_reply(self) -> int:
        for report in self.results.scores.values():
            scored = report.scored_subtasks
            return sum(
                scores.outcomes.get(Outcome.UNSUPPORTED, 0)
                for name, scores in report.subtasks.items()
                if name not in scored
            )
        return 0


def read_report(run_folder: Path) -> FinishedRun:
    """Read manifest, scores and timings of a run, its scores as they were written.

    Args:
        run_folder: The folder that a run left behind.

    Raises:
        RunError: If the folder is not a run, is not scored yet, holds a file
            that cannot be read, or holds the scores of another run.
    """
    written = load_written_manifest(run_folder)
    if not (run_folder / RESULTS_FILE).is_file():
        raise RunError(
            f"This run has no {RESULTS_FILE}: it was not finished.",
            where=str(run_folder),
            remedy="Give the run command again to finish it, or score what is there with "
            "`emoreal-bench score`.",
        )
    manifest = with_present_hash(written)
    results = _read_results(run_folder / RESULTS_FILE)
    if manifest != written and results.request_hash == written.request.hash:
        results = results.model_copy(update={"request_hash": manifest.request.hash})
    report = FinishedRun(
        manifest=manifest,
        results=results,
        timings=load_timings(run_folder),
        folder=run_folder,
    )
    _check_that_parts_belong_together(report, run_folder)
    return report


def _read_results(path: Path) -> Results:
    content = unsealed(read_record(path, _SCORE_AGAIN), path, _SCORE_AGAIN)
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        raise not_by_schema(path, error) from error


def _check_that_parts_belong_together(report: FinishedRun, run_folder: Path) -> None:
    manifest, results = report.manifest, report.results
    pairs = {
        "task": (results.task, manifest.task),
        "data hash": (results.data_hash, manifest.data.hash),
        "request hash": (results.request_hash, manifest.request.hash),
        "number of items": (results.coverage.items, manifest.data.items),
        "plan": (results.plan_hash, manifest.plan_hash),
    }
    for name, (scored, planned) in pairs.items():
        if None not in (scored, planned) and scored != planned:
            raise RunError(
                f"{RESULTS_FILE} holds the scores of another run: its {name} is not that of "
                f"{MANIFEST_FILE}.",
                where=str(run_folder),
                remedy=_SCORE_AGAIN,
            )


def other_log(folder: Path) -> RunError:
    """Return the error of a run whose scores were made from other answers than its log holds."""
    return RunError(
        f"{RESULTS_FILE} was not made from this {ITEMS_FILE}.",
        where=str(folder),
        remedy="If the log is another run's, bring its own back. If it is right, write the scores "
        "again with: emoreal-bench runs verify RUN --repair",
    )
