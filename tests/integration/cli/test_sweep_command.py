"""``emoreal-bench sweep``: models x tasks x settings in one file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import RunInterrupted, RunObserver, RunOptions, api
from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import DataError, UsageError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.sweep import SweepSettings
from emoreal_bench.probing.sweeping import read_sweep, take_fingerprint
from tests.small_emorealm import gold_answers, make_data, write_script


def write_sweep(folder: Path, **keys: Any) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(keys), encoding="utf-8")
    return path


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """Write a sweep of two models and two settings, eight runs."""
    data = make_data(tmp_path / "data", 12)
    good = write_script(tmp_path / "good.json", gold_answers(data))
    poor = write_script(tmp_path / "poor.json", gold_answers(data), wrong_every=2)
    settings = {"variant": ["answer-format", "paper"], "shuffle_choices": [None, 1]}
    tasks = {"task": "emorealm", "data": "data"}
    return write_sweep(tmp_path, models=[good, poor], tasks=tasks, settings=settings)


def test_every_combination_is_a_run_and_one_table_shows_them(
    grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", str(grid), "--runs", str(grid.parent / "runs"), "-q"]
    assert run([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["model"][-9:], *row["settings"].values()) for row in rows] == [
        (model, variant, shuffle)
        for model in ("good.json", "poor.json")
        for variant in ("answer-format", "paper")
        for shuffle in (None, 1)
    ]
    assert len({row["folder"] for row in rows}) == 8
    for row in rows:
        results = json.loads(Path(row["folder"], "results.json").read_text(encoding="utf-8"))
        assert row["average_accuracy"] == results["scores"]["strict"]["average_accuracy"]
    assert rows[0]["average_accuracy"] == 1.0 > rows[4]["average_accuracy"]
    assert run([*command, "--leaderboard", str(grid.parent / "site")]) == 0
    text = capsys.readouterr().out
    assert text.count("good.json") == text.count("poor.json") == 4
    assert "as it is" in text
    assert "shuffle choices" in text
    assert (grid.parent / "site" / "index.html").is_file()


def test_arguments_are_written_as_yaml_has_them(tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    path.write_text(
        "models: {model: http/x, arguments: {takes_audio: true, concurrency: 3, rate: 0.5}}\n"
        "tasks: {task: emorealm, data: data, arguments: {first_index: 1, strict: no}}\n"
    )
    sweep = read_sweep(path).sweep
    assert sweep.models[0].arguments == {
        "takes_audio": "true",
        "concurrency": "3",
        "rate": "0.5",
    }
    assert sweep.tasks[0].arguments == {"first_index": "1", "strict": "false"}
    path.write_text("models: {model: http/x, arguments: {frames: [1]}}\ntasks: emorealm\n")
    with pytest.raises(DataError, match=r"models\.0\.arguments\.frames"):
        read_sweep(path)


def test_a_stopped_sweep_goes_on_and_asks_nothing_twice(grid: Path) -> None:
    options = RunOptions(runs=grid.parent / "runs")
    heard: list[str] = []

    class Stopping(RunObserver):
        def on_item(self, result: Result) -> None:
            heard.append(result.id)
            if len(heard) == 30:  # In the third of the eight runs.
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(RunInterrupted):
        api.sweep(grid, options, observe=lambda _: Stopping())
    kept = {path: path.read_bytes() for path in options.runs.glob("*/items.jsonl")}
    assert 1 < len(kept) < 8
    report = api.sweep(grid, options)
    assert report.is_complete
    assert len(report.rows) == 8
    for path, before in kept.items():
        after = path.read_bytes()
        assert after.startswith(before)
        asked = [json.loads(line)["id"] for line in after.splitlines()]
        assert len(asked) == len({*asked}) == 12
    unbroken = api.sweep(grid, RunOptions(runs=grid.parent / "unbroken"))
    for one, other in zip(report.rows, unbroken.rows, strict=True):
        first, second = (Path(str(row.folder), "results.json") for row in (one, other))
        assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_run_costs_its_own_rows_only(
    grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = json.loads(grid.read_text(encoding="utf-8"))
    keys["models"] = ["nobody/knows", *keys["models"][:1]]
    keys["tasks"] = [keys["tasks"], {"task": "emorealm", "data": "elsewhere"}]
    write_sweep(grid.parent, **keys)
    command = ["sweep", str(grid), "--runs", str(grid.parent / "runs"), "-q"]
    assert run([*command, "--json"]) == 3
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["coverage"] for row in rows] == [None] * 8 + [1.0] * 4 + [None] * 4
    assert "no model provider 'nobody'" in rows[0]["problem"]
    assert "elsewhere" in rows[-1]["problem"]
    assert run(command) == 3
    assert capsys.readouterr().out.count("no model provider 'nobody'") == 1


def test_a_dry_run_lists_the_runs_and_names_what_cannot_be_run(
    grid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = json.loads(grid.read_text(encoding="utf-8"))
    write_sweep(grid.parent, **{**keys, "models": [*keys["models"], "nobody/knows"]})
    assert run(["sweep", str(grid), "--dry-run", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["problem"] is None for row in rows] == [True] * 8 + [False] * 4
    assert not (grid.parent / "runs").exists()
    assert run(["sweep", str(grid), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("12 runs that the sweep asks for")
    assert "accuracy" not in shown
    assert "intervals" not in shown


def test_settings_of_the_clips_change_what_is_asked(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", 4, real=True)
    keeper = write_script(tmp_path / "s.json", gold_answers(data), modalities=("text", "video"))
    settings = {"frames": [2, 3], "size": 32, "modalities": "v"}
    tasks = {"task": "emorealm", "data": "data"}
    sweep = write_sweep(tmp_path, models=keeper, tasks=tasks, settings=settings)
    report = api.sweep(sweep, RunOptions(runs=tmp_path / "runs"))
    assert report.is_complete
    for row in report.rows:
        manifest = api.load_run(Path(str(row.folder))).manifest
        assert manifest.request.media.frames == row.settings["frames"]
        assert manifest.request.media.size == 32


WRONG = {
    "unknown key": ({"models": "tiny/omni", "tasks": "emorealm", "setings": {}}, "setings"),
    "no model": ({"models": [], "tasks": "emorealm"}, "models"),
    "unknown setting": ({"models": "a/b", "tasks": "c", "settings": {"frame": 3}}, "frame"),
    "a value twice": ({"models": "a/b", "tasks": "c", "settings": {"shots": [1, 1]}}, "twice"),
    "an empty list": ({"models": "a/b", "tasks": "c", "settings": {"shots": []}}, "empty"),
    "yes for a number": ({"models": "a/b", "tasks": "c", "settings": {"frames": True}}, "number"),
    "no list": ("models", "sweep"),
    "too many": (
        {
            "models": "a/b",
            "tasks": "c",
            "settings": {"shuffle_choices": [*range(1000)], "shots": [*range(11)]},
        },
        "11,000 runs",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_told_before_anything_is_asked(name: str, tmp_path: Path) -> None:
    keys, told = WRONG[name]
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(keys), encoding="utf-8")
    with pytest.raises(DataError, match=told):
        read_sweep(path)


@pytest.mark.parametrize("settings", [{"frames": 0}, {"size": 3}, {"max_seconds": -1}])
def test_a_clip_that_cannot_be_wanted_names_the_file(
    settings: dict[str, float], tmp_path: Path
) -> None:
    sweep = write_sweep(tmp_path, models="a/b", tasks="emorealm", settings=settings)
    file = read_sweep(sweep)
    with pytest.raises(DataError, match=next(iter(settings))) as refused:
        file.plan_options(find_task("emorealm").task, next(file.combinations()))
    assert str(sweep) in str(refused.value)


def test_what_the_file_says_is_not_said_twice(grid: Path) -> None:
    with pytest.raises(UsageError, match="lora"):
        api.sweep(grid, RunOptions(lora=grid.parent))


def test_the_fingerprint_follows_the_file_its_data_and_its_adapters(grid: Path) -> None:
    lora = grid.parent / "adapter"
    lora.mkdir()
    keys = json.loads(grid.read_text(encoding="utf-8"))
    keys["models"] = [{"model": "tiny/omni", "lora": "adapter"}]
    write_sweep(grid.parent, **keys)
    seen = [take_fingerprint(grid)]
    for change in (lora / "adapter_model.safetensors", grid.parent / "data" / "clips" / "0.mp4"):
        change.write_bytes(b"another one")
        seen.append(take_fingerprint(grid))
    (grid.parent / "data" / "clips" / "1.mp4").unlink()
    seen.append(take_fingerprint(grid))
    grid.write_text("no sweep any more", encoding="utf-8")
    seen.append(take_fingerprint(grid))
    assert [one for one in seen if seen.count(one) > 1] == []
    (grid.parent / "beside.txt").write_text("not asked for", encoding="utf-8")
    assert take_fingerprint(grid) == seen[-1]


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stderr is not None
    yield from process.stderr


def test_a_watched_sweep_runs_again_when_its_file_changes(grid: Path) -> None:
    runs = grid.parent / "runs"
    command = ["sweep", str(grid), "--watch", "-q", "--runs", str(runs)]
    process = subprocess.Popen(
        [sys.executable, "-m", "emoreal_bench", *command], stderr=subprocess.PIPE, text=True
    )
    try:
        lines = _lines(process)
        assert next(lines).startswith("Waiting for a file to change.")
        assert len([*runs.iterdir()]) == 8
        whole = grid.read_text(encoding="utf-8")
        grid.write_text("models: [", encoding="utf-8")
        told = [next(lines) for _ in range(1)]
        while not told[-1].startswith("Waiting"):
            told.append(next(lines))
        assert "YAML" in told[0]
        keys = json.loads(whole)
        keys["settings"]["shuffle_choices"].append(2)
        write_sweep(grid.parent, **keys)
        assert next(lines).startswith("Waiting")
        assert len([*runs.iterdir()]) == 12
        process.send_signal(signal.SIGINT)
        assert next(lines) == "Ended.\n"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_the_page_shows_a_file_that_is_one_and_names_every_setting(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    shown = tmp_path / "sweep.yaml"
    shown.write_text(page.split("```yaml\n")[1].split("```")[0], encoding="utf-8")
    assert len(api.list_sweep(shown)) == 36
    for name in SweepSettings.model_fields:
        assert f"`{name}`" in page
