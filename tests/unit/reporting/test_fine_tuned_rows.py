"""A model that learned from a data set's labels never stands among zero-shot rows of it."""

from __future__ import annotations

from dataclasses import replace

from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.probing.published import Confidence
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.groups import make_groups
from emoreal_bench.reporting.leaderboard.tables import Body, Table
from tests.run_factory import MadeUpRun

ZERO_SHOT = MadeUpRun(model="hf/zero-shot", accuracy=0.5)
TUNED = MadeUpRun(model="hf/tuned", accuracy=0.9)


def _report(run: MadeUpRun, fine_tuned_on: str | None = None, reader: str = "dfew") -> FinishedRun:
    manifest: Manifest = run.manifest()
    definition = {**manifest.task_definition, "data": {"reader": reader}}
    model = manifest.model.model_copy(update={"fine_tuned_on": fine_tuned_on})
    marked = manifest.model_copy(update={"model": model, "task_definition": definition})
    return FinishedRun(marked, run.results(), run.timings())


def _table(*reports: FinishedRun) -> Table:
    (group,) = make_groups(reports, [], Confidence.HIGH)
    return group.tables[0]


def _models(body: Body) -> list[str]:
    return [row.row.model for row in body.rows]


def test_a_fine_tuned_row_has_a_body_of_its_own_and_no_rank() -> None:
    ranked, tuned = _table(_report(ZERO_SHOT), _report(TUNED, "dfew")).bodies
    assert _models(ranked) == ["hf/zero-shot"]
    assert _models(tuned) == ["hf/tuned"]
    assert tuned.title.startswith("Fine-tuned on this data set")
    assert tuned.rows[0].row.rank is None


def test_a_fine_tuned_row_takes_no_rank_away() -> None:
    other = replace(ZERO_SHOT, model="hf/other", accuracy=0.3)
    reports = [_report(ZERO_SHOT), _report(other)]
    alone = [row.row.rank for row in _table(*reports).bodies[0].rows]
    beside = [row.row.rank for row in _table(*reports, _report(TUNED, "dfew")).bodies[0].rows]
    assert beside == alone == [(1, 1), (2, 2)]


def test_a_model_fine_tuned_on_other_data_is_zero_shot_here() -> None:
    (ranked,) = _table(_report(ZERO_SHOT), _report(TUNED, "ravdess")).bodies
    assert _models(ranked) == ["hf/tuned", "hf/zero-shot"]
