"""Gemma 3n, without its network: fed as the published processor feeds it, on Pillow."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import SiglipImageProcessorPil

from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.gemma.base import MAX_AUDIO_SECONDS
from emoreal_bench.model_adapters.local.gemma.gemma3n import (
    Gemma3nClips,
    Gemma3nFrameSettings,
    Gemma3nInput,
    Gemma3nInputBuilder,
    prepare_frames,
)
from tests.gemma3n_folders import (
    AUDIO_TOKENS,
    FRAME_TOKENS,
    MAX_TOKENS,
    make_processor,
    make_tokenizer,
    read_builder,
    save_all_but_weights,
)

GREY_LEVEL = 1 / 255
TOKENIZER = make_tokenizer()
REQUESTS = {
    "picture and sound": make_request(clip=make_clip(frames=2)),
    "many frames": make_request(clip=make_clip(frames=8, seconds=0.7, size=(60, 200))),
    "no sound": make_request(clip=make_clip(frames=1, seconds=None)),
    "no picture": make_request(clip=make_clip(frames=None)),
    "the longest sound": make_request(clip=make_clip(frames=1, seconds=30.0)),
    "no clip": make_request(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_all_but_weights(TOKENIZER, tmp_path_factory.mktemp("gemma3n"))


@pytest.fixture(scope="module")
def builder(folder: Path) -> Gemma3nInputBuilder:
    return read_builder(folder, TOKENIZER)


def build(builder: Gemma3nInputBuilder, request: Request) -> Gemma3nInput:
    return builder.build(request, Gemma3nClips())


def process(builder: Gemma3nInputBuilder, request: Request) -> Any:
    """Feed the library's processor with the same prompt and clip."""
    media: dict[str, Any] = {}
    for clip in request.clips.values():
        if clip.frames is not None:
            media["images"] = [[Image.fromarray(frame) for frame in clip.frames]]
        if clip.waveform is not None:
            media["audio"] = [clip.waveform]
    text = [builder.render(request)]
    return make_processor(TOKENIZER)(text=text, return_tensors="pt", **media)


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_what_is_fed_is_what_the_published_processor_feeds(
    request_: Request, builder: Gemma3nInputBuilder
) -> None:
    expected, one = process(builder, request_), build(builder, request_)
    assert list(one.input_ids) == expected["input_ids"][0].tolist()
    for video in one.videos:
        # Pillow and torch round apart by one grey level at a few places.
        torch.testing.assert_close(
            video.pixels, expected["pixel_values"], rtol=0, atol=GREY_LEVEL * 1.01
        )
    for audio in one.audios:
        assert torch.equal(audio.features[None], expected["input_features"])
        assert torch.equal(audio.mask[None], expected["input_features_mask"])
    assert bool(one.videos) == ("pixel_values" in expected)
    assert bool(one.audios) == ("input_features" in expected)


def test_every_frame_is_an_image_of_its_own(builder: Gemma3nInputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(frames=2, seconds=None)))
    frame = f"\n\n<start_of_image>{'<image_soft_token>' * FRAME_TOKENS}<end_of_image>\n\n"
    assert frame * 2 in TOKENIZER.decode(list(one.input_ids))


@pytest.mark.parametrize("size", [(112, 112), (360, 640), (48, 700)])
def test_normalised_frames_are_those_of_the_published_image_processor(
    size: tuple[int, int],
) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    mean, deviation = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    settings = Gemma3nFrameSettings(96, 128, mean, deviation, FRAME_TOKENS)
    processor = SiglipImageProcessorPil(
        size={"height": 96, "width": 128},
        resample=2,
        image_mean=list(mean),
        image_std=list(deviation),
    )
    expected = processor([Image.fromarray(frame) for frame in frames], return_tensors="pt")
    torch.testing.assert_close(
        prepare_frames(frames, settings),
        expected["pixel_values"],
        rtol=0,
        atol=GREY_LEVEL / min(deviation) * 1.01,
    )


@pytest.mark.parametrize("seconds", [0.0321, 1.5, MAX_AUDIO_SECONDS])
def test_a_sound_takes_the_same_places_however_long(
    seconds: float, builder: Gemma3nInputBuilder
) -> None:
    one = build(builder, make_request(clip=make_clip(frames=None, seconds=seconds)))
    assert one.delivery.tokens[Modality.AUDIO] == AUDIO_TOKENS
    assert one.delivery.audio_seconds == pytest.approx(seconds, abs=1e-4)


def test_what_of_a_sound_is_too_long_is_cut_and_noted(builder: Gemma3nInputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(frames=None, seconds=30.5)))
    assert one.delivery.audio_seconds == MAX_AUDIO_SECONDS
    assert "audio cut after 30 s" in one.delivery.notes


def test_a_sound_too_short_to_hear_is_left_out_and_noted(builder: Gemma3nInputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(frames=None, seconds=0.032)))
    assert one.delivery.audio_seconds == 0
    assert one.delivery.tokens[Modality.AUDIO] == 0
    assert any("shorter" in note for note in one.delivery.notes)


def test_more_frames_than_the_model_has_places_for_are_refused(
    builder: Gemma3nInputBuilder,
) -> None:
    frames = MAX_TOKENS // FRAME_TOKENS
    with pytest.raises(InputError, match="exceed the 4096"):
        build(builder, make_request(clip=make_clip(frames=frames, size=(8, 8))))


def test_a_template_that_drops_the_clip_is_refused(folder: Path) -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = "{% for turn in messages %}[{{ turn.role }}]{% endfor %}"
    with pytest.raises(InputError, match="0 places for video"):
        build(read_builder(folder, tokenizer), make_request(clip=make_clip(frames=1)))


def test_a_tokenizer_without_marks_and_template_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"boi_token.*chat_template"):
        read_builder(folder, tiny_network.make_tokenizer())


def forget_everything(settings: dict[str, Any]) -> None:
    settings.clear()


def forget_frames(settings: dict[str, Any]) -> None:
    del settings["image_processor"]


def choose_another_filter(settings: dict[str, Any]) -> None:
    settings["image_processor"]["resample"] = 0


def ask_for_a_matrix_without_end(settings: dict[str, Any]) -> None:
    settings["feature_extractor"]["feature_size"] = 128_000_000


def ask_for_a_rate_that_is_none(settings: dict[str, Any]) -> None:
    settings["feature_extractor"]["sampling_rate"] = "16 kHz"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ask_for_a_matrix_without_end, "feature_size '128000000', not a number from 0 to 512"),
        (ask_for_a_rate_that_is_none, "sampling_rate '16 kHz', not a number"),
        (forget_everything, "how frames and sound are fed"),
        (forget_frames, "how frames and sound are fed"),
        (choose_another_filter, "only the bilinear one"),
    ],
)
def test_a_folder_that_does_not_say_how_clips_are_fed_is_refused(
    change: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    save_all_but_weights(TOKENIZER, tmp_path)
    path = tmp_path / "processor_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    change(settings)
    path.write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_builder(tmp_path, TOKENIZER)


def test_without_timm_the_extra_to_install_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"emoreal-bench\[gemma3n\]"):
        create_adapter(f"hf/{folder}").describe()
