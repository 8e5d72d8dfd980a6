"""Checkpoints that are not what they seem: the cause is named, with the way out."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.merged_record import MERGED_FILE
from emoreal_bench.model_adapters import create_adapter
from tests.lora_folders import REQUESTS, adapt_tiny, score
from tests.omni_folders import PIXELS, make_thinker_folder

UNTRAINED = {"weights": "random"}
CONFIGURATION, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora")
    adapt_tiny(folder)
    return folder


@pytest.fixture
def lora(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_thinker_folder(tmp_path_factory.mktemp("thinker"))


def change(folder: Path, edit: Callable[[Weights], Weights]) -> None:
    save_file(edit(load_file(folder / WEIGHTS)), folder / WEIGHTS)


def configure(folder: Path, **settings: Any) -> None:
    path = folder / CONFIGURATION
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


def only(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: weight for name, weight in weights.items() if part in name}


@pytest.mark.parametrize(
    "targets",
    [
        None,
        ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj"],
        r".*\.(self_attn\.[qkvo]_proj|mlp\.up_proj)",
    ],
    ids=["as saved", "list", "pattern"],
)
@pytest.mark.parametrize(
    ("kept", "missing"), [(".layers.0.", 15), (".self_attn.", 4)], ids=["a layer", "a kind"]
)
def test_an_adapter_that_lacks_layers_is_refused(
    kept: str, missing: int, targets: object, lora: Path
) -> None:
    if targets is not None:
        configure(lora, target_modules=targets)
    change(lora, only(kept))
    with pytest.raises(UsageError, match=rf"lacks {missing} of the 20 layers that target_modules"):
        score("tiny/omni", UNTRAINED, lora)


def test_layers_under_older_names_are_missed_too(lora: Path) -> None:
    older = {"model.language_model.layers": "thinker.model.layers"}
    (new, old) = next(iter(older.items()))
    change(lora, lambda weights: {name.replace(new, old): w for name, w in weights.items()})
    configure(lora, target_modules=[r"q_proj", "k_proj", "v_proj", "o_proj", "up_proj"])
    change(lora, only(".layers.1."))
    with pytest.raises(UsageError, match="lacks 15 of the 20"):
        score("tiny/omni", UNTRAINED, lora)


def test_an_adapter_of_fewer_layers_that_says_so_is_whole(tmp_path: Path) -> None:
    expected = adapt_tiny(
        tmp_path,
        target_modules=["up_proj"],
        layers_to_transform=[1],
        layers_pattern="language_model.layers",
    )
    assert score("tiny/omni", UNTRAINED, tmp_path) == pytest.approx(expected, abs=1e-5)


def take_rank(folder: Path) -> None:
    """Leave an adapter of rank 0."""
    configure(folder, r=0)
    change(
        folder,
        lambda weights: {
            name: (weight[:0] if "lora_A" in name else weight[:, :0]).clone()
            for name, weight in weights.items()
        },
    )


def zero(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {
        name: torch.zeros_like(weight) if part in name else weight
        for name, weight in weights.items()
    }


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: change(folder, zero("lora_B")), "every lora_B in it is zero"),
        (lambda folder: change(folder, zero("lora_A")), "every lora_A in it is zero"),
        (lambda folder: configure(folder, lora_alpha=0), "its lora_alpha is 0"),
        (
            take_rank,
            "its rank is 0",
        ),
    ],
    ids=["zero B", "zero A", "alpha 0", "rank 0"],
)
def test_an_adapter_that_changes_nothing_is_warned_of(
    spoil: Callable[[Path], object], why: str, lora: Path
) -> None:
    spoil(lora)
    description = create_adapter("tiny/omni", UNTRAINED, lora).describe()
    (warning,) = description.warnings
    assert f"mine changes nothing: {why}" in warning
    assert description.label == "random weights, LoRA mine (changes nothing)"
    assert score("tiny/omni", UNTRAINED, lora) == score("tiny/omni", UNTRAINED)


def test_an_adapter_that_changes_something_is_not(made: Path) -> None:
    assert create_adapter("tiny/omni", UNTRAINED, made).describe().warnings == ()


@pytest.mark.parametrize(
    ("rename", "cause"),
    [
        (lambda n: n.replace(".weight", ".default.weight"), "the adapter's own name in it"),
        (lambda n: n.removeprefix("base_model.model."), "no prefix 'base_model.model.'"),
        (lambda n: "base_model.model." + n, "'base_model.model.' twice"),
        (lambda n: n.replace(".layers.", "._fsdp_wrapped_module.layers."), "FSDP"),
        (lambda n: n.replace("model.model.", "model.module.model."), "DeepSpeed"),
        (lambda n: "_orig_mod." + n, "torch.compile"),
        (lambda n: n.replace("lora_A.weight", "lora_down.weight"), "kohya or diffusers"),
    ],
    ids=["adapter name", "no prefix", "prefix twice", "FSDP", "module", "compiled", "kohya"],
)
def test_odd_names_are_told_with_their_cause(
    rename: Callable[[str], str], cause: str, lora: Path
) -> None:
    change(lora, lambda weights: {rename(name): weight for name, weight in weights.items()})
    with pytest.raises(UsageError, match=cause) as caught:
        score("tiny/omni", UNTRAINED, lora)
    assert "PEFT" in str(caught.value.remedy)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_adapter_of_broken_numbers_is_refused_with_the_tensor(value: float, lora: Path) -> None:
    name = "base_model.model.model.language_model.layers.2.mlp.up_proj.lora_A.weight"
    change(lora, lambda weights: {**weights, name: weights[name] * value})
    with pytest.raises(UsageError, match=rf"in the weights '{name}'"):
        score("tiny/omni", UNTRAINED, lora)


EMPTIED = {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight": torch.zeros(0)}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 12\n"


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        (WEIGHTS, POINTER, "pointer of Git LFS"),
        (WEIGHTS, b"", "is empty"),
        (WEIGHTS, b"<!DOCTYPE html><html>", "a web page"),
        (WEIGHTS, b"\xff" * 8 + b"{}", "no whole safetensors file"),
        (WEIGHTS, b"\x08\0\0\0\0\0\0\0[1, 2, 3", "no whole safetensors file"),
        (WEIGHTS, EMPTIED, "ZeRO-3"),
        (WEIGHTS, {}, "ZeRO-3"),
        (CONFIGURATION, POINTER, "pointer of Git LFS"),
        (CONFIGURATION, b'\xef\xbb\xbf{"peft_type": "LORA"}', "byte order mark"),
        (CONFIGURATION, '{"peft_type": "LORA"}'.encode("utf-16"), "byte order mark"),
        (CONFIGURATION, b'{"peft_type": ', "no JSON text"),
        (CONFIGURATION, b"[" * 100_000, "no JSON text"),
        (CONFIGURATION, b'["LORA"]', "no JSON object"),
    ],
)
def test_a_file_of_an_adapter_that_is_something_else_is_named(
    name: str, content: bytes | Weights, cause: str, lora: Path
) -> None:
    if isinstance(content, bytes):
        (lora / name).write_bytes(content)
    else:
        save_file(content, lora / name)
    with pytest.raises(UsageError, match=cause) as caught:
        create_adapter("tiny/omni", UNTRAINED, lora).describe()
    assert name in caught.value.problem


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("config.json", b'\xef\xbb\xbf{"model_type": "qwen2_5_omni"}', "byte order mark"),
        ("config.json", POINTER, "pointer of Git LFS"),
        ("tokenizer_config.json", b"\xef\xbb\xbf{}", "byte order mark"),
        ("tokenizer.json", b'{"version": "1.0", ', "no JSON text"),
        ("model.safetensors", POINTER, "pointer of Git LFS"),
        ("model.safetensors", b"", "is empty"),
        ("model.safetensors", b"\xff" * 16, "no whole safetensors file"),
        ("model.safetensors", {"model.embed_tokens.weight": torch.zeros(0)}, "ZeRO-3"),
    ],
)
def test_a_file_of_a_model_that_is_something_else_is_named(
    name: str, content: bytes | Weights, cause: str, thinker: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(thinker, tmp_path / "model")
    if isinstance(content, bytes):
        (folder / name).write_bytes(content)
    else:
        save_file(content, folder / name)
    with pytest.raises(UsageError, match=cause) as caught:
        create_adapter(f"hf/{folder}", PIXELS).describe()
    assert name in caught.value.problem


@pytest.mark.parametrize(
    "name", ["generation_config.json", "model.safetensors", "chat_template.jinja", MERGED_FILE]
)
def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(
    name: str, thinker: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(thinker, folder)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(UsageError, match=f"{re.escape(name)} cannot be read: is a named pipe"):
        create_adapter(f"hf/{folder}", PIXELS).describe()


def test_a_pipe_in_the_place_of_what_an_adapter_says_of_its_training_holds_nobody_up(
    lora: Path,
) -> None:
    (lora / "training.json").unlink(missing_ok=True)
    os.mkfifo(lora / "training.json")
    with pytest.raises(UsageError, match="is a named pipe"):
        create_adapter("tiny/omni", UNTRAINED, lora).describe()


@pytest.mark.parametrize("place", ["../elsewhere.safetensors", "below/it.safetensors"])
def test_weights_outside_of_what_is_hashed_are_refused(
    place: str, thinker: Path, tmp_path: Path
) -> None:
    """An index may name any file of the machine; the library would load it."""
    folder = shutil.copytree(thinker, tmp_path / "model")
    (folder / "below").mkdir()
    whole = folder / "model.safetensors"
    index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(whole), place)}
    whole.rename(folder / place)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UsageError, match="names no files of weights in its folder"):
        create_adapter(f"hf/{folder}", PIXELS).describe()


def test_no_code_of_a_checkpoint_runs_whatever_a_person_types(
    thinker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is not told no, the tokenizers' library asks at the terminal and then runs it."""
    folder = shutil.copytree(thinker, tmp_path / "model")
    (folder / "mine.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\nMine = object\n"
    )
    own = {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["mine.Mine", "mine.Mine"]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    adapter = create_adapter(f"hf/{folder}", PIXELS)
    with pytest.raises(UsageError, match="tokenizer cannot be loaded"):
        adapter.render(REQUESTS[0])
    assert not (tmp_path / "ran").exists()


def test_weights_that_may_not_be_read_are_told(
    lora: Path, thinker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may read everything, so the refusal is played.
    opened = Path.open

    def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix == ".safetensors":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    for model, arguments, adapter in (
        ("tiny/omni", UNTRAINED, lora),
        (f"hf/{thinker}", PIXELS, None),
    ):
        with pytest.raises(UsageError, match=r"safetensors cannot be read: Permission denied"):
            create_adapter(model, arguments, adapter).describe()
