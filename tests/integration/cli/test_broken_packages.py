"""A package of somebody else that is broken is named; it is no defect of this program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoreal_bench.catalog import find_task
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.errors import ExitCode, UsageError
from emoreal_bench.readers import find_reader
from emoreal_bench.scoring import metrics
from tests.foreign_package import install
from tests.small_emorealm import gold_answers, make_data, write_script

METRIC = """
from emoreal_bench.scoring.metrics import Metric

BROKEN = Metric(name="broken", label="Broken", description="x", formula=lambda counts: {formula})
"""
TASK = """
schema: 1
name: mine
version: "1"
title: Mine
description: A task of a user.
data: {reader: emorealm}
subtasks: {modality_agreement: {answer: yes_no, chance: 0.5},
  reasoning_stress_audio: {answer: yes_no, chance: 0.5},
  reasoning_basic_video: {answer: choice, chance: 0.25}}
variants: {answer-format: {description: Plain., prompt: ask.j2}}
metrics: [accuracy, broken]
"""


@pytest.fixture(autouse=True)
def forget_metrics() -> Iterator[None]:
    metrics._added.cache_clear()
    yield
    metrics._added.cache_clear()


FAULTS = [
    "import no_such_module",
    "raise RuntimeError('no GPU')",
    "import sys; sys.exit('no licence')",
    "raise BaseException('odd')",
    "def broken(:",
    "Y = 1",
]


@pytest.fixture(params=FAULTS)
def broken(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Install a package that cannot be imported, under all groups of entry points."""
    groups = ("metrics", "model_adapters", "readers")
    points = {f"emoreal_bench.{group}": {"toy": "broken_toy:X"} for group in groups}
    install(tmp_path / "site", monkeypatch, {**points, "emoreal_bench.tasks": {"toy": "gone.toy"}})
    (tmp_path / "site" / "broken_toy.py").write_text(request.param, encoding="utf-8")
    yield
    sys.modules.pop("broken_toy", None)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["list", "metrics"], "accuracy"),
        (["list", "models"], "baseline"),
        (["list", "tasks"], "emorealm"),
    ],
)
def test_one_that_cannot_be_imported_costs_only_itself(
    command: list[str], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == ExitCode.DONE
    told = capsys.readouterr()
    assert shown in told.out
    assert "toy 1.0" in told.err
    assert "left out" in told.err
    assert "Traceback" not in told.err


@pytest.mark.usefixtures("broken")
def test_the_doctor_lists_what_cannot_be_imported(capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor"])
    told = capsys.readouterr().out
    # A reader is any function, so that only its import can fail here.
    for kind in ("provider toy", "metric toy", "reader toy", "tasks toy"):
        assert f"MISSING {kind}: " in told
    assert told.count("toy 1.0") >= 4


@pytest.mark.usefixtures("broken")
def test_a_provider_that_cannot_be_imported_is_refused_where_it_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["run", "--model", "toy/any"]) == ExitCode.USAGE
    assert "'toy' of the package toy 1.0 cannot be imported" in capsys.readouterr().err


@pytest.mark.usefixtures("broken")
def test_other_models_and_data_work_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", 12)
    model = write_script(tmp_path / "replies.json", gold_answers(data), None)
    common = ["-t", "emorealm", "-d", str(data)]
    run(["data", "check", *common])
    asked = ["run", "-m", model, *common, "--quiet", "--out", str(tmp_path / "run")]
    assert run(asked) == ExitCode.DONE
    assert run(["score", str(tmp_path / "run")]) == ExitCode.DONE
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert "defect" not in told.err


def test_a_task_that_names_a_broken_metric_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "site", monkeypatch, {"emoreal_bench.metrics": {"broken": "no_module:X"}})
    (tmp_path / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(TASK, encoding="utf-8")
    told = ["run", "-m", "baseline/random", "-t", str(tmp_path / "mine.yaml"), "-d", "."]
    assert run(told) == ExitCode.USAGE
    error = capsys.readouterr().err.partition("error: ")[2]
    assert "'broken' of the package toy 1.0 cannot be imported" in error


def test_a_broken_file_in_a_package_of_tasks_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "site", monkeypatch, {"emoreal_bench.tasks": {"toy": "toy_tasks"}})
    folder = tmp_path / "site" / "toy_tasks"
    folder.mkdir()
    (folder / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (folder / "mine.yaml").write_text(TASK.replace(", broken", ""), encoding="utf-8")
    broken = {"half": "title: [", "list": "- a", "odd": "schema: 1", "deep": "[" * 3000}
    broken |= {"date": "x: !!timestamp y", "number": "x: !!int y", "key": "{[a]: b}"}
    for name, text in broken.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "bytes.yaml").write_bytes(b"x: \xff")
    assert run(["list", "tasks", "--json"]) == ExitCode.DONE
    told = capsys.readouterr()
    assert {"emorealm", "mine"} <= {row["name"] for row in json.loads(told.out)}
    for name in (*broken, "bytes"):
        assert f"{name}.yaml" in told.err


