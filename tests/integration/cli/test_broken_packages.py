"""A package of somebody else that is broken is named; it is no defect of this program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode
from emoreal_bench.scoring import metrics
from tests.foreign_package import install
from tests.small_emorealm import gold_answers, make_data, write_script

METRIC = """
from emoreal_bench.scoring.metrics import Metric

BROKEN = Metric(name="broken", label="Broken", description="x", formula=lambda counts: {formula})
"""
TASK = """
schema: 1
name: mine
version: "1"
title: Mine
description: A task of a user.
data: {reader: emorealm}
subtasks: {modality_agreement: {answer: yes_no, chance: 0.5},
  reasoning_stress_audio: {answer: yes_no, chance: 0.5},
  reasoning_basic_video: {answer: choice, chance: 0.25}}
variants: {answer-format: {description: Plain., prompt: ask.j2}}
metrics: [accuracy, broken]
"""


@pytest.fixture(autouse=True)
def forget_metrics() -> Iterator[None]:
    metrics._added.cache_clear()
    yield
    metrics._added.cache_clear()


@pytest.mark.parametrize(
    ("group", "command"),
    [
        ("metrics", ["list", "metrics"]),
        ("model_adapters", ["list", "models"]),
        ("model_adapters", ["run", "--model", "toy/any"]),
    ],
)
@pytest.mark.parametrize("fault", ["import no_such_module", "raise RuntimeError('no GPU')"])
def test_one_that_cannot_be_imported_is_named(
    group: str,
    command: list[str],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(tmp_path / "site", monkeypatch, {f"emoreal_bench.{group}": {"toy": "broken_toy:X"}})
    (tmp_path / "site" / "broken_toy.py").write_text(fault, encoding="utf-8")
    assert run(command) == ExitCode.USAGE
    assert "'toy' of the package toy cannot be imported" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("formula", "message"), [("counts.recals", "recals"), ("0.5", "a value for each sample")]
)
def test_a_formula_that_fails_costs_no_answer(
    formula: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    points = {"emoreal_bench.metrics": {"broken": "broken_metric:BROKEN"}}
    install(tmp_path / "site", monkeypatch, points)
    monkeypatch.delitem(__import__("sys").modules, "broken_metric", raising=False)
    module = tmp_path / "site" / "broken_metric.py"
    module.write_text(METRIC.format(formula=formula), encoding="utf-8")
    (tmp_path / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(TASK, encoding="utf-8")
    data = make_data(tmp_path / "data", 12)
    model = write_script(tmp_path / "replies.json", gold_answers(data), None)
    arguments = ["-m", model, "-t", str(tmp_path / "mine.yaml"), "-d", str(data), "--quiet"]
    assert run(["run", *arguments, "--out", str(tmp_path / "run")]) == ExitCode.USAGE
    assert message in capsys.readouterr().err
    assert len((tmp_path / "run" / "items.jsonl").read_text().splitlines()) == 12
