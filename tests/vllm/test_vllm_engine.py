"""``vllm/...`` on vLLM itself, held against ``hf/...`` on the same folder."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.request import GenerationSettings, Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters import create_adapter
from tests.lora_folders import LANGUAGE_LAYERS, adapt
from tests.model_requests import make_clip, make_request
from tests.vllm.vllm_folders import PIXELS

# Two questions about each of two clips, and clips that lack something.
REQUESTS = [
    *(
        make_request(f"{seed} {question}", make_clip(seed=seed), question=question)
        for seed in range(2)
        for question in ("Is it so?\n(A) Yes\n(B) No", "Is it not?\n(A) Yes\n(B) No")
    ),
    make_request("odd", make_clip(seed=3, frames=7)),
    make_request("silent", make_clip(seed=4, seconds=None)),
    make_request("blind", make_clip(seed=5, frames=None)),
    make_request("words"),
]
EAGER = {**PIXELS, "eager": "true", "max_tokens": "1024"}


async def ask(
    adapter: ModelAdapter, requests: Sequence[Request], *, scoring: bool
) -> dict[str, Result]:
    async with adapter:
        asked = adapter.score_choices(requests) if scoring else adapter.generate(requests)
        return {result.id: result async for result in asked}


def scores(results: Mapping[str, Result]) -> dict[str, list[float]]:
    return {
        name: [result.choice_scores.scores[letter] for letter in "AB"]
        for name, result in results.items()
        if result.choice_scores is not None
    }


@pytest.fixture(scope="module")
def reference(folder: Path) -> ModelAdapter:
    return create_adapter(f"hf/{folder}", {**PIXELS, "device": "cpu", "batch_size": "1"})


def test_letters_score_as_in_transformers(adapter: ModelAdapter, reference: ModelAdapter) -> None:
    ours = scores(asyncio.run(ask(adapter, REQUESTS, scoring=True)))
    wanted = scores(asyncio.run(ask(reference, REQUESTS, scoring=True)))
    assert set(ours) == {request.id for request in REQUESTS}
    assert ours == {name: pytest.approx(pair, abs=1e-3) for name, pair in wanted.items()}


def test_what_reaches_the_model_is_what_transformers_is_fed(
    adapter: ModelAdapter, reference: ModelAdapter
) -> None:
    ours = asyncio.run(ask(adapter, REQUESTS, scoring=True))
    wanted = asyncio.run(ask(reference, REQUESTS, scoring=True))
    for name, result in ours.items():
        given, fed = result.delivery, wanted[name].delivery
        assert dict(given.tokens) == dict(fed.tokens)
        assert given.frames == fed.frames
        assert given.audio_seconds == pytest.approx(fed.audio_seconds)
        assert given.notes == fed.notes


def test_greedy_replies_are_those_of_transformers(
    adapter: ModelAdapter, reference: ModelAdapter
) -> None:
    ours = asyncio.run(ask(adapter, REQUESTS, scoring=False))
    wanted = asyncio.run(ask(reference, REQUESTS, scoring=False))
    # Random weights: where two tokens are as likely, either reply is right.
    same = [ours[name].text == wanted[name].text for name in wanted]
    assert sum(same) >= len(same) - 1
    assert {name: result.status for name, result in ours.items()} == {
        name: result.status for name, result in wanted.items()
    }


def test_another_picture_or_another_sound_gives_another_input_hash(adapter: ModelAdapter) -> None:
    clip, other = make_clip(seed=1), make_clip(seed=2)
    requests = [
        make_request("same", clip),
        make_request("picture", replace(clip, key="picture", frames=other.frames)),
        make_request("sound", replace(clip, key="sound", waveform=other.waveform)),
    ]
    results = asyncio.run(ask(adapter, requests, scoring=True))
    assert len({result.delivery.input_hash for result in results.values()}) == 3


def test_a_prompt_too_long_for_the_model_costs_no_other(adapter: ModelAdapter) -> None:
    requests = [make_request("long", question="Is it so? " * 2_000), make_request("short")]
    results = asyncio.run(ask(adapter, requests, scoring=True))
    assert results["long"].status is DeliveryStatus.UNSUPPORTED
    assert results["long"].detail
    assert results["short"].status is DeliveryStatus.OK


def test_a_reply_ends_before_a_stop_text(adapter: ModelAdapter) -> None:
    clip = make_clip(seed=1)
    whole = asyncio.run(ask(adapter, [make_request("1", clip)], scoring=False))["1"].text
    stop = whole[2:3]
    settings = GenerationSettings(max_new_tokens=8, stop=(stop,))
    cut = asyncio.run(ask(adapter, [make_request("1", clip, settings=settings)], scoring=False))
    assert cut["1"].text == whole[: whole.index(stop)]
    assert cut["1"].status is DeliveryStatus.OK


def test_a_lora_adapter_gives_the_scores_that_it_gives_in_transformers(
    folder: Path, tmp_path: Path, adapter: ModelAdapter
) -> None:
    from transformers import Qwen2_5OmniThinkerForConditionalGeneration

    thinker = folder.parent / "thinker"
    network = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
        thinker, dtype=torch.float32
    )
    adapt(network, tmp_path / "lora", target_modules=LANGUAGE_LAYERS)
    configuration = tmp_path / "lora" / "adapter_config.json"
    configuration.write_text(configuration.read_text().replace(str(thinker), str(folder)))
    adapted = create_adapter(f"vllm/{folder}", EAGER, tmp_path / "lora")
    reference = create_adapter(f"hf/{folder}", {**PIXELS, "device": "cpu"}, tmp_path / "lora")
    ours = scores(asyncio.run(ask(adapted, REQUESTS, scoring=True)))
    wanted = scores(asyncio.run(ask(reference, REQUESTS, scoring=True)))
    base = scores(asyncio.run(ask(adapter, REQUESTS, scoring=True)))
    assert ours == {name: pytest.approx(pair, abs=2e-3) for name, pair in wanted.items()}
    assert max(abs(ours[name][0] - base[name][0]) for name in base) > 0.05
