"""A run in shards: each asks its clips and no others, and together they are the run."""

from __future__ import annotations

import random
import shutil
from itertools import permutations
from pathlib import Path

import pytest

from emoreal_bench.api import RunOptions, evaluate_repeats, probe
from emoreal_bench.contracts.errors import NotComparableError, RunError, UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import ITEMS_FILE, MANIFEST_FILE, RESULTS_FILE
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Scoring
from emoreal_bench.identity import shard_number
from emoreal_bench.record.finished import read_report
from emoreal_bench.record.log import read_log
from emoreal_bench.record.manifest import load_manifest
from emoreal_bench.reporting.leaderboard.rows import measured_row
from emoreal_bench.running.budget import Budget, BudgetSpentError
from emoreal_bench.running.merging import merge_runs
from emoreal_bench.running.plan import Plan
from emoreal_bench.running.policy import RunPolicy
from emoreal_bench.running.runner import run_task
from emoreal_bench.running.sharding import Shard, parse_shard, take_shard
from emoreal_bench.running.verifying import verify_run
from tests.unit.running.fakes import FakeModel, NotingObserver, plan_of

ITEMS, OF = 24, 4


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_of(tmp_path, items=ITEMS, per_clip=2)


def asked_by(plan: Plan, shard: Shard) -> set[int]:
    return {position for group in take_shard(plan, shard).groups.values() for position in group}


def answer(request: Request, _: int) -> Result:
    """Answer after the item's number, so that items differ."""
    number = int(request.id.rpartition("-")[2])
    return Result(request.id, DeliveryStatus.OK, "(A)" if number % 3 else "(B)")


def run_shards(plan: Plan, home: Path, of: int = OF) -> list[Path]:
    folders = [home / f"shard-{number}" for number in range(1, of + 1)]
    for number, folder in enumerate(folders, 1):
        run_task(take_shard(plan, Shard(number, of)), FakeModel(answer), folder)
    return folders


def run_whole(plan: Plan, home: Path) -> bytes:
    run_task(plan, FakeModel(answer), home / "unsharded")
    return (home / "unsharded" / RESULTS_FILE).read_bytes()


@pytest.mark.parametrize("of", [1, 2, 3, 7, 100])
def test_shards_share_no_item_and_together_are_the_plan(plan: Plan, of: int) -> None:
    parts = [asked_by(plan, Shard(number, of)) for number in range(1, of + 1)]
    assert sum(map(len, parts)) == ITEMS
    assert set().union(*parts) == set(range(ITEMS))
    for number in range(1, of + 1):
        asked = take_shard(plan, Shard(number, of)).shard
        assert asked is not None
        assert asked.items == len(parts[number - 1])


def test_a_clip_falls_to_its_shard_by_its_key_alone() -> None:
    """Numbers that may never change, since shards of two versions have to fit together."""
    keys = ["clip-0", "clip-1", "clips/überall.mp4", "\udcff", ""]
    numbers = {key: shard_number(key, 8) for key in keys}
    assert numbers == {"clip-0": 5, "clip-1": 5, "clips/überall.mp4": 5, "\udcff": 4, "": 6}
    shuffled = random.Random(1).sample(keys, len(keys))
    assert {key: shard_number(key, 8) for key in shuffled} == numbers


def test_clips_are_dealt_evenly() -> None:
    counts = [0] * 8
    for number in range(8_000):
        counts[shard_number(f"clips/{number}.mp4", 8) - 1] += 1
    assert max(counts) < 1.15 * min(counts)


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "a/b", "", "1", "1/2/3", "-1/4", "1.5/4"])
def test_what_is_no_shard_gets_one_clear_line(text: str) -> None:
    with pytest.raises(UsageError, match="shard") as caught:
        parse_shard(text)
    assert text in caught.value.problem
    assert "\n" not in caught.value.problem
    assert "2/4 is the second of four" in str(caught.value)


def test_a_shard_is_read_as_it_is_written() -> None:
    assert parse_shard("2/4") == Shard(2, 4)


def test_each_item_is_asked_by_one_shard_and_the_whole_has_the_same_bytes(
    plan: Plan, tmp_path: Path
) -> None:
    unsharded = run_whole(plan, tmp_path)
    folders = run_shards(plan, tmp_path)
    asked = [record["id"] for folder in folders for record in read_log(folder / ITEMS_FILE)]
    assert sorted(asked) == sorted(item.id for item in plan.items)
    merged = set()
    for number, order in enumerate(list(permutations(folders))[::8]):
        out = tmp_path / f"whole-{number}"
        merge_runs(order, out)
        assert (out / RESULTS_FILE).read_bytes() == unsharded
        assert load_manifest(out).shard is None
        merged.add((out / ITEMS_FILE).read_bytes() + (out / MANIFEST_FILE).read_bytes())
    assert len(merged) == 1, "whatever order they are named in"
    assert verify_run(tmp_path / "whole-0").is_whole


