"""``vllm/...`` before an engine of the tests' own, since vLLM needs another environment."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from safetensors.torch import load_file

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import (
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.lora import read_lora
from emoreal_bench.model_adapters.local.qwen_omni.inputs import AUDIO_MARK, VIDEO_MARK, token_ids
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.vllm.adapter import VllmAdapter, VllmArguments
from emoreal_bench.model_adapters.vllm.engine import (
    EngineAnswer,
    EngineFailure,
    EnginePrompt,
    EngineSettings,
    Sampling,
    VllmEngine,
)
from emoreal_bench.model_adapters.vllm.prompts import TIMING_NOTE
from tests.lora_folders import adapt_tiny
from tests.omni_folders import make_thinker_folder, make_whole_folder

VIDEO_TOKENS, AUDIO_TOKENS = 16, 37


class FakeEngine:
    """Places every clip part as so many tokens and writes as it is told."""

    def __init__(self, reply: Callable[[EnginePrompt, Sampling], EngineAnswer]):
        self.reply = reply
        self.prompts: list[EnginePrompt] = []
        self.samplings: list[Sampling] = []
        self.settings: EngineSettings | None = None

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def ask(self, prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        return self.reply(prompt, sampling)


def answer(prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
    return EngineAnswer(
        prompt_ids=prompt.ids + (9,) * (VIDEO_TOKENS - 1) * len(prompt.pictures),
        placed={
            Modality.VIDEO: (VIDEO_TOKENS,) * len(prompt.pictures),
            Modality.AUDIO: (AUDIO_TOKENS,) * len(prompt.sounds),
        },
        media_hashes=tuple(str(picture.sum()) for picture in prompt.pictures),
        text="A",
        reply_ids=(7, sampling.end_ids[0]),
        ended=True,
        first_scores={token: -1.0 - place for place, token in enumerate(sampling.scored_ids)},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("omni")
    return untie(make_whole_folder(make_thinker_folder(place / "thinker"), place / "whole"))


def untie(folder: Path) -> Path:
    configuration = json.loads((folder / "config.json").read_text())
    configuration["thinker_config"]["text_config"]["tie_word_embeddings"] = False
    (folder / "config.json").write_text(json.dumps(configuration))
    return folder


def make_adapter(
    folder: Path,
    engine: FakeEngine,
    arguments: Mapping[str, str] | None = None,
    lora: Path | None = None,
) -> VllmAdapter:
    found = None if lora is None else read_lora(lora, f"vllm/{folder}")
    spec = ModelSpec("vllm", str(folder), arguments or {}, found)

    def make_engine(settings: EngineSettings) -> FakeEngine:
        engine.settings = settings
        return engine

    return VllmAdapter(spec, parse_arguments(VllmArguments, spec.arguments, spec.name), make_engine)


def ask(
    folder: Path, engine: FakeEngine, requests: Sequence[Request], *, scoring: bool = False
) -> dict[str, Result]:
    async def run() -> dict[str, Result]:
        async with make_adapter(folder, engine) as adapter:
            asked = adapter.score_choices(requests) if scoring else adapter.generate(requests)
            return {result.id: result async for result in asked}

    return asyncio.run(run())


def test_the_engine_is_given_the_clip_as_arrays_behind_one_mark_each(folder: Path) -> None:
    engine, clip = FakeEngine(answer), make_clip()
    ask(folder, engine, [make_request("1", clip)])
    (prompt,) = engine.prompts
    marks = token_ids(tiny_network.make_tokenizer(), (VIDEO_MARK, AUDIO_MARK))
    assert [prompt.ids.count(mark) for mark in marks] == [1, 1]
    assert prompt.pictures[0] is clip.frames
    assert prompt.sounds == ((clip.waveform, 16_000),)


def test_the_processor_may_choose_neither_frames_nor_their_times(folder: Path) -> None:
    engine = FakeEngine(answer)
    ask(folder, engine, [make_request("1", make_clip())])
    processing = engine.prompts[0].processing
    assert processing["do_sample_frames"] is False
    assert processing["fps"] == pytest.approx(5.0)


def test_tokens_are_counted_from_the_prompt_that_ran(folder: Path) -> None:
    result = ask(folder, FakeEngine(answer), [make_request("1", make_clip())])["1"]
    tokens = result.delivery.tokens
    assert tokens[Modality.VIDEO] == VIDEO_TOKENS
    assert tokens[Modality.AUDIO] == AUDIO_TOKENS
    assert sum(tokens.values()) == result.usage.input_tokens


def test_a_clip_that_the_engine_did_not_place_is_no_delivery(folder: Path) -> None:
    def deaf(prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
        heard = answer(prompt, sampling)
        return replace(heard, placed={Modality.VIDEO: heard.placed[Modality.VIDEO]})

    result = ask(folder, FakeEngine(deaf), [make_request("1", make_clip())])["1"]
    assert result.status is DeliveryStatus.UNSUPPORTED
    assert "1 sounds" in (result.detail or "")


def test_the_likeliest_letter_is_the_answer(folder: Path) -> None:
    engine = FakeEngine(answer)
    result = ask(folder, engine, [make_request("1", letters=("B", "A"))], scoring=True)["1"]
    assert result.text == "B"
    assert result.choice_scores is not None
    assert dict(result.choice_scores.scores) == {"B": -1.0, "A": -2.0}
    assert engine.samplings[0].max_new_tokens == 1


def test_settings_of_the_reply_reach_the_engine(folder: Path) -> None:
    engine = FakeEngine(answer)
    settings = GenerationSettings(max_new_tokens=3, temperature=0.5, top_p=0.9, seed=4, stop=("x",))
    ask(folder, engine, [make_request("1", settings=settings)])
    given = engine.samplings[0]
    assert (given.max_new_tokens, given.temperature, given.top_p, given.seed, given.stop) == (
        3,
        0.5,
        0.9,
        4,
        ("x",),
    )


def test_a_reply_that_the_limit_stopped_says_so(folder: Path) -> None:
    engine = FakeEngine(lambda prompt, sampling: replace(answer(prompt, sampling), ended=False))
    result = ask(folder, engine, [make_request("1")])["1"]
    assert result.status is DeliveryStatus.LENGTH


def test_the_end_of_a_reply_is_no_token_of_it(folder: Path) -> None:
    assert ask(folder, FakeEngine(answer), [make_request("1")])["1"].usage.output_tokens == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("too long"), DeliveryStatus.UNSUPPORTED),
        (EngineFailure("aborted"), DeliveryStatus.FAILED),
    ],
)
def test_a_request_that_the_engine_declines_costs_no_other(
    folder: Path, error: Exception, status: DeliveryStatus
) -> None:
    def decline_first(prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
        if len(engine.prompts) == 1:
            raise error
        return answer(prompt, sampling)

    engine = FakeEngine(decline_first)
    results = ask(folder, engine, [make_request("1"), make_request("2")])
    assert (results["1"].status, results["1"].detail) == (status, str(error))
    assert results["2"].status is DeliveryStatus.OK


def test_clips_of_other_frame_rates_are_noted(folder: Path) -> None:
    slow = replace(make_clip(), key="slow", timestamps=tuple(map(float, range(8))))
    request = replace(
        make_request("1"),
        messages=(Message("user", (VideoPart("slow"), VideoPart("clip"), TextPart("?"))),),
        clips={"slow": slow, "clip": make_clip()},
    )
    assert TIMING_NOTE in ask(folder, FakeEngine(answer), [request])["1"].delivery.notes


def test_a_thinker_alone_is_refused_by_name(folder: Path) -> None:
    adapter = make_adapter(folder.parent / "thinker", FakeEngine(answer))
    with pytest.raises(UsageError, match="qwen2_5_omni_thinker"):
        adapter.describe()


def test_a_folder_whose_output_vllm_would_leave_out_is_refused(tmp_path: Path) -> None:
    thinker = make_thinker_folder(tmp_path / "thinker")
    whole = make_whole_folder(thinker, tmp_path / "whole")
    configuration = json.loads((whole / "config.json").read_text())
    configuration["thinker_config"]["text_config"]["tie_word_embeddings"] = True
    (whole / "config.json").write_text(json.dumps(configuration))
    with pytest.raises(UsageError, match="ties the output"):
        make_adapter(whole, FakeEngine(answer)).render(make_request("1"))


def test_a_lora_adapter_reaches_the_engine_under_its_own_names(
    folder: Path, tmp_path: Path
) -> None:
    adapt_tiny(tmp_path / "lora")
    engine = FakeEngine(answer)

    async def run() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
        async with make_adapter(folder, engine, lora=tmp_path / "lora"):
            assert engine.settings is not None
            assert engine.settings.lora is not None
            assert engine.settings.lora_rank == 8
            written = load_file(engine.settings.lora / "adapter_model.safetensors")
            return {name: weight.numpy() for name, weight in written.items()}

    written = asyncio.run(run())
    saved = load_file(tmp_path / "lora" / "adapter_model.safetensors")
    assert len(written) == len(saved)
    name = "base_model.model.{}.layers.0.self_attn.q_proj.lora_A.weight"
    np.testing.assert_array_equal(
        written[name.format("language_model.model")],
        saved[name.format("model.language_model")].numpy(),
    )


def test_a_lora_adapter_of_a_deeper_model_is_refused(folder: Path, tmp_path: Path) -> None:
    adapt_tiny(tmp_path / "lora")
    file = tmp_path / "lora" / "adapter_model.safetensors"
    from safetensors.torch import save_file

    save_file(
        {name.replace("layers.0.", "layers.9."): w for name, w in load_file(file).items()}, file
    )
    adapter = make_adapter(folder, FakeEngine(answer), lora=tmp_path / "lora")
    with pytest.raises(UsageError, match=r"layers\.9\."):
        asyncio.run(adapter.open())


class FakeTokens:
    """vLLM's engine as far as one written answer needs it."""

    def __init__(self, logprob: float):
        token = SimpleNamespace(logprob=logprob)
        self.reply = SimpleNamespace(
            logprobs=[{5: SimpleNamespace(logprob=-0.1)}, {6: token}],
            finish_reason="stop",
            text="(A)",
            token_ids=[5, 6],
        )

    async def generate(self, *_: object, **__: object) -> AsyncIterator[object]:
        yield SimpleNamespace(outputs=[self.reply], prompt_token_ids=[1, 2])


@pytest.mark.parametrize("logprob", [float("nan"), float("inf"), float("-inf")])
def test_a_written_answer_of_broken_numbers_has_failed_for_good(
    logprob: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[dict[str, object]] = []
    sampling = ModuleType("vllm.sampling_params")
    sampling.RequestOutputKind = SimpleNamespace(FINAL_ONLY=2)  # type: ignore[attr-defined]
    package = ModuleType("vllm")
    package.SamplingParams = lambda **given: asked.append(given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", package)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", sampling)
    engine = VllmEngine(EngineSettings(tmp_path, "auto", None, 1, 0.9, eager=True))

    def run() -> EngineAnswer:
        return asyncio.run(engine._run({}, Sampling(8, (0,))))

    engine._engine = FakeTokens(-0.2)
    assert run().text == "(A)"
    engine._engine = FakeTokens(logprob)
    with pytest.raises(EngineFailure, match="numbers are not finite") as caught:
        run()
    assert caught.value.is_settled
    # Without this vLLM says nothing of the tokens of a written answer.
    assert asked[0]["logprobs"] == 0
