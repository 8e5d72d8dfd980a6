"""What both sides of the training benchmark share: a model, pairs, settings and the meter.

The small shape keeps the proportions of Qwen2.5-Omni-7B that decide the ratio:
twelve prompt tokens to one of an answer, towers of a tenth of the language
model each, a vocabulary of a thirteenth.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)
from transformers import (
    PreTrainedTokenizerBase,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    TrainerCallback,
    TrainingArguments,
)

from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.model_adapters.built_in import tiny_network

BETA = 0.1
RANK, ALPHA = 8, 16
LEARNING_RATE = 1e-4
QUESTION = "Which visual cue shows that the person feels angry? Answer in a sentence."
_SAMPLE_RATE = 16_000
_ROTATION: dict[str, Any] = {"rope_type": "default", "rope_theta": 1e6}


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the model and of what it is asked.

    Attributes:
        language: Settings of the language model.
        vision: Settings of the vision tower.
        audio: Settings of the audio tower.
        frame: Height and width of the frames in pixels.
        seconds: Length of the sound.
        answer_words: About as many tokens.
        dtype: Of the weights and the arithmetic.
    """

    language: Mapping[str, Any]
    vision: Mapping[str, Any]
    audio: Mapping[str, Any]
    frame: tuple[int, int]
    seconds: float
    answer_words: int
    dtype: torch.dtype

    @property
    def pixels(self) -> int:
        """Pixels of a frame."""
        return self.frame[0] * self.frame[1]


