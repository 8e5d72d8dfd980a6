"""Model folders of a Qwen2.5-Omni at tiny size, with a tokenizer, for tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from emoreal_bench.model_adapters.built_in import tiny_network

# Arguments of ``hf/`` with which these folders give what ``tiny/omni`` gives.
PIXELS = {
    "min_pixels": str(tiny_network.FRAME_SETTINGS.min_pixels),
    "max_pixels": str(tiny_network.FRAME_SETTINGS.max_pixels),
    "dtype": "float32",
    "device": "cpu",
}


def make_thinker_folder(folder: Path) -> Path:
    """Make the folder that saving a Thinker leaves."""
    tokenizer = tiny_network.make_tokenizer()
    tiny_network.make_network(tiny_network.settings(tokenizer), seed=0).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_whole_folder(thinker: Path, folder: Path) -> Path:
    """Make a folder as published: Thinker and Talker in one, under the older weight names."""
    shutil.copytree(thinker, folder, dirs_exist_ok=True)
    weights = load_file(thinker / "model.safetensors")
    published = {f"thinker.{name}": weight for name, weight in weights.items()}
    published["talker.embedding.weight"] = torch.zeros(7, 3)
    save_file(published, folder / "model.safetensors", metadata={"format": "pt"})
    configuration = json.loads((thinker / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({"model_type": "qwen2_5_omni", "thinker_config": configuration})
    )
    return folder
