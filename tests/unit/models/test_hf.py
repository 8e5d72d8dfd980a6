"""Model folders in the hub's layout, read offline."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.hf import HfArguments
from tests.omni_folders import PIXELS, make_thinker_folder, make_whole_folder

UNTRAINED = {"weights": "random"}


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the folder that saving a Thinker leaves."""
    return make_thinker_folder(tmp_path_factory.mktemp("thinker"))


@pytest.fixture(scope="module")
def whole(thinker: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder as published: Thinker and Talker in one, under the older weight names."""
    return make_whole_folder(thinker, tmp_path_factory.mktemp("whole"))


def copy(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def ask(model: str, requests: list[Request], arguments: dict[str, str]) -> list[Result]:
    async def collect() -> list[Result]:
        async with create_adapter(model, arguments) as adapter:
            return [result async for result in adapter.score_choices(requests)]

    return asyncio.run(collect())


def scores(results: list[Result]) -> list[float]:
    return [
        score
        for result in results
        if result.choice_scores is not None
        for score in result.choice_scores.scores.values()
    ]


@pytest.mark.parametrize("kind", ["thinker", "whole"])
def test_a_saved_model_answers_as_the_one_that_was_saved(
    kind: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    requests = [make_request(str(seed), make_clip(seed=seed)) for seed in range(3)]
    saved = ask(f"hf/{folder}", requests, PIXELS)
    assert scores(saved) == pytest.approx(scores(ask("tiny/omni", requests, UNTRAINED)), abs=1e-5)
    assert [result.delivery for result in saved] == [
        result.delivery for result in ask("tiny/omni", requests, UNTRAINED)
    ]


def test_the_pixel_limits_decide_the_tokens(thinker: Path) -> None:
    arguments = {**PIXELS, "min_pixels": "12544", "max_pixels": "12544"}
    (result,) = ask(f"hf/{thinker}", [make_request(clip=make_clip())], arguments)
    assert result.delivery.tokens[Modality.VIDEO] == 32


def test_the_weights_hash_follows_the_files_and_not_their_place(
    thinker: Path, tmp_path: Path
) -> None:
    original = create_adapter(f"hf/{thinker}").describe()
    moved = create_adapter(f"hf/{copy(thinker, tmp_path / 'moved')}").describe()
    assert moved.weights_hash == original.weights_hash
    weights = tmp_path / "moved" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    changed = create_adapter(f"hf/{tmp_path / 'moved'}").describe()
    assert changed.weights_hash != original.weights_hash


@pytest.mark.parametrize("kind", ["thinker", "whole"])
def test_parameters_are_those_of_the_part_that_answers(
    kind: str, request: pytest.FixtureRequest
) -> None:
    description = create_adapter(f"hf/{request.getfixturevalue(kind)}").describe()
    assert description.parameters == tiny_network.PARAMETERS


def test_settings_say_what_auto_came_to(thinker: Path) -> None:
    settings = create_adapter(f"hf/{thinker}", {"device": "cpu"}).describe().settings
    assert (settings["device"], settings["dtype"]) == ("cpu", "float32")


def test_a_folder_without_a_configuration_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.json"):
        create_adapter(f"hf/{tmp_path}").describe()


def test_a_model_of_another_family_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match=r"'llama'(.|\n)*qwen2_5_omni"):
        create_adapter(f"hf/{tmp_path}").describe()


def test_a_checkpoint_that_lacks_weights_is_refused(thinker: Path, tmp_path: Path) -> None:
    folder = copy(thinker, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"lm_head\.weight"):
        ask(f"hf/{folder}", [make_request()], PIXELS)


def test_a_model_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="no such folder"):
        create_adapter("hf/nobody/nothing-at-all").describe()


def test_a_hub_model_is_known_by_its_commit(
    thinker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None]] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert not any("bin" in pattern or "py" in pattern for pattern in allow_patterns)
        return str(snapshot)

    snapshot = copy(thinker, tmp_path / "snapshots" / "0a1b2c")
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    adapter = create_adapter("hf/Owner/Name@v1")
    assert asked == []
    assert adapter.describe().revision == "0a1b2c"
    assert asked == [("Owner/Name", "v1")]


def test_a_name_that_the_hub_cannot_have_is_refused() -> None:
    with pytest.raises(UsageError, match="no such folder"):
        create_adapter("hf/not/a/folder/here").describe()


def test_a_folder_has_no_revisions(thinker: Path) -> None:
    with pytest.raises(UsageError, match="revision"):
        create_adapter(f"hf/{thinker}@main")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "gpu"),
        ("dtype", "int4"),
        ("batch_size", "0"),
        ("attention", "fast"),
        ("quantization", "2bit"),
    ],
)
def test_a_wrong_argument_is_refused(name: str, value: str, thinker: Path) -> None:
    with pytest.raises(UsageError, match=f"argument '{name}' got '{value}'"):
        create_adapter(f"hf/{thinker}", {name: value})


def test_two_copies_answer_as_one_does(thinker: Path) -> None:
    requests = [make_request(str(seed), make_clip(seed=seed)) for seed in range(3)]
    arguments = {name: value for name, value in PIXELS.items() if name != "device"}
    one = ask(f"hf/{thinker}", requests, PIXELS)
    two = ask(f"hf/{thinker}", requests, {**arguments, "devices": "cpu,cpu"})
    assert scores(two) == pytest.approx(scores(one), abs=1e-5)


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_quantisation_says_what_it_needs(bits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emoreal_bench.model_adapters.local.hf.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=rf"quantization={bits} needs the package bitsandbytes"):
        create_adapter("hf/Owner/Name", {"quantization": bits})


@pytest.mark.parametrize(
    ("device", "dtype", "installed", "expected"),
    [
        ("cuda", "bfloat16", True, "flash_attention_2"),
        ("cuda", "bfloat16", False, "sdpa"),
        ("cuda", "float32", True, "sdpa"),
        ("cpu", "bfloat16", True, "sdpa"),
    ],
)
def test_flash_attention_is_used_where_it_can_be(
    device: str, dtype: str, installed: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "emoreal_bench.model_adapters.local.hf.is_flash_attn_2_available", lambda: installed
    )
    arguments = parse_arguments(HfArguments, {"device": device, "dtype": dtype}, "hf/x")
    assert arguments.as_settings()["attention"] == expected


def test_attention_that_is_asked_for_reaches_every_part(
    thinker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: set[str] = set()
    sdpa = torch.nn.functional.scaled_dot_product_attention

    def noticed(*arguments: Any, **options: Any) -> torch.Tensor:
        asked_for.add("sdpa")
        return sdpa(*arguments, **options)

    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", noticed)
    requests = [make_request("1", make_clip(seed=1))]
    usual = ask(f"hf/{thinker}", requests, PIXELS)
    assert asked_for
    asked_for.clear()
    plain = ask(f"hf/{thinker}", requests, {**PIXELS, "attention": "eager"})
    assert not asked_for
    assert scores(plain) == pytest.approx(scores(usual), abs=1e-4)


def test_a_prompt_can_be_rendered_without_loading_the_weights(
    thinker: Path, tmp_path: Path
) -> None:
    folder = copy(thinker, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    rendered = create_adapter(f"hf/{folder}").render(make_request(question="Is she sad?"))
    assert rendered == "<|im_start|>user\nIs she sad?<|im_end|>\n<|im_start|>assistant\n"
