"""Loads AVERE-7B from the folders that its authors publish it in.

The checkpoint holds the language model and the projectors. The towers come
from their own folders under ``backbones``, as in the authors' loader, which
passes over copies of them in the checkpoint (they are frozen in training). The
image tower is never used for clips and not loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from huggingface_hub import save_torch_state_dict
from transformers import Blip2QFormerConfig, CLIPVisionConfig, LlamaConfig, WhisperConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.identity import hash_json
from emoreal_bench.model_adapters.local.avere.network import AvereConfig, AvereNetwork
from emoreal_bench.model_adapters.local.file_faults import (
    read_json_object,
    read_parts,
    read_weights,
    refuse_emptied,
    refuse_fault,
    told_by_library,
)
from emoreal_bench.model_adapters.local.model_folder import hash_readable

VIDEO_BACKBONE = "LanguageBind_Video_merge"
SPEECH_BACKBONE = "whisper-large-v3"
QFORMER_BACKBONE = "bert-base-uncased"
# From the authors' code; the checkpoint's configuration does not name it.
QFORMER_LAYERS = 2
DEFAULT_MAX_TOKENS = 3072

_LAYER = re.compile(r"^layers\.(\d+)\.")
_LANGUAGE_KEYS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)
_VIDEO_KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_channels",
    "image_size",
    "patch_size",
    "hidden_act",
    "layer_norm_eps",
)
_QFORMER_KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "hidden_act",
    "layer_norm_eps",
)
# In the checkpoint, and nothing that the network learns or needs.
_DROPPED_STARTS = ("model.image_tower.", "model.video_tower.", "model.speech_tower.")
_DROPPED_ENDS = ("rotary_emb.inv_freq", "position_ids")
_RENAMED = (
    ("model.mm_projector.", "video_projector."),
    ("model.speech_projector.ln_speech.", "speech_projector.norm."),
    ("model.speech_projector.speech_query_tokens", "speech_projector.query"),
    ("model.speech_projector.speech_proj.", "speech_projector.projection."),
    ("model.speech_projector.speech_Qformer.bert.", "speech_projector.qformer."),
)


def load_avere(
    checkpoint: Path | str,
    backbones: Path | str,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> AvereNetwork:
    """Load the network, in evaluation mode.

    Args:
        checkpoint: Folder with config.json and the weights.
        backbones: Folder with the towers' folders under their published names.
        dtype: Of the weights and the arithmetic.
        device: Where to put them.

    Raises:
        UsageError: If a file is missing or does not fit.
    """
    checkpoint, backbones = Path(checkpoint), Path(backbones)
    config = read_config(checkpoint, backbones)
    weights = {
        name: tensor.to(device, dtype)
        for folder, rename in (
            (checkpoint, _rename_checkpoint),
            (backbones / VIDEO_BACKBONE, lambda name: _rename_video(name, config.video_layers)),
            (backbones / SPEECH_BACKBONE, _rename_speech),
        )
        for name, tensor in _read_renamed(folder, rename)
    }
    # Without memory or random values first: the real weights take the places as they are.
    with torch.device("meta"):
        network = AvereNetwork(config)
    expected = set(network.state_dict())
    if expected != set(weights):
        missing, surplus = sorted(expected - set(weights)), sorted(set(weights) - expected)
        raise UsageError(
            f"the weights do not fit the network: {len(missing)} missing {missing[:3]}, "
            f"{len(surplus)} too many {surplus[:3]}.",
            where=str(checkpoint),
        )
    network.load_state_dict(weights, assign=True)
    _restore_buffers(network, device)
    network.requires_grad_(requires_grad=False)
    network.train(mode=False)
    return network


def read_config(checkpoint: Path, backbones: Path) -> AvereConfig:
    """Read the shapes of all parts.

    Raises:
        UsageError: If a configuration cannot be read or lacks an entry.
    """
    own = read_json_object(checkpoint / "config.json")
    video = read_json_object(backbones / VIDEO_BACKBONE / "config.json")
    speech = read_json_object(backbones / SPEECH_BACKBONE / "config.json")
    bert = read_json_object(backbones / QFORMER_BACKBONE / "config.json")
    try:
        with told_by_library("a configuration is not as it should be.", checkpoint):
            return _make_config(own, video["vision_config"], speech, bert)
    except UsageError as error:
        if not isinstance(error.__cause__, KeyError):
            raise
        raise UsageError(
            f"a configuration lacks {error.__cause__}.",
            where=str(checkpoint),
            remedy=f"Look into config.json there and in the folders under {backbones}.",
        ) from error


def hash_weights(checkpoint: Path, backbones: Path) -> str:
    """Hash the files that decide the answers, by their names and bytes.

    Raises:
        UsageError: If there are no weights.
    """
    towers = [backbones / name for name in (VIDEO_BACKBONE, SPEECH_BACKBONE)]
    qformer = backbones / QFORMER_BACKBONE
    own = [*checkpoint.glob("*.json"), *checkpoint.glob("*.model")]
    parts = {
        "checkpoint": hash_readable([*_weight_files(checkpoint), *own], checkpoint),
        QFORMER_BACKBONE: hash_readable([qformer / "config.json"], qformer),
    }
    for tower in towers:
        parts[tower.name] = hash_readable([*_weight_files(tower), tower / "config.json"], tower)
    return hash_json(parts)


def save_weights(network: AvereNetwork, checkpoint: Path, out: Path) -> None:
    """Write a checkpoint's weights as they are in the network now, in safetensors.

    Args:
        network: Loaded from ``checkpoint`` and changed since.
        checkpoint: Gives the published names, and what the network leaves out.
        out: Folder for the files.
    """
    own = network.state_dict()
    weights = {}
    for file in _weight_files(checkpoint):
        for published, tensor in _read_weights(file).items():
            name = _rename_checkpoint(published)
            weights[published] = tensor if name is None else own[name].cpu()
    out.mkdir(parents=True, exist_ok=True)
    save_torch_state_dict(weights, out)


def _make_config(
    own: dict[str, Any], video: dict[str, Any], speech: dict[str, Any], bert: dict[str, Any]
) -> AvereConfig:
    attention = {"attn_implementation": "sdpa"}
    tower = CLIPVisionConfig.from_dict(_select(video, _VIDEO_KEYS) | attention)
    qformer = {
        "num_hidden_layers": QFORMER_LAYERS,
        "cross_attention_frequency": 1,
        "encoder_hidden_size": speech["d_model"],
    }
    return AvereConfig(
        language=LlamaConfig.from_dict(_select(own, _LANGUAGE_KEYS) | attention),
        video=tower,
        frames=int(video["num_frames"]),
        # Counted are the embedding and every layer's output; -2 is the last layer but one.
        video_layers=tower.num_hidden_layers + 1 + int(own["mm_vision_select_layer"]),
        speech=WhisperConfig.from_dict(speech | attention),
        qformer=Blip2QFormerConfig.from_dict(_select(bert, _QFORMER_KEYS) | qformer | attention),
        window_seconds=float(own["qformer_second_per_window"]),
        stride_seconds=float(own["qformer_second_stride"]),
        max_tokens=int(own.get("tokenizer_model_max_length", DEFAULT_MAX_TOKENS)),
    )


def _select(content: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: content[key] for key in keys if key in content}


def _rename_checkpoint(name: str) -> str | None:
    if name.startswith(_DROPPED_STARTS) or name.endswith(_DROPPED_ENDS):
        return None
    for published, own in _RENAMED:
        if name.startswith(published):
            name = own + name.removeprefix(published)
            name = name.replace("attention.self.", "attention.attention.")
            return name.replace("embeddings.LayerNorm.", "layernorm.")
    return f"language_model.{name}"


def _rename_video(name: str, layers: int) -> str | None:
    if not name.startswith("vision_model.") or name.endswith(_DROPPED_ENDS):
        return None
    name = name.removeprefix("vision_model.").removeprefix("encoder.")
    layer = _LAYER.match(name)
    if name.startswith("post_layernorm.") or (layer and int(layer[1]) >= layers):
        return None
    return f"video_tower.{name}"


def _rename_speech(name: str) -> str | None:
    name = name.removeprefix("model.")
    return f"speech_tower.{name.removeprefix('encoder.')}" if name.startswith("encoder.") else None


def _read_renamed(
    folder: Path, rename: Callable[[str], str | None]
) -> Iterator[tuple[str, torch.Tensor]]:
    for file in _weight_files(folder):
        for published, tensor in _read_weights(file).items():
            name = rename(published)
            if name is not None:
                yield name, tensor


def _read_weights(file: Path) -> Mapping[str, torch.Tensor]:
    if file.suffix == ".safetensors":
        return read_weights(file)
    refuse_fault(file)
    try:
        weights: dict[str, torch.Tensor] = torch.load(
            file, map_location="cpu", weights_only=True, mmap=True
        )
    except UnpicklingError as error:
        raise UsageError(
            "the file holds more than weights and is not read, since it could run code.",
            where=str(file),
        ) from error
    except (AttributeError, EOFError, LookupError, OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"the weights cannot be read: {error}", where=str(file)) from error
    refuse_emptied(file, {name: tuple(weight.shape) for name, weight in weights.items()})
    return weights


def _weight_files(folder: Path) -> list[Path]:
    """Find the weights: safetensors before pickled ones, whole before split."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            return [folder / file for file in read_parts(index)]
    raise UsageError(
        "there are no weights: neither model.safetensors nor pytorch_model.bin.",
        where=str(folder),
    )


def _restore_buffers(network: AvereNetwork, device: torch.device | str) -> None:
    """Compute what is in no file: the buffers that follow from the configuration."""
    rotary = LlamaRotaryEmbedding(network.config.language)
    network.language_model.model.rotary_emb = rotary.to(device)
    embeddings = network.video_tower.embeddings
    embeddings.position_ids = torch.nn.Buffer(
        torch.arange(embeddings.num_positions, device=device)[None], persistent=False
    )
