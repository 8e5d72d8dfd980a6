"""Reads a finished run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.run_record import (
    MANIFEST_FILE,
    RESULTS_FILE,
    TIMINGS_FILE,
    Manifest,
    Timings,
)
from emoreal_bench.contracts.scores import Results
from emoreal_bench.record.manifest import with_present_hash

_Record = TypeVar("_Record", bound=BaseModel)


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
        """Return whether every item reached the model and came back."""
        return self.results.coverage.covered == self.results.coverage.items


def read_report(run_folder: Path) -> FinishedRun:
    """Read manifest, scores and timings of a run, its scores as they were written.

    Args:
        run_folder: The folder that a run left behind.

    Raises:
        RunError: If the folder is not a run, is not scored yet, holds a file
            that cannot be read, or holds the scores of another run.
    """
    if not (run_folder / MANIFEST_FILE).is_file():
        raise RunError(
            f"This is not a run folder: it has no {MANIFEST_FILE}.",
            where=str(run_folder),
            remedy="Name the folder that `emoreal-bench run` wrote.",
        )
    if not (run_folder / RESULTS_FILE).is_file():
        raise RunError(
            f"This run has no {RESULTS_FILE}: it was not finished.",
            where=str(run_folder),
            remedy="Give the run command again to finish it, or score what is there with "
            "`emoreal-bench score`.",
        )
    written = _read_record(run_folder / MANIFEST_FILE, Manifest)
    manifest = with_present_hash(written)
    results = _read_record(run_folder / RESULTS_FILE, Results)
    if manifest != written and results.request_hash == written.request.hash:
        results = results.model_copy(update={"request_hash": manifest.request.hash})
    report = FinishedRun(
        manifest=manifest,
        results=results,
        timings=_read_record(run_folder / TIMINGS_FILE, Timings)
        if (run_folder / TIMINGS_FILE).is_file()
        else None,
        folder=run_folder,
    )
    _check_that_parts_belong_together(report, run_folder)
    return report


def _read_record(path: Path, record_type: type[_Record]) -> _Record:
    try:
        return record_type.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"The file cannot be read: {error.strerror}.", where=str(path)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise RunError(
            f"The file does not follow its schema: {place}: {first['msg']}.",
            where=str(path),
            remedy="It is damaged or was written by another version of emoreal-bench.",
        ) from error


def _check_that_parts_belong_together(report: FinishedRun, run_folder: Path) -> None:
    manifest, results = report.manifest, report.results
    pairs = {
        "task": (results.task, manifest.task),
        "data hash": (results.data_hash, manifest.data.hash),
        "request hash": (results.request_hash, manifest.request.hash),
        "number of items": (results.coverage.items, manifest.data.items),
    }
    for name, (scored, planned) in pairs.items():
        if scored is not None and scored != planned:
            raise RunError(
                f"{RESULTS_FILE} holds the scores of another run: its {name} is not that of "
                f"{MANIFEST_FILE}.",
                where=str(run_folder),
                remedy="Score the run again with `emoreal-bench score`.",
            )
