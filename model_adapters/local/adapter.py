"""What every model that computes in this process has in common.

A :class:`LocalModel` is one family's synchronous arithmetic. The
:class:`LocalAdapter` puts it behind the asynchronous contract: it computes in
a worker thread of its own, so that decoding goes on meanwhile, and makes the
tensors of the next batch in another. It turns a batch that fails into single
tries, and one that is too large for the memory into halves; what a request
gives to the model stays the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import GenerationSettings, Request
from emoreal_bench.contracts.result import ChoiceScores, Delivery, Result, Usage
from emoreal_bench.contracts.vocabulary import (
    ChoiceScoreKind,
    DeliveryStatus,
    Modality,
    Repeatability,
)
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.local.hardware import NumberFormat, free_memory, is_out_of_memory
from emoreal_bench.model_adapters.local.lora import LoraAdapter
from emoreal_bench.model_adapters.local.not_finite import NOT_FINITE, explain

if TYPE_CHECKING:
    import torch

MAX_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote.

    Attributes:
        text: Without the mark of its end.
        tokens: Number of tokens written, the mark of the end left out.
        ended: False if the limit on new tokens stopped it.
        is_finite: False if the model's numbers were NaN or infinite at its end.
    """

    text: str
    tokens: int
    ended: bool
    is_finite: bool = True


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn rather than taken by their likelihood.

    Attributes:
        temperature: Divides the logits; above 0.
        top_p: Only the likeliest tokens that have this share of the probability are drawn.
        seeds: One for each input, so that a reply does not depend on its batch.
    """

    temperature: float
    top_p: float
    seeds: tuple[int, ...]

    def of(self, places: Sequence[int]) -> Sampling:
        """Return the same for some of the inputs."""
        return replace(self, seeds=tuple(self.seeds[place] for place in places))

    def later(self) -> Sampling:
        """Return the same for the rest of replies that were begun, with noise of its own."""
        return replace(self, seeds=tuple(seed + 1 for seed in self.seeds))


class PreparedInput(Protocol):
    """One request as a family's tensors."""

    @property
    def delivery(self) -> Delivery:
        """What these tensors give to the model."""


Input = TypeVar("Input", bound=PreparedInput)


