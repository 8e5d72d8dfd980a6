"""vLLM's engine behind a few plain types: the only file that speaks to vLLM.

The engine has a thread and an event loop of its own, since it prepares clips
in the loop that it runs on, and the harness decodes the next ones meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.contracts.errors import EmorealError, UsageError
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.processes import importing_nothing_from_here

# Any positive number; one engine carries one adapter at most.
_LORA_NUMBER = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine is to run.

    Attributes:
        model: Folder of the model.
        dtype: As vLLM names number formats; ``auto`` is that of the weights.
        max_tokens: Longest sequence; None for as long as the model takes.
        gpus: GPUs that the model is split over.
        memory: Share of each GPU's memory that it may take.
        eager: Whether to run without compiling first.
        lora: Folder of a LoRA adapter under vLLM's own names, if there is one.
        lora_rank: Largest rank to make room for.
    """

    model: Path
    dtype: str
    max_tokens: int | None
    gpus: int
    memory: float
    eager: bool
    lora: Path | None = None
    lora_rank: int = 0


@dataclass(frozen=True, slots=True)
class EnginePrompt:
    """What the engine is given.

    Attributes:
        ids: The prompt, with one mark for each clip part.
        pictures: Frames ``(n, height, width, 3)`` in the order of their marks.
        sounds: Waveforms, each with its rate in Hz, in the order of their marks.
        processing: Settings of the model's processor.
    """

    ids: tuple[int, ...]
    pictures: tuple[NDArray[np.uint8], ...] = ()
    sounds: tuple[tuple[NDArray[np.float32], int], ...] = ()
    processing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen.

    Attributes:
        max_new_tokens: Limit on the reply.
        end_ids: Tokens that end a reply.
        temperature: 0 means greedy.
        top_p: Share of the probability that is sampled from.
        seed: Of the sampling.
        stop: Texts that end a reply and are left out of it.
        scored_ids: Tokens whose log-probability as the first one is wanted.
    """

    max_new_tokens: int
    end_ids: tuple[int, ...]
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    scored_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What the engine says of one request.

    Attributes:
        prompt_ids: The prompt as it ran, each clip with all of its tokens.
        placed: By modality, the tokens that each clip part took in it.
        media_hashes: The engine's own hashes of the clip parts and of how it
            processed them.
        text: The reply.
        reply_ids: Its tokens.
        ended: False if the limit on new tokens stopped it.
        first_scores: Log-probabilities of the wanted first tokens.
    """

    prompt_ids: tuple[int, ...]
    placed: Mapping[Modality, tuple[int, ...]]
    media_hashes: tuple[str, ...]
    text: str
    reply_ids: tuple[int, ...]
    ended: bool
    first_scores: Mapping[int, float]


class EngineFailure(Exception):  # noqa: N818 - the contract's word for it is failed
    """The engine could not answer one request; it may answer others.

    Args:
        problem: What happened.
        is_settled: Whether the same would happen again.
    """

    def __init__(self, problem: str, *, is_settled: bool = False):
        super().__init__(problem)
        self.is_settled = is_settled


