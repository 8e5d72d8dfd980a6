"""Tiny models of every family that can be trained, and prompts for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import AudioPart, Message, TextPart, VideoPart
from emoreal_bench.model_adapters.conformance.requests import QUESTION, make_clip, make_request
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.trainable import LoraSettings, TrainableModel, load_trainable
from tests import qwen3_omni_network
from tests.avere_checkpoint import make_avere_checkpoint
from tests.omni_folders import PIXELS, make_thinker_folder

FAMILIES = ("qwen2.5-omni", "qwen3-omni", "avere")
ANSWERS = ("(A) She smiles", "B", "(A) She is loud", "(B)")


@dataclass(frozen=True, slots=True)
class TinyModel:
    """A model on the disk.

    Attributes:
        name: ``provider/model``.
        arguments: Of the model.
    """

    name: str
    arguments: Mapping[str, str]

    def load(self, lora: LoraSettings | None = None, **options: bool | int) -> TrainableModel:
        """Load it for training, with weights that let the adapter say something at once."""
        arguments = {
            name: value for name, value in self.arguments.items() if name not in ("device", "dtype")
        }
        settings = lora or LoraSettings(rank=2, alpha=4)
        trainable = load_trainable(self.name, arguments, settings, **options)  # type: ignore[arg-type]  # by name
        trainable.network.train()
        return trainable


def make_tiny_model(family: str, folder: Path) -> TinyModel:
    """Make the folder of a tiny random model."""
    if family == "avere":
        return TinyModel(f"avere/{make_avere_checkpoint(folder)}", {"device": "cpu"})
    if family == "qwen2.5-omni":
        return TinyModel(f"hf/{make_thinker_folder(folder)}", PIXELS)
    return TinyModel(f"hf/{make_qwen3_folder(folder)}", make_qwen3_arguments())


def make_qwen3_folder(folder: Path) -> Path:
    """Make the folder of a Qwen3-Omni Thinker."""
    tokenizer = qwen3_omni_network.make_tokenizer()
    qwen3_omni_network.make_network(tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = qwen3_omni_network.FRAME_SETTINGS
    normalisation = {"image_mean": settings.mean, "image_std": settings.deviation}
    (folder / "preprocessor_config.json").write_text(json.dumps(normalisation))
    return folder


def make_qwen3_arguments() -> dict[str, str]:
    """Give the arguments with which that folder sees frames at its own size."""
    settings = qwen3_omni_network.FRAME_SETTINGS
    return {
        "min_pixels": str(settings.min_pixels),
        "max_pixels": str(settings.max_pixels),
        "dtype": "float32",
        "device": "cpu",
    }


def ask(
    seen: ClipMedia | None, heard: ClipMedia | None, *answers: str, question: str = QUESTION
) -> PromptWithAnswers:
    """Ask about the picture of one clip and the sound of another."""
    media = (*(() if seen is None else (VideoPart("seen"),)),)
    parts = (*media, *(() if heard is None else (AudioPart("heard"),)), TextPart(question))
    clips = {name: clip for name, clip in (("seen", seen), ("heard", heard)) if clip is not None}
    request = replace(make_request(question), messages=(Message("user", parts),), clips=clips)
    return PromptWithAnswers(request, answers or ANSWERS)


def make_prompts() -> list[PromptWithAnswers]:
    """Make what one step asks: a clip, other sound, another picture, no clip, another clip."""
    clip, partner = make_clip(1), make_clip(2, seconds=1.2)
    return [
        ask(clip, clip),
        ask(clip, partner, ANSWERS[0]),
        ask(partner, clip, ANSWERS[0]),
        ask(None, None),
        ask(partner, partner, question="Is she glad?"),
    ]


def separate(prompt: PromptWithAnswers) -> list[PromptWithAnswers]:
    """Give each answer a prompt of its own."""
    return [replace(prompt, answers=(answer,)) for answer in prompt.answers]


def take_steps(trainable: TrainableModel, prompts: list[PromptWithAnswers], steps: int = 3) -> None:
    """Train for a moment: raise the first answer above the others."""
    weights = [one for one in trainable.network.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=0.02)
    batch = trainable.prepare(prompts)
    for _ in range(steps):
        scores = trainable.network(batch)
        loss = scores[1:].sum() - scores[0]
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
