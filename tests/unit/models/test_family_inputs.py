"""What every builder promises: requests become tensors, and the delivery is counted from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import GenerationSettings, Request
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.tensors import PreparedClips
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from tests.local_families import LocalFamily

Deliver = Callable[[Request], Delivery]


@pytest.fixture(scope="module")
def builder(family: LocalFamily) -> Any:
    return family.make_builder()


@pytest.fixture(scope="module")
def deliver(builder: Any) -> Deliver:
    def build(request: Request) -> Delivery:
        delivery: Delivery = builder.build(request, PreparedClips[Any, Any]()).delivery
        return delivery

    return build


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (make_request(question="word " * 5000), "exceed the"),
        (make_request(settings=GenerationSettings(max_new_tokens=5000)), "exceed the"),
        (make_request(clip=make_clip(sample_rate=8_000)), "16000 Hz"),
        (replace(make_request(clip=make_clip()), clips={}), "does not bring it"),
    ],
    ids=["long", "long reply", "sample rate", "no clip"],
)
def test_a_request_that_the_model_cannot_take_says_why(
    request_: Request, reason: str, deliver: Deliver
) -> None:
    with pytest.raises(InputError, match=reason):
        deliver(request_)


def test_a_mark_of_the_models_own_in_the_words_is_refused(
    family: LocalFamily, deliver: Deliver
) -> None:
    with pytest.raises(InputError, match="mark of the model"):
        deliver(make_request(question=f"Look: {family.mark}"))


@pytest.mark.parametrize(
    ("clip", "missing", "note"),
    [
        (make_clip(frames=None), Modality.VIDEO, "the clip has no picture"),
        (make_clip(seconds=None), Modality.AUDIO, "the clip has no sound"),
    ],
)
def test_a_part_that_the_clip_does_not_have_is_left_out_and_noted(
    clip: ClipMedia, missing: Modality, note: str, builder: Any, deliver: Deliver
) -> None:
    delivery = deliver(make_request(clip=clip))
    assert any(note in line for line in delivery.notes)
    assert [modality for modality, count in delivery.tokens.items() if not count] == [missing]
    assert builder.render(make_request(clip=clip)) != builder.render(make_request(clip=make_clip()))


def test_what_the_decoder_noted_is_passed_on_once(deliver: Deliver) -> None:
    clip = replace(make_clip(), notes=("sound cut after 30 s",))
    assert deliver(make_request(clip=clip)).notes == ("sound cut after 30 s",)


def test_what_is_fed_is_counted(deliver: Deliver) -> None:
    delivery = deliver(make_request(clip=make_clip()))
    assert (delivery.frames, delivery.audio_seconds) == (8, 1.5)
    assert min(delivery.tokens[modality] for modality in Modality) > 0
    assert delivery.notes == ()


def test_every_change_of_what_is_fed_changes_the_input_hash(deliver: Deliver) -> None:
    clip = make_clip(seed=1)
    assert clip.waveform is not None
    assert clip.frames is not None
    altered = {
        "swapped": make_clip(seed=2),
        "muted": replace(clip, key="muted", waveform=np.zeros_like(clip.waveform)),
        "blanked": replace(clip, key="blanked", frames=np.full_like(clip.frames, 128)),
        "without sound": replace(clip, key="without sound", waveform=None),
    }
    requests = [make_request(clip=clip), make_request(clip=clip, question="Is she glad?")]
    requests += [make_request(clip=other) for other in altered.values()]
    assert len({deliver(request).input_hash for request in requests}) == len(requests)


def test_the_same_request_has_the_same_input_hash(deliver: Deliver) -> None:
    first, second = make_request("one", make_clip()), make_request("two", make_clip())
    assert deliver(first).input_hash == deliver(second).input_hash


def test_questions_of_one_clip_share_its_tensors(builder: Any) -> None:
    shared = PreparedClips[Any, Any]()
    builder.build(make_request(clip=make_clip()), shared)
    (video,), (audio,) = shared.videos.values(), shared.audios.values()
    builder.build(make_request(clip=make_clip(), question="Is she glad?"), shared)
    (video_then,), (audio_then,) = shared.videos.values(), shared.audios.values()
    assert video_then is video
    assert audio_then is audio