ADAPTER = """
from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters import Provider

TOY = Provider("toy", "toy_adapter:create", "A toy.", "toy/any")


class Toy(ModelAdapter):
    fault = None

    def describe(self):
        self.fail("describe")
        return ModelDescription(name="toy/any")

    def render(self, request):
        self.fail("render")
        return request.id

    def check_clips(self, clips, wanted):
        self.fail("check_clips")

    async def open(self):
        self.fail("open")

    async def close(self):
        self.fail("close")

    async def generate(self, requests):
        for request in requests:
            if request.id.endswith("1"):
                self.fail("generate")
            yield 5 if self.fault == "result" else Result(request.id, DeliveryStatus.OK, "(A)")

    def fail(self, place):
        if self.fault == place:
            raise ERROR("a bug")


def create(spec):
    if spec.model == "create":
        raise ERROR("a bug")
    if spec.model == "nothing":
        return None
    toy = Toy()
    toy.fault = spec.model
    return toy
"""


ODD_PROVIDER = """
from emoreal_bench.model_adapters import Provider

X = Provider("toy", "a:b", "A toy.", "toy/any", {fields})
"""


@pytest.mark.parametrize(
    ("fields", "is_listed"),
    [
        ("takes=('smell',)", False),
        ("key_variables=(1, 2)", False),
        ("modules=('raises.inner',)", True),
    ],
)
def test_a_provider_that_says_odd_things_costs_only_itself(
    fields: str,
    is_listed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    points = {"emoreal_bench.model_adapters": {"toy": "odd_toy:X"}}
    install(tmp_path / "site", monkeypatch, points)
    monkeypatch.delitem(sys.modules, "odd_toy", raising=False)
    (tmp_path / "site" / "odd_toy.py").write_text(ODD_PROVIDER.format(fields=fields))
    (tmp_path / "site" / "raises.py").write_text("raise RuntimeError('no GPU')")
    assert run(["list", "models", "--json"]) == ExitCode.DONE
    told = capsys.readouterr()
    names = {row["provider"] for row in json.loads(told.out)}
    assert "baseline" in names
    assert ("toy" in names) == is_listed
    assert is_listed or "toy 1.0" in told.err


@pytest.fixture(params=["KeyError", "RuntimeError", "SystemExit", "AssertionError"])
def toy(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    points = {"emoreal_bench.model_adapters": {"toy": "toy_adapter:TOY"}}
    install(tmp_path / "site", monkeypatch, points)
    module = tmp_path / "site" / "toy_adapter.py"
    module.write_text(ADAPTER.replace("ERROR", request.param), encoding="utf-8")
    yield
    sys.modules.pop("toy_adapter", None)


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("place", ["create", "nothing", "describe", "check_clips", "open", "close"])
def test_a_bug_of_an_adapter_is_told_as_its_own(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", 12)
    common = ["-m", f"toy/{place}", "-t", "emorealm", "-d", str(data), "--quiet"]
    assert run(["run", *common, "--out", str(tmp_path / "run")]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "of the package toy 1.0" in told
    assert "defect of emoreal-bench" not in told
    if place in ("create", "nothing", "describe"):
        run(["doctor", "--model", f"toy/{place}"])
        assert f"MISSING model toy/{place}: " in capsys.readouterr().out


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(("place", "lost"), [("generate", True), ("result", True), ("none", False)])
def test_a_bug_while_questions_are_answered_costs_their_items_only(
    place: str, lost: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(tmp_path / "data", 12)
    common = ["-m", f"toy/{place}", "-t", "emorealm", "-d", str(data), "--quiet"]
    code = run(["run", *common, "--out", str(tmp_path / "run")])
    assert code == (ExitCode.INCOMPLETE if lost else ExitCode.DONE)
    assert "defect of emoreal-bench" not in capsys.readouterr().err
    lines = (tmp_path / "run" / "items.jsonl").read_text().splitlines()
    statuses = {json.loads(line)["status"] for line in lines}
    assert len(lines) == 12
    assert ("failed" in statuses) == lost


@pytest.mark.parametrize(
    ("formula", "message"), [("counts.recals", "recals"), ("0.5", "a value for each sample")]
)
def test_a_formula_that_fails_costs_no_answer(
    formula: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    points = {"emoreal_bench.metrics": {"broken": "broken_metric:BROKEN"}}
    install(tmp_path / "site", monkeypatch, points)
    monkeypatch.delitem(sys.modules, "broken_metric", raising=False)
    module = tmp_path / "site" / "broken_metric.py"
    module.write_text(METRIC.format(formula=formula), encoding="utf-8")
    (tmp_path / "ask.j2").write_text("{{ question }}", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(TASK, encoding="utf-8")
    data = make_data(tmp_path / "data", 12)
    model = write_script(tmp_path / "replies.json", gold_answers(data), None)
    arguments = ["-m", model, "-t", str(tmp_path / "mine.yaml"), "-d", str(data), "--quiet"]
    assert run(["run", *arguments, "--out", str(tmp_path / "run")]) == ExitCode.USAGE
    assert message in capsys.readouterr().err
    assert len((tmp_path / "run" / "items.jsonl").read_text().splitlines()) == 12


@pytest.fixture
def namesakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install two packages that bring the same names, and those of what is built in."""
    for package in ("one", "two"):
        site, module = tmp_path / package, f"namesake_{package}"
        groups = {"metrics": "accuracy", "model_adapters": "baseline", "readers": "emorealm"}
        points = {
            f"emoreal_bench.{group}": {"alike": f"{module}:X", taken: f"{module}:X"}
            for group, taken in groups.items()
        }
        points["emoreal_bench.tasks"] = {"tasks": f"{module}_tasks"}
        install(site, monkeypatch, points, package)
        (site / f"{module}.py").write_text("raise RuntimeError('it was imported')")
        folder = site / f"{module}_tasks"
        folder.mkdir()
        (folder / "ask.j2").write_text("{{ question }}", encoding="utf-8")
        for name in ("alike", "emorealm", f"only-{package}"):
            text = TASK.replace(", broken", "").replace("name: mine", f"name: {name}")
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("namesakes")
def test_of_two_packages_with_one_name_neither_is_taken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["doctor"])
    told = capsys.readouterr().out
    for kind in ("provider alike: 'alike'", "metric alike: 'alike'", "reader alike: 'alike'"):
        assert f"MISSING {kind} is brought by more than one package: one 1.0 and two 1.0" in told
    assert "MISSING tasks alike: The task 'alike' is brought by more than one package" in told
    assert run(["run", "-m", "alike/any"]) == ExitCode.USAGE
    assert "more than one package: one 1.0 and two 1.0" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"more than one package: one 1\.0 and two 1\.0"):
        find_reader("alike")
    assert run(["list", "tasks", "--json"]) == ExitCode.DONE
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert {"only-one", "only-two", "emorealm"} <= {*names}
    assert "alike" not in names


@pytest.mark.usefixtures("namesakes")
def test_what_is_built_in_stays_and_who_has_its_name_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["doctor"])
    told = capsys.readouterr().out
    for kind in ("provider baseline", "metric accuracy", "reader emorealm", "tasks emorealm"):
        line = next(one for one in told.splitlines() if one.startswith(f"MISSING {kind}: "))
        assert "of one 1.0 and two 1.0 has the name of a built-in one, which is used" in line
    assert find_task("emorealm").path.parent.name == "tasks"
    assert find_reader("emorealm").__module__ == "emoreal_bench.readers.emorealm"