def test_a_shard_says_what_it_is_and_is_never_ranked(plan: Plan, tmp_path: Path) -> None:
    observer = NotingObserver()
    shard = take_shard(plan, Shard(2, OF))
    run_task(shard, FakeModel(answer), tmp_path / "run", observer=observer)
    report = read_report(tmp_path / "run")
    asked = report.manifest.shard
    assert asked is not None
    assert (asked.number, asked.of) == (2, OF)
    assert 0 < asked.items < ITEMS
    assert observer.started == [(asked.items, 0)]
    coverage = report.results.coverage
    assert (coverage.items, coverage.covered) == (ITEMS, asked.items)
    assert f"shard 2/{OF} of a run and is never ranked" in report.results.warnings[0]
    assert report.has_asked_all
    assert not report.is_complete
    assert measured_row(report, Scoring.STRICT).caveat.startswith(f"shard 2/{OF} at ")
    # It is whole as a shard: what others ask is no gap in it.
    assert verify_run(tmp_path / "run").is_whole


def test_a_shard_that_holds_every_clip_is_still_a_shard(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, items=2, per_clip=2)
    number = shard_number("clip-0", OF)
    run_task(take_shard(plan, Shard(number, OF)), FakeModel(answer), tmp_path / "run")
    report = read_report(tmp_path / "run")
    assert report.results.coverage.fraction == 1.0
    assert not report.is_complete
    assert not measured_row(report, Scoring.STRICT).is_full


def test_the_identity_of_a_shard_is_that_of_the_whole_run(plan: Plan, tmp_path: Path) -> None:
    run_whole(plan, tmp_path)
    run_task(take_shard(plan, Shard(1, OF)), FakeModel(answer), tmp_path / "run")
    whole, part = (load_manifest(tmp_path / name) for name in ("unsharded", "run"))
    assert whole.run_id == part.run_id
    assert (whole.data, whole.request, whole.model) == (part.data, part.request, part.model)
    assert whole.plan_hash == part.plan_hash


def test_more_shards_than_clips_are_empty_and_join(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, items=4, per_clip=2)
    unsharded = run_whole(plan, tmp_path)
    folders = run_shards(plan, tmp_path, of=5)
    items = [load_manifest(folder).shard for folder in folders]
    assert [shard.items for shard in items if shard].count(0) >= 3
    assert all(read_report(folder).has_asked_all for folder in folders)
    merge_runs(folders, tmp_path / "whole")
    assert (tmp_path / "whole" / RESULTS_FILE).read_bytes() == unsharded


def test_a_stopped_shard_goes_on_where_it_stopped(plan: Plan, tmp_path: Path) -> None:
    unsharded = run_whole(plan, tmp_path)
    folders = run_shards(plan, tmp_path)
    shutil.rmtree(folders[1])
    shard = take_shard(plan, Shard(2, OF))
    model = FakeModel(answer)
    with pytest.raises(BudgetSpentError, match=rf"4 of {shard.shard.items} items"):  # type: ignore[union-attr]
        run_task(shard, model, folders[1], RunPolicy(budget=Budget(requests=4)))
    run_task(shard, model, folders[1])
    assert set(model.asked.values()) == {1}
    merge_runs(folders, tmp_path / "whole")
    assert (tmp_path / "whole" / RESULTS_FILE).read_bytes() == unsharded


def test_a_folder_belongs_to_one_shard(plan: Plan, tmp_path: Path) -> None:
    run_task(take_shard(plan, Shard(1, OF)), FakeModel(answer), tmp_path / "run")
    for other, said in ((take_shard(plan, Shard(2, OF)), "shard 2/4"), (plan, "all of it")):
        with pytest.raises(NotComparableError, match=f"shard 1/4, now {said}"):
            run_task(other, FakeModel(answer), tmp_path / "run")


