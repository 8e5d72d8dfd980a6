"""Phi-4-multimodal answers as the library and PEFT do for one request alone."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import Phi4MultimodalForCausalLM, PreTrainedTokenizerFast

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.inputs.tensors import PreparedClips
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.family import ModelFolder
from emoreal_bench.model_adapters.local.lora import Mergeable
from emoreal_bench.model_adapters.local.phi4.inputs import OwnAdapter, Phi4Input
from emoreal_bench.model_adapters.local.phi4.network import FAMILY, Phi4Multimodal
from tests.local_families import phi4_arguments
from tests.lora_folders import adapt
from tests.phi4_folders import (
    CROP_SETTINGS,
    USUAL_LENGTH,
    make_phi4_builder,
    make_phi4_folder,
    make_phi4_network,
    make_phi4_tokenizer,
)

TOLERANCE = 1e-4
LETTERS = "ABC"
NEW_TOKENS = 16
DEVICE = {"device": "cpu"}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_phi4_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: PreTrainedTokenizerFast) -> Phi4MultimodalForCausalLM:
    return make_phi4_network(tokenizer)


@pytest.fixture(scope="module")
def model(network: Phi4MultimodalForCausalLM, tokenizer: PreTrainedTokenizerFast) -> Phi4Multimodal:
    return Phi4Multimodal(network, tokenizer, make_phi4_builder(tokenizer))


@pytest.fixture(scope="module")
def folder(
    network: Phi4MultimodalForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    return make_phi4_folder(network, tokenizer, tmp_path_factory.mktemp("phi4"))


@pytest.fixture(scope="module")
def lora(network: Phi4MultimodalForCausalLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an adapter for ``--lora``."""
    path = tmp_path_factory.mktemp("lora")
    adapt(copy.deepcopy(network), path, target_modules=["qkv_proj"])
    return path


def make_requests() -> list[Request]:
    """Make requests for each adapter, in usual and in long sequences."""
    first = make_clip(seed=1, frames=2)
    return [
        make_request("1", first),
        make_request("3", make_clip(seed=2, frames=8, seconds=0.7)),
        make_request("4", make_clip(seed=3, frames=1, seconds=None, size=(60, 200))),
        make_request("5", make_clip(seed=4, frames=None)),
        make_request("6", question="Are you there?"),
        make_request("7", make_clip(seed=5, frames=None, seconds=0.5)),
    ]


def prepare(model: Phi4Multimodal, requests: list[Request]) -> list[Phi4Input]:
    prepared = model.prepare(requests)
    assert all(isinstance(one, Phi4Input) for one in prepared)
    return [one for one in prepared if isinstance(one, Phi4Input)]


@torch.inference_mode()
def read(network: Any, one: Phi4Input, written: Sequence[int] = ()) -> torch.Tensor:
    """Let the library read one request, and what was written to it, all at once."""
    logits: torch.Tensor = network(**phi4_arguments(one, written)).logits[0, -1]
    return logits


def score_plainly(network: torch.nn.Module, model: Phi4Multimodal, one: Phi4Input) -> torch.Tensor:
    tokens = [model.letter_token(letter) for letter in LETTERS]
    return read(network, one).log_softmax(-1)[tokens]


def write_plainly(network: Any, one: Phi4Input) -> list[int]:
    """Write greedily, all read anew for each token."""
    written: list[int] = []
    while len(written) < NEW_TOKENS:
        token = int(read(network, one, written).argmax())
        if token in network.config.eos_token_id:
            break
        written.append(token)
    return written


def test_sound_longer_than_the_tower_takes_at_once_is_heard_as_by_the_library(
    model: Phi4Multimodal, network: Phi4MultimodalForCausalLM
) -> None:
    long, short = make_clip(frames=None, seconds=41.0), make_clip(frames=None, seconds=0.5)
    inputs = prepare(model, [make_request("1", long), make_request("2", short)])
    wanted = [[model.letter_token(letter) for letter in LETTERS]] * len(inputs)
    for one, row in zip(inputs, model.score_first_token(inputs, wanted), strict=True):
        expected = score_plainly(network, model, one).tolist()
        assert row == pytest.approx(expected, abs=TOLERANCE)


def make_request_of_length(model: Phi4Multimodal, length: int) -> Request:
    clip = make_clip(seed=1, frames=5)
    (bare,) = prepare(model, [make_request(clip=clip, question="")])
    return make_request("filled", clip, question=" the" * (length - len(bare.input_ids)))


