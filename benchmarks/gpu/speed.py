"""Items per second of a loaded model, and the share of the card's peak that this is."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.clips import MOST_QUESTIONS, make_requests
from benchmarks.gpu.models import Subject
from benchmarks.training_step_setup import FORMULAS
from emoreal_bench.contracts.adapter import Capabilities, ModelDescription
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import AnswerMethod, ChoiceScoreKind, Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.local.adapter import LocalAdapter, LocalModel
from emoreal_bench.model_adapters.local.windows import WINDOWS

TARGET_RATIO = 10.0
PLAIN_SECONDS = 3.0
"""How long the plain loop is watched; what an item takes does not depend on the others."""
_COUNTED_CLIPS = 2
_BATCHES = 3
_NO_LIMIT = 1_000_000
# Dense 16-bit teraFLOP/s as their maker states them; longer names first.
PEAKS = (
    ("H200", 989.0),
    ("H100 PCIe", 756.0),
    ("H100", 989.0),
    ("B200", 2250.0),
    ("A100", 312.0),
    ("L40S", 362.0),
    ("L4", 121.0),
    ("A10G", 70.0),
    ("A10", 125.0),
    ("RTX 4090", 165.0),
    ("RTX 3090", 71.0),
)


def find_peak(card: str) -> float | None:
    """Give the teraFLOP/s of a card by its name; None if it is not in the table."""
    return next((peak for name, peak in PEAKS if name in card), None)


class MeasuredAdapter(LocalAdapter[Any]):
    """A model that is already loaded, behind the adapter that batches."""

    def __init__(self, subject: Subject, batch_size: int):
        super().__init__()
        self._subject = subject
        self._batch_size = batch_size

    @property
    def fitting_size(self) -> int | None:
        """Requests at once since memory ran out; None as long as it has not."""
        return self._fitting_size

    def _make_description(self) -> ModelDescription:
        capabilities = Capabilities(
            choice_score_kind=ChoiceScoreKind.LETTER_LOGIT, batch_size=self._batch_size
        )
        return ModelDescription(name=f"random/{self._subject.name}", capabilities=capabilities)

    def _load(self) -> LocalModel[Any]:
        return self._subject.model

    def render(self, request: Request) -> str:
        """Prompts are not looked at here."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking.

    Attributes:
        method: Letters scored or replies written.
        per_clip: Questions about each clip.
        new_tokens: Longest reply.
    """

    method: AnswerMethod
    per_clip: int
    new_tokens: int = 5


WAYS = (
    Way(AnswerMethod.GENERATE, 1),
    Way(AnswerMethod.GENERATE, MOST_QUESTIONS),
    Way(AnswerMethod.SCORE_CHOICES, 1),
    Way(AnswerMethod.SCORE_CHOICES, MOST_QUESTIONS),
    Way(AnswerMethod.GENERATE, 1, 64),
)


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one way of asking is.

    Attributes:
        items_per_second: Answered items.
        flops_per_item: Floating-point operations, from the shapes of what runs.
        share_of_peak: Of the card; None where its peak is not known.
    """

    items_per_second: float
    flops_per_item: float
    share_of_peak: float | None


async def ask(
    adapter: MeasuredAdapter, requests: Sequence[Request], method: AnswerMethod
) -> list[Result]:
    """Ask an open adapter, and give the results in the order of the requests.

    Raises:
        RuntimeError: If a request was not answered.
    """
    scoring = method is AnswerMethod.SCORE_CHOICES
    asked = adapter.score_choices(requests) if scoring else adapter.generate(requests)
    results = {result.id: result async for result in asked}
    wrong = [result.detail for result in results.values() if result.detail and not result.text]
    if wrong:
        raise RuntimeError(f"{len(wrong)} requests were not answered: {wrong[0]}")
    return [results[request.id] for request in requests]


def measure_adapter(
    subject: Subject, requests: Sequence[Request], way: Way, batch_size: int, peak: float | None
) -> Speed:
    """Ask several batches, after one for practice."""
    rate = _time_adapter(subject, requests, way, batch_size)
    flops = count_flops(subject.model, requests[: _COUNTED_CLIPS * way.per_clip], way, _NO_LIMIT)
    return _speed(rate, flops, peak)


def _time_adapter(
    subject: Subject, requests: Sequence[Request], way: Way, batch_size: int
) -> float:
    """Give the items per second."""
    # As in a long run, where there is always a batch after the one that is answered.
    rounds = math.ceil(_BATCHES * batch_size / len(requests))
    asked = [
        replace(request, id=f"{request.id} {number}")
        for number in range(rounds)
        for request in requests
    ]

    async def run() -> float:
        async with MeasuredAdapter(subject, batch_size) as adapter:
            await ask(adapter, requests[:batch_size], way.method)
            started = time.perf_counter()
            await ask(adapter, asked, way.method)
            return len(asked) / (time.perf_counter() - started)

    return asyncio.run(run())


def measure_plain(
    subject: Subject, requests: Sequence[Request], way: Way, peak: float | None
) -> Speed:
    """Ask one request at a time, for a few seconds, after one for practice."""

    async def run() -> float:
        async with MeasuredAdapter(subject, 1) as adapter:
            await ask(adapter, requests[:1], way.method)
            started = time.perf_counter()
            done, seconds = 0, 0.0
            while done < len(requests) and seconds < PLAIN_SECONDS:
                await ask(adapter, requests[done : done + 1], way.method)
                done, seconds = done + 1, time.perf_counter() - started
            return done / seconds

    with _as_the_library_runs_it(subject.model.network):
        rate = asyncio.run(run())
        return _speed(rate, count_flops(subject.model, requests[:1], way, 1), peak)


