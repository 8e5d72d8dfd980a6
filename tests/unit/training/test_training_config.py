"""The configuration of a training: what it takes, refuses and documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.training.config import (
    PREFERENCE_LEARNING_RATE,
    SUPERVISED_LEARNING_RATE,
    AvemDpoSettings,
    Method,
    TrainingConfig,
    read_config,
)
from tests.training_files import make_settings, write_settings

ROOT = Path("data")
TASK_DATA = {
    "source": "task",
    "task": "dfew-5fold",
    "folder": "DFEW",
    "held_out": {"subtask": ["fold_1"]},
}


def _config(method: dict[str, Any], **changes: Any) -> TrainingConfig:
    return TrainingConfig.model_validate(make_settings(ROOT, method, **changes))


@pytest.mark.parametrize("method", Method)
def test_a_method_needs_no_settings_but_its_name(method: Method) -> None:
    assert _config({"name": method.value}).method.name is method


def test_avem_dpo_is_that_of_the_paper_unless_set() -> None:
    settings = _config({"name": "avem_dpo"}).method
    assert settings == AvemDpoSettings(
        name=Method.AVEM_DPO,
        beta=0.1,
        lambda_av=1.0,
        beta_spurious=0.5,
        beta_hallucination=0.5,
        gamma=0.2,
        text_gradient=False,
        text_source="policy",
        per_token=False,
    )


@pytest.mark.parametrize(
    ("method", "changes", "named"),
    [
        ({"name": "avem_dpo"}, {"epoch": 2}, "epoch"),
        ({"name": "avem_dpo"}, {"optimization": {"lr": 1}}, "optimization.lr"),
        ({"name": "naive_dpo", "gamma": 0.2}, {}, "gamma"),
        ({"name": "sft", "beta": 0.1}, {}, "beta"),
        ({"name": "ppo"}, {}, "ppo"),
        ({"name": "avem_dpo", "beta_spurious": 0.7}, {}, "must sum to 1"),
        (
            {"name": "avem_dpo", "text_gradient": True, "text_source": "reference"},
            {},
            "text_source: policy",
        ),
        ({"name": "avem_dpo"}, {"data": TASK_DATA}, "needs preference pairs"),
        ({"name": "sft"}, {"data": {**TASK_DATA, "held_out": {}}}, "held_out"),
        ({"name": "sft"}, {"media": {"alteration": "mute"}}, "said by each pair"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    tmp_path: Path, method: dict[str, Any], changes: dict[str, Any], named: str
) -> None:
    path = write_settings(tmp_path / "config.yaml", make_settings(ROOT, method, **changes))
    with pytest.raises(UsageError, match=r"not a valid configuration") as error:
        read_config(path)
    assert named in str(error.value)


@pytest.mark.parametrize(
    ("method", "changes", "said"),
    [
        ({"name": "avem_dpo"}, {"epoch": 2}, "epoch: there is no such key"),
        (
            {"name": "avemdpo"},
            {},
            "method: name 'avemdpo' is none of sft, naive_dpo, vista_dpo, avem_dpo",
        ),
        (
            {"name": "avem_dpo", "beta_spurious": 0.9},
            {},
            "method.avem_dpo: beta_spurious and beta_hallucination must sum to 1",
        ),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(
    tmp_path: Path, method: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    path = write_settings(tmp_path / "c.yaml", make_settings(ROOT, method, **changes))
    with pytest.raises(UsageError) as refused:
        read_config(path)
    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["[1, 2]", "just words", "a: [", ""])
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"config\.yaml"):
        read_config(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "config.yaml")


def test_the_learning_rate_depends_on_the_method_unless_set() -> None:
    no_rate: dict[str, Any] = {"optimization": {}}
    assert _config({"name": "sft"}, **no_rate).learning_rate == SUPERVISED_LEARNING_RATE
    assert _config({"name": "avem_dpo"}, **no_rate).learning_rate == PREFERENCE_LEARNING_RATE
    assert _config({"name": "sft"}, optimization={"learning_rate": 0.5}).learning_rate == 0.5


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    config = _config({"name": "sft"}, data=TASK_DATA)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json", by_alias=True)))
    assert read_config(path) == config


def test_a_path_may_begin_at_the_home_folder() -> None:
    assert _config({"name": "sft"}, out="~/trained").out == Path.home() / "trained"


def _properties(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    named = {"TrainingConfig": schema, **schema["$defs"]}
    return [
        (owner, key, content)
        for owner, part in named.items()
        for key, content in part.get("properties", {}).items()
    ]


def test_every_key_is_documented() -> None:
    undocumented = {
        key
        for owner, key, content in _properties(TrainingConfig.model_json_schema(by_alias=True))
        if "description" not in content and "const" not in content and owner != "MediaWanted"
    }
    assert undocumented == set()


def test_a_configuration_cannot_be_changed() -> None:
    config = _config({"name": "sft"})
    with pytest.raises(ValidationError):
        config.model = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("part", "key", "number"),
    [
        *(("optimization", key, 2**31) for key in ("epochs", "max_steps", "batch_size")),
        ("optimization", "accumulation", 10**30),
        ("optimization", "seed", 2**32),
        ("lora", "seed", 2**64),
        ("lora", "rank", 10**9),
        ("lora", "alpha", 10**30),
        ("hardware", "decode_workers", 10**6),
    ],
)
def test_numbers_that_the_libraries_cannot_count_with_are_refused(
    part: str, key: str, number: int
) -> None:
    with pytest.raises(ValidationError, match=rf"{part}\.{key}"):
        _config({"name": "avem_dpo"}, **{part: {key: number}})
