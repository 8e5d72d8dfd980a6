"""The batched, encode-once path gives what the library gives for one request alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast, Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.qwen_omni import ClipTensors, OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters import tiny_network
from emoreal_bench.model_adapters.qwen2_5_omni import Qwen25Omni
from tests.avere_checkpoint import make_avere_tokenizer
from tests.model_requests import make_clip, make_request

Network = Qwen2_5OmniThinkerForConditionalGeneration
TOLERANCE = 1e-4
NEW_TOKENS = 12


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_network.make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: PreTrainedTokenizerFast) -> Network:
    """Make a network whose weights are large enough for its answers to depend on the clip."""
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    return network


@pytest.fixture(scope="module")
def model(network: Network, tokenizer: PreTrainedTokenizerFast) -> Qwen25Omni:
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    return Qwen25Omni(network, tokenizer, builder)


def make_requests() -> list[Request]:
    """Make a batch of all sorts: shared clips, odd frames, several lengths, parts missing."""
    first, second = make_clip(seed=1), make_clip(seed=2, frames=7, seconds=2.345, size=(90, 160))
    return [
        make_request("1", first),
        make_request("2", first, question="What can be heard?\n(A) laughter\n(B) music\n(C) rain"),
        make_request("3", second),
        make_request("4", make_clip(seed=3, seconds=None)),
        make_request("5", make_clip(seed=4, frames=None)),
        make_request("6", question="Are you there?"),
        make_request("7", second, question="Is she sad?"),
    ]


def prepare(model: Qwen25Omni, requests: list[Request]) -> list[OmniInput]:
    prepared = model.prepare(requests)
    assert all(isinstance(one, OmniInput) for one in prepared)
    return [one for one in prepared if isinstance(one, OmniInput)]


def plain_arguments(one: OmniInput) -> dict[str, Any]:
    """Give one request as the library's own forward and generate take it."""
    ids = torch.tensor([one.input_ids])
    arguments: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if one.videos:
        arguments["pixel_values_videos"] = torch.cat([video.patches for video in one.videos])
        arguments["video_grid_thw"] = torch.tensor([video.grid for video in one.videos])
        arguments["video_second_per_grid"] = torch.tensor(
            [video.seconds_per_grid for video in one.videos]
        )
    if one.audios:
        features = torch.stack([audio.features for audio in one.audios])
        arguments["input_features"] = features
        arguments["feature_attention_mask"] = torch.ones_like(features[:, 0], dtype=torch.long)
    return arguments


def test_first_token_scores_are_those_of_the_library_one_by_one(
    model: Qwen25Omni, network: Network
) -> None:
    inputs = prepare(model, make_requests())
    wanted = [[model.letter_token(letter) for letter in "ABC"]] * len(inputs)
    scores = model.score_first_token(inputs, wanted)
    for one, row in zip(inputs, scores, strict=True):
        with torch.inference_mode():
            logits = network(**plain_arguments(one)).logits[0, -1]
        expected = logits.log_softmax(-1)[wanted[0]]
        torch.testing.assert_close(torch.tensor(row), expected, rtol=0, atol=TOLERANCE)


def test_replies_are_those_of_the_library_one_by_one(
    model: Qwen25Omni, network: Network, tokenizer: PreTrainedTokenizerFast
) -> None:
    inputs = prepare(model, make_requests())
    replies = model.write(inputs, NEW_TOKENS)
    plain: Any = network  # the library's type of generate does not fit its own models
    for one, reply in zip(inputs, replies, strict=True):
        output = plain.generate(**plain_arguments(one), max_new_tokens=NEW_TOKENS, do_sample=False)
        written = output[0, len(one.input_ids) :]
        assert reply.text == tokenizer.decode(written, skip_special_tokens=True)


def test_the_answers_depend_on_the_clip(model: Qwen25Omni) -> None:
    inputs = prepare(model, [make_request(clip=make_clip(seed=seed)) for seed in range(6)])
    assert len({reply.text for reply in model.write(inputs, NEW_TOKENS)}) > 1


def test_a_batch_gives_the_answers_of_single_requests(model: Qwen25Omni) -> None:
    inputs = prepare(model, make_requests())
    together = model.write(inputs, NEW_TOKENS)
    assert together == [model.write([one], NEW_TOKENS)[0] for one in inputs]


def test_each_clip_of_a_batch_is_encoded_once(
    model: Qwen25Omni, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    heard: list[int] = []
    see, hear = network.get_video_features, network.get_audio_features

    def watch(pixels: torch.Tensor, grids: torch.Tensor) -> Any:
        seen.append(len(grids))
        return see(pixels, grids)

    def listen(features: torch.Tensor, **options: Any) -> Any:
        heard.append(len(features))
        return hear(features, **options)

    monkeypatch.setattr(network, "get_video_features", watch)
    monkeypatch.setattr(network, "get_audio_features", listen)
    model.write(prepare(model, make_requests()), 2)
    assert (seen, heard) == ([3], [3])


def test_a_reply_ends_at_the_mark_of_its_end(
    model: Qwen25Omni, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = prepare(model, [make_request(clip=make_clip())])
    whole = model.write([one], NEW_TOKENS)[0]
    assert not whole.ended
    assert whole.tokens == NEW_TOKENS
    with torch.inference_mode():
        first = int(network(**plain_arguments(one)).logits[0, -1].argmax())
    monkeypatch.setattr(model, "_end_ids", torch.tensor([first]))
    cut = model.write([one], NEW_TOKENS)[0]
    assert (cut.text, cut.tokens, cut.ended) == ("", 0, True)


def test_a_request_that_cannot_be_prepared_costs_no_other(model: Qwen25Omni) -> None:
    good = make_request(clip=make_clip())
    bad = replace(good, clips={})
    prepared = model.prepare([good, bad, good])
    assert [isinstance(one, InputError) for one in prepared] == [False, True, False]


def test_a_letter_is_the_same_token_alone_and_in_brackets(
    model: Qwen25Omni, tokenizer: PreTrainedTokenizerFast
) -> None:
    in_brackets = tokenizer("(A) Yes", add_special_tokens=False)["input_ids"]
    assert in_brackets[1] == model.letter_token("A")


def test_an_option_of_several_tokens_cannot_be_scored(model: Qwen25Omni) -> None:
    with pytest.raises(InputError, match="single token"):
        model.letter_token("AQZ")


def test_a_tokenizer_of_another_network_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    configuration = {**tiny_network.settings(tokenizer), "video_token_id": 300}
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    with pytest.raises(UsageError, match="expects"):
        Qwen25Omni(tiny_network.make_network(configuration, seed=0), tokenizer, builder)


def test_a_tokenizer_without_the_marks_is_refused() -> None:
    with pytest.raises(UsageError, match="lacks"):
        OmniInputBuilder(make_avere_tokenizer(), tiny_network.FRAME_SETTINGS, 4096)


def test_the_miniature_has_the_parameters_it_states(network: Network) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == tiny_network.PARAMETERS


def test_the_tokenizer_is_the_same_every_time(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tiny_network.make_tokenizer().get_vocab() == tokenizer.get_vocab()


def test_the_tokenizer_reads_and_writes_any_text(tokenizer: PreTrainedTokenizerFast) -> None:
    text = "Wie fühlt sie sich? 悲しい 😢\n(A)\tYes"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_shared_tensors_hold_each_clip_once() -> None:
    shared = ClipTensors()
    builder = OmniInputBuilder(tiny_network.make_tokenizer(), tiny_network.FRAME_SETTINGS, 4096)
    for request in make_requests():
        builder.build(request, shared)
    assert (len(shared.videos), len(shared.audios)) == (3, 3)
