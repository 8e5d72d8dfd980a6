"""Everything of a training before its first step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from transformers import TrainingArguments

from emoreal_bench.contracts.base import argument_text
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.contracts.training_record import TrainingRecord
from emoreal_bench.media_cache.store import GIGABYTE, MediaCache, MediaCacheSettings
from emoreal_bench.model_adapters.local.lora import read_training
from emoreal_bench.training.config import (
    Hardware,
    ReferenceSource,
    Sharding,
    TaskEvaluation,
    TrainingConfig,
)
from emoreal_bench.training.examples.batches import PromptMaker, References
from emoreal_bench.training.examples.data import (
    TrainingData,
    load_training_data,
    refuse_evaluated_clips,
)
from emoreal_bench.training.examples.decoded_clips import DecodedClips
from emoreal_bench.training.objectives.methods import Objective, check_examples, make_objective
from emoreal_bench.training.objectives.references import ReferenceCollector
from emoreal_bench.training.objectives.text_gap import TextGapMeter
from emoreal_bench.training.observer import TrainingObserver
from emoreal_bench.training.outputs.card import make_record
from emoreal_bench.training.outputs.statistics import TrainingStatistics, measure_statistics
from emoreal_bench.training.trainable import TrainableModel, load_trainable
from emoreal_bench.training.trainer import make_arguments, shard_by_layers

ClipsOf = Callable[[TaskEvaluation], Mapping[str, Clip]]
"""Gives the clips that an evaluation asks about."""

_logger = logging.getLogger(__name__)

_MEBIBYTE = 1 << 20
_TENSORBOARD = "tensorboard"
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Preparation:
    """A training that is ready to begin.

    Attributes:
        config: As the user wrote it.
        data: What is trained on.
        objective: The method.
        arguments: Of the Trainer; they know the device and the other processes.
        trainable: The model with its adapter.
        maker: Makes the prompts.
        record: What the adapter will say of its training.
        meter: Of the text gap; None for supervised training.
        steps: Of the whole training.
    """

    config: TrainingConfig
    data: TrainingData
    objective: Objective
    arguments: TrainingArguments
    trainable: TrainableModel
    maker: PromptMaker
    record: TrainingRecord
    meter: TextGapMeter | None
    steps: int

    def measure(self) -> TrainingStatistics:
        """Count what will be computed, and measure the text gap of the model as it is.

        Raises:
            DataError: If a clip cannot be decoded, or the model cannot take a prompt.
        """
        statistics = measure_statistics(
            self.data,
            self.trainable,
            self.objective,
            self.maker,
            steps=self.steps,
            examples_per_step=_examples_per_step(self.config, self.arguments),
        )
        if self.meter is None:
            return statistics
        device = self.arguments.device
        with torch.no_grad():
            gap = self.meter.measure(lambda packed: self.trainable.network(packed.to(device)))
        return statistics.model_copy(update={"text_gap": gap})

    def collect_references(self, observer: TrainingObserver) -> dict[str, References] | None:
        """Compute the reference's log-probabilities or read them from the cache.

        Returns:
            By example; None where they are computed in every step or not needed.

        Raises:
            DataError: If a clip cannot be decoded, or the model cannot take a prompt.
        """
        options, arguments = self.config.reference, self.arguments
        if not self.objective.needs_reference or options.source is ReferenceSource.COMPUTED:
            return None
        from platformdirs import user_cache_path

        folder = options.folder or user_cache_path("emoreal-bench") / "references"
        collector = ReferenceCollector(
            self.trainable,
            self.objective,
            self.maker,
            folder / self.trainable.reference_hash,
            self.config.optimization.batch_size,
            arguments.device,
        )
        share = self.data.examples[arguments.process_index :: arguments.world_size]
        with observer.count("reference") as progress:
            collector.fill(share, progress)
        if arguments.world_size > 1:
            torch.distributed.barrier()
        return collector.read(self.data.examples)


def prepare_training(config: TrainingConfig, clips_of: ClipsOf) -> Preparation:
    """Read the data, load the model, and refuse what cannot be trained.

    Args:
        config: Of the training.
        clips_of: Gives the clips of an evaluation, none of which may be trained on.

    Raises:
        DataError: If the data is not valid or does not suit the method.
        UsageError: If the model, the task or an adapter does not exist or fit.
    """
    data = load_training_data(config)
    check_examples(config.method, data.examples)
    if config.evaluation is not None:
        for evaluation in (config.evaluation.task, config.evaluation.guard):
            if evaluation is not None:
                refuse_evaluated_clips(data, clips_of(evaluation), evaluation.name)
    arguments = make_arguments(config, _trackers(config))
    _check_hardware(config, arguments)
    trainable = _load_model(config, arguments)
    shard_by_layers(arguments, trainable.network)
    objective = make_objective(config.method, config.optimization.seed)
    clips = DecodedClips(
        data.clips,
        data.clip_hashes,
        config.media,
        config.hardware.decoded_mebibytes * _MEBIBYTE,
        config.max_clip_seconds,
        _media_cache(config.hardware),
    )
    maker = PromptMaker(clips, alters_both=objective.alters_both)
    start = None if config.lora.start is None else read_training(config.lora.start)
    batch_size = config.optimization.batch_size
    return Preparation(
        config=config,
        data=data,
        objective=objective,
        arguments=arguments,
        trainable=trainable,
        maker=maker,
        record=make_record(config, data, trainable.description, start),
        meter=TextGapMeter(trainable, maker, data.examples, config.method, batch_size)
        if objective.needs_reference
        else None,
        steps=_count_steps(config, len(data.examples), arguments.world_size),
    )


def _media_cache(hardware: Hardware) -> MediaCache | None:
    if hardware.media_cache is None:
        return None
    room = round(hardware.media_cache_gb * GIGABYTE)
    return MediaCache(MediaCacheSettings(hardware.media_cache, room), _logger.warning)


def _check_hardware(config: TrainingConfig, arguments: TrainingArguments) -> None:
    if config.hardware.device == "cuda" and arguments.device.type != "cuda":
        raise UsageError(
            "There is no GPU that torch can use.",
            where="hardware.device",
            remedy="Set it to auto or cpu, or install a torch that knows the GPU.",
        )
    if config.hardware.sharding is Sharding.FULL and arguments.world_size == 1:
        raise UsageError(
            "Sharding needs more than one process.",
            where="hardware.sharding",
            remedy="Set it to none, or start the command on several GPUs through torchrun.",
        )


def _load_model(config: TrainingConfig, arguments: TrainingArguments) -> TrainableModel:
    hardware, device = config.hardware, arguments.device
    usual = "float32" if device.type == "cpu" else "bfloat16"
    trainable = load_trainable(
        config.model,
        {key: str(argument_text(value)) for key, value in config.model_arguments.items()},
        config.lora,
        # Of several processes on the processor each would have a number of its own.
        device="cpu" if device.type == "cpu" else device,
        dtype=_DTYPES[usual if hardware.dtype == "auto" else hardware.dtype],
        gradient_checkpointing=hardware.gradient_checkpointing,
        media_cache_bytes=hardware.encoded_mebibytes * _MEBIBYTE,
    )
    trainable.keep_prepared(hardware.prepared_mebibytes * _MEBIBYTE)
    return trainable


def _trackers(config: TrainingConfig) -> list[str]:
    has_tensorboard = find_spec(_TENSORBOARD) is not None
    return list(dict.fromkeys([*config.trackers, *([_TENSORBOARD] if has_tensorboard else [])]))


def _examples_per_step(config: TrainingConfig, arguments: TrainingArguments) -> int:
    processes: int = arguments.world_size
    return config.optimization.batch_size * config.optimization.accumulation * processes


def _count_steps(config: TrainingConfig, examples: int, processes: int) -> int:
    """Count the steps as the Trainer does: the last one of an epoch may be smaller."""
    steps = config.optimization
    if steps.max_steps is not None:
        return steps.max_steps
    batches = math.ceil(examples / (steps.batch_size * processes))
    return steps.epochs * math.ceil(batches / steps.accumulation)
