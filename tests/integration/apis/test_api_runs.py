"""Whole runs over a service, from the clips on disk to the scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.run_record import ITEMS_FILE
from emoreal_bench.model_adapters.conformance.stub_server import (
    Behaviour,
    RecordedRequest,
    StubServer,
)
from emoreal_bench.record.log import read_log
from emoreal_bench.running.budget import Budget, BudgetSpentError
from tests.integration.apis.services import GOOGLE, ITEMS, KEY, VLLM, Service


def run(
    service: Service,
    stub: StubServer,
    data: Path,
    folder: Path,
    budget: Budget | None = None,
    **arguments: str,
) -> api.RunReport:
    address = {"base_url": stub.address + service.path}
    options = api.RunOptions(
        policy=api.RunPolicy(attempts=3, backoff_seconds=0.01, budget=budget or Budget()),
        model_arguments={**address, **service.arguments, **arguments},
        out=folder,
    )
    return api.evaluate(service.model, "emorealm", data, options)


def each_question_first(behaviour: Behaviour) -> Callable[[RecordedRequest], Behaviour]:
    """Answer every question like this the first time, and then well."""
    seen: set[bytes] = set()

    def choose(asked: RecordedRequest) -> Behaviour:
        is_new = asked.content not in seen
        seen.add(asked.content)
        return behaviour if is_new else Behaviour.OK

    return choose


@pytest.mark.parametrize(
    "behaviour", [Behaviour.SERVER_ERROR, Behaviour.CUT_OFF, Behaviour.MALFORMED]
)
def test_questions_that_failed_are_asked_again_until_all_are_answered(
    stub: StubServer, data: Path, tmp_path: Path, behaviour: Behaviour
) -> None:
    stub.choose(each_question_first(behaviour))
    assert run(VLLM, stub, data, tmp_path / "run").is_complete
    assert len(stub.requests) == 2 * ITEMS
    records = list(read_log(tmp_path / "run" / ITEMS_FILE))
    assert {record["attempts"] for record in records} == {2}


@pytest.mark.parametrize("service", [VLLM, GOOGLE], ids=["chat", "google"])
def test_no_file_of_a_run_holds_the_key(
    service: Service, stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.text = f"(A) {KEY}"
    stub.play(Behaviour.OK, *[Behaviour.UNAUTHORIZED] * 3)
    run(service, stub, data, tmp_path / "run", concurrency="1")
    assert KEY in str(stub.requests[0].headers)
    for path in (tmp_path / "run").iterdir():
        assert KEY not in path.read_text(encoding="utf-8"), path.name


def test_a_wrong_key_ends_the_run_at_once_and_the_right_one_goes_on(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    stub.choose(lambda _: Behaviour.UNAUTHORIZED)
    with pytest.raises(UsageError, match="Check the key"):
        run(VLLM, stub, data, tmp_path / "run", concurrency="2")
    assert len(stub.requests) <= 2
    stub.choose(lambda _: Behaviour.OK)
    assert run(VLLM, stub, data, tmp_path / "run").is_complete


def test_a_run_that_spent_its_budget_goes_on_where_it_stopped(
    stub: StubServer, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(BudgetSpentError):
        run(VLLM, stub, data, tmp_path / "run", Budget(requests=5))
    assert run(VLLM, stub, data, tmp_path / "run").is_complete
    assert len(stub.requests) == ITEMS
    assert len({asked.content for asked in stub.requests}) == ITEMS