class LocalModel(ABC, Generic[Input]):
    """A loaded network of one family, used from one thread at a time."""

    @property
    @abstractmethod
    def network(self) -> torch.nn.Module:
        """All of its weights."""

    @abstractmethod
    def prepare(self, requests: Sequence[Request]) -> list[Input | InputError]:
        """Turn requests into tensors, each clip once; an error takes the place of its request."""

    @abstractmethod
    def write(
        self, inputs: Sequence[Input], max_new_tokens: int, sampling: Sampling | None = None
    ) -> list[Reply]:
        """Write a reply to each input.

        Args:
            inputs: What to reply to.
            max_new_tokens: Limit per reply.
            sampling: How tokens are drawn; None to take the likeliest always.

        Raises:
            RuntimeError: If the arithmetic fails, for want of memory for instance.
        """

    @abstractmethod
    def letter_token(self, letter: str) -> int:
        """Return the token with which a reply of this letter begins.

        Raises:
            InputError: If the letter is not a single token.
        """

    @abstractmethod
    def score_first_token(
        self, inputs: Sequence[Input], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Return the natural log-probability of each input's tokens as the first of the reply.

        Raises:
            RuntimeError: If the arithmetic fails.
        """


def local_capabilities(batch_size: int, *, needs_gpu: bool) -> Capabilities:
    """Return what every local model can take and do.

    Args:
        batch_size: Requests that are answered at once.
        needs_gpu: Whether it is to run on one.
    """
    return Capabilities(
        modalities=(Modality.VIDEO, Modality.AUDIO, Modality.TEXT),
        choice_score_kind=ChoiceScoreKind.LETTER_LOGIT,
        repeatability=Repeatability.SAME_BATCH,
        batch_size=batch_size,
        # While a GPU answers one batch, the processor makes the tensors of the next.
        concurrency=2 if needs_gpu else 1,
        needs_gpu=needs_gpu,
    )


def prepare_each(
    requests: Sequence[Request], build: Callable[[Request], Input]
) -> list[Input | InputError]:
    """Build the tensors of each request; an error takes the place of its request."""
    prepared: list[Input | InputError] = []
    for request in requests:
        try:
            prepared.append(build(request))
        except InputError as error:
            prepared.append(error)
    return prepared


_Work = Callable[[LocalModel[Input], Sequence[tuple[Request, Input]]], list[Result]]


class LocalAdapter(ModelAdapter, Generic[Input]):
    """A :class:`LocalModel` behind the contract.

    Args:
        lora: The LoRA adapter that :meth:`_load` puts on the network.
    """

    serves_several_runs = True

    def __init__(self, lora: LoraAdapter | None = None) -> None:
        self._lora = lora
        self._model: LocalModel[Input] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._preparing: ThreadPoolExecutor | None = None
        # Requests at once since memory ran out; None as long as it has not.
        self._fitting_size: int | None = None
        # Where the numbers first were NaN or infinite; None as long as they are finite.
        self._broken_place: str | None = None

    @abstractmethod
    def _make_description(self) -> ModelDescription:
        """Return who the model without a LoRA adapter is, without loading it; asked once."""

    @abstractmethod
    def _load(self) -> LocalModel[Input]:
        """Load the network."""

    @cached_property
    def _description(self) -> ModelDescription:
        description = self._make_description()
        return description if self._lora is None else self._lora.describe(description)

    def describe(self) -> ModelDescription:
        """Return who the model is. The first call hashes the weight files."""
        return self._description

    def placed(self, device: str, number_format: NumberFormat) -> LocalAdapter[Input]:
        """Return the same model for training on a device, with its weights in a number format.

        Raises:
            UsageError: If it cannot be trained so.
        """
        if device != "cpu" or number_format is not NumberFormat.FLOAT32:
            raise UsageError(
                f"{self._description.name} computes on the processor and in 32-bit floats, not on "
                f"'{device}' in {number_format.value}."
            )
        return self

    def load(self) -> LocalModel[Input]:
        """Load the model in the caller's own thread, to train it."""
        return self._load()

    async def open(self) -> None:
        """Load the model in its own thread."""
        if self._thread is None:
            # One thread: one batch at a time is what the arithmetic wants.
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
            # Tensors of one batch are made while another is answered.
            self._preparing = ThreadPoolExecutor(1, thread_name_prefix="tensors")
        if self._model is None:
            loading = asyncio.get_running_loop().run_in_executor(self._thread, self._load)
            try:
                self._model = await loading
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Wait for a batch under way and free the model."""
        threads = (self._preparing, self._thread)
        self._preparing = self._thread = None
        for thread in threads:
            if thread is not None:
                await asyncio.to_thread(thread.shutdown)
        self._model = None

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Write replies, requests of equal settings together."""
        async for result in self._answer(requests, _write, lambda _: None):
            yield result

    async def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Score the letters as the first token of the reply."""
        async for result in self._answer(requests, _score, self._why_not_scored):
            yield result

    async def _answer(
        self,
        requests: Sequence[Request],
        work: _Work[Input],
        why_not: Callable[[Request], str | None],
    ) -> AsyncIterator[Result]:
        assert self._model is not None, "open the adapter first"
        loop = asyncio.get_running_loop()
        size = self.describe().capabilities.batch_size
        groups: dict[GenerationSettings, list[Request]] = {}
        for request in requests:
            reason = why_not(request)
            if reason is None:
                groups.setdefault(request.settings, []).append(request)
            else:
                yield Result(request.id, DeliveryStatus.UNSUPPORTED, detail=reason)
        batches = [
            group[start : start + size]
            for group in groups.values()
            for start in range(0, len(group), size)
        ]
        model = self._model

        def prepare(batch: Sequence[Request]) -> asyncio.Future[list[Input | InputError]]:
            return loop.run_in_executor(self._preparing, model.prepare, batch)

        coming = prepare(batches[0]) if batches else None
        for batch, later in zip_longest(batches, batches[1:]):
            assert coming is not None
            prepared = await coming
            coming = prepare(later) if later else None
            for result in await loop.run_in_executor(
                self._thread, self._answer_batch, batch, prepared, work
            ):
                yield result

    def _answer_batch(
        self,
        requests: Sequence[Request],
        prepared: Sequence[Input | InputError],
        work: _Work[Input],
    ) -> list[Result]:
        results: list[Result] = []
        ready: list[tuple[Request, Input]] = []
        for request, one in zip(requests, prepared, strict=True):
            if isinstance(one, InputError):
                results.append(Result(request.id, DeliveryStatus.UNSUPPORTED, detail=str(one)))
            else:
                ready.append((request, one))
        while ready:
            size = self._fitting_size or len(ready)
            results.extend(self._try(ready[:size], work))
            ready = ready[size:]
        return results

    def _try(self, batch: Sequence[tuple[Request, Input]], work: _Work[Input]) -> list[Result]:
        """Answer a batch; if that fails, in smaller ones, so that one request costs no other."""
        assert self._model is not None
        try:
            return self._explain(_time(self._model, batch, work), batch, work)
        except RuntimeError as error:
            problem = (str(error) or type(error).__name__).splitlines()[0][:MAX_DETAIL]
            out_of_memory = is_out_of_memory(error)
        # Outside the handler: the error no longer holds the failed batch's tensors.
        size = 1
        if out_of_memory:
            free_memory()
            size = self._fitting_size = max(1, len(batch) // 2)
        if len(batch) == 1:
            return [Result(batch[0][0].id, DeliveryStatus.FAILED, detail=problem)]
        pieces = [batch[start : start + size] for start in range(0, len(batch), size)]
        return [result for piece in pieces for result in self._try(piece, work)]

    def _explain(
        self,
        results: list[Result],
        batch: Sequence[tuple[Request, Input]],
        work: _Work[Input],
    ) -> list[Result]:
        """Return of the results that are no numbers where the network first went wrong."""
        model = self._model
        assert model is not None
        if all(result.detail is not NOT_FINITE for result in results):
            return results
        if self._broken_place is None:
            # To watch the network is slow, so it is done once.
            self._broken_place = explain(model.network, lambda: work(model, batch))
        return [
            replace(result, detail=self._broken_place) if result.detail is NOT_FINITE else result
            for result in results
        ]

    def _why_not_scored(self, request: Request) -> str | None:
        assert self._model is not None
        if not request.letters:
            return "the item has no options to score"
        try:
            for letter in request.letters:
                self._model.letter_token(letter)
        except InputError as error:
            return str(error)
        return None


def _time(
    model: LocalModel[Input], batch: Sequence[tuple[Request, Input]], work: _Work[Input]
) -> list[Result]:
    """Answer a batch, its time shared out over its requests."""
    started = time.perf_counter()
    results = work(model, batch)
    seconds = (time.perf_counter() - started) / len(batch)
    return [replace(result, seconds=seconds) for result in results]


def _write(model: LocalModel[Input], batch: Sequence[tuple[Request, Input]]) -> list[Result]:
    settings = batch[0][0].settings
    inputs = [prepared for _, prepared in batch]
    if settings.temperature > 0:
        sampling = _sampling([request for request, _ in batch])
        replies = model.write(inputs, settings.max_new_tokens, sampling)
    else:
        replies = model.write(inputs, settings.max_new_tokens)
    results = []
    for (request, prepared), reply in zip(batch, replies, strict=True):
        if not reply.is_finite:
            results.append(_not_finite(request, prepared))
            continue
        text, stopped = _cut(reply.text, settings.stop)
        results.append(
            Result(
                request.id,
                DeliveryStatus.OK if reply.ended or stopped else DeliveryStatus.LENGTH,
                text,
                delivery=prepared.delivery,
                usage=Usage(sum(prepared.delivery.tokens.values()), reply.tokens),
            )
        )
    return results


def _sampling(requests: Sequence[Request]) -> Sampling:
    """Return how to draw, with the noise of each item its own under every seed."""
    settings = requests[0].settings
    marks = [f"{settings.seed}:{request.id}".encode() for request in requests]
    seeds = tuple(
        int.from_bytes(hashlib.blake2b(mark, digest_size=7).digest(), "big") for mark in marks
    )
    return Sampling(settings.temperature, settings.top_p, seeds)


def _score(model: LocalModel[Input], batch: Sequence[tuple[Request, Input]]) -> list[Result]:
    tokens = [[model.letter_token(letter) for letter in request.letters] for request, _ in batch]
    rows = model.score_first_token([prepared for _, prepared in batch], tokens)
    results = []
    for (request, prepared), row in zip(batch, rows, strict=True):
        if not all(map(math.isfinite, row)):
            results.append(_not_finite(request, prepared))
            continue
        scores = dict(zip(request.letters, row, strict=True))
        results.append(
            Result(
                request.id,
                DeliveryStatus.OK,
                request.letters[row.index(max(row))],
                choice_scores=ChoiceScores(
                    ChoiceScoreKind.LETTER_LOGIT, scores, mass=math.fsum(map(math.exp, row))
                ),
                delivery=prepared.delivery,
                usage=Usage(sum(prepared.delivery.tokens.values())),
            )
        )
    return results


def _not_finite(request: Request, prepared: PreparedInput) -> Result:
    return Result(
        request.id,
        DeliveryStatus.FAILED,
        detail=NOT_FINITE,
        # The same weights give the same numbers.
        is_settled=True,
        delivery=prepared.delivery,
        usage=Usage(sum(prepared.delivery.tokens.values())),
    )


def _cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Cut a text before the first of the stop texts, and say whether there was one."""
    ends = [place for mark in stop if (place := text.find(mark)) >= 0]
    return (text[: min(ends)], True) if ends else (text, False)
