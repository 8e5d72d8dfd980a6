"""States of a training that are none: the optimizer's, its schedule's, the random numbers'."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.training.outputs.checkpoint_states import readable_states


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth"])
@pytest.mark.parametrize("content", [b"", b"\x88", b"T", b"G\x00\x00", b"\x8d" + b"\xff" * 8])
def test_what_torch_does_not_write_is_not_read(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with (
        pytest.raises(RunError, match=f"{name} is not what torch writes"),
        readable_states(str(tmp_path)),
    ):
        raise AssertionError("nothing is to be read")


def test_the_form_of_old_is_not_read(tmp_path: Path) -> None:
    # It says itself how many bytes are to be read, whatever the file holds.
    path = tmp_path / "optimizer.pt"
    torch.save({"state": {}}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(RunError, match="damaged"), readable_states(str(tmp_path)):
        raise AssertionError("nothing is to be read")


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "optimizer.pt"
    torch.save({"state": torch.ones(3)}, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match="damaged") as refused, readable_states(str(tmp_path)):
        torch.load(path, weights_only=True)
    assert str(tmp_path) in str(refused.value)
    assert "Remove the folder" in str(refused.value)


def test_what_torch_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "optimizer.pt"
    torch.save({"state": torch.ones(3)}, path)
    with readable_states(str(tmp_path)):
        assert torch.load(path, weights_only=True)["state"].sum() == 3
