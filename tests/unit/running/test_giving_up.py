"""When a run stops although items are open, and what it says of items without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import ExitCode, NothingAnsweredError, ServiceError, UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.record.log import read_log
from emoreal_bench.reporting.terminal.scores import results_lines
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.reasons import MOST_REASONS, OTHER_REASONS, ReasonTally
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, plan_of

ONE_TRY = RunPolicy(attempts=1, decode_workers=1)
FAST = RunPolicy(backoff_seconds=0.0, decode_workers=1)


def ending_in(status: DeliveryStatus, detail: str = "no such thing") -> FakeModel:
    return FakeModel(lambda request, _: Result(request.id, status, detail=detail))


@pytest.mark.parametrize(
    "status", [DeliveryStatus.FAILED, DeliveryStatus.UNSUPPORTED, DeliveryStatus.BLOCKED]
)
def test_a_model_that_answers_nothing_is_given_up_with_the_reason(
    status: DeliveryStatus, tmp_path: Path
) -> None:
    model = ending_in(status)
    plan = plan_of(tmp_path, items=60, options=PlanOptions(modalities=()))
    with pytest.raises(NothingAnsweredError, match=f"{status.value} 20: no such thing") as caught:
        run_task(plan, model, tmp_path / "run", ONE_TRY)
    assert sum(model.asked.values()) == 20
    assert caught.value.exit_code is ExitCode.INCOMPLETE


def test_one_answer_is_enough_to_go_on(tmp_path: Path) -> None:
    def reply(request: Request, _: int) -> Result:
        status = DeliveryStatus.OK if request.id == "item-3" else DeliveryStatus.FAILED
        return Result(request.id, status, "(A)")

    summary = run_task(plan_of(tmp_path, items=60), FakeModel(reply), tmp_path / "run", ONE_TRY)
    assert summary.statuses[DeliveryStatus.FAILED] == 59


def test_an_answer_of_an_earlier_sitting_counts(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, items=60)
    with pytest.raises(UsageError):
        run_task(plan, _stopping_after(5), tmp_path / "run", ONE_TRY)
    failing = FakeModel(lambda request, _: Result(request.id, DeliveryStatus.FAILED))
    summary = run_task(plan, failing, tmp_path / "run", ONE_TRY)
    assert summary.statuses[DeliveryStatus.FAILED] > 20


def _stopping_after(answers: int) -> FakeModel:
    given = 0

    def reply(request: Request, _: int) -> Result:
        nonlocal given
        given += 1
        if given > answers:
            raise UsageError("stop here")
        return Result(request.id, DeliveryStatus.OK, "(A)")

    return FakeModel(reply)


def test_giving_up_can_be_switched_off(tmp_path: Path) -> None:
    policy = RunPolicy(attempts=1, decode_workers=1, give_up_after=0)
    model = ending_in(DeliveryStatus.FAILED)
    summary = run_task(plan_of(tmp_path, items=60), model, tmp_path / "run", policy)
    assert summary.statuses == {DeliveryStatus.FAILED: 60}


def test_a_model_that_takes_nothing_of_what_is_asked_is_not_given_up(tmp_path: Path) -> None:
    deaf = FakeModel(
        lambda request, _: Result(request.id, DeliveryStatus.UNSUPPORTED, detail="words only"),
        capabilities=Capabilities(modalities=(Modality.TEXT,)),
    )
    summary = run_task(plan_of(tmp_path, items=60), deaf, tmp_path / "run", ONE_TRY)
    assert summary.statuses == {DeliveryStatus.UNSUPPORTED: 60}


def test_the_summary_counts_the_reasons_of_every_adapter(tmp_path: Path) -> None:
    def reply(request: Request, _: int) -> Result:
        number = int(request.id.removeprefix("item-"))
        if number < 3:
            return Result(request.id, DeliveryStatus.FAILED, detail=f"ran out at {number} MiB")
        if number < 5:
            return Result(request.id, DeliveryStatus.UNSUPPORTED, detail="too many frames")
        return Result(request.id, DeliveryStatus.OK, "(A)")

    summary = run_task(plan_of(tmp_path, items=12), FakeModel(reply), tmp_path / "run", ONE_TRY)
    assert summary.results is not None
    lines = results_lines(summary.results)
    place = lines.index("Why items have no answer:")
    assert lines[place + 1 : place + 3] == [
        "  unsupported 2: too many frames",
        "  failed 3: ran out at 0 MiB",
    ]


def test_an_empty_reply_is_counted_and_warned_of(tmp_path: Path) -> None:
    def reply(request: Request, _: int) -> Result:
        return Result(request.id, DeliveryStatus.OK, " \n" if request.id == "item-2" else "(A)")

    summary = run_task(plan_of(tmp_path, items=6), FakeModel(reply), tmp_path / "run", ONE_TRY)
    assert summary.results is not None
    assert summary.results.delivery is not None
    assert summary.results.delivery.empty_replies == 1
    assert "The reply to 1 of 6 items is empty" in " ".join(summary.results.warnings)


def test_rare_reasons_are_summed_up_and_the_order_of_items_does_not_matter() -> None:
    words = [chr(ord("a") + number) * 3 for number in range(MOST_REASONS + 2)]
    seen = [(word, number) for number, word in enumerate(words, 1) for _ in range(number)]
    summaries = []
    for order in (seen, seen[::-1]):
        tally = ReasonTally()
        for word, number in order:
            tally.add(DeliveryStatus.FAILED, f"{word} {number} req_{number}a8f3e2")
        summaries.append(tally.summary())
    assert summaries[0] == summaries[1]
    counts = summaries[0]["failed"]
    most_first = list(range(MOST_REASONS + 2, 0, -1))
    assert list(counts.values())[:MOST_REASONS] == most_first[:MOST_REASONS]
    assert counts[OTHER_REASONS] == 2 + 1


@pytest.mark.parametrize(
    ("seconds", "words"), [(86_400.0, "24 h"), (700.0, "12 min"), (3e5, "3 d"), (1e30, " d")]
)
def test_a_long_wait_says_how_long_and_until_when(seconds: float, words: str) -> None:
    with pytest.raises(ServiceError) as caught:
        RunPolicy().check_wait(seconds, "come back")
    assert words in str(caught.value)
    assert "come back" in str(caught.value)
    assert (f", until {datetime.now(UTC).year}" in str(caught.value)) is (seconds < 1e9)


def test_a_wait_that_is_not_too_long_is_waited_for() -> None:
    RunPolicy(max_wait=700.0).check_wait(700.0, None)


def test_a_wait_that_is_too_long_lets_what_is_under_way_come_in(tmp_path: Path) -> None:
    def reply(request: Request, _: int) -> Result:
        if request.id == "item-1":
            return Result(request.id, DeliveryStatus.FAILED, detail="quota", retry_after=86_400.0)
        return Result(request.id, DeliveryStatus.OK, "(A)")

    class Patient(FakeModel):
        async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
            async for result in super().generate(requests):
                if result.id != "item-1":
                    await asyncio.sleep(0.05)
                yield result

    model = Patient(reply, capabilities=Capabilities(batch_size=1, concurrency=4))
    with pytest.raises(ServiceError):
        run_task(plan_of(tmp_path, items=40), model, tmp_path / "run", FAST)
    finished = {record["id"] for record in read_log(tmp_path / "run" / ITEMS_FILE)}
    assert finished == set(model.asked) - {"item-1"}
    assert len(model.asked) <= 8


def test_nobody_who_waits_already_keeps_a_sitting_from_ending(tmp_path: Path) -> None:
    def reply(request: Request, attempt: int) -> Result:
        wait = 500.0 if request.id in ("item-0", "item-1") else 86_400.0
        return Result(request.id, DeliveryStatus.FAILED, detail="quota", retry_after=wait)

    model = FakeModel(reply, capabilities=Capabilities(batch_size=1, concurrency=4))
    with pytest.raises(ServiceError):
        run_task(plan_of(tmp_path, items=40), model, tmp_path / "run", FAST)
    assert sum(model.asked.values()) <= 4
