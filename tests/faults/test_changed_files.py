"""A file of a run that is not as it was written never changes a score without a word."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench.api import list_runs, verify_runs
from emoreal_bench.cli.application import run as command
from emoreal_bench.contracts.errors import EmorealError, ExitCode, RunError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.run_record import (
    ITEMS_FILE,
    MANIFEST_FILE,
    PLAN_FILE,
    RESULTS_FILE,
    TIMINGS_FILE,
)
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.record.log import read_log
from emoreal_bench.running.readings import LoggedRun
from emoreal_bench.running.results import load_report, score_folder
from emoreal_bench.running.runner import run_task
from emoreal_bench.scoring.score import results_json
from tests.unit.running.fakes import FakeModel, NotingObserver, plan_of

FILES = (MANIFEST_FILE, PLAN_FILE, ITEMS_FILE, RESULTS_FILE)
FLIPS = 150
"""Of each file in the quick suite: every eighth byte or so."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    run_task(plan_of(root), FakeModel(), root / "run")
    return root / "run"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of as many items, with other clips and other replies."""
    root = tmp_path_factory.mktemp("other")
    plan = plan_of(root, per_clip=3)
    run_task(plan, FakeModel(answer_no, name="fake/no"), root / "run")
    return root / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def answer_no(request: Request, attempt: int) -> Result:
    return Result(request.id, DeliveryStatus.OK, "(B)")


def flips(content: bytes) -> Iterator[bytes]:
    chosen = random.Random(5)
    for place in sorted(chosen.sample(range(len(content)), min(FLIPS, len(content)))):
        changed = bytearray(content)
        changed[place] ^= 1 << chosen.randrange(8)
        yield bytes(changed)


def read_whole(folder: Path) -> str:
    """Read a run in every way there is, and return its scores as they are shown."""
    shown = load_report(folder).results
    with LoggedRun(folder) as logged:
        for position in range(len(logged.items)):
            logged.record(position)
    assert results_json(score_folder(folder)) == results_json(shown)
    return results_json(shown)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_an_error_or_changes_nothing(made: Path, run: Path, name: str) -> None:
    right = read_whole(made)
    content = (run / name).read_bytes()
    named = 0
    for changed in flips(content):
        (run / name).write_bytes(changed)
        try:
            assert read_whole(run) == right
        except EmorealError as error:
            named += str(run) in str(error)
    # What no reader needs may change: the case of a hexadecimal digit, say.
    assert named >= 0.9 * min(FLIPS, len(content))


@pytest.mark.parametrize("name", [PLAN_FILE, ITEMS_FILE, RESULTS_FILE])
def test_the_file_of_another_run_is_named(run: Path, other: Path, name: str) -> None:
    shutil.copy(other / name, run / name)
    with pytest.raises(EmorealError):
        read_whole(run)
    (state,) = verify_runs([run])
    assert not state.is_whole


def test_the_log_of_another_model_on_the_same_items_is_named(
    run: Path, made: Path, tmp_path: Path
) -> None:
    plan = plan_of(made.parent)
    of_another = FakeModel(answer_no, name="fake/no")
    run_task(plan, of_another, tmp_path / "other")
    shutil.copy(tmp_path / "other" / ITEMS_FILE, run / ITEMS_FILE)
    with pytest.raises(RunError, match="was not made from this items"):
        score_folder(run)
    model = FakeModel()
    with pytest.raises(RunError, match=r"bring its own back.*(?s:.)*--repair"):
        run_task(plan, model, run)
    assert not model.asked
    verify_runs([run], repair=True)
    assert score_folder(run).scores == score_folder(tmp_path / "other").scores


def test_a_plan_that_lost_or_doubled_lines_is_named(run: Path) -> None:
    lines = (run / PLAN_FILE).read_bytes().splitlines(keepends=True)
    for changed in (lines[:4], [*lines, lines[0]]):
        (run / PLAN_FILE).write_bytes(b"".join(changed))
        with pytest.raises(RunError, match="names 6 items"):
            score_folder(run)


def test_plan_and_log_cut_alike_are_no_whole_run(run: Path) -> None:
    for name in (PLAN_FILE, ITEMS_FILE):
        lines = (run / name).read_bytes().splitlines(keepends=True)
        (run / name).write_bytes(b"".join(lines[:4]))
    (run / RESULTS_FILE).unlink()
    with pytest.raises(RunError, match="names 6 items"):
        score_folder(run)


def test_line_ends_of_windows_are_no_damage(run: Path, made: Path) -> None:
    log = run / ITEMS_FILE
    log.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    assert read_whole(run) == read_whole(made)
    model = FakeModel()
    run_task(plan_of(made.parent), model, run)
    assert model.batches == []


def test_damaged_lines_are_told_with_the_scores(run: Path) -> None:
    lines = (run / ITEMS_FILE).read_bytes().splitlines(keepends=True)
    (run / ITEMS_FILE).write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]))
    results = score_folder(run)
    assert results.coverage.covered == 5
    assert any("line 2" in warning for warning in results.warnings)


def test_a_plan_that_was_changed_is_written_again_when_the_run_goes_on(
    run: Path, made: Path
) -> None:
    right = (run / PLAN_FILE).read_bytes()
    (run / PLAN_FILE).write_bytes(right.replace(b'"answer":"A"', b'"answer":"B"', 1))
    observer = NotingObserver()
    run_task(plan_of(made.parent), FakeModel(), run, observer=observer)
    assert (run / PLAN_FILE).read_bytes() == right
    assert any("written again" in notice for notice in observer.notices)
    assert read_whole(run) == read_whole(made)


def test_a_whole_run_is_found_whole(run: Path) -> None:
    (state,) = verify_runs([run])
    assert state.is_whole
    assert {file.name for file in state.files} >= {*FILES, TIMINGS_FILE}


@pytest.mark.parametrize("name", [RESULTS_FILE, TIMINGS_FILE])
def test_what_follows_from_the_log_is_repaired(run: Path, made: Path, name: str) -> None:
    (run / name).write_bytes(b"{}")
    (state,) = verify_runs([run], repair=True)
    assert state.is_whole
    assert [file.name for file in state.files if file.repaired] == [name]
    assert read_whole(run) == read_whole(made)


def test_a_repaired_log_says_what_is_to_be_asked_again(run: Path, made: Path) -> None:
    content = bytearray((run / ITEMS_FILE).read_bytes())
    content[20] ^= 1
    (run / ITEMS_FILE).write_bytes(content)
    (state,) = verify_runs([run], repair=True)
    assert not state.is_whole
    problem = next(file.problem for file in state.files if file.name == ITEMS_FILE)
    assert problem == "1 item of 6 not asked yet."
    assert not read_log(run / ITEMS_FILE).damaged
    model = FakeModel()
    run_task(plan_of(made.parent), model, run)
    assert sum(model.asked.values()) == 1
    assert read_whole(run) == read_whole(made)


def test_good_runs_are_listed_beside_damaged_ones(run: Path) -> None:
    bad = Path(shutil.copytree(run, run.parent / "bad"))
    (bad / MANIFEST_FILE).write_text("{")
    listed = {Path(row["folder"]).name: row for row in list_runs(run.parent)}
    assert (listed["run"]["state"], listed["bad"]["state"]) == ("finished", "damaged")
    assert listed["run"]["problem"] is None
    assert MANIFEST_FILE in listed["bad"]["problem"]


def test_the_command_ends_with_the_code_for_an_invalid_file(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["runs", "verify", str(run)]) == ExitCode.DONE
    (run / PLAN_FILE).write_bytes(b"")
    assert command(["runs", "verify", str(run)]) == ExitCode.INCOMPLETE
    assert "names 6 items" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(RunError, match="plan"):
        score_folder(run)
