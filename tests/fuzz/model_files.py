"""Files of checkpoints: of models, of adapters, and of trainings that go on."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import Trainer, TrainerState

from emoreal_bench.contracts.merged_record import MERGED_FILE, MergedRecord
from emoreal_bench.contracts.training_record import TRAINING_FILE, TrainingRecord
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.local.avere.weights import _read_weights as read_pickled
from emoreal_bench.model_adapters.local.avere.weights import hash_weights, read_config
from emoreal_bench.model_adapters.local.family import ModelFolder
from emoreal_bench.model_adapters.local.file_faults import (
    COMPLETE_FILE,
    damaged_files,
    read_json_object,
    read_weights,
    told_by_library,
    weight_shapes,
)
from emoreal_bench.model_adapters.local.gemma import gemma3n, gemma4
from emoreal_bench.model_adapters.local.gemma.gemma4 import _read_frame_tokens
from emoreal_bench.model_adapters.local.lora import read_lora
from emoreal_bench.model_adapters.local.lora_faults import read_settings, why_nothing
from emoreal_bench.model_adapters.local.model_folder import (
    count_parameters,
    hash_model,
    read_merged,
)
from emoreal_bench.model_adapters.local.qwen_omni.qwen3_omni import _read_normalisation
from emoreal_bench.training.objectives.metrics import read_metrics, write_metrics
from emoreal_bench.training.outputs.checkpoint_states import check_record, readable_states
from emoreal_bench.training.outputs.curves import write_curves
from tests.avere_checkpoint import AVERE_CASE, make_avere_tokenizer
from tests.fuzz.parser import Parser, each, write
from tests.gemma3n_folders import make_processor
from tests.gemma3n_folders import make_tokenizer as make_gemma_tokenizer
from tests.lora_folders import adapt_tiny
from tests.omni_folders import PIXELS, make_thinker_folder

_LOCAL = "emoreal_bench.model_adapters.local"
_TRAINING = "emoreal_bench.training"


def _make_tensors(folder: Path) -> Path:
    path = folder / "model.safetensors"
    save_file({"a": torch.ones(2, 3), "b": torch.zeros(4)}, path, metadata={"format": "pt"})
    return path


def _read_tensors(file: Path) -> None:
    def read() -> None:
        for weight in read_weights(file).values():
            weight.sum()

    each(read, lambda: weight_shapes(file), lambda: count_parameters(file.parent))


def _make_pickled(folder: Path) -> Path:
    torch.save({"a": torch.ones(2, 3)}, folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin"


def _read_pickled(file: Path) -> None:
    for weight in read_pickled(file).values():
        weight.sum()


@cache
def _thinker() -> Path:
    return make_thinker_folder(Path(mkdtemp(prefix="thinker-")))


@cache
def _lora() -> Path:
    folder = Path(mkdtemp(prefix="lora-"))
    adapt_tiny(folder)
    return folder


def _make_copy(source: Any, name: str, folder: Path) -> Path:
    shutil.copytree(source(), folder / "model")
    return folder / "model" / name


def _make_small_copy(source: Any, name: str, folder: Path) -> Path:
    """Copy a folder without its weights, which are of no interest here and megabytes."""
    path = _make_copy(source, name, folder)
    _make_tensors(path.parent)
    return path


def _read_model(file: Path) -> None:
    adapter: Any = create_adapter(f"hf/{file.parent}", PIXELS)
    adapter.describe()
    assert adapter._builder is not None


def _read_tokenizer(file: Path) -> None:
    adapter: Any = create_adapter(f"hf/{file.parent}", PIXELS)
    assert adapter._opened.tokenizer("yes")["input_ids"] is not None


def _read_adapter(file: Path) -> None:
    folder = file.parent
    each(
        lambda: read_lora(folder, "tiny/omni"),
        lambda: read_settings(folder),
        lambda: why_nothing(folder),
    )


def _make_training(folder: Path) -> Path:
    shutil.copytree(_lora(), folder / "model")
    record = TrainingRecord(
        name="mine",
        method="avem_dpo",
        base="tiny/omni",
        base_weights_hash="0" * 64,
        data="pairs",
        data_hash="0" * 64,
        examples=8,
        step=4,
        fine_tuned_on="dfew",
        held_out={"subtask": ("fold_1",)},
        config={"model": "tiny/omni"},
        versions={"torch": "2"},
    )
    text = record.model_dump_json(by_alias=True, indent=2)
    return write(folder, f"model/{TRAINING_FILE}", text)


def _make_merged(folder: Path) -> Path:
    record = MergedRecord(label="merged", fine_tuned_on="dfew", min_pixels=784, max_pixels=3136)
    return write(folder, MERGED_FILE, record.model_dump_json(by_alias=True))


def _make_avere(name: str, folder: Path) -> Path:
    shutil.copytree(AVERE_CASE, folder, dirs_exist_ok=True)
    return folder / name


def _read_avere(file: Path) -> None:
    root = next(parent for parent in file.parents if (parent / "backbones").is_dir())
    each(
        lambda: read_config(root / "AVERE-tiny", root / "backbones"),
        lambda: hash_weights(root / "AVERE-tiny", root / "backbones"),
    )


def _make_index(folder: Path) -> Path:
    path = _make_avere("AVERE-tiny/model.safetensors", folder)
    path.rename(path.with_name("model-1.safetensors"))
    index = {"metadata": {"total_size": 1}, "weight_map": {"a": "model-1.safetensors"}}
    return write(folder, "AVERE-tiny/model.safetensors.index.json", json.dumps(index))


def _make_features(folder: Path) -> Path:
    make_processor(make_gemma_tokenizer()).save_pretrained(folder)
    return folder / "processor_config.json"


def _read_features(file: Path) -> None:
    def build(make: Any, configuration: Any) -> None:
        with told_by_library("what says how it is fed cannot be read.", file.parent):
            make(ModelFolder(file.parent, configuration, make_gemma_tokenizer(), None))

    each(
        lambda: build(gemma3n._make_builder, {"text_config": {}}),
        lambda: build(
            gemma4._make_builder,
            {
                "audio_config": {"a": 1},
                "text_config": {},
                "vision_config": {"patch_size": 16, "pooling_kernel_size": 3},
            },
        ),
    )


def _make_avere_tokenizer(folder: Path) -> Path:
    make_avere_tokenizer().save_pretrained(folder / "AVERE-tiny")
    return folder / "AVERE-tiny" / "tokenizer_config.json"


def _read_avere_tokenizer(file: Path) -> None:
    adapter: Any = create_adapter(f"avere/{file.parent}", {})
    assert adapter._tokenizer("yes")["input_ids"] is not None


def _folder_of(file: Path) -> Any:
    return SimpleNamespace(path=file.parent)


def _make_complete(folder: Path) -> Path:
    write(folder, "optimizer.pt", "state")
    return write(folder, COMPLETE_FILE, json.dumps({"optimizer.pt": "0" * 64}))


def _make_state(folder: Path) -> Path:
    state = TrainerState(
        epoch=0.5, global_step=4, max_steps=8, log_history=[{"loss": 0.5, "step": 2}]
    )
    state.save_to_json(str(folder / "trainer_state.json"))
    return folder / "trainer_state.json"


def _make_random(folder: Path) -> Path:
    states = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "cpu": torch.random.get_rng_state(),
    }
    torch.save(states, folder / "rng_state.pth")
    return folder / "rng_state.pth"


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    python, cpu = random.getstate(), torch.random.get_rng_state()
    others = np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(others)
        torch.random.set_rng_state(cpu)


def _read_random(file: Path) -> None:
    trainer: Any = SimpleNamespace(
        args=SimpleNamespace(world_size=1, process_index=0, parallel_mode=None)
    )
    with _random_numbers_kept(), readable_states(str(file.parent)):
        Trainer._load_rng_state(trainer, str(file.parent))


def _make_states(name: str, folder: Path) -> Path:
    optimizer, schedule = _optimizer()
    optimizer.step()
    schedule.step()
    torch.save(optimizer.state_dict(), folder / "optimizer.pt")
    torch.save(schedule.state_dict(), folder / "scheduler.pt")
    return folder / name


def _optimizer() -> tuple[Any, Any]:
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    optimizer = torch.optim.AdamW([weight])
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)


def _read_states(file: Path) -> None:
    optimizer, schedule = _optimizer()
    trainer: Any = SimpleNamespace(
        args=SimpleNamespace(world_size=1, device=torch.device("cpu")),
        is_deepspeed_enabled=False,
        is_fsdp_xla_v1_enabled=False,
        is_fsdp_enabled=False,
        optimizer=optimizer,
        lr_scheduler=schedule,
    )
    with readable_states(str(file.parent)):
        Trainer._load_optimizer_and_scheduler(trainer, str(file.parent))


def _make_metrics(folder: Path) -> Path:
    write_metrics(
        folder / "metrics.jsonl",
        [{"step": 1, "loss": 0.5, "text_gap_sample": 0.1}, {"step": 2, "loss": 0.4}],
    )
    return folder / "metrics.jsonl"


PARSERS = (
    Parser(
        "weights in safetensors",
        "safetensors",
        _make_tensors,
        _read_tensors,
        tuple(
            f"{_LOCAL}.file_faults:{one}" for one in ("read_weights", "weight_shapes", "find_fault")
        ),
    ),
    Parser(
        "weights in pickle",
        "bytes",
        _make_pickled,
        _read_pickled,
        (f"{_LOCAL}.avere.weights:_read_weights",),
    ),
    Parser(
        "JSON of a checkpoint",
        "json",
        lambda folder: write(folder, "config.json", json.dumps({"a": [1, {"b": 2.5}]})),
        read_json_object,
        (f"{_LOCAL}.file_faults:read_json", f"{_LOCAL}.file_faults:read_json_object"),
    ),
    Parser(
        "configuration of a model",
        "json",
        partial(_make_small_copy, _thinker, "config.json"),
        _read_model,
        (f"{_LOCAL}.model_folder:read_configuration",),
        is_slow=True,
    ),
    Parser(
        "tokenizer of a model",
        "json",
        partial(_make_small_copy, _thinker, "tokenizer_config.json"),
        _read_tokenizer,
        (f"{_LOCAL}.hf:HfAdapter._opened",),
        is_slow=True,
    ),
    Parser(
        "files of a model, hashed",
        "json",
        partial(_make_small_copy, _thinker, "generation_config.json"),
        lambda file: hash_model(file.parent),
        (f"{_LOCAL}.model_folder:hash_model",),
    ),
    Parser(
        "record of a merge",
        "json",
        _make_merged,
        lambda file: read_merged(file.parent),
        (f"{_LOCAL}.model_folder:read_merged",),
    ),
    Parser(
        "configuration of an adapter",
        "json",
        partial(_make_copy, _lora, "adapter_config.json"),
        _read_adapter,
        tuple(
            f"{_LOCAL}.{one}"
            for one in ("lora:read_lora", "lora_faults:read_settings", "lora_faults:why_nothing")
        ),
    ),
    Parser(
        "record of a training",
        "json",
        _make_training,
        _read_adapter,
        (f"{_LOCAL}.lora:read_training",),
    ),
    *(
        Parser(
            f"configuration of AVERE, {name}",
            "json",
            partial(_make_avere, name),
            _read_avere,
            (f"{_LOCAL}.avere.weights:read_config",),
            is_slow=True,
        )
        for name in (
            "AVERE-tiny/config.json",
            "backbones/whisper-large-v3/config.json",
            "backbones/LanguageBind_Video_merge/config.json",
        )
    ),
    Parser(
        "index of split weights",
        "json",
        _make_index,
        _read_avere,
        (f"{_LOCAL}.avere.weights:_weight_files",),
        is_slow=True,
    ),
    Parser(
        "tokenizer of AVERE",
        "json",
        _make_avere_tokenizer,
        _read_avere_tokenizer,
        (f"{_LOCAL}.avere.adapter:AvereAdapter._tokenizer",),
    ),
    Parser(
        "features of a processor",
        "json",
        _make_features,
        _read_features,
        tuple(f"{_LOCAL}.gemma.{one}:_make_builder" for one in ("gemma3n", "gemma4")),
        is_slow=True,
    ),
    Parser(
        "colours of a processor",
        "json",
        lambda folder: write(
            folder,
            "preprocessor_config.json",
            json.dumps({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}),
        ),
        lambda file: _read_normalisation(_folder_of(file)),
        (f"{_LOCAL}.qwen_omni.qwen3_omni:_read_normalisation",),
    ),
    Parser(
        "tokens of a frame",
        "json",
        lambda folder: write(
            folder,
            "processor_config.json",
            json.dumps({"video_processor": {"max_soft_tokens": 70}}),
        ),
        lambda file: _read_frame_tokens(_folder_of(file)),
        (f"{_LOCAL}.gemma.gemma4:_read_frame_tokens",),
    ),
    Parser(
        "hashes of a checkpoint",
        "json",
        _make_complete,
        lambda file: damaged_files(file.parent),
        ("emoreal_bench.model_adapters.local.file_faults:damaged_files",),
    ),
    Parser(
        "steps of a checkpoint",
        "json",
        _make_state,
        lambda file: check_record(file.parent),
        (f"{_TRAINING}.outputs.checkpoint_states:_read",),
    ),
    Parser(
        "random numbers of a checkpoint",
        "bytes",
        _make_random,
        _read_random,
        (f"{_TRAINING}.outputs.checkpoint_states:readable_states",),
    ),
    *(
        Parser(
            f"{name} of a checkpoint",
            "bytes",
            partial(_make_states, name),
            _read_states,
            (f"{_TRAINING}.outputs.checkpoint_states:_refuse_other_forms",),
        )
        for name in ("optimizer.pt", "scheduler.pt")
    ),
    Parser(
        "metrics of a training",
        "lines",
        _make_metrics,
        lambda file: write_curves(file.parent, read_metrics(file)),
        (f"{_TRAINING}.objectives.metrics:read_metrics",),
    ),
)
