"""AVERE-7B behind the contract: its prompt, its preprocessing, its replies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import (
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.avere.adapter import AvereModel, load_avere
from emoreal_bench.model_adapters.local.avere.inputs import (
    FRAME_ID,
    SOUND_ID,
    AvereClips,
    AvereInput,
    AvereInputBuilder,
    Encodable,
    normalise_frames,
)
from tests.avere_checkpoint import (
    AVERE_CASE,
    AVERE_SHAPE,
    make_avere_checkpoint,
    make_avere_tokenizer,
)

QUESTION = "Is she sad? (A) Yes (B) No"


@pytest.fixture(scope="module")
def builder() -> AvereInputBuilder:
    return AvereInputBuilder(make_avere_tokenizer(), AVERE_SHAPE)


@pytest.fixture(scope="module")
def model(builder: AvereInputBuilder) -> AvereModel:
    network = load_avere(AVERE_CASE / "AVERE-tiny", AVERE_CASE / "backbones")
    return AvereModel(network, make_avere_tokenizer(), builder)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_avere_checkpoint(tmp_path_factory.mktemp("avere"))


def build(builder: AvereInputBuilder, request: Request) -> AvereInput:
    return builder.build(request, AvereClips())


def prepare(model: AvereModel, requests: Sequence[Request]) -> list[AvereInput]:
    prepared = model.prepare(requests)
    assert all(isinstance(one, AvereInput) for one in prepared)
    return [one for one in prepared if isinstance(one, AvereInput)]


def test_replies_are_those_of_the_released_network(model: AvereModel) -> None:
    tensors = load_file(AVERE_CASE / "inputs.safetensors")
    one = AvereInput(
        tuple(tensors["input_ids"][0].tolist()),
        Encodable("clip", tensors["pixel_values"][0].float(), 8, ""),
        Encodable("clip", tensors["input_features"][0].float(), 30.0, ""),
        Delivery(),
    )
    expected = load_file(AVERE_CASE / "outputs.safetensors")["greedy_ids"].tolist()
    (reply,) = model.write([one], len(expected))
    assert reply.text == make_avere_tokenizer().decode(expected, skip_special_tokens=True)


def test_the_prompt_is_that_of_the_evaluation_script(builder: AvereInputBuilder) -> None:
    assert builder.render(make_request(clip=make_clip(), question=QUESTION)) == (
        "A chat between a curious human and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the human's questions. USER: "
        "<image><image><image><image><image><image><image><image>\n<audio>\n"
        "Is she sad? (A) Yes (B) No ASSISTANT:"
    )


def test_worked_examples_end_with_the_end_mark(builder: AvereInputBuilder) -> None:
    request = replace(
        make_request(),
        messages=(
            Message("system", (TextPart("Look."),)),
            Message("user", (TextPart("Sad?"),)),
            Message("assistant", (TextPart("No"),)),
            Message("user", (TextPart("Glad?"),)),
        ),
    )
    assert builder.render(request) == "Look. USER: Sad? ASSISTANT: No</s>USER: Glad? ASSISTANT:"


def test_marks_stand_between_the_words_in_the_token_ids(builder: AvereInputBuilder) -> None:
    tokenizer = make_avere_tokenizer()
    ids = list(build(builder, make_request(clip=make_clip(), question=QUESTION)).input_ids)
    before, after = ids[: ids.index(FRAME_ID)], ids[ids.index(SOUND_ID) + 1 :]
    assert ids.count(FRAME_ID) == 8
    assert before[0] == tokenizer.bos_token_id
    assert str(tokenizer.decode(before[1:])).endswith("questions. USER: ")
    assert tokenizer.decode(after) == f"\n{QUESTION} ASSISTANT:"


def test_the_delivery_is_counted_from_what_is_fed(builder: AvereInputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(), question=QUESTION))
    assert (one.delivery.frames, one.delivery.audio_seconds) == (8, 1.5)
    assert one.delivery.tokens[Modality.VIDEO] == 8 * 5
    assert one.delivery.tokens[Modality.AUDIO] == 88
    assert one.delivery.notes == ()


def test_the_network_takes_as_many_positions_as_are_counted(model: AvereModel) -> None:
    (one,) = prepare(model, [make_request(clip=make_clip(), question=QUESTION)])
    assert one.video is not None
    assert one.audio is not None
    network = model._network
    embedded = network.embed(
        torch.tensor(one.input_ids),
        network.encode_video(one.video.tensor[None])[0],
        network.encode_speech(one.audio.tensor[None])[0],
    )
    assert len(embedded) == sum(one.delivery.tokens.values())


@pytest.mark.parametrize(("frames", "fed"), [(16, 8), (3, 3), (1, 1)])
def test_another_number_of_frames_is_brought_to_eight_and_noted(
    frames: int, fed: int, builder: AvereInputBuilder
) -> None:
    one = build(builder, make_request(clip=make_clip(frames=frames)))
    assert one.video is not None
    assert one.video.tensor.shape[1] == 8
    assert one.delivery.frames == fed
    assert one.delivery.notes == (f"8 frames taken from {frames}",)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"), [(28, 28, 0, 0), (28, 60, 0, 16), (62, 28, 17, 0)]
)
def test_frames_of_the_right_size_are_normalised_and_cropped(
    height: int, width: int, top: int, left: int
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (8, height, width, 3), dtype=np.uint8)
    pixels = normalise_frames(frames, 28)
    red = (frames[:, top : top + 28, left : left + 28, 0] / 255 - 0.48145466) / 0.26862954
    np.testing.assert_allclose(pixels[0].numpy(), red, atol=1e-5)


def test_frames_are_scaled_by_their_shorter_side_without_smoothing() -> None:
    frames = np.zeros((8, 56, 84, 3), dtype=np.uint8)
    frames[:, 0::4] = frames[:, 1::4] = 255
    bright = normalise_frames(frames, 28)[0, 0]
    # Two rows become one: each keeps its full contrast, which smoothing would lower.
    assert bright.shape == (28, 28)
    assert bright[0].min() == bright.max()
    assert bright[1].max() == bright.min()


def test_pictures_of_two_clips_are_refused(builder: AvereInputBuilder) -> None:
    request = replace(
        make_request(clip=make_clip()),
        messages=(Message("user", (VideoPart("clip"), VideoPart("clip"))),),
    )
    with pytest.raises(InputError, match="one clip"):
        build(builder, request)


def test_words_that_look_like_marks_are_words(builder: AvereInputBuilder) -> None:
    ids = build(builder, make_request(question="<image> <audio>")).input_ids
    assert FRAME_ID not in ids
    assert SOUND_ID not in ids


def test_the_adapter_answers_from_a_folder(checkpoint: Path) -> None:
    settings = GenerationSettings(max_new_tokens=5)
    requests = [make_request(str(seed), make_clip(seed=seed), settings=settings) for seed in (1, 2)]

    async def run() -> list[Result]:
        async with create_adapter(f"avere/{checkpoint}", {"device": "cpu"}) as adapter:
            return [result async for result in adapter.generate(requests)]

    first, second = asyncio.run(run())
    assert first.usage.output_tokens == 5
    assert first.delivery.input_hash != second.delivery.input_hash


def test_the_weights_hash_covers_checkpoint_and_backbones(checkpoint: Path, tmp_path: Path) -> None:
    copy = make_avere_checkpoint(tmp_path / "copy")
    original = create_adapter(f"avere/{checkpoint}").describe().weights_hash
    assert create_adapter(f"avere/{copy}").describe().weights_hash == original
    tower = copy.parent / "backbones" / "LanguageBind_Video_merge" / "pytorch_model.bin"
    tower.write_bytes(tower.read_bytes() + b"\x00")
    assert create_adapter(f"avere/{copy}").describe().weights_hash != original


def test_backbones_may_lie_elsewhere(checkpoint: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "towers"
    (make_avere_checkpoint(tmp_path / "copy").parent / "backbones").rename(elsewhere)
    adapter = create_adapter(
        f"avere/{tmp_path / 'copy' / 'AVERE-tiny'}", {"backbones": str(elsewhere)}
    )
    original = create_adapter(f"avere/{checkpoint}")
    assert adapter.describe().weights_hash == original.describe().weights_hash


def test_a_folder_that_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.json|no weights"):
        create_adapter(f"avere/{tmp_path}").describe()
