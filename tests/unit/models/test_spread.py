"""One model on several devices: where batches go, and what they have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import torch
from accelerate import infer_auto_device_map

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.arguments import parse_arguments
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_request
from emoreal_bench.model_adapters.local.hardware import LocalArguments
from emoreal_bench.model_adapters.local.hf import HfArguments
from emoreal_bench.model_adapters.local.spread import SpreadAdapter, plan_split, spread


class FakeCopy(ModelAdapter):
    """Answers when told to, and says on which device it did."""

    def __init__(self, device: str, *, loads: bool = True, concurrency: int = 1):
        self.device = device
        self.concurrency = concurrency
        self.loads = loads
        self.is_open = False
        self.may_answer = asyncio.Event()

    def describe(self) -> ModelDescription:
        capabilities = Capabilities(batch_size=3, concurrency=self.concurrency)
        return ModelDescription(name="fake/model", capabilities=capabilities)

    def render(self, request: Request) -> str:
        return request.id

    async def open(self) -> None:
        if not self.loads:
            raise UsageError("there is no such device.")
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        await self.may_answer.wait()
        for request in requests:
            yield Result(request.id, DeliveryStatus.OK, self.device)


async def ask(adapter: ModelAdapter, identity: str) -> str:
    (result,) = [result async for result in adapter.generate([make_request(identity)])]
    return result.text


def parse(**arguments: str) -> LocalArguments:
    return parse_arguments(LocalArguments, arguments, "fake/model")


def test_batches_under_way_at_once_are_on_different_devices() -> None:
    async def run() -> list[str]:
        copies = [FakeCopy("first"), FakeCopy("second")]
        async with SpreadAdapter(copies) as adapter:
            tasks = [asyncio.create_task(ask(adapter, str(number))) for number in range(2)]
            await asyncio.sleep(0)
            for copy in copies:
                copy.may_answer.set()
            return await asyncio.gather(*tasks)

    assert sorted(asyncio.run(run())) == ["first", "second"]


def test_a_batch_goes_to_the_device_that_is_idle() -> None:
    async def run() -> list[str]:
        busy, quick = FakeCopy("busy"), FakeCopy("quick")
        quick.may_answer.set()
        async with SpreadAdapter([busy, quick]) as adapter:
            waiting = asyncio.create_task(ask(adapter, "0"))
            await asyncio.sleep(0)
            answered = [await ask(adapter, str(number)) for number in range(1, 4)]
            busy.may_answer.set()
            return [*answered, await waiting]

    assert asyncio.run(run()) == ["quick", "quick", "quick", "busy"]


def test_a_cancelled_batch_gives_its_device_back() -> None:
    async def run() -> str:
        copy = FakeCopy("only")
        async with SpreadAdapter([copy]) as adapter:
            task = asyncio.create_task(ask(adapter, "0"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            copy.may_answer.set()
            return await ask(adapter, "1")

    assert asyncio.run(run()) == "only"


def test_as_many_batches_may_be_under_way_as_there_are_devices() -> None:
    description = SpreadAdapter([FakeCopy("a"), FakeCopy("b"), FakeCopy("c")]).describe()
    assert description.capabilities.concurrency == 3
    assert description.capabilities.batch_size == 3


def test_every_copy_gets_a_batch_before_one_gets_a_second() -> None:
    copies = [FakeCopy("a", concurrency=2), FakeCopy("b", concurrency=2)]
    adapter = SpreadAdapter(copies)
    assert adapter.describe().capabilities.concurrency == 4

    async def run() -> list[str]:
        async with adapter:
            tasks = [asyncio.create_task(ask(adapter, str(number))) for number in range(4)]
            await asyncio.sleep(0)
            for copy in copies:
                copy.may_answer.set()
            return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == ["a", "b", "a", "b"]


def test_no_copy_stays_loaded_if_one_cannot_be() -> None:
    copies = [FakeCopy("there"), FakeCopy("not there", loads=False)]
    with pytest.raises(UsageError):
        asyncio.run(SpreadAdapter(copies).open())
    assert not any(copy.is_open for copy in copies)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [("0,1", ["cuda:0", "cuda:1"]), ("cpu,cpu", ["cpu", "cpu"]), ("3", ["cuda:3"])],
)
def test_each_device_gets_a_copy(devices: str, expected: list[str]) -> None:
    placed: list[str] = []

    def make(arguments: LocalArguments) -> ModelAdapter:
        placed.append(arguments.device)
        return FakeCopy(arguments.device)

    adapter = spread(parse(devices=devices), make)
    assert placed == expected
    assert isinstance(adapter, SpreadAdapter) == (len(expected) > 1)


def test_without_devices_there_is_one_copy() -> None:
    assert isinstance(spread(parse(device="cpu"), lambda one: FakeCopy(one.device)), FakeCopy)


@pytest.mark.parametrize("devices", ["", "0,", "cpu,0", "cuda:0", "0 1"])
def test_devices_that_cannot_be_read_are_refused(devices: str) -> None:
    with pytest.raises(UsageError, match="argument 'devices'"):
        parse(devices=devices)


def test_device_and_devices_together_are_refused() -> None:
    with pytest.raises(UsageError, match="either device or devices"):
        parse(device="cpu", devices="0,1")


def test_the_number_of_devices_is_no_part_of_who_the_model_is() -> None:
    one, two = (parse(devices=devices).per_device()[0] for devices in ("cpu", "cpu,cpu"))
    assert one.as_settings() == two.as_settings() == parse(device="cpu").as_settings()


def test_a_gpu_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert parse(devices="0,1").per_device()[1].require_device() == "cuda:1"
    with pytest.raises(UsageError, match="no GPU 2: torch finds 2"):
        parse(device="cuda:2").require_device()


def parse_hf(**arguments: str) -> HfArguments:
    return parse_arguments(HfArguments, arguments, "hf/model")


def test_a_model_that_is_split_has_one_copy_over_the_named_gpus() -> None:
    arguments = parse_hf(devices="0,2", split="true")
    assert arguments.per_device() == [arguments]
    assert arguments.split_over == (0, 2)


def test_the_same_devices_without_split_hold_a_copy_each() -> None:
    arguments = parse_hf(devices="0,2")
    assert len(arguments.per_device()) == 2
    assert arguments.split_over == ()


def test_being_split_is_no_part_of_who_a_model_is() -> None:
    assert parse_hf(devices="0,2", split="true").as_settings() == parse_hf().as_settings()


@pytest.mark.parametrize(
    "devices", [{}, {"devices": "0"}, {"devices": "1,1"}, {"devices": "cpu,cpu"}]
)
def test_split_needs_the_names_of_several_gpus(devices: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="name the GPUs"):
        parse_hf(**devices, split="true")


def test_every_gpu_keeps_room_for_the_arithmetic() -> None:
    free = {0: 1_000, 2: 500}
    assert plan_split((0, 2), free.__getitem__) == {0: 800, 2: 400}


def test_a_plan_parts_the_miniature_between_whole_layers() -> None:
    tokenizer = tiny_network.make_tokenizer()
    with torch.device("meta"):
        network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    size = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    plan = infer_auto_device_map(
        network,
        max_memory=dict(plan_split((0, 2), lambda _: size)),
        no_split_module_classes=list(network._no_split_modules or ()),
    )
    layers = [name for name in plan if name.startswith("model.language_model.layers.")]
    assert set(plan.values()) == {0, 2}
    # A layer computes on one GPU, or its parts would wait for each other.
    assert all(name.count(".") == 3 for name in layers)
