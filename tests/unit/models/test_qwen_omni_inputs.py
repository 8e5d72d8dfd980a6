"""Requests become token ids and clip tensors, and the delivery is counted from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from emoreal_bench.contracts.request import (
    AudioPart,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.built_in.tiny_network import make_network, make_tokenizer
from emoreal_bench.model_adapters.built_in.tiny_network import settings as network_settings
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    ClipTensors,
    OmniInput,
    OmniInputBuilder,
    audio_tokens,
    prepare_video,
    token_ids,
)

FRAME_SETTINGS = FrameSettings(min_pixels=56 * 56, max_pixels=2 * 56 * 56)
TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(scope="module")
def builder() -> OmniInputBuilder:
    return OmniInputBuilder(make_tokenizer(), FRAME_SETTINGS, max_tokens=400)


def build(builder: OmniInputBuilder, request: Request) -> OmniInput:
    return builder.build(request, ClipTensors())


def deliver(builder: OmniInputBuilder, request: Request) -> Delivery:
    return build(builder, request).delivery


def test_the_prompt_is_in_the_chat_form_of_the_family(builder: OmniInputBuilder) -> None:
    assert builder.render(make_request(clip=make_clip(), question="Is she sad?")) == (
        "<|im_start|>user\n<|vision_bos|><|VIDEO|><|vision_eos|><|audio_bos|><|AUDIO|><|audio_eos|>"
        "Is she sad?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_tokenizers_own_template_goes_first() -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = TEMPLATE
    builder = OmniInputBuilder(tokenizer, FRAME_SETTINGS, max_tokens=400)
    request = replace(
        make_request(question="Is she sad?"),
        messages=(
            Message("system", (TextPart("Look."),)),
            Message("user", (TextPart("Is she sad?"),)),
        ),
    )
    assert builder.render(request) == "[system]Look.[user]Is she sad?[assistant]"


def test_each_mark_takes_as_many_places_as_its_clip_has_tokens(builder: OmniInputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip()))
    video_id, audio_id = token_ids(make_tokenizer(), ("<|VIDEO|>", "<|AUDIO|>"))
    # 8 frames of 56 x 56 are 4 pairs of 4 tokens; 1.5 s are 150 mel frames.
    assert one.input_ids.count(video_id) == 16
    assert one.input_ids.count(audio_id) == 37
    assert one.videos[0].patches.shape == (64, 1176)


def test_the_delivery_is_counted_from_the_tensors(builder: OmniInputBuilder) -> None:
    one = build(builder, make_request(clip=make_clip(seconds=1.234)))
    assert one.delivery.frames == 8
    assert one.delivery.audio_seconds == pytest.approx(1.24)  # a started 10 ms counts
    assert one.delivery.tokens[Modality.VIDEO] == 16
    assert sum(one.delivery.tokens.values()) == len(one.input_ids)
    assert one.delivery.notes == ()


def test_time_per_step_comes_from_the_times_of_the_frames() -> None:
    clip = replace(make_clip(frames=4), timestamps=(0.5, 1.0, 1.5, 2.0))
    assert prepare_video(clip, FRAME_SETTINGS).seconds_per_grid == pytest.approx(1.0)


def test_a_repeated_last_frame_is_noted_and_not_counted(builder: OmniInputBuilder) -> None:
    delivery = deliver(builder, make_request(clip=make_clip(frames=7)))
    assert delivery.frames == 7
    assert delivery.notes == ("last frame repeated to fill a pair",)


def test_the_times_of_the_frames_are_part_of_the_input_hash(builder: OmniInputBuilder) -> None:
    clip = make_clip()
    slower = replace(clip, key="slower", timestamps=tuple(2 * t for t in clip.timestamps))
    hashes = [deliver(builder, make_request(clip=one)).input_hash for one in (clip, slower)]
    assert hashes[0] != hashes[1]


def test_a_sound_too_short_to_be_heard_is_left_out_and_noted(builder: OmniInputBuilder) -> None:
    request = make_request(clip=make_clip(seconds=0.02))
    assert any(
        "shorter than the model can hear" in line for line in deliver(builder, request).notes
    )
    assert "<|AUDIO|>" not in builder.render(request)


def test_several_clips_keep_the_order_of_their_parts(builder: OmniInputBuilder) -> None:
    first, second = make_clip(seed=1), make_clip(seed=2, seconds=0.5)
    parts = (AudioPart("b"), VideoPart("a"), AudioPart("a"), TextPart("Which is louder?"))
    request = replace(
        make_request(), messages=(Message("user", parts),), clips={"a": first, "b": second}
    )
    one = build(builder, request)
    assert [audio.key for audio in one.audios] == [second.key, first.key]
    assert [video.key for video in one.videos] == [first.key]


def test_sound_takes_as_many_tokens_as_the_audio_tower_gives() -> None:
    network = make_network(network_settings(make_tokenizer()), seed=0)
    lengths = [*range(3, 12), 150, 199, 200, 201, 202, 203, 399, 400, 401, 405]
    for length in lengths:
        with torch.inference_mode():
            features = network.get_audio_features(
                torch.zeros(1, 128, length),
                feature_attention_mask=torch.ones(1, length, dtype=torch.long),
            ).last_hidden_state
        assert audio_tokens(length) == len(features)
