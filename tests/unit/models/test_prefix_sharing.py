"""Prompts that begin alike are read once up to where they differ."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.avere.adapter import AvereModel, load_avere
from emoreal_bench.model_adapters.local.avere.inputs import AvereInput, AvereInputBuilder
from emoreal_bench.model_adapters.local.prefixes import SharedPrefix, find_shared_prefixes
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from tests.avere_checkpoint import AVERE_CASE, AVERE_SHAPE, make_avere_tokenizer

CLIP_TOKEN = 9
MEDIA_TOKENS = frozenset({CLIP_TOKEN})
PROMPTS = st.lists(
    st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.sampled_from(["a", "b", ""])),
    min_size=1,
    max_size=6,
)


def test_questions_of_one_clip_share_all_up_to_the_first_difference() -> None:
    prompts = [[1, CLIP_TOKEN, 2, 3, 4], [5, CLIP_TOKEN, 6], [1, CLIP_TOKEN, 2, 7]]
    assert find_shared_prefixes(prompts, ["a", "b", "a"], MEDIA_TOKENS) == [
        SharedPrefix((0, 2), 3),
        SharedPrefix((1,), 2),
    ]


def test_equal_questions_keep_their_last_token_apart() -> None:
    prompts = [[1, CLIP_TOKEN, 2]] * 2
    assert find_shared_prefixes(prompts, ["a", "a"], MEDIA_TOKENS) == [SharedPrefix((0, 1), 2)]


def test_a_clip_behind_the_first_difference_is_not_shared() -> None:
    prompts = [[1, CLIP_TOKEN, 2], [3, CLIP_TOKEN, 2]]
    assert find_shared_prefixes(prompts, ["a", "a"], MEDIA_TOKENS) == [
        SharedPrefix((0,), 2),
        SharedPrefix((1,), 2),
    ]


def test_prompts_without_clips_share_nothing() -> None:
    assert len(find_shared_prefixes([[1, 2], [1, 3]], [(), ()], MEDIA_TOKENS)) == 2


@given(PROMPTS)
def test_every_prompt_is_in_one_group_whose_tokens_it_begins_with(
    prompts: list[tuple[list[int], str]],
) -> None:
    tokens = [prompt for prompt, _ in prompts]
    groups = find_shared_prefixes(tokens, [clip for _, clip in prompts], MEDIA_TOKENS)
    members = [member for group in groups for member in group.members]
    assert sorted(members) == list(range(len(prompts)))
    for group in groups:
        begun = {tuple(tokens[member][: group.length]) for member in group.members}
        assert len(begun) == 1
        assert all(group.length < len(tokens[member]) for member in group.members)


@pytest.fixture(scope="module")
def model() -> Qwen25Omni:
    tokenizer = tiny_network.make_tokenizer()
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    return Qwen25Omni(network, tokenizer, builder)


def prepare_questions(model: Qwen25Omni) -> list[OmniInput]:
    """Prepare ten questions about each of two clips."""
    requests = [
        make_request(f"{seed} {number}", make_clip(seed=seed), f"Is it {number} so?")
        for number in range(10)
        for seed in (1, 2)
    ]
    return [one for one in model.prepare(requests) if isinstance(one, OmniInput)]


def count_tokens_read(
    model: Qwen25Omni, inputs: list[OmniInput], monkeypatch: pytest.MonkeyPatch
) -> int:
    """Count the tokens that the language model works on to score a batch."""
    read: list[int] = []
    run = model._language_model.forward

    def watch(*arguments: Any, **options: Any) -> Any:
        read.append(options["inputs_embeds"].shape[:2].numel())
        return run(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(model._language_model, "forward", watch)
        model.score_first_token(inputs, [[0]] * len(inputs))
    return sum(read)


def test_sharing_saves_three_quarters_of_the_tokens_of_ten_questions_a_clip(
    model: Qwen25Omni, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = prepare_questions(model)
    apart = sum(count_tokens_read(model, [one], monkeypatch) for one in inputs)
    assert apart == sum(len(one.input_ids) for one in inputs)
    assert count_tokens_read(model, inputs, monkeypatch) < 0.25 * apart


def test_shared_scores_are_those_of_each_question_alone(model: Qwen25Omni) -> None:
    inputs = prepare_questions(model)
    wanted = [model.letter_token(letter) for letter in "ABC"]
    shared = torch.tensor(model.score_first_token(inputs, [wanted] * len(inputs)))
    alone = torch.tensor([model.score_first_token([one], [wanted])[0] for one in inputs])
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-4)


def test_avere_reads_what_questions_of_a_clip_share_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_avere(AVERE_CASE / "AVERE-tiny", AVERE_CASE / "backbones")
    tokenizer = make_avere_tokenizer()
    avere = AvereModel(network, tokenizer, AvereInputBuilder(tokenizer, AVERE_SHAPE))
    requests = [
        make_request(f"{seed} {words}", make_clip(seed=seed), words)
        for words in ("Is it so?", "Is it so, or is it not?", "Who?", "Why is it so?")
        for seed in (1, 2)
    ]
    inputs = [one for one in avere.prepare(requests) if isinstance(one, AvereInput)]
    lengths: list[int] = []
    run = network.language_model.model.forward

    def watch(*arguments: Any, **options: Any) -> Any:
        given = options.get("inputs_embeds")
        given = options["input_ids"] if given is None else given
        lengths.append(given.shape[:2].numel())
        return run(*arguments, **options)

    monkeypatch.setattr(network.language_model.model, "forward", watch)
    wanted = [[avere.letter_token(letter) for letter in "AB"]] * len(inputs)
    shared = torch.tensor(avere.score_first_token(inputs, wanted))
    together, lengths[:] = sum(lengths), []
    alone = torch.tensor([avere.score_first_token([one], wanted[:1])[0] for one in inputs])
    assert together < 0.4 * sum(lengths)
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-4)
    replies = [avere.write([one], 4)[0].text for one in inputs]
    assert [reply.text for reply in avere.write(inputs, 4)] == replies
