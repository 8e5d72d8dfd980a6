"""``vllm/...`` on vLLM itself, held against transformers with the same weights."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.request import GenerationSettings, Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    END_OF_TEXT,
    TURN_END,
    ClipTensors,
    OmniInput,
    OmniInputBuilder,
    token_ids,
)
from emoreal_bench.model_adapters.local.token_choice import find_letter_token
from tests.local_families import qwen_arguments
from tests.lora_folders import adapt
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
TOLERANCE = 1e-3
CUT_LETTER = "\N{REPLACEMENT CHARACTER}"
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


class Library:
    """The Thinker of transformers itself, asked one request at a time."""

    def __init__(self, folder: Path):
        self.network: Any = Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
            folder.parent / "thinker", dtype=torch.float32
        )
        self.tokenizer = tiny_network.make_tokenizer()
        limits = int(PIXELS["min_pixels"]), int(PIXELS["max_pixels"])
        self.builder = OmniInputBuilder(self.tokenizer, FrameSettings(*limits), max_tokens=4096)

    def build(self, request: Request) -> OmniInput:
        return self.builder.build(request, ClipTensors())

    def score(self, request: Request) -> list[float]:
        letters = [find_letter_token(letter, self.tokenizer) for letter in "AB"]
        with torch.inference_mode():
            logits = self.network(**qwen_arguments(self.build(request))).logits[0, -1]
        scores: list[float] = logits.log_softmax(-1)[letters].tolist()
        return scores

    def write(self, request: Request) -> str:
        given = self.build(request)
        written = self.network.generate(
            **qwen_arguments(given),
            max_new_tokens=request.settings.max_new_tokens,
            do_sample=False,
            eos_token_id=token_ids(self.tokenizer, (END_OF_TEXT, TURN_END)),
        )
        reply = written[0, len(given.input_ids) :]
        return str(self.tokenizer.decode(reply, skip_special_tokens=True))


@pytest.fixture(scope="module")
def library(folder: Path) -> Library:
    return Library(folder)


def test_letters_score_as_in_transformers(adapter: ModelAdapter, library: Library) -> None:
    ours = scores(asyncio.run(ask(adapter, REQUESTS, scoring=True)))
    assert ours == {
        request.id: pytest.approx(library.score(request), abs=TOLERANCE) for request in REQUESTS
    }


def test_what_reaches_the_model_is_what_this_project_feeds_transformers(
    adapter: ModelAdapter, library: Library
) -> None:
    ours = asyncio.run(ask(adapter, REQUESTS, scoring=True))
    for request in REQUESTS:
        given, fed = ours[request.id].delivery, library.build(request).delivery
        assert dict(given.tokens) == dict(fed.tokens)
        assert given.frames == fed.frames
        assert given.audio_seconds == pytest.approx(fed.audio_seconds)
        assert given.notes == fed.notes


def test_greedy_replies_are_those_of_transformers(adapter: ModelAdapter, library: Library) -> None:
    ours = asyncio.run(ask(adapter, REQUESTS, scoring=False))
    # vLLM leaves out a last letter of which the limit left a part only.
    assert {name: result.text.rstrip(CUT_LETTER) for name, result in ours.items()} == {
        request.id: library.write(request).rstrip(CUT_LETTER) for request in REQUESTS
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
    folder: Path, tmp_path: Path, library: Library
) -> None:
    adapted = Library(folder)
    layers = r"model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.up_proj)"
    adapted.network = adapt(adapted.network, tmp_path / "lora", target_modules=layers)
    configuration = tmp_path / "lora" / "adapter_config.json"
    described = json.loads(configuration.read_text())
    configuration.write_text(json.dumps({**described, "base_model_name_or_path": None}))
    model = create_adapter(f"vllm/{folder}", EAGER, tmp_path / "lora")
    ours = scores(asyncio.run(ask(model, REQUESTS, scoring=True)))
    assert ours == {
        request.id: pytest.approx(adapted.score(request), abs=TOLERANCE) for request in REQUESTS
    }
    apart = [abs(ours[request.id][0] - library.score(request)[0]) for request in REQUESTS]
    assert fmean(apart) > 100 * TOLERANCE