def test_missing_shards_are_named(plan: Plan, tmp_path: Path) -> None:
    folders = run_shards(plan, tmp_path)
    with pytest.raises(RunError, match="Shard 2/4 is missing"):
        merge_runs([folders[0], *folders[2:]], tmp_path / "whole")
    with pytest.raises(RunError, match="Shards 1/4, 2/4, 3/4 are missing"):
        merge_runs([folders[3]], tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


def test_a_shard_that_is_there_twice_counts_once_if_it_says_the_same(
    plan: Plan, tmp_path: Path
) -> None:
    unsharded = run_whole(plan, tmp_path)
    folders = run_shards(plan, tmp_path)
    run_task(take_shard(plan, Shard(3, OF)), FakeModel(answer), tmp_path / "again")
    merge_runs([*folders, folders[0], tmp_path / "again"], tmp_path / "whole")
    assert (tmp_path / "whole" / RESULTS_FILE).read_bytes() == unsharded
    assert len(list(read_log(tmp_path / "whole" / ITEMS_FILE))) == ITEMS


def test_a_shard_that_is_there_twice_and_differs_is_refused_by_name(
    plan: Plan, tmp_path: Path
) -> None:
    folders = run_shards(plan, tmp_path)
    other = tmp_path / "another"
    run_task(take_shard(plan, Shard(3, OF)), FakeModel(), other)  # The same model, moody.
    with pytest.raises(NotComparableError, match="another reply here than in") as caught:
        merge_runs([other, *folders], tmp_path / "whole")
    assert {str(other), str(folders[2])} & {caught.value.where}
    assert str(other) in str(caught.value)
    assert str(folders[2]) in str(caught.value)


def test_shards_of_other_counts_or_of_no_shard_do_not_join(plan: Plan, tmp_path: Path) -> None:
    folders = run_shards(plan, tmp_path)
    run_task(take_shard(plan, Shard(3, 5)), FakeModel(answer), tmp_path / "of-five")
    run_whole(plan, tmp_path)
    for other, part in (("of-five", "shard 3/5"), ("unsharded", "all of it")):
        with pytest.raises(NotComparableError, match=f"shard 1/4 and {part}"):
            merge_runs([*folders, tmp_path / other], tmp_path / "whole")


def test_shards_of_another_run_do_not_join(plan: Plan, tmp_path: Path) -> None:
    folders = run_shards(plan, tmp_path)
    other = FakeModel(answer, name="fake/other")
    run_task(take_shard(plan, Shard(2, OF)), other, tmp_path / "other")
    with pytest.raises(NotComparableError, match="the model"):
        merge_runs([folders[0], tmp_path / "other", *folders[2:]], tmp_path / "whole")


def test_one_of_one_is_the_whole_run(plan: Plan, tmp_path: Path) -> None:
    unsharded = run_whole(plan, tmp_path)
    merge_runs(run_shards(plan, tmp_path, of=1), tmp_path / "whole")
    assert (tmp_path / "whole" / RESULTS_FILE).read_bytes() == unsharded


def test_the_joined_run_forgets_the_shard_of_its_command(plan: Plan, tmp_path: Path) -> None:
    for number, words in ((1, ("--shard", "1/2")), (2, ("--shard=2/2",))):
        policy = RunPolicy(command=("emoreal-bench", "run", *words, "-m", "fake/yes"))
        shard = take_shard(plan, Shard(number, 2))
        run_task(shard, FakeModel(answer), tmp_path / f"shard-{number}", policy)
    merge_runs([tmp_path / "shard-2", tmp_path / "shard-1"], tmp_path / "whole")
    assert load_manifest(tmp_path / "whole").command == ("emoreal-bench", "run", "-m", "fake/yes")


def test_a_log_with_items_of_another_shard_is_found(plan: Plan, tmp_path: Path) -> None:
    folders = run_shards(plan, tmp_path)
    with (folders[0] / ITEMS_FILE).open("ab") as log:
        log.write((folders[1] / ITEMS_FILE).read_bytes().splitlines(keepends=True)[0])
    problems = [state.problem for state in verify_run(folders[0]).files if state.problem]
    assert any("1 item that shard 1/4 does not hold" in problem for problem in problems)
    with pytest.raises(RunError, match="which is of another shard"):
        run_task(take_shard(plan, Shard(1, OF)), FakeModel(answer), folders[0])


def test_what_needs_whole_runs_takes_no_shard() -> None:
    options = RunOptions(shard=Shard(1, 2))
    with pytest.raises(UsageError, match="--repeats takes no shard"):
        evaluate_repeats(2, "baseline/first-choice", options=options)
    with pytest.raises(UsageError, match="A probe takes no shard"):
        probe("baseline/first-choice", options=options)