@contextmanager
def _as_the_library_runs_it(network: torch.nn.Module) -> Iterator[bool]:
    """Let the towers attend window by window for a while; say whether that is a difference."""
    # The library's classes share no base that types their configuration.
    configs: list[Any] = [getattr(module, "config", None) for module in network.modules()]
    changed = [one for one in configs if getattr(one, "_attn_implementation", "") == WINDOWS]
    for one in changed:
        one._attn_implementation = "sdpa"
    try:
        yield bool(changed)
    finally:
        for one in changed:
            one._attn_implementation = WINDOWS


def _speed(rate: float, flops: float, peak: float | None) -> Speed:
    return Speed(rate, flops, None if peak is None else rate * flops / (peak * 1e12))


def count_flops(
    model: LocalModel[Any], requests: Sequence[Request], way: Way, batch_size: int
) -> float:
    """Count the operations of an item from the shapes of its matrix products."""
    # Its ways in and out are untyped in the library.
    counter: Any = FlopCounterMode(display=False, custom_mapping=FORMULAS)
    with counter:
        for start in range(0, len(requests), batch_size):
            batch = requests[start : start + batch_size]
            inputs = [one for one in model.prepare(batch) if not isinstance(one, InputError)]
            if way.method is AnswerMethod.SCORE_CHOICES:
                tokens = [[model.letter_token(one) for one in asked.letters] for asked in batch]
                model.score_first_token(inputs, tokens)
            else:
                model.write(inputs, way.new_tokens)
    return float(counter.get_total_flops()) / len(requests)


def choose_batch_size(
    subject: Subject, clips: Sequence[ClipMedia], sizes: Sequence[int]
) -> tuple[int, dict[str, float]]:
    """Try batches of several sizes, and give the fastest with the items per second of each."""
    way = Way(AnswerMethod.SCORE_CHOICES, 1)
    requests = make_requests(clips, way.per_clip, way.new_tokens)

    rates = {size: _time_adapter(subject, requests, way, size) for size in sizes}
    return max(rates, key=rates.__getitem__), {str(size): round4(rates[size]) for size in rates}


def measure_way(
    subject: Subject, clips: Sequence[ClipMedia], way: Way, batch_size: int, peak: float | None
) -> dict[str, Any]:
    """Measure a model in one way of asking, with the adapter and with the plain loop.

    Args:
        subject: The model.
        clips: To ask about.
        way: Of asking.
        batch_size: Of the adapter.
        peak: Of the card, in teraFLOP/s.
    """
    requests = make_requests(clips, way.per_clip, way.new_tokens)
    plain = measure_plain(subject, requests, way, peak)
    batched = measure_adapter(subject, requests, way, batch_size, peak)
    return {
        "answer_method": way.method.value,
        "questions_per_clip": way.per_clip,
        "new_tokens": way.new_tokens if way.method is AnswerMethod.GENERATE else 0,
        "items": len(requests),
        "plain_loop": _rounded(plain),
        "adapter": _rounded(batched),
        "ratio": round(batched.items_per_second / plain.items_per_second, 2),
    }


def measure_parts(subject: Subject, clips: Sequence[ClipMedia]) -> dict[str, float]:
    """Give the milliseconds per clip of what lies before the language model, and of a batch."""
    model: Any = subject.model
    requests = make_requests(clips, 1, 1)
    found = {"tensors_on_the_processor": _seconds(lambda: model.prepare(requests))}
    inputs = model.prepare(requests)
    placed = [one for given in inputs for one in model.place(given).media]
    for modality in (Modality.VIDEO, Modality.AUDIO):
        encode = torch.inference_mode()(
            partial(
                model.encode, modality, [one.content for one in placed if one.modality is modality]
            )
        )
        found[f"{modality.value}_tower"] = _seconds(encode)
        with _as_the_library_runs_it(model.network) as differs:
            if differs:
                found[f"{modality.value}_tower_of_the_library"] = _seconds(encode)
    batch = inputs[: len(inputs) // 2]
    letters = [[model.letter_token("A")]] * len(batch)
    score = partial(model.score_first_token, batch, letters)
    found["whole_batch"] = _seconds(score) * len(clips) / len(batch)
    # A prompt of a length that was not there before, and the same once more.
    for name in ("one_prompt_first", "one_prompt_again"):
        started = time.perf_counter()
        model.score_first_token(inputs[-1:], letters[:1])
        found[name] = (time.perf_counter() - started) * len(clips)
    return {name: round4(1000 * seconds / len(clips)) for name, seconds in found.items()}


def _seconds(work: Callable[[], Any]) -> float:
    """Time a piece of work, after once for practice."""
    work()
    synchronize()
    started = time.perf_counter()
    work()
    synchronize()
    return time.perf_counter() - started


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def round4(value: float) -> float:
    """Keep four digits."""
    return float(f"{value:.4g}")


def _rounded(speed: Speed) -> dict[str, float | None]:
    return {name: None if value is None else round4(value) for name, value in asdict(speed).items()}
