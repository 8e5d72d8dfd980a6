"""Where pages may be written: never among the files of others, and no earlier page stays behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.task import UNSTATED_TERMS
from emoreal_bench.reporting.site.earlier import forget_earlier, refuse_foreign
from tests.unit.readers.layouts import put
from tests.unit.readers.test_question_tables import write_rows

WRITERS: dict[str, Callable[[Path, Path], object]] = {
    "leaderboard": lambda run, out: api.build_leaderboard([run], out),
    "run": api.view_run,
    "runs": lambda run, out: api.view_run(run.parent, out),
    "comparison": lambda run, out: api.write_comparison_page(
        api.compare([run, run.with_name("b")]), [run, run.with_name("b")], out
    ),
}
FOREIGN = ("film.mp4", "clips/film.mp4", "index.html", "stills/000000.png", "runs/a/notes.js")


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one of two runs of one question each, of the same data."""
    root = tmp_path_factory.mktemp("own")
    put(root, ["clips/1.mp4"])
    write_rows(
        root, "t.csv", [{"clip": "1", "question": "Which?", "options": "x|y", "answer": "x"}]
    )
    api.make_task(api.NewTask(root / "t.csv", root / "clips", root / "task"))
    for name in "ab":
        (root / name).write_text(json.dumps({"1": name.upper()}), encoding="utf-8")
        task, runs = str(root / "task/task.yaml"), root / f"runs-{name}"
        made = api.import_predictions(task, root / name, runs, data=root / "clips").folder
        assert made is not None
        (root / "runs").mkdir(exist_ok=True)
        made.rename(root / "runs" / name)
    return root / "runs" / "a"


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_with_files_of_others_is_left_alone(
    name: str, writer: str, run: Path, tmp_path: Path
) -> None:
    own = tmp_path / "study" / name
    own.parent.mkdir(parents=True)
    own.write_text("<!DOCTYPE html><title>mine</title>", encoding="utf-8")
    with pytest.raises(RunError, match="The folder holds something else") as caught:
        WRITERS[writer](run, tmp_path / "study")
    assert Path(name).name in str(caught.value)
    assert files(tmp_path / "study") == {name}
    assert own.read_text(encoding="utf-8") == "<!DOCTYPE html><title>mine</title>"


@pytest.mark.parametrize("second", WRITERS)
@pytest.mark.parametrize("first", WRITERS)
def test_a_page_in_the_place_of_another_leaves_nothing_of_it(
    first: str, second: str, run: Path, tmp_path: Path
) -> None:
    WRITERS[first](run, tmp_path / "page")
    (tmp_path / "page/CNAME").touch()
    WRITERS[second](run, tmp_path / "page")
    WRITERS[second](run, tmp_path / "fresh")
    assert files(tmp_path / "page") == files(tmp_path / "fresh") | {"CNAME"}


def test_a_site_without_run_pages_keeps_no_question_and_no_reply(run: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    api.build_leaderboard([run], site, run_pages=True)
    (kept,) = (site / "runs").iterdir()
    (kept / "mine.txt").touch()
    assert len(files(site / "runs")) > 2
    api.build_leaderboard([run], site)
    assert files(site / "runs") == {f"{kept.name}/mine.txt"}


def test_a_site_says_that_the_terms_of_the_data_are_not_stated(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page = api.build_leaderboard([run], tmp_path / "site").read_text(encoding="utf-8")
    assert UNSTATED_TERMS in page
    assert "terms of the data of task are not stated" in caplog.text
    assert "README" not in page


def test_a_page_that_was_broken_off_is_written_again(run: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    api.build_leaderboard([run], site, run_pages=True)
    whole = files(site)
    (site / "index.html").unlink()
    next(iter(site.glob("runs/*/index.html"))).unlink()
    (site / ".nojekyll").touch()
    api.build_leaderboard([run], site, run_pages=True)
    assert files(site) == whole | {".nojekyll"}


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/000000.js").touch()
    (tmp_path / "page").mkdir()
    (tmp_path / "page/items").symlink_to(tmp_path / "theirs")
    with pytest.raises(RunError, match="items"):
        refuse_foreign(tmp_path / "page")
    forget_earlier(tmp_path / "page")
    assert (tmp_path / "theirs/000000.js").exists()
