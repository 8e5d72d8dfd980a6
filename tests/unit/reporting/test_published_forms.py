"""Runs as others publish them, held against the schemas and packages of their owners."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData
from huggingface_hub._eval_results import parse_eval_result_entries

from emoreal_bench import api
from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run as run_command
from emoreal_bench.contracts.adapter import LoraIdentity
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.task import EVAL_FILE
from emoreal_bench.contracts.vocabulary import PublishedForm
from emoreal_bench.record.finished import FinishedRun, read_report
from emoreal_bench.reporting.check.output import check_junit
from emoreal_bench.reporting.exports.croissant import CROISSANT_FILE
from emoreal_bench.reporting.exports.hub import (
    HubSource,
    adapter_metadata,
    eval_yaml,
    write_eval_results,
    write_model_card,
)
from emoreal_bench.reporting.exports.names import public_name
from emoreal_bench.synth import SynthSettings, write_benchmark
from emoreal_bench.synth.build import ANNOTATIONS
from tests.small_emorealm import gold_answers, make_data

ITEMS = 24
EEE = "every-eval-ever==0.3.0"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    """Make a run with right and wrong replies, one refused, and half a character in one."""
    data = make_data(home / "data", ITEMS)
    replies: dict[str, Any] = {name: f"({gold})" for name, gold in gold_answers(data).items()}
    replies |= {"q0": "\ud83d", "q1": {"text": "", "status": "refused"}, "q2": "(B), or so"}
    script = home / "script.json"
    script.write_text(json.dumps({"replies": replies}), encoding="utf-8")
    api.evaluate(f"scripted/{script}", "emorealm", data, api.RunOptions(out=home / "run"))
    return home / "run"


@pytest.fixture(scope="module")
def imported(home: Path, run: Path) -> Path:
    table = home / "p.csv"
    table.write_text("id,prediction\nq0,(A)\nq3,no\n", encoding="utf-8")
    report = api.import_predictions("emorealm", table, home / "runs", data=home / "data")
    assert report.folder is not None
    return report.folder


@pytest.fixture(scope="module")
def report(run: Path) -> FinishedRun:
    return read_report(run)


# ---- Every Eval Ever ----


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Take the official schemas out of their package, which runs on Python 3.12 only."""
    pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "0"]
    command += ["--timeout", "20", "--python-version", "3.12", "--only-binary", ":all:", EEE]
    got = subprocess.run(
        [*command, "--dest", str(folder)], check=False, capture_output=True, text=True
    )
    if got.returncode:
        pytest.skip(f"{EEE} cannot be fetched: {got.stderr[-200:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: json.loads(archive.read(f"every_eval_ever/schemas/{name}.schema.json"))
            for name in ("eval", "instance_level_eval")
        }


@pytest.mark.parametrize("which", ["run", "imported"])
def test_every_eval_ever_takes_scores_and_replies(
    which: str, schemas: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    import jsonschema

    folder: Path = request.getfixturevalue(which)
    path = api.publish_run(folder, PublishedForm.EVERY_EVAL_EVER, tmp_path / "store")
    record = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(record, schemas["eval"])
    validator = jsonschema.Draft7Validator(schemas["instance_level_eval"])
    for sample in samples_of(path, record, tmp_path / "store"):
        validator.validate(sample)


def samples_of(path: Path, record: dict[str, Any], store: Path) -> Iterator[dict[str, Any]]:
    place = store / record["detailed_evaluation_results"]["file_path"]
    assert place == path.with_name(f"{path.stem}_samples.jsonl")
    for line in place.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def test_its_numbers_are_those_of_the_run_and_its_files_belong_together(
    run: Path, report: FinishedRun, tmp_path: Path
) -> None:
    path = api.publish_run(
        run,
        PublishedForm.EVERY_EVAL_EVER,
        tmp_path,
        evaluator=api.Evaluator(organization="My lab"),
    )
    record = json.loads(path.read_text(encoding="utf-8"))
    scores = report.results.scores["strict"]
    told = {
        one["evaluation_result_id"]: one["score_details"] for one in record["evaluation_results"]
    }
    assert told["average_accuracy"]["score"] == scores.average_accuracy
    interval = told["average_accuracy"]["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"]) == scores.average_accuracy_interval
    for name, subtask in scores.subtasks.items():
        assert told[f"{name}.accuracy"]["score"] == subtask.accuracy
    # A run that lost items must not look like one that did not.
    assert {one["details"]["coverage"] for one in told.values()} == {"1.0"}
    assert record["source_metadata"]["source_organization_name"] == "My lab"
    detailed = record["detailed_evaluation_results"]
    lines = (tmp_path / detailed["file_path"]).read_bytes()
    assert hashlib.sha256(lines).hexdigest() == detailed["checksum"]
    samples = list(samples_of(path, record, tmp_path))
    assert len(samples) == detailed["total_rows"] == ITEMS
    assert {one["evaluation_id"] for one in samples} == {record["evaluation_id"]}
    assert {one["model_id"] for one in samples} == {record["model_info"]["id"]}
    assert {one["evaluation_result_id"] for one in samples} <= told.keys()
    right = sum(one["evaluation"]["is_correct"] for one in samples)
    assert right == sum(round((one.accuracy or 0) * one.n) for one in scores.subtasks.values())
    assert samples[1]["error"] == "refused"


