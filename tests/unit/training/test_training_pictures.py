"""The curve and the card of a training."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import yaml

from emoreal_bench.contracts.training_record import TrainingRecord
from emoreal_bench.training.outputs.card import make_card
from emoreal_bench.training.outputs.curves import draw_curves

RECORD = TrainingRecord(
    name="avem",
    method="avem_dpo",
    base="tiny/omni",
    base_weights_hash="b" * 64,
    data="preference pairs of pairs.jsonl",
    data_hash="d" * 64,
    examples=32,
    step=20,
    config={"model": "tiny/omni", "out": "trained/avem"},
    versions={"torch": "2.13"},
)
ENTRIES = [
    {"step": 10, "loss": 2.0, "learning_rate": 0.1},
    {"step": 20, "loss": 1.0, "learning_rate": 0.0},
    {"step": 20, "evaluation/emorealm": 0.5},
    {"step": 30, "loss": 0.1},
]
SVG = "{http://www.w3.org/2000/svg}"


def _curves(text: str) -> dict[str, list[tuple[float, float]]]:
    curves = {}
    for line in ET.fromstring(text).iter(f"{SVG}polyline"):
        points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        title = line.findtext(f"{SVG}title")
        assert title is not None
        curves[title] = [(x, y) for x, y in points]
    return curves


def test_a_curve_goes_through_every_measurement() -> None:
    (first, second, third) = _curves(draw_curves(ENTRIES))["loss"]
    assert first[0] < second[0] < third[0]
    assert first[1] < second[1] < third[1], "y grows downwards, and the loss falls"


def test_what_was_not_measured_has_no_plot() -> None:
    assert set(_curves(draw_curves(ENTRIES))) == {"loss", "evaluation/emorealm"}
    assert _curves(draw_curves([])) == {}


def test_the_name_of_a_task_cannot_break_the_picture() -> None:
    hostile = 'evaluation/<script>"&'
    text = draw_curves([{"step": 1, hostile: 0.5}, {"step": 1, "guard/b": 0.5}])
    assert hostile in _curves(text)
    assert "<script>" not in text


def test_names_of_curves_that_end_together_are_not_written_over_each_other() -> None:
    names = ["evaluation/a", "evaluation/b", "guard/c"]
    for value in (0.0, 0.5, 1.0):
        entries = [
            {"step": step, name: share}
            for name in names
            for step, share in ((1, 0.0), (2, 1.0), (3, value))
        ]
        texts = ET.fromstring(draw_curves(entries)).iter(f"{SVG}text")
        places = sorted(float(one.attrib["y"]) for one in texts if one.text in names)
        assert len(places) == len(names)
        assert all(after - before >= 12 for before, after in pairwise(places))
        assert places[0] > 18
        assert places[-1] < 220


def test_steps_are_whole_and_written_once() -> None:
    texts = ET.fromstring(draw_curves([{"step": 1, "loss": 2.0}, {"step": 3, "loss": 1.0}])).iter(
        f"{SVG}text"
    )
    assert [one.text for one in texts if one.get("text-anchor") == "middle"] == ["1", "2", "3"]


def test_the_card_says_what_when_and_how_to_evaluate() -> None:
    card = make_card(Path("trained/avem/adapter"), RECORD, ENTRIES)
    assert "emoreal-bench run --model tiny/omni --lora trained/avem/adapter" in card
    assert "d" * 64 in card
    assert "| loss | 2 | 1 |" in card, "what came after the adapter's step is not its own"
    config = card.partition("```yaml\n")[2].partition("```")[0]
    assert yaml.safe_load(config) == RECORD.config
    assert "Not zero-shot" not in card


def test_the_card_of_a_fine_tuned_adapter_says_so_first() -> None:
    tuned = {"fine_tuned_on": "dfew", "held_out": {"subtask": ("fold_1",)}}
    card = make_card(Path("a"), RECORD.model_copy(update=tuned), ENTRIES)
    assert "**Not zero-shot:** fine-tuned on dfew but subtask fold_1." in card.partition("## ")[0]
