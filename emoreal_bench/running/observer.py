"""What a run tells while it goes, and what it says at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import Timings
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.vocabulary import DeliveryStatus


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Where a run stands when a sitting ends.

    Attributes:
        folder: The run.
        items: All items of the run, or of the shard of it that is asked.
        statuses: Finished items by delivery status, earlier sittings included.
        asked: Items that this sitting finished.
        kept: Items that were finished before it.
        timings: Over all sittings; None if nothing was ever asked.
        results: The scores; None if the sitting did not reach the end.
        reasons: Why items of this sitting have no answer: by status, with counts.
    """

    folder: Path
    items: int
    statuses: Mapping[DeliveryStatus, int]
    asked: int
    kept: int
    timings: Timings | None = None
    results: Results | None = None
    reasons: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class RunObserver:
    """Listens to a run and does nothing; override what is of interest.

    The calls come between two items, so they must return at once.
    """

    def on_start(self, items: int, finished: int) -> None:
        """Hear that a sitting begins.

        Args:
            items: All items of the run, or of the shard of it that is asked.
            finished: How many of them earlier sittings have finished.
        """

    def on_open(self) -> None:
        """Hear that the model is loaded and can be asked."""

    def on_notice(self, notice: str) -> None:
        """Hear something that a person should know, in one sentence."""

    def on_item(self, result: Result) -> None:
        """Hear that an item is finished and logged."""

    def on_retry(self, items: int, seconds: float, detail: str) -> None:
        """Hear that failed items will be asked again.

        Args:
            items: How many.
            seconds: After how long.
            detail: Why one of them failed.
        """

    def on_jobs(self, handed_over: int, answered: int) -> None:
        """Hear how far a service is with the jobs.

        Args:
            handed_over: Requests of all jobs of the round.
            answered: How many of them are answered, as far as the service says.
        """

    def on_copies(self, copies: int, restarts: int) -> None:
        """Hear on how many copies of the model the work is spread.

        Args:
            copies: At work.
            restarts: How often one was replaced in this sitting.
        """

    def on_end(self, summary: RunSummary) -> None:
        """Hear that the sitting has ended, be it early."""
