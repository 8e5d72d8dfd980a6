"""A pytest plug-in: a test fails when a checkpoint became worse than its baseline.

Install it with ``pip install examples/pytest-plugin``. Then a test says what is
asked and which file it is held against, and the command line says who is asked::

    pytest --emoreal-model hf/my-organisation/my-checkpoint
    pytest --emoreal-model hf/my-organisation/my-checkpoint --save-baselines
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Protocol

import pytest

from emoreal_bench.api import RunOptions, check, evaluate, save_baseline
from emoreal_bench.contracts.check import CheckReport


class HoldToBaseline(Protocol):
    """What the fixture ``hold_to_baseline`` gives."""

    def __call__(
        self,
        baseline: Path,
        *,
        task: str,
        data: Path | None = None,
        rules: Path | None = None,
    ) -> CheckReport:
        """Ask the model and fail the test if it became worse.

        Args:
            baseline: The committed file; ``--save-baselines`` writes it.
            task: A task's name, or the path of a YAML file.
            data: The data folder; None makes the synthetic benchmark.
            rules: A YAML file with the limits; the default ones if None.
        """


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this plug-in."""
    group = parser.getgroup("emoreal-bench")
    group.addoption(
        "--emoreal-model",
        metavar="PROVIDER/MODEL",
        help="Model to hold against baselines; without it those tests are skipped.",
    )
    group.addoption(
        "--save-baselines", action="store_true", help="Write baselines instead of checking."
    )


@pytest.fixture
def hold_to_baseline(request: pytest.FixtureRequest, tmp_path: Path) -> HoldToBaseline:
    """Give a function that asks the model of the command line and checks its answers."""
    model: str | None = request.config.getoption("--emoreal-model")
    if model is None:
        pytest.skip("no model was named with --emoreal-model")

    def hold(
        baseline: Path,
        *,
        task: str,
        data: Path | None = None,
        rules: Path | None = None,
    ) -> CheckReport:
        saves = request.config.getoption("--save-baselines")
        if not saves and not baseline.is_file():
            pytest.fail(f"There is no {baseline}; --save-baselines writes it.", pytrace=False)
        run = tmp_path / baseline.stem
        evaluate(model, task, data, RunOptions(out=run))
        if saves:
            save_baseline(run, baseline)
            pytest.skip(f"wrote {baseline}")
        report = check(run, baseline, rules)
        if not report.passed:
            failing = [rule for rule in report.rules if report.state_of(rule).fails]
            lines = [f"  {rule.about}: {rule.summary}" for rule in failing]
            pytest.fail("\n".join([report.summary, *lines]), pytrace=False)
        if any(rule.undecided for rule in report.rules):
            warnings.warn(report.summary, stacklevel=2)
        return report

    return hold
