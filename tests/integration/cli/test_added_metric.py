"""A metric of another package, from the run to the check, as its author and users meet it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.scoring import metrics
from tests.small_emorealm import gold_answers, make_data, write_script

PACKAGE = """
from emoreal_bench.contracts.vocabulary import AnswerKind
from emoreal_bench.scoring.counts import Counts, ratio
from emoreal_bench.scoring.metrics import Metric


def share(counts: Counts):
    return ratio(counts.table[..., -1].sum(-1), counts.gold.sum(-1))


SILENCE = Metric(
    name="{name}",
    label="Silence",
    description="Share of questions without an answer.",
    better="lower",
    applies_to=(AnswerKind.YES_NO,),
    formula=share,
)
"""
TASK = """
schema: 1
name: mine
version: "1"
title: Mine
description: A task of a user.
data: {reader: emorealm}
subtasks:
  modality_agreement: {answer: yes_no, chance: 0.5}
  reasoning_stress_audio: {answer: yes_no, chance: 0.5}
  reasoning_basic_video: {answer: choice, chance: 0.25}
variants: {answer-format: {description: Plain., prompt: ask.j2}}
metrics: [accuracy, silence]
"""
RULES = "subtasks: {{modality_agreement: {{largest_drop: null, {limit}}}}}\n"


def install(folder: Path, name: str = "silence", names: str = "SILENCE") -> None:
    """Write a distribution that adds a metric, as pip would unpack it."""
    (folder / "silent_metrics.py").write_text(PACKAGE.format(name=name), encoding="utf-8")
    information = folder / "silent_metrics-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: silent-metrics\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        f"[emoreal_bench.metrics]\nsilence = silent_metrics:{names}\n"
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder whose distributions count as installed."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(__import__("sys").modules, "silent_metrics", raising=False)
    metrics._added.cache_clear()
    yield folder
    metrics._added.cache_clear()


def write_task(home: Path) -> Path:
    (home / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    path = home / "mine.yaml"
    path.write_text(TASK, encoding="utf-8")
    return path


def test_it_is_in_results_tables_leaderboard_comparison_and_check(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site)
    data, task = make_data(tmp_path / "data", 240), write_task(tmp_path)
    for name, period in (("good", None), ("poor", 2)):
        model = write_script(tmp_path / f"{name}.json", gold_answers(data), period)
        arguments = ["-m", model, "-t", str(task), "-d", str(data), "--quiet"]
        assert run(["run", *arguments, "--out", str(tmp_path / name)]) == 0
    assert "Silence" in capsys.readouterr().out
    good, poor = str(tmp_path / "good"), str(tmp_path / "poor")

    results = json.loads((tmp_path / "poor" / "results.json").read_text(encoding="utf-8"))
    scores = results["scores"]["strict"]["modality_agreement"]
    assert scores["silence"] == 0.5
    assert scores["intervals"]["silence"][0] < 0.5 < scores["intervals"]["silence"][1]

    site_folder = tmp_path / "site"
    assert run(["leaderboard", "build", good, poor, "--out", str(site_folder)]) == 0
    page = (site_folder / "index.html").read_text(encoding="utf-8")
    assert "silence.modality_agreement" in page
    assert "Share of questions without an answer." in page

    capsys.readouterr()
    assert run(["compare", good, poor, "--json"]) == 0
    strict = json.loads(capsys.readouterr().out)["others"][0]["scorings"]["strict"]
    silence = strict["metrics"]["silence"]["modality_agreement"]
    assert silence["difference"] == 0.5
    assert silence["interval"][0] > 0
    assert silence["verdict"] == "worse"  # Lower is better.
    assert run(["compare", good, poor]) == 0
    assert "Silence: modality agreement" in capsys.readouterr().out

    baseline, rules = tmp_path / "baseline.json", tmp_path / "rules.yaml"
    assert run(["check", poor, "--save-baseline", str(baseline)]) == 0
    for limit, exit_code in (("ceilings: {silence: 0.9}", 0), ("ceilings: {silence: 0.1}", 10)):
        rules.write_text(RULES.format(limit=limit), encoding="utf-8")
        check = ["check", poor, "--baseline", str(baseline), "--rules", str(rules)]
        assert run(check) == exit_code
    rules.write_text(RULES.format(limit="floors: {silence: 0.1}"), encoding="utf-8")
    assert run(check) == 2


def test_a_task_that_names_it_is_refused_without_the_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, task = make_data(tmp_path / "data"), write_task(tmp_path)
    task.write_text(TASK.replace("silence", "acuracy"), encoding="utf-8")
    assert run(["run", "-m", "baseline/random", "-t", str(task), "-d", str(data)]) == 2
    told = capsys.readouterr().err
    assert "There is no metric named 'acuracy'." in told
    assert "Did you mean accuracy" in told


@pytest.mark.parametrize(
    ("name", "names", "complaint"),
    [
        ("accuracy", "SILENCE", "has a name in use"),
        ("notes", "SILENCE", "has a name in use"),
        ("silence", "share", "does not name a Metric"),
    ],
)
def test_an_entry_point_that_adds_no_metric_is_left_out_with_a_warning(
    site: Path, capsys: pytest.CaptureFixture[str], name: str, names: str, complaint: str
) -> None:
    install(site, name, names)
    assert run(["list", "metrics", "--json"]) == 0
    told = capsys.readouterr()
    assert complaint in told.err
    assert "silent-metrics 1.0" in told.err
    assert "Silence" not in told.out
