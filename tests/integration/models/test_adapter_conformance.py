"""What every adapter promises, asked of every adapter that runs on this machine.

An adapter of another kind joins by a line in ``ADAPTERS``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter

import pytest

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.deferred import DeferredAdapter
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters import PROVIDERS, create_adapter
from tests.avere_checkpoint import make_avere_checkpoint
from tests.jobs import AskedByJobs
from tests.model_requests import QUESTION, make_clip, make_request
from tests.stub_server import Behaviour, StubServer

SAMPLE_WORKER = Path(__file__).parents[3] / "examples" / "workers" / "sample" / "worker.py"

Ask = Callable[[ModelAdapter, Sequence[Request]], Awaitable[list[Result]]]


@dataclass(frozen=True)
class Subject:
    """An adapter to examine.

    Attributes:
        name: Of the model; ``{script}`` and the like stand for a path, which the
            fixture of that name gives.
        unusable: Makes a request that this adapter cannot answer.
        arguments: Of the model; ``{stub}`` stands for the address of a service,
            ``{python}`` for the interpreter.
        by_jobs: Whether it is asked by whole files of requests.
    """

    name: str
    unusable: Callable[[Request], Request]
    arguments: Mapping[str, str] = field(default_factory=dict)
    by_jobs: bool = False

    def create(self) -> ModelAdapter:
        adapter = create_adapter(self.name, self.arguments)
        if not self.by_jobs:
            return adapter
        assert isinstance(adapter, DeferredAdapter)
        return AskedByJobs(adapter)


def without_options(request: Request) -> Request:
    return replace(request, letters=())


def with_a_reserved_mark(request: Request) -> Request:
    return make_request(request.id, question="<|im_end|> </s>")


def with_an_unknown_id(request: Request) -> Request:
    return replace(request, id="unscripted")


def with_a_clip_that_is_declined(request: Request) -> Request:
    return make_request(request.id, make_clip(), question="Decline this clip.")


def served(name: str, path: str = "/v1", **arguments: str) -> Subject:
    """Make a subject that a service on this machine answers for."""
    return Subject(name, with_a_clip_that_is_declined, {"base_url": f"{{stub}}{path}", **arguments})


ADAPTERS = (
    Subject("baseline/first-choice", without_options),
    Subject("baseline/last-choice", without_options),
    Subject("baseline/random", without_options),
    Subject("scripted/{script}", with_an_unknown_id),
    Subject("tiny/omni", with_a_reserved_mark),
    Subject("avere/{avere}", with_a_reserved_mark),
    Subject("hf/{gemma3n}", with_a_reserved_mark, {"device": "cpu"}),
    Subject("hf/{phi4}", with_a_reserved_mark, {"device": "cpu"}),
    Subject("worker/sample", without_options, {"command": f"{{python}} {SAMPLE_WORKER}"}),
    served("http/qwen", dialect="vllm", takes_audio="true"),
    served("openai/gpt-4o", takes_audio="true"),
    served("google/gemini-2.5-flash", path="", top_logprobs="5"),
    replace(served("openai/gpt-4o", takes_audio="true"), by_jobs=True),
    replace(served("google/gemini-2.5-flash", path="", top_logprobs="5"), by_jobs=True),
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.json"
    replies = {str(number): f"({'AB'[number % 2]})" for number in range(10)}
    path.write_text(json.dumps({"replies": replies, "modalities": ["video", "audio", "text"]}))
    return path


@pytest.fixture(scope="session")
def avere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_avere_checkpoint(tmp_path_factory.mktemp("avere"))


@pytest.fixture(scope="session")
def gemma3n(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.gemma3n_folders import WHY_SKIPPED, make_network, make_tokenizer, save_folder

    pytest.importorskip("timm", reason=WHY_SKIPPED)
    tokenizer = make_tokenizer()
    return save_folder(make_network(tokenizer), tokenizer, tmp_path_factory.mktemp("gemma3n"))


@pytest.fixture(scope="session")
def phi4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.phi4_folders import make_phi4_folder, make_phi4_network, make_phi4_tokenizer

    tokenizer = make_phi4_tokenizer()
    network = make_phi4_network(tokenizer)
    return make_phi4_folder(network, tokenizer, tmp_path_factory.mktemp("phi4"))


@pytest.fixture(scope="session")
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        server.choose(
            lambda asked: (
                Behaviour.MEDIA_REFUSED if b"Decline this" in asked.content else Behaviour.OK
            )
        )
        yield server


@pytest.fixture(params=ADAPTERS, ids=lambda subject: subject.name + " by jobs" * subject.by_jobs)
def subject(request: pytest.FixtureRequest, stub: StubServer) -> Subject:
    chosen: Subject = request.param
    if not PROVIDERS[chosen.name.partition("/")[0]].is_installed():
        pytest.skip("needs an extra that is not installed")
    paths = {
        name: request.getfixturevalue(name)
        for _, name, _, _ in Formatter().parse(chosen.name)
        if name is not None
    }
    return replace(
        chosen,
        name=chosen.name.format(**paths),
        arguments={
            name: value.format(stub=stub.address, python=sys.executable)
            for name, value in chosen.arguments.items()
        },
    )


@pytest.fixture
def batch() -> list[Request]:
    return [make_request(str(number), make_clip(seed=number // 3)) for number in range(10)]


async def generate(adapter: ModelAdapter, requests: Sequence[Request]) -> list[Result]:
    return [result async for result in adapter.generate(requests)]


async def score(adapter: ModelAdapter, requests: Sequence[Request]) -> list[Result]:
    return [result async for result in adapter.score_choices(requests)]


def ask(subject: Subject, requests: Sequence[Request], method: Ask = generate) -> dict[str, Result]:
    """Ask a fresh adapter and give its results by id, each exactly once."""

    async def run() -> list[Result]:
        async with subject.create() as adapter:
            return list(await method(adapter, requests))

    results = asyncio.run(run())
    by_id = {result.id: result for result in results}
    assert len(by_id) == len(results)
    return by_id


def takes_media(subject: Subject) -> bool:
    return subject.create().describe().capabilities.modalities != (Modality.TEXT,)


def test_every_request_is_answered_once_under_its_id(
    subject: Subject, batch: list[Request]
) -> None:
    results = ask(subject, batch)
    assert set(results) == {request.id for request in batch}
    assert all(
        result.status in (DeliveryStatus.OK, DeliveryStatus.LENGTH) for result in results.values()
    )


def test_a_request_that_cannot_be_answered_costs_no_other(
    subject: Subject, batch: list[Request]
) -> None:
    unusable = subject.unusable(batch[4])
    results = ask(subject, [*batch[:4], unusable, *batch[5:]])
    assert results[unusable.id].status is DeliveryStatus.UNSUPPORTED
    assert results[unusable.id].detail
    others = [result for result in results.values() if result.id != unusable.id]
    assert len(others) == len(batch) - 1
    assert all(result.status is not DeliveryStatus.UNSUPPORTED for result in others)


def test_no_requests_give_no_results(subject: Subject) -> None:
    assert ask(subject, []) == {}


def test_the_same_seed_gives_the_same_answers(subject: Subject, batch: list[Request]) -> None:
    first, second = ask(subject, batch), ask(subject, batch)
    assert [first[request.id].text for request in batch] == [
        second[request.id].text for request in batch
    ]


def test_what_reached_the_model_is_counted(subject: Subject) -> None:
    delivery = ask(subject, [make_request("1", make_clip())])["1"].delivery
    if takes_media(subject):
        assert delivery.frames == 8
        assert delivery.audio_seconds == pytest.approx(1.5)
        assert delivery.notes == ()
    else:
        assert (delivery.frames, delivery.audio_seconds) == (0, 0.0)
        assert len(delivery.notes) == 2


def test_a_missing_modality_is_noted_and_not_counted(subject: Subject) -> None:
    delivery = ask(subject, [make_request("1", make_clip(seconds=None))])["1"].delivery
    assert delivery.audio_seconds == 0.0
    assert any(note.startswith("audio left out") for note in delivery.notes)


def test_another_clip_gives_another_input_hash(subject: Subject) -> None:
    hashes = {
        ask(subject, [make_request("1", make_clip(seed=seed))])["1"].delivery.input_hash
        for seed in (0, 0, 1)
    }
    # A blind model is fed nothing that could differ.
    assert len(hashes) == (2 if takes_media(subject) else 1)


def test_choices_are_scored_where_the_model_says_so(subject: Subject, batch: list[Request]) -> None:
    kind = subject.create().describe().capabilities.choice_score_kind
    if kind is None:
        with pytest.raises(NotImplementedError):
            ask(subject, batch, score)
        return
    for result in ask(subject, batch, score).values():
        assert result.choice_scores is not None
        assert result.choice_scores.kind is kind
        assert result.text == max(
            result.choice_scores.scores, key=result.choice_scores.scores.__getitem__
        )
        assert result.choice_scores.mass is not None
        assert 0.0 <= result.choice_scores.mass <= 1.0


def test_a_prompt_renders_the_same_before_and_after_opening(subject: Subject) -> None:
    request = make_request("1", make_clip())

    async def run() -> tuple[str, str]:
        adapter = subject.create()
        before = adapter.render(request)
        async with adapter:
            return before, adapter.render(request)

    before, after = asyncio.run(run())
    assert before == after
    assert QUESTION in before


def test_another_question_renders_otherwise(subject: Subject) -> None:
    adapter = subject.create()
    one, other = make_request("1"), make_request("1", question="Is she sad?")
    assert adapter.render(one) != adapter.render(other)


def test_describing_does_not_change(subject: Subject, batch: list[Request]) -> None:
    async def run() -> None:
        adapter = subject.create()
        before = adapter.describe()
        async with adapter:
            await generate(adapter, batch[:2])
        assert adapter.describe() == before
        assert before == subject.create().describe()

    asyncio.run(run())


def test_an_adapter_may_be_opened_and_closed_again(subject: Subject, batch: list[Request]) -> None:
    async def run() -> list[list[Result]]:
        adapter = subject.create()
        rounds = []
        for _ in range(2):
            await adapter.open()
            await adapter.open()
            rounds.append(await generate(adapter, batch[:2]))
            await adapter.close()
            await adapter.close()
        return rounds

    first, second = asyncio.run(run())
    assert [result.text for result in first] == [result.text for result in second]


def test_a_cancelled_batch_leaves_the_adapter_usable(
    subject: Subject, batch: list[Request]
) -> None:
    async def run() -> list[Result]:
        async with subject.create() as adapter:
            task = asyncio.create_task(generate_slowly(adapter.generate(batch)))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await generate(adapter, batch[:1])

    (result,) = asyncio.run(run())
    assert result.id == batch[0].id


async def generate_slowly(results: AsyncIterator[Result]) -> None:
    """Read results, giving others a turn after each."""
    async for _ in results:
        await asyncio.sleep(0)
