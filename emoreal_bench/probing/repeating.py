"""How much a model varies: the same questions asked several times, each time with another seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from emoreal_bench.comparing.runs import load_answers
from emoreal_bench.contracts.vocabulary import HEADLINE_SCORING, Scoring
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.scoring.repeats import Spread, repeat_spread


@dataclass(frozen=True, slots=True)
class RepeatsReport:
    """Repeats of one run.

    Attributes:
        model: Who was asked.
        runs: The run of each repeat, in their order.
        scoring: The rule book that the spread is under.
        spread: The variation over them.
    """

    model: str
    runs: tuple[FinishedRun, ...]
    scoring: Scoring
    spread: Spread

    def to_json(self) -> dict[str, Any]:
        """Return the spread, and the names of the runs, as a JSON object."""
        runs = [run.manifest.run_id for run in self.runs]
        return {"model": self.model, "runs": runs, "scoring": self.scoring, **asdict(self.spread)}

    @property
    def has_asked_all(self) -> bool:
        """Return whether every item of every repeat reached the model and came back."""
        return all(run.has_asked_all for run in self.runs)


def report_repeats(runs: Sequence[FinishedRun]) -> RepeatsReport:
    """Measure the variation over runs that differ in nothing but their seed.

    Args:
        runs: Two or more that were read from their folders.

    Raises:
        NotComparableError: If there are fewer than two, or nothing in them is scored.
        RunError: If a run is damaged.
    """
    folders = [run.folder for run in runs if run.folder is not None]
    answered = [load_answers(folder, [HEADLINE_SCORING]) for folder in folders]
    readings = [run.collected.readings[HEADLINE_SCORING] for run in answered]
    spread = repeat_spread(answered[0].frame, readings)
    return RepeatsReport(runs[0].manifest.model.name, tuple(runs), HEADLINE_SCORING, spread)
