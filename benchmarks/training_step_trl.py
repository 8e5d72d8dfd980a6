"""The peer's side of the training benchmark: a naive DPO step of TRL.

TRL has no way for video and audio. It takes them where it is given the
tokenizer for a processor and a collator of one's own: then the tensors reach
the model as they are. Chosen and rejected answers are rows of their own, each
with the whole clip, as TRL wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor

from benchmarks.training_step_setup import ALPHA, BETA, RANK, Meter, Pair, Work, load_tokenizer
from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.model_adapters.local.qwen_omni.inputs import (
    TURN_END,
    ClipTensors,
    OmniInput,
    OmniInputBuilder,
    token_ids,
)

_LAYERS = r".*language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"


def measure(work: Work, *, knows_reference: bool, knows_media: bool) -> Meter:
    """Run the steps.

    Args:
        work: What to do.
        knows_reference: Let TRL compute the reference before it trains.
        knows_media: Give it the towers' results instead of the clips.
    """
    import transformers

    network = transformers.Qwen2_5OmniThinkerForConditionalGeneration.from_pretrained(
        work.model, dtype=work.shape.dtype
    )
    return measure_network(work, network, knows_reference=knows_reference, knows_media=knows_media)


# The library's classes share no base that has what is used here.
def measure_network(work: Work, network: Any, *, knows_reference: bool, knows_media: bool) -> Meter:
    """Run the steps with a network that is loaded; see :func:`measure`."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer

    collator = Collator(work, network)
    if knows_media:
        collator.encode_all()
    meter = Meter(work)
    columns = {
        "prompt": ["x"] * len(work.pairs),
        "chosen": ["x"] * len(work.pairs),
        "rejected": ["x"] * len(work.pairs),
        "number": list(range(len(work.pairs))),
    }
    trainer = DPOTrainer(
        model=network,
        args=DPOConfig(
            **work.arguments(beta=BETA, precompute_ref_log_probs=knows_reference, max_length=None)
        ),
        processing_class=load_tokenizer(work),
        train_dataset=Dataset.from_dict(columns),
        data_collator=collator,
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=_LAYERS),
        callbacks=[meter],
    )
    trainer.train()
    return meter


class Collator:
    """Makes rows of chosen, then of rejected answers."""

    # The library's classes share no base that has what is used here.
    def __init__(self, work: Work, network: Any):
        tokenizer = load_tokenizer(work)
        frames = FrameSettings(28 * 28, work.shape.pixels)
        self._tokenizer = tokenizer
        self._builder = OmniInputBuilder(
            tokenizer, frames, network.config.text_config.max_position_embeddings
        )
        self._pairs = work.pairs
        self._body = network.model.to(work.device)
        self._known: dict[int, tuple[Tensor, Tensor]] = {}
        (self._end,) = token_ids(tokenizer, (TURN_END,))

    @torch.no_grad()
    def encode_all(self) -> None:
        """Run the towers once over every clip, and let the model find what they said.

        What takes the place of the pixels is the number of the pair.
        """
        for number, pair in enumerate(self._pairs):
            one = self._build(pair)
            seen = self._body.get_video_features(
                one.videos[0].patches.to(self._body.device, self._body.dtype),
                torch.tensor([one.videos[0].grid], device=self._body.device),
            ).pooler_output[0]
            features, mask = _pad_sounds([one])
            heard = self._body.get_audio_features(
                features.to(self._body.device, self._body.dtype),
                feature_attention_mask=mask.to(self._body.device),
            ).last_hidden_state
            self._known[number] = (seen, heard)

        def find(place: int, numbers: Tensor) -> list[Tensor]:
            return [self._known[int(number)][place] for number in numbers]

        self._body.get_video_features = lambda numbers, *_, **__: SimpleNamespace(
            pooler_output=find(0, numbers)
        )
        self._body.get_audio_features = lambda numbers, *_, **__: SimpleNamespace(
            last_hidden_state=torch.cat(find(1, numbers[:, 0, 0]))
        )

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Make the tensors of a batch."""
        numbers = [int(example["number"]) for example in examples]
        pairs = [self._pairs[number] for number in numbers]
        built = [self._build(pair) for pair in pairs]
        answers = [pair.chosen for pair in pairs] + [pair.hallucination for pair in pairs]
        batch = self._rows(built * 2, answers)
        batch["video_grid_thw"] = torch.tensor([one.videos[0].grid for one in built * 2])
        batch["video_second_per_grid"] = torch.tensor(
            [one.videos[0].seconds_per_grid for one in built * 2]
        )
        features, batch["feature_attention_mask"] = _pad_sounds(built * 2)
        if self._known:
            batch["pixel_values_videos"] = torch.tensor(numbers * 2)
            batch["input_features"] = torch.tensor(numbers * 2).view(-1, 1, 1)
        else:
            patches = torch.cat([one.videos[0].patches for one in built * 2])
            batch["pixel_values_videos"], batch["input_features"] = patches, features
        if "ref_chosen_logps" in examples[0]:
            for name in ("ref_chosen_logps", "ref_rejected_logps"):
                batch[name] = torch.tensor([example[name] for example in examples])
        return batch

    def _build(self, pair: Pair) -> OmniInput:
        return self._builder.build(pair.given, ClipTensors())

    def _rows(self, built: Sequence[OmniInput], answers: Sequence[str]) -> dict[str, Tensor]:
        rows, marks = [], []
        for one, answer in zip(built, answers, strict=True):
            tokens = self._tokenizer(answer, add_special_tokens=False)["input_ids"]
            reply = [*cast("list[int]", tokens), self._end]
            rows.append(torch.tensor([*one.input_ids, *reply]))
            marks.append(torch.tensor([0] * len(one.input_ids) + [1] * len(reply)))
        pad = torch.nn.utils.rnn.pad_sequence
        return {
            "input_ids": pad(rows, batch_first=True),
            "attention_mask": pad([torch.ones_like(row) for row in rows], batch_first=True),
            "completion_mask": pad(marks, batch_first=True),
        }


def _pad_sounds(built: Sequence[OmniInput]) -> tuple[Tensor, Tensor]:
    """Give the log-mel frames of sounds, padded to the longest, and which of them are real."""
    sounds = [one.audios[0].features.T for one in built]
    mask = [torch.ones(len(sound), dtype=torch.long) for sound in sounds]
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(sounds, batch_first=True).transpose(1, 2), pad(mask, batch_first=True)
