"""This project's side of the training benchmark: an AVEm-DPO step on packed answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer

from benchmarks.training_step_setup import (
    ALPHA,
    RANK,
    Meter,
    Pair,
    Work,
    hf_arguments,
    make_training_arguments,
    without_clips,
)
from emoreal_bench.contracts.request import Request
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.examples.packing import PackedBatch
from emoreal_bench.training.objectives.losses import (
    CHOSEN,
    CHOSEN_ALTERED,
    HALLUCINATION,
    SPURIOUS,
    avem_dpo,
)
from emoreal_bench.training.objectives.reference_cache import ReferenceCache, reference_key
from emoreal_bench.training.trainable import LoraSettings, TrainableModel, load_trainable

_MEDIA_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows with the clip, without it, and the keys of the reference's values."""

    given: PackedBatch
    text: PackedBatch
    keys: tuple[str, ...]


def measure(work: Work, *, builds_cache: bool, keeps_media: bool) -> Meter:
    """Run the steps.

    Args:
        work: What to do.
        builds_cache: Compute the reference in every step, as the first epoch does; else it is
            known beforehand.
        keeps_media: Encode each clip once in all.
    """
    model = load_trainable(
        f"hf/{work.model}",
        hf_arguments(work.shape),
        LoraSettings(rank=RANK, alpha=ALPHA),
        device=work.device,
        dtype=work.shape.dtype,
        media_cache_bytes=_MEDIA_BYTES if keeps_media else 0,
    )
    return measure_model(work, model, builds_cache=builds_cache)


def measure_model(work: Work, model: TrainableModel, *, builds_cache: bool) -> Meter:
    """Run the steps with a model that is loaded; see :func:`measure`."""
    cache = ReferenceCache(work.scratch / "reference.jsonl")
    if not builds_cache:
        for start in range(0, len(work.pairs), work.batch_size):
            batch = _collate(work.pairs[start : start + work.batch_size], model)
            _compute_reference(model, batch, cache, work.device)
    meter = Meter(work)
    trainer = PackedTrainer(
        model=model.network,
        args=make_training_arguments(work),
        train_dataset=list(work.pairs),
        data_collator=lambda pairs: {"batch": _collate(pairs, model)},
        callbacks=[meter],
    )
    trainer.trainable, trainer.cache, trainer.builds_cache = model, cache, builds_cache
    trainer.model_accepts_loss_kwargs = False
    trainer.train()
    return meter


class PackedTrainer(Trainer):
    """The least trainer that takes such steps."""

    trainable: TrainableModel
    cache: ReferenceCache
    builds_cache: bool

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Compute the AVEm-DPO loss of a batch."""
        del return_outputs, num_items_in_batch
        batch: Batch = inputs["batch"]
        device = self.args.device
        if self.builds_cache:
            _compute_reference(self.trainable, batch, self.cache, str(device))
        pairs = len(batch.text.answer_counts)
        policy = _by_name(model(batch.given.to(device)), pairs)
        with torch.no_grad():
            text = _by_name(model(batch.text.to(device)), pairs)
        known = torch.tensor([self.cache.get(key) for key in batch.keys], device=device)
        losses, _terms = avem_dpo(policy, _by_name(known, pairs), text)
        return losses.mean()


def _collate(pairs: Sequence[Pair], model: TrainableModel) -> Batch:
    given, text, keys = [], [], []
    for pair in pairs:
        answers = (pair.chosen, pair.hallucination, pair.spurious)
        given.append(PromptWithAnswers(pair.given, answers))
        given.append(PromptWithAnswers(pair.altered, (pair.chosen,)))
        text.append(PromptWithAnswers(without_clips(pair.given), answers))
        keys += [_key(model, pair.given, answer) for answer in answers]
        keys.append(_key(model, pair.altered, pair.chosen))
    return Batch(model.prepare(given), model.prepare(text), tuple(keys))


def _key(model: TrainableModel, request: Request, answer: str) -> str:
    clips = {name: clip.key for name, clip in request.clips.items()}
    return reference_key(model.reference_hash, request.messages, clips, answer)


def _compute_reference(
    model: TrainableModel, batch: Batch, cache: ReferenceCache, device: str
) -> None:
    with torch.no_grad(), model.without_adapter():
        values = model.network(batch.given.to(device)).tolist()
    cache.put(dict(zip(batch.keys, values, strict=True)))


def _by_name(values: Tensor, pairs: int) -> dict[str, Tensor]:
    """Take the answers of each pair apart; without the clip there is no altered input."""
    names = (CHOSEN, HALLUCINATION, SPURIOUS, CHOSEN_ALTERED)
    return dict(zip(names, values.view(pairs, -1).T, strict=False))
