"""Two processes train what one does, each with all of the model or with a part of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from emoreal_bench import api
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.training.config import Sharding, TrainingConfig
from emoreal_bench.training.objectives.metrics import METRICS_FILE, read_metrics
from tests.training_files import make_settings, make_training_data, write_settings

pytestmark = pytest.mark.long

COMMAND = Path(__file__).with_name("sharding_command.py")
STEPS = 3
METHOD = {"name": "avem_dpo"}
NORMS = "norms of the gradients"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_data(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def alone(root: Path) -> dict[str, torch.Tensor]:
    """Give the weights and the norms of the gradients of one process."""
    steps = {"learning_rate": 0.01, "batch_size": 2, "max_steps": STEPS}
    settings = make_settings(root, METHOD, out=str(root / "alone"), optimization=steps)
    return _outcome(api.train(TrainingConfig.model_validate(settings)).folder)


def _outcome(folder: Path) -> dict[str, torch.Tensor]:
    norms = [e["grad_norm"] for e in read_metrics(folder / METRICS_FILE) if "grad_norm" in e]
    weights = load_file(folder / "adapter" / "adapter_model.safetensors")
    return {**weights, NORMS: torch.tensor(norms)}


def _write(root: Path, sharding: Sharding) -> Path:
    settings = make_settings(
        root,
        METHOD,
        out=str(root / sharding),
        optimization={"learning_rate": 0.01, "batch_size": 1, "max_steps": STEPS},
        hardware={"device": "cpu", "sharding": sharding.value},
    )
    return write_settings(root / f"{sharding}.yaml", settings)


def _train_in_two(config: Path) -> None:
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    done = subprocess.run(
        [*launcher, "--nproc-per-node", "2", str(COMMAND), "train", str(config), "-q", "--resume"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("adapter after") == 1


@pytest.mark.parametrize("sharding", Sharding)
def test_two_processes_end_where_one_ends(
    root: Path, alone: dict[str, torch.Tensor], sharding: Sharding
) -> None:
    _train_in_two(_write(root, sharding))
    together = _outcome(root / sharding)
    torch.testing.assert_close(together.pop(NORMS), alone[NORMS], rtol=1e-4, atol=0)
    assert together.keys() == alone.keys() - {NORMS}
    for name, weight in together.items():
        # Whole tensors: Adam makes steps of one size out of gradients that are nearly 0, too.
        assert (weight - alone[name]).norm() < 1e-3 * alone[name].norm(), name


def test_a_sharded_training_is_resumed_from_its_checkpoint(root: Path) -> None:
    out, config = root / Sharding.FULL, _write(root, Sharding.FULL)
    if not out.exists():
        _train_in_two(config)
    whole = _outcome(out)
    shutil.rmtree(out / "adapter")
    shutil.rmtree(out / "checkpoints" / f"checkpoint-{STEPS}")
    _train_in_two(config)
    torch.testing.assert_close(_outcome(out), whole, rtol=0, atol=0)


def test_a_checkpoint_of_a_sharded_model_leaves_the_base_out(root: Path) -> None:
    if not (root / Sharding.FULL).exists():
        _train_in_two(_write(root, Sharding.FULL))
    files = {path.name for path in (root / Sharding.FULL).glob("checkpoints/*/*.bin")}
    assert files == {"optimizer.bin"}


def test_one_process_cannot_shard(root: Path) -> None:
    config = TrainingConfig.model_validate(
        make_settings(
            root, METHOD, out=str(root / "one"), hardware={"device": "cpu", "sharding": "full"}
        )
    )
    with pytest.raises(UsageError, match="more than one process"):
        api.train(config)
