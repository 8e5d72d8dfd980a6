"""A run whose folder is removed, moved or replaced midway stops, instead of asking for nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, PLAN_FILE
from emoreal_bench.record import log
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import FakeModel, NotingObserver, answer_yes, plan_of

ITEMS, BEFORE = 40, 5


def remove(run: Path) -> None:
    shutil.rmtree(run)


def move(run: Path) -> None:
    run.rename(run.with_name("elsewhere"))


def remove_the_log(run: Path) -> None:
    (run / ITEMS_FILE).unlink()


def replace_the_log(run: Path) -> None:
    # As editors do that write a new file and rename it.
    copy = shutil.copy(run / ITEMS_FILE, run / "copy")
    Path(copy).replace(run / ITEMS_FILE)


def replace_the_folder(run: Path) -> None:
    move(run)
    shutil.copytree(run.with_name("elsewhere"), run)


class Meddler(FakeModel):
    """Answers, and has something done to the run folder at its sixth question."""

    def __init__(self, meddle: Callable[[Path], None], run: Path):
        super().__init__(self._answer, capabilities=Capabilities(batch_size=1))
        self._meddle, self._run = meddle, run

    def _answer(self, request: Request, attempt: int) -> Result:
        if len(self.requests) == BEFORE + 1:
            self._meddle(self._run)
        return answer_yes(request, attempt)


@pytest.mark.parametrize(
    "meddle", [remove, move, remove_the_log, replace_the_log, replace_the_folder]
)
@pytest.mark.parametrize("seconds", [0.0, 3600.0], ids=["looked at now", "looked at the end"])
def test_what_would_be_lost_is_not_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meddle: Callable[[Path], None],
    seconds: float,
) -> None:
    monkeypatch.setattr(log, "SYNC_SECONDS", seconds)
    run, observer = tmp_path / "run", NotingObserver()
    model = Meddler(meddle, run)
    with pytest.raises(RunError, match="removed, moved or replaced") as caught:
        run_task(plan_of(tmp_path, items=ITEMS), model, run, observer=observer)
    assert caught.value.where == str(run / ITEMS_FILE)
    if not seconds:
        assert len(model.requests) <= BEFORE + 2
    left = {path.name for path in run.iterdir()} if run.exists() else set()
    # Nothing is left that looks like a run and is none.
    assert not left or PLAN_FILE in left
    assert "results.json" not in left


def test_a_run_that_was_moved_back_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SYNC_SECONDS", 0.0)
    run, plan = tmp_path / "run", plan_of(tmp_path, items=ITEMS)
    with pytest.raises(RunError):
        run_task(plan, Meddler(move, run), run)
    run.with_name("elsewhere").rename(run)
    model = FakeModel()
    summary = run_task(plan, model, run)
    assert summary.kept > BEFORE
    assert len(model.requests) == ITEMS - summary.kept
