"""A training that is killed and resumed ends in the weights of one that was not."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.objectives.metrics import LOSS, METRICS_FILE, STEP
from emoreal_bench.training.observer import TrainingObserver
from emoreal_bench.training.outputs.curves import CURVES_FILE
from emoreal_bench.training.run import TrainingResult
from emoreal_bench.training.trainer import ADAPTER_FOLDER, CHECKPOINTS_FOLDER
from tests.training_files import make_settings, make_training_data, write_settings

WEIGHTS = "adapter_model.safetensors"
STEPS = 8
_PATIENCE = 240.0
_PROGRAM = "from emoreal_bench.cli import main; main()"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_data(tmp_path_factory.mktemp("training"))


def _settings(root: Path, out: str) -> dict[str, object]:
    method = {"name": "avem_dpo", "text_gradient": True}
    steps = {"learning_rate": 0.01, "batch_size": 1, "epochs": 2, "accumulation": 2}
    return make_settings(root, method, out=str(root / out), optimization=steps)


def _train_until(config: Path, metrics: Path, step: int) -> None:
    """Start the command and kill it once it has logged a step."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, "train", str(config), "--resume", "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end and _last_step(metrics) < step:
        time.sleep(0.01)
    process.kill()
    _, errors = process.communicate()
    assert _last_step(metrics) >= step, errors.decode()


def _last_step(metrics: Path) -> float:
    # The last line may be half written.
    lines = metrics.read_bytes().split(b"\n")[:-1] if metrics.exists() else []
    steps = [line.partition(b",")[0].rpartition(b" ")[2] for line in lines if b'"loss"' in line]
    return max(map(float, steps), default=0.0)


@pytest.fixture(scope="module")
def trainings(root: Path) -> tuple[TrainingResult, TrainingResult]:
    """Give a training that was left alone and one that was killed twice."""
    whole = api.train(TrainingConfig.model_validate(_settings(root, "whole")))
    settings = _settings(root, "killed")
    config = write_settings(root / "killed.yaml", settings)
    draw = random.Random(20)
    for step in sorted(draw.sample(range(1, STEPS), 2)):
        _train_until(config, root / "killed" / METRICS_FILE, step)
    return whole, api.train(TrainingConfig.model_validate(settings), resume=True)


def test_it_ends_in_the_same_weights(trainings: tuple[TrainingResult, TrainingResult]) -> None:
    whole, killed = ((result.adapter / WEIGHTS).read_bytes() for result in trainings)
    assert killed == whole


def test_its_metrics_are_those_of_one_that_was_not_killed(
    trainings: tuple[TrainingResult, TrainingResult],
) -> None:
    # The order of the names, too: the card and the curves follow it.
    whole, killed = (
        [
            [(name, value) for name, value in entry.items() if not name.startswith("train_")]
            for entry in result.metrics
        ]
        for result in trainings
    )
    assert killed == whole
    steps = [dict(entry)[STEP] for entry in whole if LOSS in dict(entry)]
    assert steps == list(range(1, STEPS + 1))
    assert len({(result.folder / CURVES_FILE).read_bytes() for result in trainings}) == 1


def test_no_sum_of_one_sitting_is_told_of_the_whole(
    trainings: tuple[TrainingResult, TrainingResult],
) -> None:
    names = {name for result in trainings for entry in result.metrics for name in entry}
    assert not names & {"train_loss", "total_flos"}


class NotingObserver(TrainingObserver):
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def on_notice(self, text: str) -> None:
        self.notices.append(text)


def test_a_damaged_checkpoint_is_named_and_not_gone_on_from(
    root: Path, trainings: tuple[TrainingResult, TrainingResult]
) -> None:
    whole, _ = trainings
    folder = shutil.copytree(whole.folder, root / "damaged")
    shutil.rmtree(folder / ADAPTER_FOLDER)
    checkpoints = folder / CHECKPOINTS_FOLDER
    last = max(checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    weights = bytearray((last / ADAPTER_FOLDER / WEIGHTS).read_bytes())
    weights[-3] ^= 1
    (last / ADAPTER_FOLDER / WEIGHTS).write_bytes(weights)
    observer = NotingObserver()
    settings = TrainingConfig.model_validate(_settings(root, "damaged"))
    again = api.train(settings, resume=True, observer=observer)
    (notice,) = [text for text in observer.notices if last.name in text]
    assert f"{ADAPTER_FOLDER}/{WEIGHTS}" in notice
    assert (checkpoints / f"damaged-{last.name}").is_dir()
    assert (again.adapter / WEIGHTS).read_bytes() == (whole.adapter / WEIGHTS).read_bytes()
