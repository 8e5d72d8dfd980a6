"""What a run makes of scores that are no numbers, and what it says beside its scores."""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path

import pytest

from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import ChoiceScores, Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, RESULTS_FILE
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus
from emoreal_bench.record.log import ItemLog
from emoreal_bench.record.records import to_record
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.results import score_folder
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, NotingObserver, plan_of

QUICK = RunPolicy(attempts=2, backoff_seconds=0.0)


def score_badly(request: Request, _: int) -> Result:
    """Score the options as a worker or a package might whose model is broken."""
    broken = {"item-0": math.nan, "item-1": math.inf, "item-2": -math.inf}.get(request.id, -1.0)
    scores = ChoiceScores(ChoiceScoreKind.LETTER_LOGIT, {"A": -0.5, "B": broken})
    return Result(request.id, DeliveryStatus.OK, "A", choice_scores=scores)


def test_scores_that_are_no_numbers_are_failed_whoever_gave_them(tmp_path: Path) -> None:
    summary = run_task(plan_of(tmp_path), FakeModel(score_badly), tmp_path / "run", QUICK)
    assert summary.statuses == {DeliveryStatus.OK: 3, DeliveryStatus.FAILED: 3}
    assert summary.results is not None
    assert summary.results.coverage.fraction == 0.5
    lines = (tmp_path / "run" / ITEMS_FILE).read_text(encoding="utf-8").splitlines()
    failed = [record for line in lines if (record := json.loads(line))["status"] == "failed"]
    assert all(record["text"] == "" for record in failed)
    assert all("are not finite" in record["detail"] for record in failed)


def test_answers_among_scores_of_nan_in_an_older_log_are_failed_and_asked_again(
    tmp_path: Path,
) -> None:
    plan, folder = plan_of(tmp_path), tmp_path / "run"
    run_task(plan, FakeModel(), folder)
    scores = ChoiceScores(ChoiceScoreKind.LETTER_LOGIT, {"A": math.nan, "B": math.nan})
    old = Result("item-0", DeliveryStatus.OK, "A", choice_scores=scores)
    with ItemLog(folder / ITEMS_FILE) as log:
        log.append(to_record(old))
    (folder / RESULTS_FILE).unlink()  # That version had its own.
    assert score_folder(folder).coverage.fraction == 5 / 6
    model = FakeModel()
    assert run_task(plan, model, folder).statuses == {DeliveryStatus.OK: 6}
    assert list(model.asked) == ["item-0"]


def test_what_is_odd_about_a_model_stands_beside_its_scores(tmp_path: Path) -> None:
    model = FakeModel()
    warning = "The LoRA adapter mine changes nothing: its rank is 0."
    model._description = model.describe().model_copy(update={"warnings": (warning,)})
    summary = run_task(plan_of(tmp_path), model, tmp_path / "run")
    assert summary.results is not None
    assert warning in summary.results.warnings


def test_a_run_on_a_file_system_without_locks_says_what_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    observer = NotingObserver()
    run_task(plan_of(tmp_path), FakeModel(), tmp_path / "run", QUICK, observer)
    assert any("keeps no locks" in notice for notice in observer.notices)
