"""A merged checkpoint answers as its base with the adapter on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from emoreal_bench import api
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode, UsageError
from tests.avere_checkpoint import AVERE_CASE, make_avere_checkpoint
from tests.lora_folders import adapt_avere, adapt_tiny, score
from tests.omni_folders import PIXELS, make_thinker_folder, make_whole_folder


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    folder = tmp_path_factory.mktemp("lora")
    return folder, adapt_tiny(folder)


def test_the_miniature_is_merged_by_the_command(
    lora: tuple[Path, list[float]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "merged"
    command = ["model", "merge", "-m", "tiny/omni", "--model-arg", "weights=random"]
    command += ["--lora", str(lora[0]), "--out", str(out)]
    assert run(command) == ExitCode.DONE
    assert capsys.readouterr().out.strip() == str(out)
    assert score(f"hf/{out}", PIXELS) == pytest.approx(lora[1], abs=1e-5)


def test_a_published_folder_is_merged_with_what_lies_beside_its_weights(
    lora: tuple[Path, list[float]], tmp_path: Path
) -> None:
    whole = make_whole_folder(make_thinker_folder(tmp_path / "thinker"), tmp_path / "whole")
    (whole / "preprocessor_config.json").write_text("{}")
    out = api.merge_lora(f"hf/{whole}", lora[0], tmp_path / "merged", PIXELS)
    assert score(f"hf/{out}", PIXELS) == pytest.approx(lora[1], abs=1e-5)
    assert (out / "preprocessor_config.json").is_file()


def test_an_avere_checkpoint_is_merged_under_its_published_names(tmp_path: Path) -> None:
    checkpoint = make_avere_checkpoint(tmp_path / "model")
    expected = adapt_avere(tmp_path / "lora")
    out = tmp_path / "merged"
    api.merge_lora(f"avere/{checkpoint}", tmp_path / "lora", out, {"device": "cpu"})
    arguments = {"device": "cpu", "backbones": str(AVERE_CASE / "backbones")}
    assert score(f"avere/{out}", arguments) == pytest.approx(expected, abs=1e-5)
    assert set(load_file(out / "model.safetensors")) == set(
        load_file(checkpoint / "model.safetensors")
    )


def test_nothing_is_written_over(lora: tuple[Path, list[float]], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        api.merge_lora("tiny/omni", lora[0], tmp_path)
