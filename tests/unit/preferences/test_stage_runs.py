"""A stage in which a model answers nothing says why, and is asked anew once that is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.preferences.building.asking import StageRunner, replies_of
from tests.unit.running.fakes import FakeModel, plan_of


def test_a_stage_without_any_answer_says_why_and_the_next_try_asks_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, items=4)
    deaf = FakeModel(
        lambda request, _: Result(request.id, DeliveryStatus.UNSUPPORTED, detail="hears nothing")
    )
    with pytest.raises(RunError, match="none of 4 requests: unsupported 4: hears nothing"):
        StageRunner(tmp_path / "runs").run(plan, deaf)
    folder = StageRunner(tmp_path / "runs").run(plan, FakeModel())
    assert len(replies_of(folder)) == 4


def test_what_a_stage_has_answered_is_not_asked_again(tmp_path: Path) -> None:
    def reply(request: object, _: int) -> Result:
        name = str(getattr(request, "id", ""))
        status = DeliveryStatus.UNSUPPORTED if name == "item-0" else DeliveryStatus.OK
        return Result(name, status, "(A)", detail="too long")

    plan = plan_of(tmp_path, items=4)
    StageRunner(tmp_path / "runs").run(plan, FakeModel(reply))
    again = FakeModel(reply)
    StageRunner(tmp_path / "runs").run(plan, again)
    assert not again.asked
