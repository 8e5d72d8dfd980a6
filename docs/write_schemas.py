"""Writes the JSON Schemas of ``docs/schemas`` from the contracts.

Run it after a change to a contract: ``python docs/write_schemas.py``. A test
compares the files with the contracts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from emoreal_bench.contracts.asked import AskedQuestion
from emoreal_bench.contracts.check import Baseline, CheckPlan, CheckReport, CheckRules
from emoreal_bench.contracts.comparison import ComparisonReport
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.probe import ProbeReport
from emoreal_bench.contracts.run_record import Manifest, Timings
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.sweep import Sweep, SweepReport
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.training_record import TrainingRecord
from emoreal_bench.preferences.checking.verdicts import AuditReport, Verdicts
from emoreal_bench.preferences.report import PairsReport
from emoreal_bench.probing.cards import Card
from emoreal_bench.probing.reproduction import ReproductionReport
from emoreal_bench.record.records import LogLine
from emoreal_bench.training.config import TrainingConfig

FOLDER = Path(__file__).parent / "schemas"
PUBLISHED: dict[str, Any] = {
    "task": Task,
    "item-line": LogLine,
    "manifest": Manifest,
    "results": Results,
    "timings": Timings,
    "baseline": Baseline,
    "check-rules": CheckRules,
    "check-plan": CheckPlan,
    "check-report": CheckReport,
    "comparison": ComparisonReport,
    "asked-question": AskedQuestion,
    "probe": ProbeReport,
    "sweep": Sweep,
    "sweep-report": SweepReport,
    "card": Card,
    "reproduction": ReproductionReport,
    "training-config": TrainingConfig,
    "training-record": TrainingRecord,
    "preference-pair": PreferencePair,
    "pairs-report": PairsReport,
    "verdicts": Verdicts,
    "audit-report": AuditReport,
}


def schema_text(contract: Any) -> str:
    """Give a contract as JSON Schema, in the form that is published."""
    return json.dumps(TypeAdapter(contract).json_schema(by_alias=True), indent=2) + "\n"


def main() -> None:
    """Write every schema."""
    FOLDER.mkdir(exist_ok=True)
    for name, contract in PUBLISHED.items():
        (FOLDER / f"{name}.schema.json").write_text(schema_text(contract), encoding="utf-8")


if __name__ == "__main__":
    main()
