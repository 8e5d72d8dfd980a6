"""The checks: each a method that pytest collects, and that needs no pytest."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from unittest import SkipTest

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.deferred import DeferredAdapter
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality, Repeatability
from emoreal_bench.model_adapters.conformance.jobs import AskedByJobs
from emoreal_bench.model_adapters.conformance.requests import (
    FRAMES,
    QUESTION,
    SECONDS,
    make_clip,
    make_request,
)
from emoreal_bench.model_adapters.providers import create_adapter

_REPEATED = (Repeatability.EXACT, Repeatability.SAME_BATCH)
_ANSWERED = (DeliveryStatus.OK, DeliveryStatus.LENGTH)

Outcome = TypeVar("Outcome")


class AdapterConformance:
    """What an adapter promises. A subclass names the model.

    Attributes:
        model: ``provider/model``.
        arguments: Its ``--model-arg`` values.
        lora: Folder of a LoRA adapter to put on it.
        by_jobs: Whether to ask it by whole files of requests.
        is_strict: Whether it has to be fed whole clips and to repeat itself, even where it says
            that it does not.
    """

    model: str
    arguments: Mapping[str, str] = {}
    lora: Path | None = None
    by_jobs: bool = False
    is_strict: bool = False

    def create(self) -> ModelAdapter:
        """Create a fresh adapter of the model."""
        adapter = create_adapter(self.model, self.arguments, self.lora)
        if not self.by_jobs:
            return adapter
        if not isinstance(adapter, DeferredAdapter):
            raise SkipTest("the model cannot be asked by jobs")
        return AskedByJobs(adapter)

    def make_unusable(self, request: Request) -> Request:  # noqa: ARG002 - for those who override
        """Turn a request into one that this adapter cannot answer; a subclass knows how."""
        raise SkipTest("no request is known that the model cannot answer")

    def test_every_request_is_answered_once_under_its_id(self) -> None:
        """Every request is answered once, under its id."""
        results, batch = self._ask(make_batch()), make_batch()
        _require(set(results) == {one.id for one in batch}, f"answered were {sorted(results)}")
        for result in results.values():
            _require(result.status in _ANSWERED, f"{result.status}: {result.detail}")

    def test_a_request_that_cannot_be_answered_costs_no_other(self) -> None:
        """A request that cannot be answered costs no other."""
        batch = make_batch()
        batch[4] = self.make_unusable(batch[4])
        results = self._ask(batch)
        declined = results.pop(batch[4].id)
        _require(declined.status is DeliveryStatus.UNSUPPORTED, f"it is {declined.status}")
        _require(bool(declined.detail), "no detail says why")
        _require(len(results) == len(batch) - 1, f"of the others {len(results)} are answered")
        for result in results.values():
            _require(result.status is not DeliveryStatus.UNSUPPORTED, f"so is {result.id}")

    def test_no_requests_give_no_results(self) -> None:
        """No requests give no results."""
        _require(not self._ask([]), "there are results")

    def test_the_same_seed_gives_the_same_answers(self) -> None:
        """The same seed gives the same answers."""
        repeatability = self.create().describe().capabilities.repeatability
        if repeatability not in _REPEATED and not self.is_strict:
            raise SkipTest(f"the model's repeatability is {repeatability}")
        first, second = self._ask(make_batch()), self._ask(make_batch())
        for name, result in first.items():
            other = second[name].text
            _require(result.text == other, f"request {name}: {result.text!r}, then {other!r}")

    def test_what_reached_the_model_is_counted(self) -> None:
        """What reached the model is counted, and a difference is noted."""
        takes = self.create().describe().capabilities.modalities
        delivery = self._deliver()
        unfed = 0
        for modality, fed, whole in (
            (Modality.VIDEO, delivery.frames, FRAMES),
            (Modality.AUDIO, delivery.audio_seconds, SECONDS),
        ):
            seen = f"{modality}: {fed:g} of {whole:g}, notes: {delivery.notes}"
            if modality not in takes:
                unfed += 1
                _require(fed == 0, seen)
            elif not math.isclose(fed, whole, rel_tol=1e-6):
                _require(fed > 0 and bool(delivery.notes) and not self.is_strict, seen)
        _require(len(delivery.notes) >= unfed, f"notes: {delivery.notes}")
        if self.is_strict:
            _require(len(delivery.notes) == unfed, f"notes: {delivery.notes}")

    def test_a_missing_modality_is_noted_and_not_counted(self) -> None:
        """A missing modality is noted and not counted."""
        delivery = self._deliver(seconds=None)
        _require(delivery.audio_seconds == 0.0, f"{delivery.audio_seconds:g} s are counted")
        noted = any(note.startswith("audio left out") for note in delivery.notes)
        _require(noted, f"no note begins with 'audio left out': {delivery.notes}")

    def test_another_clip_gives_another_input_hash(self) -> None:
        """Another clip gives another input hash."""
        hashes = [self._deliver(seed).input_hash for seed in (0, 0, 1)]
        _require(hashes[0] == hashes[1], "equal clips give different ones")
        # A blind model is fed nothing that could differ.
        _require(
            (hashes[1] != hashes[2]) == self.takes_media(),
            "another clip gives the same" if self.takes_media() else "clips change it",
        )

    def test_choices_are_scored_where_the_model_says_so(self) -> None:
        """Choices are scored where the model says so, and nowhere else."""
        kind = self.create().describe().capabilities.choice_score_kind
        if kind is None:
            with _raises(NotImplementedError):
                self._ask(make_batch(), _score)
            return
        for result in self._ask(make_batch(), _score).values():
            scored = result.choice_scores
            if scored is None:
                raise AssertionError(f"no scores: {result.status}: {result.detail}")
            _require(scored.kind is kind, f"they are {scored.kind}, not {kind}")
            best = max(scored.scores, key=scored.scores.__getitem__)
            _require(result.text == best, f"the text is {result.text!r}, the best letter {best!r}")
            sound = scored.mass is not None and 0.0 <= scored.mass <= 1.0
            _require(sound, f"the letters' whole probability is {scored.mass}")

    def test_a_prompt_renders_the_same_before_and_after_opening(self) -> None:
        """A prompt renders the same before and after opening, and holds the question."""
        request = make_request("1", make_clip())

        async def run(adapter: ModelAdapter) -> tuple[str, str]:
            before = adapter.render(request)
            async with adapter:
                return before, adapter.render(request)

        before, after = self._run(run)
        _require(before == after, f"before:\n{before}\nafter:\n{after}")
        _require(QUESTION in before, f"the question is not in it:\n{before}")

    def test_another_question_renders_otherwise(self) -> None:
        """Another question renders otherwise."""
        adapter = self.create()
        one, other = make_request("1"), make_request("1", question="Is she sad?")
        _require(adapter.render(one) != adapter.render(other), "it renders the same")

    def test_describing_does_not_change(self) -> None:
        """The description stays the same while the model answers."""

        async def run(adapter: ModelAdapter) -> None:
            before = adapter.describe()
            async with adapter:
                await _generate(adapter, make_batch()[:2])
            _require(adapter.describe() == before, "answering changed it")
            _require(self.create().describe() == before, "a second adapter has another")

        self._run(run)

    def test_an_adapter_may_be_opened_and_closed_again(self) -> None:
        """An adapter may be opened and closed again, twice in a row too."""

        async def run(adapter: ModelAdapter) -> list[list[str]]:
            rounds = []
            for _ in range(2):
                await adapter.open()
                await adapter.open()
                results = await _generate(adapter, make_batch()[:2])
                rounds.append([result.text for result in results])
                await adapter.close()
                await adapter.close()
            return rounds

        first, second = self._run(run)
        _require(first == second, f"{first}, then {second}")

    def test_a_cancelled_batch_leaves_the_adapter_usable(self) -> None:
        """A cancelled batch leaves the adapter usable."""
        batch = make_batch()

        async def run(adapter: ModelAdapter) -> list[Result]:
            async with adapter:
                task = asyncio.create_task(_read_slowly(adapter.generate(batch)))
                await asyncio.sleep(0)
                task.cancel()
                with _raises(asyncio.CancelledError):
                    await task
                return await _generate(adapter, batch[:1])

        answered = [result.id for result in self._run(run)]
        _require(answered == [batch[0].id], f"answered are {answered}")

    def takes_media(self) -> bool:
        """Return whether the model is given anything of a clip."""
        return self.create().describe().capabilities.modalities != (Modality.TEXT,)

    def _run(self, use: Callable[[ModelAdapter], Awaitable[Outcome]]) -> Outcome:
        async def run() -> Outcome:
            return await use(self.create())

        return asyncio.run(run())

    def _ask(
        self,
        requests: Sequence[Request],
        method: Callable[[ModelAdapter, Sequence[Request]], Awaitable[list[Result]]] | None = None,
    ) -> dict[str, Result]:
        """Ask a fresh adapter; return its results by id, each exactly once."""

        async def run(adapter: ModelAdapter) -> list[Result]:
            async with adapter:
                return await (method or _generate)(adapter, requests)

        results = self._run(run)
        by_id = {result.id: result for result in results}
        _require(len(by_id) == len(results), "a request has several results")
        return by_id

    def _deliver(self, seed: int = 0, seconds: float | None = SECONDS) -> Delivery:
        return self._ask([make_request("1", make_clip(seed, seconds=seconds))])["1"].delivery


def make_batch() -> list[Request]:
    """Make ten requests about four clips."""
    return [make_request(str(number), make_clip(seed=number // 3)) for number in range(10)]


async def _generate(adapter: ModelAdapter, requests: Sequence[Request]) -> list[Result]:
    return [result async for result in adapter.generate(requests)]


async def _score(adapter: ModelAdapter, requests: Sequence[Request]) -> list[Result]:
    return [result async for result in adapter.score_choices(requests)]


async def _read_slowly(results: AsyncIterator[Result]) -> None:
    """Read results, giving others a turn after each."""
    async for _ in results:
        await asyncio.sleep(0)


def _require(kept: bool, otherwise: str) -> None:
    if not kept:
        raise AssertionError(otherwise)


@contextmanager
def _raises(kind: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} is raised")
