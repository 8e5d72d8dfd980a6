"""``emoreal-bench reproduce``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from emoreal_bench.cli.application import run
from emoreal_bench.probing.cards import find_card
from tests.small_emorealm import gold_answers, make_data, write_script

ITEMS = 24
EXIT_CODES = {0.75: 0, 0.9: 10, 0.5: 10}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "set", ITEMS, per_clip=12, real=True)


def command(data: Path, home: Path, value: float, modalities: tuple[str, ...]) -> list[str]:
    """Ask a model that is right three times in four, against a card of a made up value."""
    card = find_card("emorealm-avere")
    average = card.expected[0].model_copy(update={"value": value, "tolerance": 0.05})
    own = card.model_copy(update={"items": ITEMS, "expected": (average,), "title": "Made up"})
    path = home / "card.yaml"
    path.write_text(yaml.safe_dump(own.model_dump(mode="json", by_alias=True)))
    model = write_script(home / "script.json", gold_answers(data), 4, modalities)
    options = ["-m", model, "-d", str(data), "--runs", str(home / "runs"), "--quiet"]
    return ["reproduce", str(path), *options]


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.75, "within tolerance"), (0.9, "below"), (0.5, "above")]
)
def test_the_verdict_and_the_exit_code_say_whether_the_value_is_reached(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], value: float, verdict: str
) -> None:
    arguments = command(data, tmp_path, value, ("video", "audio", "text"))
    assert run(arguments) == EXIT_CODES[value]
    text = capsys.readouterr().out
    assert f"Made up: {verdict}" in text
    assert "from digests, not checked against the paper" in text


def test_a_model_that_was_given_no_clip_reproduces_nothing(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command(data, tmp_path, 0.75, ("text",)), "--json"]) == 4
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "not comparable"
    assert report["reasons"] == ["no video reached the model", "no audio reached the model"]


def test_a_card_that_comes_with_the_package_speaks_of_the_whole_data_set(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-m", "baseline/random", "-d", str(data), "--runs", str(tmp_path), "--quiet"]
    assert run(["reproduce", "emorealm-avere", *options]) == 4
    assert "the card speaks of 4000 items, the run of 24" in capsys.readouterr().out
