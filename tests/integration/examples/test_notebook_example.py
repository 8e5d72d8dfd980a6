"""The notebook of the examples runs from its first cell to its last."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from rich.jupyter import JupyterMixin

from emoreal_bench.api import check, report_tables

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
NOTEBOOK = EXAMPLES / "first_run.ipynb"
RULES = EXAMPLES / "check-action" / "rules.yaml"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run every cell in order; give the notebook's names and its folder as ``home``."""
    for needed in ("torch", "transformers", "PIL", "pandas"):
        pytest.importorskip(needed)
    names: dict[str, Any] = {"home": tmp_path_factory.mktemp("notebook")}
    names["cells"] = cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    with contextlib.chdir(names["home"]):
        for cell in cells:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    return names


def test_every_cell_leaves_what_the_next_one_needs(names: dict[str, Any]) -> None:
    assert names["report"].is_complete
    assert "<table" in names["report"]._repr_html_()
    assert len(names["items"]) == 24
    # 24 items cannot show a drop. By the default rules that passes, and is marked.
    assert names["checked"].passed
    assert any(rule.undecided for rule in names["checked"].rules)
    assert "it cannot be told" in names["checked"].summary


def test_what_the_notebook_says_of_its_output_is_so(names: dict[str, Any]) -> None:
    said = " ".join("".join(cell["source"]) for cell in names["cells"])
    assert "with its interval" in said
    assert {"accuracy_low", "accuracy_high", "chance"} <= set(names["columns"])
    assert "coverage 100.0 %" in names["report"]._repr_html_()
    assert "says how many would do" in said.replace("\n", " ")
    undecided = [rule.summary for rule in names["checked"].rules if rule.undecided]
    assert undecided
    assert all("would find 3.0 with" in summary for summary in undecided)
    assert "with `undecided: fail` in a rules file it would not" in said
    strict = names["home"] / "strict.yaml"
    strict.write_text("undecided: fail\n", encoding="utf-8")
    assert not check(names["home"] / "runs/tiny", names["home"] / "baseline.json", strict).passed


def test_the_example_rules_fit_the_synthetic_benchmark(names: dict[str, Any]) -> None:
    home: Path = names["home"]
    report = check(home / "runs" / "tiny", home / "baseline.json", RULES)
    limited = {rule.metric for rule in report.rules}
    assert {"no_recall", "hallucination_rate", "spurious_rate"} <= limited


def test_the_notebook_is_kept_without_what_a_run_leaves_in_it() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("report", ["comparison", "checked"])
def test_a_report_that_is_plain_data_has_tables_that_a_notebook_shows(
    names: dict[str, Any], report: str
) -> None:
    tables = report_tables(names[report])
    assert tables
    assert all(isinstance(shown, JupyterMixin) for shown in tables)