@pytest.mark.parametrize("length", [USUAL_LENGTH - 5, USUAL_LENGTH - 1, USUAL_LENGTH])
def test_a_reply_may_grow_beyond_the_usual_length(
    length: int,
    model: Phi4Multimodal,
    network: Phi4MultimodalForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    long, usual = make_request("long", make_clip(seed=2)), make_request("usual")
    inputs = prepare(model, [long, make_request_of_length(model, length), usual])
    assert len(inputs[1].input_ids) == length
    for one, reply in zip(inputs, model.write(inputs, NEW_TOKENS), strict=True):
        assert reply.text == tokenizer.decode(write_plainly(network, one))


def answer(
    folder: Path, requests: Sequence[Request], lora: Path | None = None
) -> dict[str, Result]:
    """Score the letters through the adapter of a folder, all requests together."""

    async def ask() -> dict[str, Result]:
        async with create_adapter(f"hf/{folder}", DEVICE, lora) as adapter:
            return {result.id: result async for result in adapter.score_choices(requests)}

    return asyncio.run(ask())


def scores_of(result: Result) -> list[float]:
    assert result.choice_scores is not None
    return list(result.choice_scores.scores.values())


def carry(network: Phi4MultimodalForCausalLM, *adapters: Path) -> torch.nn.Module:
    """Let PEFT put adapters on a network, all active."""
    carrier: Any = copy.deepcopy(network)
    for number, path in enumerate(adapters):
        if number == 0:
            carrier = PeftModel.from_pretrained(carrier, str(path), "0")
        else:
            carrier.load_adapter(str(path), str(number))
    if adapters:
        carrier.base_model.set_adapter([str(number) for number in range(len(adapters))])
    carrier.eval()
    return carrier  # type: ignore[no-any-return]  # any module of the library


def find_own(folder: Path, one: Phi4Input) -> list[Path]:
    return [] if one.adapter is None else [folder / one.adapter.folder]


@pytest.mark.parametrize("with_lora", [False, True])
def test_each_request_of_a_batch_is_answered_with_its_own_adapter(
    with_lora: bool,
    folder: Path,
    lora: Path,
    model: Phi4Multimodal,
    network: Phi4MultimodalForCausalLM,
) -> None:
    requests = make_requests()
    results = answer(folder, requests, lora if with_lora else None)
    inputs = prepare(model, requests)
    assert {one.adapter for one in inputs} == {*OwnAdapter, None}
    for request, one in zip(requests, inputs, strict=True):
        carried = [*find_own(folder, one), *([lora] if with_lora else [])]
        expected = score_plainly(carry(network, *carried), model, one)[: len(request.letters)]
        assert scores_of(results[request.id]) == pytest.approx(expected.tolist(), abs=TOLERANCE)
        if carried:
            bare = score_plainly(network, model, one)[: len(request.letters)]
            assert scores_of(results[request.id]) != pytest.approx(bare.tolist(), abs=1e-2)
        assert results[request.id].delivery == one.delivery


def test_a_merged_model_keeps_its_own_adapters(folder: Path, lora: Path, tmp_path: Path) -> None:
    adapter = create_adapter(f"hf/{folder}", DEVICE, lora)
    assert isinstance(adapter, Mergeable)
    adapter.save_merged(tmp_path)
    requests = make_requests()[3:6]
    apart, merged = answer(folder, requests, lora), answer(tmp_path, requests)
    for name, result in merged.items():
        assert scores_of(result) == pytest.approx(scores_of(apart[name]), abs=TOLERANCE)


def test_a_folder_without_adapters_is_run_and_says_so(
    folder: Path, model: Phi4Multimodal, network: Phi4MultimodalForCausalLM, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path, ignore=lambda *_: ["vision-lora"], dirs_exist_ok=True)
    request = make_request(clip=make_clip(frames=1))
    (result,) = answer(tmp_path, [request]).values()
    (one,) = prepare(model, [request])
    expected = score_plainly(network, model, one)[:2].tolist()
    assert scores_of(result) == pytest.approx(expected, abs=TOLERANCE)
    assert any("vision adapter" in note for note in result.delivery.notes)


def test_the_identity_of_a_model_covers_its_own_adapters(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / OwnAdapter.SPEECH.folder / "adapter_model.safetensors"
    save_file({name: -weight for name, weight in load_file(weights).items()}, weights)
    before, after = (create_adapter(f"hf/{path}").describe() for path in (folder, tmp_path))
    assert before.weights_hash != after.weights_hash
    assert before.parameters == after.parameters


def test_own_adapters_of_another_size_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / OwnAdapter.SPEECH.folder / "adapter_model.safetensors"
    halved = {name: weight[:, ::2].contiguous() for name, weight in load_file(weights).items()}
    save_file(halved, weights)
    with pytest.raises(UsageError, match="should be"):
        answer(tmp_path, make_requests()[:1])


def test_own_adapters_are_not_put_on_quantised_weights(
    folder: Path, network: Phi4MultimodalForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    quantised: Any = copy.deepcopy(network)
    quantised.is_quantized = True
    opened = ModelFolder(folder, network.config.to_dict(), tokenizer, None)
    with pytest.raises(UsageError, match="quantised"):
        FAMILY.make_model(quantised, opened, make_phi4_builder(tokenizer))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("processor_config.json", {"image_processor": {"dynamic_hd": 1}}),
        ("preprocessor_config.json", {"dynamic_hd": 1}),
    ],
)
def test_the_folder_says_how_many_crops_a_frame_may_have(
    file: str, content: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(folder / name, tmp_path / name)
    (tmp_path / file).write_text(json.dumps(content))
    opened = ModelFolder(
        tmp_path, json.loads((folder / "config.json").read_text()), make_phi4_tokenizer(), None
    )
    builder = FAMILY.make_builder(opened)
    size = (2 * CROP_SETTINGS.crop, CROP_SETTINGS.crop)
    one = builder.build(make_request(clip=make_clip(frames=1, size=size)), PreparedClips())
    assert one.videos[0].crops.shape[1] == 2


def test_the_layout_with_code_of_its_own_is_refused_and_the_other_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "phi4mm"}')
    with pytest.raises(UsageError, match=r"Phi-4-multimodal-instruct@refs/pr/70"):
        create_adapter(f"hf/{tmp_path}").describe()
