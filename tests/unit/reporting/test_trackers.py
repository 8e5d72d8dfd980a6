"""Scores as they leave for other tools: complete, flat, and without a question or reply."""

from __future__ import annotations

import json
import os
import posixpath
import re
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import EvalResult, ModelCard

from emoreal_bench import api
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.vocabulary import Tracker
from emoreal_bench.reporting.exports.trackers import (
    _with_safe_names,
    all_scores,
    settings_of,
)
from tests.small_emorealm import gold_answers, make_data, write_script


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    data = make_data(root / "data", real=True)
    model = write_script(root / "script.json", gold_answers(data), wrong_every=4)
    api.evaluate(model=model, task="emorealm", data=data, options=api.RunOptions(out=root / "run"))
    return root / "run"


def test_every_score_of_the_results_is_told_by_its_path(run: Path) -> None:
    results = api.load_run(run).results
    scores = all_scores(results)
    strict = results.scores["strict"]
    assert scores["coverage"] == 1.0
    assert scores["strict/average_accuracy"] == strict.average_accuracy
    for name, subtask in strict.subtasks.items():
        assert scores[f"strict/{name}/accuracy"] == subtask.accuracy
        assert scores[f"strict/{name}/accuracy.low"] == subtask.intervals["accuracy"][0]


def test_what_is_not_defined_is_left_out(run: Path) -> None:
    results = api.load_run(run).results
    assert results.scores["strict"].subtasks["modality_agreement"].uar is None
    assert not [path for path in all_scores(results) if path.endswith("/uar")]


def test_settings_tell_the_identities_and_no_path_of_the_machine(run: Path) -> None:
    report = api.load_run(run)
    settings = settings_of(report)
    assert settings["data_hash"] == report.manifest.data.hash
    assert str(run.parent) not in json.dumps({**settings, "model": ""})


def _entries(card: Path) -> list[EvalResult]:
    entries: list[EvalResult] = ModelCard.load(card).data.eval_results
    return entries


def test_a_model_card_holds_the_headline_scores_by_subtask(run: Path, tmp_path: Path) -> None:
    api.write_model_card(run, tmp_path / "README.md")
    told = {
        (entry.dataset_type, entry.dataset_config, entry.metric_type): entry.metric_value
        for entry in _entries(tmp_path / "README.md")
    }
    for name, scores in api.load_run(run).results.scores["strict"].subtasks.items():
        assert told["emorealm", name, "accuracy"] == pytest.approx(scores.accuracy, abs=1e-6)


def test_a_card_keeps_its_text_and_the_results_of_other_tasks(run: Path, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(
        "---\nlicense: mit\nmodel-index:\n- name: mine\n  results:\n  - task: {type: other}\n"
        "    dataset: {type: other-set, name: Other}\n"
        "    metrics: [{type: accuracy, value: 0.5}]\n---\n# My model\n\nWords.\n",
        encoding="utf-8",
    )
    api.write_model_card(run, card)
    once = card.read_text(encoding="utf-8")
    assert "Words." in once
    assert "license: mit" in once
    assert {entry.dataset_type for entry in _entries(card)} == {"other-set", "emorealm"}
    assert ModelCard.load(card).data.model_name == "mine"
    api.write_model_card(run, card)
    assert card.read_text(encoding="utf-8") == once


def test_an_incomplete_run_goes_on_no_card(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for name in ("manifest.json", "plan.jsonl"):
        (copy / name).write_bytes((run / name).read_bytes())
    lines = (run / "items.jsonl").read_bytes().splitlines(keepends=True)
    (copy / "items.jsonl").write_bytes(b"".join(lines[:3]))
    results = api.score_run(copy).model_dump_json(by_alias=True, exclude_unset=True)
    (copy / "results.json").write_text(results, encoding="utf-8")
    with pytest.raises(UsageError, match="only complete runs"):
        api.write_model_card(copy, tmp_path / "README.md")
    assert not (tmp_path / "README.md").exists()


@pytest.mark.parametrize("tracker", Tracker)
def test_a_missing_client_is_told_with_its_extra(
    tracker: Tracker, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, tracker.value, None)
    with pytest.raises(MissingExtraError, match=rf"emoreal-bench\[{tracker.value}\]"):
        api.track_run(run, tracker)


def test_names_are_safe_for_mlflow_and_stay_apart() -> None:
    names = [
        "strict/audio+video/accuracy",
        "strict/audio(video/accuracy",
        "strict/F1 @ 5: (macro)/uar.low",
        "strict//accuracy",
        "strict/../accuracy",
        "strict/./accuracy",
        "strict/愤怒/accuracy",
        "strict/" + "x" * 400 + "/accuracy",
        "strict/" + "x" * 400 + "/uar",
        "a\nb",
        "",
    ]
    safe = list(_with_safe_names(dict.fromkeys(names, 0.5)))
    assert safe[:3] == [
        "strict/audio_video/accuracy",
        "strict/audio_video/accuracy_2",
        "strict/F1 _ 5_ _macro_/uar.low",
    ]
    assert safe[6] == names[6]
    assert safe[7].endswith("/accuracy")
    assert safe[8].endswith("/uar")
    assert len(safe) == len(names)
    for name in safe:
        # MLflow's own rules: mlflow/utils/validation.py.
        assert re.fullmatch(r"[/\w.\- ]+", name)
        assert posixpath.normpath(name) == name
        assert len(name) <= 250
    assert list(_with_safe_names({"coverage": 1.0})) == ["coverage"]


def test_mlflow_takes_names_of_any_kind_and_no_run_is_left_failed(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    program = (
        "import sys, mlflow\nfrom types import SimpleNamespace\n"
        "from emoreal_bench.contracts.errors import RunError\n"
        "from emoreal_bench.reporting.exports import trackers\n"
        "manifest = SimpleNamespace(run_id='x')\n"
        "report = SimpleNamespace(manifest=manifest, results=None)\n"
        "trackers.settings_of = lambda report: {'any+key': 1}\n"
        "trackers.all_scores = lambda results: {'strict/audio+video/accuracy': 0.5, 'a//b': 1.0}\n"
        "trackers._send_to_mlflow(report, 'trial')\n"
        "trackers.all_scores = lambda results: {'a': 'no number'}\n"
        "try:\n    trackers._send_to_mlflow(report, 'trial')\n"
        "except RunError as error:\n    print('told')\n"
        "runs = mlflow.search_runs(experiment_names=['trial'], output_format='list')\n"
        "print([(run.info.status, sorted(run.data.metrics)) for run in runs])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = "told\n[('FINISHED', ['a/_/b', 'strict/audio_video/accuracy'])]"
    assert told.stdout.strip().endswith(expected)


def test_mlflow_keeps_the_scores(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    program = (
        "import sys, mlflow\nfrom pathlib import Path\nfrom emoreal_bench import api\n"
        "from emoreal_bench.contracts.vocabulary import Tracker\n"
        "api.track_run(Path(sys.argv[1]), Tracker.MLFLOW, 'trial')\n"
        "(kept,) = mlflow.search_runs(experiment_names=['trial'], output_format='list')\n"
        "print(kept.data.metrics['strict/average_accuracy'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, str(run)],
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = api.load_run(run).results.scores["strict"].average_accuracy
    assert float(told.stdout.split()[-1]) == expected
