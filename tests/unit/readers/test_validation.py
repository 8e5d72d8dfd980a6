"""What a reader of any package returns is checked before anything is asked."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import emoreal_bench.readers
from emoreal_bench.catalog import TaskFile, load_task
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import DataError, ExitCode
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.datasets.check import check_dataset
from emoreal_bench.readers import READER_ENTRY_POINTS, Dataset, load_items
from emoreal_bench.running.plan import PlanOptions, make_plan
from emoreal_bench.scoring.frame import build_frame
from tests.foreign_package import install
from tests.media_files import Picture, Sound, make_clip
from tests.unit.readers import broken_readers
from tests.unit.readers.broken_readers import BROKEN


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    read = f"{broken_readers.__name__}:read"
    install(tmp_path / "site", monkeypatch, {READER_ENTRY_POINTS: {"toy": read}})
    return broken_readers.write_task(tmp_path)


def commands(task: Path, root: Path, out: Path) -> dict[str, list[str]]:
    common = ["--task", str(task), "--data", str(root)]
    model = ["--model", "baseline/random", "--out", str(out), "--quiet"]
    return {"data check": ["data", "check", *common], "run": ["run", *common, *model]}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("command", ["data check", "run"])
def test_a_broken_reader_ends_a_command_with_item_problem_and_remedy(
    command: str, kind: str, task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    arguments = commands(task, root, tmp_path / "out")[command]
    assert run([*arguments, "--data-arg", f"broken={kind}"]) == ExitCode.INCOMPLETE
    output = "".join(capsys.readouterr())
    for told in BROKEN[kind][1]:
        assert told in output
    assert str(root) in output
    assert "the reader" in output
    assert "defect of emoreal-bench" not in output
    assert "The data is complete." not in output


def test_a_reader_of_another_package_that_crashes_is_named_with_its_line(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = commands(task, tmp_path, tmp_path / "out")["data check"]
    assert run([*check, "--data-arg", "broken=a crash"]) == ExitCode.INCOMPLETE
    told = capsys.readouterr().err
    assert "The reader toy of the package toy 1.0 failed: KeyError: 'answer'." in told
    assert "broken_readers.py, line " in told
    assert "defect of emoreal-bench" not in told


def test_a_reader_of_another_package_that_is_right_is_checked_and_run(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    for name in ("1.mp4", "2.mp4"):
        make_clip(root / name, Picture(frames=5, size=(32, 32)), Sound(seconds=0.2))
    for arguments in commands(task, root, tmp_path / "out").values():
        # Baselines answer the first two of the four kinds.
        limit = ["--limit", "2"] if arguments[0] == "run" else []
        assert run([*arguments, *limit]) == ExitCode.DONE
    assert "The data is complete." in capsys.readouterr().out


def test_a_clip_that_is_not_there_is_no_fault_of_the_reader(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    root.mkdir()
    check = commands(task, root, tmp_path / "out")["data check"]
    assert run(check) == ExitCode.INCOMPLETE
    assert "missing clips: 2" in capsys.readouterr().out


def test_a_reader_that_cannot_be_loaded_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "site", monkeypatch, {READER_ENTRY_POINTS: {"toy": "no_such_module:read"}})
    arguments = commands(broken_readers.write_task(tmp_path), tmp_path, tmp_path / "out")
    assert run(arguments["data check"]) == ExitCode.USAGE
    assert "'toy' of the package" in capsys.readouterr().err


def load(task_file: TaskFile, root: Path, returned: object) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emoreal_bench.readers, "find_reader", lambda name: lambda *_: returned)
        return load_items(task_file.task, root, {})


def test_all_problems_are_told_at_once_and_the_first_ten_in_words(
    task: Path, tmp_path: Path
) -> None:
    items = [Item(f"q{number}", "name", "?", (), "rage", "1.mp4") for number in range(12)]
    with pytest.raises(DataError, match="13 problems found") as caught:
        load(load_task(task), tmp_path, Dataset(items, {}, ()))
    assert "item q9" in str(caught.value)
    assert "item q10" not in str(caught.value)
    assert "and 3 more" in str(caught.value)


def test_a_clip_may_lie_where_an_option_or_a_link_leads(task: Path, tmp_path: Path) -> None:
    root, other = tmp_path / "data", tmp_path / "clips"
    root.mkdir()
    other.mkdir()
    (root / "link").symlink_to(other)
    item = Item("q1", "tell", "?", (), "x", "1")

    def read_at(path: Path) -> object:
        return lambda *_: Dataset([item], {"1": Clip("1", path)}, ())

    for path, options in ((root / "link" / "1", {}), (other / "1", {"videos": str(other)})):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(emoreal_bench.readers, "find_reader", lambda _, path=path: read_at(path))
            assert load_items(load_task(task).task, root, options).clips["1"].video == path


CHOICES = [(), ("(A) Yes", "(B) No"), ("(A) No", "(B) x"), ("B. a", "A: b", "c) d"), ("x",)]
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(),
    st.text(st.characters(), max_size=4),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.text(max_size=2) | st.none(), max_size=1),
    st.tuples(st.none() | st.text(max_size=4)),
    st.sampled_from(CHOICES),
    st.sampled_from(["A", "B", "C", "joy", "choose", "agree", "name", "tell", "1.mp4"]),
)
FIELDS = [field.name for field in fields(Item)]
PATHS = st.sampled_from([*["1.mp4", "2.mp4"] * 4, "../1.mp4", "\ud800", "a\0", None])


@given(
    changes=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(FIELDS), VALUES), max_size=2),
    part=st.none() | st.tuples(st.sampled_from(["items", "clips", "sources", "notes"]), VALUES),
    video=PATHS,
    audio=PATHS,
)
def test_a_random_data_set_is_refused_or_can_be_planned_and_scored(
    changes: list[tuple[int, str, Any]],
    part: tuple[str, Any] | None,
    video: Any,
    audio: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.getbasetemp()
    task_file = load_task(broken_readers.write_task(root))
    dataset = broken_readers.whole(root)
    items = list(dataset.items)
    for place, name, value in changes:
        items[place] = replace(items[place], **{name: value})
    clip = Clip("1.mp4", video and root / video, audio and root / audio)
    dataset = replace(dataset, items=items, clips={**dataset.clips, "1.mp4": clip})
    try:
        read = load(task_file, root, dataset if part is None else replace(dataset, **dict([part])))
    except DataError:
        event("refused")
        return
    event("planned")
    plan = make_plan(task_file, read, root, PlanOptions(choice_shuffle_seed=1))
    assert [plan.make_request(item, None).id for item in plan.items]
    build_frame(task_file.task, plan.items)
    check_dataset(task_file.task, read)
