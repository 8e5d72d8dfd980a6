"""LoRA adapters: what PEFT computes is what an adapter of this project computes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from emoreal_bench.contracts.adapter import LoraIdentity
from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.identity import model_hash
from emoreal_bench.model_adapters import create_adapter, providers
from emoreal_bench.model_adapters.local.lora_faults import read_settings
from tests.avere_checkpoint import make_avere_checkpoint
from tests.lora_folders import adapt_avere, adapt_tiny, score
from tests.omni_folders import PIXELS, make_thinker_folder

UNTRAINED = {"weights": "random"}


def rename(folder: Path, change: Callable[[str], str]) -> None:
    weights = load_file(folder / "adapter_model.safetensors")
    renamed = {change(name): weight for name, weight in weights.items()}
    save_file(renamed, folder / "adapter_model.safetensors")


def configure(folder: Path, **settings: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


@pytest.fixture(scope="module")
def plain_scores() -> list[float]:
    return score("tiny/omni", UNTRAINED)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    folder = tmp_path_factory.mktemp("lora")
    return folder, adapt_tiny(folder)


@pytest.fixture
def lora(made: tuple[Path, list[float]], tmp_path: Path) -> Path:
    """Give an adapter that a test may change."""
    shutil.copytree(made[0], tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_thinker_folder(tmp_path_factory.mktemp("thinker"))


def test_scores_are_those_of_peft(
    made: tuple[Path, list[float]], plain_scores: list[float]
) -> None:
    folder, expected = made
    assert expected != pytest.approx(plain_scores, abs=0.01)
    assert score("tiny/omni", UNTRAINED, folder) == pytest.approx(expected, abs=1e-5)


def test_scores_of_a_model_folder_are_those_of_peft(
    made: tuple[Path, list[float]], thinker: Path
) -> None:
    folder, expected = made
    assert score(f"hf/{thinker}", PIXELS, folder) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_rslora": True},
        {"use_dora": True},
        {"rank_pattern": {r"layers\.1\.self_attn\.q_proj": 2}, "alpha_pattern": {"up_proj": 3}},
    ],
    ids=["rank stabilised", "weight decomposed", "per layer"],
)
def test_every_setting_of_an_adapter_is_kept(settings: dict[str, Any], tmp_path: Path) -> None:
    expected = adapt_tiny(tmp_path, **settings)
    assert score("tiny/omni", UNTRAINED, tmp_path) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "older",
    ["model.layers", "thinker.model.layers", "thinker.model.language_model.layers", "layers"],
)
def test_weights_under_other_names_find_their_places(
    older: str, lora: Path, made: tuple[Path, list[float]]
) -> None:
    rename(lora, lambda name: name.replace("model.language_model.layers", older))
    configure(lora, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "up_proj"])
    assert score("tiny/omni", UNTRAINED, lora) == pytest.approx(made[1], abs=1e-5)


def test_avere_scores_are_those_of_peft(tmp_path: Path) -> None:
    expected = adapt_avere(tmp_path / "lora")
    checkpoint = make_avere_checkpoint(tmp_path / "model")
    arguments = {"device": "cpu"}
    assert score(f"avere/{checkpoint}", arguments) != pytest.approx(expected, abs=0.01)
    found = score(f"avere/{checkpoint}", arguments, tmp_path / "lora")
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_weights_hash_covers_base_and_adapter(lora: Path, tmp_path: Path) -> None:
    plain = create_adapter("tiny/omni", UNTRAINED).describe()
    adapted = create_adapter("tiny/omni", UNTRAINED, lora).describe()
    assert adapted.lora == LoraIdentity(name=lora.name, base="tiny/omni")
    assert plain.lora is None
    other_base = create_adapter("tiny/omni", {**UNTRAINED, "seed": "1"}, lora).describe()
    weights = load_file(lora / "adapter_model.safetensors")
    next(iter(weights.values()))[0, 0] += 1e-3
    shutil.copytree(lora, tmp_path / "changed")
    save_file(weights, tmp_path / "changed" / "adapter_model.safetensors")
    changed = create_adapter("tiny/omni", UNTRAINED, tmp_path / "changed").describe()
    described = (plain, adapted, other_base, changed)
    assert len({one.weights_hash for one in described}) == 4
    assert len({model_hash(one) for one in described}) == 4


def test_the_description_names_the_adapter_but_its_place_is_not_its_identity(
    lora: Path, tmp_path: Path
) -> None:
    shutil.copytree(lora, tmp_path / "moved")
    one = create_adapter("tiny/omni", UNTRAINED, lora).describe()
    moved = create_adapter("tiny/omni", UNTRAINED, tmp_path / "moved").describe()
    assert one.label == "random weights, LoRA adapter"
    assert "lora" in one.settings
    assert model_hash(one) == model_hash(moved)


@pytest.mark.parametrize(
    ("base", "model"),
    [
        ("Qwen/Qwen2.5-Omni-7B", "tiny/omni"),
        ("checkpoints/AVERE-7B/", "hf/Qwen/Qwen2.5-Omni-7B"),
        ("/cache/models--Qwen--Qwen2.5-Omni-3B/snapshots/0a1b", "hf/Qwen/Qwen2.5-Omni-7B@main"),
    ],
)
def test_the_wrong_base_is_refused_with_both_names(base: str, model: str, lora: Path) -> None:
    configure(lora, base_model_name_or_path=base)
    with pytest.raises(UsageError, match=rf"'{re.escape(base)}'.*'{re.escape(model)}'"):
        create_adapter(model, lora=lora)


@pytest.mark.parametrize(
    ("base", "model"),
    [
        ("tiny/omni", "tiny/omni"),
        ("qwen/qwen2.5-omni-7b", "hf/Qwen/Qwen2.5-Omni-7B@main"),
        ("Phi-4-multimodal-instruct", "hf/microsoft/Phi-4-multimodal-instruct@refs/pr/70"),
        ("/cache/models--Qwen--Qwen2.5-Omni-7B/snapshots/0a1b", "hf/models/Qwen2.5-Omni-7B"),
        (None, "tiny/omni"),
    ],
)
def test_a_base_is_known_by_the_last_part_of_its_name(
    base: str | None, model: str, lora: Path
) -> None:
    configure(lora, base_model_name_or_path=base)
    assert create_adapter(model, lora=lora)


def test_an_adapter_of_another_size_is_refused_with_both_names(lora: Path) -> None:
    weights = load_file(lora / "adapter_model.safetensors")
    widened = {name: weight.repeat(1, 2) for name, weight in weights.items() if "lora_A" in name}
    save_file({**weights, **widened}, lora / "adapter_model.safetensors")
    with pytest.raises(UsageError, match=r"does not name.*'tiny/omni'.*4 x 256.*should be 4 x 128"):
        score("tiny/omni", UNTRAINED, lora)


def test_an_adapter_of_a_deeper_model_is_refused(lora: Path) -> None:
    rename(lora, lambda name: name.replace("layers.3", "layers.31"))
    with pytest.raises(UsageError, match=r"no linear layer 'model\.language_model\.layers\.31"):
        score("tiny/omni", UNTRAINED, lora)


def test_half_an_adapter_is_refused(lora: Path) -> None:
    weights = load_file(lora / "adapter_model.safetensors")
    del weights[next(name for name in weights if "lora_B" in name)]
    save_file(weights, lora / "adapter_model.safetensors")
    with pytest.raises(UsageError, match="is missing and should be"):
        score("tiny/omni", UNTRAINED, lora)


def test_an_adapter_that_learned_in_a_tower_is_refused(tmp_path: Path) -> None:
    adapt_tiny(tmp_path, target_modules=["q_proj"])
    with pytest.raises(UsageError, match=r"audio_tower.*no LoRA weight"):
        score("tiny/omni", UNTRAINED, tmp_path)


def test_an_adapter_with_whole_modules_is_refused(tmp_path: Path) -> None:
    adapt_tiny(tmp_path, modules_to_save=["lm_head"])
    with pytest.raises(UsageError, match=r"lm_head\.weight.*no LoRA weight"):
        score("tiny/omni", UNTRAINED, tmp_path)


def test_pickled_weights_are_refused(lora: Path) -> None:
    (lora / "adapter_model.safetensors").rename(lora / "adapter_model.bin")
    with pytest.raises(UsageError, match="could run code"):
        create_adapter("tiny/omni", lora=lora)


def test_a_folder_without_weights_is_named(lora: Path) -> None:
    (lora / "adapter_model.safetensors").unlink()
    with pytest.raises(UsageError, match=r"there is no adapter_model\.safetensors"):
        create_adapter("tiny/omni", lora=lora)


def test_an_adapter_of_another_kind_is_named(lora: Path) -> None:
    configure(lora, peft_type="IA3")
    with pytest.raises(UsageError, match="'IA3'"):
        create_adapter("tiny/omni", lora=lora)


def test_a_folder_that_is_no_adapter_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"adapter_config\.json"):
        create_adapter("tiny/omni", lora=tmp_path)


def test_without_peft_the_extra_is_named(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_LORA_MODULE", "no_such_module_here")
    with pytest.raises(MissingExtraError, match=r"emoreal-bench\[hf\]"):
        create_adapter("tiny/omni", lora=lora)


NEVER_ENDING = r"([a-z_.0-9]+)+!"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        *(
            ({"r": rank}, "names a rank of|rank|not both numbers")
            for rank in (10**9, 10**30, 2**16, 0, -3, True, "4")
        ),
        ({"rank_pattern": {".*": 10**9}}, "names a rank of 1e\\+09, and the weights have one of 4"),
        ({"rank_pattern": {NEVER_ENDING: 3}}, "may take years"),
        ({"alpha_pattern": {NEVER_ENDING: 3}}, "may take years"),
        ({"alpha_pattern": {"q_proj": True}}, "no table of numbers"),
        ({"target_modules": NEVER_ENDING}, "may take years"),
        ({"target_modules": "(a|a)*!"}, "may take years"),
        ({"exclude_modules": "a?" * 40}, "may take years"),
        ({"modules_to_save": [NEVER_ENDING]}, "may take years"),
        (
            {"target_modules": ["q_proj"], "layers_pattern": ".*" * 8, "layers_to_transform": [0]},
            "may take years",
        ),
        ({"target_modules": "("}, "a pattern of its layers is none"),
        ({"target_modules": 5}, "no list of names"),
        ({"target_modules": [5]}, "no list of names"),
        ({"target_modules": None}, "names no layers"),
        ({"modules_to_save": 5}, "no list of names"),
    ],
)
def test_settings_that_fill_the_memory_or_never_end_are_refused(
    settings: dict[str, Any], problem: str, lora: Path
) -> None:
    configure(lora, **settings)
    with pytest.raises(UsageError, match=problem) as caught:
        score("tiny/omni", UNTRAINED, lora)
    assert caught.value.where == str(lora)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(thinker\.model(?=\.).*\.(k_proj|up_proj|o_proj|q_proj|gate_proj|v_proj|down_proj))$",
        r"^(?!.*(?:visual|audio)).*(?:q|k|v|o|up|down|gate)_proj$",
        r"(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?"
        r"(?:q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj).*?)|(?:\bmodel\.layers\."
        r"[\d]{1,}\.(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense)\.(?:(?:q_proj|k_proj"
        r"|v_proj|o_proj|gate_proj|up_proj|down_proj)))",
    ],
)
def test_patterns_that_tools_write_are_taken(pattern: str, lora: Path) -> None:
    configure(lora, target_modules=pattern)
    assert read_settings(lora).target_modules == pattern


def test_the_dropout_of_an_adapter_is_of_its_training_only(
    lora: Path, made: tuple[Path, list[float]]
) -> None:
    configure(lora, lora_dropout=7)
    assert score("tiny/omni", UNTRAINED, lora) == pytest.approx(made[1], abs=1e-5)
