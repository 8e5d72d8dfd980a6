"""A tower's windows are attended to together, as each would be by itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local import windows
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInput, OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni

ATTENTION = torch.nn.functional.scaled_dot_product_attention


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8).filter(any))
@settings(max_examples=40)
def test_every_window_gets_what_it_would_get_alone(lengths: list[int]) -> None:
    generator = torch.Generator().manual_seed(sum(lengths))
    query, key, value = (torch.randn(1, 2, sum(lengths), 8, generator=generator) for _ in range(3))
    bounds = torch.tensor([0, *lengths]).cumsum(0)
    found, _ = windows._attend(
        torch.nn.Identity(), query, key, value, None, scaling=0.3, cu_seq_lens_q=bounds
    )
    pieces = zip(*(torch.split(one, lengths, dim=2) for one in (query, key, value)), strict=True)
    alone = [ATTENTION(a, b, c, scale=0.3).transpose(1, 2) for a, b, c in pieces]
    torch.testing.assert_close(found, torch.cat(alone, dim=1), rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def model() -> Qwen25Omni:
    tokenizer = tiny_network.make_tokenizer()
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    return Qwen25Omni(network, tokenizer, builder)


def prepare(model: Qwen25Omni, count: int) -> list[OmniInput]:
    clips = [make_clip(seed, seconds=4.5) for seed in range(count)]
    requests = [make_request(clip.key, clip) for clip in clips]
    return [one for one in model.prepare(requests) if isinstance(one, OmniInput)]


def test_more_clips_are_no_more_calls(model: Qwen25Omni, monkeypatch: pytest.MonkeyPatch) -> None:
    def count_calls(inputs: list[OmniInput]) -> int:
        calls = 0

        def attend(*arguments: Any, **options: Any) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return ATTENTION(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(windows, "scaled_dot_product_attention", attend)
            model.score_first_token(inputs, [[0]] * len(inputs))
        return calls

    one, several = count_calls(prepare(model, 1)), count_calls(prepare(model, 6))
    assert several == one > 0


def test_scores_are_those_of_windows_one_by_one(model: Qwen25Omni) -> None:
    inputs, wanted = prepare(model, 3), [[5, 6, 7]] * 3
    together = torch.tensor(model.score_first_token(inputs, wanted))
    # The library's classes share no base that types the configuration of a tower.
    towers: list[Any] = [
        model.network.get_submodule(name) for name in ("model.visual", "model.audio_tower")
    ]
    assert {tower.config._attn_implementation for tower in towers} == {windows.WINDOWS}
    for tower in towers:
        tower.config._attn_implementation = "sdpa"
    one_by_one = torch.tensor(model.score_first_token(inputs, wanted))
    windows.attend_by_windows(towers)
    torch.testing.assert_close(together, one_by_one, rtol=0, atol=1e-5)


def test_attention_that_was_asked_for_stays(model: Qwen25Omni) -> None:
    tower: Any = model.network.get_submodule("model.visual")
    tower.config._attn_implementation = "eager"
    windows.attend_by_windows([tower])
    assert tower.config._attn_implementation == "eager"
    tower.config._attn_implementation = "sdpa"
    windows.attend_by_windows([tower])
