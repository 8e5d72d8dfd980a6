"""Shows a report: as tables for a terminal, as plain lines for a log, as JSON for a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from emoreal_bench.contracts.check import CheckPlan, CheckReport
from emoreal_bench.contracts.comparison import ComparisonReport, RunChanges
from emoreal_bench.contracts.probe import ProbeReport
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.sweep import SweepReport
from emoreal_bench.preferences.checking.verdicts import AuditReport
from emoreal_bench.preferences.report import PairsReport
from emoreal_bench.probing.repeating import RepeatsReport
from emoreal_bench.probing.reproduction import ReproductionReport
from emoreal_bench.reporting.asked import AskReport
from emoreal_bench.reporting.notebook import RunReport

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def report_json(report: Any) -> dict[str, Any]:
    """Return a report as the JSON object that ``--json`` prints; of a run, its results."""
    if isinstance(report, RunReport):
        report = report.results
    if isinstance(report, BaseModel):
        skip_unset = isinstance(report, Results)
        return report.model_dump(mode="json", by_alias=True, exclude_unset=skip_unset)
    record: dict[str, Any] = report.to_json()
    return record


def report_tables(report: object) -> Sequence[RenderableType]:
    """Return what ``rich`` prints of a report: tables and texts.

    A notebook shows them too: ``display(*emoreal_bench.report_tables(comparison))``. Of all
    reports only that of a run shows itself; the others are data, which know no drawing.
    """
    from emoreal_bench.reporting.asked import ask_renderables
    from emoreal_bench.reporting.check.output import check_renderables, plan_renderables
    from emoreal_bench.reporting.terminal.comparisons import (
        changes_renderables,
        comparison_renderables,
    )
    from emoreal_bench.reporting.terminal.probing import (
        probe_renderables,
        repeats_renderables,
        reproduction_renderables,
        sweep_renderables,
    )
    from emoreal_bench.reporting.terminal.scores import report_renderables, results_renderables

    return _draw(
        report,
        {
            AskReport: ask_renderables,
            CheckPlan: plan_renderables,
            CheckReport: check_renderables,
            ComparisonReport: comparison_renderables,
            ProbeReport: probe_renderables,
            RepeatsReport: repeats_renderables,
            ReproductionReport: reproduction_renderables,
            Results: results_renderables,
            RunChanges: changes_renderables,
            RunReport: report_renderables,
            SweepReport: sweep_renderables,
        },
    )


def report_lines(report: object) -> Sequence[str]:
    """Return a report as plain lines."""
    from emoreal_bench.reporting.terminal.pairs import audit_lines
    from emoreal_bench.reporting.terminal.pairs import report_lines as pairs_lines
    from emoreal_bench.reporting.terminal.probing import repeats_lines
    from emoreal_bench.reporting.terminal.scores import report_lines as run_lines

    return _draw(
        report,
        {
            AuditReport: audit_lines,
            PairsReport: pairs_lines,
            RepeatsReport: repeats_lines,
            RunReport: run_lines,
        },
    )


def _draw(report: Any, ways: Mapping[type, Callable[[Any], Any]]) -> list[Any]:
    way = ways.get(type(report))
    return list(report.lines() if way is None else way(report))


def fitted(renderable: RenderableType) -> RenderableType:
    """Return what to print of a renderable, so that no word of a table is broken."""
    from rich.table import Table

    from emoreal_bench.reporting.terminal.tables import Fitted

    return Fitted(renderable) if isinstance(renderable, Table) else renderable


def summary_table(reports: Sequence[RunReport]) -> Table:
    """Return a table with one row per run, to see several runs side by side."""
    from emoreal_bench.reporting.terminal.scores import summary_table as draw

    return draw(reports)
