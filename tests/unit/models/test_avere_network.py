"""The native AVERE gives the numbers of the network that its authors released."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.avere.adapter import load_avere
from emoreal_bench.model_adapters.local.avere.inputs import FRAME_ID, SOUND_ID
from emoreal_bench.model_adapters.local.avere.network import AvereNetwork

CASE = Path(__file__).parents[2] / "data" / "avere_tiny"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def network() -> AvereNetwork:
    return load_avere(CASE / "AVERE-tiny", CASE / "backbones")


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(CASE / "inputs.safetensors")
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = load_file(CASE / "outputs.safetensors")
    return tensors


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(CASE, tmp_path / "copy")
    return tmp_path / "copy"


def load_copy(copy: Path) -> AvereNetwork:
    return load_avere(copy / "AVERE-tiny", copy / "backbones")


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=TOLERANCE)


def test_video_features_are_those_of_the_released_network(
    network: AvereNetwork, inputs: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    assert_close(network.encode_video(inputs["pixel_values"]), expected["video_features"])


def test_speech_features_are_those_of_the_released_network(
    network: AvereNetwork, inputs: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    assert_close(network.encode_speech(inputs["input_features"]), expected["speech_features"])


def test_logits_are_those_of_the_released_network(
    network: AvereNetwork, inputs: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    output = network(inputs["input_ids"], inputs["pixel_values"], inputs["input_features"])
    assert_close(output.logits, expected["logits"])


def test_the_order_of_the_frames_matters(
    network: AvereNetwork, inputs: dict[str, torch.Tensor]
) -> None:
    pixels = inputs["pixel_values"]
    forwards, backwards = network.encode_video(pixels), network.encode_video(pixels.flip(2))
    # Without attention over time, each frame would have the same features in either order.
    assert not torch.allclose(forwards, backwards.flip(1), atol=1e-3)


def test_a_batch_gives_what_single_prompts_give(
    network: AvereNetwork, inputs: dict[str, torch.Tensor]
) -> None:
    ids, pixels, sound = inputs["input_ids"], inputs["pixel_values"], inputs["input_features"]
    other = network(ids, pixels.flip(3), sound.flip(1)).logits
    both = network(
        ids.repeat(2, 1), torch.cat([pixels, pixels.flip(3)]), torch.cat([sound, sound.flip(1)])
    ).logits
    assert_close(both[1:], other)


def test_a_prompt_without_a_clip_is_plain_text(network: AvereNetwork) -> None:
    ids = torch.tensor([[1, 5, 6, 7]])
    assert_close(network(ids).logits, network.language_model(input_ids=ids).logits)


@pytest.mark.parametrize("mark", [FRAME_ID, SOUND_ID])
def test_a_mark_without_features_is_an_error(mark: int, network: AvereNetwork) -> None:
    with pytest.raises(ValueError, match="mark"):
        network(torch.tensor([[1, mark, 7]]))


def test_the_number_format_is_as_asked_for() -> None:
    network = load_avere(CASE / "AVERE-tiny", CASE / "backbones", dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.bfloat16}


def test_towers_in_the_checkpoint_are_passed_over(
    copy: Path, inputs: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    weights = load_file(copy / "AVERE-tiny" / "model.safetensors")
    for tower in ("video", "image", "speech"):
        weights[f"model.{tower}_tower.{tower}_tower.weight"] = torch.zeros(3)
    save_file(weights, copy / "AVERE-tiny" / "model.safetensors")
    network = load_copy(copy)
    assert_close(network.encode_video(inputs["pixel_values"]), expected["video_features"])


def test_weights_may_be_split_over_files(
    copy: Path, inputs: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    folder = copy / "AVERE-tiny"
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    places = {name: f"part-{index % 2}.safetensors" for index, name in enumerate(weights)}
    for part in set(places.values()):
        save_file({name: weights[name] for name in weights if places[name] == part}, folder / part)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    output = load_copy(copy)(
        inputs["input_ids"], inputs["pixel_values"], inputs["input_features"]
    ).logits
    assert_close(output, expected["logits"])


def test_a_pickle_that_runs_code_is_refused(copy: Path) -> None:
    file = copy / "backbones" / "whisper-large-v3" / "pytorch_model.bin"
    torch.save({"encoder.conv1.weight": Path("a Python object")}, file)
    with pytest.raises(UsageError, match="more than weights"):
        load_copy(copy)


def test_a_missing_weight_is_named(copy: Path) -> None:
    weights = load_file(copy / "AVERE-tiny" / "model.safetensors")
    del weights["model.mm_projector.0.bias"]
    save_file(weights, copy / "AVERE-tiny" / "model.safetensors")
    with pytest.raises(UsageError, match=r"video_projector\.0\.bias"):
        load_copy(copy)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("AVERE-tiny/config.json", r"config\.json"),
        ("AVERE-tiny/model.safetensors", "no weights"),
        ("backbones/bert-base-uncased/config.json", "bert"),
    ],
)
def test_a_missing_file_is_named(missing: str, message: str, copy: Path) -> None:
    (copy / missing).unlink()
    with pytest.raises(UsageError, match=message):
        load_copy(copy)
