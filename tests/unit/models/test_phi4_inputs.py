"""Phi-4-multimodal is fed as its processor in transformers feeds it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Phi4MultimodalFeatureExtractor, PreTrainedTokenizerFast

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import (
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.tensors import PreparedClips
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import QUESTION, make_clip, make_request
from emoreal_bench.model_adapters.local.phi4.inputs import (
    OwnAdapter,
    Phi4Input,
    Phi4InputBuilder,
)
from emoreal_bench.model_adapters.local.phi4.media import (
    CropSettings,
    count_frame_tokens,
    cut_frames,
    emphasized_log_mel,
    fit_crops,
    mask_crops,
)
from tests.phi4_folders import CROP_SETTINGS, make_phi4_builder, make_phi4_tokenizer
from tests.phi4_goldens import COUNTED, CUT, GOLDENS, CropCase, process

needs_torchvision = pytest.mark.skipif(
    find_spec("torchvision") is None, reason="the library's image processor needs torchvision"
)
# Sums of 32-bit floats may differ in their last digits from machine to machine.
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_phi4_tokenizer()


@pytest.fixture(scope="module")
def builder(tokenizer: PreTrainedTokenizerFast) -> Phi4InputBuilder:
    return make_phi4_builder(tokenizer)


def build(builder: Phi4InputBuilder, request: Request) -> Phi4Input:
    return builder.build(request, PreparedClips())


def assert_cut_as(case: CropCase, pixels: Any, mask: Any, size: Any) -> None:
    grid = fit_crops(case.height, case.width, case.settings)
    crops = cut_frames(case.make_frames(), grid, case.settings)
    torch.testing.assert_close(crops, torch.as_tensor(pixels), rtol=0, atol=TOLERANCE)
    assert mask_crops(grid, case.settings).tolist() == mask[0].tolist()
    assert [list(grid.size)] == size.tolist()


def count(case: CropCase) -> int:
    grid = fit_crops(case.height, case.width, case.settings)
    return count_frame_tokens(mask_crops(grid, case.settings), grid)


@pytest.mark.parametrize("case", CUT, ids=lambda case: case.name)
def test_frames_are_cut_as_by_the_published_processor(case: CropCase) -> None:
    kept = np.load(GOLDENS)
    assert_cut_as(case, *(kept[f"{part} {case.name}"] for part in ("pixels", "mask", "size")))


@pytest.mark.parametrize("case", COUNTED, ids=lambda case: case.name)
def test_a_frame_takes_as_many_tokens_as_the_published_processor_says(case: CropCase) -> None:
    assert [count(case)] == np.load(GOLDENS)[f"tokens {case.name}"].tolist()


@needs_torchvision
@pytest.mark.parametrize("case", [*CUT, *COUNTED[:3]], ids=lambda case: case.name)
def test_what_is_kept_of_the_published_processor_is_what_it_does(case: CropCase) -> None:
    made = process(case)
    parts = ("image_pixel_values", "image_attention_mask", "image_sizes")
    assert_cut_as(case, *(made[part] for part in parts))
    if case in COUNTED:
        assert [count(case)] == made["num_img_tokens"].tolist()


@pytest.mark.parametrize("samples", [400, 401, 12_345, 24_000])
def test_sound_is_what_the_published_extractor_makes_of_it(
    samples: int, builder: Phi4InputBuilder
) -> None:
    clip = make_clip(frames=None, seconds=samples / 16_000)
    assert clip.waveform is not None
    extractor = Phi4MultimodalFeatureExtractor()
    expected = extractor([clip.waveform], sampling_rate=16_000, return_tensors="pt")
    features = emphasized_log_mel(clip.waveform)
    torch.testing.assert_close(
        features[None], expected["audio_input_features"], rtol=0, atol=TOLERANCE
    )
    one = build(builder, make_request(clip=clip))
    assert [one.delivery.tokens[Modality.AUDIO]] == expected["audio_embed_sizes"].tolist()


def as_conversation(request: Request) -> list[dict[str, Any]]:
    """Give a request with one clip as the library takes it, each frame an image."""
    clip = request.clips["clip"]
    content: list[dict[str, Any]] = []
    for part in request.messages[0].parts:
        if isinstance(part, TextPart):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, VideoPart):
            assert clip.frames is not None
            content.extend({"type": "image", "image": frame} for frame in clip.frames)
        else:
            content.append({"type": "audio", "audio": clip.waveform})
    return [{"role": "user", "content": content}]


def test_the_prompt_is_that_of_the_chat_template(
    builder: Phi4InputBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    request = make_request(clip=make_clip(frames=3))
    written = tokenizer.apply_chat_template(
        as_conversation(request), tokenize=False, add_generation_prompt=True
    )
    assert builder.render(request) == written
    assert str(written).startswith("<|user|><|image|><|image|><|image|><|audio|>Is there")


@needs_torchvision
def test_a_request_is_fed_as_by_the_published_processor(
    builder: Phi4InputBuilder, tokenizer: PreTrainedTokenizerFast
) -> None:
    from transformers import Phi4MultimodalImageProcessor, Phi4MultimodalProcessor

    # The library counts the tokens of frames for the published size only.
    settings = CropSettings()
    published = Phi4InputBuilder(
        tokenizer, builder.image_id, builder.audio_id, settings, max_tokens=4096
    )
    # The library leaves the constructor untyped.
    processor = Phi4MultimodalProcessor(  # type: ignore[no-untyped-call]
        Phi4MultimodalImageProcessor(),
        Phi4MultimodalFeatureExtractor(),
        tokenizer,
        chat_template=tokenizer.chat_template,
    )
    request = make_request(clip=make_clip(frames=2, size=(100, 150)))
    clip = request.clips["clip"]
    assert clip.frames is not None
    made = processor(
        text=published.render(request),
        images=list(clip.frames),
        audio=[clip.waveform],
        return_tensors="pt",
    )
    one = build(published, request)
    (video,), (audio,) = one.videos, one.audios
    assert list(one.input_ids) == made["input_ids"][0].tolist()
    assert torch.equal(video.crops, made["image_pixel_values"])
    assert torch.equal(video.mask.expand(2, -1, -1, -1), made["image_attention_mask"])
    assert [list(video.size)] * 2 == made["image_sizes"].tolist()
    assert torch.equal(audio.features[None], made["audio_input_features"])
    assert [audio.tokens] == made["audio_embed_sizes"].tolist()


@pytest.mark.parametrize(
    ("frames", "seconds", "adapter"),
    [
        (2, 1.0, OwnAdapter.VISION),
        (2, None, OwnAdapter.VISION),
        (None, 1.0, OwnAdapter.SPEECH),
        (None, None, None),
    ],
)
def test_the_adapter_goes_by_what_the_request_holds(
    frames: int | None,
    seconds: float | None,
    adapter: OwnAdapter | None,
    builder: Phi4InputBuilder,
) -> None:
    clip = make_clip(frames=frames, seconds=seconds)
    assert build(builder, make_request(clip=clip)).adapter is adapter


def test_an_adapter_that_the_folder_lacks_is_noted(builder: Phi4InputBuilder) -> None:
    bare = Phi4InputBuilder(
        make_phi4_tokenizer(),
        builder.image_id,
        builder.audio_id,
        CROP_SETTINGS,
        max_tokens=4096,
        adapters=[OwnAdapter.SPEECH],
    )
    seen = build(bare, make_request(clip=make_clip(frames=1)))
    heard = build(bare, make_request(clip=make_clip(frames=None)))
    assert any("vision adapter" in note for note in seen.delivery.notes)
    assert not any("adapter" in note for note in heard.delivery.notes)


def test_several_clips_find_their_own_places(builder: Phi4InputBuilder) -> None:
    small, large = make_clip(seed=1, frames=1), make_clip(seed=2, frames=2, size=(56, 112))
    parts = (VideoPart("small"), TextPart("and"), VideoPart("large"), VideoPart("small"))
    request = Request(
        "several",
        (Message("user", parts),),
        GenerationSettings(),
        clips={"small": small, "large": large},
    )
    one = build(builder, request)
    tokens = [video.frame_tokens * video.frames for video in one.videos]
    assert tokens[0] == tokens[2] != tokens[1]
    runs = "".join(".x"[token == builder.image_id] for token in one.input_ids).split(".")
    assert [len(run) for run in runs if run] == [tokens[0], tokens[1] + tokens[2]]


def test_sound_too_short_for_a_window_is_left_out(builder: Phi4InputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(frames=1, seconds=399 / 16_000)))
    assert one.delivery.audio_seconds == 0
    assert any("shorter than the model can hear" in note for note in one.delivery.notes)


def test_long_sound_is_fed_whole(builder: Phi4InputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(frames=None, seconds=90)))
    assert one.delivery.audio_seconds == 90
    assert one.delivery.tokens[Modality.AUDIO] == 1125


def test_a_frame_far_too_narrow_is_refused() -> None:
    with pytest.raises(InputError, match="too narrow"):
        fit_crops(5, 3000, CropSettings())


@pytest.mark.parametrize("mark", ["<|image|>", "<|audio|>", "<|user|>"])
def test_a_mark_in_the_words_is_refused(mark: str, builder: Phi4InputBuilder) -> None:
    with pytest.raises(InputError, match="a mark of the model's own"):
        build(builder, make_request(question=f"{QUESTION} {mark}"))


def test_a_tokenizer_without_the_marks_of_turns_is_refused() -> None:
    with pytest.raises(UsageError, match="lacks one of the marks"):
        Phi4InputBuilder(tiny_network.make_tokenizer(), 1, 2, CROP_SETTINGS, 4096)


def test_a_token_of_words_as_mark_of_clips_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    (word,) = tokenizer(" the", add_special_tokens=False)["input_ids"][:1]
    with pytest.raises(UsageError, match="no mark for clips"):
        Phi4InputBuilder(tokenizer, len(tokenizer) + 5, word, CROP_SETTINGS, 4096)
