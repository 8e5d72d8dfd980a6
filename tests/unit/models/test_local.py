"""The adapter around a model in this process: failures, limits and the thread."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
import torch

from emoreal_bench.contracts.adapter import Capabilities, ModelDescription
from emoreal_bench.contracts.request import GenerationSettings, Request
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters.conformance.requests import make_request
from emoreal_bench.model_adapters.local.adapter import (
    LocalAdapter,
    LocalModel,
    Reply,
    Sampling,
    local_capabilities,
)
from emoreal_bench.model_adapters.local.hardware import is_out_of_memory
from emoreal_bench.running.runner import kept_open


@dataclass(frozen=True)
class FakeInput:
    id: str
    delivery: Delivery = field(default_factory=lambda: Delivery(tokens={Modality.TEXT: 5}))


class FakeModel(LocalModel[FakeInput]):
    """Replies with the item's id; ``bad`` ids fail, ``odd`` ids cannot be prepared.

    Args:
        room: Largest batch that fits into the memory.
    """

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.batches: list[list[str]] = []
        self.samplings: list[Sampling | None] = []
        self.wait: Callable[[], object] = lambda: None

    @property
    def network(self) -> torch.nn.Module:
        return torch.nn.Identity()

    def prepare(self, requests: Sequence[Request]) -> list[FakeInput | InputError]:
        return [
            InputError("odd") if "odd" in request.id else FakeInput(request.id)
            for request in requests
        ]

    def write(
        self, inputs: Sequence[FakeInput], max_new_tokens: int, sampling: Sampling | None = None
    ) -> list[Reply]:
        self._note(inputs)
        self.samplings.append(sampling)
        return [Reply(f"I say {one.id}. And more.", 6, ended=max_new_tokens > 6) for one in inputs]

    def letter_token(self, letter: str) -> int:
        if len(letter) > 1:
            raise InputError("several tokens")
        return ord(letter)

    def score_first_token(
        self, inputs: Sequence[FakeInput], tokens: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        self._note(inputs)
        return [[math.log(0.2) if token == ord("B") else -2.5 for token in row] for row in tokens]

    def _note(self, inputs: Sequence[FakeInput]) -> None:
        self.batches.append([one.id for one in inputs])
        self.wait()
        if len(inputs) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 MiB.")
        if any("bad" in one.id for one in inputs):
            raise RuntimeError("the arithmetic failed\nand a long tail")


class FakeAdapter(LocalAdapter[FakeInput]):
    def __init__(self, model: FakeModel, batch_size: int = 4):
        super().__init__()
        self.model = model
        self.batch_size = batch_size

    def render(self, request: Request) -> str:
        return request.id

    def _make_description(self) -> ModelDescription:
        return ModelDescription(
            name="fake/model", capabilities=Capabilities(batch_size=self.batch_size)
        )

    def _load(self) -> FakeModel:
        return self.model


def ask(
    requests: Sequence[Request], *, model: FakeModel | None = None, scoring: bool = False
) -> dict[str, Result]:
    async def collect() -> dict[str, Result]:
        async with FakeAdapter(model or FakeModel()) as adapter:
            answers = adapter.score_choices(requests) if scoring else adapter.generate(requests)
            return {result.id: result async for result in answers}

    return asyncio.run(collect())


def test_a_model_that_is_kept_is_loaded_once_and_answers_in_each_event_loop() -> None:
    class Counting(FakeAdapter):
        loaded = 0

        def _load(self) -> FakeModel:
            self.loaded += 1
            return super()._load()

    async def collect() -> list[str]:
        async with adapter:
            return [result.text async for result in adapter.generate([make_request("a")])]

    adapter = Counting(FakeModel())
    with kept_open(adapter):
        assert asyncio.run(collect()) == asyncio.run(collect())
    assert adapter.loaded == 1
    asyncio.run(collect())
    assert adapter.loaded == 2


def test_a_failing_batch_is_tried_one_by_one() -> None:
    model = FakeModel()
    results = ask([make_request(name) for name in ("a", "bad", "c")], model=model)
    assert model.batches == [["a", "bad", "c"], ["a"], ["bad"], ["c"]]
    assert results["a"].text == "I say a. And more."
    assert results["bad"].status is DeliveryStatus.FAILED
    assert results["bad"].detail == "the arithmetic failed"


def test_a_batch_too_large_for_the_memory_is_halved_once_and_for_all() -> None:
    model = FakeModel(room=2)
    requests = [make_request(str(number)) for number in range(8)]
    results = ask(requests, model=model)
    assert [len(batch) for batch in model.batches] == [4, 2, 2, 2, 2]
    assert {result.status for result in results.values()} == {DeliveryStatus.OK}


def test_the_memory_does_not_change_what_a_request_gives_to_the_model() -> None:
    requests = [make_request(str(number)) for number in range(4)]
    plenty, scarce = ask(requests), ask(requests, model=FakeModel(room=1))
    assert {name: (one.delivery, one.text) for name, one in scarce.items()} == {
        name: (one.delivery, one.text) for name, one in plenty.items()
    }


def test_a_request_too_large_for_the_memory_fails_alone() -> None:
    model = FakeModel(room=0)
    results = ask([make_request("a"), make_request("b")], model=model)
    assert [len(batch) for batch in model.batches] == [2, 1, 1]
    assert {result.detail for result in results.values()} == {"CUDA out of memory."}


def test_the_processors_memory_runs_out_in_its_own_words() -> None:
    error = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
    assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


def test_a_request_that_cannot_be_prepared_is_unsupported() -> None:
    results = ask([make_request("odd"), make_request("a")])
    assert (results["odd"].status, results["odd"].detail) == (DeliveryStatus.UNSUPPORTED, "odd")
    assert results["a"].text


def test_a_reply_stopped_by_the_limit_says_so() -> None:
    short, long = GenerationSettings(max_new_tokens=6), GenerationSettings(max_new_tokens=7)
    results = ask([make_request("a", settings=short), make_request("b", settings=long)])
    assert results["a"].status is DeliveryStatus.LENGTH
    assert results["b"].status is DeliveryStatus.OK


def test_a_reply_is_cut_at_the_first_stop_text() -> None:
    settings = GenerationSettings(max_new_tokens=6, stop=("more", "."))
    result = ask([make_request("a", settings=settings)])["a"]
    assert (result.text, result.status) == ("I say a", DeliveryStatus.OK)


def test_only_requests_of_equal_settings_are_answered_together() -> None:
    model = FakeModel()
    other = GenerationSettings(max_new_tokens=9)
    ask([make_request("a"), make_request("b", settings=other), make_request("c")], model=model)
    assert sorted(model.batches) == [["a", "c"], ["b"]]


def test_no_batch_is_larger_than_the_adapter_says() -> None:
    model = FakeModel()
    ask([make_request(str(number)) for number in range(10)], model=model)
    assert [len(batch) for batch in model.batches] == [4, 4, 2]


def test_a_temperature_draws_tokens_and_zero_takes_the_likeliest() -> None:
    model = FakeModel()
    ask([make_request("a", settings=GenerationSettings(temperature=0.7, top_p=0.9))], model=model)
    ask([make_request("a")], model=model)
    drawn, greedy = model.samplings
    assert drawn is not None
    assert (drawn.temperature, drawn.top_p, greedy) == (0.7, 0.9, None)


def test_each_item_has_its_own_noise_under_each_seed_whatever_its_batch() -> None:
    def seeds(seed: int, *names: str) -> list[int]:
        model = FakeModel()
        settings = GenerationSettings(temperature=1.0, seed=seed)
        ask([make_request(name, settings=settings) for name in names], model=model)
        return [one for sampling in model.samplings if sampling for one in sampling.seeds]

    assert len({*seeds(0, "a", "b"), *seeds(1, "a", "b")}) == 4
    assert seeds(0, "a", "b")[1:] == seeds(0, "b")


def test_choices_are_scored_with_the_best_letter_as_text() -> None:
    result = ask([make_request("a", letters=("A", "B", "C"))], scoring=True)["a"]
    assert result.text == "B"
    assert result.choice_scores is not None
    assert result.choice_scores.kind is ChoiceScoreKind.LETTER_LOGIT
    assert result.choice_scores.scores == {"A": -2.5, "B": math.log(0.2), "C": -2.5}
    assert result.choice_scores.mass == pytest.approx(0.2 + 2 * math.exp(-2.5))


@pytest.mark.parametrize("letters", [(), ("A", "BB")])
def test_options_that_cannot_be_scored_are_unsupported(letters: tuple[str, ...]) -> None:
    result = ask([make_request("a", letters=letters)], scoring=True)["a"]
    assert result.status is DeliveryStatus.UNSUPPORTED


def test_tokens_are_counted_from_the_delivery_and_the_reply() -> None:
    usage = ask([make_request("a")])["a"].usage
    assert (usage.input_tokens, usage.output_tokens, usage.measured) == (5, 6, True)


def test_the_tensors_of_the_next_batch_are_made_while_one_is_answered() -> None:
    model = FakeModel()
    prepare, second = model.prepare, threading.Event()

    def watch(requests: Sequence[Request]) -> list[FakeInput | InputError]:
        if requests[0].id == "2":
            second.set()
        return prepare(requests)

    model.prepare = watch  # type: ignore[method-assign]  # an instance's own
    began: list[bool] = []
    model.wait = lambda: began.append(second.wait(timeout=20))
    # The adapter's batches hold four.
    results = ask([make_request(number) for number in "1abc2def"], model=model)
    assert began == [True, True]
    assert list(results) == list("1abc2def")


def test_a_gpu_is_handed_a_second_batch_while_it_answers_the_first() -> None:
    assert local_capabilities(8, needs_gpu=True).concurrency == 2
    assert local_capabilities(8, needs_gpu=False).concurrency == 1


def test_the_loop_goes_on_while_the_model_computes() -> None:
    model = FakeModel()
    from_loop = threading.Event()
    model.wait = lambda: from_loop.wait(timeout=30)

    async def run() -> list[Result]:
        async with FakeAdapter(model) as adapter:

            async def collect() -> list[Result]:
                return [result async for result in adapter.generate([make_request("a")])]

            task = asyncio.create_task(collect())
            while not model.batches:
                await asyncio.sleep(0)
            # Only reached while the model waits in its thread.
            from_loop.set()
            return await task

    assert asyncio.run(run())[0].text


def test_a_cancelled_adapter_closes_and_opens_again() -> None:
    model = FakeModel()
    release = threading.Event()
    model.wait = lambda: release.wait(timeout=30)

    async def run() -> list[Result]:
        adapter = FakeAdapter(model)
        await adapter.open()

        async def collect() -> list[Result]:
            return [result async for result in adapter.generate([make_request("a")])]

        task = asyncio.create_task(collect())
        while not model.batches:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        release.set()
        await adapter.close()
        async with adapter:
            return await collect()

    assert asyncio.run(run())[0].text


def test_a_model_that_does_not_load_leaves_no_thread_behind() -> None:
    class Broken(FakeAdapter):
        def _load(self) -> FakeModel:
            raise OSError("no such weights")

    before = threading.enumerate()
    with pytest.raises(OSError, match="no such weights"):
        asyncio.run(Broken(FakeModel()).open())
    assert threading.enumerate() == before
