"""A merged checkpoint answers as its base with the adapter on it."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from pathlib import Path

import pytest
from safetensors.torch import load_file

from emoreal_bench import api
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
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


def replies(model: str, lora: Path | None = None) -> list[tuple[str, dict[Modality, int]]]:
    """Return what a model writes of some clips, with the tokens that it was given."""
    requests = [make_request(str(seed), make_clip(seed=seed)) for seed in range(6)]

    async def run() -> list[Result]:
        async with create_adapter(model, None, lora) as adapter:
            return [result async for result in adapter.generate(requests)]

    results = sorted(asyncio.run(run()), key=lambda result: result.id)
    assert all(result.status is DeliveryStatus.OK for result in results)
    return [(result.text, dict(result.delivery.tokens)) for result in results]


def test_the_merged_miniature_replies_as_with_its_adapter(tmp_path: Path) -> None:
    lora = tiny_network.ADAPTERS / "avem-dpo"
    out = api.merge_lora("tiny/omni", lora, tmp_path / "merged")
    # Without an argument: what the adapter's model was given, the merged one knows by itself.
    assert replies(f"hf/{out}") == replies("tiny/omni", lora)
    with_adapter = score("tiny/omni", lora=lora)
    assert score(f"hf/{out}") == pytest.approx(with_adapter, abs=1e-4)
    assert score("tiny/omni") != pytest.approx(with_adapter, abs=0.5)


def test_pixel_limits_and_the_mark_of_fine_tuning_go_along(
    lora: tuple[Path, list[float]], tmp_path: Path
) -> None:
    thinker = make_thinker_folder(tmp_path / "thinker")
    adapter = shutil.copytree(lora[0], tmp_path / "tuned")
    record = TrainingRecord(
        name="tuned",
        method="sft",
        base="tiny/omni",
        base_weights_hash=None,
        data="labels",
        data_hash="0",
        examples=1,
        step=1,
        fine_tuned_on="dfew",
        config={},
        versions={},
    )
    (adapter / TRAINING_FILE).write_text(record.model_dump_json(by_alias=True))
    out = api.merge_lora(f"hf/{thinker}", adapter, tmp_path / "merged", PIXELS)
    merged = create_adapter(f"hf/{out}").describe()
    assert merged.fine_tuned_on == "dfew"
    assert merged.label == "LoRA tuned, fine-tuned on dfew, merged"
    assert merged.settings["max_pixels"] == int(PIXELS["max_pixels"])
    again = api.merge_lora(f"hf/{out}", lora[0], tmp_path / "again")
    assert create_adapter(f"hf/{again}").describe().fine_tuned_on == "dfew"
    assert score(f"hf/{out}", {"device": "cpu"}) == pytest.approx(lora[1], abs=1e-5)


def test_a_merged_folder_with_a_damaged_record_is_refused(
    lora: tuple[Path, list[float]], tmp_path: Path
) -> None:
    out = api.merge_lora("tiny/omni", lora[0], tmp_path / "merged", {"weights": "random"})
    (out / "emoreal_bench.json").write_text("{")
    with pytest.raises(UsageError, match="not as a merge leaves it"):
        create_adapter(f"hf/{out}").describe()


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_files_get_the_modes_that_the_umask_asks_for(
    umask: int, mode: int, lora: tuple[Path, list[float]], tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        out = api.merge_lora("tiny/omni", lora[0], tmp_path / "merged", {"weights": "random"})
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {mode}


def test_nothing_is_written_over(lora: tuple[Path, list[float]], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        api.merge_lora("tiny/omni", lora[0], tmp_path)
