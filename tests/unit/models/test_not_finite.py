"""NaN and infinity are no answer: the item failed, and the place where they begin is named."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emoreal_bench.contracts.result import ChoiceScores, Result
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.not_finite import explain
from emoreal_bench.model_adapters.local.token_choice import BROKEN, make_reply, write_tokens

LAYER = "model.language_model.layers.1.self_attn.q_proj"
HEARING = "model.audio_tower.layers.0.fc1"
ENDS = torch.tensor([0])


def answer(weights: Path, *, scoring: bool) -> list[Result]:
    requests = [make_request(str(seed), make_clip(seed=seed)) for seed in range(2)]

    async def run() -> list[Result]:
        async with create_adapter("tiny/omni", {"weights": str(weights)}) as adapter:
            answers = adapter.score_choices if scoring else adapter.generate
            return [result async for result in answers(requests)]

    return asyncio.run(run())


@pytest.mark.parametrize("scoring", [True, False], ids=["scored", "written"])
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (f"{LAYER}.weight", math.nan, f"NaN in the weights '{LAYER}.weight'"),
        (f"{HEARING}.weight", -math.inf, f"infinity in the weights '{HEARING}.weight'"),
        ("lm_head.weight", math.nan, "NaN in the weights 'lm_head.weight'"),
        (f"{LAYER}.weight", 3e38, f"first in the activations of '{LAYER}' (Linear), whose"),
    ],
    ids=["NaN weight", "infinite weight of a tower", "NaN output", "overflow"],
)
def test_an_answer_of_broken_numbers_failed_and_names_the_place(
    name: str, value: float, told: str, scoring: bool, tmp_path: Path
) -> None:
    weights = load_file(tiny_network.WEIGHTS)
    weights[name] = weights[name].clone()
    weights[name].view(-1)[0] = value
    save_file(weights, tmp_path / "weights.safetensors")
    results = answer(tmp_path / "weights.safetensors", scoring=scoring)
    assert [result.status for result in results] == [DeliveryStatus.FAILED] * 2
    assert all(result.text == "" and result.choice_scores is None for result in results)
    assert all(told in str(result.detail) for result in results)
    assert all(result.is_settled for result in results)
    assert all(result.delivery.frames for result in results)


def test_a_row_of_broken_numbers_costs_no_other_row() -> None:
    steps = iter([torch.tensor([[0.0, 0.0, 1.0], [0.0, math.nan, 1.0], [9.0, 0.0, 0.0]])])
    first = torch.tensor([[0.0, 2.0, 1.0], [0.0, 1.0, 2.0], [0.0, math.inf, 0.0]])
    rows = write_tokens(first, lambda _: next(steps), ENDS, max_new_tokens=2)
    assert rows[0] == [1, 2]
    assert rows[1] == [2, BROKEN]
    assert rows[2][0] == BROKEN
    replies = [make_reply(row, ENDS, tiny_network.make_tokenizer()) for row in rows]
    assert [reply.is_finite for reply in replies] == [True, False, False]


def test_what_follows_the_end_of_a_reply_is_of_no_account() -> None:
    reply = make_reply([5, 0, BROKEN], ENDS, tiny_network.make_tokenizer())
    assert reply.ended
    assert reply.is_finite


@pytest.mark.parametrize(
    ("weight", "given", "told"),
    [
        (60_000.0, 2.0, r"activations of '0' \(Linear\).*float16 ends at 65,504"),
        (1.0, math.nan, r"activations that enter '0' \(Linear\)"),
    ],
    ids=["float16 overflow", "broken input"],
)
def test_the_cause_is_told(weight: float, given: float, told: str) -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, weight)
    network = torch.nn.Sequential(layer, torch.nn.ReLU()).half()
    text = explain(network, lambda: network(torch.tensor([given]).half()))
    assert re.search(told, text)
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_no_adapter_may_answer_with_scores_that_are_not_finite(score: float) -> None:
    make: Callable[[float], Result] = lambda other: Result(  # noqa: E731
        "1",
        DeliveryStatus.OK,
        "A",
        choice_scores=ChoiceScores(ChoiceScoreKind.LETTER_LOGIT, {"A": -0.5, "B": other}),
    )
    checked = make(score).checked()
    assert checked.status is DeliveryStatus.FAILED
    assert checked.text == ""
    assert checked.choice_scores is None
    assert f"B {score}" in str(checked.detail)
    sound = make(-1.0)
    assert sound.checked() is sound
