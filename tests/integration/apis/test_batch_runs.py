"""Whole runs by jobs: filled, handed over, fetched, and found again after any kind of end."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.deferred import (
    AskedRequest,
    ConcernsAllError,
    DeferredAdapter,
    JobProgress,
    ServiceUnavailableError,
)
from emoreal_bench.contracts.errors import RunError, ServiceError, UsageError
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.model_adapters.conformance.stub_batches import StubBatches
from emoreal_bench.model_adapters.conformance.stub_server import (
    Behaviour,
    RecordedRequest,
    StubAnswer,
    StubServer,
)
from emoreal_bench.model_adapters.remote import google_files
from emoreal_bench.record.log import read_log
from emoreal_bench.running.budget import Budget, BudgetSpentError
from emoreal_bench.running.deferred.asking import MAX_FAILED_LOOKS
from emoreal_bench.running.deferred.store import JOBS_FOLDER
from emoreal_bench.running.observer import RunObserver
from tests.integration.apis.services import GOOGLE, ITEMS, KEY, OPENAI, VLLM, Service

both_services = pytest.mark.parametrize("service", [OPENAI, GOOGLE], ids=["openai", "google"])


class Listener(RunObserver):
    """Keeps what is told of the jobs."""

    def __init__(self) -> None:
        self.progress: list[tuple[int, int]] = []
        self.notices: list[str] = []

    def on_jobs(self, handed_over: int, answered: int) -> None:
        self.progress.append((handed_over, answered))

    def on_notice(self, notice: str) -> None:
        self.notices.append(notice)


def run(
    service: Service,
    stub: StubServer,
    data: Path,
    folder: Path,
    *,
    budget: Budget | None = None,
    deferred: bool = True,
    attempts: int = 3,
    observer: RunObserver | None = None,
    **arguments: str,
) -> api.RunReport:
    address = {"base_url": stub.address + service.path}
    options = api.RunOptions(
        policy=api.RunPolicy(
            attempts=attempts,
            backoff_seconds=0.01,
            look_seconds=0.01,
            deferred=deferred,
            budget=budget or Budget(),
        ),
        model_arguments={**address, **service.arguments, **arguments},
        out=folder,
    )
    return api.evaluate(service.model, "emorealm", data, options, observer)


def asked_keys(stub: StubServer) -> list[str]:
    return [key for job in stub.batches.jobs.values() for key, _ in job.lines]


@both_services
def test_a_run_by_jobs_scores_as_one_that_asks_one_by_one(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    run(service, stub, data, tmp_path / "live", deferred=False)
    assert run(service, stub, data, tmp_path / "jobs").is_complete
    assert len(stub.batches.jobs) == 1
    results = [tmp_path / name / RESULTS_FILE for name in ("live", "jobs")]
    live, jobs = (path.read_bytes() for path in results)
    assert jobs == live


@both_services
def test_what_was_sent_is_what_a_single_request_would_have_sent(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    run(service, stub, data, tmp_path / "live", deferred=False)
    run(service, stub, data, tmp_path / "jobs")
    live, jobs = (
        {record["id"]: record["delivery"] for record in read_log(tmp_path / name / ITEMS_FILE)}
        for name in ("live", "jobs")
    )
    assert jobs == live
    assert all(delivery["frames"] > 0 for delivery in jobs.values())


@both_services
def test_jobs_are_split_at_the_number_of_requests(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    assert run(service, stub, data, tmp_path / "run", job_requests="5").is_complete
    assert [len(job.lines) for job in stub.batches.jobs.values()] == [5, 5, 2]
    assert len(set(asked_keys(stub))) == ITEMS


def test_jobs_are_split_at_their_size(stub: StubServer, data: Path, tmp_path: Path) -> None:
    run(OPENAI, stub, data, tmp_path / "whole")
    (whole,) = stub.batches.jobs.values()
    line = max(len(json.dumps(body)) for _, body in whole.lines) + 200
    limit = str(3 * line / 1e6)
    assert run(OPENAI, stub, data, tmp_path / "parts", job_megabytes=limit).is_complete
    parts = list(stub.batches.jobs.values())[1:]
    assert all(len(job.lines) <= 3 for job in parts)
    assert sum(len(job.lines) for job in parts) == ITEMS


def test_a_request_larger_than_any_job_is_unsupported(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    report = run(OPENAI, stub, data, tmp_path / "run", job_megabytes="0.001")
    assert report.results.coverage.statuses["unsupported"] == ITEMS
    assert not stub.batches.jobs


@both_services
def test_a_request_that_fails_in_a_job_is_asked_again_alone(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.play(Behaviour.OK, Behaviour.SERVER_ERROR, Behaviour.BLOCKED)
    report = run(service, stub, data, tmp_path / "run")
    assert [len(job.lines) for job in stub.batches.jobs.values()] == [ITEMS, 1]
    assert report.results.coverage.statuses["blocked"] == 1
    assert report.results.coverage.statuses["ok"] == ITEMS - 1
    attempts = [record["attempts"] for record in read_log(tmp_path / "run" / ITEMS_FILE)]
    assert sorted(attempts) == [1] * (ITEMS - 1) + [2]


@both_services
def test_what_an_expired_job_left_unanswered_is_asked_again(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.ends = ["expired"]
    stub.batches.unanswered = {"3", "7"}
    assert run(service, stub, data, tmp_path / "run").is_complete
    first, second = stub.batches.jobs.values()
    assert len(first.lines) == ITEMS
    assert {key for key, _ in second.lines} == {"3", "7"}


@both_services
def test_items_of_a_job_that_fails_each_time_are_failed_with_the_reason(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.ends = ["failed"] * 2
    report = run(service, stub, data, tmp_path / "run", attempts=2)
    assert report.results.coverage.statuses["failed"] == ITEMS
    details = {record.get("detail") for record in read_log(tmp_path / "run" / ITEMS_FILE)}
    assert details in ({"too many tokens queued"}, {"the batch has the state FAILED"})


@both_services
def test_letters_are_scored_by_jobs(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    options = api.RunOptions(
        plan=api.PlanOptions(answer_method=AnswerMethod.SCORE_CHOICES),
        policy=api.RunPolicy(look_seconds=0.01, deferred=True),
        model_arguments={"base_url": stub.address + service.path, **service.arguments},
        out=tmp_path / "run",
    )
    assert api.evaluate(service.model, "emorealm", data, options).is_complete
    for record in read_log(tmp_path / "run" / ITEMS_FILE):
        assert set(record["choice_scores"]["scores"]) == {"A", "B"}


@both_services
def test_nothing_stays_behind_when_a_run_is_done(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    run(service, stub, data, tmp_path / "run")
    assert not (tmp_path / "run" / JOBS_FOLDER).exists()
    assert not stub.batches.files


def test_a_clip_is_uploaded_once_for_all_its_questions(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    run(GOOGLE, stub, data, tmp_path / "run")
    uploads = [r for r in stub.requests if r.path.startswith("/upload/")]
    assert len(uploads) == 2
    assert stub.files_kept == 2, "a job may read them after this program has ended"


ODD_UPLOADS = {
    "never ready": StubAnswer(200, {"name": "files/x", "uri": "u", "state": "PROCESSING"}),
    "no object": StubAnswer(200, [1]),
    "no JSON": StubAnswer(200, "x"),
    "no address to upload to": StubAnswer(200, {}),
    "names of another kind": StubAnswer(200, {"file": {"name": 5, "uri": [], "state": {}}}),
}


@pytest.mark.parametrize("answer", ODD_UPLOADS)
def test_a_clip_that_the_service_does_not_take_in_fails_its_items_only(
    answer: str, stub: StubServer, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = StubServer._file_answer

    def say(server: StubServer, request: RecordedRequest) -> StubAnswer:
        is_first = "x-goog-upload-protocol" in request.headers
        is_odd = answer == "never ready" if request.method != "GET" else False
        return usual(server, request) if is_first and is_odd else ODD_UPLOADS[answer]

    monkeypatch.setattr(StubServer, "_file_answer", say)
    monkeypatch.setattr(google_files, "_MOST_LOOKS", 3)
    monkeypatch.setattr(google_files, "_SECONDS_BETWEEN_LOOKS", 0.01)
    report = run(GOOGLE, stub, data, tmp_path / "run", attempts=1)
    assert report.results.coverage.statuses["failed"] == ITEMS


@both_services
def test_no_file_of_a_run_by_jobs_holds_the_key(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.text = f"(A) {KEY}"
    stub.batches.looks = 10**9
    with pytest.raises(RunError):
        run(service, stub, data, tmp_path / "run", observer=_Stopper(stub))
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert any(path.parent.name == JOBS_FOLDER for path in written)
    for path in written:
        assert KEY not in path.read_text(encoding="utf-8"), path.name


class _Stopper(RunObserver):
    """Ends a sitting as soon as its jobs are with the service."""

    def __init__(self, stub: StubServer) -> None:
        self._stub = stub

    def on_jobs(self, handed_over: int, answered: int) -> None:
        raise RunError("stopped by the test")


@both_services
def test_a_stopped_run_fetches_its_answers_and_pays_nothing_twice(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.looks = 2
    with pytest.raises(RunError, match="stopped by the test"):
        run(service, stub, data, tmp_path / "run", observer=_Stopper(stub))
    assert run(service, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


def _stop_after_handing_over(
    stub: StubServer, data: Path, folder: Path, image_detail: str = "low"
) -> None:
    stub.batches.looks = 10**6
    with pytest.raises(RunError, match="stopped by the test"):
        run(OPENAI, stub, data, folder, observer=_Stopper(stub), image_detail=image_detail)
    stub.batches.looks = 2


def test_jobs_of_another_run_are_refused_and_stay_with_the_service(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    _stop_after_handing_over(stub, data, tmp_path / "a")
    _stop_after_handing_over(stub, data, tmp_path / "b", image_detail="high")
    own = (tmp_path / "b" / JOBS_FOLDER).rename(tmp_path / "own")
    shutil.copytree(tmp_path / "a" / JOBS_FOLDER, tmp_path / "b" / JOBS_FOLDER)
    with pytest.raises(RunError, match="those of another run") as caught:
        run(OPENAI, stub, data, tmp_path / "b", image_detail="high")
    assert caught.value.where == str(tmp_path / "b" / JOBS_FOLDER / "jobs.json")
    shutil.rmtree(tmp_path / "b" / JOBS_FOLDER)
    own.rename(tmp_path / "b" / JOBS_FOLDER)
    assert run(OPENAI, stub, data, tmp_path / "b", image_detail="high").is_complete
    assert run(OPENAI, stub, data, tmp_path / "a").is_complete
    assert len(stub.batches.jobs) == 2


def test_a_link_in_the_place_of_the_jobs_is_not_followed(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    _stop_after_handing_over(stub, data, tmp_path / "run")
    kept = (tmp_path / "run" / JOBS_FOLDER).rename(tmp_path / "elsewhere")
    (kept / "draft.requests.jsonl").touch()
    (tmp_path / "run" / JOBS_FOLDER).symlink_to(kept)
    with pytest.raises(RunError, match="is a link"):
        run(OPENAI, stub, data, tmp_path / "run")
    assert (kept / "draft.requests.jsonl").exists()


def test_a_record_of_what_a_job_asks_that_is_cut_off_costs_no_answer(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    _stop_after_handing_over(stub, data, tmp_path / "run")
    (path,) = (tmp_path / "run" / JOBS_FOLDER).glob("*.asked.jsonl")
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[:5]))
    with pytest.raises(RunError, match="it names 5 requests, and the job has 12"):
        run(OPENAI, stub, data, tmp_path / "run")
    path.write_bytes(whole)
    assert run(OPENAI, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


def test_jobs_that_an_earlier_version_wrote_down_are_fetched(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    _stop_after_handing_over(stub, data, tmp_path / "run")
    path = tmp_path / "run" / JOBS_FOLDER / "jobs.json"
    record = json.loads(path.read_bytes())
    del record["run"]
    path.write_text(json.dumps(record), encoding="utf-8")
    assert run(OPENAI, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


@pytest.mark.parametrize("name", ["", "x" * 100_000, "../models", "a b", "a\n", "é", "a?b"])
def test_a_name_of_a_job_that_is_none_is_refused(
    name: str, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    _stop_after_handing_over(stub, data, tmp_path / "run")
    path = tmp_path / "run" / JOBS_FOLDER / "jobs.json"
    record = json.loads(path.read_bytes())
    record["jobs"][0]["name"] = name
    path.write_text(json.dumps(record), encoding="utf-8")
    asked = len(stub.requests)
    with pytest.raises(RunError, match="record of the jobs cannot be read"):
        run(OPENAI, stub, data, tmp_path / "run")
    assert len(stub.requests) == asked


@pytest.mark.parametrize("told", ["request_counts", "errors", "metadata"])
def test_answers_are_fetched_whatever_stands_beside_them(
    told: str, stub: StubServer, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = StubBatches._write

    def write_oddly(*arguments: Any) -> dict[str, Any]:
        return write(*arguments) | {told: {"completed": None, "data": [5]}}

    monkeypatch.setattr(StubBatches, "_write", write_oddly)
    assert run(OPENAI, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


ODD_VALUES: tuple[object, ...] = (
    None,
    [],
    "x",
    5,
    True,
    {},
    1e300,
    -7,
    "../x",
    "x" * 70_000,
    [{"a": {}}],
)


@pytest.mark.parametrize("service", [OPENAI, GOOGLE], ids=["openai", "google"])
def test_whatever_a_service_says_of_a_job_is_a_value_or_an_error_of_the_service(
    service: Service, stub: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line: dict[str, object] = {
        "custom_id": "0",
        "body": {"model": "m", "messages": [{"role": "user", "content": "x"}]},
    }
    if service is GOOGLE:
        turn: dict[str, object] = {"role": "user", "parts": [{"text": "x"}]}
        line = {"metadata": {"key": "0"}, "contents": [turn]}
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps(line), encoding="utf-8")
    asked = {"0": AskedRequest("item", ("A", "B"), Delivery())}
    write = StubBatches._write

    async def call_all() -> None:
        async with service.connect(stub) as adapter:
            assert isinstance(adapter, DeferredAdapter)
            jobs = adapter.jobs
            name = await jobs.submit(lines, "token")
            whole = write(
                stub.batches, stub.batches.jobs[f"batches/{name.rpartition('/')[2]}"], _answer_line
            )
            for path in _places_in(whole):
                for odd in ODD_VALUES:
                    said = _with(whole, path, odd)
                    monkeypatch.setattr(StubBatches, "_write", lambda *_, said=said: said)
                    for ask in (jobs.look(name), jobs.find("token"), jobs.submit(lines, "token")):
                        with suppress(ServiceUnavailableError, UsageError, ServiceError):
                            assert isinstance(await ask, JobProgress | str | None)
                    with suppress(ServiceUnavailableError, ServiceError, ConcernsAllError):
                        async for result in adapter.fetch(name, asked, scoring=False):
                            assert result.id == "item"

    asyncio.run(call_all())


def _answer_line(_path: str, _body: bytes) -> tuple[int, object]:
    return 200, {"choices": [{"message": {"content": "(A)"}, "finish_reason": "stop"}]}


def _places_in(value: object, place: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Find the place of a value and of each value in it."""
    parts = value.items() if isinstance(value, dict) else ()
    return [place, *(one for key, part in parts for one in _places_in(part, (*place, key)))]