SHAPES: Mapping[str, Shape] = {
    "small": Shape(
        language={
            "hidden_size": 256,
            "intermediate_size": 1024,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "vocab_size": 1024,
            "rope_parameters": _ROTATION | {"mrope_section": [8, 12, 12]},
        },
        vision={"depth": 3, "hidden_size": 96, "intermediate_size": 256, "num_heads": 4},
        audio={"d_model": 112, "encoder_layers": 2, "encoder_ffn_dim": 384},
        frame=(168, 224),
        seconds=1.25,
        answer_words=12,
        dtype=torch.float32,
    ),
    "7b": Shape(
        language={
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152_064,
            "rope_parameters": _ROTATION | {"mrope_section": [16, 24, 24]},
        },
        vision={"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16},
        audio={"d_model": 1280, "encoder_layers": 32, "encoder_ffn_dim": 5120},
        frame=(336, 448),
        seconds=5.0,
        answer_words=40,
        dtype=torch.bfloat16,
    ),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its answers and the input that makes them wrong."""

    given: Request
    altered: Request
    chosen: str
    hallucination: str
    spurious: str


@dataclass(frozen=True, slots=True)
class Work:
    """What one side is to do.

    Attributes:
        shape: Of the model and the pairs.
        model: Folder of the model.
        pairs: The pairs.
        batch_size: Pairs per step.
        epoch: Steps of an epoch; there are two, one to count arithmetic and one to time.
        device: Where.
        scratch: Folder for files.
    """

    shape: Shape
    model: Path
    pairs: tuple[Pair, ...]
    batch_size: int
    epoch: int
    device: str
    scratch: Path

    def arguments(self, **options: Any) -> dict[str, Any]:
        """Give what both sides tell their trainer."""
        return {
            "output_dir": str(self.scratch),
            "max_steps": 2 * self.epoch,
            "per_device_train_batch_size": self.batch_size,
            "learning_rate": LEARNING_RATE,
            "gradient_checkpointing": False,
            "bf16": False,
            "remove_unused_columns": False,
            "save_strategy": "no",
            "logging_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "use_cpu": self.device == "cpu",
            "seed": 0,
            **options,
        }


def make_model(shape: Shape, folder: Path) -> None:
    """Write the folder of a Thinker with random weights."""
    tokenizer = tiny_network.make_tokenizer()
    torch.manual_seed(0)
    network: Any = Qwen2_5OmniThinkerForConditionalGeneration(make_configuration(shape))
    network.to(shape.dtype)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_configuration(shape: Shape) -> Qwen2_5OmniThinkerConfig:
    """Give the configuration of a Thinker; its tokenizer is that of ``tiny/omni``."""
    tokenizer = tiny_network.make_tokenizer()
    settings = tiny_network.settings(tokenizer)
    width = shape.language["hidden_size"]
    head = width // shape.language["num_attention_heads"]
    settings["text_config"] |= {**shape.language, "head_dim": head}
    settings["vision_config"] |= {
        **shape.vision,
        "temporal_patch_size": 2,
        "out_hidden_size": width,
        "fullatt_block_indexes": (7, 15, 23, 31) if shape.vision["depth"] > 8 else (2,),
    }
    heads = {"encoder_attention_heads": 4 if shape.audio["d_model"] < 1280 else 20}
    settings["audio_config"] |= {**shape.audio, **heads, "output_dim": width}
    return Qwen2_5OmniThinkerConfig(**settings)


def make_pairs(shape: Shape, count: int) -> tuple[Pair, ...]:
    """Make pairs over clips of noise; of every second the sound is altered, else the picture."""
    clips = [_make_clip(shape, seed) for seed in range(count + 1)]
    return tuple(_make_pair(shape, number, clips) for number in range(count))


def _make_pair(shape: Shape, number: int, clips: list[ClipMedia]) -> Pair:
    own, partner = clips[number], clips[number + 1]
    generator = np.random.default_rng(1000 + number)
    answers = [_make_answer(shape, generator) for _ in range(3)]
    given = _ask(number, own, own)
    altered = _ask(number, own, partner) if number % 2 else _ask(number, partner, own)
    return Pair(given, altered, *answers)


def _make_answer(shape: Shape, generator: np.random.Generator) -> str:
    words = ["smile", "frown", "tears", "eyes", "mouth", "voice", "loud", "face", "person", "sound"]
    return " ".join(generator.choice(words, shape.answer_words).tolist())


def _ask(number: int, seen: ClipMedia, heard: ClipMedia) -> Request:
    parts = (VideoPart("seen"), AudioPart("heard"), TextPart(QUESTION))
    return Request(
        id=str(number),
        messages=(Message("user", parts),),
        settings=GenerationSettings(),
        clips={"seen": seen, "heard": heard},
    )


def without_clips(request: Request) -> Request:
    """Leave the words of a request."""
    return replace(request, messages=(Message("user", (TextPart(QUESTION),)),), clips={})


def _make_clip(shape: Shape, seed: int) -> ClipMedia:
    generator = np.random.default_rng(seed)
    sound = generator.uniform(-0.5, 0.5, round(shape.seconds * _SAMPLE_RATE))
    return ClipMedia(
        key=f"noise {seed}",
        path=None,
        frames=generator.integers(0, 256, (8, *shape.frame, 3), dtype=np.uint8),
        timestamps=tuple(shape.seconds * place / 7 for place in range(8)),
        waveform=sound.astype(np.float32),
        sample_rate=_SAMPLE_RATE,
        duration=shape.seconds,
    )


# The library leaves them untyped.
_count_forward: Any = sdpa_flop_count
_count_backward: Any = sdpa_backward_flop_count


def _count_attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    return int(_count_forward(query, *_repeat_heads(query, key, value)))


def _count_attention_backward(
    gradient: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any
) -> int:
    return int(_count_backward(gradient, query, *_repeat_heads(query, key, value)))


def _repeat_heads(query: Any, *grouped: Any) -> list[Any]:
    """Give keys and values as many heads as there are queries: the arithmetic is the same."""
    return [(*shape[:1], query[1], *shape[2:]) for shape in grouped]


def _count_added_product(_added: Any, left: Any, right: Any, *_: Any, **__: Any) -> int:
    return int(2 * left[0] * left[1] * right[1])


# The library counts attention on GPUs alone, and only where no heads share keys and values;
# and it does not take a product whose result is of another type.
FORMULAS = {
    torch.ops.aten.addmm: _count_added_product,
} | {
    operation: count
    for end, count in (("", _count_attention), ("_backward", _count_attention_backward))
    for operation in (
        getattr(torch.ops.aten, f"_scaled_dot_product_{kind}{end}")
        for kind in (
            "flash_attention_for_cpu",
            "flash_attention",
            "efficient_attention",
            "cudnn_attention",
        )
    )
}


class Meter(TrainerCallback):
    """Counts the arithmetic of the first epoch, and measures time and memory of the second."""

    def __init__(self, work: Work):
        self._device = work.device
        self._epoch = work.epoch
        # Its ways in and out are untyped in the library.
        self._counter: Any = FlopCounterMode(display=False, custom_mapping=FORMULAS)
        self._started = 0.0
        self._resting = 0
        self._steps = 0
        self.flops = 0
        self.seconds = 0.0
        self.peak_bytes = 0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Begin to count."""
        self._resting = self._rest()
        self._counter.__enter__()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Go over to the second epoch, or end it."""
        self._steps += 1
        if self._steps == self._epoch:
            self._counter.__exit__(None, None, None)
            self.flops = self._counter.get_total_flops()
            self._started = self._now()
        elif self._steps == 2 * self._epoch:
            self.seconds = self._now() - self._started
            self.peak_bytes = self._peak() - self._resting

    def _now(self) -> float:
        if self._device == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def _rest(self) -> int:
        if self._device != "cpu":
            torch.cuda.reset_peak_memory_stats()
            return torch.cuda.memory_allocated()
        reset = Path("/proc/self/clear_refs")
        if sys.platform == "linux" and reset.exists():
            # Lets the high-water mark begin anew, without what loading took.
            reset.write_text("5")
        return _resident("VmRSS")

    def _peak(self) -> int:
        return _resident("VmHWM") if self._device == "cpu" else torch.cuda.max_memory_allocated()


def _resident(field: str) -> int:
    """Read this process's memory in bytes; where there is no such file, its highest so far."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = status.read_text(encoding="ascii").splitlines()
    line = next(line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def hf_arguments(shape: Shape) -> dict[str, str]:
    """Give the model's arguments for which frames stay as large as they are."""
    return {"min_pixels": str(28 * 28), "max_pixels": str(shape.pixels)}


def make_training_arguments(work: Work) -> TrainingArguments:
    """Give the settings of transformers' trainer."""
    return TrainingArguments(**work.arguments(label_names=[]))


def load_tokenizer(work: Work) -> PreTrainedTokenizerBase:
    """Load the tokenizer of the model."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(work.model)
    return tokenizer