def test_the_same_run_gives_the_same_files_and_no_path_of_the_machine(
    run: Path, home: Path, tmp_path: Path
) -> None:
    first = api.publish_run(run, PublishedForm.EVERY_EVAL_EVER, tmp_path / "a")
    second = api.publish_run(run, PublishedForm.EVERY_EVAL_EVER, tmp_path / "b")
    assert first.relative_to(tmp_path / "a") == second.relative_to(tmp_path / "b")
    for path in filter(Path.is_file, (tmp_path / "a").rglob("*")):
        content = path.read_text(encoding="utf-8")
        assert content == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_text()
        assert str(home) not in content


def test_of_imported_replies_no_settings_are_told(imported: Path, tmp_path: Path) -> None:
    path = api.publish_run(imported, PublishedForm.EVERY_EVAL_EVER, tmp_path)
    record = json.loads(path.read_text(encoding="utf-8"))
    assert all("generation_config" not in one for one in record["evaluation_results"])
    assert record["source_metadata"]["additional_details"]["imported_from"] == "predictions"
    assert record["model_info"]["id"] == "local/p"


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("hf/Qwen/Qwen2.5-Omni-7B@main", "Qwen/Qwen2.5-Omni-7B"),
        ("hf//home/me/secret/checkpoint-7", "checkpoint-7"),
        ("hf/../checkpoint", "checkpoint"),
        ("scripted//tmp/replies.json", "replies.json"),
        ("avere/weights/avere-7b", "avere-7b"),
        ("openai/gpt-4o-audio", "openai/gpt-4o-audio"),
        ("imported/org/model", "org/model"),
        ("tiny/omni+avem-dpo", "tiny/omni+avem-dpo"),
    ],
)
def test_a_model_is_called_as_others_know_it(name: str, public: str) -> None:
    assert public_name(name) == public


# ---- the hub ----


def test_the_hub_reads_the_results_as_they_are_written(report: FinishedRun, tmp_path: Path) -> None:
    path = write_eval_results(report, tmp_path / "made" / "model", HubSource(url="https://x.org/r"))
    assert path.parent == tmp_path / "made" / "model" / ".eval_results"
    entries = parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    scores = report.results.scores["strict"]
    told = {entry.task_id: entry.value for entry in entries}
    assert told.pop("emorealm") == pytest.approx(100 * (scores.average_accuracy or 0), abs=1e-4)
    assert told.keys() == scores.subtasks.keys()
    for name, value in told.items():
        assert value == pytest.approx(100 * (scores.subtasks[name].accuracy or 0), abs=1e-4)
    # The data set that the task is downloaded from, unless another is named.
    assert {entry.dataset_id for entry in entries} == {"chaubeyG/EmoReAlM"}
    assert {entry.source_url for entry in entries} == {"https://x.org/r"}
    assert all("95% interval" in (entry.notes or "") for entry in entries[:1])


def test_results_and_data_set_name_the_same_tasks() -> None:
    benchmark = yaml.safe_load(eval_yaml(find_task("emorealm").task))
    # The keys of https://huggingface.co/docs/hub/eval-results.
    assert benchmark.keys() == {"name", "description", "evaluation_framework", "tasks"}
    ids = [task["id"] for task in benchmark["tasks"]]
    assert ids == ["emorealm", *find_task("emorealm").task.subtasks]
    assert all(task.keys() == {"id", "config", "split"} for task in benchmark["tasks"])