def _with(value: object, place: tuple[object, ...], other: object) -> object:
    """Put another value in a place."""
    if not place:
        return other
    assert isinstance(value, dict)
    return {**value, place[0]: _with(value[place[0]], place[1:], other)}


@both_services
def test_a_service_that_is_out_of_order_for_a_while_is_asked_again(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.troubles = [503]
    assert run(service, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


@both_services
def test_a_service_that_is_gone_for_good_ends_the_sitting_and_not_the_jobs(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.looks = 2
    with pytest.raises(RunError, match="stopped by the test"):
        run(service, stub, data, tmp_path / "run", observer=_Stopper(stub))
    stub.batches.troubles = [500] * MAX_FAILED_LOOKS
    with pytest.raises(RunError, match="Give the same command again later"):
        run(service, stub, data, tmp_path / "run")
    assert run(service, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


@both_services
def test_a_declined_job_is_explained_and_handed_over_once_that_is_mended(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.troubles = [401]
    with pytest.raises(UsageError, match="declines a deferred job: HTTP 401") as caught:
        run(service, stub, data, tmp_path / "run")
    assert KEY not in str(caught.value)
    assert run(service, stub, data, tmp_path / "run").is_complete
    assert len(stub.batches.jobs) == 1


def test_jobs_under_way_keep_a_run_from_asking_one_by_one(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.looks = 2
    with pytest.raises(RunError, match="stopped by the test"):
        run(OPENAI, stub, data, tmp_path / "run", observer=_Stopper(stub))
    with pytest.raises(RunError, match="would be billed twice") as caught:
        run(OPENAI, stub, data, tmp_path / "run", deferred=False)
    assert "--deferred" in str(caught.value)


def test_what_is_left_of_a_run_by_jobs_may_be_asked_one_by_one(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(BudgetSpentError):
        run(OPENAI, stub, data, tmp_path / "run", budget=Budget(requests=5))
    assert run(OPENAI, stub, data, tmp_path / "run", deferred=False).is_complete
    assert len(asked_keys(stub)) == 5


def test_progress_is_told(stub: StubServer, data: Path, tmp_path: Path) -> None:
    stub.batches.looks = 3
    listener = Listener()
    run(OPENAI, stub, data, tmp_path / "run", observer=listener)
    assert listener.progress == [(ITEMS, 1), (ITEMS, 2), (ITEMS, ITEMS)]


def test_a_budget_of_money_hands_over_one_job_at_a_time_and_stops(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    # An answer costs 103 microdollars: the second job passes the budget, a third is not made.
    def go_on(cost: float) -> api.RunReport:
        return run(
            OPENAI,
            stub,
            data,
            tmp_path / "run",
            budget=Budget(cost=cost),
            input_price="1",
            output_price="1",
            job_requests="4",
        )

    with pytest.raises(BudgetSpentError):
        go_on(5e-4)
    assert [len(job.lines) for job in stub.batches.jobs.values()] == [4, 4]
    assert go_on(1.0).is_complete
    costs = [record["usage"]["cost"] for record in read_log(tmp_path / "run" / ITEMS_FILE)]
    assert sum(cost or 0.0 for cost in costs) == pytest.approx(ITEMS * 103e-6)


def test_money_is_not_bounded_without_prices(stub: StubServer, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="prices are not known"):
        run(OPENAI, stub, data, tmp_path / "run", budget=Budget(cost=1.0))
    assert not stub.batches.jobs


def test_a_model_that_takes_no_jobs_says_so(stub: StubServer, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not support --deferred"):
        run(VLLM, stub, data, tmp_path / "run")
    assert not stub.requests


NO_MONEY = {"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}}


def test_an_account_without_money_ends_a_run_by_jobs_and_keeps_what_was_answered(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.say(NO_MONEY, status=429, after=4)
    with pytest.raises(ServiceError, match=r"insufficient_quota.*\n.*account"):
        run(OPENAI, stub, data, tmp_path / "run")
    assert len(stub.batches.jobs) == 1
    assert len(list(read_log(tmp_path / "run" / ITEMS_FILE))) == 4
    stub.say({"choices": [{"message": {"content": "(A)"}, "finish_reason": "stop"}]})
    assert run(OPENAI, stub, data, tmp_path / "run").is_complete
    assert [len(job.lines) for job in stub.batches.jobs.values()] == [ITEMS, ITEMS - 4]


@both_services
def test_a_job_that_is_declined_for_money_ends_the_run(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.troubles = [402]
    with pytest.raises(ServiceError, match=r"declines a deferred job: HTTP 402.*not now"):
        run(service, stub, data, tmp_path / "run")
    assert run(service, stub, data, tmp_path / "run").is_complete


def test_a_job_that_fails_as_a_whole_for_money_ends_the_run(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.batches.ends = ["failed"]
    stub.batches.failure = {"code": "billing_hard_limit_reached", "message": "Hard limit reached."}
    with pytest.raises(ServiceError, match="billing_hard_limit_reached: Hard limit reached"):
        run(OPENAI, stub, data, tmp_path / "run")
    assert len(stub.batches.jobs) == 1
    assert run(OPENAI, stub, data, tmp_path / "run").is_complete


@both_services
def test_a_key_that_every_line_of_a_job_is_told_to_be_wrong_ends_the_run(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    error = {"code": 401, "status": "UNAUTHENTICATED", "message": "wrong key"}
    code = "API_KEY_INVALID" if service is GOOGLE else "invalid_api_key"
    stub.say({"error": error | {"code": code, "message": f"wrong key {code}"}}, status=401)
    with pytest.raises(UsageError, match="wrong key"):
        run(service, stub, data, tmp_path / "run")
    assert len(stub.batches.jobs) == 1
