"""What an adapter says of its training goes where the model is described."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.model_adapters import create_adapter
from tests.lora_folders import adapt_tiny

RECORD = TrainingRecord(
    name="avem-seed-0",
    method="avem_dpo",
    base="tiny/omni",
    base_weights_hash=None,
    data="pairs",
    data_hash="0" * 64,
    examples=3,
    step=7,
    config={},
    versions={},
)
FINE_TUNED = RECORD.model_copy(
    update={"fine_tuned_on": "dfew", "held_out": {"subtask": ("fold_1",)}}
)


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora")
    adapt_tiny(folder)
    return folder


def _describe(lora: Path, record: TrainingRecord) -> tuple[str | None, str | None]:
    (lora / TRAINING_FILE).write_text(record.model_dump_json(by_alias=True))
    description = create_adapter("tiny/omni", lora=lora).describe()
    return description.label, description.fine_tuned_on


def test_the_label_names_the_training(lora: Path) -> None:
    label, fine_tuned_on = _describe(lora, RECORD)
    assert label is not None
    assert "LoRA avem-seed-0" in label
    assert fine_tuned_on is None


def test_a_fine_tuned_adapter_says_on_what_and_what_was_held_out(lora: Path) -> None:
    label, fine_tuned_on = _describe(lora, FINE_TUNED)
    assert label is not None
    assert label.endswith("fine-tuned on dfew but subtask fold_1")
    assert fine_tuned_on == "dfew"


def test_the_record_is_no_part_of_the_weights(lora: Path) -> None:
    hashes = []
    for record in (RECORD, FINE_TUNED):
        _describe(lora, record)
        hashes.append(create_adapter("tiny/omni", lora=lora).describe().weights_hash)
    assert hashes[0] == hashes[1]


def test_a_damaged_record_is_not_passed_over(lora: Path) -> None:
    (lora / TRAINING_FILE).write_text("{")
    with pytest.raises(UsageError, match=r"training\.json cannot be read"):
        create_adapter("tiny/omni", lora=lora)
