"""``emoreal-bench train`` on the built-in model: what it leaves, prints and refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from emoreal_bench import api
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.model_adapters.local.file_faults import COMPLETE_FILE
from emoreal_bench.model_adapters.local.lora_faults import CONFIGURATION, WEIGHTS
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.objectives.metrics import LOSS, METRICS_FILE, STEP, read_metrics
from tests.training_files import make_settings, make_training_data, write_settings

METHOD = {"name": "avem_dpo", "text_source": "reference"}
STEPS = {"learning_rate": 0.01, "batch_size": 2, "max_steps": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_data(tmp_path_factory.mktemp("training"), count=4)


def _settings(root: Path, **changes: Any) -> dict[str, Any]:
    cached = {"source": "cached", "folder": str(root / "cache")}
    return make_settings(root, METHOD, optimization=STEPS, reference=cached, **changes)


@pytest.fixture(scope="module")
def config(root: Path) -> Path:
    """Give the file of a training that has ended."""
    path = write_settings(root / "config.yaml", _settings(root))
    assert run(["train", str(path), "--quiet"]) == 0
    return path


@pytest.fixture
def out(root: Path, config: Path) -> Path:
    return root / "out"


def _losses(folder: Path) -> list[float]:
    return [entry[LOSS] for entry in read_metrics(folder / METRICS_FILE) if LOSS in entry]


def test_the_adapter_says_how_it_came_about(out: Path) -> None:
    record = TrainingRecord.model_validate_json((out / "adapter" / TRAINING_FILE).read_bytes())
    assert (record.method, record.base, record.step) == ("avem_dpo", "tiny/omni", 2)
    assert record.fine_tuned_on is None
    assert "emoreal-bench run --model tiny/omni" in (out / "adapter" / "README.md").read_text()


def test_the_adapter_has_learned_something(out: Path) -> None:
    weights = load_file(out / "adapter" / "adapter_model.safetensors")
    assert any(bool(weight.any()) for name, weight in weights.items() if "lora_B" in name)


@pytest.mark.parametrize("method", ["naive_dpo", "avem_dpo", "sft"])
def test_a_rate_that_ends_in_no_numbers_is_told_and_no_defect(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    steps = {**STEPS, "learning_rate": 1e8, "max_steps": 6}
    settings = make_settings(root, {"name": method}, out=str(tmp_path / "out"), optimization=steps)
    path = write_settings(tmp_path / "config.yaml", settings)
    assert run(["train", str(path), "--quiet"]) == ExitCode.INCOMPLETE
    assert "Lower optimization.learning_rate" in capsys.readouterr().err


def test_the_adapter_is_taken_by_lora(out: Path) -> None:
    options = api.RunOptions(lora=out / "adapter")
    label = api.describe_model("tiny/omni", options).label
    assert label is not None
    assert "LoRA out" in label


def test_a_folder_with_a_training_is_not_trained_in_again(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", str(config)]) == 2
    assert "--resume" in capsys.readouterr().err


def test_to_resume_a_training_that_ended_changes_nothing(
    config: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (out / METRICS_FILE).read_bytes()
    assert run(["train", str(config), "--resume", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["steps"] == 2
    assert [entry for entry in result["metrics"] if entry[STEP] == 2]
    assert (out / METRICS_FILE).read_bytes() == before


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _cut_off_without_a_mark(adapter: Path) -> None:
    (adapter / COMPLETE_FILE).unlink()
    (adapter / WEIGHTS).write_bytes((adapter / WEIGHTS).read_bytes()[:-9])


def _empty(adapter: Path) -> None:
    shutil.rmtree(adapter)
    adapter.mkdir()


def _put_a_file_there(adapter: Path) -> None:
    shutil.rmtree(adapter)
    adapter.touch()


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "no weights": lambda adapter: (adapter / WEIGHTS).unlink(),
    "no settings": lambda adapter: (adapter / CONFIGURATION).unlink(),
    "no record": lambda adapter: (adapter / TRAINING_FILE).unlink(),
    "one bit of the weights": lambda adapter: flip_bit(adapter / WEIGHTS),
    "weights cut off, and no mark": _cut_off_without_a_mark,
    "nothing in it": _empty,
    "not there": shutil.rmtree,
    "a file in its place": _put_a_file_there,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_final_adapter_is_made_anew_from_the_last_checkpoint_where_it_is_damaged(
    damage: str, config: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter, aside = out / "adapter", out / "damaged-adapter"
    before = {path.name: path.read_bytes() for path in adapter.iterdir()}
    losses = _losses(out)
    DAMAGES[damage](adapter)
    is_there = adapter.exists()
    assert run(["train", str(config), "--resume"]) == 0
    assert {path.name: path.read_bytes() for path in adapter.iterdir()} == before
    assert _losses(out) == losses
    assert ("kept as damaged-adapter" in capsys.readouterr().err) == is_there
    assert aside.exists() == is_there
    if is_there:
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


def test_a_damaged_adapter_of_the_best_evaluation_is_named(
    config: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = shutil.copytree(out / "adapter", out / "best")
    flip_bit(best / WEIGHTS)
    assert run(["train", str(config), "--resume"]) == 2
    assert f"{best}: the adapter is not as its training wrote it" in capsys.readouterr().err
    shutil.rmtree(best)


def test_an_adapter_that_is_not_as_its_training_wrote_it_is_not_run(
    out: Path, tmp_path: Path
) -> None:
    adapter = shutil.copytree(out / "adapter", tmp_path / "adapter")
    flip_bit(adapter / WEIGHTS)
    with pytest.raises(UsageError, match=f"not as its training wrote it: {WEIGHTS}"):
        api.describe_model("tiny/omni", api.RunOptions(lora=adapter))


def test_to_resume_what_was_never_begun_says_so_and_begins(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _settings(root, out=str(root / "new"))
    assert run(["train", str(write_settings(root / "new.yaml", settings)), "--resume"]) == 0
    assert "a new one begins" in capsys.readouterr().err


def test_another_training_is_refused_by_what_differs(
    root: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**_settings(root), "lora": {"rank": 3}, "log_every": 5}
    path = write_settings(tmp_path / "other.yaml", settings)
    assert run(["train", str(path), "--resume"]) == 4
    assert "these differ: lora." in capsys.readouterr().err


def test_cached_and_computed_references_give_the_same_losses(root: Path, out: Path) -> None:
    settings = make_settings(root, METHOD, optimization=STEPS, out=str(root / "computed"))
    result = api.train(TrainingConfig.model_validate(settings))
    assert _losses(result.folder) == pytest.approx(_losses(out), abs=1e-5)


def test_a_further_method_computes_of_the_reference_what_no_other_has(
    root: Path, tmp_path: Path
) -> None:
    cached = {"source": "cached", "folder": str(tmp_path / "cache")}
    losses = {}
    for name in ("naive_dpo", "vista_dpo", "avem_dpo"):
        changes = {"optimization": STEPS, "reference": cached, "out": str(tmp_path / name)}
        method = METHOD if name == "avem_dpo" else {"name": name}
        settings = make_settings(root, method, **changes)
        losses[name] = _losses(api.train(TrainingConfig.model_validate(settings)).folder)
    files = [*(tmp_path / "cache").rglob("*.jsonl")]
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    keys = [line["key"] for line in lines]
    assert len(files) == 3
    assert len(set(keys)) == len(keys)
    # Put together of what three trainings computed, the references are those of one.
    computed = make_settings(root, METHOD, optimization=STEPS, out=str(tmp_path / "computed"))
    result = api.train(TrainingConfig.model_validate(computed))
    assert losses["avem_dpo"] == pytest.approx(_losses(result.folder), abs=1e-5)


def test_a_dry_run_counts_and_leaves_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = _settings(root, out=str(tmp_path / "none"))
    path = write_settings(tmp_path / "dry.yaml", settings)
    assert run(["train", str(path), "--dry-run", "--json"]) == 0
    statistics = json.loads(capsys.readouterr().out)
    assert statistics["with_answer"] == {"chosen": 4, "hallucination": 4, "spurious": 3}
    assert statistics["altered"] == {"video by swap": 2, "audio by swap": 2}
    assert (statistics["steps"], statistics["examples_per_step"]) == (2, 2)
    assert statistics["tokens"].keys() == {"video", "audio", "text"}
    assert statistics["answer_tokens"]["largest"] < statistics["tokens"]["text"]["largest"]
    penalty = statistics["text_gap"]["penalty"]
    assert sum(penalty["counts"]) == statistics["text_gap"]["pairs"] == 4
    assert not (tmp_path / "none").exists()