class Engine(Protocol):
    """What the adapter needs of an engine."""

    async def start(self) -> None:
        """Load the model.

        Raises:
            UsageError: If it cannot be loaded.
        """

    async def stop(self) -> None:
        """Free what :meth:`start` took."""

    async def ask(self, prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
        """Answer one request; any number may be under way.

        Raises:
            InputError: If the model cannot take the request.
            EngineFailure: If the engine failed on it.
            EmorealError: If the engine is gone.
        """


class VllmEngine:
    """The engine itself, in processes that vLLM starts.

    Args:
        settings: Of the engine.
    """

    def __init__(self, settings: EngineSettings):
        self._settings = settings
        self._numbers = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # vLLM is not installed where types are checked.
        self._engine: Any = None

    async def start(self) -> None:
        """Start the loop and the processes."""
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="vllm", daemon=True)
        self._thread.start()
        try:
            await self._in_its_loop(self._start())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the processes and the loop."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        await self._in_its_loop(self._stop())
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()
        self._loop = self._thread = None

    async def ask(self, prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
        """Answer one request; cancelling it takes it back from the engine."""
        return await self._in_its_loop(self._ask(prompt, sampling))

    async def _in_its_loop(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None, "start the engine first"
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _start(self) -> None:
        from vllm import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        settings = self._settings
        arguments = AsyncEngineArgs(
            model=str(settings.model),
            dtype=settings.dtype,
            max_model_len=settings.max_tokens,
            tensor_parallel_size=settings.gpus,
            gpu_memory_utilization=settings.memory,
            enforce_eager=settings.eager,
            enable_prefix_caching=True,
            # Every setting of a reply is given with it; the folder's own are left out.
            generation_config="vllm",
            limit_mm_per_prompt={"image": 0},
            enable_lora=settings.lora is not None,
            max_lora_rank=settings.lora_rank or 16,
            disable_log_stats=True,
            seed=0,
        )
        try:
            with importing_nothing_from_here():
                self._engine = AsyncLLM.from_engine_args(arguments)
            if settings.lora is not None:
                await self._engine.add_lora(self._lora_request())
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"vLLM could not start: {_first_line(error)}",
                where=str(settings.model),
                remedy="What vLLM itself wrote above says more.",
            ) from error

    async def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.shutdown()

    def _lora_request(self) -> Any:
        from vllm.lora.request import LoRARequest

        return LoRARequest("adapter", _LORA_NUMBER, str(self._settings.lora))

    async def _ask(self, prompt: EnginePrompt, sampling: Sampling) -> EngineAnswer:
        from vllm.exceptions import VLLMClientError, VLLMServerError
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            (given,) = await self._engine.renderer.render_cmpl_async([_as_dictionary(prompt)])
            return await self._run(given, sampling)
        except EngineDeadError as error:
            raise EmorealError(
                "vLLM's engine has ended.",
                where=str(self._settings.model),
                remedy="What it wrote above says why; the run goes on where it stopped.",
            ) from error
        except VLLMServerError as error:
            raise EngineFailure(_first_line(error)) from error
        # The model's processor refuses a clip with a plain ValueError.
        except (VLLMClientError, ValueError) as error:
            raise InputError(_first_line(error)) from error

    async def _run(self, given: Any, sampling: Sampling) -> EngineAnswer:
        outputs = self._engine.generate(
            given,
            _sampling_parameters(sampling),
            str(next(self._numbers)),
            lora_request=None if self._settings.lora is None else self._lora_request(),
        )
        (output,) = [output async for output in outputs]
        (reply,) = output.outputs
        if not _is_finite(reply.logprobs or ()):
            raise EngineFailure(
                "the model's numbers are not finite: NaN or infinity among the probabilities of "
                "the tokens; the same folder with the provider 'hf' says where they begin",
                is_settled=True,
            )
        if reply.finish_reason not in ("stop", "length"):
            raise EngineFailure(f"the engine ended the reply: {reply.finish_reason}")
        placed = given.get("mm_placeholders", {})
        hashes = given.get("mm_hashes", {})
        first = reply.logprobs[0] if reply.logprobs else {}
        return EngineAnswer(
            prompt_ids=tuple(output.prompt_token_ids),
            placed={
                Modality(name): tuple(place.length for place in places)
                for name, places in placed.items()
            },
            media_hashes=tuple(one for name in sorted(hashes) for one in hashes[name]),
            text=reply.text,
            reply_ids=tuple(reply.token_ids),
            ended=reply.finish_reason == "stop",
            first_scores={token: first[token].logprob for token in sampling.scored_ids},
        )


def _as_dictionary(prompt: EnginePrompt) -> dict[str, Any]:
    dictionary: dict[str, Any] = {"prompt_token_ids": list(prompt.ids)}
    media = {"video": list(prompt.pictures), "audio": list(prompt.sounds)}
    given = {modality: items for modality, items in media.items() if items}
    if given:
        dictionary["multi_modal_data"] = given
        dictionary["mm_processor_kwargs"] = dict(prompt.processing)
    return dictionary


def _sampling_parameters(sampling: Sampling) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        stop=list(sampling.stop),
        stop_token_ids=list(sampling.end_ids),
        logprob_token_ids=list(sampling.scored_ids) or None,
        # That of each token written, which shows numbers that are not finite.
        logprobs=None if sampling.scored_ids else 0,
        # One answer per request, not one per token.
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _is_finite(logprobs: Iterable[Mapping[int, Any]]) -> bool:
    """Return whether what the engine says of the tokens of a reply are numbers."""
    return all(math.isfinite(one.logprob) for place in logprobs for one in place.values())


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
