"""Clips that break decoders end as counted items, and the run goes on."""

from __future__ import annotations

from pathlib import Path

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import Capabilities
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.readers import Dataset
from emoreal_bench.running.plan import PlanOptions, make_plan
from emoreal_bench.running.runner import run_task
from tests.unit.running.fakes import MEDIA, FakeModel, NotingObserver


def test_every_awkward_clip_ends_as_a_counted_item(
    tmp_path: Path, awkward_clips: dict[str, Path]
) -> None:
    clips = {kind: Clip(kind, path) for kind, path in awkward_clips.items()}
    items = [
        Item(kind, "modality_agreement", "Do they agree?", ("(A) Yes", "(B) No"), "A", kind)
        for kind in clips
    ]
    plan = make_plan(find_task("emorealm"), Dataset(items, clips, ()), tmp_path, PlanOptions())
    model = FakeModel(capabilities=Capabilities(modalities=MEDIA, batch_size=4))
    observer = NotingObserver()
    summary = run_task(plan, model, tmp_path / "run", observer=observer)
    statuses = {result.id: result.status for result in observer.results}
    assert statuses == {
        kind: DeliveryStatus.MISSING if kind.startswith("broken") else DeliveryStatus.OK
        for kind in clips
    }
    assert all(
        result.detail for result in observer.results if result.status is DeliveryStatus.MISSING
    )
    assert summary.results is not None
    assert summary.results.coverage.items == len(clips)
    assert summary.results.coverage.statuses["missing"] == sum(
        kind.startswith("broken") for kind in clips
    )