def test_the_hub_needs_a_data_set_and_a_complete_run(
    report: FinishedRun, imported: Path, tmp_path: Path
) -> None:
    definition = {**report.manifest.task_definition, "data": {"reader": "emorealm"}}
    own = report.manifest.model_copy(update={"task_definition": definition})
    with pytest.raises(UsageError, match="--dataset"):
        write_eval_results(replace(report, manifest=own), tmp_path)
    with pytest.raises(UsageError, match="complete"):
        write_eval_results(read_report(imported), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_commands_write_both_forms(run: Path, tmp_path: Path) -> None:
    command = ["runs", "export", str(run), "--out", str(tmp_path / "x" / "y")]
    assert run_command([*command, "--to", "eval-results", "--dataset", "me/set"]) == 0
    assert (tmp_path / "x" / "y" / ".eval_results" / "emorealm.yaml").is_file()
    assert run_command([*command, "--to", "every-eval-ever", "--organization", "My lab"]) == 0
    assert list((tmp_path / "x" / "y" / "data").rglob("*_samples.jsonl"))
    assert run_command([*command, "--dataset", "me/set"]) == 2


def test_the_card_of_a_run_with_a_lora_is_that_of_the_adapter(
    report: FinishedRun, tmp_path: Path
) -> None:
    lora = LoraIdentity(name="my-adapter", base="hf/Qwen/Qwen2.5-Omni-7B@abc")
    model = report.manifest.model.model_copy(update={"lora": lora})
    adapted = replace(report, manifest=report.manifest.model_copy(update={"model": model}))
    path = tmp_path / "made" / "README.md"
    write_model_card(adapted, path)
    data = ModelCard.load(path).data
    assert data.model_name == "my-adapter"
    assert data.base_model == "Qwen/Qwen2.5-Omni-7B"
    assert data.library_name == "peft"
    assert {"lora", "emoreal-bench"} <= set(data.tags)
    assert data.metrics == ["accuracy"]
    assert data.eval_results
    once = path.read_text(encoding="utf-8")
    write_model_card(adapted, path)
    assert path.read_text(encoding="utf-8") == once


def test_what_somebody_wrote_in_the_card_stays(report: FinishedRun, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("---\nbase_model: me/base\ntags:\n- mine\n---\n# Words\n", encoding="utf-8")
    lora = LoraIdentity(name="my-adapter", base="tiny/omni")
    model = report.manifest.model.model_copy(update={"lora": lora})
    write_model_card(
        replace(report, manifest=report.manifest.model_copy(update={"model": model})), path
    )
    card = ModelCard.load(path)
    assert card.data.base_model == "me/base"
    assert card.data.tags[0] == "mine"
    assert "# Words" in card.text


def test_a_model_without_an_adapter_has_no_base(report: FinishedRun, tmp_path: Path) -> None:
    write_model_card(report, tmp_path / "README.md")
    data = ModelCard.load(tmp_path / "README.md").data
    assert (data.base_model, data.library_name) == (None, None)


def test_the_metadata_of_adapter_cards_are_those_of_the_hub() -> None:
    written = adapter_metadata("hf/org/base")
    # The library leaves this untyped.
    read = ModelCardData(**written).to_dict()  # type: ignore[no-untyped-call]
    assert read == written


# ---- Croissant ----


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("croissant") / "synth"
    settings = SynthSettings.model_validate({"items": 10, "seed": 3, "speech": "wordless"})
    write_benchmark(settings, folder)
    assert run_command(["data", "card", str(folder), "--url", "https://example.org/synth"]) == 0
    return folder


def test_croissant_is_valid_by_its_own_reader_which_finds_the_questions(benchmark: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    dataset = mlcroissant.Dataset(jsonld=str(benchmark / CROISSANT_FILE))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    ids = [record["questions/id"].decode() for record in dataset.records("questions")]
    written = json.loads((benchmark / ANNOTATIONS).read_text(encoding="utf-8"))
    assert ids == [question["id"] for question in written]
    for field in ("data_biases", "data_limitations", "data_use_cases", "data_social_impact"):
        assert getattr(dataset.metadata, field), field


def test_croissant_speaks_of_these_files_and_of_responsible_use(benchmark: Path) -> None:
    record = json.loads((benchmark / CROISSANT_FILE).read_text(encoding="utf-8"))
    assert "http://mlcommons.org/croissant/RAI/1.0" in record["conformsTo"]
    questions, clips = record["distribution"]
    assert questions["sha256"] == hashlib.sha256((benchmark / ANNOTATIONS).read_bytes()).hexdigest()
    assert len(list(benchmark.glob(clips["includes"]))) == 2
    assert record["rai:personalSensitiveInformation"].startswith("None")
    assert yaml.safe_load((benchmark / EVAL_FILE).read_text())["evaluation_framework"]


def test_a_set_with_a_correlation_says_that_it_is_biased(tmp_path: Path) -> None:
    settings = {"items": 5, "correlation": 0.8, "split": "train", "speech": "wordless"}
    folder = write_benchmark(SynthSettings.model_validate(settings), tmp_path / "set")
    api.write_data_card(folder)
    record = json.loads((folder / CROISSANT_FILE).read_text(encoding="utf-8"))
    assert "Not for evaluation" in record["rai:dataBiases"]


def test_data_of_others_are_not_described(home: Path, run: Path) -> None:
    with pytest.raises(DataError, match="synth"):
        api.write_data_card(home / "data")
    assert not (home / "data" / CROISSANT_FILE).exists()


# ---- JUnit ----


def test_junit_is_read_by_a_reader_of_services(run: Path, home: Path) -> None:
    junitparser = pytest.importorskip("junitparser", reason="junitparser is not installed")
    api.save_baseline(run, home / "baseline.json")
    text = check_junit(api.check(run, home / "baseline.json"))
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    assert suite.tests == len(list(suite))
    assert (suite.failures, suite.errors) == (0, 0)
