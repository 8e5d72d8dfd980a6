"""A run from its start to its end: what is asked, what is kept, what stops it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import (
    NotComparableError,
    RunError,
    TooManyErrorsError,
    UsageError,
)
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE, RESULTS_FILE
from emoreal_bench.contracts.vocabulary import (
    AnswerMethod,
    DeliveryStatus,
    Repeatability,
)
from emoreal_bench.record.folder import load_plan_items, load_timings
from emoreal_bench.record.log import read_log
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.running.cache import ResponseCache
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.results import score_folder
from emoreal_bench.running.runner import RunInterrupted, kept_open, run_task
from emoreal_bench.scoring.score import results_json
from tests.unit.running.fakes import (
    FakeModel,
    NotingObserver,
    answer_yes,
    plan_of,
)

AT_ONCE = RunPolicy(backoff_seconds=0.0)


def failing(*ids: str, times: int = 99) -> FakeModel:
    """Make a model that fails at some items, so many times each."""

    def reply(request: Request, attempt: int) -> Result:
        if request.id in ids and attempt <= times:
            return Result(request.id, DeliveryStatus.FAILED, detail="overloaded")
        return answer_yes(request, attempt)

    return FakeModel(reply)


def logged(folder: Path) -> list[str]:
    return [record["id"] for record in read_log(folder / ITEMS_FILE)]


def test_every_item_is_asked_once_in_batches_and_logged(tmp_path: Path) -> None:
    model = FakeModel(capabilities=Capabilities(batch_size=4))
    observer = NotingObserver()
    summary = run_task(plan_of(tmp_path), model, tmp_path / "run", observer=observer)
    assert model.batches == [
        ["item-0", "item-1", "item-2", "item-3"],
        ["item-4", "item-5"],
    ]
    assert logged(tmp_path / "run") == [f"item-{number}" for number in range(6)]
    assert summary.statuses == {DeliveryStatus.OK: 6}
    assert observer.started == [(6, 0)]
    assert [result.id for result in observer.results] == logged(tmp_path / "run")
    assert observer.summaries == [summary]


def test_the_scores_count_every_item(tmp_path: Path) -> None:
    summary = run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run")
    assert summary.results is not None
    strict = summary.results.scores["strict"]
    assert summary.results.coverage.fraction == 1.0
    assert strict.subtasks["modality_agreement"].accuracy == 0.5
    assert json.loads((tmp_path / "run" / RESULTS_FILE).read_text())["schema"] == 2


def test_a_run_can_be_scored_from_its_own_folder_to_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    run_task(plan, failing("item-3"), tmp_path / "run", AT_ONCE)
    written = (tmp_path / "run" / RESULTS_FILE).read_text()
    assert results_json(score_folder(tmp_path / "run")) == written
    assert load_plan_items(tmp_path / "run", load_manifest(tmp_path / "run")) == list(plan.items)


def test_a_finished_run_is_not_asked_again_and_its_model_is_not_loaded(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    run_task(plan, FakeModel(), tmp_path / "run")
    before = (tmp_path / "run" / RESULTS_FILE).read_bytes()
    model = FakeModel()
    summary = run_task(plan, model, tmp_path / "run")
    assert (model.opened, model.batches) == (0, [])
    assert (summary.kept, summary.asked) == (6, 0)
    assert (tmp_path / "run" / RESULTS_FILE).read_bytes() == before


def test_a_failed_item_is_asked_again_up_to_the_policy(tmp_path: Path) -> None:
    model, observer = failing("item-1", times=2), NotingObserver()
    run_task(plan_of(tmp_path), model, tmp_path / "run", AT_ONCE, observer)
    assert model.asked["item-1"] == 3
    assert model.asked["item-0"] == 1
    attempts = {result.id: result.attempts for result in observer.results}
    assert (attempts["item-0"], attempts["item-1"]) == (1, 3)
    assert [(items, detail) for items, _, detail in observer.retries] == [(1, "overloaded")] * 2
    assert logged(tmp_path / "run").count("item-1") == 1


def test_an_item_that_keeps_failing_is_counted_and_asked_again_on_resume(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    first = run_task(plan, failing("item-1"), tmp_path / "run", AT_ONCE)
    assert first.statuses == {DeliveryStatus.OK: 5, DeliveryStatus.FAILED: 1}
    model = FakeModel()
    second = run_task(plan, model, tmp_path / "run", AT_ONCE)
    assert model.asked == {"item-1": 1}
    assert second.statuses == {DeliveryStatus.OK: 6}
    assert second.results is not None
    assert second.results.coverage.fraction == 1.0


def test_a_finished_status_is_asked_again_only_if_named(tmp_path: Path) -> None:
    def refuse(request: Request, attempt: int) -> Result:
        status = DeliveryStatus.REFUSED if request.id == "item-2" else DeliveryStatus.OK
        return Result(request.id, status, "(B)")

    plan = plan_of(tmp_path)
    run_task(plan, FakeModel(refuse), tmp_path / "run")
    kept, retried = FakeModel(), FakeModel()
    run_task(plan, kept, tmp_path / "run")
    policy = RunPolicy(retry_statuses=frozenset({DeliveryStatus.REFUSED}))
    run_task(plan, retried, tmp_path / "run", policy)
    assert kept.asked == {}
    assert retried.asked == {"item-2": 1}


def test_a_service_is_given_the_time_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(request: Request, attempt: int) -> Result:
        if attempt == 1:
            return Result(request.id, DeliveryStatus.FAILED, detail="busy", retry_after=0.03)
        return answer_yes(request, attempt)

    observer = NotingObserver()
    run_task(plan_of(tmp_path, items=2), FakeModel(busy), tmp_path / "run", AT_ONCE, observer)
    assert [seconds for _, seconds, _ in observer.retries] == [0.03]


def test_an_adapter_that_raises_costs_its_batch_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: Request, attempt: int) -> Result:
        if request.id == "item-3":
            raise ValueError("no such tensor")
        return answer_yes(request, attempt)

    observer = NotingObserver()
    with caplog.at_level(logging.ERROR):
        summary = run_task(
            plan_of(tmp_path, items=8),
            FakeModel(broken, capabilities=Capabilities(batch_size=4)),
            tmp_path / "run",
            AT_ONCE,
            observer,
        )
    details = {result.id: result.detail for result in observer.results}
    assert details["item-3"] == "The adapter raised ValueError: no such tensor"
    # What was answered before it raised stays answered.
    assert details["item-2"] is None
    assert summary.statuses == {DeliveryStatus.OK: 7, DeliveryStatus.FAILED: 1}
    assert "no such tensor" in caplog.text


class Forgetful(FakeModel):
    """Leaves out one item, answers one twice and one that nobody asked."""

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        async for result in super().generate(requests):
            if result.id != "item-0":
                yield result
                yield result
        yield Result("stranger", DeliveryStatus.OK)


def test_an_item_without_a_result_failed_and_results_nobody_asked_for_are_ignored(
    tmp_path: Path,
) -> None:
    summary = run_task(plan_of(tmp_path), Forgetful(), tmp_path / "run", AT_ONCE)
    assert summary.statuses == {DeliveryStatus.OK: 5, DeliveryStatus.FAILED: 1}
    assert sorted(logged(tmp_path / "run")) == [f"item-{number}" for number in range(6)]


class Unloadable(FakeModel):
    async def open(self) -> None:
        raise OSError("no such checkpoint")


def test_a_model_that_cannot_be_opened_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="fake/yes cannot be opened: OSError: no such checkpoint"):
        run_task(plan_of(tmp_path), Unloadable(), tmp_path / "run")
    assert run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run").asked == 6


class Lasting(FakeModel):
    serves_several_runs = True


@pytest.mark.parametrize(("model", "closed"), [(Lasting(), 1), (FakeModel(), 2)])
def test_a_model_is_kept_open_for_several_runs_where_it_can_serve_them(
    tmp_path: Path, model: FakeModel, closed: int
) -> None:
    with kept_open(model):
        for name in ("first", "second"):
            run_task(plan_of(tmp_path), model, tmp_path / name)
    assert model.closed == closed
    run_task(plan_of(tmp_path), model, tmp_path / "third")
    assert model.closed == closed + 1


def test_a_run_that_ends_with_an_error_closes_a_model_that_is_kept(tmp_path: Path) -> None:
    def interrupt(request: Request, attempt: int) -> Result:
        raise KeyboardInterrupt

    model = Lasting(interrupt)
    with kept_open(model):
        with pytest.raises(RunInterrupted):
            run_task(plan_of(tmp_path), model, tmp_path / "run")
        assert model.closed == 1


def test_a_model_that_cannot_score_choices_is_refused_before_the_run(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, options=PlanOptions(answer_method=AnswerMethod.SCORE_CHOICES))
    with pytest.raises(UsageError, match="cannot score choices"):
        run_task(plan, FakeModel(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_items_of_a_missing_clip_are_counted_and_never_asked(tmp_path: Path) -> None:
    model, observer = FakeModel(), NotingObserver()
    plan = plan_of(tmp_path, missing=[1])
    summary = run_task(plan, model, tmp_path / "run", observer=observer)
    assert summary.statuses == {DeliveryStatus.OK: 4, DeliveryStatus.MISSING: 2}
    assert set(model.asked) == {"item-0", "item-1", "item-4", "item-5"}
    missing = [result for result in observer.results if result.status is DeliveryStatus.MISSING]
    assert all("clip-1.mp4" in (result.detail or "") for result in missing)
    assert summary.results is not None
    assert summary.results.coverage.covered == 4


@pytest.mark.parametrize("allowed", [True, 1, 0.2])
def test_too_many_errors_stop_the_run_and_what_is_finished_is_kept(
    tmp_path: Path, allowed: float
) -> None:
    plan = plan_of(tmp_path)
    model = failing("item-1", "item-3")
    policy = RunPolicy(backoff_seconds=0.0, fail_on_error=allowed)
    with pytest.raises(TooManyErrorsError, match="overloaded"):
        run_task(plan, model, tmp_path / "run", policy)
    stopped_after = 2 if allowed is True else 4
    assert (
        logged(tmp_path / "run")
        == [f"item-{number}" for number in range(stopped_after)][: len(logged(tmp_path / "run"))]
    )
    assert not (tmp_path / "run" / RESULTS_FILE).exists()
    assert run_task(plan, FakeModel(), tmp_path / "run").statuses == {DeliveryStatus.OK: 6}


def test_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run")
    with pytest.raises(NotComparableError, match="the model \\(fake/yes, now fake/no\\)"):
        run_task(plan_of(tmp_path), FakeModel(name="fake/no"), tmp_path / "run")
    paper = plan_of(tmp_path, options=PlanOptions(variant="paper"))
    with pytest.raises(NotComparableError, match=r"what is asked \(.*variant"):
        run_task(paper, FakeModel(), tmp_path / "run")
    limited = plan_of(tmp_path, options=PlanOptions(limit=3))
    with pytest.raises(NotComparableError, match="6 items, now 3, limit None, now 3"):
        run_task(limited, FakeModel(), tmp_path / "run")


class Concurrent(FakeModel):
    """Lets a batch end only once another one is under way with it."""

    most = under_way = 0

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.005)
        async for result in super().generate(requests):
            yield result
        self.under_way -= 1


def test_as_many_batches_are_under_way_as_the_adapter_allows(tmp_path: Path) -> None:
    model = Concurrent(capabilities=Capabilities(batch_size=1, concurrency=3))
    summary = run_task(plan_of(tmp_path, items=12), model, tmp_path / "run")
    assert summary.statuses == {DeliveryStatus.OK: 12}
    assert model.most == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_continue_and_can_be_continued(
    tmp_path: Path, number: signal.Signals
) -> None:
    def stop_at_fourth(request: Request, attempt: int) -> Result:
        if request.id == "item-3":
            os.kill(os.getpid(), number)
        return answer_yes(request, attempt)

    plan, model = plan_of(tmp_path, items=60), FakeModel(stop_at_fourth)
    observer = NotingObserver()
    policy = RunPolicy(command=("emoreal-bench", "run", "--data", "my data"))
    with pytest.raises(RunInterrupted) as stop:
        run_task(plan, model, tmp_path / "run", policy, observer)
    assert "Continue with: emoreal-bench run --data 'my data'" in str(stop.value)
    assert model.closed == 1
    assert observer.summaries[-1].results is None
    finished = logged(tmp_path / "run")
    assert 0 < len(finished) < 60
    assert f"{len(finished)} of 60 items" in str(stop.value)
    rest = FakeModel()
    run_task(plan, rest, tmp_path / "run")
    assert not set(rest.asked) & set(finished)
    assert set(logged(tmp_path / "run")) == {item.id for item in plan.items}


def test_a_run_can_be_started_where_a_loop_runs_already(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)

    async def notebook_cell() -> None:
        run_task(plan, FakeModel(), tmp_path / "run")

    asyncio.run(notebook_cell())
    assert len(logged(tmp_path / "run")) == 6


def test_timings_are_summed_over_sittings(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    for model in (failing("item-1"), FakeModel()):
        run_task(plan, model, tmp_path / "run", AT_ONCE)
    timings = load_timings(tmp_path / "run")
    assert timings is not None
    assert timings.sittings == 2
    assert timings.requests == 6 + 2 + 1


def test_a_cached_reply_is_not_asked_for_again(tmp_path: Path) -> None:
    exact = Capabilities(batch_size=2, repeatability=Repeatability.EXACT)
    plan = plan_of(tmp_path)
    models = [FakeModel(capabilities=exact) for _ in range(2)]
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        for number, model in enumerate(models):
            run_task(plan, model, tmp_path / f"run-{number}", cache=cache)
    assert [model.asked.total() for model in models] == [6, 0]
    first, second = (
        (tmp_path / f"run-{number}" / RESULTS_FILE).read_bytes() for number in range(2)
    )
    assert first == second
    timings = load_timings(tmp_path / "run-1")
    assert timings is not None
    assert (timings.cache_hits, timings.requests) == (6, 0)


def test_a_damaged_log_is_repaired_and_its_items_asked_again(tmp_path: Path) -> None:
    plan, observer = plan_of(tmp_path), NotingObserver()
    run_task(plan, FakeModel(), tmp_path / "run")
    unbroken = (tmp_path / "run" / RESULTS_FILE).read_bytes()
    log = tmp_path / "run" / ITEMS_FILE
    log.write_bytes(log.read_bytes().replace(b'"item-4"', b'"item-9"')[:-9])
    model = FakeModel()
    run_task(plan, model, tmp_path / "run", observer=observer)
    assert model.asked == {"item-4": 1, "item-5": 1}
    assert (tmp_path / "run" / RESULTS_FILE).read_bytes() == unbroken
    assert any("items.jsonl.damaged-1" in notice for notice in observer.notices)


def test_the_plan_is_one_line_per_item(tmp_path: Path) -> None:
    run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run")
    lines = (tmp_path / "run" / PLAN_FILE).read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"item-{number}" for number in range(6)]
