"""What a training learns from: pairs or items, with their clips; what is held out stays out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.request import AudioPart, TextPart, VideoPart
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.examples.data import (
    TrainingData,
    load_training_data,
    refuse_evaluated_clips,
)
from tests.small_emorealm import make_data
from tests.training_files import CLIPS, make_clips, make_pairs, make_settings, make_training_data

SFT = {"name": "sft"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_training_data(tmp_path_factory.mktemp("training"))


def _load(settings: dict[str, Any]) -> TrainingData:
    return load_training_data(TrainingConfig.model_validate(settings))


def _load_items(folder: Path, **held_out: list[str]) -> TrainingData:
    data = {"source": "task", "task": "emorealm", "folder": str(folder), "held_out": held_out}
    return _load(make_settings(folder, SFT, data=data))


def test_a_pair_becomes_the_question_as_it_is_sent(root: Path) -> None:
    data = _load(make_settings(root, SFT))
    pair, example = make_pairs()[0], data.examples[0]
    (message,) = example.messages
    assert message.parts == (VideoPart(pair.clip), AudioPart(pair.clip), TextPart(pair.question))
    assert (example.chosen, example.hallucination, example.spurious) == (
        pair.chosen,
        pair.hallucination,
        pair.spurious,
    )


def test_partners_of_altered_inputs_are_among_the_clips(root: Path) -> None:
    assert set(_load(make_settings(root, SFT)).clip_hashes) == set(CLIPS)


def test_another_clip_under_the_same_name_is_other_data(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    shutil.copy(copy / "clips" / CLIPS[0], copy / "clips" / CLIPS[1])
    one, other = (_load(make_settings(folder, SFT)).hash for folder in (root, copy))
    assert one != other


def test_missing_clips_are_named(root: Path, tmp_path: Path) -> None:
    settings = make_settings(root, SFT)
    settings["data"] = {**settings["data"], "clips": str(tmp_path)}
    with pytest.raises(DataError, match=r"3 of 3 clips are not there, for example a\.mp4"):
        _load(settings)


def test_held_out_items_are_not_trained_on(tmp_path: Path) -> None:
    folder = make_data(tmp_path / "data", items=12, per_clip=1)
    data = _load_items(folder, subtask=["modality_agreement"])
    assert len(data.examples) == 8
    assert data.fine_tuned_on == "emorealm"
    assert data.held_out == {"subtask": ("modality_agreement",)}
    answers = {example.chosen for example in data.examples}
    assert answers <= {"(A)", "(B)", "(C)", "(D)"}


def test_a_clip_is_held_out_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = make_data(tmp_path / "data", items=12, per_clip=2)
    with pytest.raises(DataError, match=r"is trained on, as .*: their files are equal"):
        _load_items(folder, subtask=["modality_agreement"])


def test_a_held_out_clip_is_found_under_another_name(tmp_path: Path) -> None:
    folder = make_data(tmp_path / "data", items=12, per_clip=1)
    records = json.loads((folder / "emorealm_v1.json").read_text())
    kept = next(r["video"] for r in records if r["task"] != "modality_agreement")
    held = next(r["video"] for r in records if r["task"] == "modality_agreement")
    shutil.copy(folder / kept, folder / held)
    with pytest.raises(DataError, match="their files are equal"):
        _load_items(folder, subtask=["modality_agreement"])


@pytest.mark.parametrize(
    ("held_out", "problem"),
    [({"subtask": ["no_such"]}, "No item is held out"), ({}, "Every item is held out")],
)
def test_a_split_without_one_of_its_parts_is_refused(
    tmp_path: Path, held_out: dict[str, list[str]], problem: str
) -> None:
    folder = make_data(tmp_path / "data", items=6, per_clip=1)
    everything = ["modality_agreement", "reasoning_stress_audio", "reasoning_basic_video"]
    with pytest.raises(DataError, match=problem):
        _load_items(folder, **(held_out or {"subtask": everything}))


def test_a_clip_that_is_evaluated_is_refused_by_its_bytes(root: Path, tmp_path: Path) -> None:
    data = _load(make_settings(root, SFT))
    copy = tmp_path / "under-another-name.mp4"
    shutil.copy(root / "clips" / CLIPS[1], copy)
    with pytest.raises(DataError, match="1 clips of the task emorealm are trained on"):
        refuse_evaluated_clips(data, {"x": Clip("x", copy)}, "emorealm")
    other = make_clips(tmp_path / "others") / CLIPS[0]
    other.write_bytes(b"another clip")
    refuse_evaluated_clips(data, {"x": Clip("x", other)}, "emorealm")
