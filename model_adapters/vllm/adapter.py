"""``vllm/PATH`` and ``vllm/OWNER/NAME@REVISION``: models run here by vLLM.

vLLM needs an environment of its own, with an older transformers than ``hf/``
has. Pictures and sounds are cut up by the model's own processor; chat form,
marks and refusals are those of ``hf/``. What reached the model is counted from
the prompt that the engine ran, in which each clip stands with all its tokens.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from pydantic import Field

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import ChoiceScores, Delivery, Result, Usage
from emoreal_bench.contracts.vocabulary import (
    ChoiceScoreKind,
    DeliveryStatus,
    Modality,
    Repeatability,
)
from emoreal_bench.inputs import InputError
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.arguments import AdapterArguments, parse_arguments
from emoreal_bench.model_adapters.at_once import answer_at_once
from emoreal_bench.model_adapters.local.file_faults import load_tokenizer
from emoreal_bench.model_adapters.local.hardware import NumberFormat
from emoreal_bench.model_adapters.local.lora import LoraAdapter, rename_lora
from emoreal_bench.model_adapters.local.model_folder import (
    count_parameters,
    find_folder,
    hash_model,
    read_configuration,
    split_revision,
    weight_shapes,
)
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    END_OF_TEXT,
    TURN_END,
    token_ids,
)
from emoreal_bench.model_adapters.local.token_choice import find_letter_token
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.vllm.engine import (
    Engine,
    EngineAnswer,
    EngineFailure,
    EngineSettings,
    Sampling,
    VllmEngine,
)
from emoreal_bench.model_adapters.vllm.prompts import PromptBuilder, deliver

MODEL_TYPE = "qwen2_5_omni"
PART = "thinker_config"
# The module of vLLM's own network that holds the layers, and what the folder calls it.
LANGUAGE_MODEL = "language_model.model"
_LAYERS = "layers."
_LANGUAGE_WEIGHT = re.compile(r"(thinker\.)?model\.(language_model\.)?layers\..+\.weight$")
_HEAD = "lm_head.weight"
# Ranks that vLLM makes room for.
_LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# Batches under way: the engine never waits for the last reply of one.
_CONCURRENCY = 4


class VllmArguments(AdapterArguments):
    """Arguments of ``vllm/...``."""

    dtype: NumberFormat = NumberFormat.AUTO
    # How many requests are handed over together; four times as many are under way.
    batch_size: int = Field(default=64, ge=1)
    # GPUs that the model is split over.
    gpus: int = Field(default=1, ge=1)
    # Share of each GPU's memory.
    memory: float = Field(default=0.9, gt=0.0, le=1.0)
    # Longest prompt and reply; None: as the model takes.
    max_tokens: int | None = Field(default=None, ge=1)
    # Start sooner and compute more slowly.
    eager: bool = False
    min_pixels: int = Field(default=FrameSettings().min_pixels, ge=28 * 28)
    max_pixels: int = Field(default=FrameSettings().max_pixels, ge=28 * 28)


class VllmAdapter(ModelAdapter):
    """A Qwen2.5-Omni behind vLLM's engine.

    Args:
        spec: Which model.
        arguments: Its arguments.
        make_engine: Makes the engine; tests bring one of their own.
    """

    def __init__(
        self,
        spec: ModelSpec,
        arguments: VllmArguments,
        make_engine: Callable[[EngineSettings], Engine] = VllmEngine,
    ):
        self._name = spec.name
        self._lora = spec.lora
        self._arguments = arguments
        self._make_engine = make_engine
        self._place, self._revision = split_revision(spec.model)
        self._engine: Engine | None = None
        self._renamed: tempfile.TemporaryDirectory[str] | None = None

    @cached_property
    def _folder(self) -> Path:
        folder = find_folder(self._place, self._revision)
        _refuse_what_vllm_does_not_load(folder)
        return folder

    @cached_property
    def _configuration(self) -> dict[str, Any]:
        part: dict[str, Any] = read_configuration(self._folder)[PART]
        return part

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._folder)

    @cached_property
    def _builder(self) -> PromptBuilder:
        vision = self._configuration["vision_config"]
        settings = FrameSettings(
            min_pixels=self._arguments.min_pixels,
            max_pixels=self._arguments.max_pixels,
            temporal_patch=vision.get("temporal_patch_size", FrameSettings().temporal_patch),
        )
        return PromptBuilder(self._tokenizer, settings)

    @cached_property
    def _end_ids(self) -> tuple[int, ...]:
        return tuple(token_ids(self._tokenizer, (END_OF_TEXT, TURN_END)))

    @cached_property
    def _description(self) -> ModelDescription:
        arguments = self._arguments
        (distribution,) = set(packages_distributions().get("vllm", ["vllm"]))
        base = ModelDescription(
            name=self._name,
            revision=None if Path(self._place).is_dir() else self._folder.name,
            weights_hash=hash_model(self._folder),
            parameters=count_parameters(self._folder),
            settings=arguments.model_dump(mode="json", exclude={"memory"}),
            versions={name: version(name) for name in (distribution, "torch", "transformers")},
            capabilities=Capabilities(
                modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
                choice_score_kind=ChoiceScoreKind.LETTER_LOGIT,
                repeatability=Repeatability.BEST_EFFORT,
                batch_size=arguments.batch_size,
                concurrency=_CONCURRENCY,
                needs_gpu=True,
            ),
        )
        return base if self._lora is None else self._lora.describe(base)

    def describe(self) -> ModelDescription:
        """Return who the model is. The first call hashes the weight files."""
        return self._description

    async def open(self) -> None:
        """Start the engine."""
        if self._engine is None:
            engine = self._make_engine(self._settings())
            await engine.start()
            self._engine = engine

    async def close(self) -> None:
        """End the engine."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.stop()
        if self._renamed is not None:
            self._renamed.cleanup()
            self._renamed = None

    def render(self, request: Request) -> str:
        """Return the prompt in the chat form of the model's own template."""
        return self._builder.render(request)

    def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Write a reply to each request, all of them at once."""
        return answer_at_once(self._answer(one, scoring=False) for one in requests)

    def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Score the letters as the first token of the reply, over the whole vocabulary."""
        return answer_at_once(self._answer(one, scoring=True) for one in requests)

    async def _answer(self, request: Request, *, scoring: bool) -> Result:
        assert self._engine is not None, "open the adapter first"
        started = time.perf_counter()
        try:
            prepared = self._builder.build(request)
            letters = self._letter_tokens(request) if scoring else {}
            sampling = self._sampling(request, tuple(letters.values()))
            answer = await self._engine.ask(prepared.prompt, sampling)
            result = self._result(request, deliver(prepared, answer), answer, letters)
            return replace(result, seconds=time.perf_counter() - started)
        except InputError as error:
            return Result(request.id, DeliveryStatus.UNSUPPORTED, detail=str(error))
        except EngineFailure as error:
            return Result(
                request.id,
                DeliveryStatus.FAILED,
                detail=str(error),
                is_settled=error.is_settled,
            )

    def _letter_tokens(self, request: Request) -> dict[str, int]:
        if not request.letters:
            raise InputError("the item has no options to score")
        return {letter: find_letter_token(letter, self._tokenizer) for letter in request.letters}

    def _sampling(self, request: Request, scored_ids: tuple[int, ...]) -> Sampling:
        if scored_ids:
            return Sampling(1, self._end_ids, scored_ids=scored_ids)
        asked = request.settings
        return Sampling(
            asked.max_new_tokens,
            self._end_ids,
            temperature=asked.temperature,
            top_p=asked.top_p,
            seed=asked.seed,
            stop=asked.stop,
        )

    def _result(
        self, request: Request, delivery: Delivery, answer: EngineAnswer, letters: dict[str, int]
    ) -> Result:
        prompt_tokens = len(answer.prompt_ids)
        if letters:
            scores = {letter: answer.first_scores[token] for letter, token in letters.items()}
            mass = min(math.fsum(map(math.exp, scores.values())), 1.0)
            return Result(
                request.id,
                DeliveryStatus.OK,
                max(scores, key=scores.__getitem__),
                choice_scores=ChoiceScores(ChoiceScoreKind.LETTER_LOGIT, scores, mass),
                delivery=delivery,
                usage=Usage(prompt_tokens),
            )
        written = sum(token not in self._end_ids for token in answer.reply_ids)
        return Result(
            request.id,
            DeliveryStatus.OK if answer.ended else DeliveryStatus.LENGTH,
            answer.text,
            delivery=delivery,
            usage=Usage(prompt_tokens, written),
        )

    def _settings(self) -> EngineSettings:
        arguments = self._arguments
        lora, rank = (None, 0) if self._lora is None else self._rename_lora(self._lora)
        return EngineSettings(
            model=self._folder,
            dtype=arguments.dtype.value,
            max_tokens=arguments.max_tokens,
            gpus=arguments.gpus,
            memory=arguments.memory,
            eager=arguments.eager,
            lora=lora,
            lora_rank=rank,
        )

    def _rename_lora(self, lora: LoraAdapter) -> tuple[Path | None, int]:
        """Write the adapter under vLLM's names; it passes over other names in silence."""
        shapes = {
            name[name.index(_LAYERS) :].removesuffix(".weight"): shape
            for name, shape in weight_shapes(self._folder)
            if _LANGUAGE_WEIGHT.match(name)
        }
        self._renamed = tempfile.TemporaryDirectory(prefix="lora-")
        folder = Path(self._renamed.name)
        rank = rename_lora(lora, LANGUAGE_MODEL, shapes, folder)
        if rank == 0:
            return None, 0
        rooms = [room for room in _LORA_RANKS if room >= rank]
        if not rooms:
            raise UsageError(
                f"vLLM has room for rank {_LORA_RANKS[-1]}, and the adapter has rank {rank}.",
                where=str(lora.folder),
                remedy="Run it with the provider 'hf'.",
            )
        return folder, rooms[0]


def _refuse_what_vllm_does_not_load(folder: Path) -> None:
    whole = read_configuration(folder)
    if whole.get("model_type") != MODEL_TYPE or PART not in whole:
        raise UsageError(
            f"the folder holds a model of type '{whole.get('model_type')}'.",
            where=str(folder / "config.json"),
            remedy=f"The provider 'vllm' runs whole folders of type {MODEL_TYPE}; put other "
            "models behind vLLM's server and name them http/NAME.",
        )
    ties = whole[PART].get("text_config", {}).get("tie_word_embeddings")
    if ties and any(name.endswith(_HEAD) for name, _ in weight_shapes(folder)):
        raise UsageError(
            "text_config ties the output to the embeddings, and the weights hold an output of "
            "their own, which vLLM would leave out.",
            where=str(folder / "config.json"),
            remedy="Set tie_word_embeddings of text_config to false.",
        )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``vllm/...``.

    Raises:
        UsageError: If an argument is wrong.
    """
    return VllmAdapter(spec, parse_arguments(VllmArguments, spec.arguments, spec.name))
