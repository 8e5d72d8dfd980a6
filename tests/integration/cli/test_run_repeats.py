"""``emoreal-bench run --repeats``: the same questions again, and how much the answers vary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.api import evaluating, load_run
from emoreal_bench.cli.application import run
from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters.built_in.scripted import Script, ScriptedModel
from tests.small_emorealm import ALTERNATING, gold_answers, make_data

ITEMS = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "set", ITEMS)


class SamplingModel(ScriptedModel):
    """Knows every answer, but under seed 1 says nothing to the first two questions."""

    def _answer(self, request: Request) -> Result:
        if request.settings.seed == 1 and request.id in ("q0", "q3"):
            return Result(request.id, DeliveryStatus.OK, "")
        return ScriptedModel._answer(self, request)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path) -> Path:
    """Put the sampling model behind every name; give the file of what it was asked."""
    record = tmp_path / "asked"
    script = Script(replies={item: f"({letter})" for item, letter in gold_answers(data).items()})

    def create(name: str, *_: object) -> ModelAdapter:
        return SamplingModel(name, script, "0" * 64, record)

    monkeypatch.setattr(evaluating, "create_adapter", create)
    return record


def repeat(
    data: Path, runs: Path, capsys: pytest.CaptureFixture[str], model: str = "scripted/sampling"
) -> dict[str, Any]:
    command = ["run", "-m", model, "-t", "emorealm", "-d", str(data), "--runs", str(runs)]
    assert run([*command, "--repeats", "3", "--json"]) == 0
    spread: dict[str, Any] = json.loads(capsys.readouterr().out)
    return spread


@pytest.mark.usefixtures("asked")
def test_the_spread_is_that_of_a_model_that_samples(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spread = repeat(data, tmp_path / "runs", capsys)
    # Two of the four questions of one subtask of three are lost in one repeat of three.
    assert spread["averages"] == pytest.approx([1, 5 / 6, 1])
    assert spread["mean"] == pytest.approx(17 / 18)
    assert spread["standard_deviation"] == pytest.approx(1 / 6 / 3**0.5)
    assert spread["subtasks"] == pytest.approx(
        {ALTERNATING[0]: 1 / 2 / 3**0.5, ALTERNATING[1]: 0, ALTERNATING[2]: 0}
    )
    assert spread["changed"] == pytest.approx(2 / ITEMS)


@pytest.mark.usefixtures("asked")
def test_repeats_are_runs_that_differ_in_their_seed_only(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    names = repeat(data, runs, capsys)["runs"]
    requests = [load_run(runs / name).manifest.request for name in names]
    assert [request.generation.seed for request in requests] == [0, 1, 2]
    assert len({request.hash for request in requests}) == 3
    same = {"hash": "", "generation": requests[0].generation}
    assert len({request.model_copy(update=same).model_dump_json() for request in requests}) == 1
    plain = api.evaluate("scripted/sampling", "emorealm", data, api.RunOptions(runs=runs))
    assert plain.manifest.run_id == names[0]


def test_repeats_that_are_finished_are_not_asked_again(
    tmp_path: Path, data: Path, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = repeat(data, tmp_path / "runs", capsys)
    assert len(asked.read_text().splitlines()) == 3 * ITEMS
    assert repeat(data, tmp_path / "runs", capsys) == first
    assert len(asked.read_text().splitlines()) == 3 * ITEMS


def test_a_model_that_does_not_sample_has_no_spread(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spread = repeat(data, tmp_path / "runs", capsys, "baseline/random")
    assert len(set(spread["runs"])) == 3
    assert spread["standard_deviation"] == spread["changed"] == 0
    assert set(spread["subtasks"].values()) == {0}


def test_repeats_have_no_single_folder(tmp_path: Path, data: Path) -> None:
    options = api.RunOptions(out=tmp_path / "run")
    with pytest.raises(UsageError, match="--runs"):
        api.evaluate_repeats(2, "baseline/random", "emorealm", data, options)


@pytest.mark.usefixtures("asked")
def test_people_read_the_spread_in_percent(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "-m", "scripted/sampling", "-t", "emorealm", "-d", str(data), "--quiet"]
    assert run([*command, "--runs", str(tmp_path / "runs"), "--repeats", "3"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "mean 94.4, standard deviation 9.6 (" in shown
    assert "Items whose answer changed: 16.7 %." in shown
    assert run([*command, "--runs", str(tmp_path / "runs"), "--repeats", "3", "--plain"]) == 0
    plain = capsys.readouterr().out
    assert plain.count("strict: average accuracy") == 3
    assert "modality agreement 28.9" in plain
    assert "─" not in plain
